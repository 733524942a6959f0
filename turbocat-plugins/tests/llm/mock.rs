//! The provider that is nobody.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::{AgentExecutor, AttemptRequest};
use turbocat_plugins::llm::{Keys, LlmAgent};

use crate::kit::{Around, ask, ask_in};

fn agent() -> LlmAgent {
    LlmAgent::builder().keys(Keys::none()).build()
}

#[tokio::test]
async fn it_answers_what_it_is_told() {
    let output = ask(&agent(), json!({ "provider": "mock", "systemPrompt": "Be very brief" })).await.unwrap();
    let expected = json!({
        "content": "Greet Ada", "provider": "mock", "model": "mock", "finishReason": "stop",
        "usage": { "promptTokens": 5, "completionTokens": 2, "totalTokens": 7 }, "costUsd": 0.0,
    });
    assert_eq!(*output.value, expected);
}

#[tokio::test]
async fn it_answers_what_is_written_down() {
    let replies = json!([
        { "content": "let me see", "toolCalls": [{ "name": "t", "arguments": { "a": 1 } }] },
        { "content": { "done": true }, "usage": { "promptTokens": 40, "completionTokens": 2 }, "finishReason": "end" },
    ]);
    let around = Arc::new(Around::default().agent("t", json!({ "type": "object" }), |_| Ok(json!(1).into())));
    let config = json!({ "provider": "mock", "mock": { "replies": replies }, "tools": [{ "agent": "t" }], "outputSchema": { "type": "object" } });
    let output = ask_in(&around, &agent(), config).await.unwrap();
    assert_eq!(
        (&output.value["parsedJson"], &output.value["finishReason"]),
        (&json!({ "done": true }), &json!("end"))
    );
    assert_eq!(output.value["usage"]["promptTokens"], 2 + 40);
    assert_eq!(around.asked.lock().unwrap()[0].1, json!({ "a": 1 }));
}

#[tokio::test]
async fn it_fails_as_it_is_told() {
    let check = async |error: Value, kind: &str, retry_after: Option<u64>| {
        let config = json!({ "provider": "mock", "mock": { "replies": [{ "error": error }] } });
        let failure = ask(&agent(), config).await.unwrap_err();
        assert_eq!(
            (failure.kind.as_str(), failure.retry_after),
            (kind, retry_after.map(Duration::from_secs))
        );
    };
    check(json!({ "status": 429, "retryAfter": "3s" }), "http.429", Some(3)).await;
    check(json!({ "timeout": true }), "timeout", None).await;
    check(json!({ "refusal": true }), "llm.refusal", None).await;
    check(json!({ "message": "gone" }), "network", None).await;
}

#[tokio::test]
async fn another_attempt_and_another_model_go_on_with_the_answers() {
    let replies = json!({ "replies": [{ "error": { "status": 500 } }, "second", "third"] });
    let one = json!({ "provider": "mock", "mock": replies });
    assert_eq!(ask(&agent(), one.clone()).await.unwrap_err().kind.as_str(), "http.500");
    let mut again = AttemptRequest::new(json!({ "prompt": "p" })).with_config(one);
    again.attempt = 2;
    assert_eq!(agent().execute(again).await.unwrap().value["content"], "second");
    let two = json!({ "models": ["mock/a", "mock/b"], "mock": replies });
    let output = ask(&agent(), two).await.unwrap();
    assert_eq!((&output.value["content"], &output.value["model"]), (&json!("second"), &json!("b")));
    let own = json!({ "models": [{ "provider": "mock", "model": "a", "mock": replies }, { "provider": "mock", "model": "b", "mock": { "replies": ["own"] } }] });
    assert_eq!(ask(&agent(), own).await.unwrap().value["content"], "own");
}

#[tokio::test]
async fn its_words_are_shown_as_they_come() {
    let around = Arc::new(Around::default());
    ask_in(&around, &agent(), json!({ "provider": "mock" })).await.unwrap();
    let shown: String = around.progress().iter().map(|shown| shown["text"].as_str().unwrap()).collect();
    assert_eq!(shown, "Greet Ada");
}
