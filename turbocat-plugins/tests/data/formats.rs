//! `outputFormat`: json, array, csv.

use serde_json::{Value, json};

use crate::ask::{ask, failure_of, result_of, wrong};

#[test]
fn json_is_the_result_as_it_is() {
    for data in [json!([1]), json!({"a": 1}), json!("x"), json!(null)] {
        assert_eq!(result_of(data.clone(), json!({ "outputFormat": "json" })), data);
    }
}

#[test]
fn an_array_is_one_in_any_case() {
    let check = |data: Value, expected: Value| {
        assert_eq!(result_of(data, json!({ "outputFormat": "array" })), expected);
    };
    check(json!([1, [2]]), json!([1, [2]]));
    check(json!({"a": 1}), json!([{"a": 1}]));
    check(json!("x"), json!(["x"]));
    check(json!(null), json!([]));
}

fn csv(data: Value, expected: &str) {
    let shown = data.to_string();
    assert_eq!(result_of(data, json!({ "outputFormat": "csv" })), json!(expected), "{shown}");
}

#[test]
fn csv_has_all_keys_in_its_first_line() {
    csv(json!([{"a": 1, "b": "x"}, {"b": "y", "c": true}]), "a,b,c\r\n1,x,\r\n,y,true\r\n");
    csv(json!({"a": 1}), "a\r\n1\r\n");
    csv(json!([]), "");
    csv(json!([{}, {}]), "");
    csv(json!([1, "x", null]), "value\r\n1\r\nx\r\n\r\n");
    csv(json!("x"), "value\r\nx\r\n");
    csv(json!([{"a": 1}, 5]), "a,value\r\n1,\r\n,5\r\n");
    csv(json!([[1, "a"], [2, "b,c"], []]), "1,a\r\n2,\"b,c\"\r\n\r\n");
}

#[test]
fn csv_quotes_what_must_be_quoted() {
    csv(
        json!([{"comma": "a,b", "quote": "say \"hi\"", "line": "1\n2", "return": "1\r2", "space": " x "}]),
        "comma,quote,line,return,space\r\n\"a,b\",\"say \"\"hi\"\"\",\"1\n2\",\"1\r2\", x \r\n",
    );
    csv(json!([{"a,b": ""}, {"a,b": null}]), "\"a,b\"\r\n\"\"\r\n\r\n");
    csv(
        json!([{"list": [1, 2], "object": {"x": "y"}, "n": 1.0}]),
        "list,object,n\r\n\"[1,2]\",\"{\"\"x\"\":\"\"y\"\"}\",1\r\n",
    );
}

#[test]
fn a_format_is_applied_last_and_rows_are_counted_before() {
    let config = json!({
        "operation": "filter",
        "operationConfig": { "condition": "item.n > 1" },
        "outputFormat": "csv",
        "validateOutput": true,
        "outputSchema": { "type": "string" },
    });
    let output = ask(json!({ "data": [{"n": 1}, {"n": 2}, {"n": 3}] }), config).unwrap();
    assert_eq!(output["result"], json!("n\r\n2\r\n3\r\n"));
    assert_eq!(output["inputCount"], 3);
    assert_eq!(output["outputCount"], 2);
}

#[test]
fn csv_that_would_be_far_too_wide_stops_at_its_limit() {
    let rows: Vec<Value> = (0..5_000).map(|n| json!({ format!("k{n}"): n })).collect();
    let config = json!({ "outputFormat": "csv", "maxBytes": 1_000_000 });
    assert_eq!(failure_of(json!({ "data": rows }), config).0, "limit");
}

#[test]
fn a_format_that_does_not_exist_is_refused() {
    let found = wrong(json!({ "outputFormat": "xml" }));
    let expected = ("/outputFormat", "unknown outputFormat `xml`", "there are `array`, `csv`, `json`");
    assert_eq!(found, [(expected.0.to_owned(), expected.1.to_owned(), expected.2.to_owned())]);
}
