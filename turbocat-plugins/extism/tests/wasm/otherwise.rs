//! What the official runtime does otherwise than our own, each named in `lib.rs`. A difference that is
//! gone fails here, and is to be taken from both lists.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::{AttemptRequest, StepFailure};
use turbocat_plugins::wasm::{Call, Grants, Limits, Manifest, ManifestAgent, Source};

use crate::fixture::Fixture;
use crate::hosts::{Listener, call, fails, host};

#[tokio::test]
async fn an_instance_does_not_outlive_its_call() {
    let plugin = Fixture::with_manifest(&json!({
        "name": "demo", "version": "1.0.0", "state": "execution", "agents": [{ "name": "count" }],
    }))
    .raw("(global $calls (mut i32) (i32.const 0))")
    .function(
        "count",
        "(global.set $calls (i32.add (global.get $calls) (i32.const 1))) (return (global.get $calls))",
    )
    .load()
    .await;
    let request = AttemptRequest::new(json!({}));
    for _ in 0..2 {
        let failure = plugin.call("count", Call::of(&request)).await.unwrap_err();
        assert_eq!(failure.detail.unwrap()["code"], 1);
    }
}

#[tokio::test]
async fn a_table_that_grows_too_far_is_told_so() {
    let plugin = Fixture::with_agents(&["grow"])
        .raw("(table $t 1 funcref)")
        .function(
            "grow",
            "(if (i32.ne (table.grow $t (ref.null func) (i32.const 200000)) (i32.const -1)) (then unreachable))",
        )
        .load()
        .await;
    call(&plugin, "grow", json!({})).await.unwrap();
}

#[tokio::test]
async fn allocations_are_not_counted() {
    let plugin = Fixture::with_agents(&["ask"])
        .function(
            "ask",
            "(local $i i32) (loop $more (drop (call $alloc (i64.const 1)))
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $more (i32.lt_u (local.get $i) (i32.const 100))))",
        )
        .load()
        .await;
    let limits = Limits::default().allocations(10);
    plugin.call("ask", Call::new(json!({})).limits(limits)).await.unwrap();
}

#[tokio::test]
async fn a_trap_names_no_functions_and_the_peak_of_memory_is_not_told() {
    let plugin = Fixture::with_agents(&["trap"]).function("trap", "unreachable").load().await;
    let failure = fails(&plugin, "trap", "trap").await;
    assert_eq!(failure.detail.unwrap()["functions"], json!([]));
    assert_eq!(failure.usage.peak_memory_bytes, 0);
}

#[tokio::test]
async fn the_stack_is_an_eighth_of_our_own() {
    let plugin = Fixture::with_agents(&["deep"])
        .raw("(func $down (param i64) (result i64) (i64.add (i64.const 1) (call $down (local.get 0))))")
        .function("deep", "(drop (call $down (i64.const 0)))")
        .load()
        .await;
    assert_eq!(fails(&plugin, "deep", "limit").await.detail.unwrap()["most"], (4 << 20) / 8);
}

#[tokio::test]
async fn what_is_printed_goes_nowhere() {
    let plugin = Fixture::with_agents(&["print"])
        .import("wasi_snapshot_preview1", "fd_write", "(param i32 i32 i32 i32) (result i32)")
        .text("line", "hello\n")
        .function(
            "print",
            "(i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 6))
             (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))",
        )
        .load()
        .await;
    let listener = Arc::new(Listener::default());
    let request = AttemptRequest::new(json!({})).with_surroundings(listener.clone());
    plugin.call("print", Call::of(&request)).await.unwrap();
    assert!(listener.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_setting_that_is_empty_is_none() {
    let plugin = Fixture::with_agents(&["named"])
        .env("config_get", "(param i64) (result i64)")
        .text("name", "name")
        .function("named", "(return (i64.eqz (call $config_get (call $put TEXT(name)))))")
        .load()
        .await;
    let failed =
        |outcome: Result<_, StepFailure>| outcome.map(|_| ()).unwrap_err().detail.unwrap()["code"] == 1;
    let empty = Call::new(json!({})).config(json!({ "name": "" }));
    assert!(failed(plugin.call("named", empty).await));
    let full = Call::new(json!({})).config(json!({ "name": "x" }));
    assert_eq!(*plugin.call("named", full).await.unwrap().value, Value::Null);
}

#[tokio::test]
async fn what_runs_before_the_first_call_ends_though_no_clock_stops_it() {
    let fixture =
        Fixture::new().raw("(func $forever (loop $again (br $again))) (start $forever)").function("work", "");
    let mut manifest = Manifest::new("demo", "1.0.0");
    manifest.agents.push(ManifestAgent { name: "work".to_owned(), ..ManifestAgent::default() });
    let grants = Grants::none().limits(Limits::default().time(Duration::from_millis(100)));
    let plugin =
        host().load(Source::bytes("demo", fixture.bytes()).manifest(manifest), grants).await.unwrap();
    fails(&plugin, "work", "timeout").await;
}
