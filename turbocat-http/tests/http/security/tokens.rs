//! Tokens that were not signed here, or not so.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use turbocat_http::settings::Secret;
use turbocat_storage::platform::UserPatch;
use uuid::Uuid;

use super::registered;
use crate::stage::{Client, Stage, on_each, on_each_with};

const ACCESS_SECRET: &str = "access-secret-of-these-tests-0123";
const REFRESH_SECRET: &str = "refresh-secret-of-these-tests-012";

/// On a platform whose secrets are known to who tries.
async fn on_each_known(body: impl AsyncFn(&Stage)) {
    let secrets = |settings: &mut turbocat_http::Settings| {
        settings.access_secret = Secret::new(ACCESS_SECRET);
        settings.refresh_secret = Secret::new(REFRESH_SECRET);
    };
    on_each_with(secrets, |builder| builder, body).await;
}

/// What a token says.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

fn signed(algorithm: Algorithm, claims: &Value, secret: &str) -> String {
    encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

fn bearer(stage: &Stage, token: &str) -> Client {
    stage.anybody().with("authorization", format!("Bearer {token}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_only_as_it_was_signed_here() {
    on_each_known(async |stage| {
        let data = registered(stage, "ann@example.com").await;
        let other = registered(stage, "bob@example.com").await;
        let real = data["tokens"]["accessToken"].as_str().unwrap();
        let said = claims(real);
        let parts: Vec<&str> = real.split('.').collect();
        // What is forged below is good but for the one thing.
        bearer(stage, &signed(Algorithm::HS256, &said, ACCESS_SECRET)).get("/agents").await.good(200);
        let mut admin = said.clone();
        admin["role"] = "admin".into();
        admin["email"] = "root@example.com".into();
        let tampered = URL_SAFE_NO_PAD.encode(admin.to_string());
        let none = |word: &str| {
            let header = URL_SAFE_NO_PAD.encode(json!({ "alg": word, "typ": "JWT" }).to_string());
            [format!("{header}.{}.", parts[1]), format!("{header}.{}.{}", parts[1], parts[2])]
        };
        let mut session = said.clone();
        session["sid"] = claims(other["tokens"]["accessToken"].as_str().unwrap())["sid"].clone();
        let mut refresh = said.clone();
        refresh["type"] = "refresh".into();
        let mut nobody = said.clone();
        nobody["sid"] = Uuid::new_v4().to_string().into();
        let mut without = said.clone();
        without.as_object_mut().unwrap().remove("exp");
        let mut forged = vec![
            signed(Algorithm::HS512, &said, ACCESS_SECRET),
            signed(Algorithm::HS384, &said, ACCESS_SECRET),
            signed(Algorithm::HS256, &said, "another-secret-of-these-tests-012"),
            signed(Algorithm::HS256, &said, REFRESH_SECRET),
            signed(Algorithm::HS256, &refresh, ACCESS_SECRET),
            signed(Algorithm::HS256, &session, ACCESS_SECRET),
            signed(Algorithm::HS256, &nobody, ACCESS_SECRET),
            signed(Algorithm::HS256, &without, ACCESS_SECRET),
            format!("{}.{tampered}.{}", parts[0], parts[2]),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{real}x"),
            "a.b.c".to_owned(),
            "..".to_owned(),
        ];
        forged.extend(["none", "None", "NONE", "nOnE"].into_iter().flat_map(none));
        for token in forged {
            bearer(stage, &token).get("/agents").await.bad(401, "UNAUTHORIZED");
        }
        let mut expired = said.clone();
        expired["exp"] = 1_600_000_000.into();
        let expired = signed(Algorithm::HS256, &expired, ACCESS_SECRET);
        bearer(stage, &expired).get("/agents").await.bad(401, "TOKEN_EXPIRED");
        for credential in ["Bearer", "Bearer ", "Basic YTpi", "Token abc", ""] {
            let client = stage.anybody().with("authorization", credential);
            client.get("/agents").await.bad(401, "UNAUTHORIZED");
        }
        bearer(stage, real).get("/agents").await.good(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_token_says_of_a_role_counts_for_nothing() {
    on_each_known(async |stage| {
        let data = registered(stage, "ann@example.com").await;
        let mut said = claims(data["tokens"]["accessToken"].as_str().unwrap());
        said["role"] = "admin".into();
        // Even if it was signed here: the table is asked.
        let client = bearer(stage, &signed(Algorithm::HS256, &said, ACCESS_SECRET));
        client.get("/users").await.bad(403, "FORBIDDEN");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_good_only_as_it_was_signed_here() {
    on_each_known(async |stage| {
        let data = registered(stage, "ann@example.com").await;
        let said = claims(data["tokens"]["refreshToken"].as_str().unwrap());
        let refresh = async |token: String| {
            stage.anybody().post("/auth/refresh", json!({ "refreshToken": token })).await
        };
        let mut access = said.clone();
        access["type"] = "access".into();
        for token in [
            signed(Algorithm::HS256, &said, ACCESS_SECRET),
            signed(Algorithm::HS512, &said, REFRESH_SECRET),
            signed(Algorithm::HS256, &access, REFRESH_SECRET),
            data["tokens"]["accessToken"].as_str().unwrap().to_owned(),
        ] {
            refresh(token).await.bad(401, "UNAUTHORIZED");
        }
        refresh(data["tokens"]["refreshToken"].as_str().unwrap().to_owned()).await.good(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_who_is_gone_or_deactivated_are_good_no_more() {
    on_each(async |stage| {
        let data = registered(stage, "ann@example.com").await;
        let ann = stage.client(&data);
        let refresh = json!({ "refreshToken": data["tokens"]["refreshToken"] });
        let patch = UserPatch { is_active: Some(false), ..UserPatch::default() };
        stage.api.platform().users().update(ann.id, patch, None).await.unwrap();
        ann.get("/agents").await.bad(403, "FORBIDDEN");
        stage.anybody().post("/auth/refresh", refresh.clone()).await.bad(401, "UNAUTHORIZED");
        let patch = UserPatch { is_active: Some(true), ..UserPatch::default() };
        stage.api.platform().users().update(ann.id, patch, None).await.unwrap();
        ann.get("/agents").await.good(200);
        stage.api.platform().users().delete(ann.id).await.unwrap();
        ann.get("/agents").await.bad(401, "UNAUTHORIZED");
        stage.anybody().post("/auth/refresh", refresh).await.bad(401, "UNAUTHORIZED");
    })
    .await;
}
