//! An execution that has ended: what it gave, and how it came to it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::journal::Recorded;
use crate::event::ExecutionStatus;
use crate::failure::StepFailure;
use crate::plan::Plan;
use crate::scheduler::{Scheduler, StepExplanation, StepReport};
use crate::time::ExecutionId;
use crate::usage::Usage;

/// An execution that has ended.
pub struct Execution {
    scheduler: Scheduler,
    output: OnceLock<Arc<Value>>,
    /// How it ended, if its events do not say so.
    unbegun: Option<Unbegun>,
}

struct Unbegun {
    id: ExecutionId,
    status: ExecutionStatus,
    failure: Option<StepFailure>,
}

impl Execution {
    pub(crate) const fn new(scheduler: Scheduler) -> Self {
        Self { scheduler, output: OnceLock::new(), unbegun: None }
    }

    /// One that was ended from outside: cancelled while it waited for a worker, or given up.
    pub(crate) fn unbegun(plan: &Plan, id: ExecutionId, recorded: &Recorded) -> Self {
        let failure = recorded.error.as_deref().map(StepFailure::error);
        let unbegun = Some(Unbegun { id, status: recorded.status, failure });
        Self { scheduler: Scheduler::empty(plan), output: OnceLock::new(), unbegun }
    }

    /// Its name.
    pub const fn id(&self) -> ExecutionId {
        match &self.unbegun {
            Some(unbegun) => unbegun.id,
            None => self.scheduler.id(),
        }
    }

    /// How it ended.
    pub const fn status(&self) -> ExecutionStatus {
        match &self.unbegun {
            Some(unbegun) => unbegun.status,
            None => self.scheduler.status(),
        }
    }

    /// Whether it completed.
    pub fn is_completed(&self) -> bool {
        self.status() == ExecutionStatus::Completed
    }

    /// What it gave: the value of `outputs`, or else the outputs of all finished steps by key.
    pub fn output(&self) -> &Value {
        self.shared_output()
    }

    /// The output, to keep.
    pub(crate) fn shared_output(&self) -> &Arc<Value> {
        self.output.get_or_init(|| self.scheduler.output())
    }

    /// What went wrong, if something did.
    pub fn failure(&self) -> Option<&StepFailure> {
        match &self.unbegun {
            Some(unbegun) => unbegun.failure.as_ref(),
            None => self.scheduler.failure(),
        }
    }

    /// The output of one outermost step, if it completed.
    pub fn step_output(&self, key: &str) -> Option<&Value> {
        self.scheduler.step_output(key).map(|output| &**output)
    }

    /// How every outermost step ended, in the order of their keys.
    pub fn steps(&self) -> impl Iterator<Item = StepReport> {
        self.scheduler.steps()
    }

    /// What its attempts used, and the nested workflows it waited for.
    pub fn usage(&self) -> &Usage {
        self.scheduler.usage()
    }

    /// What the attempts of a step used, and of all steps inside it; `step` is its path in the
    /// workflow, such as `perStory.summarise`. `None` if none of them said.
    pub fn usage_of(&self, step: &str) -> Option<Usage> {
        self.scheduler.usage_of(step)
    }

    /// Why a step ended as it did.
    pub fn explain(&self, step: &str) -> Option<StepExplanation> {
        self.scheduler.explain(step)
    }
}

impl fmt::Debug for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execution")
            .field("id", &self.id())
            .field("status", &self.status())
            .field("failure", &self.failure())
            .finish_non_exhaustive()
    }
}
