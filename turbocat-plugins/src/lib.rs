//! Agents for Turbocat workflows: HTTP requests, language models, JavaScript, data, and sandboxed
//! WASM plugins.
//!
//! | agent | does | feature |
//! |---|---|---|
//! | `api` | an HTTP request, with retries and a guard against addresses of the inside | `api` |
//! | `llm` | asks a language model: tools, answers by schema, fallbacks, what it costs | `llm` |
//! | `code` | JavaScript and TypeScript in a sandbox | `code` |
//! | `data` | filters, joins, aggregates, jq | `data` |
//! | `generic` | gives back what it is given | |
//! | a plugin's | what somebody compiled to WASM, within what it was granted | `wasm` |
//!
//! [`builtin`] registers those of the crate with an engine; [`wasm::Plugins`] loads plugins. All of
//! them leave the process by [`net::Egress`] only.

#[cfg(feature = "net")]
pub mod net;

#[cfg(feature = "api")]
pub mod api;
#[cfg(feature = "code")]
pub mod code;
#[cfg(feature = "data")]
pub mod data;
pub mod generic;
#[cfg(feature = "llm")]
pub mod llm;
#[cfg(feature = "wasm")]
pub mod wasm;

mod builtin;

pub use builtin::{Builtin, builtin};
