//! The platform over real HTTP, on both databases: what a client sees.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod stage;
mod provider;
mod envelopes;
mod accounts;
mod agents;
mod health;
mod users;
mod keys;
mod teams;
mod audit;
mod oauth;
mod security;
mod export;
