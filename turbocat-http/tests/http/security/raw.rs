//! Paths and headers that no decent client sends.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turbocat_storage::platform::UserRole;

use super::registered;
use crate::stage::{PASSWORD, Stage, on_each};

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
