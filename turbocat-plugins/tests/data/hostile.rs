//! Data and configurations that mean harm.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use turbocat_core::{AgentExecutor, AttemptRequest};
use turbocat_plugins::data::DataAgent;

use crate::ask::{ask, check, failure, failure_of, result};

#[test]
fn names_of_prototypes_are_names_like_any_other() {
    let names = ["constructor", "__proto__", "prototype", "toString", "hasOwnProperty"];
    let data: Vec<Value> = names.iter().map(|name| json!({ "k": name })).collect();
    let found = result("group", json!({"field": "k"}), json!(data));
    assert_eq!(found.as_object().unwrap().keys().collect::<Vec<_>>(), names);
    let object: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), json!(1))).collect();
    check(
        "pick",
        json!({"fields": ["__proto__", "constructor"]}),
        json!(object),
        json!({"__proto__": 1, "constructor": 1}),
    );
    check("pick", json!({"fields": ["__proto__", "constructor.name"]}), json!({}), json!({}));
    check("omit", json!({"fields": ["__proto__"]}), json!({"__proto__": 1, "a": 2}), json!({"a": 2}));
    let source = json!({"__proto__": {"admin": true}, "constructor": {"prototype": {"x": 1}}});
    check("merge", json!({"source": source, "strategy": "deep"}), json!({}), source.clone());
    check("map", json!({"fields": {"__proto__": "a"}}), json!([{"a": 1}]), json!([{"__proto__": 1}]));
    check(
        "join",
        json!({"with": [{"k": "__proto__", "x": 1}], "on": "k"}),
        json!([{"k": "__proto__"}]),
        json!([{"k": "__proto__", "x": 1}]),
    );
    let counts = json!({"groupBy": "k", "aggregations": [{"operation": "count"}]});
    check("aggregate", counts, json!([{"k": "constructor"}]), json!([{"k": "constructor", "count": 1}]));
    check("jq", json!({"filter": ".__proto__"}), json!({"__proto__": 5}), json!(5));
}

fn nested(depth: usize, around: impl Fn(Value) -> Value) -> Value {
    (0..depth).fold(json!(1), |value, _| around(value))
}

#[test]
fn what_is_nested_deep_is_refused_or_taken() {
    let lists = nested(90, |value| json!([value]));
    check("flatten", json!({"depth": 1_000_000}), lists.clone(), json!([1]));
    check("unique", json!({}), json!([lists, lists]), json!([lists]));
    let objects = nested(90, |value| json!({ "a": value }));
    let deep = json!({ "source": objects, "strategy": "deep" });
    check("merge", deep, objects.clone(), objects.clone());
    let path = ["a"; 90].join(".");
    check("transform", json!({ "expression": path }), objects, json!(1));
    // So deep that nobody could read it again.
    let (kind, message) = failure("flatten", json!({"depth": 0}), nested(130, |value| json!([value])));
    assert_eq!(kind, "limit");
    assert_eq!(message, "the result is nested more than 100 levels deep");
    let source = nested(300, |value| json!({ "a": value }));
    let (kind, _) = failure("merge", json!({ "source": source, "strategy": "deep" }), source.clone());
    assert_eq!(kind, "limit");
}

#[test]
fn patterns_cost_no_more_than_they_are_worth() {
    let regex =
        |pattern: String| json!({ "conditions": [{ "field": "f", "operator": "regex", "value": pattern }] });
    let slow = "a".repeat(100_000) + "b";
    for pattern in ["(a+)+$", "(a|a)*c", "(.*)*x", "^(a?){30}a{30}$"] {
        check("filter", regex(pattern.to_owned()), json!([{"f": slow}]), json!([]));
    }
    for pattern in
        ["a{1000}{1000}{1000}".to_owned(), "(a{100}){1000}".to_owned(), "x".repeat(5_000), "(".repeat(1_000)]
    {
        assert_eq!(failure("filter", regex(pattern), json!([])).0, "input");
    }
    let long = "x".repeat(2 << 20);
    let (kind, message) = failure("filter", regex("y".to_owned()), json!([{"f": long}]));
    assert_eq!(kind, "limit");
    assert_eq!(
        message,
        "a pattern is matched against texts of 1048576 bytes at most, and this one has 2097152"
    );
    let (_, message) = failure("jq", json!({"filter": "test(\"y\")"}), json!(long));
    assert!(message.contains("a pattern is matched against texts of"), "{message}");
}

#[test]
fn numbers_at_the_edges_stay_what_they_are() {
    let edges = [
        json!(u64::MAX),
        json!(i64::MIN),
        json!(f64::MAX),
        json!(f64::MIN_POSITIVE),
        json!(-0.0),
        json!(5e-324),
    ];
    for edge in edges {
        check("map", json!({"expression": "n"}), json!([{"n": edge}]), json!([edge]));
        check("filter", json!({"condition": "item.n == item.n"}), json!([{"n": edge}]), json!([{"n": edge}]));
        check(
            "group",
            json!({"field": "missing"}),
            json!([{"n": edge}]),
            json!({"undefined": [{"n": edge}]}),
        );
        check(
            "reduce",
            json!({"operation": "sum", "field": "n"}),
            json!([{"n": edge}]),
            if edge == json!(-0.0) { json!(0) } else { edge.clone() },
        );
    }
}

#[test]
fn many_of_everything_ends_in_time() {
    let began = Instant::now();
    let rows: Vec<Value> =
        (0..30_000_u32).map(|n| json!({ "id": n, "k": n % 1_000, "t": format!("text {n}") })).collect();
    for (operation, config) in [
        ("unique", json!({"field": "t"})),
        ("unique", json!({})),
        ("group", json!({"field": "t"})),
        ("join", json!({"with": rows, "on": "id"})),
        ("sort", json!({"by": [{"field": "k", "direction": "desc"}, {"field": "t"}]})),
        ("aggregate", json!({"groupBy": "k", "aggregations": [{"operation": "avg", "field": "id"}]})),
    ] {
        result(operation, config, json!(rows));
    }
    assert!(began.elapsed() < Duration::from_secs(300), "something is quadratic");
}

/// A million items do not keep others waiting: while they are worked through, the one thread of
/// the runtime does something else.
#[test]
fn large_data_do_not_block_the_thread_that_waits() {
    let data: Vec<Value> = (0..1_000_000_u32).map(|n| json!(n ^ 0x5555)).collect();
    let config = json!({ "pipeline": [
        { "operation": "unique", "config": {} },
        { "operation": "filter", "config": { "condition": "item > 999990" } },
    ], "keepOriginal": false });
    let request = AttemptRequest::new(json!({ "data": data })).with_config(config);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let agent = DataAgent::new();
        let done = AtomicBool::new(false);
        let turns = Mutex::new(0_u64);
        let work = async {
            let output = agent.execute(request).await.unwrap();
            done.store(true, Ordering::Relaxed);
            output
        };
        let others = async {
            while !done.load(Ordering::Relaxed) {
                *turns.lock().unwrap() += 1;
                tokio::task::yield_now().await;
            }
        };
        let (output, ()) = tokio::join!(work, others);
        assert!(output.value["outputCount"].as_u64().unwrap() > 0);
        assert!(*turns.lock().unwrap() > 10, "the others had their turns");
    });
}

/// When nobody waits any more, the thread stops: the data it holds are let go.
#[test]
fn work_that_nobody_waits_for_stops() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let inputs = Arc::new(json!({ "data": (0..20_000).collect::<Vec<u32>>() }));
    let mut request = AttemptRequest::new(Value::Null)
        .with_config(json!({ "operation": "jq", "operationConfig": { "filter": "last(repeat(1))", "timeoutMs": 600_000 } }));
    request.inputs = inputs.clone();
    runtime.block_on(async {
        let agent = DataAgent::new();
        let mut attempt = Box::pin(agent.execute(request));
        assert!(futures_now(&mut attempt).await, "it goes on");
        drop(attempt);
    });
    let began = Instant::now();
    while Arc::strong_count(&inputs) > 1 {
        assert!(began.elapsed() < Duration::from_secs(60), "the thread still holds the inputs");
        std::thread::yield_now();
    }
}

/// Polls an attempt once; whether it is still going on.
async fn futures_now<T>(attempt: &mut (impl Future<Output = T> + Unpin)) -> bool {
    std::future::poll_fn(|cx| std::task::Poll::Ready(std::pin::Pin::new(&mut *attempt).poll(cx).is_pending()))
        .await
}

#[test]
fn a_configuration_of_any_shape_is_an_error_and_no_panic() {
    for config in
        [json!([]), json!("x"), json!(1), json!(true), json!({"operation": []}), json!({"pipeline": [[[]]]})]
    {
        assert_eq!(failure_of(json!({"data": []}), config).0, "input");
    }
    let many: Vec<Value> = (0..1_000).map(|_| json!({ "operation": "flatten" })).collect();
    assert!(ask(json!({"data": [[1]]}), json!({ "pipeline": many })).is_ok());
}
