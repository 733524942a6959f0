//! From a definition to a plan: checked once, flat, and shared by all its executions.

mod inputs;
mod moment;
mod schema;
#[expect(clippy::module_inception, reason = "the room is named after what it makes")]
mod plan;
mod graph;
mod finding;
mod layout;
mod given;
mod fit;
mod bind;
mod kinds;
mod link;
mod reach;
mod compile;
mod library;
mod export;

#[cfg(test)]
mod tests;

pub use compile::{check, compile};
#[cfg(feature = "runtime")]
pub(crate) use library::Library;
pub(crate) use moment::{duration, moment, word};
pub use plan::Plan;
pub(crate) use plan::{Bound, Gate, Kind, LoopPlan, Moment, PlanStep, Root};
