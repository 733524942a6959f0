//! The agent under test, and how tests ask it.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::sync::OnceCell;
use turbocat_core::{AgentExecutor, AttemptRequest, Level, Said, StepFailure, StepOutput, Surroundings};
use turbocat_plugins::code::CodeAgent;
use turbocat_plugins::wasm::Plugins;

/// The host all tests share: the module is compiled once.
pub(crate) async fn plugins() -> &'static Plugins {
    static PLUGINS: OnceCell<Plugins> = OnceCell::const_new();
    PLUGINS.get_or_init(|| async { host() }).await
}

fn host() -> Plugins {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let key = concat!(env!("CARGO_TARGET_TMPDIR"), "/cache.key");
    Plugins::builder().cache_dir(folder).cache_key(key).build().unwrap()
}

/// The agent all tests share, with the usual limits.
pub(crate) async fn agent() -> &'static CodeAgent {
    static AGENT: OnceCell<CodeAgent> = OnceCell::const_new();
    AGENT.get_or_init(|| async { CodeAgent::new(plugins().await).await.unwrap() }).await
}

pub(crate) async fn execute(config: Value, inputs: Value) -> Result<StepOutput, StepFailure> {
    agent().await.execute(AttemptRequest::new(inputs).with_config(config)).await
}

/// The output of the step.
pub(crate) async fn output(config: Value, inputs: Value) -> Value {
    let output = execute(config, inputs).await.unwrap();
    Arc::unwrap_or_clone(output.value)
}

/// The value of a piece of JavaScript.
pub(crate) async fn value(code: &str, inputs: Value) -> Value {
    output(json!({ "code": code }), inputs).await["returnValue"].take()
}

/// How a piece of JavaScript fails.
pub(crate) async fn failure(code: &str) -> StepFailure {
    fails(json!({ "code": code })).await
}

pub(crate) async fn fails(config: Value) -> StepFailure {
    match execute(config.clone(), json!({})).await {
        Ok(output) => panic!("{config} gave {}", output.value),
        Err(failure) => failure,
    }
}

/// A field of a failure's detail.
pub(crate) fn detail<'a>(failure: &'a StepFailure, field: &str) -> &'a Value {
    &failure.detail.as_ref().unwrap()[field]
}

/// What an attempt says while it goes on.
#[derive(Default)]
pub(crate) struct Listener {
    pub(crate) heard: Mutex<Vec<(Level, String)>>,
}

impl Surroundings for Listener {
    fn report(&self, _: &AttemptRequest, said: Said) {
        if let Said::Log { level, message, .. } = said {
            self.heard.lock().unwrap().push((level, message));
        }
    }
}
