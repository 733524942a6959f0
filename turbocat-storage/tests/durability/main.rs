//! What executions are promised when engines crash, stores fail and versions change.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod quick;
mod flows;
mod agent;
mod tell;
mod mortal;
mod stage;
mod look;
mod live;
mod crashes;
mod faults;
mod outage;
mod server;
mod disk;
mod journals;
mod files;
