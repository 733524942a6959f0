//! The store on both databases: what a user of this crate sees.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod layer;
mod opening;
mod migrating;
mod setting;
mod words;
mod lists;
mod nouns;
mod workflows;
mod counting;
mod logs;
mod keeping;
mod sealing;
mod rotating;
mod seeding;
mod conformance;
mod engine;
mod triggers;
mod claiming;
mod queue;
mod upkeep;
mod scheduling;
mod tokens;
