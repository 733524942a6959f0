//! Deployments that are asked: of an agent, of a workflow.

use std::time::Duration;

use serde_json::{Value, json};

use crate::stage::{Client, Stage, on_each};

/// A deployment that runs, and its key.
async fn running(client: &Client, target: Value) -> (String, String) {
    let mut body = json!({ "name": "d" });
    body.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
    let made = client.post("/deployments", body).await.good(201).clone();
    let path = format!("/deployments/{}", made["id"].as_str().unwrap());
    let started = client.post(&format!("{path}/start"), json!({})).await;
    let key = started.good(200)["key"].as_str().unwrap().to_owned();
    for _ in 0..1000 {
        if client.get(&path).await.good(200)["status"] == "running" {
            return (path, key);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not come up: {:?}", client.get(&path).await);
}

/// An agent that keeps of its inputs those greater than two.
async fn agent(client: &Client) -> Value {
    let config = json!({
        "pipeline": [{ "operation": "filter", "config": {
            "conditions": [{ "field": "n", "operator": "gt", "value": 2 }], "logic": "and",
        } }],
        "inputField": "input",
    });
    let body = json!({ "name": "keeper", "type": "data", "config": config });
    client.post("/agents", body).await.good(201)["id"].clone()
}

async fn workflow(client: &Client, steps: Value) -> Value {
    let made = client.post("/workflows", json!({ "name": "w", "steps": steps })).await.good(201).clone();
    let path = format!("/workflows/{}", made["id"].as_str().unwrap());
    client.patch(&path, json!({ "status": "active" })).await.good(200)["id"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_answers() {
    on_each(async |stage: &Stage| {
        let ann = stage.somebody().await;
        let (path, key) = running(&ann, json!({ "agentId": agent(&ann).await })).await;
        let inputs = json!({ "inputs": { "input": [{ "n": 1 }, { "n": 3 }] } });
        let program = stage.anybody().with("x-deployment-key", &key);
        for client in [&program, &ann] {
            let answer = client.post(&format!("{path}/invoke"), inputs.clone()).await;
            let invoked = answer.good(200);
            assert_eq!((&invoked["status"], &invoked["error"]), (&json!("completed"), &Value::Null));
            assert_eq!(invoked["output"]["result"], json!([{ "n": 3 }]), "{invoked}");
            assert!(invoked["executionId"].is_string());
        }
        let failed = program.post(&format!("{path}/invoke"), json!({ "inputs": { "input": 7 } })).await;
        assert_eq!(failed.good(200)["status"], "failed");
        assert!(failed.good(200)["error"].is_string());
        let seen = ann.get(&path).await;
        assert_eq!(
            (&seen.good(200)["totalRequests"], &seen.good(200)["totalErrors"]),
            (&json!(3), &json!(1))
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_answers_or_goes_on() {
    on_each(async |stage: &Stage| {
        let ann = stage.somebody().await;
        let agent = agent(&ann).await;
        let step = json!({
            "stepKey": "keep", "stepName": "Keep", "stepType": "agent", "position": 0, "agentId": agent,
            "inputs": { "input": "{{ inputs.input }}" },
        });
        let id = workflow(&ann, json!([step])).await;
        let (path, key) = running(&ann, json!({ "workflowId": id })).await;
        let program = stage.anybody().with("x-deployment-key", &key);
        let inputs = json!({ "inputs": { "input": [{ "n": 1 }, { "n": 3 }] } });
        let answer = program.post(&format!("{path}/invoke"), inputs).await;
        assert_eq!(answer.good(200)["output"]["keep"]["result"], json!([{ "n": 3 }]), "{answer:?}");
        let execution = ann.get(&format!("/executions/{}", answer.good(200)["executionId"].as_str().unwrap())).await;
        assert_eq!(execution.good(200)["triggerType"], "api");
        assert_eq!(execution.good(200)["workflowId"], id);
        // One that waits for a minute goes on.
        let step = json!({
            "stepKey": "rest", "stepName": "Rest", "stepType": "wait", "position": 0, "config": { "duration": 60_000 },
        });
        let id = workflow(&ann, json!([step])).await;
        let (path, key) = running(&ann, json!({ "workflowId": id })).await;
        let program = stage.anybody().with("x-deployment-key", &key);
        let answer = program.post(&format!("{path}/invoke?wait=0"), json!({})).await;
        let going = answer.good(202);
        assert!(["pending", "running"].contains(&going["status"].as_str().unwrap()), "{going}");
        let cancel = format!("/executions/{}/cancel", going["executionId"].as_str().unwrap());
        ann.post(&cancel, json!({})).await.good(200);
        // What is told of it is told to webhooks as well, and the deployment shows its lines.
        stage.api.flush().await;
        ann.patch(&format!("/workflows/{}", id.as_str().unwrap()), json!({ "status": "inactive" })).await.good(200);
        program.post(&format!("{path}/invoke"), json!({})).await.bad(503, "SERVICE_UNAVAILABLE");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_laid_over_a_template_are_sealed_and_masked() {
    on_each(async |stage: &Stage| {
        stage.api.platform().seed(None).await.unwrap();
        let ann = stage.somebody().await;
        let path = "/templates/00000000-0000-4000-8000-000000004004/instantiate";
        let body = json!({ "customizations": { "apiKey": "sk-1234567890abcdef" } });
        let answer = ann.post(path, body).await;
        assert_eq!(answer.good(201)["config"]["apiKey"], "sk-1********cdef");
        let id = answer.good(201)["id"].as_str().unwrap().parse().unwrap();
        let row = stage.api.platform().agents().get(id).await.unwrap().unwrap();
        assert!(!row.config.to_string().contains("1234567890"), "{}", row.config);
    })
    .await;
}
