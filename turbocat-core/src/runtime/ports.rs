//! What the engine asks of its surroundings besides a place for its executions: where attempts are
//! done, where secrets come from. Both are optional.

use async_trait::async_trait;

use crate::agent::{AttemptRequest, StepOutput};
use crate::failure::StepFailure;

/// Does attempts somewhere else than in the driver's own process: in a queue, on another machine.
#[async_trait]
pub trait Dispatch: Send + Sync + 'static {
    /// Has an attempt done by the agent of that name. Dropping the future must stop it.
    async fn dispatch(&self, agent: &str, request: AttemptRequest) -> Result<StepOutput, StepFailure>;
}

/// Knows secrets by name. They are asked for inside an attempt and never written down.
#[async_trait]
pub trait Secrets: Send + Sync + 'static {
    /// The secret of that name, if there is one.
    async fn secret(&self, name: &str) -> Option<String>;
}
