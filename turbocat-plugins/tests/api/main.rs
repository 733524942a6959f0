//! The `api` agent, against a server on this machine.
#![cfg(feature = "api")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../server/mod.rs"]
mod server;

mod requests;
mod bodies;
mod auths;
mod answers;
mod statuses;
mod retries;
mod failures;
mod checking;
mod reports;
mod stopping;
mod in_workflows;
mod properties;
mod hostile;

#[path = "../fuzz-cases/api_config.rs"]
mod api_config;

use serde_json::Value;
use turbocat_core::{AgentExecutor, AttemptRequest, StepFailure, StepOutput};
use turbocat_plugins::api::ApiAgent;
use turbocat_plugins::net::Egress;

/// An agent that may reach this machine.
fn agent() -> ApiAgent {
    ApiAgent::new(Egress::builder().allow("127.0.0.1").build().unwrap())
}

async fn execute(config: Value) -> Result<StepOutput, StepFailure> {
    agent().execute(AttemptRequest::new(Value::Null).with_config(config)).await
}

/// The output of a request that succeeds.
async fn output(config: Value) -> Value {
    (*execute(config).await.unwrap().value).clone()
}

/// The failure of a request that does not.
async fn failure(config: Value) -> StepFailure {
    execute(config).await.unwrap_err()
}
