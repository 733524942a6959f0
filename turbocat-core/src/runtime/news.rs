//! What a driver hears from outside, and the tasks it holds.

use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::attempt::Outcome;
use crate::event::StepRef;
use crate::scheduler::{Approval, ChildOutcome, Input, Scheduler};
use crate::time::ExecutionId;

/// What a driver hears from outside. Small: there is room for many in the channel of each execution.
pub(crate) enum News {
    /// An attempt ended on a task of its own.
    Attempt { step: StepRef, attempt: u32, outcome: Box<Outcome> },
    /// A nested workflow ended.
    Child { execution: ExecutionId, outcome: Box<ChildOutcome> },
    /// Somebody asks for something; the answer tells whether it made a difference.
    Ask { ask: Box<Ask>, answer: oneshot::Sender<bool> },
    /// There may be letters.
    Letters,
    /// Nobody watches it any more, or there is somebody to take it up again: it may be parked now.
    Unwatched,
    /// Somebody else drives the execution now.
    TakenOver,
    /// Somebody wants to look.
    Look(Box<dyn FnOnce(&Scheduler) + Send>),
}

/// What can be asked of an execution.
pub(crate) enum Ask {
    Input(Input),
    /// A person's answer to the step of a path.
    Approve(String, Approval),
}

pub(crate) type NewsSender = mpsc::UnboundedSender<News>;

/// A task that is stopped when nobody wants it any more.
pub(crate) struct Stop(Option<AbortHandle>);

impl Stop {
    pub(crate) fn with(task: AbortHandle) -> Self {
        Self(Some(task))
    }

    /// Lets the task go on by itself.
    pub(crate) fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// A nested workflow that is being done.
pub(crate) struct Child {
    pub(crate) news: NewsSender,
    pub(crate) stop: Stop,
}
