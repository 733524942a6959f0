//! What any host of plugins must do, whatever runs their code: written once, run on each runtime.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::{AgentExecutor, AttemptRequest, FailureKind, StepFailure};
use turbocat_plugins::wasm::{Grants, Limits, Plugins, Source};

use crate::fixture::Fixture;
use crate::hosts::{Vault, builder};

/// The agents of a plugin, by name.
pub(crate) type Agents = Vec<(String, Arc<dyn AgentExecutor>)>;

/// The memory and the time a host of these checks gives a call.
pub(crate) const LIMITS: (u64, Duration) = (32 << 20, Duration::from_millis(500));

/// How many instances it has at once.
pub(crate) const SLOTS: usize = 4;

/// A host of plugins. The secret `KEY` is `hidden-key`, the others have none or whatever they like.
pub(crate) struct Host(pub(crate) Plugins);

impl Host {
    pub(crate) fn new() -> Self {
        let limits = Limits::default().memory_bytes(LIMITS.0).time(LIMITS.1).output_bytes(1 << 20);
        let vault = Vault(Arc::default());
        Self(builder().pool_size(SLOTS as u32).limits(limits).secrets(vault).build().unwrap())
    }

    /// Loads a plugin that may do so much; the error is what it says.
    pub(crate) async fn load(&self, wasm: Vec<u8>, grants: &[&str]) -> Result<Agents, String> {
        let grants = Grants::parse(grants).map_err(|error| error.to_string())?;
        let plugin = self.0.load(Source::bytes("fixture", wasm), grants).await;
        plugin.map(|plugin| plugin.agents()).map_err(|error| error.to_string())
    }
}

pub(crate) async fn load(host: &Host, fixture: &Fixture, grants: &[&str]) -> Agents {
    host.load(fixture.bytes(), grants).await.unwrap()
}

pub(crate) async fn call(agents: &Agents, name: &str, inputs: Value) -> Result<Value, StepFailure> {
    call_with(agents, name, inputs, Value::Null).await
}

async fn call_with(agents: &Agents, name: &str, inputs: Value, config: Value) -> Result<Value, StepFailure> {
    let (_, agent) = agents.iter().find(|(known, _)| known == name).unwrap();
    let mut request = AttemptRequest::new(inputs);
    if !config.is_null() {
        request = request.with_config(config);
    }
    agent.execute(request).await.map(|output| (*output.value).clone())
}

async fn fails(agents: &Agents, name: &str, kind: &'static str) -> StepFailure {
    let failure = call(agents, name, json!({})).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::new(kind), "{name}: {}", failure.message);
    failure
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_comes_back_as_it_went() {
    let host = &Host::new();
    let agents = load(host, &Fixture::with_agents(&["echo"]).function("echo", "(call $echo)"), &[]).await;
    for value in [json!(null), json!({ "ä": [1, -2.5, { "": "\u{1f63b}" }] }), json!("x".repeat(70_000))] {
        assert_eq!(call(&agents, "echo", value.clone()).await.unwrap(), value);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_output_is_null() {
    let host = &Host::new();
    let agents = load(host, &Fixture::with_agents(&["nothing"]).function("nothing", ""), &[]).await;
    assert_eq!(call(&agents, "nothing", json!({})).await.unwrap(), Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_that_is_no_json_is_a_failure() {
    let host = &Host::new();
    let fixture =
        Fixture::with_agents(&["text"]).text("text", "{]").function("text", "(call $say TEXT(text))");
    assert!(!fails(&load(host, &fixture, &[]).await, "text", "output").await.retryable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_that_is_too_large_is_a_failure() {
    let host = &Host::new();
    let fixture = Fixture::with_agents(&["large"])
        .function("large", "(call $output_set (call $alloc (i64.const 2000000)) (i64.const 2000000))");
    let failure = fails(&load(host, &fixture, &[]).await, "large", "limit").await;
    assert_eq!(failure.detail.unwrap()["limit"], "output");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_what_the_plugin_says() {
    let host = &Host::new();
    let full = r#"{"kind":"http.503","message":"busy","retryAfterMs":1500,"detail":{"a":1}}"#;
    let fixture = Fixture::with_agents(&["full", "plain", "silent"])
        .text("full", full)
        .text("plain", "no luck")
        .function("full", "(call $fail TEXT(full)) (return (i32.const 1))")
        .function("plain", "(call $fail TEXT(plain)) (return (i32.const 1))")
        .function("silent", "(return (i32.const 7))");
    let agents = load(host, &fixture, &[]).await;
    let failure = fails(&agents, "full", "http.503").await;
    assert_eq!((failure.message.as_str(), failure.retry_after), ("busy", Some(Duration::from_millis(1500))));
    assert_eq!(failure.detail.as_deref(), Some(&json!({ "a": 1 })));
    assert_eq!(fails(&agents, "plain", "error").await.message, "no luck");
    fails(&agents, "silent", "error").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_told_in_the_plugins_words() {
    let host = &Host::new();
    let panic = r#"{"kind":"panic","message":"index 3 of 2","detail":{"line":7}}"#;
    let fixture = Fixture::with_agents(&["panics"])
        .text("panic", panic)
        .function("panics", "(call $fail TEXT(panic)) unreachable");
    let failure = fails(&load(host, &fixture, &[]).await, "panics", "panic").await;
    assert_eq!((failure.message.as_str(), failure.retryable), ("index 3 of 2", false));
    assert_eq!(failure.detail.unwrap()["line"], 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_is_a_failure_that_names_it() {
    let host = &Host::new();
    let fixture = Fixture::with_agents(&["trap", "outside"])
        .function("trap", "unreachable")
        .function("outside", "(drop (i32.load (i32.const -4)))");
    let agents = load(host, &fixture, &[]).await;
    for (name, says) in [("trap", "unreachable"), ("outside", "out of bounds")] {
        let failure = fails(&agents, name, "trap").await;
        assert!(failure.message.contains(says) && !failure.retryable, "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_and_time_are_limited() {
    let host = &Host::new();
    let fixture = Fixture::with_agents(&["hog", "spin", "well"])
        .function("hog", "(loop $more (drop (memory.grow (i32.const 16))) (br $more))")
        .function("spin", "(loop $again (br $again))")
        .function("well", "");
    let agents = load(host, &fixture, &[]).await;
    let failure = fails(&agents, "hog", "limit").await;
    assert_eq!(failure.detail.unwrap()["limit"], "memory");
    fails(&agents, "spin", "timeout").await;
    call(&agents, "well", json!({})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recursion_is_limited() {
    let host = &Host::new();
    let fixture = Fixture::with_agents(&["deep"])
        .raw("(func $down (param i64) (result i64) (i64.add (i64.const 1) (call $down (local.get 0))))")
        .function("deep", "(drop (call $down (i64.const 0)))");
    let failure = fails(&load(host, &fixture, &[]).await, "deep", "limit").await;
    assert_eq!(failure.detail.unwrap()["limit"], "stack");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_begins_with_a_clean_memory() {
    let host = &Host::new();
    let fixture = Fixture::with_agents(&["dirty"]).raw("(global $calls (mut i32) (i32.const 0))").function(
        "dirty",
        "(if (i32.load (i32.const 0)) (then unreachable)) (i32.store (i32.const 0) (i32.const 1))
             (if (global.get $calls) (then unreachable)) (global.set $calls (i32.const 1))",
    );
    let agents = load(host, &fixture, &[]).await;
    for _ in 0..3 {
        call(&agents, "dirty", json!({})).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemas_are_kept() {
    let host = &Host::new();
    let fixture = Fixture::with_manifest(&json!({
        "name": "demo", "version": "1.0.0",
        "agents": [{ "name": "echo", "input": { "type": "integer" }, "output": { "maximum": 5 } }],
    }))
    .function("echo", "(call $echo)");
    let agents = load(host, &fixture, &[]).await;
    assert_eq!(call(&agents, "echo", json!(5)).await.unwrap(), json!(5));
    assert_eq!(call(&agents, "echo", json!("5")).await.unwrap_err().kind, FailureKind::INPUT);
    assert_eq!(call(&agents, "echo", json!(6)).await.unwrap_err().kind, FailureKind::OUTPUT);
}

pub(crate) fn asker() -> Fixture {
    Fixture::with_agents(&["secret", "state", "http"])
        .user("turbocat_secret", "(param i64) (result i64)")
        .user("turbocat_state_get", "(param i64) (result i64)")
        .user("turbocat_state_set", "(param i64 i64)")
        .env("http_request", "(param i64 i64) (result i64)")
        .text("key", "KEY")
        .text("value", "[1]")
        .text("request", r#"{"url":"http://api.example.com/"}"#)
        .function(
            "secret",
            "(if (i64.ne (call $length (call $turbocat_secret (call $put TEXT(key)))) (i64.const 10))
               (then unreachable))",
        )
        .function(
            "state",
            "(call $turbocat_state_set (call $put TEXT(key)) (call $put TEXT(value)))
             (call $show (call $turbocat_state_get (call $put TEXT(key))))",
        )
        .function("http", "(drop (call $http_request (call $put TEXT(request)) (i64.const 0)))")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_granted_is_denied_by_name() {
    let host = &Host::new();
    let agents = load(host, &asker(), &[]).await;
    for (name, grant) in [("secret", "secret KEY"), ("state", "state"), ("http", "http GET api.example.com")]
    {
        let failure = fails(&agents, name, "denied").await;
        assert_eq!(failure.detail.as_ref().unwrap()["grant"], grant);
        assert!(failure.message.starts_with("plugin `demo` may not"), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_granted_can_be_had() {
    let host = &Host::new();
    let agents = load(host, &asker(), &["secret KEY", "state"]).await;
    call(&agents, "secret", json!({})).await.unwrap();
    assert_eq!(call(&agents, "state", json!({})).await.unwrap(), json!([1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn variables_and_allocations_work() {
    let host = &Host::new();
    let fixture = Fixture::with_agents(&["keep"])
        .env("var_get", "(param i64) (result i64)")
        .env("var_set", "(param i64 i64)")
        .env("free", "(param i64)")
        .text("key", "k")
        .text("value", "\"kept\"")
        .function(
            "keep",
            "(local $i i32)
             (loop $more (call $free (call $alloc (i64.const 1000000)))
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $more (i32.lt_u (local.get $i) (i32.const 200))))
             (if (i64.ne (call $var_get (call $put TEXT(key))) (i64.const 0)) (then unreachable))
             (call $var_set (call $put TEXT(key)) (call $put TEXT(value)))
             (call $show (call $var_get (call $put TEXT(key))))",
        );
    let agents = load(host, &fixture, &[]).await;
    for _ in 0..2 {
        assert_eq!(call(&agents, "keep", json!({})).await.unwrap(), json!("kept"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_offset_ends_the_call() {
    let host = &Host::new();
    let fixture = Fixture::with_agents(&["load", "key", "output", "error", "well"])
        .env("load_u64", "(param i64) (result i64)")
        .env("config_get", "(param i64) (result i64)")
        .function("load", "(drop (call $load_u64 (i64.const 9000000000)))")
        .function("key", "(drop (call $config_get (i64.const 9000000000)))")
        .function("output", "(call $output_set (call $alloc (i64.const 8)) (i64.const 900000))")
        .function("error", "(call $error_set (i64.const 9000000000)) (return (i32.const 1))")
        .function("well", "");
    let agents = load(host, &fixture, &[]).await;
    for name in ["load", "key", "output", "error"] {
        assert!(call(&agents, name, json!({})).await.is_err(), "{name}");
        call(&agents, "well", json!({})).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lies_are_refused() {
    let host = &Host::new();
    let manifest = |agents: Value| json!({ "name": "demo", "version": "1.0.0", "agents": agents });
    for (manifest, says) in [
        (manifest(json!([{ "name": "gone" }])), "`gone`"),
        (manifest(json!([])), "no agent"),
        (manifest(json!([{ "name": "work", "input": { "type": "nonsense" } }])), "no valid JSON Schema"),
        (manifest(json!([{ "name": "work", "danger": 1 }])), "unknown field `danger`"),
    ] {
        let fixture = Fixture::with_manifest(&manifest).function("work", "");
        let error = host.load(fixture.bytes(), &[]).await.map(|_| ()).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
    assert!(host.load(b"no module".to_vec(), &[]).await.is_err());
    let import = Fixture::new().env("rob", "").function("work", "");
    let error = host.load(import.bytes(), &[]).await.map(|_| ()).unwrap_err();
    assert!(error.contains("rob"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_is_configured_by_the_step() {
    let host = &Host::new();
    let fixture = Fixture::with_agents(&["named"])
        .env("config_get", "(param i64) (result i64)")
        .text("name", "greeting")
        .function("named", "(call $show (call $config_get (call $put TEXT(name))))");
    let agents = load(host, &fixture, &[]).await;
    for greeting in ["\"a\"", "\"b\""] {
        let output = call_with(&agents, "named", json!({}), json!({ "greeting": greeting })).await.unwrap();
        assert_eq!(output.to_string(), greeting);
    }
}

/// The folder of plugins that are built from source, and of their cases.
fn plugins() -> PathBuf {
    let mut above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("plugins"));
    above.find(|folder| folder.join("built").is_dir()).unwrap()
}

fn built(name: &str) -> Vec<u8> {
    // another folder where they were just built
    let folder =
        std::env::var_os("TURBOCAT_TEST_PLUGINS").map_or_else(|| plugins().join("built"), Into::into);
    std::fs::read(folder.join(format!("{name}.wasm"))).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_plugins_pass_their_cases() {
    let mut played = 0;
    for plugin in ["greet", "words", "sum"] {
        for entry in std::fs::read_dir(plugins().join(plugin).join("cases")).unwrap() {
            let path = entry.unwrap().path();
            let case: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            // It looks at what there is if there is no secret, and this host has one.
            if path.to_string_lossy().contains("looks") {
                continue;
            }
            // Each with a state of its own.
            let agents = Host::new().load(built(plugin), &["state", "secret DIRECTORY_KEY"]).await.unwrap();
            let config = case.get("config").cloned().unwrap_or_default();
            let agent = case["agent"].as_str().unwrap();
            let answer = call_with(&agents, agent, case["input"].clone(), config).await;
            match (answer, case.get("output"), case.get("failure")) {
                (Ok(output), Some(expected), _) => assert_eq!(output, *expected, "{}", path.display()),
                (Err(failure), _, Some(expected)) => {
                    assert_eq!(failure.kind.as_str(), expected["kind"], "{}: {failure}", path.display());
                }
                (answer, ..) => panic!("{}: {answer:?}", path.display()),
            }
            played += 1;
        }
    }
    assert!(played >= 16, "only {played} cases");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ordinary_plugin_works() {
    let host = &Host::new();
    let agents = host.load(built("plain"), &[]).await.unwrap();
    let counted = call(&agents, "count_vowels", json!("Turbocat")).await.unwrap();
    assert!(counted.is_object(), "{counted}");
    assert_eq!(call(&agents, "echo", json!({ "a": [1] })).await.unwrap(), json!({ "a": [1] }));
    assert!(call(&agents, "fail", json!("why")).await.is_err());
}
