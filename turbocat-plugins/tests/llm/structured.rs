//! Answers by schema: as asked for, mended, asked for again, given up.

use std::sync::Arc;

use serde_json::{Value, json};
use turbocat_core::Level;
use turbocat_plugins::llm::Provider;

use crate::kit::{Around, OVER_HTTP, agent, ask, ask_in, bodies, cut, model, says, script};
use crate::server::Reply;

#[expect(clippy::needless_pass_by_value, reason = "reads better where it is called")]
fn config(more: Value) -> Value {
    let mut config = json!({
        "model": "gpt-4o-mini",
        "stream": false,
        "outputSchema": {
            "type": "object",
            "properties": { "name": { "type": "string" }, "lives": { "type": "integer", "maximum": 9 } },
            "required": ["name", "lives"],
        },
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

#[tokio::test]
async fn an_answer_that_fits_is_parsed() {
    let server = script(vec![says(r#"{"name": "Tom", "lives": 9}"#)]).await;
    let output = ask(&agent(&server), config(json!({}))).await.unwrap();
    assert_eq!(output.value["parsedJson"], json!({ "name": "Tom", "lives": 9 }));
    assert_eq!((output.value.get("repaired"), output.value.get("reasked")), (None, None));
    assert_eq!(output.value["content"], r#"{"name": "Tom", "lives": 9}"#);
}

#[tokio::test]
async fn an_answer_that_had_to_be_mended_says_so() {
    let server = script(vec![says("Here you go:\n```json\n{'name': 'Tom', 'lives': 9,}\n```")]).await;
    let output = ask(&agent(&server), config(json!({}))).await.unwrap();
    assert_eq!(
        (&output.value["parsedJson"], &output.value["repaired"]),
        (&json!({ "name": "Tom", "lives": 9 }), &json!(true))
    );
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_asked_for_again_with_its_mistakes() {
    let server = script(vec![
        says("a cat"),
        says(r#"{"name": 7, "lives": 10}"#),
        says(r#"{"name": "Tom", "lives": 9}"#),
    ])
    .await;
    let around = Arc::new(Around::default());
    let output = ask_in(&around, &agent(&server), config(json!({}))).await.unwrap();
    assert_eq!((&output.value["parsedJson"]["name"], &output.value["reasked"]), (&json!("Tom"), &json!(2)));
    assert_eq!(output.value["usage"]["totalTokens"], 330);
    let last = bodies(&server).pop().unwrap();
    let said: Vec<&str> = last["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    assert_eq!(said.len(), 5);
    assert_eq!((said[1], said[3]), ("a cat", r#"{"name": 7, "lives": 10}"#));
    assert!(said[2].contains("- it is not JSON\n"), "{}", said[2]);
    assert!(
        said[4].contains("at `/name`: 7 is not of type \"string\"")
            && said[4].contains("at `/lives`: 10 is greater"),
        "{}",
        said[4]
    );
    assert_eq!(around.logged(Level::Warn).len(), 2);
}

#[tokio::test]
async fn an_answer_that_was_cut_off_is_not_mended_into_another() {
    // nine lives may have been to come
    let half = r#"{"name": "Tom", "lives": 1"#;
    for finish in ["length", "max_tokens", "MAX_TOKENS"] {
        let server = script(vec![cut(half, finish), says(r#"{"name": "Tom", "lives": 1}"#)]).await;
        let output = ask(&agent(&server), config(json!({}))).await.unwrap();
        assert_eq!((&output.value["reasked"], output.value.get("repaired")), (&json!(1), None));
        let told = bodies(&server).pop().unwrap()["messages"][2]["content"].to_string();
        assert!(told.contains("it was cut off before its end"), "{told}");
        let server = script(vec![cut(half, finish)]).await;
        let failure = ask(&agent(&server), config(json!({ "maxReasks": 0 }))).await.unwrap_err();
        assert_eq!(failure.kind.as_str(), "llm.schema");
        assert!(failure.message.contains("it was cut off before its end"), "{failure}");
    }
    // what is whole is whole, even if the limit came next; and so it is if nothing says it was cut
    let server = script(vec![cut("{\"name\": \"Tom\", \"lives\": 1}\n\n\n", "length")]).await;
    assert_eq!(ask(&agent(&server), config(json!({}))).await.unwrap().value["parsedJson"]["lives"], 1);
    let server = script(vec![says(half)]).await;
    assert_eq!(ask(&agent(&server), config(json!({}))).await.unwrap().value["repaired"], true);
}

#[tokio::test]
async fn several_answers_that_fit_and_differ_are_asked_for_again() {
    let both = r#"For example {"name": "Tom", "lives": 1}. Yours: {"name": "Kit", "lives": 9}"#;
    let server = script(vec![says(both), says(r#"{"name": "Kit", "lives": 9}"#)]).await;
    let output = ask(&agent(&server), config(json!({}))).await.unwrap();
    assert_eq!((&output.value["parsedJson"]["name"], &output.value["reasked"]), (&json!("Kit"), &json!(1)));
}

#[tokio::test]
async fn some_json_that_was_cut_off_is_none() {
    let server = script(vec![cut(r#"{"amount": 12"#, "length")]).await;
    let around = Arc::new(Around::default());
    let config = json!({ "model": "gpt-4o-mini", "stream": false, "responseFormat": "json_object" });
    let output = ask_in(&around, &agent(&server), config).await.unwrap();
    assert_eq!((output.value.get("parsedJson"), output.value.get("repaired")), (None, None));
    assert_eq!(
        around.logged(Level::Warn),
        ["the answer was cut off at `maxTokens`", "the answer is not whole: there is no `parsedJson`"]
    );
}

#[tokio::test]
async fn an_answer_that_says_nothing_is_not_repeated_to_the_model() {
    let server = script(vec![says(" "), says(r#"{"name": "Tom", "lives": 9}"#)]).await;
    ask(&agent(&server), config(json!({}))).await.unwrap();
    let last = bodies(&server).pop().unwrap();
    let roles: Vec<&Value> =
        last["messages"].as_array().unwrap().iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["user", "user"]);
}

#[tokio::test]
async fn an_answer_that_never_fits_is_a_failure_that_shows_it() {
    let check = async |more: Value, asked: usize, times: &str| {
        let server = script(vec![says(r#"{"name": "Tom"}"#)]).await;
        let failure = ask(&agent(&server), config(more)).await.unwrap_err();
        assert_eq!(server.seen().len(), asked);
        let expected = format!(
            "the answer{times} does not fit the schema: \"lives\" is a required property (llm.schema)"
        );
        assert_eq!(failure.to_string(), expected);
        assert!(failure.retryable);
        assert_eq!(failure.usage.unwrap().api_calls as usize, asked);
        let detail = failure.detail.unwrap();
        assert_eq!(detail["content"], r#"{"name": "Tom"}"#);
        assert_eq!(detail["mistakes"], json!(["\"lives\" is a required property"]));
    };
    check(json!({}), 3, ", asked for 3 times,").await;
    check(json!({ "maxReasks": 0 }), 1, "").await;
}

#[tokio::test]
async fn some_json_is_parsed_if_it_is_some() {
    let check = async |content: &str, expected: Value| {
        let server = script(vec![says(content)]).await;
        let around = Arc::new(Around::default());
        let config = json!({ "model": "gpt-4o-mini", "stream": false, "responseFormat": "json_object" });
        let output = ask_in(&around, &agent(&server), config).await.unwrap();
        let found = json!([
            output.value.get("parsedJson"),
            output.value.get("repaired"),
            around.logged(Level::Warn).len()
        ]);
        assert_eq!(found, expected, "{content}");
        assert_eq!(output.value["content"], content);
    };
    check(r#"{"a": 1}"#, json!([{ "a": 1 }, null, 0])).await;
    check("```\n{\"a\": 1}\n```", json!([{ "a": 1 }, true, 0])).await;
    check("I will not.", json!([null, null, 1])).await;
}

#[tokio::test]
async fn every_provider_answers_by_schema() {
    let answer = json!({ "name": "Tom", "lives": 9 });
    for provider in OVER_HTTP {
        for stream in [false, true] {
            let server = script(vec![by_schema(provider, &answer, stream)]).await;
            let mut config = config(json!({ "provider": provider.name(), "stream": stream }));
            config["model"] = model(provider).into();
            let around = Arc::new(Around::default());
            let output = ask_in(&around, &agent(&server), config).await.unwrap();
            assert_eq!(output.value["parsedJson"], answer, "{}", provider.name());
            assert_eq!(output.value.get("toolCalls"), None);
            if stream {
                let shown: String =
                    around.progress().iter().map(|shown| shown["text"].as_str().unwrap()).collect();
                assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), answer);
            }
        }
    }
}

/// How a provider gives an answer by schema.
fn by_schema(provider: Provider, answer: &Value, stream: bool) -> Reply {
    let text = answer.to_string();
    let (kind, body) = match (provider, stream) {
        (Provider::Anthropic, false) => {
            let block = json!({ "type": "tool_use", "id": "t", "name": "answer_in_json", "input": answer });
            (
                "application/json",
                json!({ "content": [block], "stop_reason": "tool_use", "usage": {} }).to_string(),
            )
        }
        (Provider::Anthropic, true) => {
            let events = [
                json!({ "type": "message_start", "message": { "usage": { "input_tokens": 1 } } }),
                json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "tool_use", "id": "t", "name": "answer_in_json", "input": {} } }),
                json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "input_json_delta", "partial_json": text[..9] } }),
                json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "input_json_delta", "partial_json": text[9..] } }),
                json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use" }, "usage": { "output_tokens": 5 } }),
                json!({ "type": "message_stop" }),
            ];
            ("text/event-stream", events.map(|event| format!("data: {event}\n\n")).concat())
        }
        (Provider::OpenAi, false) => (
            "application/json",
            json!({ "choices": [{ "message": { "content": text }, "finish_reason": "stop" }] }).to_string(),
        ),
        (Provider::OpenAi, true) => {
            let piece = json!({ "choices": [{ "delta": { "content": text }, "finish_reason": "stop" }] });
            ("text/event-stream", format!("data: {piece}\n\ndata: [DONE]\n\n"))
        }
        (Provider::Google, _) => {
            let piece = json!({ "candidates": [{ "content": { "parts": [{ "text": text }] }, "finishReason": "STOP" }] });
            if stream {
                ("text/event-stream", format!("data: {piece}\n\n"))
            } else {
                ("application/json", piece.to_string())
            }
        }
        _ => {
            let piece = json!({ "message": { "content": text }, "done": true, "done_reason": "stop" });
            if stream {
                ("application/x-ndjson", format!("{piece}\n"))
            } else {
                ("application/json", piece.to_string())
            }
        }
    };
    Reply::new(200, &[("content-type", kind)], body)
}
