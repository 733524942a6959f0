//! Turbocat plugins on the official runtime of Extism: a second host, for comparison.
//!
//! It takes the same plugins as `turbocat_plugins::wasm` and passes the same checks
//! (`turbocat-plugins/tests/wasm/conformance.rs`), with these exceptions, which are the reason why
//! Turbocat has a host of its own:
//!
//! - A call blocks a thread. It does not give way to others, and dropping its future does not stop it:
//!   it goes on to its end or its time limit. A call that is cancelled through Extism takes along every
//!   other running call of the same compiled plugin.
//! - A plugin cannot be configured for a call: the configuration belongs to the compiled plugin. There is
//!   no context, so no idempotency key.
//! - Log messages and progress go nowhere.
//! - HTTP is denied, granted or not: the official client does not refuse addresses of the inside.
//! - Memory is clean for each call, and so is instantiated anew each time, whatever the manifest says.

mod failure;
mod functions;
mod host;

pub use host::{ExtismError, ExtismPlugins};
