//! What stops filters of jq: time, memory, recursion, depth.

use serde_json::{Value, json};

use crate::ask::failure_of;

fn stops(filter: &str, data: Value, expected: &str) {
    // Whatever stops for another reason has all the time it needs.
    let time = if expected == TIME || expected == SOME { 300 } else { 60_000 };
    let memory = if expected == MEMORY { 4 } else { 64 };
    let config = json!({
        "operation": "jq",
        "operationConfig": { "filter": filter, "timeoutMs": time, "maxMemoryMb": memory, "outputs": "first" },
    });
    let (kind, message) = failure_of(json!({ "data": data }), config);
    assert_eq!(kind, "limit", "{filter}: {message}");
    assert!(message.starts_with(expected), "{filter}: {message}");
}

const SOME: &str = "the filter ";
const TIME: &str = "the filter takes longer than 300 ms";
const MEMORY: &str = "the filter needs more than 4 MB";
const RECURSION: &str = "the filter calls itself too often within itself";
const DEPTH: &str = "the filter makes a value that is nested too deep";

#[test]
fn a_filter_that_does_not_end_is_stopped() {
    stops("def f: f; f", json!(null), TIME);
    stops("last(range(infinite))", json!(null), TIME);
    stops("last(repeat(1))", json!(null), TIME);
    stops("until(false; .)", json!(1), TIME);
    stops("[limit(1e18; repeat(1)) | empty]", json!(null), TIME);
    stops("def f: try error(1) catch f; f", json!(null), SOME);
    stops("def f: (try error(1) catch empty), f; f", json!(null), TIME);
    stops("skip(1e18; repeat(1))", json!(null), TIME);
    stops("first(range(infinite) | select(. < 0))", json!(null), TIME);
    stops("[range(100000)] | [.[] as $a | .[] as $b | select($a > $b)] | length", json!(null), SOME);
    stops("isempty(repeat(1) | empty)", json!(null), TIME);
    let twins = "reduce range(60) as $i ([1]; [., .])";
    stops(&format!("{twins} == ({twins})"), json!(null), TIME);
    stops("label $x | repeat(1) | select(. > 1) | ., break $x", json!(null), TIME);
}

#[test]
fn a_filter_that_wants_too_much_memory_is_stopped() {
    stops("\"x\" * 1000000000000", json!(null), MEMORY);
    stops("\"x\" * 1e300", json!(null), MEMORY);
    stops("[range(1e12)]", json!(null), MEMORY);
    stops("reduce range(1e9) as $i ([]; . + [$i])", json!(null), SOME);
    stops("reduce range(1000) as $i (\"x\"; . + .)", json!(null), MEMORY);
    stops("reduce range(1000) as $i ([1]; . + .)", json!(null), MEMORY);
    stops("[range(1000000)] | combinations(3)", json!(null), SOME);
    stops(".[1e15] = 1", json!([]), MEMORY);
    stops("reduce range(1e9) as $i ({}; .[\"k\\($i)\"] = $i)", json!(null), SOME);
    stops("[repeat(1)]", json!(null), MEMORY);
    stops("[.,1] | until(length > 100000000; . + .)", json!(null), MEMORY);
    stops("[limit(100; repeat(\"x\" * 1000000))]", json!(null), MEMORY);
    // What is shared costs nothing until it is written or given out.
    stops("reduce range(60) as $i ([1]; [., .]) | tojson", json!(null), MEMORY);
    stops("reduce range(60) as $i ([1]; [., .])", json!(null), MEMORY);
    stops("reduce range(60) as $i ({}; {a: ., b: .})", json!(null), MEMORY);
    // What is gone through or sorted pays as long as it is there.
    stops("def f: [range(100000)] | .[] | f; f", json!(null), MEMORY);
    stops("def f: [range(100000)] | sort_by(f); f", json!(null), MEMORY);
    stops("def f: [range(100000)] | group_by(f); f", json!(null), MEMORY);
    stops("def f: [range(100000)] | min_by(f); f", json!(null), MEMORY);
    stops("def f: [range(100000)] | .[] |= f; f", json!(null), MEMORY);
    stops("def f: {a: [range(100000)]} | .a[] | f; f", json!(null), MEMORY);
}

#[test]
fn a_filter_that_goes_too_deep_is_stopped() {
    stops("def f: 1 + f; f", json!(null), RECURSION);
    stops("def f: [f]; f", json!(null), RECURSION);
    stops("def f($x): [$x | f([$x])]; f(1)", json!(null), SOME);
    stops("def f: . as $x | f | $x; f", json!(null), RECURSION);
    stops("reduce range(100000) as $i (0; [.])", json!(null), DEPTH);
    stops("reduce range(100000) as $i (0; {a: .})", json!(null), DEPTH);
    stops("def f: [.] | f; f", json!(null), DEPTH);
    stops("last(path(repeat(.a)))", json!(null), SOME);
    stops("path(first(skip(100000000; recurse(.a))))", json!(null), DEPTH);
    stops("path(first(skip(100000000; recurse(.[0:]))))", json!([]), DEPTH);
    stops("path(first(skip(100000000; recurse(.[0:]))))", json!("x"), DEPTH);
    stops("reduce range(1000000) as $i (.; .a) |= 1", json!(null), SOME);
    stops("def f: def g: f; g | g; f", json!(null), SOME);
    stops(
        "reduce range(200) as $i (0; [.])",
        json!(null),
        "the filter gives a value that is nested more than 100 levels deep",
    );
}

#[test]
fn a_limit_cannot_be_caught() {
    stops("try ([range(1e12)]) catch 1", json!(null), MEMORY);
    stops("([range(1e12)])? // 1", json!(null), MEMORY);
    stops("try (def f: 1 + f; f) catch 1", json!(null), RECURSION);
    stops(".[] | try last(range(infinite)) catch 1", json!([1, 2, 3]), TIME);
}

#[test]
fn the_output_is_bounded_too() {
    let config =
        json!({ "operation": "jq", "operationConfig": { "filter": "[range(1000)]" }, "maxItems": 100 });
    assert_eq!(failure_of(json!({ "data": 1 }), config).0, "limit");
    let config =
        json!({ "operation": "jq", "operationConfig": { "filter": "\"x\" * 1000" }, "maxBytes": 100 });
    assert_eq!(failure_of(json!({ "data": 1 }), config).0, "limit");
    let config = json!({ "operation": "jq", "operationConfig": { "filter": "range(1000)", "outputs": "all" }, "maxItems": 100 });
    assert_eq!(failure_of(json!({ "data": 1 }), config).0, "limit");
}
