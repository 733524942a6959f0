//! Turbocat's core: workflows, plans, the scheduler and the in-memory engine.

mod definition;
mod diagnostic;
mod duration;
mod failure;
mod template;

pub use definition::*;
pub use diagnostic::{Code, Diagnostic, Diagnostics, Place, Pointer, Segment, Severity, Source};
pub use duration::{format_duration, parse_duration};
pub use failure::{FailureKind, StepFailure};
pub use template::Explanation;
