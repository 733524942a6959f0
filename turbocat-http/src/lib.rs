//! Turbocat's platform over HTTP.
//!
//! [`Api`] holds everything that requests need; [`router`] makes an axum router of it, to be nested
//! or served by [`Server`].

pub mod settings;
mod wire;
mod error;
mod metrics;
mod background;
mod sealed;
mod plans;
mod reports;
mod recorder;
mod api;
mod edge;
mod events;
mod auth;
mod secure;
mod agents;
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
pub use server::Server;
pub use settings::Settings;
