//! Any bytes as a manifest: it is refused, or is the same when it is written and read again, and a
//! plugin that says so is loaded or refused in words.

use std::sync::LazyLock;

use tokio::runtime::Runtime;
use turbocat_plugins::wasm::{Grants, Manifest, Plugins, Source};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());

static PLUGINS: LazyLock<Plugins> = LazyLock::new(|| Plugins::builder().pool_size(2).build().unwrap());

/// Whatever it says of its functions, it has these.
static CODE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let code =
        r#"(module (func $f (result i32) (i32.const 0)) (export "f" (func $f)) (export "greet" (func $f)))"#;
    wat::parse_str(code).unwrap()
});

/// Reads a manifest, and loads a plugin that has it.
pub(crate) fn check(data: &[u8]) {
    let Ok(manifest) = Manifest::read(data) else { return };
    let written = serde_json::to_vec(&manifest).unwrap();
    assert_eq!(Manifest::read(&written).unwrap(), manifest);
    for capability in &manifest.capabilities {
        assert_eq!(capability.to_string().parse(), Ok(capability.clone()));
        assert!(capability.covers(capability));
    }
    let source = Source::bytes("fuzz", CODE.clone()).manifest(manifest.clone());
    match RUNTIME.block_on(PLUGINS.load(source, Grants::none())) {
        Ok(plugin) => {
            assert_eq!(plugin.agents().len(), manifest.agents.len());
            for (_, agent) in plugin.agents() {
                let _ = agent.describe();
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
