//! The host of plugins: what plugins get, what they cannot do, and that the host goes on whatever
//! they try. Plugins are WAT texts, compiled here; `conformance` is what any host must do.
#![cfg(feature = "wasm")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod fixture;
mod hosts;

#[macro_use]
mod conformance;
mod conforming;

mod abi;
mod calling;
mod cancelling;
mod fuzzing;
mod grants;
mod keeping;
mod limits;
mod loading;
mod locking;
mod many;
mod replacing;
mod wasi;
