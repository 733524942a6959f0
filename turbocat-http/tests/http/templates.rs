//! Templates: who sees which, and what comes of them.

use serde_json::{Value, json};
use turbocat_storage::platform::{NewTemplate, TemplateType, UserRole};
use uuid::Uuid;

use crate::stage::{Stage, fields, on_each};

const AGENT: &str = "00000000-0000-4000-8000-000000004004";
const PIPELINE: &str = "00000000-0000-4000-8000-000000004006";

async fn seeded(stage: &Stage) {
    stage.api.platform().seed(None).await.unwrap();
}

fn template(owner: Uuid, kind: TemplateType, data: Value) -> NewTemplate {
    NewTemplate {
        name: "Mine".to_owned(),
        description: None,
        category: "own".to_owned(),
        kind,
        user_id: Some(owner),
        template_data: data,
        tags: vec!["a".to_owned()],
        is_official: false,
        is_public: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_sees_public_templates_and_everybody_their_own() {
    on_each(async |stage| {
        seeded(stage).await;
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let mine = template(ann.id, TemplateType::Agent, json!({ "type": "api" }));
        let mine = stage.api.platform().templates().create(mine).await.unwrap();
        let path = format!("/templates/{}", mine.id);
        let anybody = stage.anybody();
        let total = |answer: crate::stage::Answer| answer.body["pagination"]["totalItems"].as_i64().unwrap();
        assert_eq!(total(anybody.get("/templates").await), 6);
        assert_eq!(total(ann.get("/templates").await), 7);
        assert_eq!(total(ann.get("/templates?isPublic=false").await), 1);
        assert_eq!(total(bob.get("/templates?isPublic=false").await), 0);
        assert_eq!(total(ann.get("/templates?search=scraper").await), 1);
        assert_eq!(total(anybody.get("/templates?type=WORKFLOW").await), 1);
        assert_eq!(total(anybody.get("/templates?category=ai&tags=llm,x").await), 1);
        let categories = anybody.get("/templates/categories").await;
        let expected = ["ai", "communication", "data-extraction", "data-processing", "integration"];
        assert_eq!(categories.good(200), &json!(expected));
        assert_eq!(ann.get(&path).await.good(200)["templateData"]["type"], "api");
        bob.get(&path).await.bad(404, "NOT_FOUND");
        anybody.get(&path).await.bad(404, "NOT_FOUND");
        stage.of_role(UserRole::Admin).await.get(&path).await.good(200);
        assert!(anybody.get(&format!("/templates/{AGENT}")).await.good(200)["ratingAverage"].is_number());
        anybody.with("authorization", "Bearer a.b.c").get("/templates").await.bad(401, "UNAUTHORIZED");
        anybody.get("/templates/7").await.bad(400, "BAD_REQUEST");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_comes_of_a_template_with_what_is_laid_over() {
    on_each(async |stage| {
        seeded(stage).await;
        let ann = stage.somebody().await;
        let path = format!("/templates/{AGENT}/instantiate");
        let body = json!({
            "name": " Helper ", "tags": ["mine"], "config": { "model": "small", "maxTokens": 5 },
            "customizations": { "model": "large" },
        });
        let answer = ann.post(&path, body).await;
        let agent = answer.good(201);
        assert_eq!((&agent["resourceType"], &agent["name"]), (&json!("agent"), &json!("Helper")));
        assert_eq!((&agent["type"], &agent["status"]), (&json!("llm"), &json!("active")));
        let config = &agent["config"];
        assert_eq!((&config["model"], &config["maxTokens"]), (&json!("large"), &json!(5)));
        assert_eq!(config["provider"], "openai");
        assert_eq!(agent["tags"], json!(["mine"]));
        assert_eq!((&agent["userId"], &agent["isPublic"]), (&json!(ann.id), &json!(false)));
        let there = format!("/agents/{}", agent["id"].as_str().unwrap());
        assert_eq!(ann.get(&there).await.headers["etag"], answer.headers["etag"]);
        assert_eq!(ann.get(&format!("/templates/{AGENT}")).await.good(200)["usageCount"], 1);
        let first = ann.get("/templates").await.good(200)[0]["id"].clone();
        assert_eq!(first, AGENT, "the most used is the first");
        stage.anybody().post(&path, json!({})).await.bad(401, "UNAUTHORIZED");
        stage.of_role(UserRole::Agent).await.post(&path, json!({})).await.bad(403, "FORBIDDEN");
        let wrong = ann.post(&path, json!({ "name": " ", "config": 1 })).await.wrong_fields();
        assert_eq!(wrong, fields(&[("config", "invalid_type"), ("name", "too_small")]));
        ann.post(&format!("/templates/{}/instantiate", Uuid::new_v4()), json!({}))
            .await
            .bad(404, "NOT_FOUND");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_comes_of_a_template_with_its_steps() {
    on_each(async |stage| {
        seeded(stage).await;
        let ann = stage.somebody().await;
        let answer = ann.post(&format!("/templates/{PIPELINE}/instantiate"), json!({})).await;
        let workflow = answer.good(201);
        assert_eq!((&workflow["resourceType"], &workflow["status"]), (&json!("workflow"), &json!("draft")));
        let steps = workflow["steps"].as_array().unwrap();
        let keys: Vec<&str> = steps.iter().map(|step| step["stepKey"].as_str().unwrap()).collect();
        assert_eq!(keys, ["fetch", "transform", "load"]);
        assert_eq!(steps[2]["dependsOn"], json!(["transform"]));
        assert!(steps.iter().all(|step| step["agentId"].is_string()));
        assert_eq!(workflow["definition"]["inputs"]["sourceUrl"]["required"], true);
        let id: Uuid = workflow["id"].as_str().unwrap().parse().unwrap();
        let (kept, rows) = (
            stage.api.platform().workflows().get(id).await.unwrap().unwrap(),
            stage.api.platform().workflows().steps(id).await.unwrap(),
        );
        let definition = turbocat_core::Workflow::from_value(&kept.compose(&rows)).unwrap();
        assert_eq!(definition.steps.len(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_that_a_workflow_needs_are_made_with_it_and_nothing_is_left_half_made() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let templates = stage.api.platform().templates();
        let old = json!({ "definition": { "version": "1.0", "steps": [
            { "key": "fetch", "type": "agent", "agentType": "API" },
            { "key": "shape", "type": "agent", "agent": { "type": "data", "name": "Shaper", "config": { "operation": "map" } } },
        ] } });
        let old = templates.create(template(ann.id, TemplateType::Workflow, old)).await.unwrap();
        let path = format!("/templates/{}/instantiate", old.id);
        let answer = ann.post(&path, json!({ "name": "Flow" })).await;
        let steps = answer.good(201)["steps"].clone();
        assert_eq!(steps[1]["dependsOn"], json!(["fetch"]));
        let mut names = Vec::new();
        for step in steps.as_array().unwrap() {
            let agent = ann.get(&format!("/agents/{}", step["agentId"].as_str().unwrap())).await;
            assert_eq!(agent.good(200)["status"], "active");
            names.push(agent.good(200)["name"].as_str().unwrap().to_owned());
        }
        assert_eq!(names, ["Flow: fetch", "Shaper"]);
        let gone = json!({ "steps": [
            { "stepKey": "a", "agentType": "api" }, { "stepKey": "b", "agentId": Uuid::new_v4() },
        ] });
        for (kind, data, status, code) in [
            (TemplateType::Workflow, gone, 422, "UNPROCESSABLE_ENTITY"),
            (TemplateType::Agent, json!({ "type": "robot" }), 422, "UNPROCESSABLE_ENTITY"),
            (TemplateType::Step, json!({}), 400, "BAD_REQUEST"),
        ] {
            let broken = templates.create(template(ann.id, kind, data)).await.unwrap();
            ann.post(&format!("/templates/{}/instantiate", broken.id), json!({})).await.bad(status, code);
            assert_eq!(ann.get(&format!("/templates/{}", broken.id)).await.good(200)["usageCount"], 0);
        }
        assert_eq!(ann.get("/agents").await.body["pagination"]["totalItems"], 2);
    })
    .await;
}
