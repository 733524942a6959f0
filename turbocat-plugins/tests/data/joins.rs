//! `join`: all four types, many to many, keys that are missing.

use serde_json::{Value, json};

use crate::ask::{check, failure, failure_of, result, wrong};

fn left() -> Value {
    json!([
        {"id": 1, "name": "one", "x": "l"},
        {"id": "2", "name": "two"},
        {"id": 3, "name": "three"},
        {"name": "none"},
        {"id": null, "name": "null"},
    ])
}

fn right() -> Value {
    json!([
        {"key": "1", "x": "r"},
        {"key": 2, "y": 1},
        {"key": 2, "y": 2},
        {"key": 9, "y": 9},
        {"y": "none"},
        {"key": null, "y": "null"},
    ])
}

fn joined(kind: &str) -> Value {
    let config = json!({ "with": right(), "on": "id", "rightOn": "key", "type": kind });
    result("join", config, left())
}

fn matched() -> Vec<Value> {
    vec![
        json!({"id": 1, "name": "one", "x": "r", "key": "1"}),
        json!({"id": "2", "name": "two", "key": 2, "y": 1}),
        json!({"id": "2", "name": "two", "key": 2, "y": 2}),
    ]
}

fn lonely_left() -> Vec<Value> {
    vec![json!({"id": 3, "name": "three"}), json!({"name": "none"}), json!({"id": null, "name": "null"})]
}

fn lonely_right() -> Vec<Value> {
    vec![json!({"key": 9, "y": 9}), json!({"y": "none"}), json!({"key": null, "y": "null"})]
}

#[test]
fn an_inner_join_has_the_rows_with_partners() {
    assert_eq!(joined("inner"), json!(matched()));
    let config = json!({ "with": right(), "on": "id", "rightOn": "key" });
    check("join", config, left(), json!(matched()));
}

#[test]
fn a_left_join_keeps_the_left_rows() {
    assert_eq!(joined("left"), json!([matched(), lonely_left()].concat()));
}

#[test]
fn a_right_join_has_the_right_rows_without_partner_at_the_end() {
    assert_eq!(joined("right"), json!([matched(), lonely_right()].concat()));
}

#[test]
fn a_full_join_has_all_rows() {
    assert_eq!(joined("full"), json!([matched(), lonely_left(), lonely_right()].concat()));
}

#[test]
fn many_meet_many_in_the_order_of_the_left() {
    let config = json!({ "with": [{"k": 1, "r": "a"}, {"k": 1, "r": "b"}], "on": "k" });
    let data = json!([{"k": 1, "l": 1}, {"k": "1", "l": 2}]);
    let expected = json!([
        {"k": 1, "l": 1, "r": "a"}, {"k": 1, "l": 1, "r": "b"},
        {"k": 1, "l": 2, "r": "a"}, {"k": 1, "l": 2, "r": "b"},
    ]);
    check("join", config, data, expected);
}

#[test]
fn nothing_is_joined_with_nothing() {
    let config = |with: Value, kind: &str| json!({ "with": with, "on": "id", "type": kind });
    check("join", config(json!([]), "inner"), left(), json!([]));
    check("join", config(json!([]), "left"), left(), left());
    check("join", config(json!([{"id": 1}]), "full"), json!([]), json!([{"id": 1}]));
    check("join", config(json!([{"id": 1}]), "left"), json!([]), json!([]));
    check("join", config(json!([5, "x"]), "right"), json!([7, null]), json!([5, "x"]));
}

#[test]
fn keys_may_be_deep() {
    let config = json!({ "with": [{"u": {"id": 7}, "n": 1}], "on": "ref.0", "rightOn": "u.id" });
    check("join", config, json!([{"ref": [7]}]), json!([{"ref": [7], "u": {"id": 7}, "n": 1}]));
}

#[test]
fn what_is_joined_must_be_an_array() {
    let (kind, message) = failure("join", json!({"with": {"a": 1}, "on": "id"}), json!([]));
    assert_eq!((kind.as_str(), message.as_str()), ("input", "`with` must be an array, and is an object"));
    let found =
        wrong(json!({"operation": "join", "operationConfig": {"with": [], "on": "id", "type": "outer"}}));
    assert_eq!(found[0].0, "/operationConfig/type");
    assert_eq!(found[0].1, "unknown type `outer`");
    assert_eq!(wrong(json!({"operation": "join", "operationConfig": {"with": "{{ x }}", "on": "id"}})), []);
}

#[test]
fn a_join_that_would_never_end_stops_at_its_limit() {
    let rows: Vec<Value> = (0..20_000).map(|n| json!({ "k": 1, "n": n })).collect();
    let config = json!({ "operation": "join", "operationConfig": { "with": rows, "on": "k" } });
    let (kind, message) = failure_of(json!({ "data": rows }), config);
    assert_eq!(kind, "limit");
    assert!(message.starts_with("a list would have more than 1000000 items"), "{message}");
    let wide: Vec<Value> = (0..2_000).map(|n| json!({ "k": 1, "n": n, "text": "x".repeat(100) })).collect();
    let config =
        json!({ "operation": "join", "operationConfig": { "with": wide, "on": "k" }, "maxBytes": 1_000_000 });
    let (kind, message) = failure_of(json!({ "data": wide }), config);
    assert_eq!(kind, "limit");
    assert!(message.starts_with("the result would have more than 1000000 bytes"), "{message}");
}

#[test]
fn a_large_join_takes_no_longer_than_it_must() {
    let rows: Vec<Value> = (0..100_000).map(|n| json!({ "k": n })).collect();
    let found = result("join", json!({ "with": rows, "on": "k" }), json!(rows));
    assert_eq!(found.as_array().unwrap().len(), 100_000);
}
