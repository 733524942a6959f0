//! What comes of an answer.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use turbocat_core::{AgentExecutor, AttemptRequest};

use super::server::{Reply, Server};
use super::{agent, output};

async fn answer(reply: Reply, mut config: Value) -> Value {
    let server = Server::start(move |_, _| reply.clone()).await;
    config["url"] = server.url("/x").into();
    output(config).await
}

#[tokio::test]
async fn an_output_holds_everything_the_contract_names() {
    let server = Server::start(|_, _| {
        Reply::new(
            201,
            &[("Content-Type", "application/json"), ("X-Many", "a"), ("x-many", "b")],
            r#"{"id":7}"#,
        )
    })
    .await;
    let mut output = output(json!({ "url": server.url("/x"), "method": "POST" })).await;
    assert!(output["responseTimeMs"].take().is_u64());
    let expected = json!({
        "statusCode": 201,
        "statusText": "Created",
        "headers": { "content-type": "application/json", "x-many": "a, b", "content-length": "8" },
        "data": { "id": 7 },
        "requestUrl": server.url("/x"),
        "responseTimeMs": null,
        "retryCount": 0,
    });
    assert_eq!(output, expected);
}

#[tokio::test]
async fn the_output_fits_its_schema() {
    let validator = jsonschema::validator_for(&turbocat_plugins::api::output_schema()).unwrap();
    for reply in [Reply::json("[1]"), Reply::status(204), Reply::status(599), Reply::ok("text")] {
        let output = answer(reply, json!({})).await;
        assert!(validator.is_valid(&output), "{output}");
    }
}

#[tokio::test]
async fn data_is_what_was_asked_for() {
    let check = async |reply: Reply, kind: &str, expected: Value| {
        let output = answer(reply, json!({ "responseType": kind })).await;
        assert_eq!(output["data"], expected, "{kind}");
    };
    check(Reply::json("{\"a\":1}"), "json", json!({ "a": 1 })).await;
    check(Reply::ok("no json"), "json", json!("no json")).await;
    check(Reply::json("{\"a\":1}"), "text", json!("{\"a\":1}")).await;
    check(Reply::json("{\"a\":1}"), "blob", json!("eyJhIjoxfQ==")).await;
    check(Reply::status(204), "json", Value::Null).await;
    check(Reply::status(204), "text", json!("")).await;
    check(
        Reply::new(200, &[("content-type", "text/plain; charset=latin1")], b"caf\xe9"),
        "text",
        json!("café"),
    )
    .await;
}

#[tokio::test]
async fn a_secret_that_is_echoed_is_not_hidden_in_base64() {
    let echo = b"\x89PNG\xffhunter 2\x00hunter 2";
    let server = Server::start(move |_, _| Reply::new(200, &[], echo)).await;
    let request = AttemptRequest::new(Value::Null)
        .with_config(json!({ "url": server.url("/"), "responseType": "blob" }))
        .with_secrets(Arc::new(json!({ "KEY": "hunter 2" })));
    let output = agent().execute(request).await.unwrap();
    let data = BASE64_STANDARD.decode(output.value["data"].as_str().unwrap()).unwrap();
    assert_eq!(data, b"\x89PNG\xff[secret]\x00[secret]");
}

#[tokio::test]
async fn the_answer_to_head_is_its_headers() {
    let reply = Reply::new(200, &[("content-length", "50000000"), ("x-a", "b")], "");
    let output = answer(reply, json!({ "method": "HEAD" })).await;
    assert_eq!(output["data"], Value::Null);
    assert_eq!(output["headers"]["x-a"], "b");
    assert_eq!(output["headers"]["content-length"], "50000000");
}

#[tokio::test]
async fn every_status_is_an_output() {
    for (status, phrase) in [
        (200, "OK"),
        (204, "No Content"),
        (304, "Not Modified"),
        (404, "Not Found"),
        (418, "I'm a teapot"),
        (500, "Internal Server Error"),
        (599, ""),
    ] {
        let output = answer(Reply::status(status), json!({})).await;
        assert_eq!((&output["statusCode"], &output["statusText"]), (&json!(status), &json!(phrase)));
    }
}
