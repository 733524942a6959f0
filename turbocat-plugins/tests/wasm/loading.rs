//! What is refused when a plugin is loaded, and in which words.

use serde_json::{Value, json};
use turbocat_plugins::net::Egress;
use turbocat_plugins::wasm::{Digest, Grants, Manifest, PluginError, PluginErrorKind, Plugins, Source};

use crate::fixture::Fixture;
use crate::grants::serve;
use crate::hosts::{call, host};

async fn refused(fixture: &Fixture, kind: PluginErrorKind, says: &str) -> PluginError {
    refused_bytes(&fixture.bytes(), kind, says).await
}

async fn refused_bytes(bytes: &[u8], kind: PluginErrorKind, says: &str) -> PluginError {
    let error = host().load(Source::bytes("bad", bytes), Grants::none()).await.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(says), "{error}");
    error
}

fn module(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap()
}

#[tokio::test]
async fn a_file_that_is_no_module_is_refused() {
    let kind = PluginErrorKind::Module;
    refused_bytes(b"", kind, "is no WASM module this host takes").await;
    refused_bytes(b"(module)", kind, "is no WASM module this host takes").await;
    refused_bytes(b"\0asm\x01\0\0\0\xff\xff", kind, "is no WASM module this host takes").await;
    // A component.
    refused_bytes(b"\0asm\x0d\0\x01\0", kind, "is no WASM module this host takes").await;
    let threads = r#"(module (memory 1 1 shared) (func (export "f") (result i32) (i32.const 0)))"#;
    refused_bytes(&module(threads), kind, "is no WASM module this host takes").await;
}

#[tokio::test]
async fn a_giant_is_refused() {
    let plugins = Plugins::builder().pool_size(1).max_module_bytes(1000).build().unwrap();
    let giant = Fixture::new().text("fat", &"x".repeat(1000)).function("f", "");
    let error = giant.load_with(&plugins, Grants::none()).await.unwrap_err();
    assert_eq!(error.kind(), PluginErrorKind::Module);
    assert!(error.to_string().contains("and 1000 are the most"), "{error}");
    let work = r#"(func (export "f") (result i32) (i32.const 0))"#;
    let kind = PluginErrorKind::Module;
    refused_bytes(&module(&format!("(module (memory 60000) {work})")), kind, "exceeds the limit").await;
    refused_bytes(&module(&format!("(module (table 5000000 funcref) {work})")), kind, "exceeds the limit")
        .await;
    refused_bytes(&module(&format!("(module (memory 1) (memory 1) {work})")), kind, "multiple memories")
        .await;
    let kind = PluginErrorKind::Limits;
    let says = "plugin `bad` begins with 131072000 bytes of memory, and may have 67108864";
    refused_bytes(&module(&format!("(module (memory 2000) {work})")), kind, says).await;
}

#[tokio::test]
async fn an_import_this_host_does_not_have_is_refused_by_name() {
    let with = |import: &str| {
        module(&format!(r#"(module {import} (func (export "f") (result i32) (i32.const 0)))"#))
    };
    let kind = PluginErrorKind::Import;
    let unknown = with(r#"(import "extism:host/env" "rob" (func))"#);
    let error =
        refused_bytes(&unknown, kind, "`rob` from `extism:host/env`, which this host does not have").await;
    assert!(error.advice().unwrap().contains("Extism plugin"));
    refused_bytes(&with(r#"(import "env" "abort" (func))"#), kind, "`abort` from `env`").await;
    let wrong = with(r#"(import "extism:host/env" "alloc" (func (param i32) (result i32)))"#);
    refused_bytes(&wrong, kind, "`alloc` from `extism:host/env`, with other parameters").await;
    let memory = with(r#"(import "env" "memory" (memory 1))"#);
    refused_bytes(&memory, kind, "which is no function").await;
    let global = with(r#"(import "env" "g" (global i32))"#);
    refused_bytes(&global, kind, "which is no function").await;
}

#[tokio::test]
async fn a_manifest_that_cannot_be_true_is_refused() {
    let agents = |agents: Value| json!({ "name": "demo", "version": "1.0.0", "agents": agents });
    let kind = PluginErrorKind::Manifest;
    let check = async |manifest: Value, says: &str| {
        refused(&Fixture::with_manifest(&manifest).function("work", ""), kind, says).await
    };
    check(agents(json!([{ "name": "gone" }])), "names the function `gone`, which is not exported").await;
    check(agents(json!([{ "name": "work", "function": "memory" }])), "which is no function `() -> i32`")
        .await;
    check(agents(json!([])), "names no agent").await;
    check(agents(json!([{ "name": "work" }, { "name": "work" }])), "names agent `work` twice").await;
    check(
        agents(json!([{ "name": "work", "input": { "type": "nonsense" } }])),
        "no valid JSON Schema for its input",
    )
    .await;
    check(
        agents(json!([{ "name": "work", "output": { "$ref": "http://127.0.0.1:1/x" } }])),
        "no valid JSON Schema for its output",
    )
    .await;
    check(
        agents(json!([{ "name": "work", "config": { "minimum": "x" } }])),
        "no valid JSON Schema for its config",
    )
    .await;
    check(agents(json!([{ "name": "work", "danger": 1 }])), "unknown field `danger`").await;
    check(agents(json!([{ "name": "a b" }])), "is no name of an agent").await;
    let thousands: Vec<Value> =
        (0..5000).map(|at| json!({ "name": format!("a{at}"), "function": "work" })).collect();
    check(agents(json!(thousands)), "names 5000 agents").await;
    check(json!({ "name": "demo", "version": "1", "agents": [{ "name": "work" }] }), "is no version").await;
    check(json!({ "name": "demo", "version": "1.0.0", "agents": [{ "name": "work" }], "capabilities": ["files"] }), "unknown capability `files`").await;
    check(json!("manifest"), "the manifest cannot be read").await;
    check(json!(null), "the manifest cannot be read").await;
}

#[tokio::test]
async fn a_manifest_that_cannot_be_had_is_refused() {
    let kind = PluginErrorKind::Manifest;
    let with = |body: &str| Fixture::new().function("turbocat_manifest", body).function("work", "");
    refused(&with("unreachable"), kind, "cannot say what it is: plugin `bad`: `turbocat_manifest` trapped")
        .await;
    refused(&with("(return (i32.const 3))"), kind, "failed with code 3").await;
    refused(&with("(loop $more (drop (memory.grow (i32.const 99))) (br $more))"), kind, "memory").await;
    refused(
        &with("(drop (call $turbocat_secret (call $put TEXT(key))))")
            .text("key", "KEY")
            .user("turbocat_secret", "(param i64) (result i64)"),
        kind,
        "may not read the secret `KEY`",
    )
    .await;
    let other = Fixture::new().raw(r#"(func (export "turbocat_manifest") (param i32))"#);
    refused(&other, kind, "exports no function `() -> i32`").await;
}

#[tokio::test]
async fn an_ordinary_plugin_has_an_agent_for_each_of_its_functions() {
    let ordinary = Fixture::new()
        .text("a", "1")
        .function("count_vowels", "(call $say TEXT(a))")
        .function("_start", "unreachable")
        .raw(r#"(func (export "add") (param i32) (result i32) (i32.const 0))"#)
        .raw(r#"(func (export "not a name") (result i32) (i32.const 0))"#);
    let plugin = ordinary.load().await;
    let names: Vec<String> = plugin.agents().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["count_vowels"]);
    assert_eq!((plugin.name().as_str(), plugin.version().as_str()), ("fixture", "0.0.0"));
    assert_eq!(call(&plugin, "count_vowels", json!({})).await.unwrap(), json!(1));
    let nothing = Fixture::new();
    refused(&nothing, PluginErrorKind::Manifest, "exports no function `() -> i32`, so it has no agent").await;
}

#[tokio::test]
async fn a_program_may_say_itself_what_a_plugin_is() {
    let manifest = json!({
        "name": "mine", "version": "2.3.4",
        "agents": [{ "name": "one", "function": "count_vowels", "output": { "type": "integer" } }],
    });
    let ordinary = Fixture::new().text("a", "1").function("count_vowels", "(call $say TEXT(a))");
    let manifest = Manifest::read(manifest.to_string().as_bytes()).unwrap();
    let plugin = host().load(ordinary.source().manifest(manifest), Grants::none()).await.unwrap();
    assert_eq!(call(&plugin, "one", json!({})).await.unwrap(), json!(1));
    assert_eq!(plugin.version(), "2.3.4");
}

#[tokio::test]
async fn constructors_run_before_the_first_call() {
    for start in ["_initialize", "__wasm_call_ctors"] {
        let plugin = Fixture::with_agents(&["ready"])
            .raw("(global $ready (mut i32) (i32.const 0))")
            .raw(&format!(r#"(func (export "{start}") (global.set $ready (i32.const 1)))"#))
            .function("ready", "(if (i32.eqz (global.get $ready)) (then unreachable))")
            .load()
            .await;
        call(&plugin, "ready", json!({})).await.unwrap();
    }
    let odd = Fixture::new().function("f", "").raw(r#"(func (export "_initialize") (param i32))"#);
    refused(&odd, PluginErrorKind::Module, "exports `_initialize`, but not as a function").await;
}

#[tokio::test]
async fn a_file_is_held_against_its_pin() {
    let fixture = Fixture::new().function("work", "");
    let bytes = fixture.bytes();
    let digest = Digest::of(&bytes);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my-plugin.wasm");
    std::fs::write(&path, &bytes).unwrap();
    let plugin = host().load(Source::file(&path).pinned(&digest.to_string()), Grants::none()).await.unwrap();
    assert_eq!((plugin.name().as_str(), plugin.digest(), plugin.size()), ("my-plugin", digest, bytes.len()));
    let other = Digest::of(b"other").to_string();
    let error = host().load(Source::file(&path).pinned(&other), Grants::none()).await.unwrap_err();
    assert_eq!(error.kind(), PluginErrorKind::Digest);
    assert!(error.to_string().contains(&digest.to_string()) && error.to_string().contains(&other));
    let error = host().load(Source::file(&path).pinned("sha256:12"), Grants::none()).await.unwrap_err();
    assert_eq!(error.kind(), PluginErrorKind::Digest);
    let error = host().load(Source::file(folder.path().join("no.wasm")), Grants::none()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (PluginErrorKind::Source, true));
    let error = host().load(Source::file(folder.path()), Grants::none()).await.unwrap_err();
    assert_eq!(error.kind(), PluginErrorKind::Source);
}

#[tokio::test]
async fn a_plugin_from_a_url_is_fetched_through_the_egress_and_must_be_pinned() {
    let bytes = Fixture::new().function("work", "").bytes();
    let digest = Digest::of(&bytes).to_string();
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len()).into_bytes();
    answer.extend_from_slice(&bytes);
    let server = serve(answer).await;
    let url = format!("http://127.0.0.1:{}/greet.wasm?token=secret", server.port);
    let open = || {
        let egress = Egress::builder().allow("127.0.0.1").build().unwrap();
        Plugins::builder().pool_size(1).egress(egress).max_module_bytes(100_000)
    };
    let load = async |plugins: Plugins, source: Source| plugins.load(source, Grants::none()).await;
    let plugin = load(open().build().unwrap(), Source::url(&url).pinned(&digest)).await.unwrap();
    assert_eq!(plugin.name(), "greet");
    let error = load(open().build().unwrap(), Source::url(&url)).await.unwrap_err();
    assert!(error.to_string().contains("must be pinned"), "{error}");
    let error = load(host(), Source::url(&url).pinned(&digest)).await.unwrap_err();
    assert_eq!(error.kind(), PluginErrorKind::Source);
    assert!(!error.to_string().contains("secret"), "{error}");
    let small = open().max_module_bytes(50).build().unwrap();
    let error = load(small, Source::url(&url).pinned(&digest)).await.unwrap_err();
    assert_eq!(error.kind(), PluginErrorKind::Source, "{error}");
    let error = load(host(), Source::url("nonsense").pinned(&digest)).await.unwrap_err();
    assert_eq!(error.kind(), PluginErrorKind::Source);
}

#[tokio::test]
async fn a_second_start_reads_what_the_first_one_compiled() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, key) = (folder.path().join("cache"), folder.path().join("state/cache.key"));
    let fixture = Fixture::with_agents(&["echo"]).function("echo", "(call $echo)");
    for _ in 0..2 {
        let builder = Plugins::builder().pool_size(1).cache_dir(&cache).cache_key(&key);
        let plugins = builder.build().unwrap();
        let plugin = fixture.load_with(&plugins, Grants::none()).await.unwrap();
        assert_eq!(call(&plugin, "echo", json!(1)).await.unwrap(), json!(1));
        assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 1);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_kept_under_a_key_that_others_can_read() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let (cache, key) = (folder.path().join("cache"), folder.path().join("cache.key"));
    std::fs::write(&key, [7; 32]).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let plugins = Plugins::builder().pool_size(1).cache_dir(&cache).cache_key(&key).build().unwrap();
    let fixture = Fixture::with_agents(&["echo"]).function("echo", "(call $echo)");
    let plugin = fixture.load_with(&plugins, Grants::none()).await.unwrap();
    assert_eq!(call(&plugin, "echo", json!(1)).await.unwrap(), json!(1));
    assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 0);
}
