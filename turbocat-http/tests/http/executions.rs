//! Executions: seen, steered, explained, done once more, by whom they belong to.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use turbocat_core::agent_fn;
use turbocat_http::ApiBuilder;
use turbocat_storage::platform::UserRole;
use uuid::Uuid;

use crate::executing::{active, begun, id_of};
use crate::stage::{Answer, Client, Stage, on_each, on_each_with};
use crate::workflows::{pass, path};

/// Asks again and again until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let soon = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), soon).await.is_ok(), "{what}");
}

pub(crate) async fn ended(stage: &Stage, begun: &Value) {
    stage.api.engine().wait(id_of(begun)).await.unwrap();
}

pub(crate) fn own(begun: &Value) -> String {
    format!("/executions/{}", begun["id"].as_str().unwrap())
}

/// A workflow that waits for `config`, then goes on.
pub(crate) async fn waiting(client: &Client, config: Value) -> Value {
    let step = json!({
        "stepKey": "a", "stepName": "a", "stepType": "wait", "position": 0, "timeoutMs": 3_600_000, "config": config,
    });
    active(client, json!({ "name": "waits", "steps": [step, pass("b", &["a"])] })).await
}

async fn runs(client: &Client, begun: &Value) {
    until("the step waits", async || {
        let steps = client.get(&format!("{}/steps", own(begun))).await;
        steps.good(200)[0]["status"] == "waiting"
    })
    .await;
}

fn with_failing(builder: ApiBuilder) -> ApiBuilder {
    builder.extend_engine(|engine| {
        let fails =
            agent_fn(|_: Value| async move { Err::<Value, _>(std::io::Error::other("no luck").into()) });
        engine.agent("code", fails)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_is_seen_with_what_it_was_given_and_what_it_gave() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let workflow =
            active(&ann, json!({ "name": "x", "steps": [pass("b", &["a"]), pass("a", &[])] })).await;
        let long = "x".repeat(200_000);
        let one =
            begun(&ann, &workflow, json!({ "inputs": { "long": long }, "triggerData": { "t": 1 } })).await;
        ended(stage, &one).await;
        let seen = ann.get(&own(&one)).await.good(200).clone();
        let expected = json!({
            "id": one["id"], "workflowId": workflow["id"], "userId": ann.id, "parentId": null,
            "status": "completed", "triggerType": "manual", "triggerData": { "t": 1 },
            "inputData": { "long": long }, "outputData": { "a": { "from": "a" }, "b": { "from": "b" } },
            "stepsTotal": 2, "stepsCompleted": 2, "stepsFailed": 0, "stepsSkipped": 0,
            "stepCounts": { "total": 2, "completed": 2, "failed": 0, "skipped": 0, "pending": 0 },
            "workflow": { "id": workflow["id"], "name": "x", "status": "active", "version": 1 },
            "errorMessage": null,
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&seen[name], value, "{name}");
        }
        for name in ["startedAt", "completedAt", "createdAt", "updatedAt"] {
            assert!(seen[name].as_str().unwrap().ends_with('Z'), "{name}");
        }
        assert!(seen["durationMs"].is_u64());
        let steps = ann.get(&format!("{}/steps", own(&one))).await.good(200).clone();
        assert_eq!((&steps[0]["stepKey"], &steps[1]["stepKey"]), (&json!("a"), &json!("b")));
        assert_eq!(
            (&steps[0]["status"], &steps[0]["output"]),
            (&json!("completed"), &json!({ "from": "a" }))
        );
        assert_eq!(steps[0]["failure"], Value::Null);

        assert_eq!(ann.delete(&path(&workflow)).await.status.as_u16(), 204);
        assert_eq!(ann.get(&own(&one)).await.good(200)["workflow"]["name"], "x", "it survives its workflow");
        let of = ann.get(&format!("{}/executions", path(&workflow))).await;
        assert_eq!(of.good(200)[0]["id"], one["id"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn executions_are_listed_by_status_and_workflow() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let quick = active(&ann, json!({ "name": "x", "steps": [pass("a", &[])] })).await;
        let slow = waiting(&ann, json!({ "signal": "go" })).await;
        let done = begun(&ann, &quick, json!({})).await;
        let open = begun(&ann, &slow, json!({})).await;
        ended(stage, &done).await;
        runs(&ann, &open).await;
        let ids = async |client: &Client, query: &str| -> Vec<Value> {
            let answer = client.get(&format!("/executions{query}")).await;
            answer.good(200).as_array().unwrap().iter().map(|item| item["id"].clone()).collect()
        };
        assert_eq!(ids(&ann, "").await, [open["id"].clone(), done["id"].clone()]);
        assert_eq!(ids(&ann, "?status=COMPLETED").await, [done["id"].clone()]);
        let of = format!("?workflowId={}", slow["id"].as_str().unwrap());
        assert_eq!(ids(&ann, &of).await, [open["id"].clone()]);
        assert!(ids(&bob, "").await.is_empty());
        ann.get("/executions?status=dancing").await.bad(400, "VALIDATION_ERROR");
        ann.get("/executions?workflowId=7").await.bad(400, "VALIDATION_ERROR");
        let of = format!("{}/executions?status=running", path(&slow));
        assert_eq!(ann.get(&of).await.good(200)[0]["id"], open["id"]);
        bob.get(&of).await.bad(404, "NOT_FOUND");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_on_is_cancelled_before_the_answer_comes() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let workflow = waiting(&ann, json!({ "signal": "go" })).await;
        let one = begun(&ann, &workflow, json!({})).await;
        runs(&ann, &one).await;
        let cancel = async || ann.post(&format!("{}/cancel", own(&one)), json!({ "reason": "enough" })).await;
        let told = cancel().await.good(200).clone();
        assert_eq!((&told["id"], &told["status"]), (&one["id"], &json!("cancelled")));
        assert_eq!((&told["workflowId"], &told["stepsTotal"]), (&workflow["id"], &json!(2)));
        assert!(told["completedAt"].is_string() && told["durationMs"].is_u64());
        assert_eq!(ann.get(&own(&one)).await.good(200)["status"], "cancelled");
        let lines = ann.get(&format!("{}/logs?level=WARN", own(&one))).await.good(200).clone();
        let line =
            lines.as_array().unwrap().iter().find(|line| line["metadata"]["cancelledBy"] != Value::Null);
        let expected = json!({ "cancelledBy": ann.id, "previousStatus": "running", "reason": "enough" });
        assert_eq!(line.unwrap()["metadata"], expected);
        cancel().await.bad(400, "BAD_REQUEST");
        // What nobody has begun yet is cancelled as well.
        stage.api.store().queue().pause().await.unwrap();
        let two = begun(&ann, &workflow, json!({})).await;
        let told = ann.post(&format!("{}/cancel", own(&two)), json!({})).await;
        stage.api.store().queue().resume().await.unwrap();
        assert_eq!(told.good(200)["status"], "cancelled");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_is_paused_resumed_and_signalled() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let workflow = waiting(&ann, json!({ "signal": "go on" })).await;
        let one = begun(&ann, &workflow, json!({})).await;
        runs(&ann, &one).await;
        let tell = async |what: &str, body: Value| ann.post(&format!("{}/{what}", own(&one)), body).await;
        tell("pause", json!({ "reason": "lunch" })).await.good(202);
        tell("signals/go%20on", json!({ "payload": { "n": 1 } })).await.good(202);
        let explain = async |step: &str| {
            let told = ann.get(&format!("{}/explain?step={step}", own(&one))).await;
            told.good(200)["cause"].as_str().unwrap().to_owned()
        };
        until("it is paused", async || explain("b").await.contains("paused")).await;
        tell("resume", json!({})).await.good(202);
        ended(stage, &one).await;
        let steps = ann.get(&format!("{}/steps", own(&one))).await.good(200).clone();
        assert_eq!(steps[0]["output"]["payload"], json!({ "n": 1 }));
        for what in ["pause", "resume", "signals/x"] {
            tell(what, json!({})).await.bad(400, "BAD_REQUEST");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_answers_a_step_that_asks() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let workflow = waiting(&ann, json!({ "approval": "Send it?" })).await;
        let one = begun(&ann, &workflow, json!({})).await;
        runs(&ann, &one).await;
        let approve = async |key: &str, body: Value| {
            ann.post(&format!("{}/steps/{key}/approve", own(&one)), body).await
        };
        approve("b", json!({ "approved": true })).await.bad(400, "BAD_REQUEST");
        approve("a", json!({})).await.bad(400, "VALIDATION_ERROR");
        approve("a", json!({ "approved": true, "data": 7 })).await.bad(400, "VALIDATION_ERROR");
        approve("a", json!({ "approved": true, "comment": "fine" })).await.good(202);
        ended(stage, &one).await;
        let output = ann.get(&own(&one)).await.good(200)["outputData"]["a"].clone();
        assert_eq!((&output["approved"], &output["comment"]), (&json!(true), &json!("fine")));
        assert_eq!(output["by"], ann.id.to_string());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn why_a_step_failed_is_explained_and_nothing_of_the_inside_is_shown() {
    on_each_with(
        |_| {},
        with_failing,
        async |stage| {
            let ann = stage.somebody().await;
            let agent = ann.post("/agents", json!({ "name": "x", "type": "code" })).await.good(201).clone();
            let mut step = pass("a", &[]);
            step["agentId"] = agent["id"].clone();
            let workflow = active(&ann, json!({ "name": "x", "steps": [step, pass("b", &["a"])] })).await;
            let one = begun(&ann, &workflow, json!({})).await;
            ended(stage, &one).await;
            let seen = ann.get(&own(&one)).await;
            assert_eq!(seen.good(200)["status"], "failed");
            assert!(seen.body["data"]["errorMessage"].as_str().unwrap().contains("no luck"));
            assert!(!seen.text.contains("errorStack"));
            let steps = ann.get(&format!("{}/steps", own(&one))).await.good(200).clone();
            assert_eq!((&steps[0]["status"], &steps[1]["status"]), (&json!("failed"), &json!("skipped")));
            assert_eq!(
                (&steps[0]["failure"]["message"], &steps[0]["attempts"]),
                (&json!("no luck"), &json!(1))
            );
            let told = ann.get(&format!("{}/explain?step=a", own(&one))).await.good(200).clone();
            assert_eq!(told["step"]["status"], "failed");
            assert!(told["text"].as_str().unwrap().contains("no luck"), "{told}");
            ann.get(&format!("{}/explain?step=z", own(&one))).await.bad(404, "NOT_FOUND");
            let none = ann.get(&format!("{}/explain", own(&one))).await;
            assert_eq!(none.wrong_fields()[0].0, "step");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_is_done_again_as_it_was() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let mut step = pass("a", &[]);
        step["inputs"] = json!({ "twice": "{{ inputs.n * 2 }}" });
        let workflow = active(&ann, json!({ "name": "x", "steps": [step] })).await;
        let one = begun(&ann, &workflow, json!({ "inputs": { "n": 21 } })).await;
        ended(stage, &one).await;
        // Whatever became of the workflow.
        let id = &workflow["steps"][0]["id"];
        ann.patch(&path(&workflow), json!({ "steps": [{ "id": id, "inputs": {} }] })).await.good(200);
        let two = ann.post(&format!("{}/rerun", own(&one)), json!({})).await.good(201).clone();
        assert_ne!(two["id"], one["id"]);
        ended(stage, &two).await;
        let seen = ann.get(&own(&two)).await.good(200).clone();
        assert_eq!(
            (&seen["inputData"], &seen["outputData"]["a"]["twice"]),
            (&json!({ "n": 21 }), &json!(42))
        );
        assert_eq!(seen["triggerData"], json!({ "rerunOf": one["id"] }));
        assert_eq!(seen["workflowId"], workflow["id"]);
        let part = ann.post(&format!("{}/rerun", own(&one)), json!({ "from": "a", "failed": true })).await;
        assert_eq!(part.wrong_fields().len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_of_somebody_else_is_hidden_but_its_log_and_its_end_are_refused() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let admin = stage.of_role(UserRole::Admin).await;
        let workflow = waiting(&ann, json!({ "signal": "go" })).await;
        let one = begun(&ann, &workflow, json!({})).await;
        let own = own(&one);
        for path in ["", "/steps", "/explain?step=a"] {
            bob.get(&format!("{own}{path}")).await.bad(404, "NOT_FOUND");
        }
        for path in ["/pause", "/resume", "/signals/go", "/rerun"] {
            bob.post(&format!("{own}{path}"), json!({})).await.bad(404, "NOT_FOUND");
        }
        let approve = json!({ "approved": true });
        bob.post(&format!("{own}/steps/a/approve"), approve).await.bad(404, "NOT_FOUND");
        bob.get(&format!("{own}/logs")).await.bad(403, "FORBIDDEN");
        bob.post(&format!("{own}/cancel"), json!({})).await.bad(403, "FORBIDDEN");
        stage.anybody().get(&own).await.bad(401, "UNAUTHORIZED");
        ann.get(&format!("/executions/{}", Uuid::new_v4())).await.bad(404, "NOT_FOUND");
        let none = Answer::of(ann.request(Method::GET, "/executions/7")).await;
        none.bad(400, "BAD_REQUEST");
        // Whoever owns the workflow sees what others started of it, and admins everything.
        let two = begun(&admin, &workflow, json!({})).await;
        ann.get(&super::executions::own(&two)).await.good(200);
        admin.get(&own).await.good(200);
        admin.post(&format!("{own}/signals/go"), json!({})).await.good(202);
        ended(stage, &one).await;
    })
    .await;
}
