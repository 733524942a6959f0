//! What the engine asks of its surroundings besides a place for its executions: where attempts are
//! done, where secrets come from, who hears what attempts say. All are optional.

use async_trait::async_trait;

use crate::failure::StepFailure;
use crate::output::StepOutput;
use crate::report::Report;
use crate::request::AttemptRequest;

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

/// Hears what attempts say while they are being done: logs and progress.
pub trait Observer: Send + Sync + 'static {
    /// An attempt said something. Called where the attempt is done, so it must not wait; what has to
    /// be written somewhere is better handed to a task of its own.
    fn report(&self, report: &Report);
}
