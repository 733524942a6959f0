//! Models in order.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::Level;

use crate::kit::{Around, agent, ask, ask_in, fixture, reply};
use crate::server::{Reply, Seen, Server};
use turbocat_plugins::llm::Provider;

/// `OpenAI` fails, Anthropic answers.
async fn only_anthropic_answers(openai: Reply) -> Server {
    Server::start(
        move |seen, _| if is_openai(seen) { openai.clone() } else { reply(Provider::Anthropic, "", true) },
    )
    .await
}

fn is_openai(seen: &Seen) -> bool {
    seen.target == "/v1/chat/completions"
}

fn both() -> Value {
    json!({ "models": ["openai/gpt-4o-mini", "anthropic/claude-haiku"], "timeout": "2s" })
}

#[tokio::test]
async fn the_next_model_answers_when_one_cannot() {
    let stream = fixture(Provider::OpenAi, "", true);
    let broken = Reply::new(200, &[("content-type", "text/event-stream")], &stream[..stream.len() / 2]);
    let check = async |openai: Reply, kind: &str, spent: bool| {
        let server = only_anthropic_answers(openai).await;
        let around = Arc::new(Around::default());
        let output = ask_in(&around, &agent(&server), both()).await.unwrap();
        let value = &output.value;
        assert_eq!((&value["provider"], &value["model"]), (&json!("anthropic"), &json!("claude-haiku-4-5")));
        let tried = value["attempts"].as_array().unwrap();
        assert_eq!(tried.len(), 2);
        assert_eq!((&tried[0]["provider"], &tried[0]["model"]), (&json!("openai"), &json!("gpt-4o-mini")));
        assert_eq!(tried[0]["error"]["kind"], kind);
        assert_eq!(tried[1], json!({ "provider": "anthropic", "model": "claude-haiku-4-5" }));
        let warned = around.logged(Level::Warn);
        assert!(warned.len() == 1 && warned[0].starts_with("`openai/gpt-4o-mini`: "), "{warned:?}");
        assert!(warned[0].ends_with("; `anthropic/claude-haiku-4-5` is asked instead"), "{warned:?}");
        let usage = output.usage.unwrap();
        assert_eq!((usage.api_calls, usage.input_tokens), (2, 19));
        // what was shown of the broken answer is taken back
        let restarted = around.progress().iter().any(|shown| shown["restarted"] == true);
        assert_eq!(restarted, spent);
    };
    check(Reply::status(429), "http.429", false).await;
    check(Reply::status(500), "http.500", false).await;
    check(Reply::status(529), "http.529", false).await;
    check(Reply::status(408), "http.408", false).await;
    check(Reply::hang(), "timeout", false).await;
    check(Reply::cut(), "network", false).await;
    check(broken, "network", true).await;
    check(Reply::json("{}"), "llm.reply", false).await;
    let quota = Reply::new(429, &[], r#"{"error":{"code":"insufficient_quota","message":"pay"}}"#);
    check(quota, "http.429", false).await;
}

#[tokio::test]
async fn a_mistake_of_ones_own_is_no_reason_to_ask_another() {
    for status in [400, 401, 403, 404, 413] {
        let server = only_anthropic_answers(Reply::status(status)).await;
        let failure = ask(&agent(&server), both()).await.unwrap_err();
        assert_eq!((failure.kind.as_str(), failure.retryable), (&*format!("http.{status}"), false));
        assert_eq!(server.seen().len(), 1, "another was asked after {status}");
    }
    let refusal = json!({ "choices": [{ "message": { "refusal": "no" } }] });
    let server = only_anthropic_answers(Reply::json(&refusal.to_string())).await;
    assert_eq!(ask(&agent(&server), both()).await.unwrap_err().kind.as_str(), "llm.refusal");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn the_last_model_decides_how_it_failed() {
    let server = Server::start(|seen, _| {
        if is_openai(seen) {
            return Reply::new(503, &[("retry-after", "99")], "");
        }
        Reply::new(429, &[("retry-after", "7")], "")
    })
    .await;
    let failure = ask(&agent(&server), both()).await.unwrap_err();
    let expected = "`anthropic/claude-haiku-4-5`: answered 429; before it `openai/gpt-4o-mini` did not answer either (http.429)";
    assert_eq!(failure.to_string(), expected);
    assert_eq!((failure.retry_after, failure.retryable), (Some(Duration::from_secs(7)), true));
    assert_eq!(failure.usage.unwrap().api_calls, 2);
    let tried = failure.detail.unwrap();
    let kinds: Vec<&Value> =
        tried["attempts"].as_array().unwrap().iter().map(|tried| &tried["error"]["kind"]).collect();
    assert_eq!(kinds, ["http.503", "http.429"]);
}

#[tokio::test]
async fn models_are_asked_in_order_and_no_more_than_needed() {
    let server = Server::start(|seen, _| {
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        if body["model"] == "c" { reply(Provider::OpenAi, "", true) } else { Reply::status(500) }
    })
    .await;
    let config = json!({ "models": ["openai/a", { "provider": "openai", "model": "b", "extra": { "seed": 1 } }, "openai/c", "openai/d"] });
    let output = ask(&agent(&server), config).await.unwrap();
    let bodies = crate::kit::bodies(&server);
    let asked: Vec<&Value> = bodies.iter().map(|body| &body["model"]).collect();
    assert_eq!(asked, ["a", "b", "c"]);
    assert_eq!(output.value["model"], "c");
    // what belongs to one model is not sent to another
    let seeds: Vec<Option<&Value>> = bodies.iter().map(|body| body.get("seed")).collect();
    assert_eq!(seeds, [None, Some(&json!(1)), None]);
}

#[tokio::test]
async fn who_answered_once_is_asked_again() {
    let server = Server::start(|seen, index| match index {
        0 => Reply::status(500),
        1 => reply(Provider::Anthropic, "_tools", true),
        _ if is_openai(seen) => reply(Provider::OpenAi, "", true),
        _ => reply(Provider::Anthropic, "", true),
    })
    .await;
    let around = Arc::new(
        Around::default().agent("weather", json!({ "type": "object" }), |_| Ok(json!("sunny").into())),
    );
    let mut config = both();
    config["tools"] = json!([{ "agent": "weather" }]);
    let output = ask_in(&around, &agent(&server), config).await.unwrap();
    assert_eq!(output.value["provider"], "anthropic");
    let targets: Vec<String> = server.seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, ["/v1/chat/completions", "/v1/messages", "/v1/messages"]);
}

#[tokio::test]
async fn each_model_may_be_somewhere_else() {
    let busy = Server::start(|_, _| Reply::status(503)).await;
    let calm = Server::start(|_, _| reply(Provider::OpenAi, "", true)).await;
    let config = json!({ "models": [
        { "model": "big", "baseUrl": busy.url("/v1"), "apiKey": "one" },
        { "model": "small", "baseUrl": calm.url("/api/v1"), "apiKey": "two", "price": { "input": 1, "output": 2 } },
    ] });
    let output = ask(&agent(&busy), config).await.unwrap();
    assert_eq!(busy.only().header("authorization"), Some("Bearer one"));
    let seen = calm.only();
    assert_eq!(
        (seen.header("authorization"), &*seen.target),
        (Some("Bearer two"), "/api/v1/chat/completions")
    );
    assert_eq!(output.value["costUsd"], (19.0 + 2.0 * 10.0) / 1e6);
}

#[tokio::test]
async fn a_key_of_the_environment_is_not_sent_to_an_address_of_a_workflow() {
    let server = Server::start(|_, _| reply(Provider::OpenAi, "", true)).await;
    let agent = turbocat_plugins::llm::LlmAgent::builder()
        .egress(turbocat_plugins::net::Egress::builder().allow("127.0.0.1").build().unwrap())
        .keys(turbocat_plugins::llm::Keys::from_fn(|_| Some("sk-env".to_owned())))
        .build();
    ask(&agent, json!({ "model": "m", "baseUrl": server.url("") })).await.unwrap();
    assert_eq!(server.only().header("authorization"), None);
}
