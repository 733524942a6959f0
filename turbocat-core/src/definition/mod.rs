//! What a workflow is, and how it is read, built and written.

mod workflow;

mod builder;

mod limits;
mod tree;

mod json;
mod yaml;

mod decode;
mod inputs;
mod retry;
mod translate;
mod wait;

mod graph;
mod row;
mod step;

mod read;

mod places;
mod schema;
mod write;

pub use builder::WorkflowBuilder;
pub use limits::Limits;
pub use places::Places;
pub use read::Reader;
pub use workflow::*;
