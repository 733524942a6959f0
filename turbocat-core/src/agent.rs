//! The port through which steps get done: what an agent says of itself, is asked, and answers.

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::catalog::{AgentDescription, BadConfig};
use crate::failure::StepFailure;
use crate::output::StepOutput;
use crate::request::AttemptRequest;

/// Does the work of a step.
///
/// Closures become agents with `agent_fn`; implement this for anything that needs a
/// configuration, a connection or a state of its own.
#[async_trait]
pub trait AgentExecutor: Send + Sync + 'static {
    /// What the agent says of itself. Asked once, when it is registered.
    fn describe(&self) -> AgentDescription {
        AgentDescription::default()
    }

    /// What is wrong with a configuration. Asked when a workflow is compiled, with the configuration
    /// as written; strings may hold templates.
    fn check(&self, config: &Value) -> Vec<BadConfig> {
        let _ = config;
        Vec::new()
    }

    /// Does the work of one attempt.
    ///
    /// The future is dropped when the attempt times out or is cancelled: whatever it holds must
    /// stop then.
    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure>;

    /// As [`execute`](Self::execute), with a future that owns all it needs. Override it only if
    /// the work can be begun without holding on to the agent; closures do.
    fn begin(&self, this: &Arc<dyn AgentExecutor>, request: AttemptRequest) -> AttemptFuture {
        let this = this.clone();
        Box::pin(async move { this.execute(request).await })
    }
}

/// An attempt that is being done.
pub type AttemptFuture = Pin<Box<dyn Future<Output = Result<StepOutput, StepFailure>> + Send>>;
