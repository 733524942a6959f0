//! How tests ask the agent.

use serde_json::{Value, json};
use turbocat_core::{AgentExecutor, AttemptRequest, StepFailure};
use turbocat_plugins::data::DataAgent;

/// What the agent answers to inputs.
pub(crate) fn ask(inputs: Value, config: Value) -> Result<Value, StepFailure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let request = AttemptRequest::new(inputs).with_config(config);
    let output = runtime.block_on(DataAgent::new().execute(request))?;
    Ok((*output.value).clone())
}

/// The result of a configuration for data.
pub(crate) fn result_of(data: Value, config: Value) -> Value {
    let shown = config.to_string();
    match ask(json!({ "data": data }), config) {
        Ok(mut output) => output["result"].take(),
        Err(failure) => panic!("{shown} failed: {failure}"),
    }
}

/// The result of one operation.
pub(crate) fn result(operation: &str, config: Value, data: Value) -> Value {
    result_of(data, json!({ "operation": operation, "operationConfig": config }))
}

/// Checks the result of one operation.
pub(crate) fn check(operation: &str, config: Value, data: Value, expected: Value) {
    let shown = format!("{operation} {config} of {data}");
    assert_eq!(result(operation, config, data), expected, "{shown}");
}

/// The failure of one operation, as kind and message.
pub(crate) fn failure(operation: &str, config: Value, data: Value) -> (String, String) {
    failure_of(json!({ "data": data }), json!({ "operation": operation, "operationConfig": config }))
}

/// The failure of a configuration, as kind and message.
pub(crate) fn failure_of(inputs: Value, config: Value) -> (String, String) {
    let shown = config.to_string();
    match ask(inputs, config) {
        Ok(output) => panic!("{shown} gave {output}"),
        Err(failure) => {
            assert!(!failure.retryable, "no other attempt would do better");
            (failure.kind.to_string(), failure.message)
        }
    }
}

/// What is wrong with a configuration as written: place, message, help.
pub(crate) fn wrong(config: Value) -> Vec<(String, String, String)> {
    let found = DataAgent::new().check(&config);
    found.into_iter().map(|bad| (bad.at, bad.message, bad.help.unwrap_or_default())).collect()
}
