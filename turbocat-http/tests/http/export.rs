//! Everything that is kept of somebody.

use serde_json::json;
use turbocat_core::ExecutionId;
use turbocat_storage::args;
use turbocat_storage::platform::*;
use uuid::Uuid;

use crate::stage::{PASSWORD, Stage, on_each};

/// One of each of what somebody may have, as it is in the tables.
async fn things(stage: &Stage, user: Uuid) {
    let tables = stage.api.platform();
    let steps = vec![NewStep::new("ask", StepType::Wait, 0)];
    let (workflow, _) = tables.workflows().create(NewWorkflow::new(user, "flow"), steps).await.unwrap();
    let template = NewTemplate {
        name: "mine".to_owned(),
        description: None,
        category: "x".to_owned(),
        kind: TemplateType::Workflow,
        user_id: Some(user),
        template_data: json!({}),
        tags: Vec::new(),
        is_official: false,
        is_public: true,
    };
    tables.templates().create(template).await.unwrap();
    let mut deployment = NewDeployment::new(user, "kept");
    deployment.environment_vars = json!({ "TOKEN": "sealed-value" });
    let target = DeploymentTarget::Workflow(workflow.id);
    tables.deployments().create(deployment, target).await.unwrap();
    let (id, now) = (Uuid::new_v4(), tables.now());
    let sql = "insert into executions (id, workflow_id, user_id, status, created_at, updated_at)
        values ($1, $2, $3, 'completed', $4, $4)";
    stage.api.database().execute(sql, args![id, workflow.id, user, now]).await.unwrap();
    let line = NewExecutionLog::new(ExecutionId::from_uuid(id), LogLevel::Info, "it was said");
    tables.execution_logs().append(vec![line]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_all_of_oneself_and_nothing_secret_or_of_others() {
    on_each(async |stage| {
        let (ann, bob) = (stage.client(&registered(stage).await), stage.somebody().await);
        for number in 0..103 {
            let agent = json!({ "name": format!("agent {number}"), "type": "api" });
            ann.post("/agents", agent).await.good(201);
        }
        bob.post("/agents", json!({ "name": "foreign", "type": "api" })).await.good(201);
        ann.post("/teams", json!({ "name": "Research" })).await.good(201);
        let key = ann.post("/api-keys", json!({ "name": "k", "scopes": ["*"] })).await;
        let key = key.good(201)["key"].as_str().unwrap().to_owned();
        things(stage, ann.id).await;
        things(stage, bob.id).await;
        stage.api.flush().await;
        let export = ann.get("/users/me/export").await;
        let all = export.good(200);
        assert!(export.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
        assert_eq!(all["user"]["email"], "ann@example.com");
        assert_eq!(all["agents"].as_array().unwrap().len(), 103);
        assert_eq!(all["teams"][0]["name"], "Research");
        assert_eq!(all["apiKeys"][0]["name"], "k");
        assert_eq!(all["sessions"].as_array().unwrap().len(), 1);
        assert!(
            all["auditLogs"].as_array().unwrap().iter().any(|entry| entry["action"] == "user_registered")
        );
        let one = |list: &str| {
            assert_eq!(all[list].as_array().unwrap().len(), 1, "{list}");
            &all[list][0]
        };
        assert_eq!(
            (&one("workflows")["name"], &one("workflows")["steps"][0]["stepKey"]),
            (&json!("flow"), &json!("ask"))
        );
        assert_eq!(one("templates")["name"], "mine");
        assert_eq!(one("deployments")["environmentVars"], json!(["TOKEN"]));
        assert_eq!(one("executions")["workflowId"], one("workflows")["id"]);
        assert_eq!(one("executionLogs")["message"], "it was said");
        assert_eq!(one("executionLogs")["executionId"], one("executions")["id"]);
        assert!(!export.text.contains("foreign") && !export.text.contains("sealed-value"));
        assert!(!export.text.contains(&key));
        assert!(!export.text.to_lowercase().contains("hash"));
    })
    .await;
}

async fn registered(stage: &Stage) -> serde_json::Value {
    let register = json!({ "email": "ann@example.com", "password": PASSWORD });
    stage.anybody().post("/auth/register", register).await.good(201).clone()
}
