//! Turbocat as a contestant: the engine in memory, with everything it does by default.
//!
//! Empty until the engine runs. To fill it in: one `Contestant` that makes a workflow of `Case::graph` and an
//! engine in `prepare` (every step the same no-op agent that calls `Work::run_one` or `Work::run_owned`,
//! inputs by template), and a `Prepared` that calls the engine's `run` between two readings of the clock,
//! with `at_once` for `Case::executions`. `floors/looped.rs` is the shortest model.

use turbocat_core as _;

use crate::contestant::Contestant;

/// Turbocat's rows.
pub fn contestants() -> Vec<Box<dyn Contestant>> {
    Vec::new()
}
