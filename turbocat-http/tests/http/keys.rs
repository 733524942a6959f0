//! API keys: made, shown once, used within their scopes and limits, taken back.

use serde_json::{Value, json};
use turbocat_core::Timestamp;
use turbocat_http::settings::Limits;
use turbocat_storage::platform::{Hidden, NewApiKey, UserPatch};

use crate::stage::{Client, Stage, digest, fields, on_each, on_each_with};

async fn made(owner: &Client, body: Value) -> Value {
    owner.post("/api-keys", body).await.good(201).clone()
}

/// Somebody who has that key.
fn holder(stage: &Stage, key: &Value) -> Client {
    stage.anybody().with("x-api-key", key["key"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once_and_kept_as_a_hash() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let body = json!({ "name": " build ", "scopes": ["read:agents", "agents:read", "workflows:*"] });
        let key = made(&ann, body).await;
        let text = key["key"].as_str().unwrap();
        let random = text.strip_prefix("tk_live_").unwrap();
        assert!(random.len() >= 32, "{text}");
        assert!(random.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)), "{text}");
        assert_eq!(key["name"], "build");
        assert_eq!(key["scopes"], json!(["agents:read", "workflows"]));
        assert_eq!((&key["rateLimitPerMinute"], &key["usageCount"]), (&json!(60), &json!(0)));
        assert_eq!((&key["isActive"], &key["expiresAt"]), (&json!(true), &Value::Null));
        let prefix = key["keyPrefix"].as_str().unwrap();
        assert!(prefix.len() <= 20 && text.starts_with(prefix) && prefix.len() < text.len() / 2);
        let test = made(&ann, json!({ "name": "t", "scopes": ["*"], "test": true })).await;
        assert!(test["key"].as_str().unwrap().starts_with("tk_test_"));
        let listed = ann.get("/api-keys").await;
        assert_eq!(listed.good(200).as_array().unwrap().len(), 2);
        assert_eq!(listed.good(200)[1]["id"], key["id"]);
        assert!(!listed.text.contains(random), "{}", listed.text);
        let row = stage.api.platform().api_keys().by_hash(&digest(text)).await.unwrap();
        assert_eq!(row.unwrap().id.to_string(), key["id"].as_str().unwrap());
        let bob = stage.somebody().await;
        assert_eq!(bob.get("/api-keys").await.good(200), &json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_with_a_key_is_told_at_once() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let body = json!({ "name": "", "scopes": [], "rateLimitPerMinute": 0, "expiresAt": "soon" });
        let wrong = ann.post("/api-keys", body).await.wrong_fields();
        let expected = [
            ("expiresAt", "invalid_format"),
            ("name", "too_small"),
            ("rateLimitPerMinute", "too_small"),
            ("scopes", "too_small"),
        ];
        for one in fields(&expected) {
            assert!(wrong.contains(&one), "{wrong:?}");
        }
        let body = json!({ "name": "k", "scopes": ["*", "users:read"], "expiresAt": "2020-01-01T00:00:00Z" });
        let wrong = ann.post("/api-keys", body).await.wrong_fields();
        assert_eq!(wrong, fields(&[("expiresAt", "custom"), ("scopes.1", "invalid_value")]));
        let body = json!({ "name": "k", "scopes": ["*"], "rateLimitPerMinute": 10_001 });
        let wrong = ann.post("/api-keys", body).await.wrong_fields();
        assert_eq!(wrong, fields(&[("rateLimitPerMinute", "too_big")]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_what_its_scopes_say_and_no_more() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let agent = json!({ "name": "x", "type": "api" });
        let reader = holder(stage, &made(&ann, json!({ "name": "r", "scopes": ["agents:read"] })).await);
        reader.get("/agents").await.good(200);
        reader.post("/agents", agent.clone()).await.bad(403, "FORBIDDEN");
        reader.get("/teams").await.bad(403, "FORBIDDEN");
        let parent = holder(stage, &made(&ann, json!({ "name": "p", "scopes": ["agents"] })).await);
        parent.post("/agents", agent.clone()).await.good(201);
        let all = holder(stage, &made(&ann, json!({ "name": "a", "scopes": ["*"] })).await);
        all.post("/agents", agent).await.good(201);
        assert_eq!(ann.get("/agents").await.good(200).as_array().unwrap().len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_manages_neither_keys_nor_accounts() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let key = made(&ann, json!({ "name": "a", "scopes": ["*"] })).await;
        let all = holder(stage, &key);
        all.get("/api-keys").await.bad(403, "FORBIDDEN");
        all.post("/api-keys", json!({ "name": "b", "scopes": ["*"] })).await.bad(403, "FORBIDDEN");
        let path = format!("/api-keys/{}", key["id"].as_str().unwrap());
        all.delete(&path).await.bad(403, "FORBIDDEN");
        all.get("/users/me").await.bad(403, "FORBIDDEN");
        all.patch("/users/me", json!({ "fullName": "x" })).await.bad(403, "FORBIDDEN");
        all.get("/auth/validate").await.bad(403, "FORBIDDEN");
        all.post("/auth/logout", json!({})).await.bad(403, "FORBIDDEN");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_taken_back_is_none_any_more() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let key = made(&ann, json!({ "name": "a", "scopes": ["*"] })).await;
        let path = format!("/api-keys/{}", key["id"].as_str().unwrap());
        holder(stage, &key).get("/agents").await.good(200);
        bob.delete(&path).await.bad(404, "NOT_FOUND");
        holder(stage, &key).get("/agents").await.good(200);
        assert_eq!(ann.delete(&path).await.status.as_u16(), 204);
        holder(stage, &key).get("/agents").await.bad(401, "UNAUTHORIZED");
        ann.delete(&path).await.bad(404, "NOT_FOUND");
        assert_eq!(ann.get("/api-keys").await.good(200), &json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_expired_are_unknown_or_of_nobody_active_are_refused() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let text = "tk_live_0123456789abcdef0123456789abcdef";
        let old = NewApiKey {
            user_id: ann.id,
            name: "old".to_owned(),
            key_hash: Hidden::new(digest(text)),
            key_prefix: "tk_live_01234567".to_owned(),
            scopes: vec!["*".to_owned()],
            expires_at: Some(Timestamp::from_millis(1000)),
            rate_limit_per_minute: 60,
        };
        stage.api.platform().api_keys().create(old).await.unwrap();
        for key in [text, "tk_live_unknown", "nonsense", "", "tk_live_\u{e4}"] {
            stage.anybody().with("x-api-key", key).get("/agents").await.bad(401, "UNAUTHORIZED");
        }
        let key = made(&ann, json!({ "name": "a", "scopes": ["*"] })).await;
        let activate = async |active: bool| {
            let patch = UserPatch { is_active: Some(active), ..UserPatch::default() };
            stage.api.platform().users().update(ann.id, patch, None).await.unwrap();
        };
        activate(false).await;
        holder(stage, &key).get("/agents").await.bad(401, "UNAUTHORIZED");
        activate(true).await;
        holder(stage, &key).get("/agents").await.good(200);
        stage.api.platform().users().delete(ann.id).await.unwrap();
        holder(stage, &key).get("/agents").await.bad(401, "UNAUTHORIZED");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_before_a_key_even_if_it_is_none() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let key = made(&ann, json!({ "name": "a", "scopes": ["*"] })).await;
        let key = key["key"].as_str().unwrap();
        bob.post("/agents", json!({ "name": "bobs", "type": "api" })).await.good(201);
        let both = |client: &Client| client.request(reqwest::Method::GET, "/agents").header("x-api-key", key);
        let answer = crate::stage::Answer::of(both(&bob)).await;
        assert_eq!(answer.good(200)[0]["name"], "bobs");
        let broken = stage.anybody().with("authorization", "Bearer a.b.c");
        crate::stage::Answer::of(both(&broken)).await.bad(401, "UNAUTHORIZED");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_a_limit_of_its_own_which_is_told() {
    let limited = |settings: &mut turbocat_http::Settings| settings.limits = Some(Limits::default());
    on_each_with(
        limited,
        |builder| builder,
        async |stage| {
            let ann = stage.somebody().await;
            let body = json!({ "name": "a", "scopes": ["*"], "rateLimitPerMinute": 2 });
            let holder = holder(stage, &made(&ann, body).await);
            let first = holder.get("/agents").await;
            first.good(200);
            assert_eq!(first.headers["x-ratelimit-limit"], "2");
            assert_eq!(first.headers["x-ratelimit-remaining"], "1");
            assert!(first.headers.contains_key("x-ratelimit-reset"));
            holder.get("/agents").await.good(200);
            let third = holder.get("/agents").await;
            assert!(third.bad(429, "TOO_MANY_REQUESTS")["retryAfter"].as_u64().unwrap() <= 60);
            assert!(third.headers.contains_key("retry-after"));
            ann.get("/agents").await.good(200);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_was_used_for_well_is_counted() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let key = made(&ann, json!({ "name": "a", "scopes": ["agents:read"] })).await;
        let holder = holder(stage, &key);
        holder.get("/agents").await.good(200);
        holder.get("/agents").await.good(200);
        holder.get("/teams").await.bad(403, "FORBIDDEN");
        // It is counted from a task of its own.
        let mut counted = Value::Null;
        for _ in 0..200 {
            counted = ann.get("/api-keys").await.good(200)[0].clone();
            if counted["usageCount"] == 2 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(counted["usageCount"], 2);
        assert!(counted["lastUsedAt"].is_string());
    })
    .await;
}
