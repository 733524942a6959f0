//! Capabilities and manifests: what is read, what is refused, what covers what.

use proptest::prelude::*;
use serde_json::{Value, json};
use turbocat_pdk::wire::{Capability, Manifest, StateKind};

fn capability(text: &str) -> Capability {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn a_capability_is_written_as_it_was_read() {
    for text in [
        "http GET api.example.com",
        "http * *.example.com",
        "http POST api.example.com:8443",
        "http * *",
        "http GET *:*",
        "http GET 10.0.0.7:80",
        "http GET [::1]:8080",
        "http GET xn--bcher-kva.example",
        "secret API_KEY",
        "state",
    ] {
        assert_eq!(capability(text).to_string(), text);
        assert_eq!(serde_json::to_value(capability(text)).unwrap(), json!(text));
    }
    assert_eq!(capability(" http  get API.Example.com ").to_string(), "http GET api.example.com");
    assert_eq!(capability("http GET [0:0::1]").to_string(), "http GET [::1]");
}

#[test]
fn what_is_no_capability_says_why() {
    let check = |text: &str, expected: &str| {
        let error = text.parse::<Capability>().unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
        assert!(error.help().starts_with("write "), "{}", error.help());
    };
    check("", "a capability is empty");
    check("files /tmp", "unknown capability `files`");
    check("http", "`http` does not name one method and one host");
    check("http GET", "`http GET` does not name one method and one host");
    check("http G=T a.example", "`G=T` is no HTTP method");
    for host in [
        "https://a.example",
        "a.example/x",
        "a.example:0",
        "a.example:65536",
        "a.example:",
        "a.example:+80",
        ".a",
        "a.",
        "a..b",
        "*.*",
        "*a.example",
        "a.*",
        "*.0.0.1",
        "1.2.3",
        "1.2.3.4.5",
        "0x7f.1",
        "[::1",
        "::1",
        "[1]",
        "bücher.example",
    ] {
        check(&format!("http GET {host}"), &format!("`{host}` is no host"));
    }
    check("secret", "`secret` does not name one secret");
    check("secret A B", "`secret A B` does not name one secret");
    check("secret A/B", "`secret A/B` does not name one secret");
    check("state x", "unknown capability `state`");
    check(&"x".repeat(301), "a capability has 301 bytes, and 300 are the most");
}

#[test]
fn a_grant_covers_what_is_inside_it() {
    let check = |grant: &str, asked: &str, expected: bool| {
        assert_eq!(capability(grant).covers(&capability(asked)), expected, "{grant} covers {asked}");
    };
    check("http * *:*", "http GET a.example:81", true);
    check("http * *", "http GET a.example:81", false);
    check("http GET *.example.com", "http GET a.b.example.com", true);
    check("http GET *.example.com", "http GET *.b.example.com", true);
    check("http GET *.example.com", "http GET example.com", false);
    check("http GET *.example.com", "http GET badexample.com", false);
    check("http GET *.example.com", "http GET *", false);
    check("http GET a.example", "http * a.example", false);
    check("http GET a.example", "http HEAD a.example", false);
    check("http GET a.example", "http GET a.example:443", true);
    check("http GET a.example:443", "http GET a.example", false);
    check("secret A", "secret a", false);
    check("state", "secret A", false);
}

#[test]
fn a_request_is_held_against_method_host_and_port() {
    let check = |grant: &str, method: &str, host: &str, port: u16, expected: bool| {
        assert_eq!(
            capability(grant).allows_http(method, host, port),
            expected,
            "{grant}: {method} {host} {port}"
        );
    };
    check("http GET a.example", "get", "A.example", 443, true);
    check("http GET a.example", "GET", "a.example.", 80, true);
    check("http GET a.example", "GET", "a.example", 8080, false);
    check("http GET a.example", "POST", "a.example", 443, false);
    check("http GET *.a.example", "GET", "x.a.example", 443, true);
    check("http GET *.a.example", "GET", ".a.example", 443, false);
    check("http GET [::1]:9", "GET", "[::1]", 9, true);
    check("state", "GET", "a.example", 443, false);
    check("secret A", "GET", "a.example", 443, false);
    assert_eq!(Capability::http("get", "a.example", 443).to_string(), "http GET a.example");
    assert_eq!(Capability::http("PUT", "a.example", 8443).to_string(), "http PUT a.example:8443");
}

/// Few words, so that patterns often meet.
fn any_capability() -> impl Strategy<Value = Capability> {
    let method = prop::sample::select(vec!["*", "GET", "POST"]);
    let host = prop::sample::select(vec![
        "*",
        "*.example",
        "*.a.example",
        "*.b.a.example",
        "example",
        "a.example",
        "b.a.example",
        "127.0.0.1",
        "[::1]",
    ]);
    let port = prop::sample::select(vec!["", ":*", ":80", ":443", ":8080"]);
    prop_oneof![
        8 => (method, host, port).prop_map(|(method, host, port)| capability(&format!("http {method} {host}{port}"))),
        1 => prop::sample::select(vec!["secret A", "secret B", "state"]).prop_map(capability),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_capability_survives_its_text(cap in any_capability()) {
        prop_assert_eq!(cap.to_string().parse::<Capability>().unwrap(), cap);
    }

    #[test]
    fn any_text_is_read_or_refused_and_never_panics(text in "(http|secret|state)? ?[ -~]{0,12} ?[a-z0-9.:*\\[\\]]{0,16}|\\PC{0,40}") {
        if let Ok(cap) = text.parse::<Capability>() {
            prop_assert_eq!(cap.to_string().parse::<Capability>().unwrap(), cap);
        }
    }

    #[test]
    fn covering_is_a_partial_order(a in any_capability(), b in any_capability(), c in any_capability()) {
        prop_assert!(a.covers(&a));
        if a.covers(&b) && b.covers(&a) {
            prop_assert_eq!(&a, &b);
        }
        if a.covers(&b) && b.covers(&c) {
            prop_assert!(a.covers(&c), "{} > {} > {}", a, b, c);
        }
    }

    #[test]
    fn what_covers_another_allows_all_that_it_allows(
        a in any_capability(),
        b in any_capability(),
        method in prop::sample::select(vec!["GET", "POST", "PUT"]),
        host in prop::sample::select(vec!["example", "a.example", "b.a.example", "c.b.a.example", "127.0.0.1", "[::1]"]),
        port in prop::sample::select(vec![80, 443, 8080, 1]),
    ) {
        if a.covers(&b) && b.allows_http(method, host, port) {
            prop_assert!(a.allows_http(method, host, port), "{} > {}", a, b);
        }
        if a.covers(&Capability::http(method, host, port)) {
            prop_assert!(a.allows_http(method, host, port));
        }
    }
}

fn full() -> Value {
    json!({
        "name": "greet",
        "version": "1.2.0",
        "description": "Greets",
        "agents": [
            {
                "name": "say-hello",
                "description": "Says hello",
                "input": { "type": "object" },
                "output": true,
                "config": { "type": "object" },
                "maxConcurrent": 4
            },
            { "name": "wave", "function": "waving" }
        ],
        "capabilities": ["http GET api.example.com", "secret KEY", "state"],
        "limits": { "memoryBytes": 1_048_576, "timeMs": 500, "outputBytes": 4096 },
        "state": "execution"
    })
}

fn read(manifest: &Value) -> Result<Manifest, String> {
    Manifest::read(manifest.to_string().as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn a_manifest_is_read_whole_and_written_the_same() {
    let manifest = read(&full()).unwrap();
    assert_eq!(manifest.state, StateKind::Execution);
    assert_eq!(manifest.limits.time_ms, Some(500));
    assert_eq!(manifest.capabilities[1], capability("secret KEY"));
    assert_eq!(manifest.agents[0].export(), "say_hello");
    assert_eq!(manifest.agents[1].export(), "waving");
    assert_eq!(serde_json::to_value(&manifest).unwrap(), full());
}

#[test]
fn the_smallest_manifest_asks_for_nothing() {
    let small = json!({ "name": "a", "version": "0.1.0", "agents": [{ "name": "a" }] });
    let manifest = read(&small).unwrap();
    assert!(manifest.capabilities.is_empty() && manifest.limits.is_empty());
    assert_eq!(manifest.state, StateKind::Call);
    assert_eq!(serde_json::to_value(&manifest).unwrap(), small);
}

#[test]
fn a_manifest_that_breaks_a_rule_is_refused_with_the_place() {
    let check = |pointer: &str, value: Value, expected: &str| {
        let mut manifest = full();
        match manifest.pointer_mut(pointer) {
            Some(there) => *there = value,
            None => {
                let (parent, key) = pointer.rsplit_once('/').unwrap();
                manifest.pointer_mut(parent).unwrap()[key] = value;
            }
        }
        let error = read(&manifest).unwrap_err();
        assert!(error.contains(expected), "{pointer}: {error}");
    };
    check("/name", json!("a b"), "the plugin's name `a b` is none");
    check("/name", json!("\u{1b}[31m"), "the plugin's name `\\u{1b}[31m` is none");
    check("/version", json!("1.0"), "`1.0` is no version");
    check("/description", json!("x".repeat(2001)), "the description of the plugin has 2001 bytes");
    check("/agents", json!([]), "names no agent");
    check("/agents", json!(vec![json!({ "name": "a" }); 257]), "names 257 agents, and 256 are the most");
    check("/agents/0/name", json!("say hello"), "`say hello` is no name of an agent");
    check("/agents/0/name", json!("x".repeat(65)), "is no name of an agent");
    check("/agents/0/name", json!("wave"), "names agent `wave` twice");
    check("/agents/0/description", json!("x".repeat(2001)), "the description of agent `say-hello` has 2001");
    check("/agents/1/function", json!("_start"), "the function `_start`, which can be no agent's");
    check("/agents/1/function", json!("turbocat_manifest"), "the function `turbocat_manifest`");
    check("/agents/0/maxConcurrent", json!(0), "`maxConcurrent` of agent `say-hello` is zero");
    check("/agents/0/input", json!("object"), "`input` of agent `say-hello` is no JSON Schema");
    check("/agents/0/outputs", json!({}), "unknown field `outputs`");
    check("/capabilities/0", json!("files"), "unknown capability `files`; help: write");
    check("/capabilities", json!(vec!["state"; 65]), "asks for 65 capabilities, and 64 are the most");
    check("/limits/timeMs", json!(0), "the limit `timeMs` is zero");
    check("/limits/fuel", json!(1), "unknown field `fuel`");
    check("/state", json!("forever"), "unknown variant `forever`");
    check("/entry", json!("x"), "unknown field `entry`");
    let long = Manifest::read(&vec![b' '; (1 << 20) + 1]).unwrap_err().to_string();
    assert!(long.contains("the manifest has 1048577 bytes"), "{long}");
}
