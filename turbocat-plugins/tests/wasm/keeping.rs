//! Plugins whose memory lives as long as an execution.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Notify;
use turbocat_core::{Engine, Secrets, Workflow};
use turbocat_plugins::wasm::{Grants, Limits, Plugin, Plugins};

use crate::fixture::Fixture;
use crate::hosts::{call, host};

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

/// Answers when it is let go.
struct Gate {
    asked: Notify,
    open: Notify,
}

#[async_trait]
impl Secrets for Gate {
    async fn secret(&self, _: &str) -> Option<String> {
        self.asked.notify_one();
        self.open.notified().await;
        None
    }
}

#[tokio::test]
async fn a_call_that_waits_for_room_gets_it_when_a_kept_one_ends() {
    let gate = Arc::new(Gate { asked: Notify::new(), open: Notify::new() });
    let plugins = Plugins::builder().pool_size(1).shared_secrets(gate.clone()).build().unwrap();
    let manifest =
        json!({ "name": "keeper", "version": "1.0.0", "state": "execution", "agents": [{ "name": "ask" }] });
    let keeper = Fixture::with_manifest(&manifest)
        .user("turbocat_secret", "(param i64) (result i64)")
        .text("key", "KEY")
        .function("ask", "(drop (call $turbocat_secret (call $put TEXT(key))))");
    let keeper = keeper.load_with(&plugins, Grants::parse(["secret KEY"]).unwrap()).await.unwrap();
    let fresh = counter("call").load_with(&plugins, Grants::none()).await.unwrap();
    let playing = tokio::spawn(async move { play(&keeper, "  last: { agent: ask }").await });
    gate.asked.notified().await;
    let mut waiting = std::pin::pin!(call(&fresh, "count", json!({})));
    let is_ready = std::future::poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_ready())).await;
    assert!(!is_ready, "there is no room yet");
    gate.open.notify_one();
    // Long before the kept instance has been idle for a minute.
    let counted = tokio::time::timeout(Duration::from_secs(40), waiting).await;
    assert_eq!(counted.expect("it is called").unwrap(), json!(1));
    playing.await.unwrap();
}

#[tokio::test]
async fn inputs_that_are_not_given_leave_the_instance_as_it_was() {
    let grants = Grants::none().limits(Limits::default().input_bytes(100));
    let plugin = counter("execution").load_with(&host(), grants).await.unwrap();
    let steps = format!(
        "
  first: {{ agent: count }}
  second: {{ agent: count, inputs: {}, dependsOn: [first], onError: continue }}
  last: {{ agent: count, dependsOn: [second], needs: finished }}",
        "x".repeat(200)
    );
    assert_eq!(play(&plugin, &steps).await, json!(2));
}

#[tokio::test(start_paused = true)]
async fn an_idle_time_of_nothing_is_a_second() {
    let plugins = Plugins::builder().pool_size(4).idle(Duration::ZERO).build().unwrap();
    let plugin = counter("execution").load_with(&plugins, Grants::none()).await.unwrap();
    assert_eq!(play(&plugin, THREE).await, json!(3));
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(plugins.kept(), 1);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(plugins.kept(), 0);
}
