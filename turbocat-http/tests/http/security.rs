//! What others would try: forged tokens, smuggled fields, guessed passwords, odd bytes, odd paths.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turbocat_http::settings::Secret;
use turbocat_storage::platform::{Hidden, UserPatch, UserRole};
use uuid::Uuid;

use crate::stage::{Answer, Client, PASSWORD, Stage, on_each, on_each_with};

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

async fn registered(stage: &Stage, email: &str) -> Value {
    let register = json!({ "email": email, "password": PASSWORD });
    stage.anybody().post("/auth/register", register).await.good(201).clone()
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

#[tokio::test(flavor = "multi_thread")]
async fn a_zero_byte_in_any_text_is_the_clients_mistake() {
    on_each(async |stage| {
        let (ann, admin) = (stage.somebody().await, stage.of_role(UserRole::Admin).await);
        let zero = "a\0b";
        let team = ann.post("/teams", json!({ "name": "t" })).await;
        let team = team.good(201)["id"].as_str().unwrap().to_owned();
        let posts = [
            ("/auth/register", json!({ "email": "a\0@example.com", "password": PASSWORD })),
            (
                "/auth/register",
                json!({ "email": "a@example.com", "password": "Correct-Horse-7\0", "fullName": zero }),
            ),
            ("/auth/login", json!({ "email": zero, "password": zero })),
            ("/auth/refresh", json!({ "refreshToken": zero })),
            ("/auth/forgot-password", json!({ "email": "a\0@example.com" })),
            ("/auth/reset-password", json!({ "token": zero, "newPassword": PASSWORD })),
            ("/auth/oauth/exchange", json!({ "code": zero })),
            ("/agents", json!({ "name": zero, "type": "api" })),
            ("/agents", json!({ "name": "x", "type": "api", "config": { "deep": [{ "a\0": 1 }] } })),
            ("/agents", json!({ "name": "x", "type": "api", "tags": [zero], "tools": [[zero]] })),
            ("/teams", json!({ "name": zero, "description": zero })),
            ("/api-keys", json!({ "name": zero, "scopes": [zero] })),
            (&format!("/teams/{team}/members"), json!({ "userId": admin.id, "role": zero })),
        ];
        for (path, body) in posts {
            let wrong = ann.post(path, body.clone()).await.wrong_fields();
            assert!(!wrong.is_empty(), "{path} {body}");
        }
        for body in [
            json!({ "fullName": zero }),
            json!({ "avatarUrl": "https://example.com/\0" }),
            json!({ "preferences": { "a": { "b\0": "c" } } }),
        ] {
            ann.patch("/users/me", body).await.bad(400, "VALIDATION_ERROR");
        }
        for query in ["search=a%00b", "tags=%00", "sortBy=%00", "type=api%00", "page=1%00"] {
            ann.get(&format!("/agents?{query}")).await.bad(400, "VALIDATION_ERROR");
        }
        for path in ["/users?search=%00", "/audit-logs?action=%00", "/audit-logs?resourceType=a%00"] {
            admin.get(path).await.bad(400, "VALIDATION_ERROR");
        }
        for path in ["/agents/%00", "/users/%00", "/auth/oauth/%00", "/%00", "/teams/a%00/members"] {
            let answer = admin.get(path).await;
            assert!(answer.status.is_client_error(), "{path} {answer:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_long_and_broken_texts_are_refused_and_the_rest_is_kept_as_it_is() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let post = || ann.request(Method::POST, "/agents").header("content-type", "application/json");
        let nested = |depth: usize| {
            format!(
                r#"{{"name":"x","type":"api","config":{{"a":{}{}}}}}"#,
                "[".repeat(depth),
                "]".repeat(depth)
            )
        };
        Answer::of(post().body(nested(100_000))).await.bad(400, "BAD_REQUEST");
        Answer::of(post().body(nested(100))).await.good(201);
        let mut broken = br#"{"name":""#.to_vec();
        broken.extend([0xff, 0xfe]);
        broken.extend(br#"","type":"api"}"#);
        Answer::of(post().body(broken)).await.bad(400, "BAD_REQUEST");
        for body in [
            r#"{"name":"\ud800","type":"api"}"#,
            r#"{"name":"x","type":"api","config":{"a":1e999}}"#,
            r#"{"name":"x","type":"api"} x"#,
            "\u{feff}{}",
            "NaN",
        ] {
            Answer::of(post().body(body)).await.bad(400, "BAD_REQUEST");
        }
        let long = "x".repeat(1 << 20);
        ann.post("/agents", json!({ "name": long, "type": "api" })).await.bad(400, "VALIDATION_ERROR");
        ann.get(&format!("/agents?search={}", "x".repeat(10_000))).await.bad(400, "VALIDATION_ERROR");
        let answer = ann.get(&format!("/agents/{}", "x".repeat(10_000))).await;
        assert!(answer.status.is_client_error(), "{:?}", answer.status);
        for name in
            ["<script>alert(1)</script>", "'; drop table agents; --", "%s%n\u{202e}\u{1f600}", "${x}{{y}}"]
        {
            let made = ann.post("/agents", json!({ "name": name, "type": "api" })).await;
            assert_eq!(made.good(201)["name"], name);
            assert!(made.headers["content-type"].to_str().unwrap().starts_with("application/json"));
            let query = reqwest::Url::parse_with_params("http://x/", [("search", name)]).unwrap();
            let found = ann.get(&format!("/agents?{}", query.query().unwrap())).await;
            assert_eq!(found.good(200).as_array().unwrap().len(), 1, "{name}");
        }
    })
    .await;
}

/// Sends bytes as they are; gives the status and the text of the answer.
async fn raw(stage: &Stage, request: &[u8]) -> (u16, String) {
    let address = stage.url.strip_prefix("http://").unwrap();
    let exchange = async {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    let answer = tokio::time::timeout(Duration::from_secs(30), exchange).await.unwrap();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

fn head(method: &str, path: &str, headers: &[(&str, &[u8])]) -> Vec<u8> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n").into_bytes();
    for (name, value) in headers {
        request.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_paths_lead_nowhere() {
    on_each(async |stage| {
        let data = registered(stage, "ann@example.com").await;
        let token = format!("Bearer {}", data["tokens"]["accessToken"].as_str().unwrap());
        let get =
            async |path: &str| raw(stage, &head("GET", path, &[("authorization", token.as_bytes())])).await;
        assert_eq!(get("/api/v1/users/me").await.0, 200);
        for path in [
            "/api/v1/agents/../users/me",
            "/api/v1/agents/%2e%2e/users/me",
            "/api/v1/agents/..%2fusers%2fme",
            "/api/v1/users%2fme",
            "/api/v1/users%5cme",
            "/api/v1//users/me",
            "//api/v1/users/me",
            "/api/v1/users/me/",
            "/api/v1/users/me/.",
            "/api/v1/./users/me",
            "/health/../api/v1/users/me",
            "/health/%2e%2e/api/v1/users/me",
            "/api/v1/users/me;a=b",
            "/api/v1/users/me%20",
            "/API/V1/users/me",
            "/api/v2/users/me",
            "/api/v1/users/%6de",
            "/etc/passwd",
            "/api/v1/users/me%0d%0aX-Evil:%201",
        ] {
            let (status, text) = get(path).await;
            assert!((400..500).contains(&status), "{path}: {text}");
            assert!(
                !text.contains("ann@example.com") && !text.to_lowercase().contains("\nx-evil"),
                "{path}: {text}"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_headers_break_neither_an_answer_nor_what_is_kept() {
    on_each(async |stage| {
        let login = json!({ "email": "ann@example.com", "password": PASSWORD }).to_string();
        let admin = stage.of_role(UserRole::Admin).await;
        registered(stage, "ann@example.com").await;
        let length = login.len().to_string();
        let enter = async |name: &str, value: &[u8]| {
            let more: [(&str, &[u8]); 3] =
                [("content-type", b"application/json"), ("content-length", length.as_bytes()), (name, value)];
            let mut request = head("POST", "/api/v1/auth/login", &more);
            request.extend(login.as_bytes());
            raw(stage, &request).await
        };
        let long = "x".repeat(4000);
        let ids: [&[u8]; 6] = [b"a b", b"<x>", "\u{e4}".as_bytes(), b"a\tb", long.as_bytes(), b"a%0d%0ab"];
        for id in ids {
            let (status, text) = enter("x-request-id", id).await;
            assert_eq!(status, 200, "{text}");
            let line = text.lines().find(|line| line.starts_with("x-request-id: ")).unwrap();
            assert_eq!(line.len(), "x-request-id: ".len() + 36, "{line}");
        }
        let agents: [&[u8]; 4] =
            [b"tests\t1", &[b'a', 0xff, 0x80], long.as_bytes(), b"'; drop table users; --"];
        for agent in agents {
            assert_eq!(enter("user-agent", agent).await.0, 200);
        }
        // What no header may have in it does not come as far as here.
        for value in [&b"a\x00b"[..], b"a\x01b", b"a\x7fb", b"a\rb"] {
            assert_eq!(enter("user-agent", value).await.0, 400, "{value:?}");
        }
        for (name, value) in [
            ("x-forwarded-for", &b"6.6.6.6"[..]),
            ("x-forwarded-host", b"evil.example"),
            ("x-http-method-override", b"DELETE"),
            ("x-original-url", b"/api/v1/users"),
            ("if-none-match", &[0xff, 0xfe]),
            ("accept", b"text/html"),
        ] {
            let (status, text) = enter(name, value).await;
            assert_eq!(status, 200, "{name}: {text}");
            assert!(!text.contains("evil.example"), "{text}");
        }
        stage.api.flush().await;
        let noted = admin.get("/audit-logs?action=login&pageSize=100").await;
        let entries = noted.good(200).as_array().unwrap();
        assert_eq!(entries.len(), ids.len() + agents.len() + 6);
        for entry in entries {
            assert_eq!(entry["ipAddress"], "127.0.0.1");
            let agent = entry["userAgent"].as_str().unwrap_or_default();
            assert!(agent.len() <= 512 && !agent.contains('\0'), "{agent}");
        }
        stage.anybody().get("/health/live").await;
    })
    .await;
}
