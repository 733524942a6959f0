//! The official runtime, with a clean instance for each call, a time limit and a memory limit, as
//! Turbocat's host has them.

use std::time::Duration;

use extism::{CompiledPlugin, Error, Manifest, Plugin, PluginBuilder, Wasm};
use serde_json::Value;

/// The plain plugin on the official runtime.
#[derive(Clone)]
pub struct Official {
    compiled: CompiledPlugin,
    file: std::sync::Arc<tempfile::TempPath>,
}

impl std::fmt::Debug for Official {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Official").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Official {
    /// Compiles a module. From a file: it clones the bytes of a manifest into each instance.
    pub fn new(wasm: &[u8]) -> Result<Self, Error> {
        let file = tempfile::NamedTempFile::new()?.into_temp_path();
        std::fs::write(&file, wasm)?;
        let manifest =
            Manifest::new([Wasm::file(&file)]).with_memory_max(1024).with_timeout(Duration::from_secs(10));
        let compiled = PluginBuilder::new(manifest).with_cache_disabled().compile()?;
        Ok(Self { compiled, file: std::sync::Arc::new(file) })
    }

    /// A clean instance, one call, JSON in and out.
    pub fn call(&self, function: &str, input: &Value) -> Result<Value, Error> {
        let mut plugin = Plugin::new_from_compiled(&self.compiled)?;
        let output: &[u8] = plugin.call(function, serde_json::to_vec(input)?)?;
        Ok(serde_json::from_slice(output)?)
    }

    /// A warm call: the same instance again, which remembers the last one.
    pub fn warm(&self) -> Result<impl FnMut(&str, &Value) -> Result<Value, Error> + use<>, Error> {
        let mut plugin = Plugin::new_from_compiled(&self.compiled)?;
        Ok(move |function: &str, input: &Value| {
            let output: &[u8] = plugin.call(function, serde_json::to_vec(input)?)?;
            Ok(serde_json::from_slice(output)?)
        })
    }
}
