//! What is told of executions: lines of their logs, events, counts; each once.

use serde_json::{Value, json};
use turbocat_core::{Level, StepFailure, agent_fn_with};
use turbocat_http::{Api, ApiBuilder};
use turbocat_storage::args;

use crate::executing::{active, begun, id_of};
use crate::executions::{ended, own, until, waiting};
use crate::stage::{Client, Stage, on_each, on_each_with, settings};
use crate::workflows::{pass, path};

/// An agent `code` that says something, fails the first time, and fails for good if it is told to.
fn with_talker(builder: ApiBuilder) -> ApiBuilder {
    builder.extend_engine(|engine| {
        let talker = agent_fn_with(|input: Value, request| async move {
            request.log(Level::Info, "working", Some(json!({ "on": input })));
            match (request.attempt, input["fails"] == true) {
                (1, _) | (_, true) => Err(StepFailure::error("no luck")),
                _ => Ok(json!({ "done": true })),
            }
        });
        engine.agent("code", talker)
    })
}

async fn talking(client: &Client, fails: bool) -> (Value, Value) {
    let agent = client.post("/agents", json!({ "name": "x", "type": "code" })).await.good(201).clone();
    let step = json!({
        "stepKey": "a", "stepName": "a", "stepType": "agent", "position": 3, "agentId": agent["id"],
        "inputs": { "fails": fails }, "onError": "retry", "retryCount": 1, "retryDelayMs": 1,
    });
    let body = json!({ "name": "talks", "steps": [step, pass("b", &["a"])] });
    (agent.clone(), active(client, body).await)
}

async fn lines(client: &Client, begun: &Value) -> Vec<Value> {
    let answer = client.get(&format!("{}/logs?pageSize=100", own(begun))).await;
    answer.good(200).as_array().unwrap().clone()
}

/// The lines, once the last one is there.
async fn all_lines(client: &Client, begun: &Value) -> Vec<Value> {
    until("the end is logged", async || {
        lines(client, begun).await.iter().any(|line| line["metadata"]["stepsSkipped"].is_number())
    })
    .await;
    lines(client, begun).await
}

async fn told(stage: &Stage, client: &Client, begun: &Value) -> Vec<String> {
    let all = stage.api.platform().feed().after(0, Some(client.id), 1000).await.unwrap();
    let id = begun["id"].as_str().unwrap();
    let of = all.into_iter().filter(|one| one.resource_id.to_string() == id);
    of.map(|one| one.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_has_a_line_for_all_that_happened_in_it() {
    on_each_with(
        |_| {},
        with_talker,
        async |stage| {
            let ann = stage.somebody().await;
            let (agent, workflow) = talking(&ann, false).await;
            let one = begun(&ann, &workflow, json!({})).await;
            let lines = all_lines(&ann, &one).await;
            until("what the agent said is logged", async || {
                let answer = ann.get(&format!("{}/logs?stepKey=a&level=info", own(&one))).await;
                let said =
                    answer.good(200).as_array().unwrap().iter().filter(|line| line["message"] == "working");
                said.count() == 2
            })
            .await;
            let journaled = lines.iter().filter(|line| line["message"] != "working");
            let found: Vec<_> = journaled
                .map(|line| {
                    let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
                    (text("level"), text("stepKey"), text("stepStatus"))
                })
                .collect();
            let expected = [
                ("info", "-", "-"),
                ("info", "a", "running"),
                ("warn", "a", "running"),
                ("info", "a", "completed"),
                ("info", "b", "completed"),
                ("info", "-", "-"),
            ];
            let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
            assert_eq!(found, expected, "{lines:#?}");
            let of = |status: &str| {
                lines.iter().find(|line| line["stepKey"] == "a" && line["stepStatus"] == status).unwrap()
            };
            let id = &workflow["steps"]
                .as_array()
                .unwrap()
                .iter()
                .find(|step| step["stepKey"] == "a")
                .unwrap()["id"];
            assert_eq!((&of("running")["workflowStepId"], &of("completed")["workflowStepId"]), (id, id));
            assert_eq!(
                of("running")["metadata"],
                json!({ "stepType": "agent", "position": 3, "agentId": agent["id"] })
            );
            assert!(
                of("completed")["stepStartedAt"].is_string()
                    && of("completed")["stepCompletedAt"].is_string()
            );
            assert!(of("completed")["stepDurationMs"].is_u64());
            assert_eq!(of("completed")["metadata"]["output"], json!({ "done": true }));
            let last = &lines.last().unwrap()["metadata"];
            assert_eq!((&last["stepsCompleted"], &last["stepsFailed"]), (&json!(2), &json!(0)));
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beginnings_and_ends_are_told_and_counted() {
    on_each_with(
        |_| {},
        with_talker,
        async |stage| {
            let ann = stage.somebody().await;
            let (agent, workflow) = talking(&ann, false).await;
            let (worse, failing) = talking(&ann, true).await;
            let (good, bad) =
                (begun(&ann, &workflow, json!({})).await, begun(&ann, &failing, json!({})).await);
            all_lines(&ann, &good).await;
            let lines = all_lines(&ann, &bad).await;
            assert!(lines.iter().any(|line| line["level"] == "error" && line["stepStatus"] == "failed"));
            assert_eq!(told(stage, &ann, &good).await, ["execution.started", "execution.completed"]);
            assert_eq!(told(stage, &ann, &bad).await, ["execution.started", "execution.failed"]);
            for (workflow, agent, counts) in [(&workflow, &agent, (1, 1, 0)), (&failing, &worse, (1, 0, 1))] {
                let agent = format!("/agents/{}", agent["id"].as_str().unwrap());
                let counted = async |path: &str| {
                    let of = ann.get(path).await.good(200).clone();
                    let count = |name: &str| of[name].as_u64().unwrap();
                    (count("totalExecutions"), count("successfulExecutions"), count("failedExecutions"))
                };
                until("the workflow is counted", async || counted(&path(workflow)).await == counts).await;
                until("the agent is counted", async || counted(&agent).await == counts).await;
            }
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_cancelled_before_it_began_is_told_of_too() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let workflow = waiting(&ann, json!({ "signal": "go" })).await;
        stage.api.store().queue().pause().await.unwrap();
        let one = begun(&ann, &workflow, json!({})).await;
        ann.post(&format!("{}/cancel", own(&one)), json!({})).await.good(200);
        stage.api.store().queue().resume().await.unwrap();
        all_lines(&ann, &one).await;
        assert_eq!(told(stage, &ann, &one).await, ["execution.cancelled"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_left_untold_the_next_one_tells_once() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let workflow =
            active(&ann, json!({ "name": "x", "steps": [pass("a", &[]), pass("b", &["a"])] })).await;
        let one = begun(&ann, &workflow, json!({})).await;
        ended(stage, &one).await;
        let first = all_lines(&ann, &one).await;
        // As if the process had gone between what it did and what it told of it.
        let sql = "update executions set announced = 0, logged_seq = 0 where id = $1";
        stage.api.database().execute(sql, args![id_of(&one)]).await.unwrap();
        let next = Api::builder(stage.api.store().clone()).settings(settings()).build().unwrap();
        until("it is told of anew", async || lines(&ann, &one).await.len() >= 2 * first.len()).await;
        // Two who tell at once do not tell twice.
        let other = Api::builder(stage.api.store().clone()).settings(settings()).build().unwrap();
        let two = begun(&ann, &workflow, json!({})).await;
        assert_eq!(all_lines(&ann, &two).await.len(), first.len());
        assert_eq!(told(stage, &ann, &two).await, ["execution.started", "execution.completed"]);
        drop((next, other));
        assert_eq!(lines(&ann, &one).await.len(), 2 * first.len());
    })
    .await;
}
