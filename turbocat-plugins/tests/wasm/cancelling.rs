//! Calls that are given up stop, and take nobody along.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use turbocat_plugins::wasm::{Call, Grants, Limits, Plugin, Plugins};

use crate::fixture::Fixture;
use crate::hosts::call;

fn fixture() -> Fixture {
    Fixture::with_agents(&["loop", "count"])
        .function("loop", "(loop $again (br $again))")
        .text("done", "true")
        .function(
            "count",
            "(local $i i32) (loop $again (local.set $i (i32.add (local.get $i) (i32.const 1))) \
             (br_if $again (i32.lt_u (local.get $i) (i32.const 20000000)))) (call $say TEXT(done))",
        )
}

/// Begins an endless call, which says when it ended.
fn begin(plugin: &Plugin) -> (tokio::task::JoinHandle<()>, Arc<AtomicBool>) {
    struct Ended(Arc<AtomicBool>);
    impl Drop for Ended {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let ended = Arc::new(AtomicBool::new(false));
    let (plugin, tell) = (plugin.clone(), Ended(ended.clone()));
    let task = tokio::spawn(async move {
        let _tell = tell;
        let limits = Limits::default().time(Duration::from_secs(600));
        plugin.call("loop", Call::new(json!({})).limits(limits)).await.unwrap();
    });
    (task, ended)
}

#[tokio::test]
async fn a_call_that_is_dropped_stops_while_its_neighbour_goes_on() {
    // One thread: only a call that gives way lets anybody else do anything.
    let plugin = fixture().load().await;
    let (task, ended) = begin(&plugin);
    tokio::task::yield_now().await;
    let neighbour = tokio::spawn({
        let plugin = plugin.clone();
        async move { call(&plugin, "count", json!({})).await }
    });
    tokio::task::yield_now().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(ended.load(Ordering::SeqCst));
    assert_eq!(neighbour.await.unwrap().unwrap(), json!(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_endless_calls_on_two_threads_leave_room_for_a_third() {
    let plugin = fixture().load().await;
    let (first, _) = begin(&plugin);
    let (second, _) = begin(&plugin);
    for _ in 0..5 {
        assert_eq!(call(&plugin, "count", json!({})).await.unwrap(), json!(true));
    }
    let begun = Instant::now();
    first.abort();
    second.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert!(second.await.unwrap_err().is_cancelled());
    // Some milliseconds; the machine may be busy.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_call_waits_for_room_and_gives_it_back_when_it_is_dropped() {
    let plugins = Plugins::builder().pool_size(2).build().unwrap();
    let plugin = fixture().load_with(&plugins, Grants::none()).await.unwrap();
    let (first, _) = begin(&plugin);
    let (second, _) = begin(&plugin);
    while plugins.free_slots() > 0 {
        tokio::task::yield_now().await;
    }
    let waiting = tokio::spawn({
        let plugin = plugin.clone();
        async move { call(&plugin, "count", json!({})).await }
    });
    let impatient = tokio::spawn({
        let plugin = plugin.clone();
        async move { call(&plugin, "count", json!({})).await }
    });
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    impatient.abort();
    first.abort();
    assert_eq!(waiting.await.unwrap().unwrap(), json!(true));
    second.abort();
    assert!(second.await.is_err());
    assert!(impatient.await.is_err());
    assert_eq!(plugins.free_slots(), 2);
}

#[tokio::test]
async fn a_call_that_waits_for_the_host_is_dropped_at_once() {
    struct Never;
    #[async_trait::async_trait]
    impl turbocat_core::Secrets for Never {
        async fn secret(&self, _: &str) -> Option<String> {
            std::future::pending().await
        }
    }
    let plugins = Plugins::builder().pool_size(1).secrets(Never).build().unwrap();
    let plugin = Fixture::with_agents(&["ask"])
        .user("turbocat_secret", "(param i64) (result i64)")
        .text("key", "KEY")
        .function("ask", "(drop (call $turbocat_secret (call $put TEXT(key))))")
        .load_with(&plugins, Grants::parse(["secret KEY"]).unwrap())
        .await
        .unwrap();
    let task = tokio::spawn({
        let plugin = plugin.clone();
        async move { call(&plugin, "ask", json!({})).await }
    });
    while plugins.free_slots() > 0 {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert!(task.await.is_err());
    assert_eq!(plugins.free_slots(), 1);
    // And it has no more time than others.
    let limits = Limits::default().time(Duration::from_millis(20));
    let failure = plugin.call("ask", Call::new(json!({})).limits(limits)).await.unwrap_err();
    assert_eq!(failure.kind, turbocat_core::FailureKind::TIMEOUT);
}
