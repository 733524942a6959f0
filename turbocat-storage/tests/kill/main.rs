//! A program that works over a store is killed at any moment, again and again, and nothing is lost
//! and nothing that is finished is done again.
//!
//! The program is this test itself, started once more (`program`); it is killed and started anew
//! (`killing`), and what it left is compared (`evidence`): what it acknowledged, what its agents
//! did, what is recorded. `TURBOCAT_KILLS=n` kills it `n` times on each database.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod workflows;
mod program;
mod killing;
mod recorded;
mod evidence;
mod sqlite;
mod postgres;
