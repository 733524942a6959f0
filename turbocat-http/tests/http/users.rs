//! Users: who they are, what they change, how they go.

use reqwest::Method;
use serde_json::{Value, json};
use turbocat_http::settings::{Limits, Mail};
use turbocat_storage::platform::{Hidden, UserPatch, UserRole};
use turbocat_storage::testing::TempFolder;
use uuid::Uuid;

use crate::stage::{Answer, Client, PASSWORD, Stage, digest, fields, on_each, on_each_with, token_of_mail};

const BETTER: &str = "Better-Horse-8";

/// Somebody new with that address.
async fn named(stage: &Stage, email: &str) -> Client {
    let register = json!({ "email": email, "password": PASSWORD });
    let answer = stage.anybody().post("/auth/register", register).await;
    stage.client(answer.good(201))
}

async fn login(stage: &Stage, email: &str, password: &str) -> Answer {
    stage.anybody().post("/auth/login", json!({ "email": email, "password": password })).await
}

fn of(client: &Client) -> String {
    format!("/users/{}", client.id)
}

async fn delete(client: &Client, path: &str, body: Value) -> Answer {
    Answer::of(client.request(Method::DELETE, path).json(&body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_sees_and_changes_who_they_are() {
    on_each(async |stage| {
        let ann = named(stage, "ann@example.com").await;
        let answer = ann.get("/users/me").await;
        let me = answer.good(200);
        assert_eq!(me["email"], "ann@example.com");
        assert_eq!(me["emailVerifiedAt"], Value::Null);
        let validated = ann.get("/auth/validate").await;
        assert_eq!(validated.good(200), &json!({ "valid": true, "user": me }));
        stage.anybody().get("/auth/validate").await.bad(401, "UNAUTHORIZED");
        let body = json!({
            "fullName": " Ann ", "avatarUrl": "https://example.com/a.png", "preferences": { "theme": "dark" },
        });
        let changed = ann.patch("/users/me", body).await;
        assert_eq!(changed.good(200)["fullName"], "Ann");
        assert_eq!(changed.good(200)["preferences"], json!({ "theme": "dark" }));
        let cleared = ann.patch("/users/me", json!({ "avatarUrl": null, "preferences": {} })).await;
        assert_eq!(cleared.good(200)["avatarUrl"], Value::Null);
        assert_eq!(cleared.good(200)["preferences"], json!({}));
        let stale = ann.request(Method::PATCH, "/users/me").header("if-match", "\"1\"");
        Answer::of(stale.json(&json!({ "fullName": "x" }))).await.bad(412, "PRECONDITION_FAILED");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_with_a_profile_is_told_at_once() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let body = json!({ "fullName": " ", "avatarUrl": "javascript:alert(1)", "preferences": [] });
        let wrong = ann.patch("/users/me", body).await.wrong_fields();
        let expected =
            [("avatarUrl", "invalid_format"), ("fullName", "too_small"), ("preferences", "invalid_type")];
        assert_eq!(wrong, fields(&expected));
        ann.patch("/users/me", json!({ "unknown": 1 })).await.bad(400, "BAD_REQUEST");
        let wrong = ann.patch("/users/me", json!({})).await.wrong_fields();
        assert_eq!(wrong, fields(&[("", "too_small")]));
        let wrong = ann
            .patch("/users/me", json!({ "preferences": { "x": "x".repeat(70_000) } }))
            .await
            .wrong_fields();
        assert_eq!(wrong, fields(&[("preferences", "too_big")]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_see_others() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, named(stage, "bob@example.com").await);
        ann.get(&of(&bob)).await.bad(403, "FORBIDDEN");
        ann.get("/users").await.bad(403, "FORBIDDEN");
        let admin = stage.of_role(UserRole::Admin).await;
        assert_eq!(admin.get(&of(&bob)).await.good(200)["email"], "bob@example.com");
        admin.get(&format!("/users/{}", Uuid::new_v4())).await.bad(404, "NOT_FOUND");
        let found = admin.get("/users?search=BOB@").await;
        assert_eq!(found.good(200).as_array().unwrap().len(), 1);
        let admins = admin.get("/users?role=ADMIN&isActive=true").await;
        assert_eq!(admins.good(200)[0]["id"], admin.id.to_string());
        assert_eq!(admins.body["pagination"]["totalItems"], 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_needs_the_old_one_and_ends_all_sessions() {
    on_each(async |stage| {
        let ann = named(stage, "ann@example.com").await;
        let elsewhere = stage.client(login(stage, "ann@example.com", PASSWORD).await.good(200));
        let change = async |body: Value| ann.patch(&of(&ann), body).await;
        let wrong = change(json!({ "password": "short" })).await.wrong_fields();
        assert!(wrong.contains(&("currentPassword".to_owned(), "invalid_type".to_owned())), "{wrong:?}");
        assert!(wrong.contains(&("password".to_owned(), "too_small".to_owned())), "{wrong:?}");
        let guess = json!({ "password": BETTER, "currentPassword": "Wrong-Horse-7" });
        change(guess).await.bad(401, "UNAUTHORIZED");
        elsewhere.get("/users/me").await.good(200);
        change(json!({ "password": BETTER, "currentPassword": PASSWORD })).await.good(200);
        elsewhere.get("/users/me").await.bad(401, "UNAUTHORIZED");
        ann.get("/users/me").await.bad(401, "UNAUTHORIZED");
        login(stage, "ann@example.com", PASSWORD).await.bad(401, "UNAUTHORIZED");
        login(stage, "ann@example.com", BETTER).await.good(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_the_password_of_a_session_waits() {
    let strict = |settings: &mut turbocat_http::Settings| settings.lockout_after = 2;
    on_each_with(
        strict,
        |builder| builder,
        async |stage| {
            let ann = stage.somebody().await;
            let guess = async |password: &str| {
                ann.patch(&of(&ann), json!({ "password": BETTER, "currentPassword": password })).await
            };
            guess("Wrong-Horse-1").await.bad(401, "UNAUTHORIZED");
            guess("Wrong-Horse-2").await.bad(401, "UNAUTHORIZED");
            guess(PASSWORD).await.bad(429, "TOO_MANY_REQUESTS");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_address_is_to_be_proven_anew_and_nobody_elses() {
    on_each(async |stage| {
        let ann = named(stage, "ann@example.com").await;
        named(stage, "bob@example.com").await;
        let patch = UserPatch { email_verified: Some(true), ..UserPatch::default() };
        stage.api.platform().users().update(ann.id, patch, None).await.unwrap();
        let change = async |email: &str| ann.patch(&of(&ann), json!({ "email": email })).await;
        change("Bob@example.com").await.bad(409, "CONFLICT");
        assert_eq!(change("nobody").await.wrong_fields(), fields(&[("email", "invalid_format")]));
        assert_eq!(change("ANN@example.com").await.good(200)["emailVerified"], true);
        let changed = change("Ann2@Example.com").await;
        assert_eq!(changed.good(200)["email"], "ann2@example.com");
        assert_eq!(changed.good(200)["emailVerified"], false);
        login(stage, "ann2@example.com", PASSWORD).await.good(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_a_password_cannot_change_one() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let patch = UserPatch { password_hash: Some(None::<Hidden>), ..UserPatch::default() };
        stage.api.platform().users().update(ann.id, patch, None).await.unwrap();
        let body = json!({ "password": BETTER, "currentPassword": PASSWORD });
        ann.patch(&of(&ann), body).await.bad(400, "BAD_REQUEST");
        assert_eq!(delete(&ann, &of(&ann), json!({})).await.status.as_u16(), 204);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_deactivate_and_give_roles_but_not_to_themselves() {
    on_each(async |stage| {
        let bob = named(stage, "bob@example.com").await;
        let ann = stage.somebody().await;
        ann.patch(&of(&bob), json!({ "fullName": "x" })).await.bad(403, "FORBIDDEN");
        ann.patch(&of(&ann), json!({ "role": "admin" })).await.bad(403, "FORBIDDEN");
        ann.patch(&of(&ann), json!({ "isActive": true })).await.bad(403, "FORBIDDEN");
        let admin = stage.of_role(UserRole::Admin).await;
        let change = async |body: Value| admin.patch(&of(&bob), body).await;
        assert_eq!(change(json!({ "role": "AGENT" })).await.good(200)["role"], "agent");
        bob.post("/agents", json!({ "name": "x", "type": "api" })).await.bad(403, "FORBIDDEN");
        change(json!({ "role": "user" })).await.good(200);
        change(json!({ "password": BETTER })).await.bad(403, "FORBIDDEN");
        assert_eq!(change(json!({ "isActive": false })).await.good(200)["isActive"], false);
        bob.get("/users/me").await.bad(401, "UNAUTHORIZED");
        login(stage, "bob@example.com", PASSWORD).await.bad(403, "FORBIDDEN");
        change(json!({ "isActive": true })).await.good(200);
        login(stage, "bob@example.com", PASSWORD).await.good(200);
        admin.patch(&of(&admin), json!({ "role": "user" })).await.bad(400, "BAD_REQUEST");
        admin.patch(&of(&admin), json!({ "isActive": false })).await.bad(400, "BAD_REQUEST");
        let body = json!({ "password": PASSWORD });
        delete(&admin, &of(&admin), body).await.bad(400, "BAD_REQUEST");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_ends_with_its_password() {
    on_each(async |stage| {
        let (ann, bob) = (named(stage, "ann@example.com").await, stage.somebody().await);
        delete(&bob, &of(&ann), json!({ "password": PASSWORD })).await.bad(403, "FORBIDDEN");
        let path = of(&ann);
        assert_eq!(
            delete(&ann, &path, json!({})).await.wrong_fields(),
            fields(&[("password", "invalid_type")])
        );
        delete(&ann, &path, json!({ "password": "Wrong-Horse-7" })).await.bad(401, "UNAUTHORIZED");
        let wrong = delete(&ann, &path, json!({ "reason": "x".repeat(501) })).await.wrong_fields();
        assert_eq!(wrong, fields(&[("reason", "too_big")]));
        let gone = delete(&ann, &path, json!({ "password": PASSWORD, "reason": "tired" })).await;
        assert_eq!((gone.status.as_u16(), gone.text.as_str()), (204, ""));
        ann.get("/users/me").await.bad(401, "UNAUTHORIZED");
        login(stage, "ann@example.com", PASSWORD).await.bad(401, "UNAUTHORIZED");
        let register = json!({ "email": "ann@example.com", "password": PASSWORD });
        stage.anybody().post("/auth/register", register).await.bad(409, "CONFLICT");
        let admin = stage.of_role(UserRole::Admin).await;
        admin.get(&path).await.bad(404, "NOT_FOUND");
        stage.api.flush().await;
        let noted = admin.get("/audit-logs?action=user_deleted").await;
        assert_eq!(noted.good(200)[0]["changes"], json!({ "reason": "tired" }));
        assert_eq!(delete(&admin, &of(&bob), json!({})).await.status.as_u16(), 204);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_proven_by_the_token_of_a_mail_once() {
    let folder = TempFolder::new();
    let path = folder.path().to_str().unwrap().to_owned();
    on_each_with(
        |settings| settings.mail = Mail::Folder(path.clone()),
        |builder| builder,
        async |stage| {
            let email = format!("{}@example.com", Uuid::new_v4().simple());
            let (ann, bob) = (named(stage, &email).await, stage.somebody().await);
            let send = format!("{}/send-verification", of(&ann));
            bob.post(&send, json!({})).await.bad(403, "FORBIDDEN");
            ann.post(&send, json!({})).await.good(200);
            let token = token_of_mail(folder.path(), &email).await;
            assert_eq!(token.len(), 64);
            let kept = stage.api.platform().users().get(ann.id).await.unwrap().unwrap();
            assert_ne!(kept.verification_token.unwrap().reveal(), token);
            let verify = async |token: &str| {
                stage.anybody().post("/users/verify-email", json!({ "token": token })).await
            };
            assert_eq!(verify("x").await.wrong_fields(), fields(&[("token", "invalid_format")]));
            verify(&"0".repeat(64)).await.bad(400, "BAD_REQUEST");
            assert_eq!(verify(&token).await.good(200)["emailVerified"], true);
            verify(&token).await.bad(400, "BAD_REQUEST");
            assert!(ann.get("/users/me").await.good(200)["emailVerifiedAt"].is_string());
            ann.post(&send, json!({})).await.bad(400, "BAD_REQUEST");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_an_address_that_is_too_old_proves_nothing() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let token = "ab".repeat(32);
        // SHA-256 of it; the moment is long past.
        let hash = digest(&token);
        let patch = UserPatch {
            verification_token: Some(Some(Hidden::new(hash))),
            verification_token_expiry: Some(Some(turbocat_core::Timestamp::from_millis(1000))),
            ..UserPatch::default()
        };
        stage.api.platform().users().update(ann.id, patch, None).await.unwrap();
        let verify = json!({ "token": token });
        stage.anybody().post("/users/verify-email", verify).await.bad(400, "BAD_REQUEST");
        assert_eq!(ann.get("/users/me").await.good(200)["emailVerified"], false);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tutorial_is_remembered_for_oneself() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let path = format!("{}/tutorial-status", of(&ann));
        let nothing = json!({ "lastStep": 0, "completedSteps": [], "dismissedPages": [] });
        assert_eq!(
            ann.get(&path).await.good(200),
            &json!({ "isComplete": false, "progress": nothing.clone() })
        );
        let progress = json!({ "lastStep": 3, "completedSteps": [1, "two"], "dismissedPages": ["home"] });
        let body = json!({ "isComplete": true, "progress": progress });
        assert_eq!(ann.post(&path, body.clone()).await.good(200), &body);
        assert_eq!(ann.get(&path).await.good(200), &body);
        let again = ann.post(&path, json!({ "isComplete": false })).await;
        assert_eq!(again.good(200)["progress"], nothing);
        assert_eq!(
            ann.post(&path, json!({})).await.wrong_fields(),
            fields(&[("isComplete", "invalid_type")])
        );
        bob.get(&path).await.bad(404, "NOT_FOUND");
        bob.post(&path, body).await.bad(404, "NOT_FOUND");
        stage.anybody().get(&path).await.bad(401, "UNAUTHORIZED");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_ended_one_or_all_others() {
    on_each(async |stage| {
        let ann = named(stage, "ann@example.com").await;
        let enter = async || stage.client(login(stage, "ann@example.com", PASSWORD).await.good(200));
        let (second, third, bob) = (enter().await, enter().await, stage.somebody().await);
        let listed = ann.get("/users/me/sessions").await;
        let sessions = listed.good(200).as_array().unwrap();
        assert_eq!(sessions.len(), 3);
        assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1);
        assert!(!listed.text.contains("ash"), "{}", listed.text);
        let own = second.get("/users/me/sessions").await;
        let own =
            own.good(200).as_array().unwrap().iter().find(|one| one["current"] == true).unwrap().clone();
        let path = format!("/users/me/sessions/{}", own["id"].as_str().unwrap());
        bob.delete(&path).await.bad(404, "NOT_FOUND");
        assert_eq!(ann.delete(&path).await.status.as_u16(), 204);
        second.get("/users/me").await.bad(401, "UNAUTHORIZED");
        ann.delete(&path).await.bad(404, "NOT_FOUND");
        assert_eq!(ann.delete("/users/me/sessions").await.status.as_u16(), 204);
        third.get("/users/me").await.bad(401, "UNAUTHORIZED");
        ann.get("/users/me").await.good(200);
        bob.get("/users/me").await.good(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_that_prove_an_address_are_not_sent_without_end() {
    let limited = |settings: &mut turbocat_http::Settings| {
        settings.limits = Some(Limits { forgot: 1, anonymous: 1000, register: 1000, ..Limits::default() });
    };
    on_each_with(
        limited,
        |builder| builder,
        async |stage| {
            let ann = stage.somebody().await;
            let path = format!("{}/send-verification", of(&ann));
            ann.post(&path, json!({})).await.good(200);
            ann.post(&path, json!({})).await.bad(429, "TOO_MANY_REQUESTS");
        },
    )
    .await;
}
