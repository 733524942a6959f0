//! The `data` agent from outside: every operation, operator and aggregate, on every kind of value.

#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![expect(clippy::needless_pass_by_value, reason = "rows of tables are read more easily with values")]

mod ask;
mod model;

mod aggregates;
mod conditions;
mod configuration;
mod documents;
mod filters;
mod formats;
mod frame;
mod hostile;
mod jq;
mod jq_limits;
mod joins;
mod operations;
mod properties;
mod sorting;
mod transformations;
