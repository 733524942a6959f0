//! From the question to the lock file to the next start.

use serde_json::json;
use turbocat_plugins::wasm::{Grants, Lock, PluginErrorKind, Source, Verdict};

use crate::fixture::Fixture;
use crate::hosts::{call, fails, host};

fn version(version: &str, wants: &[&str]) -> Fixture {
    let manifest = json!({
        "name": "demo", "version": version, "agents": [{ "name": "keep" }], "capabilities": wants,
    });
    Fixture::with_manifest(&manifest)
        .user("turbocat_state_get", "(param i64) (result i64)")
        .text("key", "k")
        .function("keep", "(drop (call $turbocat_state_get (call $put TEXT(key))))")
}

#[tokio::test]
async fn a_plugin_that_was_agreed_to_is_loaded_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("demo.wasm");
    std::fs::write(&file, version("1.0.0", &["state"]).bytes()).unwrap();
    let mut lock = Lock::open(folder.path().join("plugins.lock")).unwrap();

    // Loaded without any right, to see what it wants.
    let (plugins, source) = (host(), Source::file(&file));
    let plugin = plugins.load(source.clone(), Grants::none()).await.unwrap();
    assert_eq!(lock.check(&plugin), Verdict::Unknown);
    fails(&plugin, "keep", "denied").await;
    let grants = Grants::new(plugin.capabilities());
    plugin.grant(grants.clone()).unwrap();
    call(&plugin, "keep", json!({})).await.unwrap();
    lock.agree(&plugin, &source, &grants);
    lock.save().unwrap();

    // The next start.
    let lock = Lock::open(lock.path()).unwrap();
    let locked = lock.get("demo").unwrap();
    let plugin = plugins.load(locked.source().unwrap(), locked.grants()).await.unwrap();
    assert_eq!(lock.check(&plugin), Verdict::Granted);
    call(&plugin, "keep", json!({})).await.unwrap();

    // Another file in its place.
    std::fs::write(&file, version("1.1.0", &["state"]).bytes()).unwrap();
    let error = plugins.load(locked.source().unwrap(), locked.grants()).await.unwrap_err();
    assert_eq!(error.kind(), PluginErrorKind::Digest);
    let changed = plugins.load(source.clone(), Grants::none()).await.unwrap();
    let verdict = Verdict::Changed { from: plugin.digest(), to: changed.digest() };
    assert_eq!(lock.check(&changed), verdict);

    // One that wants more.
    let greedy = version("1.2.0", &["state", "secret KEY"]).load().await;
    assert_eq!(lock.check(&greedy), Verdict::Wants(vec!["secret KEY".parse().unwrap()]));
}
