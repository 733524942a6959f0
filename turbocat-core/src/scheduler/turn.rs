//! What goes into the scheduler and what comes out.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::event::{Event, ExecutionStatus, StepRef};
use crate::failure::StepFailure;
use crate::time::{ExecutionId, Timestamp};
use crate::usage::Usage;

/// Something that happened to an execution.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Input {
    /// An attempt completed.
    AttemptCompleted {
        /// The step.
        step: StepRef,
        /// Which attempt; any but the current one is ignored.
        attempt: u32,
        /// What the agent answered.
        output: Arc<Value>,
    },
    /// What the current attempt of a step used. Comes before its end, and is answered together with
    /// it: nothing begins or stops because of this alone.
    AttemptUsed {
        /// The step.
        step: StepRef,
        /// Which attempt; any but the current one is ignored.
        attempt: u32,
        /// What it used.
        usage: Box<Usage>,
    },
    /// An attempt failed, or took longer than its time limit.
    AttemptFailed {
        /// The step.
        step: StepRef,
        /// Which attempt; any but the current one is ignored.
        attempt: u32,
        /// What went wrong.
        failure: StepFailure,
    },
    /// Whoever did the attempt went away. It may or may not have acted: the step's `onLost` says
    /// what happens.
    AttemptLost {
        /// The step.
        step: StepRef,
        /// Which attempt; any but the current one is ignored.
        attempt: u32,
    },
    /// Time passed: [`Turn::wake_at`] was reached.
    Timer,
    /// A signal for a waiting step; kept if no step waits for it yet. One more than can be kept,
    /// or with a payload too deeply nested to be recorded, is ignored.
    Signal {
        /// Its name.
        name: Box<str>,
        /// What it carries.
        payload: Arc<Value>,
    },
    /// A person's answer to a step that waits for one: an approval, or a step that lost an attempt
    /// and asks whether to begin another.
    Approval {
        /// The step.
        step: StepRef,
        /// The answer.
        approval: Approval,
    },
    /// A nested workflow ended.
    ChildEnded {
        /// Its execution.
        execution: ExecutionId,
        /// How it ended.
        outcome: ChildOutcome,
    },
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
}

/// A person's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approval {
    /// Yes or no.
    pub approved: bool,
    /// Who said it.
    pub by: Option<String>,
    /// What they added.
    pub comment: Option<String>,
}

impl Approval {
    /// Yes.
    pub fn yes() -> Self {
        Self { approved: true, ..Self::default() }
    }

    /// No.
    pub fn no() -> Self {
        Self::default()
    }

    /// The same, said by somebody.
    #[must_use]
    pub fn by(mut self, who: impl Into<String>) -> Self {
        self.by = Some(who.into());
        self
    }

    /// The same, with a remark.
    #[must_use]
    pub fn comment(mut self, remark: impl Into<String>) -> Self {
        self.comment = Some(remark.into());
        self
    }

    /// What stands in an output or a failure for programs to read.
    pub(super) fn output(&self, at: Option<Timestamp>, timed_out: bool) -> Value {
        json!({
            "approved": self.approved,
            "at": at.map(|at| at.to_string()),
            "by": self.by,
            "comment": self.comment,
            "timedOut": timed_out,
            "waited": true,
        })
    }

    /// ` by …: …`: who said it and what they added, for the end of a sentence.
    pub(super) fn told(&self) -> String {
        let by = self.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
        let comment = self.comment.as_ref().map_or_else(String::new, |comment| format!(": {comment}"));
        by + &comment
    }
}

/// How a nested workflow ended.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildOutcome {
    /// How it ended.
    pub status: ExecutionStatus,
    /// Its output.
    pub output: Arc<Value>,
    /// What went wrong, if something did.
    pub failure: Option<StepFailure>,
    /// What it used.
    pub usage: Option<Box<Usage>>,
}

/// The answer to one input: what became true, and what is to be done about it.
///
/// Write the events down before doing the actions.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "a turn holds the work that its input asks for"]
pub struct Turn {
    /// What became true, in order.
    pub events: Vec<Event>,
    /// What is to be done now.
    pub actions: Vec<Action>,
    /// When to come back with [`Input::Timer`] at the latest, if ever.
    pub wake_at: Option<Timestamp>,
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Ask an agent: [`Scheduler::attempt`](crate::Scheduler::attempt) says which and what.
    Launch {
        /// The step.
        step: StepRef,
        /// Which attempt, from one.
        attempt: u32,
    },
    /// Stop an attempt; its answer is no longer wanted.
    Abort {
        /// The step.
        step: StepRef,
        /// Which attempt.
        attempt: u32,
    },
    /// Start a nested workflow.
    StartChild {
        /// Its execution.
        execution: ExecutionId,
        /// The workflow's name.
        workflow: Box<str>,
        /// What it is given.
        inputs: Arc<Value>,
        /// Whether its end is waited for.
        wait: bool,
    },
    /// Cancel a nested workflow.
    CancelChild {
        /// Its execution.
        execution: ExecutionId,
    },
}
