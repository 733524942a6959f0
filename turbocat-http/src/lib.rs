//! Turbocat's platform over HTTP.
//!
//! [`Api`] holds everything that requests need; [`router`] makes an axum router of it, to be nested
//! or served by [`Server`].

#![allow(unused_qualifications, reason = "macros of handlers name the types of their parameters in full")]

pub mod settings;
mod wire;
mod error;
mod sealed;
mod plans;
mod reports;
mod recorder;
mod metrics;
mod background;
mod api;
mod edge;
mod events;
mod auth;
mod secure;
mod agents;
mod keys;
mod audit;
mod teams;
mod users;
mod workflows;
mod executions;
mod triggers;
mod live;
mod health;
mod templates;
mod deployments;
mod analytics;
mod webhooks;
mod housekeeping;
mod document;
mod router;
mod server;

pub use api::{Api, ApiBuilder};
pub use document::document;
pub use router::router;
pub use sealed::PlatformSecrets;
pub use secure::random_hex_of as random_hex;
pub use server::Server;
pub use settings::Settings;
