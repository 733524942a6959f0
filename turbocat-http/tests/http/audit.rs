//! The log of who did what.

use serde_json::{Value, json};
use turbocat_storage::platform::UserRole;

use crate::stage::{PASSWORD, fields, on_each};

#[tokio::test(flavor = "multi_thread")]
async fn administrators_find_who_did_what_from_where() {
    on_each(async |stage| {
        let (ann, admin) = (stage.somebody().await, stage.of_role(UserRole::Admin).await);
        let sent = ann
            .request(reqwest::Method::POST, "/agents")
            .header("x-request-id", "mine-1")
            .header("user-agent", "tests/1");
        let made = crate::stage::Answer::of(sent.json(&json!({ "name": "x", "type": "api" }))).await;
        let agent = made.good(201)["id"].as_str().unwrap().to_owned();
        ann.get("/audit-logs").await.bad(403, "FORBIDDEN");
        stage.api.flush().await;
        let find = async |query: &str| {
            let answer = admin.get(&format!("/audit-logs?{query}")).await;
            answer.good(200).as_array().unwrap().clone()
        };
        let found = find(&format!("userId={}&action=agent_created", ann.id)).await;
        assert_eq!(found.len(), 1);
        let entry = &found[0];
        assert_eq!(entry["resourceId"], agent);
        assert_eq!(
            entry["metadata"],
            json!({ "method": "POST", "url": "/api/v1/agents", "requestId": "mine-1" })
        );
        assert_eq!((&entry["ipAddress"], &entry["userAgent"]), (&json!("127.0.0.1"), &json!("tests/1")));
        assert_eq!(find(&format!("resourceType=AGENT&resourceId={agent}")).await, found);
        let at = entry["createdAt"].as_str().unwrap();
        assert_eq!(find(&format!("action=agent_created&from={at}")).await, found);
        assert_eq!(find(&format!("action=agent_created&to={at}")).await, Vec::<Value>::new());
        let denied = find(&format!("action=permission_denied&userId={}", ann.id)).await;
        assert_eq!(denied[0]["metadata"]["url"], "/api/v1/audit-logs");
        let wrong = admin.get("/audit-logs?userId=x&from=soon&page=0").await.wrong_fields();
        let expected = [("page", "too_small")];
        assert_eq!(wrong, fields(&expected));
        let wrong = admin.get("/audit-logs?userId=x&from=soon").await.wrong_fields();
        assert_eq!(wrong, fields(&[("from", "invalid_format"), ("userId", "invalid_format")]));
        let backwards = "/audit-logs?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z";
        assert_eq!(admin.get(backwards).await.wrong_fields(), fields(&[("to", "custom")]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sign_in_is_noted_whoever_it_was() {
    on_each(async |stage| {
        let admin = stage.of_role(UserRole::Admin).await;
        let login = json!({ "email": "nobody@example.com", "password": PASSWORD });
        stage.anybody().post("/auth/login", login).await.bad(401, "UNAUTHORIZED");
        stage.api.flush().await;
        let found = admin.get("/audit-logs?action=login_failed").await;
        assert_eq!(found.good(200)[0]["userId"], Value::Null);
        assert!(!found.text.contains(PASSWORD));
    })
    .await;
}
