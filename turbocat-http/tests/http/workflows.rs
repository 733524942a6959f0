//! Workflows: made, changed step by step, validated, deleted, by whom they belong to.

use reqwest::Method;
use serde_json::{Value, json};
use turbocat_storage::platform::UserRole;
use uuid::Uuid;

use crate::stage::{Answer, Client, fields, on_each};

pub(crate) async fn made(client: &Client, body: Value) -> Value {
    client.post("/workflows", body).await.good(201).clone()
}

pub(crate) fn path(of: &Value) -> String {
    format!("/workflows/{}", of["id"].as_str().unwrap())
}

/// A step that gives back what it is given.
pub(crate) fn pass(key: &str, before: &[&str]) -> Value {
    json!({
        "stepKey": key, "stepName": key, "stepType": "agent", "position": 0, "dependsOn": before,
        "inputs": { "from": key },
    })
}

pub(crate) fn details(answer: &Answer, code: &str) -> Vec<(String, String)> {
    let error = answer.bad(400, code);
    let text = |detail: &Value, name: &str| detail[name].as_str().unwrap().to_owned();
    let all = error["details"].as_array().unwrap();
    all.iter().map(|detail| (text(detail, "field"), text(detail, "code"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_has_the_defaults_of_the_contract_and_its_steps() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let agent = ann.post("/agents", json!({ "name": "Caller", "type": "api" })).await;
        let agent = agent.good(201)["id"].clone();
        let steps = json!([
            { "stepKey": "b", "stepName": " Second ", "stepType": "WAIT", "position": 2, "dependsOn": ["a"] },
            { "stepKey": "a", "stepName": "First", "stepType": "agent", "position": 1, "agentId": agent },
        ]);
        let workflow = made(&ann, json!({ "name": " Brief ", "steps": steps, "unknown": 1 })).await;
        assert_eq!(workflow["name"], "Brief");
        assert_eq!((&workflow["status"], &workflow["version"]), (&json!("draft"), &json!(1)));
        assert_eq!((&workflow["definition"], &workflow["triggerConfig"]), (&json!({}), &json!({})));
        assert_eq!((&workflow["scheduleEnabled"], &workflow["scheduleCron"]), (&json!(false), &Value::Null));
        assert_eq!((&workflow["scheduleTimezone"], &workflow["nextRunAt"]), (&json!("UTC"), &Value::Null));
        let first = &workflow["steps"][0];
        assert_eq!((&first["stepKey"], &first["position"]), (&json!("a"), &json!(1)));
        assert_eq!(
            first["agent"],
            json!({ "id": agent, "name": "Caller", "type": "api", "status": "draft" })
        );
        let second = &workflow["steps"][1];
        assert_eq!((&second["stepName"], &second["stepType"]), (&json!("Second"), &json!("wait")));
        assert_eq!((&second["retryCount"], &second["retryDelayMs"]), (&json!(0), &json!(1000)));
        assert_eq!((&second["timeoutMs"], &second["onError"]), (&json!(30_000), &json!("fail")));
        assert_eq!((&second["agentId"], &second["agent"]), (&Value::Null, &Value::Null));
        assert_eq!(ann.get(&path(&workflow)).await.good(200), &workflow);
        let listed = ann.get("/workflows?search=brief&scheduleEnabled=false").await;
        let listed = listed.good(200).as_array().unwrap().clone();
        assert_eq!(listed.len(), 1);
        assert!(listed[0].get("steps").is_none());
        assert!(ann.get("/workflows?status=ACTIVE").await.good(200).as_array().unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_with_a_workflow_is_told_at_once() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let body = json!({
            "name": " ", "definition": [], "tags": ["x".repeat(51)], "scheduleCron": "x".repeat(101),
            "steps": [
                { "stepKey": "a b", "stepName": "", "stepType": "dance", "position": -1, "retryCount": 11,
                  "retryDelayMs": 300_001, "timeoutMs": 999, "onError": "panic", "agentId": "7" },
                {},
            ],
        });
        let expected = [
            ("definition", "invalid_type"),
            ("name", "too_small"),
            ("scheduleCron", "too_big"),
            ("steps.0.agentId", "invalid_format"),
            ("steps.0.onError", "invalid_value"),
            ("steps.0.position", "too_small"),
            ("steps.0.retryCount", "too_big"),
            ("steps.0.retryDelayMs", "too_big"),
            ("steps.0.stepKey", "invalid_format"),
            ("steps.0.stepName", "too_small"),
            ("steps.0.stepType", "invalid_value"),
            ("steps.0.timeoutMs", "too_small"),
            ("steps.1.position", "invalid_type"),
            ("steps.1.stepKey", "invalid_type"),
            ("steps.1.stepName", "invalid_type"),
            ("steps.1.stepType", "invalid_type"),
            ("tags.0", "too_big"),
        ];
        assert_eq!(ann.post("/workflows", body).await.wrong_fields(), fields(&expected));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_has_times_and_a_zone_that_there_are() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let wrong = async |body: Value| ann.post("/workflows", body).await.wrong_fields();
        let none = json!({ "name": "x", "scheduleEnabled": true });
        assert_eq!(wrong(none).await, fields(&[("scheduleCron", "custom")]));
        let bad = json!({ "name": "x", "scheduleCron": "0 25 * * *", "scheduleTimezone": "Mars/Olympus" });
        let expected = [("scheduleCron", "invalid_format"), ("scheduleTimezone", "invalid_format")];
        assert_eq!(wrong(bad).await, fields(&expected));
        let good = json!({
            "name": "x", "scheduleEnabled": true, "scheduleCron": "0 9 * * 1-5",
            "scheduleTimezone": "Europe/Berlin", "steps": [pass("a", &[])],
        });
        let workflow = made(&ann, good).await;
        assert_eq!(workflow["nextRunAt"], Value::Null, "a draft is not started");
        let patch = async |body: Value| ann.patch(&path(&workflow), body).await;
        let active = patch(json!({ "status": "active" })).await;
        assert!(active.good(200)["nextRunAt"].as_str().unwrap().ends_with('Z'));
        let gone = patch(json!({ "scheduleCron": null })).await;
        assert_eq!(gone.wrong_fields(), fields(&[("scheduleCron", "custom")]));
        let rests = patch(json!({ "scheduleCron": null, "scheduleEnabled": false })).await;
        assert_eq!(rests.good(200)["scheduleCron"], Value::Null);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_that_cannot_be_is_not_saved() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let told = async |steps: Value| {
            let answer = ann.post("/workflows", json!({ "name": "x", "steps": steps })).await;
            let message = answer.bad(400, "BAD_REQUEST")["message"].as_str().unwrap().to_owned();
            (message, details(&answer, "BAD_REQUEST"))
        };
        let (message, found) = told(json!([pass("a", &["b"]), pass("b", &["a"])])).await;
        assert!(message.contains("Cycle detected") && message.contains("a -> b -> a"), "{message}");
        assert_eq!(found, fields(&[("steps.0.dependsOn", "G104")]));
        let (message, found) = told(json!([pass("a", &["x", "a"]), pass("a", &[])])).await;
        assert!(message.contains("duplicate") && message.contains("`a`"), "{message}");
        let expected =
            [("steps.1.stepKey", "G101"), ("steps.0.dependsOn.0", "G102"), ("steps.0.dependsOn.1", "G103")];
        assert_eq!(found, fields(&expected));
        assert!(ann.get("/workflows").await.good(200).as_array().unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_use_agents_of_ones_own_or_public_ones() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let agent = async |public: bool| {
            let body = json!({ "name": "x", "type": "api", "isPublic": public });
            bob.post("/agents", body).await.good(201)["id"].clone()
        };
        let (public, private) = (agent(true).await, agent(false).await);
        let with = |id: &Value| {
            let mut step = pass("a", &[]);
            step["agentId"] = id.clone();
            json!({ "name": "x", "steps": [step] })
        };
        made(&ann, with(&public)).await;
        for strange in [private, json!(Uuid::new_v4())] {
            let answer = ann.post("/workflows", with(&strange)).await;
            assert_eq!(details(&answer, "BAD_REQUEST"), fields(&[("steps.0.agentId", "invalid_value")]));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_steps_has_three_verbs_and_is_judged_as_a_whole() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let steps = json!([pass("a", &[]), pass("b", &["a"]), pass("c", &["b"])]);
        let workflow = made(&ann, json!({ "name": "x", "steps": steps })).await;
        let id = |key: &str| {
            let steps = workflow["steps"].as_array().unwrap();
            steps.iter().find(|step| step["stepKey"] == key).unwrap()["id"].clone()
        };
        let patch = async |steps: Value| ann.patch(&path(&workflow), json!({ "steps": steps })).await;
        // The one that is not mentioned is there to depend on; the one that is renamed is followed.
        let mut fresh = pass("d", &["c"]);
        fresh["position"] = json!(9);
        let changes = json!([
            { "id": id("a"), "stepKey": "first", "timeoutMs": 5000 }, fresh,
        ]);
        let answer = patch(changes).await;
        let after = answer.good(200)["steps"].as_array().unwrap().clone();
        let key = |key: &str| after.iter().find(|step| step["stepKey"] == key).unwrap();
        assert_eq!(after.len(), 4);
        assert_eq!((&key("first")["id"], &key("first")["timeoutMs"]), (&id("a"), &json!(5000)));
        assert_eq!(key("first")["inputs"], json!({ "from": "a" }), "what is not mentioned stays");
        assert_eq!((&key("b")["dependsOn"], &key("b")["id"]), (&json!(["first"]), &id("b")));
        // Nobody may wait for one that is gone.
        let answer = patch(json!([{ "id": id("b"), "_delete": true }])).await;
        assert_eq!(details(&answer, "BAD_REQUEST"), fields(&[("steps.c.dependsOn.0", "G102")]));
        let changes = json!([{ "id": id("b"), "_delete": true }, { "id": id("c"), "dependsOn": [] }]);
        assert_eq!(patch(changes).await.good(200)["steps"].as_array().unwrap().len(), 3);
        let unknown = patch(json!([{ "id": Uuid::new_v4(), "stepName": "x" }])).await;
        assert_eq!(unknown.bad(404, "NOT_FOUND")["details"][0]["field"], "steps.0.id");
        let wrong = patch(json!([{ "_delete": true }, { "stepKey": "e" }])).await.wrong_fields();
        let expected = [
            ("steps.0.id", "invalid_type"),
            ("steps.1.position", "invalid_type"),
            ("steps.1.stepName", "invalid_type"),
            ("steps.1.stepType", "invalid_type"),
        ];
        assert_eq!(wrong, fields(&expected));
        let twice = patch(json!([pass("first", &[])])).await;
        assert_eq!(details(&twice, "BAD_REQUEST"), fields(&[("steps.0.stepKey", "G101")]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_changed_only_if_it_is_still_what_was_read() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let workflow = made(&ann, json!({ "name": "x", "description": "words" })).await;
        let read = ann.get(&path(&workflow)).await;
        let etag = read.headers["etag"].to_str().unwrap().to_owned();
        let patch = |body: Value| {
            let request = ann.request(Method::PATCH, &path(&workflow));
            Answer::of(request.header("if-match", etag.clone()).json(&body))
        };
        let changed = patch(json!({ "name": "y", "description": null })).await;
        assert_eq!(changed.good(200)["description"], Value::Null);
        patch(json!({ "name": "z" })).await.bad(412, "PRECONDITION_FAILED");
        patch(json!({ "steps": [pass("a", &[])] })).await.bad(412, "PRECONDITION_FAILED");
        ann.patch(&path(&workflow), json!({})).await.bad(400, "VALIDATION_ERROR");
        ann.patch(&path(&workflow), json!({ "colour": 1 })).await.bad(400, "BAD_REQUEST");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_may_be_wrong_and_is_told_so_before_it_is_active() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let mut step = pass("a", &[]);
        step["inputs"] = json!({ "x": "{{ nobody.x }}" });
        let workflow = made(&ann, json!({ "name": "x", "steps": [pass("z", &[]), step] })).await;
        let told = ann.post(&format!("{}/validate", path(&workflow)), json!({})).await;
        let told = told.good(200);
        assert_eq!(told["valid"], false);
        let at = workflow["steps"].as_array().unwrap().iter().position(|step| step["stepKey"] == "a");
        let field = format!("steps.{}.inputs.x", at.unwrap());
        assert_eq!(told["diagnostics"][0]["code"], "T101");
        assert_eq!(told["diagnostics"][0]["severity"], "error");
        assert_eq!(told["diagnostics"][0]["field"], field);
        let answer = ann.patch(&path(&workflow), json!({ "status": "active" })).await;
        assert_eq!(details(&answer, "BAD_REQUEST"), fields(&[("steps.a.inputs.x", "T101")]));
        assert_eq!(ann.get(&path(&workflow)).await.good(200)["status"], "draft");
        // A change that would make it right is tried without being saved, then saved.
        let id = workflow["steps"][at.unwrap()]["id"].clone();
        let change = json!({ "steps": [{ "id": id, "inputs": { "x": "{{ z.from }}" } }] });
        let told = ann.post(&format!("{}/validate", path(&workflow)), change.clone()).await;
        assert_eq!(told.good(200), &json!({ "valid": true, "diagnostics": [] }));
        let mut active = change;
        active["status"] = json!("active");
        assert_eq!(ann.patch(&path(&workflow), active).await.good(200)["status"], "active");
        // What is active stays one that can be executed.
        let change = json!({ "steps": [{ "id": id, "inputs": { "x": "{{ nobody }}" } }] });
        let answer = ann.patch(&path(&workflow), change).await;
        assert_eq!(details(&answer, "BAD_REQUEST"), fields(&[("steps.0.inputs.x", "T101")]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_of_somebody_else_is_not_there_but_for_admins() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let admin = stage.of_role(UserRole::Admin).await;
        let robot = stage.of_role(UserRole::Agent).await;
        let workflow = made(&ann, json!({ "name": "mine", "isPublic": true })).await;
        let path = path(&workflow);
        for (client, expected) in [(&bob, (404, "NOT_FOUND")), (&stage.anybody(), (401, "UNAUTHORIZED"))] {
            client.get(&path).await.bad(expected.0, expected.1);
            client.patch(&path, json!({ "name": "x" })).await.bad(expected.0, expected.1);
            client.delete(&path).await.bad(expected.0, expected.1);
            for what in ["execute", "validate"] {
                client.post(&format!("{path}/{what}"), json!({})).await.bad(expected.0, expected.1);
            }
        }
        robot.post("/workflows", json!({ "name": "x" })).await.bad(403, "FORBIDDEN");
        admin.get(&path).await.good(200);
        ann.get("/workflows/7").await.bad(400, "BAD_REQUEST");
        assert_eq!(ann.delete(&path).await.status.as_u16(), 204);
        ann.get(&path).await.bad(404, "NOT_FOUND");
        ann.delete(&path).await.bad(404, "NOT_FOUND");
    })
    .await;
}
