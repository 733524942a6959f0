//! Teams: whose they are, who is in them, with which agents.

use serde_json::{Value, json};
use turbocat_storage::platform::UserRole;
use uuid::Uuid;

use crate::stage::{Answer, Client, fields, on_each};

async fn team(owner: &Client, body: Value) -> String {
    owner.post("/teams", body).await.good(201)["id"].as_str().unwrap().to_owned()
}

async fn agent(owner: &Client, name: &str) -> String {
    let body = json!({ "name": name, "type": "api" });
    owner.post("/agents", body).await.good(201)["id"].as_str().unwrap().to_owned()
}

async fn put(client: &Client, path: &str, body: Value) -> Answer {
    Answer::of(client.request(reqwest::Method::PUT, path).json(&body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_is_made_changed_and_deleted_by_its_owner() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let answer = ann.post("/teams", json!({ "name": " Research ", "description": "who asks" })).await;
        let made = answer.good(201);
        assert_eq!(made["name"], "Research");
        assert_eq!(made["status"], "active");
        assert_eq!(made["ownerId"], ann.id.to_string());
        let path = format!("/teams/{}", made["id"].as_str().unwrap());
        assert_eq!(ann.get(&path).await.good(200), made);
        let changed = ann.patch(&path, json!({ "status": "INACTIVE" })).await;
        assert_eq!(changed.good(200)["status"], "inactive");
        assert_eq!(changed.good(200)["description"], "who asks");
        let replaced = put(&ann, &path, json!({ "name": "Search" })).await;
        let replaced = replaced.good(200);
        assert_eq!((&replaced["name"], &replaced["description"]), (&json!("Search"), &Value::Null));
        assert_eq!(replaced["status"], "active");
        assert_eq!(put(&ann, &path, json!({})).await.wrong_fields(), fields(&[("name", "invalid_type")]));
        let stale = ann.request(reqwest::Method::PATCH, &path).header("if-match", "\"1\"");
        Answer::of(stale.json(&json!({ "name": "x" }))).await.bad(412, "PRECONDITION_FAILED");
        ann.patch(&path, json!({ "unknown": 1 })).await.bad(400, "BAD_REQUEST");
        assert_eq!(ann.delete(&path).await.status.as_u16(), 204);
        ann.get(&path).await.bad(404, "NOT_FOUND");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_with_a_team_is_told_at_once() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let body = json!({ "name": "x".repeat(101), "status": "asleep", "description": 1 });
        let wrong = ann.post("/teams", body).await.wrong_fields();
        let expected = [("description", "invalid_type"), ("name", "too_big"), ("status", "invalid_value")];
        assert_eq!(wrong, fields(&expected));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_see_a_team_strangers_do_not_and_only_the_owner_changes_it() {
    on_each(async |stage| {
        let (ann, bob, eve) = (stage.somebody().await, stage.somebody().await, stage.somebody().await);
        let id = team(&ann, json!({ "name": "t" })).await;
        let path = format!("/teams/{id}");
        let (members, agents) = (format!("{path}/members"), format!("{path}/agents"));
        let added = ann.post(&members, json!({ "userId": bob.id })).await;
        assert_eq!(added.good(201)["role"], "member");
        for seen in [&path, &members, &agents] {
            bob.get(seen).await.good(200);
            eve.get(seen).await.bad(404, "NOT_FOUND");
            stage.anybody().get(seen).await.bad(401, "UNAUTHORIZED");
        }
        let other = json!({ "userId": eve.id });
        let mine = json!({ "agentId": agent(&bob, "x").await });
        for (client, status, code) in [(&bob, 403, "FORBIDDEN"), (&eve, 404, "NOT_FOUND")] {
            client.patch(&path, json!({ "name": "x" })).await.bad(status, code);
            put(client, &path, json!({ "name": "x" })).await.bad(status, code);
            client.delete(&path).await.bad(status, code);
            client.post(&members, other.clone()).await.bad(status, code);
            client.post(&agents, mine.clone()).await.bad(status, code);
            client.delete(&format!("{members}/{}", Uuid::new_v4())).await.bad(status, code);
            client.delete(&format!("{agents}/{}", Uuid::new_v4())).await.bad(status, code);
        }
        assert_eq!(bob.get("/teams").await.good(200)[0]["id"], id);
        assert_eq!(eve.get("/teams").await.good(200), &json!([]));
        let admin = stage.of_role(UserRole::Admin).await;
        admin.patch(&path, json!({ "name": "by an administrator" })).await.good(200);
        assert_eq!(admin.get("/teams").await.good(200), &json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_with_a_role_and_go() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let members = format!("/teams/{}/members", team(&ann, json!({ "name": "t" })).await);
        let add = async |body: Value| ann.post(&members, body).await;
        let added = add(json!({ "userId": bob.id, "role": "editor" })).await;
        assert_eq!(added.good(201)["userId"], bob.id.to_string());
        assert_eq!(add(json!({ "userId": bob.id, "role": "viewer" })).await.good(200)["role"], "viewer");
        let listed = ann.get(&members).await;
        assert_eq!(listed.good(200).as_array().unwrap().len(), 1);
        assert_eq!(listed.good(200)[0]["role"], "viewer");
        assert!(listed.good(200)[0]["email"].is_string());
        let wrong = [("userId", "custom")];
        assert_eq!(add(json!({ "userId": Uuid::new_v4() })).await.wrong_fields(), fields(&wrong));
        assert_eq!(add(json!({ "userId": ann.id })).await.wrong_fields(), fields(&wrong));
        let invalid = add(json!({ "userId": "x", "role": "" })).await.wrong_fields();
        assert_eq!(invalid, fields(&[("role", "too_small"), ("userId", "invalid_format")]));
        let path = format!("{members}/{}", bob.id);
        assert_eq!(bob.delete(&path).await.status.as_u16(), 204);
        bob.get(&members).await.bad(404, "NOT_FOUND");
        ann.delete(&path).await.bad(404, "NOT_FOUND");
        ann.delete(&format!("{members}/nobody")).await.bad(400, "BAD_REQUEST");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_agents_of_ones_own_are_added_and_once() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let agents = format!("/teams/{}/agents", team(&ann, json!({ "name": "t" })).await);
        let (own, foreign) = (agent(&ann, "own").await, agent(&bob, "foreign").await);
        let add = async |id: &str| ann.post(&agents, json!({ "agentId": id })).await;
        let first = add(&own).await;
        assert_eq!(first.good(201)["name"], "own");
        assert_eq!(add(&own).await.good(200), first.good(201));
        add(&foreign).await.bad(404, "NOT_FOUND");
        add(&Uuid::new_v4().to_string()).await.bad(404, "NOT_FOUND");
        let listed = ann.get(&agents).await;
        assert_eq!(listed.good(200).as_array().unwrap().len(), 1);
        let path = format!("{agents}/{own}");
        assert_eq!(ann.delete(&path).await.status.as_u16(), 204);
        ann.delete(&path).await.bad(404, "NOT_FOUND");
        ann.get(&format!("/agents/{own}")).await.good(200);
    })
    .await;
}
