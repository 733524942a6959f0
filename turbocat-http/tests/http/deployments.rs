//! Deployments: made, started, asked, stopped, looked after.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use turbocat_storage::args;
use turbocat_storage::platform::{DeploymentStatus, UserRole};
use uuid::Uuid;

use crate::stage::{Answer, Client, Stage, fields, on_each};

async fn agent(client: &Client) -> String {
    let agent = client.post("/agents", json!({ "name": "one", "type": "data" })).await;
    agent.good(201)["id"].as_str().unwrap().to_owned()
}

async fn made(client: &Client, mut body: Value) -> Value {
    if body["agentId"].is_null() && body["workflowId"].is_null() {
        body["agentId"] = json!(agent(client).await);
    }
    client.post("/deployments", body).await.good(201).clone()
}

fn path(deployment: &Value) -> String {
    format!("/deployments/{}", deployment["id"].as_str().unwrap())
}

/// Reads it again and again until it stands so.
async fn becomes(client: &Client, path: &str, status: &str) -> Value {
    for _ in 0..1000 {
        let seen = client.get(path).await.good(200).clone();
        if seen["status"] == status {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not become {status}: {:?}", client.get(path).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_has_one_target_which_is_the_callers() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let target = agent(&ann).await;
        let deployment = made(&ann, json!({ "name": " D ", "agentId": target })).await;
        assert_eq!((&deployment["name"], &deployment["status"]), (&json!("D"), &json!("stopped")));
        assert_eq!(
            (&deployment["environment"], &deployment["healthStatus"]),
            (&json!("production"), &json!("unknown"))
        );
        assert_eq!(
            (&deployment["allocatedMemoryMb"], &deployment["allocatedCpuShares"]),
            (&json!(512), &json!(1024))
        );
        assert_eq!((&deployment["agent"]["id"], &deployment["workflow"]), (&json!(target), &Value::Null));
        let both = json!([["agentId", "custom"], ["workflowId", "custom"]]);
        for body in [json!({ "name": "x" }), json!({ "name": "x", "agentId": target, "workflowId": target })]
        {
            let wrong = ann.post("/deployments", body).await.wrong_fields();
            assert_eq!(json!(wrong), both);
        }
        bob.post("/deployments", json!({ "name": "x", "agentId": target })).await.bad(404, "NOT_FOUND");
        ann.post("/deployments", json!({ "name": "x", "workflowId": target })).await.bad(404, "NOT_FOUND");
        let wrong = json!({
            "name": "", "agentId": "7", "environment": "moon", "allocatedMemoryMb": 8193,
            "allocatedCpuShares": 0, "environmentVars": { "A": 1 },
        });
        let wrong = ann.post("/deployments", wrong).await.wrong_fields();
        let expected = [
            ("agentId", "invalid_format"),
            ("allocatedCpuShares", "too_small"),
            ("allocatedMemoryMb", "too_big"),
            ("environment", "invalid_value"),
            ("environmentVars.A", "invalid_type"),
            ("name", "too_small"),
        ];
        assert_eq!(wrong, fields(&expected));
        let path = path(&deployment);
        for method in [Method::GET, Method::DELETE] {
            Answer::of(bob.request(method, &path)).await.bad(404, "NOT_FOUND");
        }
        for act in ["start", "stop", "rotate-key", "invoke"] {
            bob.post(&format!("{path}/{act}"), json!({})).await.bad(404, "NOT_FOUND");
        }
        bob.patch(&path, json!({ "name": "x" })).await.bad(404, "NOT_FOUND");
        bob.get(&format!("{path}/logs")).await.bad(404, "NOT_FOUND");
        stage.of_role(UserRole::Agent).await.post("/deployments", json!({})).await.bad(403, "FORBIDDEN");
        assert_eq!(ann.get("/deployments?status=STOPPED&search=d").await.body["pagination"]["totalItems"], 1);
        assert_eq!(
            ann.get(&format!("/deployments?agentId={target}")).await.body["pagination"]["totalItems"],
            1
        );
        assert_eq!(bob.get("/deployments").await.body["pagination"]["totalItems"], 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_are_sealed_and_masked_and_a_mask_keeps_them() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let vars = json!({ "TOKEN": "sk-1234567890abcdef", "SHORT": "abc" });
        let deployment = made(&ann, json!({ "name": "d", "environmentVars": vars })).await;
        let masked = json!({ "TOKEN": "sk-1********cdef", "SHORT": "****" });
        assert_eq!(deployment["environmentVars"], masked);
        let path = path(&deployment);
        assert_eq!(ann.get(&path).await.good(200)["environmentVars"], masked);
        assert!(!ann.get("/deployments").await.text.contains("1234567890"));
        let sealed = async || {
            let sql = "select cast(environment_vars as text) as vars from deployments";
            let row = stage.api.database().fetch_one(sql, args![]).await.unwrap();
            row.get::<String>("vars").unwrap()
        };
        assert!(sealed().await.contains("v1:") && !sealed().await.contains("1234567890"));
        let next = json!({ "environmentVars": { "TOKEN": "sk-1********cdef", "NEW": "0123456789" } });
        let changed = ann.patch(&path, next).await;
        let expected = json!({ "TOKEN": "sk-1********cdef", "NEW": "0123**6789" });
        assert_eq!(changed.good(200)["environmentVars"], expected, "all are replaced");
        // What was kept is the text and not its mask: the mask of a mask would have other stars.
        let again = json!({ "environmentVars": { "TOKEN": "sk-1********cdef" } });
        assert_eq!(
            ann.patch(&path, again).await.good(200)["environmentVars"],
            json!({ "TOKEN": "sk-1********cdef" })
        );
        let wrong = json!({ "environmentVars": { "1A": "x", "B": "\0" } });
        let answer = ann.patch(&path, wrong).await;
        assert_eq!(answer.status.as_u16(), 400, "{answer:?}");
        ann.patch(&path, json!({})).await.bad(400, "VALIDATION_ERROR");
        ann.patch(&path, json!({ "agentId": Uuid::new_v4() })).await.bad(400, "BAD_REQUEST");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_starts_and_stops_and_nothing_else_is_done_out_of_order() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let path = path(&made(&ann, json!({ "name": "d" })).await);
        let (start, stop) = (format!("{path}/start"), format!("{path}/stop"));
        ann.post(&stop, json!({})).await.bad(400, "BAD_REQUEST");
        let starting = ann.post(&start, json!({})).await;
        let starting = starting.good(200);
        assert_eq!((&starting["status"], &starting["healthStatus"]), (&json!("starting"), &json!("unknown")));
        assert!(starting["message"].is_string());
        assert!(starting["key"].as_str().unwrap().starts_with("dk_"));
        let running = becomes(&ann, &path, "running").await;
        assert_eq!(running["healthStatus"], "healthy");
        assert!(running["deployedAt"].is_string() && running["lastHealthCheckAt"].is_string());
        assert!(running["endpointUrl"].as_str().unwrap().ends_with(&format!("/api/v1{path}/invoke")));
        ann.post(&start, json!({})).await.bad(400, "BAD_REQUEST");
        let stopping = ann.post(&stop, json!({})).await;
        assert_eq!(stopping.good(200)["status"], "stopping");
        let stopped = becomes(&ann, &path, "stopped").await;
        assert_eq!(stopped["healthStatus"], "unknown");
        // The key stays: it is shown once.
        assert_eq!(ann.post(&start, json!({})).await.good(200)["key"], Value::Null);
        // However far it is: who stops it has the last word.
        let stopping = ann.post(&stop, json!({})).await;
        assert_eq!(stopping.good(200)["status"], "stopping");
        becomes(&ann, &path, "stopped").await;
        stage.api.flush().await;
        let lines = ann.get(&format!("{path}/logs?level=info&tail=100")).await;
        let said: Vec<String> = lines
            .good(200)
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["message"].as_str().unwrap().to_owned())
            .collect();
        assert!(
            said.contains(&"deployment started".to_owned())
                && said.contains(&"deployment stopped".to_owned()),
            "{said:?}"
        );
        assert_eq!(said.last().unwrap(), "deployment created");
        assert_eq!(ann.get(&format!("{path}/logs?tail=1")).await.good(200).as_array().unwrap().len(), 1);
        assert_eq!(ann.get(&format!("{path}/logs?level=fatal")).await.good(200), &json!([]));
        let wrong = ann.get(&format!("{path}/logs?tail=1001&since=soon&level=loud")).await.wrong_fields();
        let expected = [("level", "invalid_value"), ("since", "invalid_format"), ("tail", "too_big")];
        assert_eq!(wrong, fields(&expected));
        assert_eq!(ann.delete(&path).await.status.as_u16(), 204);
        ann.get(&path).await.bad(404, "NOT_FOUND");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_on_its_way_when_a_server_ended_gets_there() {
    on_each(async |stage: &Stage| {
        let ann = stage.somebody().await;
        for (before, after) in [("starting", "running"), ("stopping", "stopped")] {
            let deployment = made(&ann, json!({ "name": "d" })).await;
            let id: Uuid = deployment["id"].as_str().unwrap().parse().unwrap();
            // As if the server had ended after it had answered: nobody here was told.
            let sql = "update deployments set status = $2 where id = $1";
            stage.api.database().execute(sql, args![id, before]).await.unwrap();
            becomes(&ann, &path(&deployment), after).await;
        }
        // One whose target is gone fails.
        let deployment = made(&ann, json!({ "name": "d" })).await;
        let target = deployment["agentId"].as_str().unwrap();
        ann.delete(&format!("/agents/{target}")).await;
        ann.post(&format!("{}/start", path(&deployment)), json!({})).await.bad(400, "BAD_REQUEST");
        let id: Uuid = deployment["id"].as_str().unwrap().parse().unwrap();
        let sql = "update deployments set status = 'starting' where id = $1";
        stage.api.database().execute(sql, args![id]).await.unwrap();
        assert_eq!(becomes(&ann, &path(&deployment), "failed").await["healthStatus"], "unhealthy");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_asked_by_its_key_or_its_owner_and_nobody_else() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let path = path(&made(&ann, json!({ "name": "d" })).await);
        let started = ann.post(&format!("{path}/start"), json!({})).await;
        let key = started.good(200)["key"].as_str().unwrap().to_owned();
        becomes(&ann, &path, "running").await;
        let invoke = format!("{path}/invoke");
        let anybody = stage.anybody();
        anybody.post(&invoke, json!({})).await.bad(401, "UNAUTHORIZED");
        for wrong in ["dk_wrong", "", &key[..key.len() - 1], "x"] {
            anybody.with("x-deployment-key", wrong).post(&invoke, json!({})).await.bad(401, "UNAUTHORIZED");
        }
        // The key of another one is none.
        let other = format!("{}/invoke", crate::deployments::path(&made(&ann, json!({ "name": "e" })).await));
        anybody.with("x-deployment-key", &key).post(&other, json!({})).await.bad(401, "UNAUTHORIZED");
        ann.post(&other, json!({})).await.bad(503, "SERVICE_UNAVAILABLE");
        let answer =
            anybody.with("x-deployment-key", &key).post(&invoke, json!({ "inputs": { "a": 1 } })).await;
        assert_ne!(answer.status.as_u16(), 401, "{answer:?}");
        let rotated = ann.post(&format!("{path}/rotate-key"), json!({})).await;
        let next = rotated.good(200)["key"].as_str().unwrap().to_owned();
        assert_ne!(next, key);
        anybody.with("x-deployment-key", &key).post(&invoke, json!({})).await.bad(401, "UNAUTHORIZED");
        let answer = anybody.with("x-deployment-key", &next).post(&invoke, json!({})).await;
        assert_ne!(answer.status.as_u16(), 401, "{answer:?}");
        ann.post(&format!("{invoke}?wait=61"), json!({})).await.wrong_fields();
        let text = ann.get(&path).await.text;
        assert!(!text.contains(&next) && ann.get(&path).await.good(200)["hasKey"] == true);
        let seen = ann.get(&path).await;
        assert_eq!(seen.good(200)["totalRequests"], 2);
        let sql = "select cast(sum(requests) as bigint) as n from deployment_minutes";
        let row = stage.api.database().fetch_one(sql, args![]).await.unwrap();
        assert_eq!(row.get::<i64>("n").unwrap(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_of_a_deployment_is_looked_at() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let deployment = made(&ann, json!({ "name": "d" })).await;
        let path = path(&deployment);
        let id: Uuid = deployment["id"].as_str().unwrap().parse().unwrap();
        ann.post(&format!("{path}/start"), json!({})).await.good(200);
        let running = becomes(&ann, &path, "running").await;
        let etag = ann.get(&path).await.headers["etag"].clone();
        let deployments = stage.api.platform().deployments();
        let look = async || {
            deployments.check_health(Duration::ZERO).await.unwrap();
            ann.get(&path).await.good(200)["healthStatus"].clone()
        };
        assert_eq!(look().await, "healthy");
        for good in [true, false, false] {
            deployments.count_request(id, good, Duration::from_millis(30)).await.unwrap();
        }
        assert_eq!(look().await, "degraded");
        let seen = ann.get(&path).await;
        assert_eq!(
            (&seen.good(200)["totalRequests"], &seen.good(200)["totalErrors"]),
            (&json!(3), &json!(2))
        );
        assert_eq!(seen.good(200)["avgResponseTimeMs"], 30);
        ann.patch(
            &format!("/agents/{}", running["agentId"].as_str().unwrap()),
            json!({ "status": "archived" }),
        )
        .await
        .good(200);
        assert_eq!(look().await, "unhealthy");
        assert_eq!(ann.get(&path).await.headers["etag"], etag, "to be looked at is no change");
        let row = deployments.get(id).await.unwrap().unwrap();
        assert_eq!(row.status, DeploymentStatus::Running);
    })
    .await;
}
