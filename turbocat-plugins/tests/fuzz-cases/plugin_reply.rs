//! Any bytes as what a plugin answers: the first byte says whether as its output, its error, its log
//! message, its progress, its HTTP request or the name of a secret. The call ends with a value or a
//! failure, and the next one goes well.

use std::sync::LazyLock;

use tokio::runtime::Runtime;
use turbocat_plugins::wasm::{Call, Grants, Plugin, Plugins, Source};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());

/// Hands the host whatever it is given.
const CODE: &str = r#"(module
  (import "extism:host/env" "input_offset" (func $offset (result i64)))
  (import "extism:host/env" "input_length" (func $length (result i64)))
  (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
  (import "extism:host/env" "error_set" (func $error_set (param i64)))
  (import "extism:host/env" "log_info" (func $log_info (param i64)))
  (import "extism:host/env" "config_get" (func $config_get (param i64) (result i64)))
  (import "extism:host/env" "var_set" (func $var_set (param i64 i64)))
  (import "extism:host/env" "http_request" (func $http_request (param i64 i64) (result i64)))
  (import "extism:host/user" "turbocat_progress" (func $progress (param i64)))
  (import "extism:host/user" "turbocat_secret" (func $secret (param i64) (result i64)))
  (func (export "output") (result i32) (call $output_set (call $offset) (call $length)) (i32.const 0))
  (func (export "error") (result i32) (call $error_set (call $offset)) (i32.const 1))
  (func (export "trap") (result i32) (call $error_set (call $offset)) unreachable)
  (func (export "log") (result i32) (call $log_info (call $offset)) (i32.const 0))
  (func (export "progress") (result i32) (call $progress (call $offset)) (i32.const 0))
  (func (export "http") (result i32) (drop (call $http_request (call $offset) (i64.const 0))) (i32.const 0))
  (func (export "secret") (result i32) (drop (call $secret (call $offset))) (i32.const 0))
  (func (export "config") (result i32) (drop (call $config_get (call $offset))) (i32.const 0))
  (func (export "var") (result i32) (call $var_set (call $offset) (i64.const 0)) (i32.const 0)))"#;

const AGENTS: [&str; 9] = ["output", "error", "trap", "log", "progress", "http", "secret", "config", "var"];

static PLUGIN: LazyLock<Plugin> = LazyLock::new(|| {
    let plugins = Plugins::builder().pool_size(2).build().unwrap();
    let source = Source::bytes("fuzz", wat::parse_str(CODE).unwrap());
    // HTTP is not granted: nothing leaves this machine.
    RUNTIME.block_on(plugins.load(source, Grants::none())).unwrap()
});

/// Has a plugin answer so.
pub(crate) fn check(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else { return };
    let agent = AGENTS[usize::from(*which) % AGENTS.len()];
    let answer = RUNTIME.block_on(PLUGIN.call(agent, Call::new(()).bytes(bytes)));
    match answer {
        Ok(output) if agent == "output" && !bytes.is_empty() => {
            assert_eq!(*output.value, serde_json::from_slice::<serde_json::Value>(bytes).unwrap());
        }
        Ok(_) => assert!(!["error", "trap", "http"].contains(&agent), "{agent}"),
        Err(failure) => {
            assert!(!failure.kind.as_str().is_empty() && failure.kind.as_str().len() <= 64);
            assert!(failure.message.len() <= 17 << 10, "{}", failure.message.len());
        }
    }
    let next = RUNTIME.block_on(PLUGIN.call("output", Call::new(1)));
    assert_eq!(*next.unwrap().value, 1);
}
