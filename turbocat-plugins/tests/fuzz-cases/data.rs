//! How the targets of `data` ask the agent.

use serde_json::Value;
use turbocat_core::{AgentExecutor, AttemptRequest, BadConfig, StepFailure};
use turbocat_plugins::data::DataAgent;

/// What the agent answers.
pub(crate) fn ask(inputs: Value, config: Value) -> Result<Value, StepFailure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let request = AttemptRequest::new(inputs).with_config(config);
    let output = runtime.block_on(DataAgent::new().execute(request))?;
    Ok((*output.value).clone())
}

/// What it says of a configuration.
pub(crate) fn mistakes(config: &Value) -> Vec<BadConfig> {
    DataAgent::new().check(config)
}
