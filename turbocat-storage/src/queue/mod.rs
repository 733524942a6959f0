//! The queue, as those who look after it see it: how much there is, how fast it goes, whether all
//! is well; holding claims back; what was given up.
//!
//! Nothing here claims, drives or decides: an execution is ended from outside by a commit like any
//! other.

mod view;
mod control;
mod limits;
mod count;
mod health;
mod end;
mod job;
mod dead;

pub use control::RateLimit;
pub use count::{Counts, Throughput};
pub use dead::DeadLetter;
pub use health::{Health, HealthStatus};
pub use job::{JobState, QueuedJob};
pub use limits::{ConcurrencyLimit, LimitKind};
pub use view::Queue;
