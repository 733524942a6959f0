//! What a call gives: outputs, failures, usage, reports.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::{AttemptRequest, Engine, FailureKind, Workflow};
use turbocat_plugins::wasm::Call;

use crate::fixture::Fixture;
use crate::hosts::{call, fails};

#[tokio::test]
async fn a_plugin_answers_what_a_step_asks() {
    let plugin = Fixture::with_agents(&["echo"]).function("echo", "(call $echo)").load().await;
    let engine = plugin.register(Engine::builder()).build();
    let workflow = Workflow::from_yaml(
        "
steps:
  first: { agent: echo, inputs: { text: '{{ inputs.text }}' } }
  second: { agent: echo@1, inputs: '{{ first.text }}' }
outputs: '{{ second }}'
",
    )
    .unwrap();
    let execution = engine.run(&workflow, json!({ "text": "hi" })).await.unwrap();
    assert_eq!(*execution.output(), json!("hi"));
}

#[tokio::test]
async fn a_value_comes_back_as_it_went() {
    let plugin = Fixture::with_agents(&["echo"]).function("echo", "(call $echo)").load().await;
    for value in [
        json!(null),
        json!(""),
        json!({ "ä": [1, -2.5, 1e300, true, { "": null }] }),
        json!(18_446_744_073_709_551_615_u64),
        Value::String("x".repeat(100_000)),
    ] {
        assert_eq!(call(&plugin, "echo", value.clone()).await.unwrap(), value);
    }
}

#[tokio::test]
async fn no_output_is_null_and_one_that_is_no_json_a_failure() {
    let plugin = Fixture::with_agents(&["nothing", "text"])
        .text("text", "not json")
        .function("nothing", "")
        .function("text", "(call $say TEXT(text))")
        .load()
        .await;
    assert_eq!(call(&plugin, "nothing", json!({})).await.unwrap(), Value::Null);
    let failure = fails(&plugin, "text", "output").await;
    assert!(!failure.retryable);
    assert!(failure.message.starts_with("plugin `demo`: the output of `text` is no JSON"), "{failure}");
}

#[tokio::test]
async fn a_failure_is_what_the_plugin_says_of_it() {
    let full =
        r#"{"kind":"http.503","message":"busy","retryable":true,"retryAfterMs":1500,"detail":{"a":1}}"#;
    let permanent = r#"{"kind":"nope","message":"never","retryable":false}"#;
    let plugin = Fixture::with_agents(&["full", "permanent", "plain", "silent", "zero"])
        .text("full", full)
        .text("permanent", permanent)
        .text("plain", "no luck")
        .function("full", "(call $fail TEXT(full)) (return (i32.const 1))")
        .function("permanent", "(call $fail TEXT(permanent)) (return (i32.const 1))")
        .function("plain", "(call $fail TEXT(plain)) (return (i32.const 1))")
        .function("silent", "(return (i32.const 7))")
        .function("zero", "(call $fail TEXT(plain))")
        .load()
        .await;
    let failure = fails(&plugin, "full", "http.503").await;
    assert_eq!((failure.message.as_str(), failure.retryable), ("busy", true));
    assert_eq!(failure.retry_after, Some(Duration::from_millis(1500)));
    assert_eq!(failure.detail.as_deref(), Some(&json!({ "a": 1 })));
    assert!(!fails(&plugin, "permanent", "nope").await.retryable);
    assert_eq!(fails(&plugin, "plain", "error").await.message, "no luck");
    let failure = fails(&plugin, "silent", "error").await;
    assert_eq!(failure.message, "plugin `demo`: `silent` failed with code 7 and did not say why");
    assert_eq!(fails(&plugin, "zero", "error").await.message, "no luck");
}

#[tokio::test]
async fn a_trap_names_what_happened_and_where() {
    let panic =
        r#"{"kind":"panic","message":"index 3 of 2","detail":{"file":"src/lib.rs","line":7,"column":3}}"#;
    let plugin = Fixture::with_agents(&["trap", "outside", "divide", "panics"])
        .text("panic", panic)
        .raw("(func $deep_inside unreachable)")
        .function("trap", "(call $deep_inside)")
        .function("outside", "(drop (i32.load (i32.const -4)))")
        .function("divide", "(drop (i32.div_u (i32.const 1) (i32.const 0)))")
        .function("panics", "(call $fail TEXT(panic)) unreachable")
        .load()
        .await;
    let failure = fails(&plugin, "trap", "trap").await;
    assert!(!failure.retryable);
    assert!(failure.message.contains("`unreachable`"), "{failure}");
    let functions = &failure.detail.unwrap()["functions"];
    assert_eq!(functions, &json!(["deep_inside", "do_trap"]));
    assert!(fails(&plugin, "outside", "trap").await.message.contains("out of bounds memory access"));
    assert!(fails(&plugin, "divide", "trap").await.message.contains("divide by zero"));
    let failure = fails(&plugin, "panics", "panic").await;
    assert_eq!((failure.message.as_str(), failure.retryable), ("index 3 of 2", false));
    assert_eq!(failure.detail.unwrap()["line"], 7);
    // The host goes on.
    assert_eq!(call(&plugin, "trap", json!({})).await.unwrap_err().kind, FailureKind::new("trap"));
}

#[tokio::test]
async fn inputs_and_outputs_are_held_against_the_schemas() {
    let manifest = json!({
        "name": "demo", "version": "1.0.0",
        "agents": [{
            "name": "echo",
            "input": { "type": "object", "required": ["n"], "properties": { "n": { "type": "integer" } } },
            "output": { "type": "object", "properties": { "n": { "maximum": 5 } } },
        }],
    });
    let plugin = Fixture::with_manifest(&manifest).function("echo", "(call $echo)").load().await;
    assert_eq!(call(&plugin, "echo", json!({ "n": 5 })).await.unwrap(), json!({ "n": 5 }));
    let failure = call(&plugin, "echo", json!({ "n": "x" })).await.unwrap_err();
    assert_eq!((failure.kind, failure.retryable), (FailureKind::INPUT, false));
    assert_eq!(failure.detail.unwrap()["at"], "/n");
    let failure = call(&plugin, "echo", json!({ "n": 6 })).await.unwrap_err();
    assert_eq!((failure.kind, failure.retryable), (FailureKind::OUTPUT, false));
    // A large one is checked elsewhere.
    let padding = "x".repeat(100_000);
    call(&plugin, "echo", json!({ "n": 5, "padding": padding })).await.unwrap();
    let failure = call(&plugin, "echo", json!({ "n": 6, "padding": padding })).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::OUTPUT);
    let described = plugin.agents()[0].1.describe();
    assert_eq!(described.input, Some(manifest["agents"][0]["input"].clone()));
}

#[tokio::test]
async fn what_a_call_takes_is_measured() {
    let plugin = Fixture::with_agents(&["grow"])
        .function("grow", "(drop (memory.grow (i32.const 32))) (call $echo)")
        .load()
        .await;
    let output = plugin.call("grow", Call::new(json!(1))).await.unwrap();
    let usage = output.usage.unwrap();
    assert!(usage.peak_memory_bytes >= 34 << 16, "{usage:?}");
    assert_eq!((usage.api_calls, usage.network_bytes), (0, 0));
}

#[tokio::test]
async fn time_that_is_computed_is_counted_as_time_of_the_processor() {
    let plugin = Fixture::with_agents(&["spin"])
        .function(
            "spin",
            "(local $i i32) (loop $again (local.set $i (i32.add (local.get $i) (i32.const 1))) \
             (br_if $again (i32.lt_u (local.get $i) (i32.const 100000000))))",
        )
        .load()
        .await;
    let output = plugin.call("spin", Call::new(json!(1))).await.unwrap();
    assert!(output.usage.unwrap().cpu_ms > 0);
}

#[tokio::test]
async fn an_unknown_agent_is_a_failure_that_names_it() {
    let plugin = Arc::new(Fixture::with_agents(&["echo"]).function("echo", "").load().await);
    let failure = plugin.call("ecko", Call::of(&AttemptRequest::new(json!({})))).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::UNKNOWN);
    assert_eq!(failure.message, "plugin `demo` has no agent `ecko`");
}
