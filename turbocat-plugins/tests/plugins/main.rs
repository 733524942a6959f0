//! Plugins in Rust, AssemblyScript and C, called by an engine: what `plugins/` holds, as it was
//! built. `TURBOCAT_TEST_PLUGINS` names a folder of others, built anew.

#![cfg(feature = "wasm")]
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod called;
mod directory;

mod cases;
mod document;
mod greets;
mod hostile;
mod plain;
