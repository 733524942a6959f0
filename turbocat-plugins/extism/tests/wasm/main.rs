//! The official runtime, held against what any runtime must do, which the checks of `turbocat-plugins`
//! say, and what it does otherwise.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use turbocat_extism::Extism;
use turbocat_plugins::wasm::PluginsBuilder;

/// By what the plugins of these tests are run: the official runtime.
fn on_runtime(builder: PluginsBuilder) -> PluginsBuilder {
    builder.runtime(Extism::new())
}

#[path = "../../../tests/wasm/fixture.rs"]
mod fixture;
#[path = "../../../tests/wasm/hosts.rs"]
mod hosts;

#[path = "../../../tests/wasm/conformance.rs"]
mod conformance;
#[path = "../../../tests/wasm/dropping.rs"]
mod dropping;
#[path = "../../../tests/wasm/grants.rs"]
mod grants;

mod otherwise;
