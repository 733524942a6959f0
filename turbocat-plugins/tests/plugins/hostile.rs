//! A plugin that does what it should not: each thing ends its call with a failure that says which,
//! and the host goes on.

use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::StepFailure;
use turbocat_plugins::wasm::{Grants, Limits};

use crate::called::{Called, host};

/// The failure, and that the plugin can still be called.
async fn fails(agent: &str, inputs: Value) -> StepFailure {
    // Long enough for a busy machine, except for what would take for ever.
    let time = Duration::from_millis(if agent == "spins" { 300 } else { 60_000 });
    let limits = Limits::default().memory_bytes(64 << 20).time(time).log_bytes(1 << 20);
    let called = Called::new(host(), "hostile", &[]).await;
    called.plugin.grant(Grants::none().limits(limits.clone())).unwrap();
    let failure = called.failure(agent, inputs).await;
    called.plugin.grant(Grants::none().limits(limits.time(Duration::from_secs(60)))).unwrap();
    let again = called.failure("panics", json!({})).await;
    assert_eq!(again.message, "on purpose");
    failure
}

#[tokio::test]
async fn a_panic_of_the_library_names_the_line_of_the_plugin() {
    let failure = fails("overflows", json!({ "at": 7 })).await;
    assert_eq!(failure.kind.as_str(), "panic");
    assert_eq!(failure.message, "index out of bounds: the len is 3 but the index is 7");
    assert_eq!(failure.detail.unwrap()["file"], json!("hostile/src/lib.rs"));
}

#[tokio::test]
async fn an_endless_recursion_ends() {
    let failure = fails("recurses", json!({})).await;
    assert!(["limit", "trap"].contains(&failure.kind.as_str()), "{failure:?}");
    assert!(!failure.retryable);
}

#[tokio::test]
async fn memory_without_end_is_refused() {
    let failure = fails("allocates", json!({})).await;
    assert_eq!(failure.kind.as_str(), "limit");
    assert_eq!(failure.detail.unwrap()["limit"], json!("memory"));
}

#[tokio::test]
async fn an_endless_loop_is_stopped() {
    let failure = fails("spins", json!({})).await;
    assert_eq!(failure.kind.as_str(), "timeout");
}

#[tokio::test]
async fn a_log_without_end_is_refused() {
    let failure = fails("floods-the-log", json!({})).await;
    assert_eq!(failure.kind.as_str(), "limit");
    assert_eq!(failure.detail.unwrap()["limit"], json!("log"));
}

#[tokio::test]
async fn an_output_that_is_too_large_is_refused() {
    assert_eq!(fails("floods-the-output", json!({})).await.kind.as_str(), "limit");
}

#[tokio::test]
async fn a_message_of_many_pages_is_cut() {
    let failure = fails("fails-at-length", json!({})).await;
    assert_eq!(failure.kind.as_str(), "error");
    assert!(failure.message.len() < 20 << 10, "{}", failure.message.len());
}

#[tokio::test]
async fn an_output_that_is_not_as_promised_is_refused() {
    let failure = fails("lies", json!({})).await;
    assert_eq!(failure.kind.as_str(), "output");
    assert!(failure.message.contains("`lies`"), "{failure:?}");
}

#[tokio::test]
async fn an_output_that_is_no_json_is_refused() {
    let failure = fails("not-json", json!({})).await;
    assert_eq!(failure.kind.as_str(), "output");
    assert!(failure.message.contains("is no JSON"), "{failure:?}");
}

#[tokio::test]
async fn whoever_is_denied_cannot_go_on() {
    for (agent, inputs, grant) in [
        ("reads-a-secret", json!({ "name": "DIRECTORY_KEY" }), "secret DIRECTORY_KEY"),
        ("sends-a-request", json!({ "url": "http://127.0.0.1:9/" }), "http GET 127.0.0.1:9"),
        ("keeps-a-value", json!({}), "state"),
    ] {
        let failure = fails(agent, inputs).await;
        assert_eq!(failure.kind.as_str(), "denied", "{agent}: {failure:?}");
        assert_eq!(failure.detail.unwrap()["grant"], json!(grant));
    }
}
