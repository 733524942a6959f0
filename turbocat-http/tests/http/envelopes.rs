//! What is the same for all of it: envelopes, headers, bodies, limits.

use reqwest::{Method, header};
use serde_json::json;

use crate::stage::{Answer, fields, on_each, on_each_with};

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_an_id_and_the_headers_of_safety() {
    on_each(async |stage| {
        let anybody = stage.anybody();
        for path in ["/health/live", "/agents", "/nowhere"] {
            let answer = anybody.get(path).await;
            let text = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
            assert_eq!(text("x-content-type-options"), "nosniff");
            assert_eq!(text("x-frame-options"), "DENY");
            assert_eq!(text("x-xss-protection"), "1; mode=block");
            assert!(text("content-security-policy").contains("object-src 'none'"));
            assert!(text("strict-transport-security").contains("preload"));
            assert!(text("cache-control").contains("no-store"));
            assert!(!answer.headers.contains_key("x-powered-by"));
            assert_eq!(text("x-request-id").len(), 36);
        }
        let sent = anybody.request(Method::GET, "/agents").header("x-request-id", "mine-1");
        assert_eq!(Answer::of(sent).await.headers["x-request-id"], "mine-1");
        let odd = anybody.request(Method::GET, "/agents").header("x-request-id", "a b");
        assert_ne!(Answer::of(odd).await.headers["x-request-id"], "a b");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_so() {
    on_each(async |stage| {
        stage.anybody().get("/nowhere").await.bad(404, "NOT_FOUND");
        let answer = stage.anybody().delete("/agents").await;
        answer.bad(405, "NOT_FOUND");
        assert!(answer.headers["allow"].to_str().unwrap().contains("POST"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_none_too_large_or_of_another_kind_is_refused() {
    let small = |settings: &mut turbocat_http::Settings| settings.body_limit = 2000;
    on_each_with(
        small,
        |builder| builder,
        async |stage| {
            let post = || stage.anybody().request(Method::POST, "/auth/login");
            let json = || post().header(header::CONTENT_TYPE, "application/json");
            Answer::of(json().body("{")).await.bad(400, "BAD_REQUEST");
            Answer::of(json().body("[".repeat(1500))).await.bad(400, "BAD_REQUEST");
            Answer::of(json().body(" ".repeat(3000))).await.bad(413, "BAD_REQUEST");
            let streamed = reqwest::Body::from(vec![b' '; 3000]);
            Answer::of(json().header("transfer-encoding", "chunked").body(streamed))
                .await
                .bad(413, "BAD_REQUEST");
            let xml = post().header(header::CONTENT_TYPE, "text/xml").body("<a/>");
            Answer::of(xml).await.bad(415, "BAD_REQUEST");
            let form = post().header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            Answer::of(form.body("email=a%40b.example&password=x")).await.bad(401, "UNAUTHORIZED");
            let wrong = Answer::of(json().body("[]")).await.wrong_fields();
            assert_eq!(wrong, fields(&[("", "invalid_type")]));
            let wrong = stage
                .anybody()
                .post("/auth/login", json!({ "email": 1, "extra": true }))
                .await
                .wrong_fields();
            assert_eq!(wrong, fields(&[("email", "invalid_type"), ("password", "invalid_type")]));
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_known_pages_may_ask() {
    on_each(async |stage| {
        let ask = |origin: &str| stage.anybody().request(Method::GET, "/agents").header("origin", origin);
        let known = Answer::of(ask("http://localhost:3000")).await;
        assert_eq!(known.headers["access-control-allow-origin"], "http://localhost:3000");
        assert_eq!(known.headers["access-control-allow-credentials"], "true");
        let foreign = Answer::of(ask("https://evil.example")).await;
        assert!(!foreign.headers.contains_key("access-control-allow-origin"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_waits() {
    let limited = |settings: &mut turbocat_http::Settings| {
        settings.limits = Some(turbocat_http::settings::Limits { anonymous: 2, ..Default::default() });
    };
    on_each_with(
        limited,
        |builder| builder,
        async |stage| {
            let answer = stage.anybody().get("/agents").await;
            answer.bad(401, "UNAUTHORIZED");
            assert_eq!(answer.headers["x-ratelimit-limit"], "2");
            assert_eq!(answer.headers["x-ratelimit-remaining"], "1");
            let reset: i64 = answer.headers["x-ratelimit-reset"].to_str().unwrap().parse().unwrap();
            assert!(reset > 1_700_000_000);
            stage.anybody().get("/agents").await.bad(401, "UNAUTHORIZED");
            let answer = stage.anybody().get("/agents").await;
            let error = answer.bad(429, "TOO_MANY_REQUESTS");
            let after = error["retryAfter"].as_u64().unwrap();
            assert!((1..=60).contains(&after));
            assert_eq!(answer.headers["retry-after"].to_str().unwrap(), after.to_string());
            assert_eq!(stage.anybody().get("/health/live").await.status.as_u16(), 200);
        },
    )
    .await;
}
