//! Who the request says it is.

use std::sync::Arc;

use serde_json::{Value, json};
use turbocat_core::{AgentExecutor, AttemptRequest};

use super::server::{Reply, Seen, Server};
use super::{agent, output};

async fn seen(auth: Value) -> (Seen, Value) {
    let server = Server::start(|_, _| Reply::ok("")).await;
    let output = output(json!({ "url": server.url("/"), "auth": auth })).await;
    (server.only(), output)
}

#[tokio::test]
async fn every_kind_of_auth_sets_its_header() {
    let check = async |auth: Value, header: &str, expected: &str| {
        let (seen, _) = seen(auth.clone()).await;
        assert_eq!(seen.header(header), Some(expected), "{auth}");
    };
    check(json!({ "type": "bearer", "token": "t0" }), "authorization", "Bearer t0").await;
    check(
        json!({ "type": "basic", "username": "ada", "password": "pä:ss" }),
        "authorization",
        "Basic YWRhOnDDpDpzcw==",
    )
    .await;
    check(json!({ "type": "api_key", "apiKey": "k" }), "x-api-key", "k").await;
    check(json!({ "type": "api_key", "apiKey": "k", "apiKeyHeader": "X-Mine" }), "x-mine", "k").await;
    // as the specification writes them
    check(json!({ "type": "bearer", "credentials": "t0" }), "authorization", "Bearer t0").await;
    check(json!({ "type": "basic", "credentials": "ada:x" }), "authorization", "Basic YWRhOng=").await;
    check(json!({ "type": "apikey", "credentials": "k" }), "x-api-key", "k").await;
}

#[tokio::test]
async fn without_auth_nothing_is_said() {
    for auth in [Value::Null, json!({ "type": "none" })] {
        let (seen, _) = seen(auth).await;
        assert_eq!((seen.header("authorization"), seen.header("x-api-key")), (None, None));
    }
}

#[tokio::test]
async fn a_key_in_the_query_is_sent_and_not_shown() {
    let server = Server::start(|_, _| Reply::ok("")).await;
    let auth = json!({ "type": "api_key", "apiKey": "s3cret&", "apiKeyParam": "key" });
    let output = output(json!({ "url": server.url("/"), "queryParams": { "q": "x" }, "auth": auth })).await;
    assert_eq!(server.only().target, "/?q=x&key=s3cret%26");
    assert_eq!(output["requestUrl"], server.url("/?q=x&key=***"));
    assert!(!output.to_string().contains("s3cret"));
}

#[tokio::test]
async fn a_header_of_its_own_wins_over_auth() {
    let server = Server::start(|_, _| Reply::ok("")).await;
    output(json!({
        "url": server.url("/"),
        "auth": { "type": "bearer", "token": "t" },
        "headers": { "Authorization": "Custom x" },
    }))
    .await;
    assert_eq!(server.only().header("authorization"), Some("Custom x"));
}

#[tokio::test]
async fn a_header_that_holds_a_secret_stays_with_its_origin_whatever_it_is_called() {
    let other = Server::start(|_, _| Reply::ok("")).await;
    let to = other.url("/");
    let server = Server::start(move |_, _| Reply::redirect(307, &to)).await;
    let config = json!({
        "url": server.url("/"), "headers": { "X-Pat": "pat hüsh", "X-Plain": "p", "X-Odd": "ü" },
    });
    let request =
        AttemptRequest::new(Value::Null).with_config(config).with_secrets(Arc::new(json!({ "T": "hüsh" })));
    agent().execute(request).await.unwrap();
    assert!(server.only().header("x-pat").is_some());
    let last = other.only();
    assert_eq!((last.header("x-pat"), last.header("x-plain")), (None, Some("p")));
    assert_eq!(last.header("x-odd"), Some("ü"));
}

#[tokio::test]
async fn credentials_are_not_carried_to_another_origin() {
    let other = Server::start(|_, _| Reply::ok("")).await;
    let to = other.url("/");
    let server = Server::start(move |_, _| Reply::redirect(307, &to)).await;
    output(json!({
        "url": server.url("/"),
        "auth": { "type": "api_key", "apiKey": "s3cret", "apiKeyHeader": "X-Mine" },
        "headers": { "X-Access-Token": "s3cret", "X-Plain": "p", "Idempotency-Key": "i" },
    }))
    .await;
    let first = server.only();
    assert_eq!((first.header("x-mine"), first.header("x-access-token")), (Some("s3cret"), Some("s3cret")));
    let last = other.only();
    assert_eq!((last.header("x-mine"), last.header("x-access-token")), (None, None));
    assert_eq!((last.header("x-plain"), last.header("idempotency-key")), (Some("p"), Some("i")));
}
