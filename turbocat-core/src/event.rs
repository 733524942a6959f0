//! The facts of an execution, in memory and as they are written down.
//!
//! In memory a step is named by two small numbers; written down, by its path in the plan, so that
//! a journal can be read by people and by later versions. A journal is written and read with
//! [`Plan::encode`](crate::Plan::encode) and [`Plan::decode`](crate::Plan::decode).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::{StepFailure, given, is_true, yes};
use crate::template::Explanation;
use crate::time::{ExecutionId, Timestamp};
use crate::usage::Usage;

/// One fact: its number, when it became true, and what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "S: Deserialize<'de>"))]
pub struct Event<S = StepRef> {
    /// Its number in the execution, from one, without gaps.
    pub seq: u64,
    /// When it became true.
    pub at: Timestamp,
    /// What became true.
    #[serde(flatten)]
    pub fact: Fact<S>,
}

/// A step instance: a step of the plan in one frame.
///
/// A frame is one opening of a body: the execution itself (frame 0), one iteration of a loop,
/// one branch of a parallel step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepRef {
    /// The frame; 0 is the execution itself.
    pub frame: u32,
    /// The step's index in the plan.
    pub step: u32,
}

/// What became true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(bound(deserialize = "S: Deserialize<'de>"))]
#[non_exhaustive]
pub enum Fact<S = StepRef> {
    /// The execution began.
    ExecutionStarted {
        /// Its name.
        execution: ExecutionId,
        /// What it was given, defaults filled in.
        inputs: Arc<Value>,
        /// Where its chance comes from: the jitter of pauses.
        seed: u64,
    },
    /// An agent was asked. The first attempt is the start of the step.
    AttemptStarted {
        /// The step.
        step: S,
        /// Which attempt, from one.
        attempt: u32,
        /// Why its guard let it pass, if it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Box<Explanation>>,
    },
    /// A loop, a parallel step, a wait or a nested workflow began.
    StepStarted {
        /// The step.
        step: S,
        /// Which attempt, from one.
        attempt: u32,
        /// What it began.
        work: Box<Work>,
        /// Why its guard let it pass, if it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Box<Explanation>>,
    },
    /// An attempt, or the nested workflow of a step, used something; how it ended follows.
    UsageRecorded {
        /// The step.
        step: S,
        /// Which attempt.
        attempt: u32,
        /// What it used.
        usage: Box<Usage>,
    },
    /// An attempt failed; there will be another.
    AttemptFailed {
        /// The step.
        step: S,
        /// Which attempt.
        attempt: u32,
        /// What went wrong.
        failure: Box<StepFailure>,
        /// When the next attempt begins.
        retry_at: Timestamp,
        /// Whether it counts for the retry policy. An attempt that was lost does not, unless the
        /// step says so.
        #[serde(default = "yes", skip_serializing_if = "is_true")]
        counts: bool,
    },
    /// An attempt was lost, and a person is asked whether there will be another.
    AttemptLost {
        /// The step.
        step: S,
        /// Which attempt.
        attempt: u32,
        /// The question.
        question: Box<str>,
    },
    /// A step completed.
    StepCompleted {
        /// The step.
        step: S,
        /// Its output.
        output: Arc<Value>,
        /// For a condition: what it decided.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<Box<Decision>>,
    },
    /// A step failed for good.
    StepFailed {
        /// The step.
        step: S,
        /// What went wrong.
        failure: Box<StepFailure>,
        /// What that means for the others.
        effect: Effect,
        /// Why there is no other attempt.
        because: Box<str>,
    },
    /// A step was not done.
    StepSkipped {
        /// The step.
        step: S,
        /// Why.
        reason: Box<SkipReason<S>>,
    },
    /// A step that was being done was stopped.
    StepCancelled {
        /// The step.
        step: S,
        /// Why.
        reason: Box<StopReason<S>>,
    },
    /// A body was opened: an iteration or a branch.
    FrameOpened {
        /// Its number, never used twice.
        frame: u32,
        /// The loop or parallel step.
        owner: S,
        /// Which item or branch, from zero.
        index: u32,
    },
    /// A body was closed.
    FrameClosed {
        /// Its number.
        frame: u32,
        /// How it ended.
        outcome: FrameOutcome,
    },
    /// A signal came in.
    SignalReceived {
        /// Its name.
        name: Box<str>,
        /// What it carried.
        payload: Arc<Value>,
    },
    /// A waiting step took the oldest kept signal of a name.
    SignalTaken {
        /// The step.
        step: S,
        /// The signal's name.
        name: Box<str>,
    },
    /// Nothing new is started until it is resumed.
    ExecutionPaused {
        /// Why.
        reason: Box<str>,
    },
    /// Steps are started again.
    ExecutionResumed,
    /// Everything that was being done is being stopped.
    CancelRequested {
        /// Why.
        reason: Box<str>,
    },
    /// The execution ended.
    ExecutionEnded {
        /// How.
        status: ExecutionStatus,
        /// What the `outputs` template gave. `None`: the map of all finished steps.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
        output: Option<Arc<Value>>,
        /// What went wrong, if something did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Box<StepFailure>>,
    },
}

/// What a step began that is not an agent's attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Work {
    /// A loop over these items.
    Loop {
        /// The items.
        items: Arc<Value>,
    },
    /// Branches side by side.
    Parallel {
        /// How many must complete.
        required: u32,
    },
    /// A wait until a moment.
    Timer {
        /// The moment.
        until: Timestamp,
    },
    /// A wait for a signal.
    Signal {
        /// Its name.
        name: Box<str>,
    },
    /// A wait for a person.
    Approval {
        /// The question.
        question: Box<str>,
    },
    /// A nested workflow.
    Child {
        /// Its execution.
        execution: ExecutionId,
        /// The workflow's name.
        workflow: Box<str>,
        /// What it is given.
        inputs: Arc<Value>,
    },
}

/// What a condition decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The result, and so the branch.
    pub result: bool,
    /// How it came about.
    pub why: Explanation,
}

/// What a failed step means for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// The body it stands in fails.
    Fail,
    /// The others go on.
    Continue,
}

/// Why a step was not done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(bound(deserialize = "S: Deserialize<'de>"))]
#[non_exhaustive]
pub enum SkipReason<S = StepRef> {
    /// No branch that leads to it was taken.
    BranchNotTaken {
        /// The condition.
        condition: S,
        /// What it would have had to be.
        branch: bool,
    },
    /// Its guard said no.
    Guard {
        /// How that came about.
        why: Explanation,
    },
    /// A step before it failed.
    Failed {
        /// The step before it.
        dependency: S,
    },
    /// A step before it was skipped.
    Skipped {
        /// The step before it.
        dependency: S,
    },
    /// The body was stopped before its turn came.
    Stopped {
        /// Why.
        reason: StopReason<S>,
    },
}

/// Why a body was stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(bound(deserialize = "S: Deserialize<'de>"))]
#[non_exhaustive]
pub enum StopReason<S = StepRef> {
    /// A step failed.
    Failure {
        /// The step.
        step: S,
    },
    /// Enough branches completed.
    Joined {
        /// The parallel step.
        step: S,
    },
    /// The step around it took too long.
    Timeout {
        /// The step around it.
        step: S,
    },
    /// The execution took too long.
    ExecutionTimeout,
    /// The execution used more than its budget.
    Budget,
    /// Somebody cancelled the execution.
    Cancel {
        /// Why.
        reason: Box<str>,
    },
}

/// How a body ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "output", rename_all = "camelCase")]
pub enum FrameOutcome {
    /// All its steps ended well enough; its output.
    Completed(Arc<Value>),
    /// One of its steps failed.
    Failed,
    /// It was stopped.
    Cancelled,
}

/// How an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExecutionStatus {
    /// Not begun.
    Pending,
    /// Being done.
    Running,
    /// All steps ended and none failed.
    Completed,
    /// A step failed.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// It took too long.
    Timeout,
}

impl ExecutionStatus {
    /// Whether nothing more will happen.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::Timeout)
    }

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Timeout => "timeout",
        }
    }
}

/// How a step stands. The last five are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StepStatus {
    /// It waits for the steps before it.
    Pending,
    /// It could begin, and waits for a free place or for the execution to be resumed.
    Ready,
    /// It is being done.
    Running,
    /// It pauses before its next attempt.
    Retrying,
    /// It waits for a moment, a signal or a person.
    Waiting,
    /// It completed.
    Completed,
    /// It failed.
    Failed,
    /// It was not done.
    Skipped,
    /// It was stopped.
    Cancelled,
    /// It took too long.
    Timeout,
}

impl StepStatus {
    /// Whether nothing more will happen to it.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Skipped | Self::Cancelled | Self::Timeout)
    }

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Waiting => "waiting",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
            Self::Timeout => "timeout",
        }
    }
}

impl<S> Fact<S> {
    /// The same fact with its steps named differently.
    pub(crate) fn try_map<T, E>(self, f: &impl Fn(S) -> Result<T, E>) -> Result<Fact<T>, E> {
        Ok(match self {
            Self::ExecutionStarted { execution, inputs, seed } => {
                Fact::ExecutionStarted { execution, inputs, seed }
            }
            Self::AttemptStarted { step, attempt, why } => {
                Fact::AttemptStarted { step: f(step)?, attempt, why }
            }
            Self::StepStarted { step, attempt, work, why } => {
                Fact::StepStarted { step: f(step)?, attempt, work, why }
            }
            Self::UsageRecorded { step, attempt, usage } => {
                Fact::UsageRecorded { step: f(step)?, attempt, usage }
            }
            Self::AttemptFailed { step, attempt, failure, retry_at, counts } => {
                Fact::AttemptFailed { step: f(step)?, attempt, failure, retry_at, counts }
            }
            Self::AttemptLost { step, attempt, question } => {
                Fact::AttemptLost { step: f(step)?, attempt, question }
            }
            Self::StepCompleted { step, output, decision } => {
                Fact::StepCompleted { step: f(step)?, output, decision }
            }
            Self::StepFailed { step, failure, effect, because } => {
                Fact::StepFailed { step: f(step)?, failure, effect, because }
            }
            Self::StepSkipped { step, reason } => {
                Fact::StepSkipped { step: f(step)?, reason: Box::new(reason.try_map(f)?) }
            }
            Self::StepCancelled { step, reason } => {
                Fact::StepCancelled { step: f(step)?, reason: Box::new(reason.try_map(f)?) }
            }
            Self::FrameOpened { frame, owner, index } => Fact::FrameOpened { frame, owner: f(owner)?, index },
            Self::FrameClosed { frame, outcome } => Fact::FrameClosed { frame, outcome },
            Self::SignalReceived { name, payload } => Fact::SignalReceived { name, payload },
            Self::SignalTaken { step, name } => Fact::SignalTaken { step: f(step)?, name },
            Self::ExecutionPaused { reason } => Fact::ExecutionPaused { reason },
            Self::ExecutionResumed => Fact::ExecutionResumed,
            Self::CancelRequested { reason } => Fact::CancelRequested { reason },
            Self::ExecutionEnded { status, output, failure } => {
                Fact::ExecutionEnded { status, output, failure }
            }
        })
    }
}

impl<S> SkipReason<S> {
    fn try_map<T, E>(self, f: &impl Fn(S) -> Result<T, E>) -> Result<SkipReason<T>, E> {
        Ok(match self {
            Self::BranchNotTaken { condition, branch } => {
                SkipReason::BranchNotTaken { condition: f(condition)?, branch }
            }
            Self::Guard { why } => SkipReason::Guard { why },
            Self::Failed { dependency } => SkipReason::Failed { dependency: f(dependency)? },
            Self::Skipped { dependency } => SkipReason::Skipped { dependency: f(dependency)? },
            Self::Stopped { reason } => SkipReason::Stopped { reason: reason.try_map(f)? },
        })
    }
}

impl<S> StopReason<S> {
    fn try_map<T, E>(self, f: &impl Fn(S) -> Result<T, E>) -> Result<StopReason<T>, E> {
        Ok(match self {
            Self::Failure { step } => StopReason::Failure { step: f(step)? },
            Self::Joined { step } => StopReason::Joined { step: f(step)? },
            Self::Timeout { step } => StopReason::Timeout { step: f(step)? },
            Self::ExecutionTimeout => StopReason::ExecutionTimeout,
            Self::Budget => StopReason::Budget,
            Self::Cancel { reason } => StopReason::Cancel { reason },
        })
    }
}
