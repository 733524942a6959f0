//! What was not granted ends the call, and what was granted works.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use turbocat_core::{AttemptRequest, Said};
use turbocat_plugins::net::{Egress, Resolve};
use turbocat_plugins::wasm::{Call, Grants, Limits, Plugin, PluginErrorKind, Plugins};

use crate::fixture::Fixture;
use crate::hosts::{Listener, Vault, builder, call, fails, host};

/// A server that answers the same to everybody, and keeps what it was asked.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

pub(crate) async fn serve(answer: impl Into<Vec<u8>>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (answer, asked) = (answer.into(), Arc::<Mutex<Vec<String>>>::default());
    let seen = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            let mut part = [0; 4096];
            loop {
                let read = stream.read(&mut part).await.unwrap_or(0);
                request.extend_from_slice(&part[..read]);
                let text = String::from_utf8_lossy(&request).to_lowercase();
                let body = text.split_once("\r\n\r\n").map(|(_, body)| body.len());
                let wanted = text
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok())
                    .unwrap_or(0);
                if read == 0 || body.is_some_and(|body| body >= wanted) {
                    break;
                }
            }
            seen.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        }
    });
    Server { port, asked }
}

fn open_host() -> Plugins {
    let egress = Egress::builder().allow("127.0.0.1").build().unwrap();
    builder().pool_size(2).egress(egress).build().unwrap()
}

/// Asks for a URL, and answers with the body, `status` with the status, `headers` with the headers.
async fn asker(request: &str, body: Option<&str>, plugins: &Plugins, grants: &[&str]) -> Plugin {
    let body_block = body.map_or("(i64.const 0)", |_| "(call $put TEXT(body))");
    Fixture::with_agents(&["ask", "headers", "status"])
        .env("http_request", "(param i64 i64) (result i64)")
        .env("http_status_code", "(result i32)")
        .env("http_headers", "(result i64)")
        .text("request", request)
        .text("body", body.unwrap_or_default())
        .function("ask", &format!("(call $show (call $http_request (call $put TEXT(request)) {body_block}))"))
        .function(
            "headers",
            &format!(
                "(drop (call $http_request (call $put TEXT(request)) {body_block})) (call $show (call $http_headers))"
            ),
        )
        .function(
            "status",
            &format!(
                "(drop (call $http_request (call $put TEXT(request)) {body_block}))
                 (return (call $http_status_code))"
            ),
        )
        .load_with(plugins, Grants::parse(grants).unwrap())
        .await
        .unwrap()
}

const ANSWER: &str = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nX-Two: a\r\nX-Two: b\r\n\
                      Content-Length: 8\r\nConnection: close\r\n\r\n{\"a\": 1}";

#[tokio::test]
async fn a_request_that_is_granted_is_made() {
    let server = serve(ANSWER).await;
    let request = json!({
        "url": format!("http://127.0.0.1:{}/path?q=1", server.port),
        "method": "post", "headers": { "X-Mine": "yes" },
    });
    let grant = format!("http POST 127.0.0.1:{}", server.port);
    let plugin = asker(&request.to_string(), Some("payload"), &open_host(), &[&grant]).await;
    let output = plugin.call("ask", Call::new(json!({}))).await.unwrap();
    assert_eq!(*output.value, json!({ "a": 1 }));
    let usage = output.usage.unwrap();
    assert_eq!((usage.api_calls, usage.network_bytes), (1, 15));
    let asked = server.asked.lock().unwrap()[0].clone();
    assert!(asked.starts_with("POST /path?q=1 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.to_lowercase().contains("x-mine: yes") && asked.ends_with("payload"), "{asked}");
    let headers = call(&plugin, "headers", json!({})).await.unwrap();
    assert_eq!((&headers["content-type"], &headers["x-two"]), (&json!("application/json"), &json!("a, b")));
    assert_eq!(fails(&plugin, "status", "error").await.detail.unwrap()["code"], 201);
}

#[tokio::test]
async fn a_request_that_is_not_granted_ends_the_call_and_is_not_made() {
    let server = serve(ANSWER).await;
    let request = json!({ "url": format!("http://127.0.0.1:{}/?token=hush", server.port) }).to_string();
    let own = format!("127.0.0.1:{}", server.port);
    let post = format!("http POST {own}");
    for grants in [&[][..], &[post.as_str()], &["http GET example.com"], &["http * *"], &["state"]] {
        let plugin = asker(&request, None, &open_host(), grants).await;
        let failure = fails(&plugin, "ask", "denied").await;
        assert!(!failure.retryable);
        let message = format!("plugin `demo` may not do `http GET {own}`; grant it `http GET {own}`");
        assert_eq!(failure.message, message);
        assert_eq!(failure.detail.unwrap()["grant"], format!("http GET {own}"));
    }
    assert!(server.asked.lock().unwrap().is_empty());
    for grant in ["http GET *:*", &format!("http * {own}")] {
        call(&asker(&request, None, &open_host(), &[grant]).await, "ask", json!({})).await.unwrap();
    }
}

#[tokio::test]
async fn a_grant_does_not_lead_inside() {
    let server = serve(ANSWER).await;
    let request = json!({ "url": format!("http://127.0.0.1:{}/", server.port) }).to_string();
    let plugin = asker(&request, None, &host(), &["http * *:*"]).await;
    fails(&plugin, "ask", "denied").await;
    assert!(server.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_redirect_to_a_host_that_is_not_granted_ends_the_call() {
    let target = serve(ANSWER).await;
    let redirect = |to: &str| {
        format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    };
    let server = serve(redirect(&format!("http://127.0.0.1:{}/", target.port))).await;
    let request = json!({ "url": format!("http://127.0.0.1:{}/", server.port) }).to_string();
    let first = format!("http GET 127.0.0.1:{}", server.port);
    let second = format!("http GET 127.0.0.1:{}", target.port);
    let plugin = asker(&request, None, &open_host(), &[&first]).await;
    assert_eq!(fails(&plugin, "ask", "denied").await.detail.unwrap()["grant"], second);
    assert!(target.asked.lock().unwrap().is_empty());
    let plugin = asker(&request, None, &open_host(), &[&first, &second]).await;
    assert_eq!(call(&plugin, "ask", json!({})).await.unwrap(), json!({ "a": 1 }));
}

#[tokio::test]
async fn a_redirect_does_not_lend_a_method_to_a_host_that_has_no_grant_for_it() {
    let target = serve(ANSWER).await;
    let check = async |status: &str, arrives: bool| {
        let redirect = format!(
            "HTTP/1.1 {status}\r\nLocation: http://127.0.0.1:{}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            target.port
        );
        let server = serve(redirect).await;
        let request =
            json!({ "url": format!("http://127.0.0.1:{}/", server.port), "method": "POST" }).to_string();
        let post = format!("http POST 127.0.0.1:{}", server.port);
        let get = format!("http GET 127.0.0.1:{}", target.port);
        let plugin = asker(&request, Some("payload"), &open_host(), &[&post, &get]).await;
        if arrives {
            assert_eq!(call(&plugin, "ask", json!({})).await.unwrap(), json!({ "a": 1 }));
            return target.asked.lock().unwrap().remove(0);
        }
        let failure = fails(&plugin, "ask", "denied").await;
        let wanted = format!("http POST 127.0.0.1:{}", target.port);
        assert_eq!(failure.detail.unwrap()["grant"], wanted);
        assert!(target.asked.lock().unwrap().is_empty());
        String::new()
    };
    check("307 Temporary Redirect", false).await;
    check("308 Permanent Redirect", false).await;
    assert!(check("303 See Other", true).await.starts_with("GET / "));
    assert!(check("302 Found", true).await.starts_with("GET / "));
}

#[tokio::test]
async fn headers_of_a_plugin_stay_with_their_origin() {
    let target = serve(ANSWER).await;
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        target.port
    );
    let server = serve(redirect).await;
    let request = json!({
        "url": format!("http://127.0.0.1:{}/", server.port),
        "headers": { "X-Pat": "hush", "Accept": "text/x", "Accept-Language": "de", "User-Agent": "me" },
    });
    let plugin = asker(&request.to_string(), None, &open_host(), &["http GET *:*"]).await;
    call(&plugin, "ask", json!({})).await.unwrap();
    let first = server.asked.lock().unwrap()[0].to_lowercase();
    let last = target.asked.lock().unwrap()[0].to_lowercase();
    assert!(first.contains("x-pat: hush") && !last.contains("x-pat"), "{first}{last}");
    for kept in ["accept: text/x", "accept-language: de", "user-agent: me"] {
        assert!(first.contains(kept) && last.contains(kept), "{first}{last}");
    }
}

#[tokio::test]
async fn a_request_that_describes_itself_at_too_great_length_is_not_made() {
    let check = async |headers: usize, length: usize, expected: &str| {
        let headers: serde_json::Map<_, _> =
            (0..headers).map(|n| (format!("x-{n}"), json!("y".repeat(length)))).collect();
        let request = json!({ "url": "http://127.0.0.1:1/", "headers": headers }).to_string();
        let plugin = asker(&request, None, &open_host(), &["http * *:*"]).await;
        let failure = call(&plugin, "ask", json!({})).await.unwrap_err();
        assert!(failure.message.contains(expected), "{failure}");
        assert_eq!(failure.retryable, expected.contains("127.0.0.1"));
    };
    check(100, 1, "127.0.0.1").await;
    check(101, 1, "sends more than 100 headers").await;
    check(99, 11_000, "asks with a request of more than 1048576 bytes").await;
}

/// Never says where a name leads.
struct Silent;

#[async_trait]
impl Resolve for Silent {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_times_out_is_not_taken_for_the_call() {
    let egress = Egress::builder().resolver(Silent).build().unwrap();
    let plugins = builder().pool_size(2).egress(egress).build().unwrap();
    let plugin = asker(r#"{"url":"http://silent.test/"}"#, None, &plugins, &["http * *:*"]).await;
    // the way out waits half a minute for a connection, the call much longer for its end
    let limits = Limits::default().time(Duration::from_secs(3600));
    let failure = plugin.call("ask", Call::new(json!({})).limits(limits)).await.unwrap_err();
    assert_eq!((failure.kind.as_str(), failure.retryable), ("timeout", true));
    assert!(
        failure.message.starts_with("plugin `demo`: `http://silent.test` cannot be reached"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_request_that_is_none_or_gets_nowhere_is_a_failure_that_says_so() {
    let plugin = asker("no json", None, &open_host(), &["http * *:*"]).await;
    assert!(fails(&plugin, "ask", "trap").await.message.contains("its HTTP request cannot be read"));
    let plugin = asker(r#"{"url":"::"}"#, None, &open_host(), &["http * *:*"]).await;
    fails(&plugin, "ask", "input").await;
    let plugin = asker(r#"{"url":"file:///etc/passwd"}"#, None, &open_host(), &["http * *:*"]).await;
    let failure = call(&plugin, "ask", json!({})).await.unwrap_err();
    assert!(["denied", "input"].contains(&failure.kind.as_str()), "{failure}");
    let header = r#"{"url":"http://127.0.0.1:1/","headers":{"a":"b\r\nc: d"}}"#;
    let plugin = asker(header, None, &open_host(), &["http * *:*"]).await;
    assert!(fails(&plugin, "ask", "input").await.message.contains("sends a header that is none"));
    let method = r#"{"url":"http://127.0.0.1:1/","method":"G E T"}"#;
    let plugin = asker(method, None, &open_host(), &["http * *:*"]).await;
    assert!(fails(&plugin, "ask", "input").await.message.contains("asks with a method or for a host"));
    let plugin = asker(r#"{"url":"http://127.0.0.1:1/"}"#, None, &open_host(), &["http * *:*"]).await;
    assert!(fails(&plugin, "ask", "http").await.retryable);
}

#[tokio::test]
async fn an_answer_that_is_too_large_ends_the_call() {
    let server = serve(ANSWER).await;
    let request = json!({ "url": format!("http://127.0.0.1:{}/", server.port) }).to_string();
    let plugin = asker(&request, None, &open_host(), &["http * *:*"]).await;
    let limits = Limits::default().http_bytes(7);
    let failure = plugin.call("ask", Call::new(json!({})).limits(limits)).await.unwrap_err();
    assert_eq!(failure.detail.unwrap()["limit"], "http");
}

fn reader() -> Fixture {
    Fixture::with_agents(&["tell", "fail", "talk", "none", "hang"])
        .user("turbocat_secret", "(param i64) (result i64)")
        .env("log_info", "(param i64)")
        .text("key", "KEY")
        .text("no", "NONE")
        .text("quote", "\"")
        .raw(
            // The secret in quotes: a block with `"`, the secret, `"`.
            "(func $quoted (result i64) (local $s i64) (local $b i64) (local $i i64) (local $n i64)
               (local.set $s (call $turbocat_secret (call $put TEXT(key))))
               (local.set $n (call $length (local.get $s)))
               (local.set $b (call $alloc (i64.add (local.get $n) (i64.const 2))))
               (call $store_u8 (local.get $b) (i32.const 34))
               (loop $next
                 (call $store_u8 (i64.add (i64.add (local.get $b) (local.get $i)) (i64.const 1))
                   (call $load_u8 (i64.add (local.get $s) (local.get $i))))
                 (local.set $i (i64.add (local.get $i) (i64.const 1)))
                 (br_if $next (i64.lt_u (local.get $i) (local.get $n))))
               (call $store_u8 (i64.add (i64.add (local.get $b) (local.get $n)) (i64.const 1)) (i32.const 34))
               (local.get $b))",
        )
        .env("load_u8", "(param i64) (result i32)")
        .function("tell", "(call $show (call $quoted))")
        .function("fail", "(call $error_set (call $quoted)) (return (i32.const 1))")
        .function("talk", "(call $log_info (call $quoted))")
        .function(
            "none",
            "(if (i64.ne (call $turbocat_secret (call $put TEXT(no))) (i64.const 0)) (then unreachable))",
        )
        .function("hang", "(drop (call $turbocat_secret (call $put TEXT(key)))) unreachable")
}

#[tokio::test]
async fn a_secret_is_read_if_it_is_granted_and_never_comes_out_again() {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let plugins = builder().pool_size(2).secrets(Vault(asked.clone())).build().unwrap();
    let plugin =
        reader().load_with(&plugins, Grants::parse(["secret KEY", "secret NONE"]).unwrap()).await.unwrap();
    assert_eq!(call(&plugin, "tell", json!({})).await.unwrap(), json!("[secret]"));
    assert_eq!(fails(&plugin, "fail", "error").await.message, "\"[secret]\"");
    let listener = Arc::new(Listener::default());
    let request = AttemptRequest::new(json!({})).with_surroundings(listener.clone());
    plugin.call("talk", Call::of(&request)).await.unwrap();
    let said = listener.0.lock().unwrap().clone();
    assert!(matches!(&said[..], [Said::Log { message, .. }] if message == "\"[secret]\""), "{said:?}");
    call(&plugin, "none", json!({})).await.unwrap();
    assert_eq!(*asked.lock().unwrap(), ["KEY", "KEY", "KEY", "NONE"]);
}

#[tokio::test]
async fn a_secret_that_is_not_granted_is_not_even_asked_for() {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let plugins = builder().pool_size(2).secrets(Vault(asked.clone())).build().unwrap();
    let plugin = reader().load_with(&plugins, Grants::parse(["secret OTHER"]).unwrap()).await.unwrap();
    let failure = fails(&plugin, "tell", "denied").await;
    assert_eq!(failure.message, "plugin `demo` may not read the secret `KEY`; grant it `secret KEY`");
    assert_eq!(failure.detail.as_deref(), Some(&json!({ "grant": "secret KEY" })));
    assert!(asked.lock().unwrap().is_empty());
    // Granted now, for calls that begin now.
    plugin.grant(Grants::parse(["secret KEY"]).unwrap()).unwrap();
    assert_eq!(call(&plugin, "tell", json!({})).await.unwrap(), json!("[secret]"));
    plugin.grant(Grants::none()).unwrap();
    fails(&plugin, "tell", "denied").await;
}

#[tokio::test]
async fn what_a_manifest_asks_for_is_not_granted_by_that() {
    let manifest = json!({
        "name": "demo", "version": "1.0.0", "agents": [{ "name": "keep" }], "capabilities": ["state"],
    });
    let plugin = Fixture::with_manifest(&manifest)
        .user("turbocat_state_get", "(param i64) (result i64)")
        .text("key", "k")
        .function("keep", "(drop (call $turbocat_state_get (call $put TEXT(key))))")
        .load()
        .await;
    assert_eq!(plugin.capabilities(), ["state".parse().unwrap()]);
    let failure = fails(&plugin, "keep", "denied").await;
    assert_eq!(failure.message, "plugin `demo` may not keep state; grant it `state`");
}

#[tokio::test]
async fn state_is_kept_between_calls_for_each_plugin_its_own() {
    let fixture = |name: &str| {
        let manifest = json!({
            "name": name, "version": "1.0.0",
            "agents": [{ "name": "set" }, { "name": "get" }, { "name": "forget" }, { "name": "fat" }],
        });
        Fixture::with_manifest(&manifest)
            .user("turbocat_state_get", "(param i64) (result i64)")
            .user("turbocat_state_set", "(param i64 i64)")
            .text("key", "k")
            .text("value", "[1]")
            .text("none", "null")
            .function("set", "(call $turbocat_state_set (call $put TEXT(key)) (call $put TEXT(value)))")
            .function("forget", "(call $turbocat_state_set (call $put TEXT(key)) (i64.const 0))")
            .function(
                "get",
                "(local $b i64) (local.set $b (call $turbocat_state_get (call $put TEXT(key))))
                 (if (i64.eqz (local.get $b)) (then (call $say TEXT(none))) (else (call $show (local.get $b))))",
            )
            .function(
                "fat",
                "(call $turbocat_state_set (call $put TEXT(key)) (call $alloc (i64.const 2000000)))",
            )
    };
    let plugins = host();
    let grants = || Grants::parse(["state"]).unwrap();
    let mine = fixture("mine").load_with(&plugins, grants()).await.unwrap();
    let other = fixture("other").load_with(&plugins, grants()).await.unwrap();
    assert_eq!(call(&mine, "get", json!({})).await.unwrap(), json!(null));
    call(&mine, "set", json!({})).await.unwrap();
    assert_eq!(call(&mine, "get", json!({})).await.unwrap(), json!([1]));
    assert_eq!(call(&other, "get", json!({})).await.unwrap(), json!(null));
    let failure = fails(&mine, "fat", "limit").await;
    assert_eq!(failure.detail.unwrap()["limit"], "state");
    call(&mine, "forget", json!({})).await.unwrap();
    assert_eq!(call(&mine, "get", json!({})).await.unwrap(), json!(null));

    // Another file of that name would read what the first one keeps.
    let impostor = fixture("mine").text("more", "x");
    let error = impostor.load_with(&plugins, grants()).await.unwrap_err();
    assert_eq!(error.kind(), PluginErrorKind::Incompatible);
    let message = "plugin `mine` may not keep state: another plugin of that name does so already";
    assert_eq!(error.to_string(), message);
    let without = impostor.load_with(&plugins, Grants::none()).await.unwrap();
    assert_eq!(without.grant(grants()).unwrap_err().to_string(), message);
    let same = fixture("mine").load_with(&plugins, grants()).await.unwrap();
    mine.replace(fixture("mine").source(), grants()).await.unwrap();
    drop(same);
    // A new version of the plugin itself takes over what it keeps.
    mine.replace(impostor.source(), grants()).await.unwrap();
    call(&mine, "get", json!({})).await.unwrap();
    drop(mine);
    impostor.load_with(&plugins, grants()).await.unwrap();
}

#[tokio::test]
async fn the_secret_that_is_judged_is_the_secret_that_is_read() {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let plugins = builder().pool_size(2).secrets(Vault(asked.clone())).build().unwrap();
    let plugin = Fixture::with_agents(&["read"])
        .user("turbocat_secret", "(param i64) (result i64)")
        .text("key", " KEY\n")
        .function("read", "(drop (call $turbocat_secret (call $put TEXT(key))))")
        .load_with(&plugins, Grants::parse(["secret KEY"]).unwrap())
        .await
        .unwrap();
    call(&plugin, "read", json!({})).await.unwrap();
    assert_eq!(*asked.lock().unwrap(), ["KEY"]);
}
