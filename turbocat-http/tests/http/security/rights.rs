//! Fields that are not for those who send them.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::stage::{PASSWORD, on_each};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_themselves_rights_with_fields_that_are_not_theirs() {
    on_each(async |stage| {
        let smuggled = json!({
            "role": "admin", "isActive": false, "emailVerified": true, "emailVerifiedAt": "2026-01-01T00:00:00Z",
            "id": Uuid::nil(), "passwordHash": "x", "googleId": "g", "deletedAt": "2026-01-01T00:00:00Z",
        });
        let with = |mut body: Value| {
            body.as_object_mut().unwrap().extend(smuggled.as_object().unwrap().clone());
            body
        };
        let register = with(json!({ "email": "ann@example.com", "password": PASSWORD }));
        let answer = stage.anybody().post("/auth/register", register).await;
        let ann = stage.client(answer.good(201));
        let check = |user: &Value| {
            assert_eq!((&user["role"], &user["isActive"]), (&json!("user"), &json!(true)));
            assert_eq!((&user["emailVerified"], &user["emailVerifiedAt"]), (&json!(false), &Value::Null));
            assert_ne!(user["id"], Uuid::nil().to_string());
        };
        check(&answer.good(201)["user"]);
        let changed = ann.patch("/users/me", with(json!({ "fullName": "Ann" }))).await;
        check(changed.good(200));
        assert_eq!(changed.good(200)["email"], "ann@example.com");
        let path = format!("/users/{}", ann.id);
        ann.patch(&path, json!({ "fullName": "Ann", "role": "admin" })).await.bad(403, "FORBIDDEN");
        let verified = ann.patch(&path, json!({ "fullName": "Ann", "emailVerified": true })).await;
        check(verified.good(200));
        let body = json!({ "name": "x", "type": "api", "userId": Uuid::nil(), "totalExecutions": 9 });
        let agent = ann.post("/agents", body).await;
        assert_eq!(agent.good(201)["userId"], ann.id.to_string());
        assert_eq!(agent.good(201)["totalExecutions"], 0);
        let team = ann.post("/teams", json!({ "name": "x", "ownerId": Uuid::nil() })).await;
        assert_eq!(team.good(201)["ownerId"], ann.id.to_string());
        let body = json!({ "name": "x", "scopes": ["*"], "usageCount": 9, "userId": Uuid::nil() });
        assert_eq!(ann.post("/api-keys", body).await.good(201)["usageCount"], 0);
    })
    .await;
}
