//! Letters: what is told to an execution by somebody who does not drive it. They are kept until
//! the execution has answered them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::event::ExecutionStatus;
use crate::failure::StepFailure;
use crate::scheduler::{Approval, ChildOutcome, Input, Scheduler};
use crate::time::ExecutionId;
use crate::usage::Usage;

/// Something that an execution is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// Its name: the same letter twice is one.
    pub id: Uuid,
    /// Whom it is for.
    pub to: ExecutionId,
    /// What it says.
    pub message: Message,
}

impl Letter {
    /// A new letter.
    pub fn new(to: ExecutionId, message: Message) -> Self {
        Self { id: Uuid::now_v7(), to, message }
    }
}

/// What a letter says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Message {
    /// Stop everything and end as cancelled.
    Cancel {
        /// Why.
        reason: Box<str>,
    },
    /// Start nothing new.
    Pause {
        /// Why.
        reason: Box<str>,
    },
    /// Start steps again.
    Resume,
    /// A signal for a waiting step, or to be kept.
    Signal {
        /// Its name.
        name: Box<str>,
        /// What it carries.
        payload: Arc<Value>,
    },
    /// A person's answer to a step.
    Approval {
        /// The step's path.
        step: String,
        /// Yes or no.
        approved: bool,
        /// Who said it.
        by: Option<String>,
        /// What they added.
        comment: Option<String>,
    },
    /// A nested workflow ended.
    ChildEnded {
        /// Its execution.
        execution: ExecutionId,
        /// How it ended.
        status: ExecutionStatus,
        /// Its output.
        output: Arc<Value>,
        /// What went wrong, if something did.
        failure: Option<Box<StepFailure>>,
        /// What it used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Box<Usage>>,
    },
}

impl Message {
    pub(crate) fn approval(step: &str, approval: Approval) -> Self {
        let Approval { approved, by, comment } = approval;
        Self::Approval { step: step.to_owned(), approved, by, comment }
    }

    pub(crate) fn child_ended(execution: ExecutionId, outcome: ChildOutcome) -> Self {
        let ChildOutcome { status, output, failure, usage } = outcome;
        Self::ChildEnded { execution, status, output, failure: failure.map(Box::new), usage }
    }

    /// As an input of the execution it was sent to; `None` if it can make no difference there.
    pub(crate) fn into_input(self, scheduler: &Scheduler) -> Option<Input> {
        Some(match self {
            Self::Cancel { reason } => Input::Cancel { reason },
            Self::Pause { reason } => Input::Pause { reason },
            Self::Resume => Input::Resume,
            Self::Signal { name, payload } => Input::Signal { name, payload },
            Self::Approval { step, approved, by, comment } => {
                let approval = Approval { approved, by, comment };
                Input::Approval { step: scheduler.find(&step)?, approval }
            }
            Self::ChildEnded { execution, status, output, failure, usage } => {
                let failure = failure.map(|failure| *failure);
                let outcome = ChildOutcome { status, output, failure, usage };
                Input::ChildEnded { execution, outcome }
            }
        })
    }
}
