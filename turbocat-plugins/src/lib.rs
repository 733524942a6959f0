//! Agents for Turbocat workflows: HTTP requests, language models, JavaScript, data, and sandboxed
//! WASM plugins.

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
