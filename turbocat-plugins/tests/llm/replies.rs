//! What providers answer, whole and as a stream, and what becomes of it.

use serde_json::{Value, json};
use turbocat_core::Usage;
use turbocat_plugins::llm::Provider;
use turbocat_plugins::llm::answer::Answer;

use crate::kit::{OVER_HTTP, agent, ask, fixture, model, reply, script};

#[tokio::test]
async fn every_provider_gives_the_same_output() {
    for provider in OVER_HTTP {
        for stream in [false, true] {
            let server = script(vec![reply(provider, "", stream)]).await;
            let config = json!({ "provider": provider.name(), "model": model(provider), "stream": stream });
            let output = ask(&agent(&server), config).await.unwrap();
            let finish = match provider {
                Provider::Anthropic => "end_turn",
                Provider::Google => "STOP",
                _ => "stop",
            };
            let cost = match provider {
                Provider::OpenAi => (19.0 * 0.15 + 10.0 * 0.6) / 1e6,
                Provider::Anthropic => (19.0 * 1.0 + 10.0 * 5.0) / 1e6,
                Provider::Google => (19.0 * 0.3 + 10.0 * 2.5) / 1e6,
                _ => 0.0,
            };
            let expected = json!({
                "content": "Hello, Ada! ☀",
                "provider": provider.name(),
                "model": model(provider),
                "finishReason": finish,
                "usage": { "promptTokens": 19, "completionTokens": 10, "totalTokens": 29 },
                "costUsd": cost,
            });
            assert_eq!(*output.value, expected, "{}, stream: {stream}", provider.name());
            let used = *output.usage.unwrap();
            let sent = server.only().body.len() + fixture(provider, "", stream).len();
            let expected = Usage {
                api_calls: 1,
                network_bytes: sent as u64,
                input_tokens: 19,
                output_tokens: 10,
                cost_usd: cost,
                ..Usage::default()
            };
            assert_eq!(used, expected, "{}, stream: {stream}", provider.name());
        }
    }
}

/// Reads a stream that comes in two pieces.
fn streamed(provider: Provider, bytes: &[u8], cut: usize) -> (Answer, String) {
    let mut reader = provider.stream().unwrap();
    let mut text = String::new();
    for piece in [&bytes[..cut], &bytes[cut..]] {
        reader.feed(piece, &mut text).unwrap();
    }
    (reader.end().unwrap(), text)
}

#[test]
fn a_stream_is_the_whole_reply_wherever_the_network_cuts_it() {
    for provider in OVER_HTTP {
        for what in ["", "_tools"] {
            let whole = provider.read(&fixture(provider, what, false)).unwrap();
            let stream = fixture(provider, what, true);
            for cut in 0..=stream.len() {
                let (answer, text) = streamed(provider, &stream, cut);
                assert_eq!(text, whole.content, "{} cut at {cut}", provider.name());
                assert_eq!(loose(answer), loose(whole.clone()), "{} cut at {cut}", provider.name());
            }
            // and byte by byte
            let mut reader = provider.stream().unwrap();
            for byte in &stream {
                reader.feed(&[*byte], &mut String::new()).unwrap();
            }
            assert_eq!(loose(reader.end().unwrap()), loose(whole), "{}", provider.name());
        }
    }
}

/// The same with arguments as values: a provider writes their white space as it likes.
fn loose(mut answer: Answer) -> (Answer, Vec<Value>) {
    let arguments = answer
        .calls
        .iter_mut()
        .map(|call| serde_json::from_str(&std::mem::take(&mut call.arguments)).unwrap());
    let arguments = arguments.collect();
    (answer, arguments)
}

#[test]
fn a_stream_that_breaks_off_is_no_answer() {
    for provider in OVER_HTTP {
        for what in ["", "_tools"] {
            let stream = fixture(provider, what, true);
            // The end is the last message that says something: the provider's word of farewell,
            // or the reason why it stopped. What OpenAI sends after that is only the usage.
            let text = String::from_utf8(stream.clone()).unwrap();
            let last = match provider {
                Provider::OpenAi => text.find("\"finish_reason\":\"").unwrap(),
                Provider::Google => text.rfind("\"finishReason\"").unwrap(),
                Provider::Anthropic => text.find("message_stop").unwrap(),
                _ => text.find("\"done\":true").unwrap(),
            };
            for cut in 0..last {
                let mut reader = provider.stream().unwrap();
                reader.feed(&stream[..cut], &mut String::new()).unwrap();
                assert!(reader.end().is_err(), "{} cut at {cut} of {}", provider.name(), stream.len());
            }
        }
    }
}

#[test]
fn what_was_spent_is_known_before_the_end() {
    let stream = fixture(Provider::Anthropic, "", true);
    let mut reader = Provider::Anthropic.stream().unwrap();
    reader.feed(&stream[..stream.len() / 2], &mut String::new()).unwrap();
    assert_eq!(reader.tokens().input, 19);
    assert_eq!(reader.end().unwrap_err().tokens.input, 19);
}

#[tokio::test]
async fn who_is_asked_for_a_stream_may_answer_at_once() {
    let server = script(vec![reply(Provider::OpenAi, "", false)]).await;
    let output = ask(&agent(&server), json!({ "model": "gpt-4o-mini" })).await.unwrap();
    assert_eq!(output.value["content"], "Hello, Ada! ☀");
    // and who is not asked for one may be told so by `extra`
    let server = script(vec![reply(Provider::OpenAi, "", true)]).await;
    let config = json!({ "model": "gpt-4o-mini", "stream": false, "extra": { "stream": true } });
    assert_eq!(ask(&agent(&server), config).await.unwrap().value["content"], "Hello, Ada! ☀");
}

#[test]
fn what_others_make_of_openais_language_is_understood() {
    let read = |reply: Value| Provider::OpenAi.read(reply.to_string().as_bytes()).unwrap();
    let parts = json!({ "choices": [{ "message": { "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] } }] });
    assert_eq!(read(parts).content, "ab");
    let bare = json!({ "choices": [{ "message": { "tool_calls": [{ "function": { "name": "f", "arguments": { "a": 1 } } }] } }] });
    let call = read(bare).calls.remove(0);
    assert_eq!((&*call.id, &*call.name, &*call.arguments), ("call_0", "f", "{\"a\":1}"));
    // pieces of a stream without numbers: whole calls
    let mut reader = Provider::OpenAi.stream().unwrap();
    for name in ["f", "g"] {
        let piece = json!({ "choices": [{ "delta": { "tool_calls": [{ "id": name, "function": { "name": name, "arguments": "{}" } }] }, "finish_reason": "tool_calls" }] });
        reader.feed(format!("data: {piece}\n\n").as_bytes(), &mut String::new()).unwrap();
    }
    let names: Vec<String> = reader.end().unwrap().calls.into_iter().map(|call| call.name).collect();
    assert_eq!(names, ["f", "g"]);
}

#[test]
fn tokens_of_caches_and_thoughts_are_counted() {
    let tokens = |provider: Provider, reply: Value| {
        let tokens = provider.read(reply.to_string().as_bytes()).unwrap().tokens;
        (tokens.input, tokens.output, tokens.cached, tokens.written)
    };
    let openai = json!({ "choices": [{ "message": {} }], "usage": { "prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": { "cached_tokens": 60 } } });
    assert_eq!(tokens(Provider::OpenAi, openai), (100, 5, 60, 0));
    let anthropic = json!({ "content": [], "usage": { "input_tokens": 10, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 30, "output_tokens": 5 } });
    assert_eq!(tokens(Provider::Anthropic, anthropic), (100, 5, 60, 30));
    let google = json!({ "candidates": [{ "finishReason": "STOP" }], "usageMetadata": { "promptTokenCount": 100, "candidatesTokenCount": 3, "thoughtsTokenCount": 2, "cachedContentTokenCount": 60 } });
    assert_eq!(tokens(Provider::Google, google), (100, 5, 60, 0));
}

#[tokio::test]
async fn an_answer_that_says_nothing_of_its_end_or_cost_is_one() {
    let bare = crate::server::Reply::json(r#"{"choices":[{"message":{"content":"a"}}]}"#);
    let server = script(vec![bare]).await;
    let config = json!({ "model": "cat-7b", "stream": false });
    let around = std::sync::Arc::new(crate::kit::Around::default());
    let output = crate::kit::ask_in(&around, &agent(&server), config).await.unwrap();
    assert_eq!(
        (&output.value["finishReason"], output.value.get("costUsd")),
        (&json!("unknown"), Some(&json!(0.0)))
    );
    // tokens whose price is not known cost something that is not known
    let server = script(vec![reply(Provider::OpenAi, "", false)]).await;
    let output = crate::kit::ask_in(&around, &agent(&server), json!({ "model": "cat-7b", "stream": false }))
        .await
        .unwrap();
    assert_eq!(output.value.get("costUsd"), None);
    // and every attempt warns of it: no budget of dollars is kept by it
    let logged = around.logged(turbocat_core::Level::Warn);
    let warned = logged.iter().filter(|said| said.starts_with("what `openai/cat-7b` costs is not known"));
    assert_eq!(warned.count(), 2, "{logged:?}");
}

#[test]
fn a_call_that_the_provider_closed_where_it_was_cut_ends_open() {
    let arguments = |finish: &str, blocks: Value| {
        let reply = json!({ "content": blocks, "stop_reason": finish, "usage": {} });
        let answer = Provider::Anthropic.read(reply.to_string().as_bytes()).unwrap();
        answer.calls.into_iter().map(|call| call.arguments).collect::<Vec<_>>()
    };
    let pay = |id: &str| json!({ "type": "tool_use", "id": id, "name": "pay", "input": { "sum": 12 } });
    let text = json!({ "type": "text", "text": "Now" });
    let whole = r#"{"sum":12}"#;
    assert_eq!(arguments("tool_use", json!([pay("1"), pay("2")])), [whole, whole]);
    assert_eq!(arguments("max_tokens", json!([pay("1"), pay("2")])), [whole, r#"{"sum":12"#]);
    assert_eq!(arguments("max_tokens", json!([pay("1"), text])), [whole]);
}

#[test]
fn a_call_of_which_a_stream_brought_no_argument_is_whole_only_if_nothing_was_cut() {
    let arguments = |finish: &str| {
        let mut reader = Provider::Anthropic.stream().unwrap();
        for event in [
            json!({ "type": "message_start", "message": {} }),
            json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "tool_use", "id": "t", "name": "now", "input": {} } }),
            json!({ "type": "message_delta", "delta": { "stop_reason": finish } }),
            json!({ "type": "message_stop" }),
        ] {
            reader.feed(format!("data: {event}\n\n").as_bytes(), &mut String::new()).unwrap();
        }
        reader.end().unwrap().calls.remove(0).arguments
    };
    assert_eq!((arguments("tool_use").as_str(), arguments("max_tokens").as_str()), ("{}", "{"));
}
