//! What a workflow is, and how it is read, built and written.
//!
//! ```text
//! YAML, JSON --> tree --> decode --> Workflow --> write --> YAML, JSON, digest
//! a value ------^   (with places)    ^   |
//!                           builder -+   +--> places (a pointer back to the text)
//! ```
//! Reading notes every mistake and goes on: `decode` knows how to read a scalar or a mapping,
//! and the files named after the parts of a workflow (`step`, `row`, `wait`, …) how to read those.
//! Whether the parts fit together is not asked here; that is the plan's.

mod workflow;
mod kept;

mod builder;

mod limits;
mod tree;

mod json;
mod yaml;

mod cursor;
mod decode;
mod inputs;
mod budget;
mod naming;
mod retry;
mod translate;
mod wait;

mod step;

mod row;

mod body;

mod graph;

mod read;

mod places;
mod schema;
mod write;

pub use builder::WorkflowBuilder;
pub use kept::Definition;
pub use limits::Limits;
pub use places::Places;
pub use read::Reader;
pub use workflow::*;
