//! Turbocat, in the ways of using it that are worth a row.

mod turbocat;

pub use turbocat::contestants;
