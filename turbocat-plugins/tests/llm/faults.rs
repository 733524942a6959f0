//! What goes wrong with one model, and what the step fails with.

use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::StepFailure;
use turbocat_plugins::llm::{Keys, LlmAgent, Provider};
use turbocat_plugins::net::Egress;

use crate::kit::{OVER_HTTP, agent, ask, builder, fixture, model, reply, script};
use crate::server::{Reply, Server};

/// What one model's reply makes of a step.
async fn failure(provider: Provider, reply: Reply, stream: bool) -> StepFailure {
    failure_within(provider, reply, stream, "2m").await
}

async fn failure_within(provider: Provider, reply: Reply, stream: bool, timeout: &str) -> StepFailure {
    let server = script(vec![reply]).await;
    let config = json!({ "provider": provider.name(), "model": model(provider), "stream": stream, "timeout": timeout });
    ask(&agent(&server), config).await.unwrap_err()
}

fn complaint(provider: Provider, status: u16, word: &str, message: &str) -> Reply {
    let body = match provider {
        Provider::OpenAi => {
            json!({ "error": { "message": message, "type": word, "param": null, "code": word } })
        }
        Provider::Anthropic => {
            json!({ "type": "error", "error": { "type": word, "message": message }, "request_id": "req_1" })
        }
        Provider::Google => json!({ "error": { "code": status, "message": message, "status": word } }),
        _ => json!({ "error": message }),
    };
    Reply::new(status, &[("content-type", "application/json")], body.to_string())
}

#[tokio::test]
async fn a_status_is_the_kind_of_the_failure() {
    let check = async |status: u16, word: &str, retryable: bool| {
        for provider in OVER_HTTP {
            for stream in [false, true] {
                let failure = failure(provider, complaint(provider, status, word, "no"), stream).await;
                let expected = format!(
                    "`{}/{}`: answered {status}: no (http.{status})",
                    provider.name(),
                    model(provider)
                );
                assert_eq!(failure.to_string(), expected);
                assert_eq!(failure.retryable, retryable, "{failure}");
                assert_eq!(failure.usage.unwrap().api_calls, 1);
            }
        }
    };
    check(400, "invalid_request_error", false).await;
    check(401, "authentication_error", false).await;
    check(404, "not_found_error", false).await;
    check(429, "rate_limit_error", true).await;
    check(500, "api_error", true).await;
    check(529, "overloaded_error", true).await;
    check(301, "moved", false).await;
}

#[tokio::test]
async fn a_provider_says_when_to_come_back() {
    let check = async |headers: &[(&str, &str)], body: Value, expected: Option<u64>| {
        let reply = Reply::new(429, headers, body.to_string());
        let failure = failure(Provider::Google, reply, true).await;
        assert_eq!(failure.retry_after, expected.map(Duration::from_millis), "{headers:?}");
    };
    check(&[("retry-after", "7")], json!({}), Some(7000)).await;
    check(&[("retry-after", "7"), ("retry-after-ms", "50")], json!({}), Some(50)).await;
    check(&[], json!({ "error": { "message": "slow", "details": [{ "retryDelay": "3s" }] } }), Some(3000))
        .await;
    check(&[], json!({ "error": { "message": "slow" } }), None).await;
}

#[tokio::test]
async fn an_empty_purse_is_not_waited_for() {
    let reply = complaint(Provider::OpenAi, 429, "insufficient_quota", "You exceeded your current quota");
    let failure = failure(Provider::OpenAi, reply, true).await;
    assert_eq!((failure.kind.as_str(), failure.retryable), ("http.429", false));
}

#[tokio::test]
async fn silence_is_a_timeout() {
    for stream in [false, true] {
        let silent = failure_within(Provider::OpenAi, Reply::hang(), stream, "300ms").await;
        assert_eq!(silent.to_string(), "`openai/gpt-4o-mini`: timed out after 300 ms (timeout)");
    }
    // and so is silence in the midst of an answer
    let half = half(Provider::Anthropic).then_hang();
    let failure = failure_within(Provider::Anthropic, half, true, "2s").await;
    assert_eq!(failure.kind.as_str(), "timeout");
    assert_eq!(failure.usage.unwrap().input_tokens, 19, "what was spent is lost");
}

/// The first half of a stream, of which more is promised.
fn half(provider: Provider) -> Reply {
    let stream = fixture(provider, "", true);
    let length = stream.len().to_string();
    let headers = [("content-type", "text/event-stream"), ("content-length", &length)];
    Reply::new(200, &headers, &stream[..stream.len() / 2])
}

#[tokio::test]
async fn a_connection_that_breaks_is_one() {
    for provider in OVER_HTTP {
        let at_once = failure(provider, Reply::cut(), true).await;
        assert_eq!((at_once.kind.as_str(), at_once.retryable), ("network", true), "{at_once}");
        let midst = failure(provider, half(provider).then_close(), true).await;
        assert_eq!((midst.kind.as_str(), midst.retryable), ("network", true), "{midst}");
        // an end that only looks like one
        let stream = fixture(provider, "", true);
        let short = Reply::new(200, &[("content-type", "text/event-stream")], &stream[..stream.len() / 3]);
        let short = failure(provider, short, true).await;
        assert_eq!(short.kind.as_str(), "network", "{short}");
        assert!(short.message.ends_with("the stream broke off before its end"), "{short}");
    }
    let closed = Server::start(|_, _| Reply::cut()).await;
    let nobody = agent(&closed);
    drop(closed);
    let failure = ask(&nobody, json!({ "model": "gpt-4o-mini" })).await.unwrap_err();
    assert_eq!((failure.kind.as_str(), failure.retryable), ("network", true), "{failure}");
}

#[tokio::test]
async fn what_is_no_answer_is_said_so() {
    let check = async |provider: Provider, body: &str, stream: bool, expected: &str| {
        let kind = if stream { "text/event-stream" } else { "application/json" };
        let failure = failure(provider, Reply::new(200, &[("content-type", kind)], body), stream).await;
        assert_eq!(failure.kind.as_str(), "llm.reply", "{failure}");
        assert!(failure.message.contains(expected) && failure.retryable, "{failure}");
    };
    for provider in OVER_HTTP {
        check(provider, "<html>", false, "sent what cannot be read").await;
        let nonsense = if provider == Provider::Ollama { "{nonsense}\n" } else { "data: {nonsense}\n\n" };
        check(provider, nonsense, true, "sent what cannot be read").await;
    }
    check(Provider::OpenAi, r#"{"choices":[]}"#, false, "sent no choices").await;
    check(Provider::Anthropic, "{}", false, "sent no content").await;
    check(Provider::Google, r#"{"candidates":[]}"#, false, "sent no candidates").await;
    check(Provider::Ollama, "{}", false, "sent no message").await;
    let broken = r#"{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]}"#;
    check(Provider::Google, broken, false, "sent no answer (`MALFORMED_FUNCTION_CALL`)").await;
}

#[tokio::test]
async fn an_error_in_the_midst_of_a_stream_is_one() {
    let check = async |provider: Provider, body: &str, expected: &str| {
        let failure =
            failure(provider, Reply::new(200, &[("content-type", "text/event-stream")], body), true).await;
        assert_eq!(failure.to_string(), expected);
    };
    check(
        Provider::Anthropic,
        "event: error\ndata: {\"type\": \"error\", \"error\": {\"type\": \"overloaded_error\", \"message\": \"Overloaded\"}}\n\n",
        "`anthropic/claude-haiku-4-5`: answered 529: Overloaded (http.529)",
    )
    .await;
    check(
        Provider::OpenAi,
        "data: {\"error\": {\"type\": \"server_error\", \"message\": \"oops\"}}\n\n",
        "`openai/gpt-4o-mini`: answered 500: oops (http.500)",
    )
    .await;
    check(
        Provider::Google,
        "data: {\"error\": {\"code\": 503, \"message\": \"busy\", \"status\": \"UNAVAILABLE\"}}\n\n",
        "`google/gemini-2.5-flash`: answered 503: busy (http.503)",
    )
    .await;
    check(
        Provider::Ollama,
        "{\"error\": \"out of memory\"}\n",
        "`ollama/llama3.2`: answered 500: out of memory (http.500)",
    )
    .await;
}

#[tokio::test]
async fn a_refusal_is_final() {
    let check = async |provider: Provider, status: u16, body: Value, expected: &str| {
        let reply = Reply::new(status, &[("content-type", "application/json")], body.to_string());
        let failure = failure(provider, reply, false).await;
        assert_eq!((failure.kind.as_str(), failure.retryable), ("llm.refusal", false), "{failure}");
        assert!(failure.message.ends_with(expected), "{failure}");
    };
    let usage = json!({ "prompt_tokens": 5, "completion_tokens": 1 });
    let refusal = json!({ "choices": [{ "message": { "content": null, "refusal": "I can't." }, "finish_reason": "stop" }], "usage": usage });
    check(Provider::OpenAi, 200, refusal, "the model refused: I can't.").await;
    let filtered =
        json!({ "choices": [{ "message": { "content": "" }, "finish_reason": "content_filter" }] });
    check(Provider::OpenAi, 200, filtered, "filter stopped the answer (`content_filter`)").await;
    check(
        Provider::OpenAi,
        400,
        json!({ "error": { "code": "content_filter", "message": "no" } }),
        "answered 400: no",
    )
    .await;
    let refusal = json!({ "content": [{ "type": "text", "text": "No." }], "stop_reason": "refusal" });
    check(Provider::Anthropic, 200, refusal, "the model refused: No.").await;
    let blocked =
        json!({ "promptFeedback": { "blockReason": "SAFETY" }, "usageMetadata": { "promptTokenCount": 5 } });
    check(Provider::Google, 200, blocked, "filter stopped the prompt (`SAFETY`)").await;
    let blocked = json!({ "candidates": [{ "finishReason": "RECITATION" }] });
    check(Provider::Google, 200, blocked, "filter stopped the answer (`RECITATION`)").await;
}

#[tokio::test]
async fn a_refusal_costs_what_it_cost() {
    let body = json!({ "choices": [{ "message": { "refusal": "no" } }], "usage": { "prompt_tokens": 1000, "completion_tokens": 1 } });
    let failure = failure(Provider::OpenAi, Reply::json(&body.to_string()), false).await;
    let usage = failure.usage.unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens), (1000, 1));
    assert!(usage.cost_usd > 0.000_15);
}

#[tokio::test]
async fn a_key_is_in_no_failure() {
    for provider in OVER_HTTP {
        for status in [401, 429] {
            let server = Server::start(move |seen, _| {
                // a provider that repeats all it was sent
                Reply::new(status, &[], format!("you said {:?}", seen.headers))
            })
            .await;
            let config =
                json!({ "provider": provider.name(), "model": model(provider), "apiKey": "sk-very-secret" });
            let failure = ask(&agent(&server), config).await.unwrap_err();
            let all = format!("{failure} {failure:?} {:?}", failure.detail);
            assert!(all.contains("you said") && !all.contains("sk-very-secret"), "{all}");
        }
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_sent_is_said_and_not_shown() {
    let server = script(vec![reply(Provider::OpenAi, "", false)]).await;
    let failure = ask(&agent(&server), json!({ "model": "m", "apiKey": "sk-two\nlines" })).await.unwrap_err();
    assert!(failure.message.contains("the header `authorization` cannot be sent"), "{failure}");
    assert!(!failure.message.contains("sk-two") && !failure.retryable);
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn what_stands_inside_is_not_reached() {
    let server = script(vec![reply(Provider::Ollama, "", true)]).await;
    let guarded = builder(&server).egress(Egress::default()).build();
    let failure = ask(&guarded, json!({ "provider": "ollama", "model": "llama3.2" })).await.unwrap_err();
    assert_eq!((failure.kind.as_str(), failure.retryable), ("network.refused", false), "{failure}");
    assert!(failure.message.contains("Egress::builder().allow(\"localhost:11434\")"), "{failure}");
    let config = json!({ "model": "m", "baseUrl": server.url("/v1") });
    let failure = ask(&guarded, config).await.unwrap_err();
    assert_eq!(failure.kind.as_str(), "network.refused");
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn a_missing_key_is_said_before_anybody_is_asked() {
    let agent = LlmAgent::builder().keys(Keys::none()).build();
    let config = json!({ "models": [{ "provider": "mock" }, "anthropic/claude-haiku"] });
    let failure = ask(&agent, config).await.unwrap_err();
    let expected = "`anthropic/claude-haiku-4-5` needs a key: set `ANTHROPIC_API_KEY` in the environment, or `apiKey` to a secret in the configuration (llm.key)";
    assert_eq!((failure.to_string().as_str(), failure.retryable), (expected, false));
}

#[tokio::test]
async fn a_configuration_that_does_not_fit_is_said_with_its_places() {
    let server = script(vec![Reply::cut()]).await;
    let failure =
        ask(&agent(&server), json!({ "model": "m", "temperature": "hot", "stop": 7 })).await.unwrap_err();
    assert_eq!((failure.kind.as_str(), failure.retryable), ("input", false));
    assert_eq!(failure.detail.unwrap()[0]["at"], "/temperature");
    assert!(
        failure.message.contains(
            "`temperature` must be a number from 0 to 2, not a text; `stop` must be a list of texts"
        ),
        "{}",
        failure.message
    );
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn who_stops_waiting_closes_the_connection() {
    let mut server = script(vec![half(Provider::OpenAi).then_hang()]).await;
    let agent = agent(&server);
    let asking = tokio::spawn(async move { ask(&agent, json!({ "model": "gpt-4o-mini" })).await });
    server.asked(1).await;
    asking.abort();
    server.gave_up().await;
}
