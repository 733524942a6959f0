//! Texts that are odd, long or deep.

use reqwest::Method;
use serde_json::json;
use turbocat_storage::platform::UserRole;

use crate::stage::{Answer, PASSWORD, on_each};

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
