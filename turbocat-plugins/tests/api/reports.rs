//! What the agent says while it works.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use turbocat_core::{AgentExecutor, AttemptRequest, Said, Surroundings};

use super::agent;
use super::server::{Reply, Server};

#[derive(Default)]
struct Listener(Mutex<Vec<String>>);

#[async_trait]
impl Surroundings for Listener {
    fn report(&self, _: &AttemptRequest, said: Said) {
        let line = match said {
            Said::Log { level, message, .. } => format!("{}: {message}", level.word()),
            Said::Progress { value } => value.to_string(),
            _ => "something else".to_owned(),
        };
        self.0.lock().unwrap().push(line);
    }
}

/// What is said, without how long it took and what the server's port was.
async fn said(replies: Vec<Reply>, mut config: Value) -> Vec<String> {
    let server = Server::start(move |_, count| replies[count.min(replies.len() - 1)].clone()).await;
    config["url"] = server.url("/x").into();
    let listener = Arc::new(Listener::default());
    let request = AttemptRequest::new(Value::Null).with_config(config).with_surroundings(listener.clone());
    _ = agent().execute(request).await;
    let said = listener.0.lock().unwrap().clone();
    said.iter().map(|line| anonymous(&line.replace(&server.url(""), "URL"))).collect()
}

fn anonymous(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    for index in 1..words.len() {
        if words[index].starts_with("ms") {
            words[index - 1] = "N".to_owned();
        }
    }
    words.join(" ")
}

#[tokio::test]
async fn the_start_and_the_end_are_told() {
    let lines = said(vec![Reply::ok("12345")], json!({})).await;
    assert_eq!(lines, ["info: GET URL/x", "info: status 200 after N ms, 5 bytes"]);
}

#[tokio::test]
async fn every_try_is_told() {
    let config = json!({ "retryCount": 2, "retryDelayMs": 0 });
    let lines = said(vec![Reply::status(503), Reply::cut(), Reply::ok("")], config).await;
    assert_eq!(lines.len(), 7, "{lines:#?}");
    assert_eq!(lines[0], "info: GET URL/x");
    assert_eq!(lines[1], r#"{"try":1,"of":3}"#);
    assert_eq!(lines[2], "warn: status 503; trying again in N ms");
    assert_eq!(lines[3], r#"{"try":2,"of":3}"#);
    assert!(lines[4].starts_with("warn: `URL` did not answer: "), "{}", lines[4]);
    assert_eq!(lines[5], r#"{"try":3,"of":3}"#);
    assert_eq!(lines[6], "info: status 200 after N ms, 0 bytes");
}

#[tokio::test]
async fn failures_and_bodies_that_are_not_sent_are_told() {
    let lines = said(vec![Reply::status(404)], json!({ "failOnStatus": true, "body": {} })).await;
    assert_eq!(
        lines,
        [
            "info: GET URL/x",
            "warn: a GET carries no body: `body` is not sent",
            "error: status 404 after N ms, 0 bytes"
        ]
    );
    let lines = said(vec![Reply::redirect(302, "http://10.0.0.1/")], json!({})).await;
    assert_eq!(lines, ["info: GET URL/x", "error: address `10.0.0.1` is private and may not be reached"]);
}

#[tokio::test]
async fn a_key_in_the_query_is_not_told() {
    let auth = json!({ "type": "api_key", "apiKey": "s3cret", "apiKeyParam": "key" });
    let lines = said(vec![Reply::ok("")], json!({ "auth": auth })).await;
    assert_eq!(lines[0], "info: GET URL/x?key=***");
}
