//! The host of plugins: what plugins get, what they cannot do, and that the host goes on whatever
//! they try. Plugins are WAT texts, compiled here; `conformance` is what any host must do.
#![cfg(feature = "wasm")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod fixture;
mod hosts;

use turbocat_plugins::wasm::PluginsBuilder;

/// By what the plugins of these tests are run: this crate's own runtime.
fn on_runtime(builder: PluginsBuilder) -> PluginsBuilder {
    builder
}

mod abi;
mod calling;
mod cancelling;
mod conformance;
mod dropping;
mod elsewhere;
mod fuzzing;
mod grants;
mod keeping;
mod limits;
mod loading;
mod locking;
mod many;
mod replacing;
mod wasi;
