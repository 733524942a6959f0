//! What is seen of an answer while it comes.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;
use turbocat_core::{AgentExecutor, AttemptRequest, Level, Said, Surroundings};
use turbocat_plugins::llm::Provider;

use crate::kit::{Around, OVER_HTTP, agent, ask_in, fixture, model, reply, says, script};
use crate::server::{Reply, Server};

fn texts(around: &Around) -> Vec<String> {
    around.progress().iter().filter_map(|shown| shown["text"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn text_is_shown_as_it_comes() {
    for provider in OVER_HTTP {
        let server = script(vec![reply(provider, "", true)]).await;
        let around = Arc::new(Around::default());
        let config = json!({ "provider": provider.name(), "model": model(provider) });
        ask_in(&around, &agent(&server), config).await.unwrap();
        assert_eq!(texts(&around).concat(), "Hello, Ada! ☀", "{}", provider.name());
    }
}

/// Tells when something was shown.
struct Watching(Notify, Around);

impl Surroundings for Watching {
    fn report(&self, request: &AttemptRequest, said: Said) {
        let shown = matches!(said, Said::Progress { .. });
        self.1.report(request, said);
        if shown {
            self.0.notify_one();
        }
    }
}

#[tokio::test]
async fn text_is_shown_before_there_is_more() {
    let stream = fixture(Provider::OpenAi, "", true);
    let first_half = Reply::new(
        200,
        &[("content-type", "text/event-stream"), ("content-length", "99999")],
        &stream[..800],
    );
    let server = script(vec![first_half.then_hang()]).await;
    let watching = Arc::new(Watching(Notify::new(), Around::default()));
    let (agent, around) = (agent(&server), watching.clone());
    let asking = tokio::spawn(async move {
        let request =
            AttemptRequest::new(json!({ "prompt": "p" })).with_config(json!({ "model": "gpt-4o-mini" }));
        agent.execute(request.with_surroundings(around)).await
    });
    watching.0.notified().await;
    asking.abort();
    assert!("Hello, Ada! ☀".starts_with(&texts(&watching.1)[0]));
}

#[tokio::test]
async fn many_tokens_are_few_reports() {
    let mut stream = String::new();
    for n in 0..5000 {
        let piece = json!({ "choices": [{ "delta": { "content": format!("{n} ") } }] });
        stream.push_str(&format!("data: {piece}\n\n"));
    }
    stream.push_str("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
    let server =
        Server::start(move |_, _| Reply::new(200, &[("content-type", "text/event-stream")], &stream)).await;
    let around = Arc::new(Around::default());
    let started = std::time::Instant::now();
    let output = ask_in(&around, &agent(&server), json!({ "model": "gpt-4o-mini" })).await.unwrap();
    let most = 3 + started.elapsed().as_millis() / 50;
    let shown = texts(&around);
    assert_eq!(Value::String(shown.concat()), output.value["content"]);
    assert!(shown.len() as u128 <= most, "{} reports, at most {most} in that time", shown.len());
}

#[tokio::test]
async fn nothing_is_shown_of_what_is_not_streamed() {
    let server = script(vec![reply(Provider::OpenAi, "", false)]).await;
    let around = Arc::new(Around::default());
    ask_in(&around, &agent(&server), json!({ "model": "gpt-4o-mini", "stream": false })).await.unwrap();
    assert_eq!(texts(&around), Vec::<String>::new());
}

#[tokio::test]
async fn an_answer_that_is_asked_for_again_is_taken_back() {
    let stream = |content: &str| {
        let piece = json!({ "choices": [{ "delta": { "content": content }, "finish_reason": "stop" }] });
        Reply::new(
            200,
            &[("content-type", "text/event-stream")],
            format!("data: {piece}\n\ndata: [DONE]\n\n"),
        )
    };
    let server = script(vec![stream("no"), stream("[1]")]).await;
    let around = Arc::new(Around::default());
    let config = json!({ "model": "gpt-4o-mini", "outputSchema": { "type": "array" } });
    ask_in(&around, &agent(&server), config).await.unwrap();
    assert_eq!(
        around.progress(),
        [json!({ "text": "no" }), json!({ "restarted": true }), json!({ "text": "[1]" })]
    );
}

#[tokio::test]
async fn begin_and_end_are_logged() {
    let server = script(vec![says("hi")]).await;
    let around = Arc::new(Around::default());
    ask_in(&around, &agent(&server), json!({ "model": "gpt-4o-mini", "stream": false })).await.unwrap();
    assert_eq!(around.logged(Level::Info), ["asks `openai/gpt-4o-mini`", "`openai/gpt-4o-mini` answered"]);
}

#[tokio::test]
async fn an_answer_that_was_cut_off_is_warned_of() {
    for finish in ["length", "max_tokens", "MAX_TOKENS"] {
        let body = json!({ "choices": [{ "message": { "content": "Once upon" }, "finish_reason": finish }] });
        let server = script(vec![Reply::json(&body.to_string())]).await;
        let around = Arc::new(Around::default());
        ask_in(&around, &agent(&server), json!({ "model": "gpt-4o-mini", "stream": false })).await.unwrap();
        assert_eq!(around.logged(Level::Warn), ["the answer was cut off at `maxTokens`"]);
    }
}
