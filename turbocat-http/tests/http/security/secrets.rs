//! Passwords: guessed, kept, and never shown.

use serde_json::json;
use turbocat_storage::platform::{Hidden, UserPatch, UserRole};

use super::registered;
use crate::stage::{PASSWORD, on_each, on_each_with};

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_locked_after_five_wrong_passwords_which_is_noted() {
    let strict = |settings: &mut turbocat_http::Settings| settings.lockout_after = 5;
    on_each_with(
        strict,
        |builder| builder,
        async |stage| {
            registered(stage, "ann@example.com").await;
            registered(stage, "bob@example.com").await;
            let admin = stage.of_role(UserRole::Admin).await;
            let login = async |email: &str, password: &str| {
                stage.anybody().post("/auth/login", json!({ "email": email, "password": password })).await
            };
            for _ in 0..4 {
                login("ann@example.com", "Wrong-Horse-7").await.bad(401, "UNAUTHORIZED");
            }
            // One that is right begins the count anew.
            login("ann@example.com", PASSWORD).await.good(200);
            for _ in 0..5 {
                login("Ann@Example.com", "Wrong-Horse-7").await.bad(401, "UNAUTHORIZED");
            }
            let locked = login("ann@example.com", PASSWORD).await;
            let error = locked.bad(429, "TOO_MANY_REQUESTS");
            assert!((800..=900).contains(&error["retryAfter"].as_u64().unwrap()), "{error}");
            login("bob@example.com", PASSWORD).await.good(200);
            stage.api.flush().await;
            let noted = admin.get("/audit-logs?action=account_locked").await;
            assert_eq!(noted.good(200).as_array().unwrap().len(), 1);
            assert!(noted.good(200)[0]["userId"].is_string());
            let failed = admin.get("/audit-logs?action=login_failed").await;
            assert_eq!(failed.body["pagination"]["totalItems"], 9);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_of_another_kind_is_replaced_when_its_owner_signs_in() {
    on_each(async |stage| {
        let data = registered(stage, "ann@example.com").await;
        let ann = stage.client(&data);
        let users = stage.api.platform().users();
        let old = bcrypt::hash(PASSWORD, 4).unwrap();
        let patch = UserPatch { password_hash: Some(Some(Hidden::new(&old))), ..UserPatch::default() };
        users.update(ann.id, patch, None).await.unwrap();
        let login = async |password: &str| {
            let body = json!({ "email": "ann@example.com", "password": password });
            stage.anybody().post("/auth/login", body).await
        };
        let kept =
            async || users.get(ann.id).await.unwrap().unwrap().password_hash.unwrap().reveal().to_owned();
        login("Wrong-Horse-7").await.bad(401, "UNAUTHORIZED");
        assert_eq!(kept().await, old);
        login(PASSWORD).await.good(200);
        assert!(kept().await.starts_with("$argon2id$"));
        login(PASSWORD).await.good(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_hash_or_token_is_answered_or_noted() {
    on_each(async |stage| {
        let data = registered(stage, "ann@example.com").await;
        let ann = stage.client(&data);
        let admin = stage.of_role(UserRole::Admin).await;
        let path = format!("/users/{}", ann.id);
        let key = ann.post("/api-keys", json!({ "name": "k", "scopes": ["*"] })).await;
        let key = key.good(201)["key"].as_str().unwrap().to_owned();
        ann.post("/auth/login", json!({ "email": "ann@example.com", "password": PASSWORD })).await.good(200);
        ann.post("/auth/forgot-password", json!({ "email": "ann@example.com" })).await.good(200);
        ann.post(&format!("{path}/send-verification"), json!({})).await.good(200);
        let mut answers = Vec::new();
        for asked in ["/users/me", "/users/me/sessions", "/api-keys", "/auth/validate", "/users/me/export"] {
            answers.push(ann.get(asked).await);
        }
        for asked in [path.as_str(), "/users"] {
            answers.push(admin.get(asked).await);
        }
        let body = json!({ "password": "Better-Horse-8", "currentPassword": PASSWORD });
        answers.push(ann.patch(&path, body).await);
        stage.api.flush().await;
        answers.push(admin.get("/audit-logs?pageSize=100").await);
        let refresh = data["tokens"]["refreshToken"].as_str().unwrap();
        let access = data["tokens"]["accessToken"].as_str().unwrap();
        let row = stage.api.platform().users().get(ann.id).await.unwrap().unwrap();
        let (hash, proof) = (row.password_hash.unwrap(), row.verification_token.unwrap());
        for answer in &answers {
            assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
            for secret in [
                PASSWORD,
                "Better-Horse-8",
                "$argon2",
                "$2b$",
                refresh,
                access,
                &key,
                hash.reveal(),
                proof.reveal(),
            ] {
                assert!(!answer.text.contains(secret), "{secret} in {}", answer.text);
            }
        }
        assert!(answers.last().unwrap().text.contains("password_changed"));
    })
    .await;
}
