//! Turbocat's core: workflows, plans, the scheduler and the in-memory engine.

mod diagnostic;
mod duration;
mod time;
mod failure;
mod definition;
mod template;
mod event;
mod catalog;
mod plan;
mod agent;
mod scheduler;
#[cfg(feature = "runtime")]
mod runtime;
#[cfg(feature = "testing")]
pub mod testing;

pub use agent::{AgentExecutor, AttemptFuture, AttemptRequest, StepOutput};
pub use catalog::{AgentDescription, AnyAgent, Catalog};
pub use definition::*;
pub use diagnostic::{Code, Diagnostic, Diagnostics, Place, Pointer, Segment, Severity, Source};
pub use duration::{format_duration, parse_duration};
pub use event::{
    Decision, Effect, Event, ExecutionStatus, Fact, FrameOutcome, SkipReason, StepRef, StepStatus,
    StopReason, Work,
};
pub use failure::{FailureKind, StepFailure};
pub use plan::{Plan, check, compile};
#[cfg(feature = "runtime")]
pub use runtime::*;
pub use scheduler::{
    Action, Approval, AttemptParts, ChildOutcome, Input, ReplayError, Scheduler, StepExplanation, StepReport,
    Turn,
};
pub use template::Explanation;
pub use time::{ExecutionId, Timestamp};
