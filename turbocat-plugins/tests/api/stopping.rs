//! Stopping: a request that nobody waits for is broken off.

use serde_json::{Value, json};
use turbocat_core::{AgentExecutor, AttemptRequest};

use super::agent;
use super::server::{Reply, Server};

#[tokio::test]
async fn a_request_that_is_dropped_closes_its_connection() {
    for reply in [Reply::hang(), Reply::new(200, &[("content-length", "10")], "half").then_hang()] {
        let mut server = Server::start(move |_, _| reply.clone()).await;
        let config = json!({ "url": server.url("/"), "requestTimeoutMs": "1h" });
        let request = AttemptRequest::new(Value::Null).with_config(config);
        let work = tokio::spawn(async move { agent().execute(request).await.map(drop) });
        server.asked(1).await;
        work.abort();
        server.gave_up().await;
    }
}

#[tokio::test]
async fn a_pause_that_is_dropped_tries_nothing_again() {
    let server = Server::start(|_, _| Reply::status(503)).await;
    let config =
        json!({ "url": server.url("/"), "retryCount": 1, "retryDelayMs": "1h", "maxRetryDelayMs": "1h" });
    let request = AttemptRequest::new(Value::Null).with_config(config);
    let work = tokio::spawn(async move { agent().execute(request).await.map(drop) });
    server.asked(1).await;
    work.abort();
    assert!(work.await.unwrap_err().is_cancelled());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_timeout_closes_the_connection() {
    let mut server = Server::start(|_, _| Reply::hang()).await;
    let config = json!({ "url": server.url("/"), "requestTimeoutMs": 30 });
    let request = AttemptRequest::new(Value::Null).with_config(config);
    assert!(agent().execute(request).await.is_err());
    server.gave_up().await;
}
