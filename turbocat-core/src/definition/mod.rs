//! What a workflow is, and how it is read, built and written.

mod workflow;

pub use workflow::*;
