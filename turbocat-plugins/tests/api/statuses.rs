//! Statuses that are failures.

use serde_json::{Value, json};
use turbocat_core::StepFailure;

use super::execute;
use super::server::{Reply, Server};

async fn fail_on(reply: Reply, fail_on: Value) -> Option<StepFailure> {
    let server = Server::start(move |_, _| reply.clone()).await;
    execute(json!({ "url": server.url("/s3cret"), "failOnStatus": fail_on })).await.err()
}

#[tokio::test]
async fn only_the_statuses_that_are_named_are_failures() {
    let check = async |pattern: Value, fails: &[u16]| {
        for status in [200, 302, 400, 404, 418, 500, 503] {
            let kind =
                fail_on(Reply::status(status), pattern.clone()).await.map(|failure| failure.kind.to_string());
            let expected = fails.contains(&status).then(|| format!("http.{status}"));
            assert_eq!(kind, expected, "{pattern} {status}");
        }
    };
    check(json!(null), &[]).await;
    check(json!(false), &[]).await;
    check(json!(true), &[400, 404, 418, 500, 503]).await;
    check(json!("5xx"), &[500, 503]).await;
    check(json!("5XX"), &[500, 503]).await;
    check(json!(404), &[404]).await;
    check(json!("404"), &[404]).await;
    check(json!([200, "3xx", 418]), &[200, 302, 418]).await;
    check(json!([]), &[]).await;
}

#[tokio::test]
async fn a_failure_tells_what_was_answered() {
    let failure =
        fail_on(Reply::new(422, &[("x-why", "y")], r#"{"error":"no name"}"#), json!(true)).await.unwrap();
    assert_eq!(failure.to_string(), "the server answered 422 Unprocessable Entity (http.422)");
    let detail = failure.detail.unwrap();
    assert_eq!(detail["statusCode"], 422);
    assert_eq!(detail["data"], json!({ "error": "no name" }));
    assert_eq!(detail["headers"]["x-why"], "y");
    assert_eq!(failure.usage.unwrap().api_calls, 1);
}

#[tokio::test]
async fn a_failure_keeps_a_part_of_a_long_answer() {
    let failure = fail_on(Reply::new(500, &[], "ä".repeat(100_000)), json!(true)).await.unwrap();
    assert_eq!(failure.detail.unwrap()["data"].as_str().unwrap().chars().count(), 16 << 10);
}

#[tokio::test]
async fn a_failure_that_may_pass_says_so_and_when() {
    for (status, retryable) in [
        (400, false),
        (401, false),
        (404, false),
        (408, true),
        (425, true),
        (429, true),
        (500, true),
        (503, true),
    ] {
        let failure = fail_on(Reply::status(status), json!(true)).await.unwrap();
        assert_eq!((failure.retryable, failure.retry_after), (retryable, None), "{status}");
    }
    let pause = async |text: &str| {
        let failure = fail_on(Reply::new(429, &[("retry-after", text)], ""), json!(true)).await.unwrap();
        failure.retry_after.map(|pause| pause.as_secs())
    };
    assert_eq!(pause("120").await, Some(120));
    assert_eq!(pause("Wed, 21 Oct 2015 07:28:00 GMT").await, Some(0));
    assert_eq!(pause("99999999999").await, Some(86_400));
    assert_eq!(pause("whenever").await, None);
}
