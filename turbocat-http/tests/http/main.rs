//! The platform over real HTTP, on both databases: what a client sees.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod stage;
mod envelopes;
mod accounts;
mod agents;
mod workflows;
mod executing;
mod executions;
mod recorder;
mod live;
mod health;
mod document;
mod idempotency;
mod templates;
mod deployments;
mod metrics;
mod analytics;
mod webhooks;
mod housekeeping;
mod asking;
