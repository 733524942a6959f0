//! The `data` agent from outside: every operation, operator and aggregate, on every kind of value.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod ask;

mod aggregates;
mod conditions;
mod configuration;
mod documents;
mod filters;
mod formats;
mod frame;
mod hostile;
mod jq;
mod joins;
mod operations;
mod properties;
mod sorting;
mod transformations;
