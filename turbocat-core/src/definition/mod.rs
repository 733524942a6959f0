//! What a workflow is, and how it is read, built and written.

mod workflow;

mod limits;
mod tree;

mod json;
mod yaml;

pub use limits::Limits;
pub use workflow::*;
