//! Plugins whose memory lives as long as an execution.

use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::{Engine, Workflow};
use turbocat_plugins::wasm::{Grants, Plugin, Plugins};

use crate::fixture::Fixture;
use crate::hosts::call;

/// Counts its calls in its memory and in a variable; `trap` counts and traps.
fn counter(state: &str) -> Fixture {
    let manifest = json!({
        "name": "demo", "version": "1.0.0", "state": state,
        "agents": [{ "name": "count" }, { "name": "trap" }, { "name": "fail" }],
    });
    Fixture::with_manifest(&manifest)
        .raw("(global $count (mut i32) (i32.const 0))")
        .raw("(func $next (global.set $count (i32.add (global.get $count) (i32.const 1))))")
        .function(
            "count",
            "(local $b i64) (call $next) (local.set $b (call $alloc (i64.const 1)))
             (call $store_u8 (local.get $b) (i32.add (i32.const 48) (global.get $count)))
             (call $output_set (local.get $b) (i64.const 1))",
        )
        .function("fail", "(call $next) (return (i32.const 1))")
        .function("trap", "(call $next) unreachable")
}

async fn play(plugin: &Plugin, steps: &str) -> Value {
    let engine = plugin.register(Engine::builder()).build();
    let workflow = Workflow::from_yaml(&format!("steps:\n{steps}\noutputs: '{{{{ last }}}}'")).unwrap();
    // A step that failed fails the execution, also if the others went on.
    let execution =
        engine.run(&workflow, json!({})).await.unwrap_or_else(|error| error.into_execution().unwrap());
    execution.step_output("last").unwrap().clone()
}

const THREE: &str = "
  first: { agent: count }
  second: { agent: count, dependsOn: [first] }
  last: { agent: count, dependsOn: [second] }";

#[tokio::test]
async fn a_plugin_remembers_within_an_execution_and_not_beyond() {
    let plugin = counter("execution").load().await;
    for _ in 0..2 {
        assert_eq!(play(&plugin, THREE).await, json!(3));
    }
}

#[tokio::test]
async fn a_plugin_that_does_not_ask_for_it_begins_anew_with_each_call() {
    let plugin = counter("call").load().await;
    assert_eq!(play(&plugin, THREE).await, json!(1));
}

#[tokio::test]
async fn an_instance_that_trapped_is_thrown_away_and_one_that_failed_is_not() {
    let plugin = counter("execution").load().await;
    let with = |agent: &str| {
        format!(
            "
  first: {{ agent: count }}
  second: {{ agent: {agent}, dependsOn: [first], onError: continue }}
  last: {{ agent: count, dependsOn: [second], needs: finished }}"
        )
    };
    assert_eq!(play(&plugin, &with("fail")).await, json!(3));
    assert_eq!(play(&plugin, &with("trap")).await, json!(1));
}

#[tokio::test]
async fn calls_of_one_execution_take_turns() {
    let plugin = counter("execution").load().await;
    let steps = "
  a: { agent: count }
  b: { agent: count }
  c: { agent: count }
  last: { agent: count, dependsOn: [a, b, c] }";
    assert_eq!(play(&plugin, steps).await, json!(4));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_idle_is_dropped() {
    let plugins = Plugins::builder().pool_size(4).idle(Duration::from_secs(60)).build().unwrap();
    let plugin = counter("execution").load_with(&plugins, Grants::none()).await.unwrap();
    assert_eq!(play(&plugin, THREE).await, json!(3));
    assert_eq!((plugins.kept(), plugins.free_slots()), (1, 3));
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(plugins.kept(), 1);
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!((plugins.kept(), plugins.free_slots()), (0, 4));
}

#[tokio::test]
async fn there_are_never_more_kept_than_there_is_room_for() {
    let plugins = Plugins::builder().pool_size(4).build().unwrap();
    let plugin = counter("execution").load_with(&plugins, Grants::none()).await.unwrap();
    for _ in 0..20 {
        assert_eq!(play(&plugin, THREE).await, json!(3));
        assert!(plugins.kept() <= 2, "{}", plugins.kept());
    }
    // Others still find room.
    let single = Plugins::builder().pool_size(1).build().unwrap();
    let keeper = counter("execution").load_with(&single, Grants::none()).await.unwrap();
    let fresh = counter("call").load_with(&single, Grants::none()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(play(&keeper, THREE).await, json!(3));
        assert_eq!(call(&fresh, "count", json!({})).await.unwrap(), json!(1));
    }
}
