//! Calls that are given up, on each runtime: they stop, give back their room, and take nobody along.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::json;
use turbocat_core::{AttemptRequest, FailureKind, Secrets};
use turbocat_plugins::wasm::Limits;

use crate::conformance::{Agents, Host, LIMITS, SLOTS, asker, call, load};
use crate::fixture::Fixture;
use crate::hosts::builder;

/// Waits until nothing is left of any call. Ends the test if that takes longer than any machine does.
async fn all_is_quiet(host: &Host) {
    let quiet = async {
        while host.0.free_slots() < SLOTS {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), quiet).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_dropped_gives_back_its_room_and_takes_nobody_along() {
    let host = &Host::new();
    let fixture = Fixture::with_agents(&["spin", "well"])
        .function("spin", "(loop $again (br $again))")
        .function("well", "");
    let agents = load(host, &fixture, &[]).await;
    call(&agents, "well", json!({})).await.unwrap();
    let spin = |agents: &Agents| {
        let (_, agent) = agents.iter().find(|(name, _)| name == "spin").unwrap();
        let agent = agent.clone();
        tokio::spawn(async move { agent.execute(AttemptRequest::new(json!({}))).await })
    };
    let neighbour = spin(&agents);
    tokio::time::sleep(LIMITS.1 / 5).await;
    let begun = Instant::now();
    let dropped = spin(&agents);
    tokio::time::sleep(LIMITS.1 / 10).await;
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());
    let failure = neighbour.await.unwrap().unwrap_err();
    assert_eq!(failure.kind, FailureKind::TIMEOUT, "{failure}");
    // It had its own time, and not that of the one that was dropped.
    assert!(begun.elapsed() >= LIMITS.1 * 3 / 5, "{:?}", begun.elapsed());
    all_is_quiet(host).await;
    call(&agents, "well", json!({})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_for_the_host_is_dropped_too() {
    struct Never;
    #[async_trait]
    impl Secrets for Never {
        async fn secret(&self, _: &str) -> Option<String> {
            std::future::pending().await
        }
    }
    let limits = Limits::default().time(Duration::from_secs(600));
    let plugins = builder().pool_size(SLOTS as u32).limits(limits).secrets(Never).build().unwrap();
    let host = &Host(plugins);
    let agents = load(host, &asker(), &["secret KEY"]).await;
    let asking = tokio::spawn(async move { call(&agents, "secret", json!({})).await });
    while host.0.free_slots() == SLOTS {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    all_is_quiet(host).await;
}
