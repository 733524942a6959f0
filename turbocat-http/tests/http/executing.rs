//! Executions begun over HTTP: with which agents, which secrets, which inputs.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use turbocat_core::{ExecutionId, StepFailure, agent_fn_with};
use turbocat_http::ApiBuilder;
use turbocat_storage::args;

use crate::stage::{Client, Stage, fields, on_each, on_each_with};
use crate::workflows::{details, made, pass, path};

pub(crate) async fn active(client: &Client, body: Value) -> Value {
    let workflow = made(client, body).await;
    client.patch(&path(&workflow), json!({ "status": "active" })).await.good(200).clone()
}

pub(crate) async fn begun(client: &Client, workflow: &Value, body: Value) -> Value {
    client.post(&format!("{}/execute", path(workflow)), body).await.good(201).clone()
}

pub(crate) fn id_of(begun: &Value) -> ExecutionId {
    begun["executionId"].as_str().unwrap().parse().unwrap()
}

async fn output(stage: &Stage, begun: &Value) -> Value {
    let ended = stage.api.engine().wait(id_of(begun)).await.unwrap();
    assert!(ended.is_completed(), "{ended:?}");
    ended.output().clone()
}

/// What the agent `code` of [`with_witness`] was configured with, attempt by attempt.
type Seen = Arc<Mutex<Vec<Value>>>;

/// An engine whose agent `code` remembers its configuration, and gives it back.
fn with_witness(seen: &Seen) -> impl Fn(ApiBuilder) -> ApiBuilder {
    let seen = seen.clone();
    move |builder| {
        let seen = seen.clone();
        builder.extend_engine(move |engine| {
            engine.agent(
                "code",
                agent_fn_with(move |_: Value, request| {
                    let (config, seen) = (request.config().clone(), seen.clone());
                    async move {
                        if config["sleeps"] == true {
                            std::future::pending::<()>().await;
                        }
                        seen.lock().unwrap().push(config.clone());
                        Ok::<_, StepFailure>(json!({ "config": config }))
                    }
                }),
            )
        })
    }
}

async fn agent(client: &Client, body: Value) -> Value {
    client.post("/agents", body).await.good(201).clone()
}

fn done_by(agent: &Value) -> Value {
    let mut step = pass("a", &[]);
    step["agentId"] = agent["id"].clone();
    json!({ "name": "x", "steps": [step] })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_is_taken_in_and_done() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let mut second = pass("b", &[]);
        second["inputs"] = json!({ "sum": "{{ inputs.n + a.from.length }}", "was": "{{ a.from }}" });
        second["inputs"]["sum"] = json!("{{ inputs.n + 1 }}");
        let workflow = active(&ann, json!({ "name": "x", "steps": [pass("a", &[]), second] })).await;
        let body = json!({ "inputs": { "n": 2 }, "triggerType": "API", "triggerData": { "why": "test" } });
        let one = begun(&ann, &workflow, body).await;
        assert_eq!((&one["id"], &one["workflowId"]), (&one["executionId"], &workflow["id"]));
        assert_eq!((&one["status"], &one["triggerType"]), (&json!("pending"), &json!("api")));
        assert_eq!(one["stepsTotal"], 2);
        assert!(one["createdAt"].as_str().unwrap().ends_with('Z'));
        let expected = json!({ "a": { "from": "a" }, "b": { "sum": 3, "was": "a" } });
        assert_eq!(output(stage, &one).await, expected);
        // The second one is made from the plan of the first.
        let two = begun(&ann, &workflow, json!({ "inputData": { "n": 4 }, "inputs": { "n": 9 } })).await;
        assert_eq!(output(stage, &two).await["b"]["sum"], 5);
        let row = stage.api.platform().executions().get(id_of(&one)).await.unwrap().unwrap();
        assert_eq!(row.user_id, Some(ann.id));
        assert_eq!(row.trigger_data, json!({ "why": "test" }));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_active_has_steps_and_gets_what_it_wants_is_executed() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let draft = made(&ann, json!({ "name": "x", "steps": [pass("a", &[])] })).await;
        let execute = async |workflow: &Value, body: Value| {
            ann.post(&format!("{}/execute", path(workflow)), body).await
        };
        let told = execute(&draft, json!({})).await;
        assert!(told.bad(400, "BAD_REQUEST")["message"].as_str().unwrap().contains("not active"));
        let empty = active(&ann, json!({ "name": "x" })).await;
        let told = execute(&empty, json!({})).await;
        assert!(told.bad(400, "BAD_REQUEST")["message"].as_str().unwrap().contains("no steps"));
        let definition = json!({ "inputs": { "n": { "type": "integer" } }, "layout": [1] });
        let workflow =
            active(&ann, json!({ "name": "x", "definition": definition, "steps": [pass("a", &[])] })).await;
        let told = execute(&workflow, json!({ "inputData": { "n": "two" } })).await;
        assert_eq!(told.wrong_fields()[0].0, "inputData.n");
        assert_eq!(execute(&workflow, json!({ "inputData": { "n": 2 } })).await.good(201)["stepsTotal"], 1);
        let told = execute(&workflow, json!({ "triggerType": "boredom", "inputData": [] })).await;
        let expected = [("inputData", "invalid_type"), ("triggerType", "invalid_value")];
        assert_eq!(told.wrong_fields(), fields(&expected));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_without_rows_are_those_of_the_definition() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let nodes = json!([
            { "id": "a", "type": "agent", "position": { "x": 0, "y": 0 }, "inputs": { "x": 1 } },
            { "id": "b", "type": "agent", "position": { "x": 9, "y": 0 }, "inputs": { "y": "{{ a.x }}" } },
        ]);
        let edges = json!([{ "source": "a", "target": "b" }]);
        let definition = json!({ "nodes": nodes, "edges": edges });
        let workflow = active(&ann, json!({ "name": "x", "definition": definition })).await;
        let one = begun(&ann, &workflow, json!({})).await;
        assert_eq!(output(stage, &one).await["b"]["y"], 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_an_agent_reach_it_and_are_neither_shown_nor_written() {
    let seen = Seen::default();
    on_each_with(
        |_| {},
        with_witness(&seen),
        async |stage| {
            seen.lock().unwrap().clear();
            let ann = stage.somebody().await;
            let config = json!({
                "auth": { "type": "bearer", "Token": "sk-very-secret-1" }, "models": [{ "api_key": "key-of-ann" }],
                "url": "https://example.com",
            });
            let made = agent(&ann, json!({ "name": "x", "type": "code", "config": config })).await;
            let masked = json!({
                "auth": { "type": "bearer", "Token": "sk-v********et-1" }, "models": [{ "api_key": "key-**-ann" }],
                "url": "https://example.com",
            });
            assert_eq!(made["config"], masked);
            let own = format!("/agents/{}", made["id"].as_str().unwrap());
            assert_eq!(ann.get(&own).await.good(200)["config"], masked);
            assert_eq!(ann.get("/agents").await.good(200)[0]["config"], masked);
            let workflow = active(&ann, done_by(&made)).await;
            let first = begun(&ann, &workflow, json!({})).await;
            let shown = output(stage, &first).await;
            assert!(!shown.to_string().contains("very-secret"), "{shown}");
            assert_eq!(seen.lock().unwrap().pop(), Some(config.clone()));

            // Masks that are sent back keep the secrets; what is written anew takes their place.
            let mut change = masked.clone();
            change["url"] = json!("https://example.org");
            change["models"][0]["api_key"] = json!("key-of-bob");
            ann.patch(&own, json!({ "config": change })).await.good(200);
            let second = begun(&ann, &workflow, json!({})).await;
            output(stage, &second).await;
            let mut expected = config.clone();
            expected["url"] = json!("https://example.org");
            expected["models"][0]["api_key"] = json!("key-of-bob");
            assert_eq!(seen.lock().unwrap().pop(), Some(expected));

            // A copy has secrets of its own.
            let copy = ann.post(&format!("{own}/duplicate"), json!({})).await.good(201).clone();
            assert_eq!(copy["config"]["auth"]["Token"], masked["auth"]["Token"]);
            let copied = active(&ann, done_by(&copy)).await;
            output(stage, &begun(&ann, &copied, json!({})).await).await;
            assert_eq!(seen.lock().unwrap().pop().unwrap()["auth"]["Token"], "sk-very-secret-1");

            for (table, column) in [("definitions", "body"), ("agents", "config"), ("execution_events", "events")]
            {
                let sql = match table {
                    "definitions" => "select body as text from definitions",
                    "agents" => "select cast(config as text) as text from agents",
                    _ => "select events as text from execution_events",
                };
                let rows = stage.api.database().fetch_all(sql, args![]).await.unwrap();
                assert!(!rows.is_empty(), "{table}.{column}");
                for row in rows {
                    let text: String = row.get("text").unwrap();
                    assert!(!text.contains("very-secret") && !text.contains("key-of"), "{table}: {text}");
                }
            }
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_takes_no_longer_than_it_may() {
    on_each_with(
        |_| {},
        with_witness(&Seen::default()),
        async |stage| {
            let ann = stage.somebody().await;
            let body =
                json!({ "name": "x", "type": "code", "config": { "sleeps": true }, "maxExecutionTime": 1 });
            let workflow = active(&ann, done_by(&agent(&ann, body).await)).await;
            let one = begun(&ann, &workflow, json!({})).await;
            let ended = stage.api.engine().wait(id_of(&one)).await.unwrap();
            let failure = ended.failure().unwrap();
            assert!(failure.to_string().contains("timed out after 1s"), "{failure}");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_that_cannot_be_used_are_told_with_the_step_that_names_them() {
    let seen = Seen::default();
    on_each_with(
        |_| {},
        with_witness(&seen),
        async |stage| {
            let (ann, bob) = (stage.somebody().await, stage.somebody().await);
            let told = async |body: Value| {
                let workflow = made(&ann, body).await;
                let answer = ann.patch(&path(&workflow), json!({ "status": "active" })).await;
                details(&answer, "BAD_REQUEST")
            };
            let nested = agent(&ann, json!({ "name": "x", "type": "workflow" })).await;
            assert_eq!(told(done_by(&nested)).await, fields(&[("steps.a.agentId", "A105")]));

            let body = json!({
                "name": "x", "type": "code", "isPublic": true, "config": { "token": "secret", "url": "a" },
            });
            let public = agent(&bob, body).await;
            let draft = told(done_by(&public)).await;
            assert_eq!(draft, fields(&[("steps.a.agentId", "A101")]), "it is a draft");
            let own = format!("/agents/{}", public["id"].as_str().unwrap());
            bob.patch(&own, json!({ "status": "active" })).await.good(200);
            let mut changed = done_by(&public);
            changed["steps"][0]["config"] = json!({ "url": "https://evil.example.com" });
            assert_eq!(told(changed).await, fields(&[("steps.a.agentId", "A104")]), "its secret would leave");
            let workflow = active(&ann, done_by(&public)).await;
            output(stage, &begun(&ann, &workflow, json!({})).await).await;
            assert_eq!(seen.lock().unwrap().pop(), Some(json!({ "token": "secret", "url": "a" })));

            // What was right when it was made active is looked at again when it is executed.
            bob.patch(&own, json!({ "isPublic": false })).await.good(200);
            let answer = ann.post(&format!("{}/execute", path(&workflow)), json!({})).await;
            assert_eq!(details(&answer, "BAD_REQUEST"), fields(&[("steps.0.agentId", "A101")]));
        },
    )
    .await;
}
