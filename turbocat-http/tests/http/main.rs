//! The platform over real HTTP, on both databases: what a client sees.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod stage;
mod provider;
mod envelopes;
mod accounts;
mod agents;
mod workflows;
mod executing;
mod executions;
mod recorder;
mod live;
mod triggers;
mod health;
mod users;
mod keys;
mod teams;
mod audit;
mod oauth;
mod security;
mod document;
mod idempotency;
mod templates;
mod deployments;
mod metrics;
mod analytics;
mod webhooks;
mod housekeeping;
mod export;
mod asking;
