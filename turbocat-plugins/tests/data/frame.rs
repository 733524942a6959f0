//! What stands around the operations: which data are taken, and what is said of the result.

use serde_json::{Value, json};

use crate::ask::{ask, failure_of, result_of};

#[test]
fn the_output_says_what_was_done() {
    let config = json!({ "operation": "filter", "operationConfig": { "condition": "item > 1" } });
    let output = ask(json!({ "data": [1, 2, 3] }), config).unwrap();
    let expected = json!({
        "result": [2, 3],
        "originalData": [1, 2, 3],
        "inputCount": 3,
        "outputCount": 2,
        "operationsPerformed": ["filter"],
    });
    assert_eq!(output, expected);
}

#[test]
fn counts_are_of_items_or_keys_or_one() {
    let check = |data: Value, expected: u64| {
        let output = ask(json!({ "data": data }), json!({})).unwrap();
        assert_eq!(output["inputCount"], expected, "{data}");
        assert_eq!(output["outputCount"], expected, "{data}");
        assert_eq!(output["result"], data);
        assert_eq!(output["originalData"], data);
        assert_eq!(output["operationsPerformed"], json!([]));
    };
    check(json!([1, 2, 3]), 3);
    check(json!([]), 0);
    check(json!({"a": 1, "b": 2}), 2);
    check(json!({}), 0);
    check(json!("text"), 1);
    check(json!(7), 1);
    check(json!(null), 1);
}

#[test]
fn the_data_are_the_input_that_is_named_or_the_first_usual_one_that_is_not_empty() {
    let check = |inputs: Value, field: Option<&str>, expected: Value| {
        let config = field.map_or_else(|| json!({}), |field| json!({ "inputField": field }));
        let output = ask(inputs.clone(), config).unwrap();
        assert_eq!(output["result"], expected, "{field:?} of {inputs}");
        assert_eq!(output["originalData"], expected, "{field:?} of {inputs}");
    };
    check(json!({"data": 1, "items": 2}), None, json!(1));
    check(json!({"rows": [1], "data": 2}), Some("rows"), json!([1]));
    check(json!({"data": null, "items": 2}), None, json!(null));
    check(json!({"items": [1], "input": 3}), None, json!([1]));
    check(json!({"items": 0, "input": 3}), None, json!(3));
    check(json!({"items": "", "input": []}), None, json!([]));
    check(json!({"data": 1, "items": 2}), Some("missing"), json!(1));
    check(json!({"data": false, "items": 2}), Some("missing"), json!(2));
    check(json!({"other": 1}), None, json!({"other": 1}));
    check(json!({"items": null}), None, json!({"items": null}));
    check(json!([1, 2]), None, json!([1, 2]));
    check(json!("text"), None, json!("text"));
}

#[test]
fn without_inputs_there_is_nothing_to_do() {
    let (kind, message) = failure_of(Value::Null, json!({}));
    assert_eq!((kind.as_str(), message.as_str()), ("input", "inputs are required"));
    let output = ask(Value::Null, json!({ "source": [1] })).unwrap();
    assert_eq!(output["result"], json!([1]));
}

#[test]
fn a_pipeline_counts_instead_of_an_operation_unless_it_is_empty() {
    let steps = json!([
        { "operation": "filter", "config": { "condition": "item.n > 1" } },
        { "operation": "sort", "operationConfig": { "field": "n", "direction": "desc" } },
        { "operation": "map", "config": { "expression": "n" } },
    ]);
    let data = json!([{"n": 2}, {"n": 1}, {"n": 3}]);
    let config = json!({ "pipeline": steps, "operation": "flatten" });
    let output = ask(json!({ "data": data }), config).unwrap();
    assert_eq!(output["result"], json!([3, 2]));
    assert_eq!(output["operationsPerformed"], json!(["filter", "sort", "map"]));
    let config = json!({ "pipeline": [], "operation": "flatten" });
    let output = ask(json!({ "data": [[1]] }), config).unwrap();
    assert_eq!(output["result"], json!([1]));
    assert_eq!(output["operationsPerformed"], json!(["flatten"]));
}

#[test]
fn an_operation_of_a_pipeline_works_on_what_the_one_before_made() {
    // Each pair hands a made value over where the other tests hand a borrowed one.
    let made = json!({ "operation": "map", "config": { "fields": { "a": "a", "list": "list" } } });
    let check = |operation: &str, config: Value, expected: Value| {
        let data = json!([{"a": 2, "list": [1, [2]]}, {"a": 1, "list": []}, {"a": 2, "list": [1, [2]]}]);
        let step = json!({ "operation": operation, "config": config });
        let found = result_of(data, json!({ "pipeline": [made, step] }));
        assert_eq!(found, expected, "{step}");
    };
    check("map", json!({"expression": "list.1"}), json!([[2], null, [2]]));
    check("transform", json!({"expression": "a"}), json!([2, 1, 2]));
    check("omit", json!({"fields": ["list"]}), json!([{"a": 2}, {"a": 1}, {"a": 2}]));
    check("pick", json!({"fields": ["a"]}), json!([{"a": 2}, {"a": 1}, {"a": 2}]));
    check("unique", json!({"field": "a"}), json!([{"a": 2, "list": [1, [2]]}, {"a": 1, "list": []}]));
    check("reduce", json!({"operation": "last", "field": "a"}), json!({"a": 2, "list": [1, [2]]}));
    check("reduce", json!({"initialValue": {"b": 1}}), json!({"b": 1, "a": 2, "list": [1, [2]]}));
    check(
        "group",
        json!({"field": "a"}),
        json!({
            "1": [{"a": 1, "list": []}],
            "2": [{"a": 2, "list": [1, [2]]}, {"a": 2, "list": [1, [2]]}],
        }),
    );
    check("join", json!({"with": [{"a": 1, "b": 3}], "on": "a"}), json!([{"a": 1, "list": [], "b": 3}]));
    check("jq", json!({"filter": "map(.a) | add"}), json!(5));
    let lists = json!({ "operation": "map", "config": { "expression": "list" } });
    let data = json!([{"list": [1, [2]]}, {"list": [[[3]]]}]);
    let config = json!({ "pipeline": [lists, { "operation": "flatten", "config": { "depth": 2 } }] });
    assert_eq!(result_of(data, config), json!([1, 2, [3]]));
    // A group is an object, which is merged with another.
    let group = json!({ "operation": "group", "config": { "field": "a" } });
    let merge = json!({ "operation": "merge", "config": { "source": { "x": [] } } });
    let found = result_of(json!([{"a": "k"}]), json!({ "pipeline": [group, merge] }));
    assert_eq!(found, json!({"k": [{"a": "k"}], "x": []}));
}

#[test]
fn the_original_data_can_be_left_out() {
    let output = ask(json!({ "data": [1] }), json!({ "keepOriginal": false })).unwrap();
    assert!(output.get("originalData").is_none());
    assert_eq!(output["inputCount"], 1);
}

#[test]
fn a_result_is_held_against_its_schema() {
    let check = |data: Value, schema: Value, expected: &str| {
        let inputs = json!({ "data": data });
        let config = json!({ "validateOutput": true, "outputSchema": schema });
        if expected.is_empty() {
            assert_eq!(ask(inputs, config).unwrap()["result"], data);
            return;
        }
        let (kind, message) = failure_of(inputs, config);
        assert_eq!((kind.as_str(), message.as_str()), ("output", expected), "{data} {schema}");
    };
    check(json!([1]), json!({"type": "array"}), "");
    check(json!({"a": 1}), json!({"type": "array"}), "Output validation failed: expected array, got object");
    check(json!("x"), json!({"type": "object"}), "Output validation failed: expected object, got string");
    check(json!(1), json!({"type": "string"}), "Output validation failed: expected string, got number");
    check(json!(true), json!({"type": "number"}), "Output validation failed: expected number, got boolean");
    check(json!(null), json!({"type": "boolean"}), "Output validation failed: expected boolean, got null");
    check(json!(1), json!({"type": "integer"}), "");
    check(json!("x"), json!({"type": "string"}), "");
    check(json!(1.5), json!({"type": "number"}), "");
    check(json!(false), json!({"type": "boolean"}), "");
    check(json!({"a": 1}), json!({"type": "object", "required": ["a"]}), "");
    check(
        json!({"a": 1}),
        json!({"type": "object", "required": ["a", "b"]}),
        "Output validation failed: missing required field `b`",
    );
    check(json!([1]), json!({"type": "array", "required": ["b"]}), "");
    check(
        json!({"secret": "hunter2"}),
        json!({"properties": {"secret": {"maxLength": 3}}}),
        "Output validation failed: `/secret`: value is longer than 3 characters",
    );
}

#[test]
fn a_schema_counts_only_if_the_output_is_to_be_validated() {
    for validate in [json!(false), json!(null)] {
        let config = json!({ "validateOutput": validate, "outputSchema": { "type": "string" } });
        assert_eq!(result_of(json!([1]), config), json!([1]));
    }
    assert_eq!(result_of(json!([1]), json!({ "validateOutput": true })), json!([1]));
}

#[test]
fn a_configuration_that_is_null_is_refused() {
    assert_eq!(failure_of(json!({}), Value::Null).1, "the configuration is missing");
}

#[test]
fn lists_and_results_have_a_size() {
    let (kind, message) = failure_of(json!({ "data": [1, 2, 3] }), json!({ "maxItems": 2 }));
    assert_eq!(kind, "limit");
    assert_eq!(message, "a list would have more than 2 items; help: raise `maxItems`, or ask for less");
    assert_eq!(result_of(json!([1, 2]), json!({ "maxItems": 2 })), json!([1, 2]));
    let flatten = json!({ "operation": "flatten", "maxItems": 2 });
    assert_eq!(failure_of(json!({ "data": [[1, 2, 3]] }), flatten).0, "limit");
    let merge = json!({ "operation": "merge", "operationConfig": { "source": [1, 2] }, "maxItems": 3 });
    assert_eq!(failure_of(json!({ "data": [1, 2] }), merge).0, "limit");
    let fold = json!({ "operation": "reduce", "operationConfig": { "initialValue": [1, 2] }, "maxItems": 3 });
    assert_eq!(failure_of(json!({ "data": [1, 2] }), fold).0, "limit");
    let (kind, message) = failure_of(json!({ "data": "long text" }), json!({ "maxBytes": 10 }));
    assert_eq!(kind, "limit");
    assert_eq!(message, "the result would have more than 10 bytes; help: raise `maxBytes`, or ask for less");
    assert_eq!(result_of(json!("long text"), json!({ "maxBytes": 11 })), json!("long text"));
}

#[test]
fn many_items_are_worked_through_on_a_thread_of_their_own() {
    let data: Vec<Value> = (0..200_000).map(|n| json!({ "n": n })).collect();
    let config = json!({ "pipeline": [
        { "operation": "filter", "config": { "condition": "item.n >= 199998" } },
        { "operation": "sort", "config": { "field": "n", "direction": "desc" } },
    ] });
    assert_eq!(result_of(json!(data), config), json!([{"n": 199_999}, {"n": 199_998}]));
}
