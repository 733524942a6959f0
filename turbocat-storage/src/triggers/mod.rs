//! Triggers that are due: times of day, and who starts what then.

mod tick;

pub use tick::{Planner, Tick, Ticker, Unplanned};
