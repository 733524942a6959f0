//! The engine as a module of the host of plugins: loaded once, a clean instance for each call.

use std::time::Duration;

use serde_json::Value;
use turbocat_core::{AttemptRequest, StepFailure, StepOutput};

use crate::wasm::{Call, Grants, Limits, Manifest, ManifestAgent, Plugin, PluginError, Plugins, Source};

/// QuickJS, already set up: `js/build.sh` makes it of `js/guest`.
static MODULE: &[u8] = include_bytes!("quickjs.wasm");

/// The one function of the module.
const EVALUATE: &str = "evaluate";

/// Memory beside what the code may have: the engine itself, the input, the report.
const ENGINE_MEMORY: u64 = 32 << 20;

/// What one message costs beside its text, as the host counts.
const MESSAGE: u64 = 33;

/// The module in a host.
pub(super) struct Sandbox {
    plugin: Plugin,
}

impl Sandbox {
    /// Loads the module; compiles it, if the host has not kept it.
    pub(super) async fn load(plugins: &Plugins) -> Result<Self, PluginError> {
        let mut manifest = Manifest::new("code", env!("CARGO_PKG_VERSION"));
        manifest.agents = vec![ManifestAgent { name: EVALUATE.to_owned(), ..ManifestAgent::default() }];
        let source = Source::bytes("code", MODULE).manifest(manifest);
        Ok(Self { plugin: plugins.load(source, Grants::none()).await? })
    }

    /// Calls a clean instance with a frame. The output is a report; a failure says that the host
    /// ended the call. `console`: bytes that may be printed to each stream.
    pub(super) async fn call(
        &self,
        frame: &[u8],
        memory: u64,
        time: Duration,
        console: u64,
        request: &AttemptRequest,
    ) -> Result<StepOutput, StepFailure> {
        // What the code prints and returns is limited inside, where it can be said in its words. Only
        // messages without a letter pass there without end: they are counted here.
        let limits = Limits::default()
            .memory_bytes(memory.saturating_add(ENGINE_MEMORY))
            .time(time)
            .input_bytes(u64::MAX)
            .output_bytes(u64::MAX)
            .log_bytes(console.saturating_mul(2 * MESSAGE).saturating_add(64 << 10))
            .allocations(u64::MAX);
        self.plugin.call(EVALUATE, Call::of(request).bytes(frame).config(Value::Null).limits(limits)).await
    }
}
