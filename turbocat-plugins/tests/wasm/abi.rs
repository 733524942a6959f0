//! The functions of Extism's ABI, honest and hostile.

use std::sync::Arc;

use serde_json::{Value, json};
use turbocat_core::{AttemptRequest, Level, Said};
use turbocat_plugins::wasm::Call;

use crate::fixture::Fixture;
use crate::hosts::{Listener, call, fails};

#[tokio::test]
async fn a_plugin_reads_its_input_and_memory_in_bytes_and_in_words() {
    let plugin = Fixture::with_agents(&["by_bytes", "by_words"])
        .env("input_load_u8", "(param i64) (result i32)")
        .env("input_load_u64", "(param i64) (result i64)")
        .env("load_u8", "(param i64) (result i32)")
        .env("load_u64", "(param i64) (result i64)")
        .env("store_u64", "(param i64 i64)")
        .function(
            "by_bytes",
            "(local $b i64) (local.set $b (call $alloc (i64.const 1)))
             (call $store_u8 (local.get $b) (i32.add (i32.const 1) (call $input_load_u8 (i64.const 0))))
             (call $store_u8 (local.get $b) (call $load_u8 (local.get $b)))
             (call $output_set (local.get $b) (i64.const 1))",
        )
        .function(
            "by_words",
            "(local $b i64) (local.set $b (call $alloc (i64.const 8)))
             (call $store_u64 (local.get $b) (call $input_load_u64 (i64.const 0)))
             (call $store_u64 (local.get $b) (call $load_u64 (local.get $b)))
             (call $output_set (local.get $b) (call $length (local.get $b)))",
        )
        .load()
        .await;
    assert_eq!(call(&plugin, "by_bytes", json!(7)).await.unwrap(), json!(8));
    assert_eq!(call(&plugin, "by_words", json!(12_345_678)).await.unwrap(), json!(12_345_678));
    // A word of an input that has fewer bytes.
    assert!(fails(&plugin, "by_words", "trap").await.message.contains("outside of its input"));
}

#[tokio::test]
async fn an_offset_that_lies_outside_ends_the_call_and_nothing_else() {
    let bodies = [
        "(drop (call $load_u8 (i64.const 1000000)))",
        "(drop (call $load_u8 (i64.const -1)))",
        "(drop (call $load_u64 (i64.const -8)))",
        "(call $store_u8 (i64.const -1) (i32.const 1))",
        "(call $store_u64 (i64.const 9223372036854775807) (i64.const 1))",
        "(drop (call $input_load_u8 (i64.const 2)))",
        "(drop (call $input_load_u64 (i64.const -4)))",
        "(call $output_set (i64.const 8) (i64.const 5000))",
        "(call $output_set (i64.const -1) (i64.const 2))",
        "(call $output_set (i64.const 1) (i64.const -1))",
        "(call $error_set (i64.const 77777))",
        "(drop (call $config_get (i64.const 77777)))",
        "(drop (call $var_get (i64.const 3)))",
        "(call $var_set (i64.const 3) (i64.const 0))",
        "(call $log_info (i64.const 99))",
        "(drop (call $http_request (i64.const 99) (i64.const 0)))",
        "(call $turbocat_progress (i64.const 99))",
        "(drop (call $turbocat_secret (i64.const 99)))",
        "(drop (call $turbocat_state_get (i64.const 99)))",
        "(call $turbocat_state_set (i64.const 99) (i64.const 98))",
    ];
    let names: Vec<String> = (0..bodies.len()).map(|at| format!("f{at}")).collect();
    let mut fixture = Fixture::with_agents(&names.iter().map(String::as_str).collect::<Vec<_>>())
        .env("load_u8", "(param i64) (result i32)")
        .env("load_u64", "(param i64) (result i64)")
        .env("store_u64", "(param i64 i64)")
        .env("input_load_u8", "(param i64) (result i32)")
        .env("input_load_u64", "(param i64) (result i64)")
        .env("config_get", "(param i64) (result i64)")
        .env("var_get", "(param i64) (result i64)")
        .env("var_set", "(param i64 i64)")
        .env("log_info", "(param i64)")
        .env("http_request", "(param i64 i64) (result i64)")
        .user("turbocat_progress", "(param i64)")
        .user("turbocat_secret", "(param i64) (result i64)")
        .user("turbocat_state_get", "(param i64) (result i64)")
        .user("turbocat_state_set", "(param i64 i64)");
    for (name, body) in names.iter().zip(bodies) {
        fixture = fixture.function(name, body);
    }
    let plugin = fixture.load().await;
    for (name, body) in names.iter().zip(bodies) {
        let failure = call(&plugin, name, json!({})).await.unwrap_err();
        // A length that is a lie is also one that is too large.
        assert!(["trap", "limit"].contains(&failure.kind.as_str()), "{body}: {failure}");
        assert!(!failure.retryable, "{body}");
    }
}

#[tokio::test]
async fn what_is_no_block_has_no_length_and_giving_it_back_does_nothing() {
    let plugin = Fixture::with_agents(&["free"])
        .env("free", "(param i64)")
        .env("length_unsafe", "(param i64) (result i64)")
        .text("yes", "true")
        .function(
            "free",
            "(call $free (i64.const 12345)) (call $free (i64.const -1)) (call $free (i64.const 0))
             (call $free (call $put TEXT(yes)))
             (if (i64.ne (call $length (i64.const 12345)) (i64.const 0)) (then unreachable))
             (if (i64.ne (call $length_unsafe (i64.const -1)) (i64.const 0)) (then unreachable))
             (if (i64.ne (call $alloc (i64.const 0)) (i64.const 0)) (then unreachable))
             (call $say TEXT(yes))",
        )
        .load()
        .await;
    assert_eq!(call(&plugin, "free", json!({})).await.unwrap(), json!(true));
}

#[tokio::test]
async fn an_output_or_error_that_was_given_back_is_no_secret_of_anybody() {
    let plugin = Fixture::with_agents(&["output", "error"])
        .env("free", "(param i64)")
        .text("x", "123")
        .function(
            "output",
            "(local $b i64) (local.set $b (call $put TEXT(x)))
             (call $output_set (local.get $b) (i64.const 3)) (call $free (local.get $b))",
        )
        .function(
            "error",
            "(local $b i64) (local.set $b (call $put TEXT(x)))
             (call $error_set (local.get $b)) (call $free (local.get $b)) (return (i32.const 1))",
        )
        .load()
        .await;
    fails(&plugin, "output", "output").await;
    assert_eq!(fails(&plugin, "error", "error").await.message, "");
}

#[tokio::test]
async fn a_plugin_finds_its_configuration_and_the_context_of_its_call() {
    let plugin = Fixture::with_agents(&["named", "context"])
        .env("config_get", "(param i64) (result i64)")
        .text("name", "greeting")
        .text("context", "turbocat.context")
        .text("none", "null")
        .function(
            "named",
            "(local $b i64) (local.set $b (call $config_get (call $put TEXT(name))))
             (if (i64.eqz (local.get $b)) (then (call $say TEXT(none))) (else (call $show (local.get $b))))",
        )
        .function("context", "(call $show (call $config_get (call $put TEXT(context))))")
        .load()
        .await;
    let request = |config: Value| AttemptRequest::new(json!({})).with_config(config);
    let text = request(json!({ "greeting": "\"hello\"" }));
    assert_eq!(*plugin.call("named", Call::of(&text)).await.unwrap().value, json!("hello"));
    // Only texts are given by name.
    let number = request(json!({ "greeting": 7 }));
    assert_eq!(*plugin.call("named", Call::of(&number)).await.unwrap().value, Value::Null);
    let context = plugin.call("context", Call::of(&number)).await.unwrap().value;
    assert_eq!(context["config"], json!({ "greeting": 7 }));
    assert_eq!((&context["attempt"], &context["step"]), (&json!(1), &json!("test")));
    assert_eq!(context["idempotencyKey"], number.idempotency_key());
    assert_eq!(context["execution"], number.execution().to_string());
    let other = Call::of(&number).config(json!({ "greeting": "1" }));
    assert_eq!(*plugin.call("named", other).await.unwrap().value, json!(1));
}

#[tokio::test]
async fn a_variable_lives_as_long_as_the_call() {
    let plugin = Fixture::with_agents(&["count"])
        .env("var_get", "(param i64) (result i64)")
        .env("var_set", "(param i64 i64)")
        .text("key", "k")
        .text("value", "\"kept\"")
        .text("none", "null")
        .function(
            "count",
            "(if (i64.ne (call $var_get (call $put TEXT(key))) (i64.const 0)) (then unreachable))
             (call $var_set (call $put TEXT(key)) (call $put TEXT(value)))
             (call $show (call $var_get (call $put TEXT(key))))
             (call $var_set (call $put TEXT(key)) (i64.const 0))
             (if (i64.ne (call $var_get (call $put TEXT(key))) (i64.const 0)) (then unreachable))",
        )
        .load()
        .await;
    for _ in 0..3 {
        assert_eq!(call(&plugin, "count", json!({})).await.unwrap(), json!("kept"));
    }
}

#[tokio::test]
async fn log_messages_and_progress_arrive_in_order() {
    let plugin = Fixture::with_agents(&["talk"])
        .env("log_trace", "(param i64)")
        .env("log_debug", "(param i64)")
        .env("log_info", "(param i64)")
        .env("log_warn", "(param i64)")
        .env("log_error", "(param i64)")
        .env("get_log_level", "(result i32)")
        .user("turbocat_progress", "(param i64)")
        .text("message", "hello")
        .text("half", r#"{"percent":50}"#)
        .function(
            "talk",
            "(call $log_trace (call $put TEXT(message))) (call $log_debug (call $put TEXT(message)))
             (call $log_info (call $put TEXT(message))) (call $turbocat_progress (call $put TEXT(half)))
             (call $log_warn (call $put TEXT(message))) (call $log_error (call $put TEXT(message)))
             (if (i32.ne (call $get_log_level) (i32.const 1)) (then unreachable))",
        )
        .load()
        .await;
    let listener = Arc::new(Listener::default());
    let request = AttemptRequest::new(json!({})).with_surroundings(listener.clone());
    plugin.call("talk", Call::of(&request)).await.unwrap();
    let said: Vec<String> = listener
        .0
        .lock()
        .unwrap()
        .iter()
        .map(|said| match said {
            Said::Log { level, message, .. } => format!("{} {message}", level.word()),
            Said::Progress { value } => format!("progress {value}"),
            other => format!("{other:?}"),
        })
        .collect();
    let expected = ["debug hello", "info hello", r#"progress {"percent":50}"#, "warn hello", "error hello"];
    assert_eq!(said, expected);
    assert_eq!(Level::Debug.word(), "debug");
}
