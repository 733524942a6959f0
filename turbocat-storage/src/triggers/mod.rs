//! Triggers that are due: times of day, and who starts what then.

mod cron;
mod tick;

pub use cron::Cron;
pub use tick::{Tick, Ticker};
