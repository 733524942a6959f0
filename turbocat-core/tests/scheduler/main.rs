//! The scheduler against a naive model of itself, against rules that must always hold, and
//! against transcripts that people have read.
//!
//! - [`sketch`] and [`drive`] make up workflows and what happens to them; [`drive`] tells the
//!   scheduler, [`model`] and [`witness`] the same and compares after every turn.
//! - [`script`] plays `tests/scripts/*.script` and compares the logs in them.
//! - `TURBOCAT_CASES=100000` makes the properties look longer.
#![expect(clippy::unwrap_used, reason = "whatever is not there fails the test")]

mod chronicle;
mod graph;
mod model;
mod witness;
mod sketch;
mod drive;
mod properties;
mod replay;
mod regressions;
mod lost;
mod script;
