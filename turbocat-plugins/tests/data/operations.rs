//! Each operation on a list, an object, a scalar, nothing, and without its settings.

use serde_json::{Value, json};

use crate::ask::{check, failure, wrong};

/// Operations that need a list say so of everything else.
#[test]
fn an_operation_on_items_needs_an_array() {
    let configs = [
        ("filter", json!({"conditions": [{"field": "a", "operator": "eq", "value": 1}]})),
        ("filter", json!({})),
        ("map", json!({"expression": "a"})),
        ("map", json!({})),
        ("reduce", json!({"operation": "sum", "field": "a"})),
        ("reduce", json!({})),
        ("sort", json!({"field": "a"})),
        ("sort", json!({})),
        ("group", json!({"field": "a"})),
        ("join", json!({"with": [], "on": "a"})),
        ("aggregate", json!({"aggregations": [{"operation": "count"}]})),
    ];
    let others = [
        (json!({}), "an object"),
        (json!("x"), "a string"),
        (json!(1), "a number"),
        (json!(null), "null"),
        (json!(true), "a boolean"),
    ];
    for (operation, config) in configs {
        for (data, named) in &others {
            let (kind, message) = failure(operation, config.clone(), data.clone());
            assert_eq!(kind, "input");
            assert_eq!(message, format!("`{operation}` takes an array, and was given {named}"));
        }
    }
}

#[test]
fn map_takes_a_path_or_makes_objects() {
    let data = || json!([{"a": {"b": 1}, "n": [5, 6]}, {"a": null}, "x", 7, null]);
    check("map", json!({"expression": "a.b"}), data(), json!([1, null, null, null, null]));
    check("map", json!({"expression": "n.1"}), data(), json!([6, null, null, null, null]));
    let fields = json!({"new": "a.b", "all": "n"});
    check("map", json!({"fields": fields}), data(), json!([{"new": 1, "all": [5, 6]}, {}, {}, {}, {}]));
    let both = json!({"expression": "a.b", "fields": fields});
    check("map", both, data(), json!([1, null, null, null, null]));
    check("map", json!({}), data(), data());
    check("map", json!({"fields": {}}), data(), data());
    check("map", json!({"expression": "a"}), json!([]), json!([]));
    check("map", json!({"fields": {"n": "a"}}), json!([{"a": null}]), json!([{"n": null}]));
}

#[test]
fn group_makes_an_object_of_lists() {
    let data = json!([{"k": "b", "n": 1}, {"k": "a"}, {"k": "b", "n": 2}]);
    let found = crate::ask::result("group", json!({"field": "k"}), data);
    assert_eq!(found, json!({"b": [{"k": "b", "n": 1}, {"k": "b", "n": 2}], "a": [{"k": "a"}]}));
    assert_eq!(found.as_object().unwrap().keys().collect::<Vec<_>>(), ["b", "a"], "as they were first seen");
    check("group", json!({"field": "k"}), json!([]), json!({}));
    check("group", json!({"field": "a.0"}), json!([{"a": ["x"]}]), json!({"x": [{"a": ["x"]}]}));
}

#[test]
fn keys_of_groups_are_texts() {
    let items = [
        json!(1),
        json!(1.0),
        json!("1"),
        json!(true),
        json!(null),
        json!([1, "a"]),
        json!({"x": 1}),
        json!(1.5),
    ];
    let mut data: Vec<Value> = items.iter().map(|key| json!({ "k": key })).collect();
    data.push(json!({}));
    data.push(json!("scalar"));
    let found = crate::ask::result("group", json!({"field": "k"}), json!(data));
    let sizes: Vec<(String, usize)> = found
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, list)| (key.clone(), list.as_array().unwrap().len()))
        .collect();
    let expected = [("1", 3), ("true", 1), ("undefined", 3), ("[1,\"a\"]", 1), ("{\"x\":1}", 1), ("1.5", 1)];
    assert_eq!(sizes, expected.map(|(key, size)| (key.to_owned(), size)));
}

#[test]
fn keys_of_groups_that_look_like_an_index_come_first() {
    let data: Vec<Value> =
        ["b", "10", "2", "01", "a", "-1", "4294967295"].iter().map(|k| json!({ "k": k })).collect();
    let found = crate::ask::result("group", json!({"field": "k"}), json!(data));
    let keys: Vec<&String> = found.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["2", "10", "b", "01", "a", "-1", "4294967295"]);
}

#[test]
fn flatten_puts_lists_in_their_place() {
    let data = || json!([1, [2, [3, [4]]], [], {"a": [5]}]);
    check("flatten", json!({}), data(), json!([1, 2, [3, [4]], {"a": [5]}]));
    check("flatten", json!({"depth": 0}), data(), data());
    check("flatten", json!({"depth": 2}), data(), json!([1, 2, 3, [4], {"a": [5]}]));
    check("flatten", json!({"depth": 100}), data(), json!([1, 2, 3, 4, {"a": [5]}]));
    for other in [json!({"a": [1]}), json!("x"), json!(null), json!(3)] {
        check("flatten", json!({}), other.clone(), other);
    }
    check("flatten", json!({}), json!([]), json!([]));
}

#[test]
fn unique_keeps_the_first_of_each() {
    let data =
        || json!([{"k": 1, "n": 1}, {"k": 1.0, "n": 2}, {"k": "1"}, {"k": null}, {}, {"n": 3}, {"k": null}]);
    check("unique", json!({"field": "k"}), data(), json!([{"k": 1, "n": 1}, {"k": "1"}, {"k": null}, {}]));
    let whole = json!([{"a": 1, "b": 2}, {"b": 2, "a": 1}, 1, 1.0, "1", [1, 2], [2, 1], [1, 2], null, null]);
    check("unique", json!({}), whole, json!([{"a": 1, "b": 2}, 1, "1", [1, 2], [2, 1], null]));
    for other in [json!({"a": 1}), json!("x"), json!(null), json!([])] {
        check("unique", json!({"field": "k"}), other.clone(), other);
    }
}

#[test]
fn pick_keeps_what_is_there() {
    let item = || json!({"a": 1, "b": {"c": null, "d": 2}, "l": [3]});
    let fields = json!({"fields": ["b.c", "x", "a", "l.0"]});
    let picked = || json!({"b.c": null, "a": 1, "l.0": 3});
    check("pick", fields.clone(), item(), picked());
    check("pick", fields.clone(), json!([item(), 5, "x", null, [7]]), json!([picked(), {}, {}, {}, {}]));
    let found = crate::ask::result("pick", fields.clone(), item());
    assert_eq!(found.as_object().unwrap().keys().collect::<Vec<_>>(), ["b.c", "a", "l.0"]);
    for scalar in [json!(1), json!("x"), json!(null), json!(true)] {
        check("pick", fields.clone(), scalar, json!({}));
    }
    check("pick", json!({"fields": []}), json!([1, {"a": 1}]), json!([1, {"a": 1}]));
    check("pick", fields, json!([]), json!([]));
}

#[test]
fn omit_removes_keys_at_the_top() {
    let item = || json!({"a": 1, "b": {"a": 2}, "c": 3, "b.a": 4});
    let fields = json!({"fields": ["a", "b.a", "missing"]});
    check("omit", fields.clone(), item(), json!({"b": {"a": 2}, "c": 3}));
    check(
        "omit",
        fields.clone(),
        json!([item(), 5, null, [1]]),
        json!([{"b": {"a": 2}, "c": 3}, {}, {}, {}]),
    );
    let found = crate::ask::result("omit", json!({"fields": ["a"]}), json!({"x": 1, "a": 2, "y": 3, "z": 4}));
    assert_eq!(found.as_object().unwrap().keys().collect::<Vec<_>>(), ["x", "y", "z"]);
    for scalar in [json!(1), json!("x"), json!(null)] {
        check("omit", fields.clone(), scalar, json!({}));
    }
    check("omit", json!({"fields": []}), json!([1, {"a": 1}]), json!([1, {"a": 1}]));
}

#[test]
fn merge_joins_lists_and_objects() {
    let shallow = |source: Value| json!({"source": source});
    let deep = |source: Value| json!({"source": source, "strategy": "deep"});
    check("merge", shallow(json!([3])), json!([1, 2]), json!([1, 2, 3]));
    check("merge", deep(json!([3])), json!([1, 2]), json!([1, 2, 3]));
    let data = || json!({"a": {"x": 1, "l": [1, 2]}, "b": 1});
    let source = || json!({"a": {"y": 2, "l": [3]}, "c": null});
    check("merge", shallow(source()), data(), json!({"a": {"y": 2, "l": [3]}, "b": 1, "c": null}));
    check("merge", deep(source()), data(), json!({"a": {"x": 1, "l": [3], "y": 2}, "b": 1, "c": null}));
    check("merge", deep(json!({"a": 1, "b": {"z": 1}})), data(), json!({"a": 1, "b": {"z": 1}}));
    // What does not go together stays as it is.
    check("merge", shallow(json!({"a": 1})), json!([1]), json!([1]));
    check("merge", shallow(json!([1])), json!({"a": 1}), json!({"a": 1}));
    check("merge", shallow(json!("x")), json!({"a": 1}), json!({"a": 1}));
    for scalar in [json!(1), json!("x"), json!(null)] {
        check("merge", shallow(json!({"a": 1})), scalar.clone(), scalar);
    }
}

#[test]
fn transform_goes_into_each_item_or_the_one_value() {
    let path = json!({"expression": "a.b"});
    check("transform", path.clone(), json!([{"a": {"b": 1}}, {}, 5]), json!([1, null, null]));
    check("transform", path.clone(), json!({"a": {"b": [1]}}), json!([1]));
    check("transform", path.clone(), json!({"a": 1}), json!(null));
    for scalar in [json!(1), json!("x"), json!(null)] {
        check("transform", path.clone(), scalar, json!(null));
    }
    check("transform", json!({}), json!({"a": 1}), json!({"a": 1}));
    check("transform", path, json!([]), json!([]));
}

#[test]
fn settings_that_are_needed_are_missed() {
    let check = |operation: &str, missing: &[&str]| {
        let found = wrong(json!({ "operation": operation }));
        let expected: Vec<(String, String, String)> = missing
            .iter()
            .map(|name| {
                let message = format!("`{operation}` needs the setting `{name}`");
                ("/operationConfig".to_owned(), message, format!("add `{name}`"))
            })
            .collect();
        assert_eq!(found, expected, "{operation}");
    };
    check("filter", &[]);
    check("map", &[]);
    check("reduce", &[]);
    check("sort", &[]);
    check("group", &["field"]);
    check("flatten", &[]);
    check("unique", &[]);
    check("pick", &["fields"]);
    check("omit", &["fields"]);
    check("merge", &["source"]);
    check("join", &["with", "on"]);
    check("aggregate", &["aggregations"]);
    check("transform", &[]);
    check("jq", &["filter"]);
}
