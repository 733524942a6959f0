//! Accounts: made, signed in and out, passwords forgotten.

use serde_json::json;
use turbocat_http::settings::Mail;
use turbocat_storage::testing::TempFolder;

use crate::stage::{PASSWORD, fields, on_each, on_each_with, token_of_mail};

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_made_once_and_shows_nothing_secret() {
    on_each(async |stage| {
        let ann = json!({ "email": "Ann@Example.com", "password": PASSWORD, "fullName": " Ann Lee " });
        let answer = stage.anybody().post("/auth/register", ann.clone()).await;
        let data = answer.good(201);
        assert_eq!(data["user"]["email"], "ann@example.com");
        assert_eq!(data["user"]["fullName"], "Ann Lee");
        assert_eq!(data["user"]["role"], "user");
        assert_eq!(data["tokens"]["expiresIn"], 900);
        assert_eq!(data["tokens"]["tokenType"], "Bearer");
        assert!(!answer.text.to_lowercase().contains("hash"));
        stage.anybody().post("/auth/register", ann).await.bad(409, "CONFLICT");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_with_an_account_is_told_at_once() {
    on_each(async |stage| {
        let register = async |body| stage.anybody().post("/auth/register", body).await.wrong_fields();
        let wrong = register(json!({ "email": "nobody", "password": "short", "fullName": "  " })).await;
        let expected = [("email", "invalid_format"), ("fullName", "too_small"), ("password", "too_small")];
        assert_eq!(wrong, fields(&expected));
        let wrong = register(json!({ "email": "a@b.example", "password": "alllowercase" })).await;
        assert_eq!(wrong, fields(&[("password", "custom"); 3]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_unknown_and_who_is_wrong_are_told_the_same() {
    on_each(async |stage| {
        let email = "bob@example.com";
        stage
            .anybody()
            .post("/auth/register", json!({ "email": email, "password": PASSWORD }))
            .await
            .good(201);
        let login = async |email: &str, password: &str| {
            stage.anybody().post("/auth/login", json!({ "email": email, "password": password })).await
        };
        login("BOB@example.com", PASSWORD).await.good(200);
        let wrong = login(email, "Wrong-Horse-7").await;
        let unknown = login("nobody@example.com", PASSWORD).await;
        assert_eq!(wrong.bad(401, "UNAUTHORIZED"), unknown.bad(401, "UNAUTHORIZED"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_signing_out() {
    on_each(async |stage| {
        let somebody = stage.somebody().await;
        somebody.get("/agents").await.good(200);
        assert_eq!(somebody.post("/auth/logout", json!({})).await.status.as_u16(), 204);
        somebody.get("/agents").await.bad(401, "UNAUTHORIZED");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_good_once_and_its_second_use_ends_the_session() {
    let no_grace =
        |settings: &mut turbocat_http::Settings| settings.refresh_grace = std::time::Duration::ZERO;
    on_each_with(
        no_grace,
        |builder| builder,
        async |stage| {
            let register = json!({ "email": "eve@example.com", "password": PASSWORD });
            let answer = stage.anybody().post("/auth/register", register).await;
            let first = answer.good(201)["tokens"]["refreshToken"].clone();
            let refresh =
                async |token| stage.anybody().post("/auth/refresh", json!({ "refreshToken": token })).await;
            let answer = refresh(first.clone()).await;
            let data = answer.good(200);
            let (second, access) = (data["refreshToken"].clone(), data["accessToken"].as_str().unwrap());
            assert_ne!(first, second);
            let client = stage.anybody().with("authorization", format!("bearer {access}"));
            client.get("/agents").await.good(200);
            refresh(first).await.bad(401, "UNAUTHORIZED");
            refresh(second).await.bad(401, "UNAUTHORIZED");
            client.get("/agents").await.bad(401, "UNAUTHORIZED");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_cross_do_not_end_a_session() {
    on_each(async |stage| {
        let register = json!({ "email": "kim@example.com", "password": PASSWORD });
        let answer = stage.anybody().post("/auth/register", register).await;
        let first = answer.good(201)["tokens"]["refreshToken"].clone();
        let refresh =
            async |token| stage.anybody().post("/auth/refresh", json!({ "refreshToken": token })).await;
        refresh(first.clone()).await.good(200);
        let again = refresh(first).await;
        assert!(again.good(200)["accessToken"].is_string());
        assert!(again.good(200).get("refreshToken").is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_kind_of_token_is_not_taken_for_the_other() {
    on_each(async |stage| {
        let register = json!({ "email": "pat@example.com", "password": PASSWORD });
        let answer = stage.anybody().post("/auth/register", register).await;
        let tokens = &answer.good(201)["tokens"];
        let refresh = tokens["refreshToken"].as_str().unwrap();
        let client = stage.anybody().with("authorization", format!("Bearer {refresh}"));
        client.get("/agents").await.bad(401, "UNAUTHORIZED");
        let access = json!({ "refreshToken": tokens["accessToken"] });
        stage.anybody().post("/auth/refresh", access).await.bad(401, "UNAUTHORIZED");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_replaced_by_the_token_of_a_mail_once() {
    let folder = TempFolder::new();
    let path = folder.path().to_str().unwrap().to_owned();
    let mail = |settings: &mut turbocat_http::Settings| settings.mail = Mail::Folder(path.clone());
    on_each_with(
        mail,
        |builder| builder,
        async |stage| {
            let email = format!("{}@example.com", uuid::Uuid::new_v4().simple());
            let register = json!({ "email": email, "password": PASSWORD });
            let answer = stage.anybody().post("/auth/register", register).await;
            let before = stage.client(answer.good(201));
            let forgot = async |email: &str| {
                stage.anybody().post("/auth/forgot-password", json!({ "email": email })).await
            };
            let (known, unknown) = (forgot(&email).await, forgot("nobody@example.com").await);
            assert_eq!(known.good(200), unknown.good(200));
            let token = token_of_mail(folder.path(), &email).await;
            let reset = async |password: &str| {
                let body = json!({ "token": token, "newPassword": password });
                stage.anybody().post("/auth/reset-password", body).await
            };
            assert_eq!(reset("weak").await.wrong_fields()[0].0, "newPassword");
            reset("Better-Horse-8").await.good(200);
            reset("Better-Horse-9").await.bad(400, "BAD_REQUEST");
            before.get("/agents").await.bad(401, "UNAUTHORIZED");
            let login = json!({ "email": email, "password": "Better-Horse-8" });
            stage.anybody().post("/auth/login", login).await.good(200);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_for_a_new_password_is_worthless_once_there_is_one() {
    let folder = TempFolder::new();
    let path = folder.path().to_str().unwrap().to_owned();
    on_each_with(
        |settings| settings.mail = Mail::Folder(path.clone()),
        |builder| builder,
        async |stage| {
            let email = format!("{}@example.com", uuid::Uuid::new_v4().simple());
            let register = json!({ "email": email, "password": PASSWORD });
            let answer = stage.anybody().post("/auth/register", register).await;
            let ann = stage.client(answer.good(201));
            stage.anybody().post("/auth/forgot-password", json!({ "email": email })).await.good(200);
            let token = token_of_mail(folder.path(), &email).await;
            let change = json!({ "password": "Better-Horse-8", "currentPassword": PASSWORD });
            ann.patch(&format!("/users/{}", ann.id), change).await.good(200);
            let reset = json!({ "token": token, "newPassword": "Better-Horse-9" });
            stage.anybody().post("/auth/reset-password", reset).await.bad(400, "BAD_REQUEST");
            let login = json!({ "email": email, "password": "Better-Horse-8" });
            stage.anybody().post("/auth/login", login).await.good(200);
        },
    )
    .await;
}
