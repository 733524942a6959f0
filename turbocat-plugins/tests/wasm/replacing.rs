//! One version in the place of another, while calls go on.

use serde_json::{Value, json};
use turbocat_core::Engine;
use turbocat_core::Workflow;
use turbocat_plugins::wasm::{Grants, Plugin, PluginErrorKind};

use crate::fixture::Fixture;
use crate::hosts::{call, host};

fn version(name: &str, version: &str, agents: &Value, says: &str) -> Fixture {
    Fixture::with_manifest(&json!({ "name": name, "version": version, "agents": agents }))
        .text("says", says)
        .function("say", "(call $say TEXT(says))")
        .function(
            "slow",
            "(local $i i32) (loop $again (local.set $i (i32.add (local.get $i) (i32.const 1))) \
             (br_if $again (i32.lt_u (local.get $i) (i32.const 50000000)))) (call $say TEXT(says))",
        )
}

fn agents() -> Value {
    json!([{ "name": "say" }, { "name": "slow" }])
}

async fn replace(plugin: &Plugin, with: &Fixture) -> Result<(), String> {
    plugin.replace(with.source(), Grants::none()).await.map_err(|error| {
        assert_eq!(error.kind(), PluginErrorKind::Incompatible, "{error}");
        error.to_string()
    })
}

#[tokio::test]
async fn calls_that_begin_later_are_done_by_the_new_version() {
    let plugin = version("demo", "1.0.0", &agents(), "1").load().await;
    let engine = plugin.register(Engine::builder()).build();
    let workflow = Workflow::from_yaml("steps: { s: { agent: say } }\noutputs: '{{ s }}'").unwrap();
    assert_eq!(*engine.run(&workflow, json!({})).await.unwrap().output(), json!(1));
    replace(&plugin, &version("demo", "2.0.0", &agents(), "2")).await.unwrap();
    assert_eq!(*engine.run(&workflow, json!({})).await.unwrap().output(), json!(2));
    assert_eq!(plugin.version(), "2.0.0");
}

#[tokio::test]
async fn a_call_that_goes_on_ends_with_the_old_version() {
    let plugin = version("demo", "1.0.0", &agents(), "1").load().await;
    let slow = tokio::spawn({
        let plugin = plugin.clone();
        async move { call(&plugin, "slow", json!({})).await }
    });
    tokio::task::yield_now().await;
    replace(&plugin, &version("demo", "1.0.1", &agents(), "2")).await.unwrap();
    assert_eq!(call(&plugin, "say", json!({})).await.unwrap(), json!(2));
    assert_eq!(slow.await.unwrap().unwrap(), json!(1));
}

#[tokio::test]
async fn a_version_that_lacks_something_is_refused_and_the_old_one_stays() {
    let strict = |property: &str| {
        json!([
            { "name": "say", "input": { "type": "object", "required": [property] },
              "output": { "type": "object", "properties": { property: { "type": "string" } } } },
            { "name": "slow" },
        ])
    };
    let plugin = version("demo", "1.0.0", &strict("a"), "{}").load().await;
    let check = async |with: Fixture, says: &str| {
        assert_eq!(replace(&plugin, &with).await.unwrap_err(), says);
        assert_eq!(plugin.version(), "1.0.0");
    };
    check(
        version("demo", "2.0.0", &json!([{ "name": "say" }]), "2"),
        "plugin `demo` would change the output of its agent `say`: anything was possible, and is no longer",
    )
    .await;
    check(
        version("demo", "2.0.0", &json!([strict("a")[0]]), "2"),
        "plugin `demo` would lose its agent `slow`",
    )
    .await;
    check(version("other", "2.0.0", &agents(), "2"), "plugin `demo` cannot be replaced by plugin `other`")
        .await;
    check(
        version("demo", "2.0.0", &strict("b"), "2"),
        "plugin `demo` would change the inputs of its agent `say`: `/b` is required and may be absent",
    )
    .await;
}

#[tokio::test]
async fn the_same_file_again_changes_nothing() {
    let one = version("demo", "1.0.0", &agents(), "1");
    let plugin = one.load_with(&host(), Grants::none()).await.unwrap();
    replace(&plugin, &one).await.unwrap();
    assert_eq!(call(&plugin, "say", json!({})).await.unwrap(), json!(1));
    // Other grants are another thing.
    plugin.replace(one.source(), Grants::parse(["state"]).unwrap()).await.unwrap();
    assert!(!plugin.grants().is_empty());
}
