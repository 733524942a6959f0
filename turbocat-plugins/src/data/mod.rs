//! The `data` agent: filters, joins, aggregates and jq over the values that steps hand on.
//!
//! | file | holds |
//! |---|---|
//! | `fault`, `meter` | why an operation fails, and how much it may use |
//! | `number`, `identity`, `order`, `path`, `pattern` (kept in a `cache`) | what values are to each other: equal, smaller, inside, alike |
//! | `operator`, `condition`, `mistake`, `lexer`, `grammar` | the 13 operators, and the language of conditions over them |
//! | `rows` | the data on its way through a pipeline, borrowed as long as nobody changes it |
//! | `tally` | the 7 aggregates |
//! | `filter`, `shape`, `sort`, `group`, `fold`, `merge`, `join` | the operations, one file for each group of kindred ones |
//! | `jq` | the operation `jq`, on a stack and under limits of its own |
//! | `format`, `validate` | what happens to the result at last |
//! | `settings`, `operation`, `transformation`, `config`, `schema` | the configuration: reading it with places, and its JSON Schema |
//! | `perform`, `thread`, `agent` | doing the work, here or on a thread of its own, for the engine |
//!
//! Nothing here knows the network, files, clocks (but for the deadline of `jq`) or other agents.

mod fault;
mod meter;
mod number;
mod identity;
mod order;
mod path;
mod cache;
mod pattern;
mod operator;
mod condition;
mod mistake;
mod lexer;
mod grammar;
mod rows;
mod tally;
mod filter;
mod shape;
mod sort;
mod group;
mod fold;
mod merge;
mod join;
mod settings;
mod thread;
mod jq;
mod operation;
mod transformation;
mod format;
mod validate;
mod config;
mod schema;
mod perform;
mod agent;

pub use agent::DataAgent;
