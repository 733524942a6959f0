//! Triggers: times of day, and requests from outside that know a secret.

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use turbocat_storage::args;
use uuid::Uuid;

use crate::executing::active;
use crate::executions::until;
use crate::stage::{Answer, Client, fields, on_each};
use crate::workflows::{pass, path};

async fn webhook(client: &Client, workflow: &Value) -> Value {
    let body = json!({ "kind": "WEBHOOK", "name": " orders ", "inputs": { "from": "shop", "n": 1 } });
    client.post(&format!("{}/triggers", path(workflow)), body).await.good(201).clone()
}

fn own(of: &Value) -> String {
    format!("/triggers/{}", of["id"].as_str().unwrap())
}

fn hook(of: &Value) -> String {
    format!("/hooks/{}", of["id"].as_str().unwrap())
}

fn signature(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_knows_the_secret_starts_a_workflow() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let mut step = pass("a", &[]);
        step["inputs"] = json!({ "n": "{{ inputs.n }}", "from": "{{ inputs.from }}" });
        let workflow = active(&ann, json!({ "name": "x", "steps": [step] })).await;
        let trigger = webhook(&ann, &workflow).await;
        let secret = trigger["secret"].as_str().unwrap();
        assert_eq!((&trigger["kind"], &trigger["name"]), (&json!("webhook"), &json!("orders")));
        assert!(trigger["url"].as_str().unwrap().ends_with(&hook(&trigger)));
        assert!(ann.get(&own(&trigger)).await.good(200).get("secret").is_none(), "it is shown once");
        let kept = stage.api.database().fetch_one("select secret_hash from triggers", args![]).await.unwrap();
        assert!(!kept.get::<String>("secret_hash").unwrap().contains(secret));

        let body = json!({ "n": 2 }).to_string();
        let call = || {
            let request = stage.anybody().request(Method::POST, &hook(&trigger));
            request.header("content-type", "application/json").body(body.clone())
        };
        let signed = call().header("x-turbocat-signature", signature(secret, &body));
        let one = Answer::of(signed).await.good(202).clone();
        assert_eq!(one["duplicate"], false);
        let id = one["executionId"].as_str().unwrap().parse().unwrap();
        let ended = stage.api.engine().wait(id).await.unwrap();
        assert_eq!(ended.output()["a"], json!({ "n": 2, "from": "shop" }));
        let seen = ann.get(&format!("/executions/{id}")).await.good(200).clone();
        assert_eq!((&seen["triggerType"], &seen["userId"]), (&json!("webhook"), &json!(ann.id)));
        assert_eq!(seen["triggerData"]["body"], json!({ "n": 2 }));

        // A delivery that comes again starts nothing again.
        let named = || call().bearer_auth(secret).header("idempotency-key", "order-7");
        let two = Answer::of(named()).await.good(202).clone();
        let again = Answer::of(named()).await.good(202).clone();
        assert_eq!((&again["executionId"], &again["duplicate"]), (&two["executionId"], &json!(true)));
        assert_ne!(two["executionId"], one["executionId"]);

        for strange in [
            call(),
            call().bearer_auth("whsec_guess"),
            call().header("x-turbocat-signature", signature("whsec_guess", &body)),
            call().header("x-turbocat-signature", signature(secret, "another body")).bearer_auth(secret),
        ] {
            Answer::of(strange).await.bad(401, "UNAUTHORIZED");
        }
        let broken = stage.anybody().request(Method::POST, &hook(&trigger)).bearer_auth(secret).body("{");
        Answer::of(broken).await.bad(400, "BAD_REQUEST");
        let unknown = stage.anybody().request(Method::POST, &format!("/hooks/{}", Uuid::new_v4()));
        Answer::of(unknown.bearer_auth(secret)).await.bad(404, "NOT_FOUND");

        let rotated = ann.patch(&own(&trigger), json!({ "rotateSecret": true })).await.good(200).clone();
        Answer::of(call().bearer_auth(secret)).await.bad(401, "UNAUTHORIZED");
        let secret = rotated["secret"].as_str().unwrap();
        Answer::of(call().bearer_auth(secret)).await.good(202);
        ann.patch(&own(&trigger), json!({ "enabled": false })).await.good(200);
        Answer::of(call().bearer_auth(secret)).await.bad(404, "NOT_FOUND");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_started_with_the_agents_of_its_rows() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let config = json!({ "operation": "pick", "operationConfig": { "fields": ["from"] } });
        let agent = json!({ "name": "x", "type": "data", "config": config });
        let agent = ann.post("/agents", agent).await.good(201).clone();
        let mut step = pass("a", &[]);
        step["agentId"] = agent["id"].clone();
        let workflow = active(&ann, json!({ "name": "x", "steps": [step] })).await;
        let times = json!({ "scheduleEnabled": true, "scheduleCron": "0 0 1 1 *" });
        ann.patch(&path(&workflow), times).await.good(200);
        let body = json!({ "kind": "schedule", "name": "yearly", "cron": "0 0 1 1 *", "inputs": { "x": 1 } });
        let trigger = ann.post(&format!("{}/triggers", path(&workflow)), body).await.good(201).clone();
        until("the next times are known", async || {
            let all = ann.get(&format!("{}/triggers", path(&workflow))).await;
            all.good(200).as_array().unwrap().iter().all(|one| one["nextAt"].is_string())
        })
        .await;
        // A year passes.
        let sql = "update triggers set next_at = $1";
        stage.api.database().execute(sql, args![stage.api.store().now()]).await.unwrap();
        until("both are started and done", async || {
            let all = ann.get(&format!("{}/executions?status=completed", path(&workflow))).await;
            all.good(200).as_array().unwrap().len() == 2
        })
        .await;
        let all = ann.get(&format!("{}/executions", path(&workflow))).await.good(200).clone();
        for one in all.as_array().unwrap() {
            assert_eq!((&one["triggerType"], &one["userId"]), (&json!("scheduled"), &json!(ann.id)));
        }
        assert!(ann.get(&own(&trigger)).await.good(200)["lastExecutionId"].is_string());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_belong_to_who_owns_the_workflow_and_are_checked() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let times = json!({ "name": "x", "scheduleEnabled": true, "scheduleCron": "0 9 * * *" });
        let workflow = ann.post("/workflows", times).await.good(201).clone();
        let all = format!("{}/triggers", path(&workflow));
        let wrong = async |body: Value| ann.post(&all, body).await.wrong_fields();
        let event = json!({ "kind": "event", "name": "x" });
        assert_eq!(wrong(event).await, fields(&[("kind", "invalid_value")]));
        assert_eq!(
            wrong(json!({ "kind": "schedule", "name": "x" })).await,
            fields(&[("cron", "invalid_type")])
        );
        let bad = json!({ "kind": "schedule", "name": "x", "cron": "often", "timezone": "Mars" });
        let expected = [("cron", "invalid_format"), ("timezone", "invalid_format")];
        assert_eq!(wrong(bad).await, fields(&expected));
        let trigger = webhook(&ann, &workflow).await;
        bob.get(&own(&trigger)).await.bad(404, "NOT_FOUND");
        bob.patch(&own(&trigger), json!({ "name": "y" })).await.bad(404, "NOT_FOUND");
        bob.delete(&own(&trigger)).await.bad(404, "NOT_FOUND");
        bob.get(&all).await.bad(404, "NOT_FOUND");
        let listed = ann.get(&format!("{all}?sortBy=name&sortOrder=asc")).await.good(200).clone();
        assert_eq!((&listed[0]["name"], &listed[1]["name"]), (&json!("orders"), &json!("schedule")));
        // The schedule of the workflow is changed with the workflow.
        let follows = &listed[1];
        assert_eq!((&follows["followsSchedule"], &follows["enabled"]), (&json!(true), &json!(false)));
        ann.patch(&own(follows), json!({ "name": "y" })).await.bad(400, "BAD_REQUEST");
        ann.delete(&own(follows)).await.bad(400, "BAD_REQUEST");
        assert_eq!(ann.delete(&own(&trigger)).await.status.as_u16(), 204);
        ann.get(&own(&trigger)).await.bad(404, "NOT_FOUND");
    })
    .await;
}
