//! Whatever a plugin takes too much of ends its call with a failure that names the limit.

use std::time::Duration;

use serde_json::json;
use turbocat_core::FailureKind;
use turbocat_plugins::wasm::{Call, Grants, Limits, Plugin, PluginErrorKind, Plugins};

use crate::fixture::Fixture;
use crate::hosts::{call, fails, host};

async fn exceeds(plugin: &Plugin, agent: &str, limits: Limits, limit: &str) {
    let failure = plugin.call(agent, Call::new(json!({})).limits(limits)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::LIMIT, "{failure}");
    assert_eq!(failure.detail.as_ref().unwrap()["limit"], limit, "{failure}");
    assert!(!failure.retryable);
    // The plugin and the host go on.
    assert_eq!(call(plugin, "well", json!({})).await.unwrap(), json!("well"));
}

fn fixture(body: &str) -> Fixture {
    Fixture::with_agents(&["well", "greedy"])
        .text("well", "\"well\"")
        .function("well", "(call $say TEXT(well))")
        .function("greedy", body)
}

#[tokio::test]
async fn memory_that_grows_too_far_ends_the_call() {
    let plugin = fixture("(loop $more (drop (memory.grow (i32.const 16))) (br $more))").load().await;
    exceeds(&plugin, "greedy", Limits::default(), "memory").await;
    exceeds(&plugin, "greedy", Limits::default().memory_bytes(256 << 10), "memory").await;
    let all_at_once = fixture("(drop (memory.grow (i32.const 60000)))").load().await;
    exceeds(&all_at_once, "greedy", Limits::default(), "memory").await;
}

#[tokio::test]
async fn memory_of_the_host_counts_as_the_plugins_own() {
    let plugin = fixture("(loop $more (drop (call $alloc (i64.const 1048576))) (br $more))").load().await;
    exceeds(&plugin, "greedy", Limits::default(), "memory").await;
    let huge = fixture("(drop (call $alloc (i64.const -1)))").load().await;
    exceeds(&huge, "greedy", Limits::default(), "memory").await;
    let both = fixture(
        "(drop (memory.grow (i32.const 10))) (drop (call $alloc (i64.const 500000)))
         (drop (memory.grow (i32.const 1)))",
    )
    .load()
    .await;
    let limits = Limits::default().memory_bytes((12 << 16) + 500_100);
    exceeds(&both, "greedy", limits.clone(), "memory").await;
    both.call("greedy", Call::new(json!({})).limits(limits.memory_bytes((13 << 16) + 500_100)))
        .await
        .unwrap();
}

#[tokio::test]
async fn memory_that_is_given_back_can_be_had_again() {
    let plugin = Fixture::with_agents(&["again"])
        .env("free", "(param i64)")
        .function(
            "again",
            "(local $i i32) (local $a i64) (local $b i64)
             (loop $more
               (local.set $a (call $alloc (i64.const 1000000))) (local.set $b (call $alloc (i64.const 1000)))
               (call $free (local.get $a)) (call $free (local.get $b))
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $more (i32.lt_u (local.get $i) (i32.const 1000))))",
        )
        .load()
        .await;
    call(&plugin, "again", json!({})).await.unwrap();
}

#[tokio::test]
async fn too_many_allocations_end_the_call() {
    let plugin = fixture("(loop $more (drop (call $alloc (i64.const 1))) (br $more))").load().await;
    exceeds(&plugin, "greedy", Limits::default().allocations(1000), "allocations").await;
}

#[tokio::test]
async fn a_huge_output_ends_the_call() {
    let plugin = fixture("(call $output_set (call $alloc (i64.const 2000)) (i64.const 2000))").load().await;
    exceeds(&plugin, "greedy", Limits::default().output_bytes(1999), "output").await;
}

#[tokio::test]
async fn an_output_of_too_many_values_ends_the_call() {
    let plugin = fixture(
        "(local $b i64) (local $i i64)
         (local.set $b (call $alloc (i64.const 4000001)))
         (call $store_u8 (local.get $b) (i32.const 91))
         (loop $more
           (call $store_u8 (i64.add (local.get $b) (i64.add (i64.const 1) (local.get $i))) (i32.const 48))
           (call $store_u8 (i64.add (local.get $b) (i64.add (i64.const 2) (local.get $i))) (i32.const 44))
           (local.set $i (i64.add (local.get $i) (i64.const 2)))
           (br_if $more (i64.lt_u (local.get $i) (i64.const 3999998))))
         (call $store_u8 (i64.add (local.get $b) (i64.const 3999999)) (i32.const 48))
         (call $store_u8 (i64.add (local.get $b) (i64.const 4000000)) (i32.const 93))
         (call $output_set (local.get $b) (i64.const 4000001))",
    )
    .load()
    .await;
    exceeds(&plugin, "greedy", Limits::default().time(Duration::from_secs(60)), "values").await;
}

#[tokio::test]
async fn huge_inputs_are_not_given() {
    let plugin = fixture("").load().await;
    let failure = plugin
        .call("well", Call::new("x".repeat(100)).limits(Limits::default().input_bytes(100)))
        .await
        .unwrap_err();
    assert_eq!(failure.detail.unwrap()["limit"], "input");
    let failure = plugin
        .call("well", Call::new("x".repeat(100_000)).limits(Limits::default().memory_bytes(50_000)))
        .await
        .unwrap_err();
    assert_eq!(failure.detail.unwrap()["limit"], "memory");
}

#[tokio::test]
async fn deep_recursion_ends_the_call() {
    let plugin = fixture("(drop (call $do_greedy))").load().await;
    exceeds(&plugin, "greedy", Limits::default(), "stack").await;
}

#[tokio::test]
async fn tables_that_grow_too_far_end_the_call() {
    let plugin = fixture("(loop $more (drop (table.grow $t (ref.null func) (i32.const 1000))) (br $more))")
        .raw("(table $t 1 funcref)")
        .load()
        .await;
    exceeds(&plugin, "greedy", Limits::default(), "table").await;
}

#[tokio::test]
async fn talking_too_much_ends_the_call() {
    let plugin = fixture("(loop $more (call $log_info (call $put TEXT(well))) (br $more))")
        .env("log_info", "(param i64)")
        .load()
        .await;
    exceeds(&plugin, "greedy", Limits::default().log_bytes(1000), "log").await;
    let silent = fixture("(loop $more (call $log_trace (i64.const 0)) (br $more))")
        .env("log_trace", "(param i64)")
        .load()
        .await;
    exceeds(&silent, "greedy", Limits::default().log_bytes(1000), "log").await;
}

#[tokio::test]
async fn variables_that_hold_too_much_end_the_call() {
    let plugin = fixture(
        "(call $var_set (call $put TEXT(well)) (call $alloc (i64.const 500)))
         (call $var_set (call $put TEXT(well)) (call $alloc (i64.const 600)))
         (call $var_set (call $alloc (i64.const 1)) (call $alloc (i64.const 300)))",
    )
    .env("var_set", "(param i64 i64)")
    .load()
    .await;
    exceeds(&plugin, "greedy", Limits::default().state_bytes(1000), "state").await;
    plugin.call("greedy", Call::new(json!({})).limits(Limits::default().state_bytes(1100))).await.unwrap();
}

#[tokio::test]
async fn an_endless_loop_ends_at_its_time() {
    let plugin = fixture("(loop $again (br $again))").load().await;
    let limits = Limits::default().time(Duration::from_millis(20));
    let failure = plugin.call("greedy", Call::new(json!({})).limits(limits)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::TIMEOUT);
    assert!(failure.retryable, "it may be quicker another time");
    assert_eq!(failure.message, "plugin `demo` took longer than 20 ms");
    assert_eq!(call(&plugin, "well", json!({})).await.unwrap(), json!("well"));
}

#[tokio::test]
async fn a_start_function_that_loops_ends_at_its_time_too() {
    let looping =
        Fixture::new().raw("(func $begin (loop $again (br $again))) (start $begin)").function("work", "");
    // without a manifest nothing is called when it is loaded
    let plugin = looping.load().await;
    let limits = Limits::default().time(Duration::from_millis(20));
    let failure = plugin.call("work", Call::new(json!({})).limits(limits)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::TIMEOUT);
    let limits = Limits::default().time(Duration::from_millis(20));
    let plugins = Plugins::builder().pool_size(2).ceiling(limits).build().unwrap();
    let named = Fixture::with_agents(&["work"])
        .raw("(func $begin (loop $again (br $again))) (start $begin)")
        .function("work", "");
    let error = named.load_with(&plugins, Grants::none()).await.unwrap_err();
    assert_eq!(error.kind(), PluginErrorKind::Manifest);
    assert!(error.to_string().contains("took longer than 20 ms"), "{error}");
}

#[tokio::test]
async fn a_plugin_has_the_limits_it_asks_for_up_to_the_hosts_ceiling() {
    let manifest = |memory: u64| {
        json!({
            "name": "demo", "version": "1.0.0", "agents": [{ "name": "well" }],
            "limits": { "memoryBytes": memory, "timeMs": 1234, "outputBytes": 99 },
        })
    };
    let with = |memory: u64| Fixture::with_manifest(&manifest(memory)).function("well", "");
    let plugin = with(1 << 20).load().await;
    let limits = plugin.limits();
    assert_eq!((limits.memory_bytes, limits.time.as_millis(), limits.output_bytes), (1 << 20, 1234, 99));
    let error = with(1 << 40).load_with(&host(), Grants::none()).await.unwrap_err();
    assert_eq!(error.kind(), PluginErrorKind::Limits);
    let message =
        "plugin `demo` asks for 1099511627776 bytes of memory, and this host gives 536870912 at most";
    assert_eq!(error.to_string(), message);
    // Who grants may set others.
    let grants = Grants::none().limits(Limits::default().memory_bytes(2 << 20));
    let plugin = with(1 << 40).load_with(&host(), grants).await.unwrap();
    assert_eq!(plugin.limits().memory_bytes, 2 << 20);
}

#[tokio::test]
async fn the_failure_of_a_limit_names_the_plugin_and_the_limit() {
    let plugin = fixture("(drop (call $alloc (i64.const -1)))").load().await;
    let failure = fails(&plugin, "greedy", "limit").await;
    assert_eq!(failure.message, "plugin `demo` needs more memory than it may have; the limit is 67108864");
    assert_eq!(failure.detail.as_deref(), Some(&json!({ "limit": "memory", "most": 67_108_864 })));
}
