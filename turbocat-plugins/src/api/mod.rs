//! The `api` agent: one HTTP request, tried again if need be.
//!
//! The configuration says what to send ([`config_schema`] has every setting); the output is
//! `{statusCode, statusText, headers, data, requestUrl, responseTimeMs, retryCount}`. Any status is
//! an output unless `failOnStatus` says otherwise.

mod reader;
mod encode;
mod multipart;
mod auth;
mod method;
mod headers;
mod body;
mod status;
mod settings;
mod schema;
mod retry;
mod shown;
mod answer;
mod agent;

pub use agent::ApiAgent;
pub use schema::{config_schema, output_schema};
