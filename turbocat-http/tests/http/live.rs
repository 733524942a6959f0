//! Streams of events: live, and without a gap across connections.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use turbocat_core::{Level, StepFailure, agent_fn_with};
use turbocat_http::ApiBuilder;

use crate::executing::{active, begun};
use crate::executions::{ended, own, waiting};
use crate::stage::{Answer, Client, on_each, on_each_with};
use crate::workflows::pass;

/// An event as it was sent.
#[derive(Debug)]
struct Sent {
    id: Option<u64>,
    name: String,
    data: Value,
}

/// A stream that is being read.
struct Reading {
    response: reqwest::Response,
    text: String,
}

impl Reading {
    async fn begin(client: &Client, path: &str, after: Option<u64>) -> Self {
        let mut request = client.request(Method::GET, path);
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some(at) = self.text.find("\n\n") {
                let one: String = self.text.drain(..at + 2).collect();
                let field = |name: &str| {
                    let lines = one.lines().filter_map(|line| line.strip_prefix(name));
                    lines.map(str::trim).next().map(str::to_owned)
                };
                let Some(name) = field("event:") else { continue };
                let data = serde_json::from_str(&field("data:").unwrap()).unwrap();
                return Some(Sent { id: field("id:").map(|id| id.parse().unwrap()), name, data });
            }
            let chunk = tokio::time::timeout(Duration::from_secs(30), self.response.chunk());
            let chunk = chunk.await.expect("something is sent").unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn until(&mut self, name: &str) -> Sent {
        loop {
            let sent = self.next().await.expect("the stream goes on");
            if sent.name == name {
                return sent;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_is_watched_to_its_end_across_connections() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let workflow = waiting(&ann, json!({ "signal": "go" })).await;
        let one = begun(&ann, &workflow, json!({})).await;
        let path = format!("{}/events", own(&one));
        let mut first = Reading::begin(&ann, &path, None).await;
        let began = first.next().await.unwrap();
        assert_eq!((began.id, began.name.as_str()), (Some(1), "executionStarted"));
        assert!(began.data["at"].as_str().unwrap().ends_with('Z'));
        let last = first.until("stepStarted").await.id;
        drop(first);
        // What happens while nobody watches is not lost.
        ann.post(&format!("{}/signals/go", own(&one)), json!({})).await.good(202);
        let mut second = Reading::begin(&ann, &path, last).await;
        let mut seqs = Vec::new();
        let end = loop {
            let sent = second.next().await.unwrap();
            match sent.id {
                Some(id) => seqs.push(id),
                None => break sent,
            }
        };
        assert_eq!(end.name, "end");
        let from = last.unwrap() + 1;
        assert_eq!(seqs, (from..from + seqs.len() as u64).collect::<Vec<_>>());
        assert_eq!(end.data, json!({ "lastSeq": seqs.last() }));
        assert!(second.next().await.is_none());
        // Whoever has seen everything is told so.
        let mut third = Reading::begin(&ann, &path, seqs.last().copied()).await;
        assert_eq!(third.next().await.unwrap().name, "end");
        let bob = stage.somebody().await;
        bob.get(&path).await.bad(404, "NOT_FOUND");
        let bad = ann.request(Method::GET, &path).header("last-event-id", "x");
        Answer::of(bad).await.bad(400, "BAD_REQUEST");
        let token = format!("{path}?access_token=x");
        stage.anybody().get(&token).await.bad(401, "UNAUTHORIZED");
    })
    .await;
}

fn with_reporter(builder: ApiBuilder) -> ApiBuilder {
    builder.extend_engine(|engine| {
        let reports = agent_fn_with(|_: Value, request| async move {
            // Until somebody has heard it.
            loop {
                request.log(Level::Info, "working", None);
                request.progress(json!(50));
                tokio::time::sleep(Duration::from_millis(20)).await;
                if request.attempt > 1 {
                    return Ok::<_, StepFailure>(json!({}));
                }
            }
        });
        engine.agent("code", reports)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_attempts_say_is_heard_live() {
    on_each_with(
        |_| {},
        with_reporter,
        async |stage| {
            let ann = stage.somebody().await;
            let agent = ann.post("/agents", json!({ "name": "x", "type": "code" })).await.good(201).clone();
            let mut step = pass("a", &[]);
            step["agentId"] = agent["id"].clone();
            let workflow = active(&ann, json!({ "name": "x", "steps": [step] })).await;
            let one = begun(&ann, &workflow, json!({})).await;
            let mut stream = Reading::begin(&ann, &format!("{}/events", own(&one)), None).await;
            let said = stream.until("log").await;
            assert_eq!(
                (said.id, &said.data["message"], &said.data["step"]),
                (None, &json!("working"), &json!("a"))
            );
            assert_eq!(stream.until("progress").await.data["value"], 50);
            ann.post(&format!("{}/cancel", own(&one)), json!({})).await.good(200);
            stream.until("end").await;
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_hears_of_all_that_is_its_own() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let mut stream = Reading::begin(&ann, "/events", None).await;
        active(&bob, json!({ "name": "not hers", "steps": [pass("a", &[])] })).await;
        let workflow = active(&ann, json!({ "name": "x", "steps": [pass("a", &[])] })).await;
        let made = stream.next().await.unwrap();
        assert_eq!((made.name.as_str(), &made.data["resourceId"]), ("workflow.created", &workflow["id"]));
        let one = begun(&ann, &workflow, json!({})).await;
        ended(stage, &one).await;
        let done = stream.until("execution.completed").await;
        assert_eq!(
            (&done.data["resourceId"], &done.data["data"]["status"]),
            (&one["id"], &json!("completed"))
        );
        drop(stream);
        let mut again = Reading::begin(&ann, "/events", made.id).await;
        let mut names = Vec::new();
        while names.last().is_none_or(|name| name != "execution.completed") {
            names.push(again.next().await.unwrap().name);
        }
        assert_eq!(names, ["workflow.updated", "execution.started", "execution.completed"]);
        // A server that stops does not wait for those who watch.
        stage.api.hang_up();
        assert!(again.next().await.is_none());
    })
    .await;
}
