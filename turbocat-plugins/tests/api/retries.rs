//! Trying again.

use serde_json::{Value, json};

use super::server::{Reply, Server};
use super::{execute, failure, output};

/// What comes of a server that answers so, one after the other, and how often it was asked.
async fn after(replies: Vec<Reply>, mut config: Value) -> (Value, usize) {
    let server = Server::start(move |_, count| replies[count.min(replies.len() - 1)].clone()).await;
    config["url"] = server.url("/").into();
    config["retryDelayMs"] = 1.into();
    let output = output(config).await;
    (output, server.seen().len())
}

#[tokio::test]
async fn a_status_that_passes_is_tried_again() {
    for status in [429, 500, 502, 503, 504] {
        let replies = vec![Reply::status(status), Reply::status(status), Reply::json("1")];
        let (output, asked) = after(replies, json!({ "retryCount": 3 })).await;
        assert_eq!(
            (&output["statusCode"], &output["retryCount"], asked),
            (&json!(200), &json!(2), 3),
            "{status}"
        );
    }
}

#[tokio::test]
async fn other_statuses_are_not_tried_again() {
    for status in [200, 304, 400, 404, 408, 501, 505] {
        let (output, asked) = after(vec![Reply::status(status)], json!({ "retryCount": 3 })).await;
        assert_eq!((&output["statusCode"], &output["retryCount"], asked), (&json!(status), &json!(0), 1));
    }
}

#[tokio::test]
async fn which_statuses_are_tried_again_can_be_chosen() {
    let check = async |on: Value, status: u16, expected: usize| {
        let config = json!({ "retryCount": 1, "retryOnStatusCodes": on });
        let (_, asked) = after(vec![Reply::status(status)], config).await;
        assert_eq!(asked, expected, "{on} {status}");
    };
    check(json!([404]), 404, 2).await;
    check(json!([404]), 503, 1).await;
    check(json!(["4xx"]), 418, 2).await;
    check(json!("5xx"), 501, 2).await;
    check(json!([]), 503, 1).await;
}

#[tokio::test]
async fn nothing_is_tried_again_unless_it_is_asked_for() {
    let (output, asked) = after(vec![Reply::status(503)], json!({})).await;
    assert_eq!((&output["statusCode"], &output["retryCount"], asked), (&json!(503), &json!(0), 1));
}

#[tokio::test]
async fn when_the_tries_are_used_up_the_last_answer_counts() {
    let (output, asked) = after(vec![Reply::status(500), Reply::status(503)], json!({ "retries": 2 })).await;
    assert_eq!((&output["statusCode"], &output["retryCount"], asked), (&json!(503), &json!(2), 3));
}

#[tokio::test]
async fn broken_connections_are_tried_again() {
    let (output, asked) = after(vec![Reply::cut(), Reply::json("1")], json!({ "retryCount": 1 })).await;
    assert_eq!((&output["data"], &output["retryCount"], asked), (&json!(1), &json!(1), 2));
    let half = Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
    let (output, asked) = after(vec![half, Reply::json("1")], json!({ "retryCount": 1 })).await;
    assert_eq!((&output["data"], asked), (&json!(1), 2));
}

#[tokio::test]
async fn timeouts_are_tried_again() {
    let config = json!({ "retryCount": 1, "requestTimeoutMs": 100 });
    let (output, asked) = after(vec![Reply::hang(), Reply::json("1")], config).await;
    assert_eq!((&output["data"], &output["retryCount"], asked), (&json!(1), &json!(1), 2));
}

#[tokio::test]
async fn a_second_try_of_a_post_has_the_key_of_the_first() {
    let server = Server::start(|_, count| Reply::status(if count == 0 { 503 } else { 200 })).await;
    output(
        json!({ "url": server.url("/"), "method": "POST", "body": [1], "retryCount": 1, "retryDelayMs": 0 }),
    )
    .await;
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen[0].header("idempotency-key").is_some());
    assert_eq!(seen[0].header("idempotency-key"), seen[1].header("idempotency-key"));
    assert_eq!((seen[0].text(), seen[1].text()), ("[1]", "[1]"));
}

#[tokio::test]
async fn a_server_that_asks_for_a_pause_gets_it() {
    // at once, in place of the hour that would be waited
    let server = Server::start(|_, count| match count {
        0 => Reply::new(429, &[("retry-after", "0")], ""),
        1 => Reply::new(503, &[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")], ""),
        _ => Reply::json("1"),
    })
    .await;
    let config =
        json!({ "url": server.url("/"), "retryCount": 2, "retryDelayMs": "1h", "maxRetryDelayMs": "1h" });
    assert_eq!(output(config).await["retryCount"], 2);
}

#[tokio::test]
async fn a_pause_that_is_too_long_ends_the_tries() {
    let reply = Reply::new(429, &[("retry-after", "61")], "");
    let (output, asked) = after(vec![reply.clone()], json!({ "retryCount": 5 })).await;
    assert_eq!((&output["statusCode"], &output["retryCount"], asked), (&json!(429), &json!(0), 1));
    // the workflow's own retries wait that long
    let server = Server::start(move |_, _| reply.clone()).await;
    let failure = failure(json!({ "url": server.url("/"), "retryCount": 5, "failOnStatus": [429] })).await;
    assert_eq!(failure.retry_after.map(|pause| pause.as_secs()), Some(61));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn what_cannot_succeed_is_not_tried_again() {
    let server = Server::start(|_, _| Reply::redirect(302, "http://10.0.0.1/")).await;
    let refused = failure(
        json!({ "url": server.url("/"), "retryCount": 5, "retryDelayMs": "1h", "maxRetryDelayMs": "1h" }),
    )
    .await;
    assert_eq!(refused.kind.as_str(), "network.refused");
    assert_eq!(server.seen().len(), 1);
    let server = Server::start(|_, _| Reply::ok("too large")).await;
    let large = failure(json!({ "url": server.url("/"), "retryCount": 5, "maxResponseBytes": 5 })).await;
    assert_eq!(large.kind.as_str(), "limit");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn calls_and_bytes_are_counted_over_all_tries() {
    let server = Server::start(|_, count| match count {
        0 => Reply::new(503, &[], "busy"),
        _ => Reply::ok("done!"),
    })
    .await;
    let config =
        json!({ "url": server.url("/"), "method": "PUT", "body": "123", "retryCount": 2, "retryDelayMs": 0 });
    let usage = execute(config).await.unwrap().usage.unwrap();
    assert_eq!((usage.api_calls, usage.network_bytes), (2, 3 + 4 + 3 + 5));
}
