//! Agents: made, seen, changed, copied, deleted, by whom they belong to.

use reqwest::Method;
use serde_json::{Value, json};
use turbocat_storage::platform::UserRole;
use uuid::Uuid;

use crate::stage::{Answer, Client, fields, on_each};

async fn made(client: &Client, body: Value) -> Value {
    client.post("/agents", body).await.good(201).clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_has_the_defaults_of_the_contract() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let agent = made(&ann, json!({ "name": " Caller ", "type": "API", "unknown": 1 })).await;
        assert_eq!(agent["name"], "Caller");
        assert_eq!(agent["type"], "api");
        assert_eq!(agent["status"], "draft");
        assert_eq!(agent["version"], 1);
        assert_eq!(agent["maxExecutionTime"], 300);
        assert_eq!(agent["maxMemoryMb"], 512);
        assert_eq!(agent["maxConcurrentExecutions"], 1);
        assert_eq!(agent["description"], Value::Null);
        assert_eq!(agent["userId"], ann.id.to_string());
        assert_eq!(
            &made(&ann, json!({ "name": "x", "type": "llm", "tags": ["a"] })).await["tags"],
            &json!(["a"])
        );
        let read = ann.get(&format!("/agents/{}", agent["id"].as_str().unwrap())).await;
        assert_eq!(read.good(200), &agent);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_with_an_agent_is_told_at_once() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let body = json!({
            "name": "  ", "type": "robot", "maxMemoryMb": 0, "maxExecutionTime": "1", "tags": ["x".repeat(51)],
            "config": [], "description": "x".repeat(2001),
        });
        let wrong = ann.post("/agents", body).await.wrong_fields();
        let expected = [
            ("config", "invalid_type"), ("description", "too_big"), ("maxExecutionTime", "invalid_type"),
            ("maxMemoryMb", "too_small"), ("name", "too_small"), ("tags.0", "too_big"), ("type", "invalid_value"),
        ];
        assert_eq!(wrong, fields(&expected));
        let wrong = ann.post("/agents", json!({})).await.wrong_fields();
        assert_eq!(wrong, fields(&[("name", "invalid_type"), ("type", "invalid_type")]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_are_listed_a_page_at_a_time() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        for number in 0..5 {
            let kind = if number % 2 == 0 { "api" } else { "data" };
            let tags = json!([format!("t{number}")]);
            made(&ann, json!({ "name": format!("Agent {number}"), "type": kind, "tags": tags })).await;
        }
        made(&bob, json!({ "name": "Agent of Bob", "type": "api" })).await;
        let answer = ann.get("/agents?pageSize=2&page=2&sortBy=name&sortOrder=asc").await;
        let names = |answer: &Answer| -> Vec<String> {
            let items = answer.good(200).as_array().unwrap().clone();
            items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(&answer), ["Agent 2", "Agent 3"]);
        let expected = json!({
            "page": 2, "pageSize": 2, "totalPages": 3, "totalItems": 5, "hasNext": true, "hasPrev": true,
        });
        assert_eq!(answer.body["pagination"], expected);
        assert_eq!(names(&ann.get("/agents?type=DATA&sortBy=name").await), ["Agent 3", "Agent 1"]);
        assert_eq!(names(&ann.get("/agents?search=AGENT%204").await), ["Agent 4"]);
        assert_eq!(
            names(&ann.get("/agents?tags=t1,%20t2&sortBy=name&sortOrder=asc").await),
            ["Agent 1", "Agent 2"]
        );
        assert_eq!(names(&ann.get("/agents?isPublic=maybe&pageSize=100").await).len(), 5);
        assert_eq!(names(&ann.get("/agents?sortBy=1;drop%20table%20agents").await).len(), 5);
        assert!(names(&ann.get("/agents?page=9").await).is_empty());
        let wrong = ann.get("/agents?page=0&pageSize=101&sortOrder=up&type=robot").await.wrong_fields();
        let expected = [
            ("page", "too_small"),
            ("pageSize", "too_big"),
            ("sortOrder", "invalid_format"),
            ("type", "invalid_value"),
        ];
        let mut expected = fields(&expected);
        expected.sort();
        // Parameters of different types are read one type after the other.
        assert!(wrong.iter().all(|one| expected.contains(one)) && wrong.len() >= 2, "{wrong:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_of_somebody_else_is_not_there_but_for_admins() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let admin = stage.of_role(UserRole::Admin).await;
        let agent = made(&ann, json!({ "name": "mine", "type": "api", "isPublic": true })).await;
        let path = format!("/agents/{}", agent["id"].as_str().unwrap());
        for client in [&bob, &stage.anybody()] {
            let expected = if client.id.is_nil() { (401, "UNAUTHORIZED") } else { (404, "NOT_FOUND") };
            client.get(&path).await.bad(expected.0, expected.1);
            client.patch(&path, json!({ "name": "x" })).await.bad(expected.0, expected.1);
            client.delete(&path).await.bad(expected.0, expected.1);
            client.post(&format!("{path}/duplicate"), json!({})).await.bad(expected.0, expected.1);
            client.get(&format!("{path}/versions")).await.bad(expected.0, expected.1);
        }
        admin.get(&path).await.good(200);
        ann.get(&format!("/agents/{}", Uuid::new_v4())).await.bad(404, "NOT_FOUND");
        ann.get("/agents/7").await.bad(400, "BAD_REQUEST");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_agent_reads_and_does_not_write() {
    on_each(async |stage| {
        let robot = stage.of_role(UserRole::Agent).await;
        robot.get("/agents").await.good(200);
        robot.post("/agents", json!({ "name": "x", "type": "api" })).await.bad(403, "FORBIDDEN");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_changed_only_if_it_is_still_what_was_read() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let agent = made(&ann, json!({ "name": "one", "type": "api", "description": "words" })).await;
        let path = format!("/agents/{}", agent["id"].as_str().unwrap());
        let read = ann.get(&path).await;
        let etag = read.headers["etag"].to_str().unwrap().to_owned();
        let patch = |body: Value| ann.request(Method::PATCH, &path).header("if-match", &etag).json(&body);
        let answer =
            Answer::of(patch(json!({ "name": "two", "description": null, "status": "ACTIVE" }))).await;
        let changed = answer.good(200);
        assert_eq!((&changed["name"], &changed["description"]), (&json!("two"), &Value::Null));
        assert_eq!(changed["status"], "active");
        Answer::of(patch(json!({ "name": "three" }))).await.bad(412, "PRECONDITION_FAILED");
        ann.patch(&path, json!({ "name": "four" })).await.good(200);
        ann.patch(&path, json!({})).await.bad(400, "VALIDATION_ERROR");
        ann.patch(&path, json!({ "type": "llm" })).await.bad(400, "BAD_REQUEST");
        let read = ann.get(&path).await;
        let etag = read.headers["etag"].to_str().unwrap();
        let again = Answer::of(ann.request(Method::GET, &path).header("if-none-match", etag)).await;
        assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_the_next_version_of_its_tree() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let agent = made(&ann, json!({ "name": "one", "type": "api", "isPublic": true })).await;
        let path = format!("/agents/{}", agent["id"].as_str().unwrap());
        let copy = ann.post(&format!("{path}/duplicate"), json!({})).await.good(201).clone();
        assert_eq!((&copy["name"], &copy["version"]), (&json!("Copy of one"), &json!(2)));
        assert_eq!((&copy["parentId"], &copy["isPublic"]), (&agent["id"], &json!(false)));
        let second = format!("/agents/{}/duplicate", copy["id"].as_str().unwrap());
        let third = ann.post(&second, json!({ "name": "three" })).await.good(201).clone();
        assert_eq!((&third["version"], &third["parentId"]), (&json!(3), &agent["id"]));
        assert_eq!(ann.delete(&path).await.status.as_u16(), 204);
        ann.get(&path).await.bad(404, "NOT_FOUND");
        let versions = ann.get(&format!("/agents/{}/versions", copy["id"].as_str().unwrap())).await;
        let versions: Vec<i64> = versions
            .good(200)
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["version"].as_i64().unwrap())
            .collect();
        assert_eq!(versions, [3, 2, 1]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_noted_with_the_request() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let agent = made(&ann, json!({ "name": "one", "type": "api" })).await;
        stage.api.flush().await;
        let filter = turbocat_storage::platform::AuditFilter {
            action: Some("agent_created".to_owned()),
            user_id: Some(ann.id),
            ..Default::default()
        };
        let page = stage.api.platform().audit().list(&filter, Default::default()).await.unwrap();
        let entry = &page.items[0];
        assert_eq!(entry.resource_id.unwrap().to_string(), agent["id"].as_str().unwrap());
        assert_eq!(entry.metadata["method"], "POST");
        assert_eq!(entry.ip_address.as_deref(), Some("127.0.0.1"));
        let told = stage.api.platform().feed().after(0, Some(ann.id), 10).await.unwrap();
        assert_eq!(told.last().unwrap().name, "agent.created");
    })
    .await;
}
