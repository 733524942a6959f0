//! The short form: `source`, `transformation`, `outputFormat`.

use serde_json::{Value, json};

use crate::ask::{ask, failure_of, wrong};

fn short(operation: &str, transformation: Value, source: Value) -> Value {
    let config = json!({ "operation": operation, "source": source, "transformation": transformation });
    ask(json!({ "data": "not these" }), config).unwrap()
}

#[test]
fn the_source_counts_instead_of_the_inputs() {
    let output =
        short("filter", json!({"condition": "item.value > 100"}), json!([{"value": 150}, {"value": 1}]));
    let expected = json!({
        "result": [{"value": 150}],
        "originalData": [{"value": 150}, {"value": 1}],
        "inputCount": 2,
        "outputCount": 1,
        "operationsPerformed": ["filter"],
    });
    assert_eq!(output, expected);
    let output = ask(json!({"data": [1]}), json!({ "source": null })).unwrap();
    assert_eq!(output["result"], json!([1]), "null is no source");
}

#[test]
fn a_transformation_is_a_text_or_the_settings() {
    let check = |operation: &str, transformation: Value, source: Value, expected: Value| {
        let output = short(operation, transformation.clone(), source);
        assert_eq!(output["result"], expected, "{operation} {transformation}");
    };
    let data = || json!([{"v": 2, "k": "b"}, {"v": 3, "k": "a"}, {"v": 2, "k": "a"}]);
    check("filter", json!("item.v > 2"), data(), json!([{"v": 3, "k": "a"}]));
    check("map", json!("item.v"), data(), json!([2, 3, 2]));
    check("map", json!("v"), data(), json!([2, 3, 2]));
    check("map", json!({"fields": {"x": "v"}}), data(), json!([{"x": 2}, {"x": 3}, {"x": 2}]));
    check("transform", json!("item.0.k"), json!({"0": {"k": 1}}), json!(1));
    check(
        "sort",
        json!("item.v desc, item.k"),
        data(),
        json!([{"v": 3, "k": "a"}, {"v": 2, "k": "a"}, {"v": 2, "k": "b"}]),
    );
    check("sort", json!("k asc"), json!([{"k": 2}, {"k": 1}]), json!([{"k": 1}, {"k": 2}]));
    check("group", json!("item.k"), json!([{"k": 1}]), json!({"1": [{"k": 1}]}));
    check("unique", json!("item.v"), data(), json!([{"v": 2, "k": "b"}, {"v": 3, "k": "a"}]));
    check("reduce", json!("sum(item.v)"), data(), json!(7));
    check("reduce", json!(" max( v ) "), data(), json!(3));
    check("jq", json!("map(.v) | add"), data(), json!(7));
    check("merge", json!({"source": [1]}), json!([2]), json!([2, 1]));
    check("aggregate", json!({"aggregations": [{"operation": "count"}]}), data(), json!({"count": 3}));
}

#[test]
fn what_is_no_transformation_is_refused() {
    let check = |operation: &str, transformation: Value, message: &str, help: &str| {
        let found = wrong(json!({ "operation": operation, "transformation": transformation }));
        let expected = ("/transformation".to_owned(), message.to_owned(), help.to_owned());
        assert_eq!(found, [expected], "{operation} {transformation}");
    };
    check(
        "join",
        json!("item.x"),
        "`transformation` of `join` must be an object with the settings of `join`",
        "",
    );
    check(
        "filter",
        json!("x > 1"),
        "`transformation`: the name `x` is unknown in column 1",
        "did you mean `item.x`, or the text `'x'`?",
    );
    check("map", json!("item..x"), "`transformation`: the path `.x` has a dot too many", "");
    check(
        "sort",
        json!("item.x down"),
        "`transformation` of `sort` has fields with `asc` or `desc` behind them, and not `item.x down`",
        "",
    );
    check(
        "reduce",
        json!("item.x"),
        "`transformation` of `reduce` is an aggregate and its field, such as `sum(item.price)`",
        "",
    );
    check("reduce", json!("summ(item.x)"), "unknown aggregate `summ`", "did you mean `sum`?");
    check("jq", json!(".["), "the filter is wrong: `closing bracket` is expected in column 3", "");
    let both = json!({ "operation": "map", "transformation": "x", "operationConfig": { "expression": "y" } });
    assert_eq!(wrong(both)[0].1, "give `operationConfig` or `transformation`, not both");
    for alone in ["transformation", "operationConfig"] {
        let found = wrong(json!({ alone: { "expression": "x" } }));
        assert_eq!(found[0].1, format!("`{alone}` needs the setting `operation`"));
    }
}

#[test]
fn a_transformation_with_a_template_is_left_alone_until_it_is_known() {
    assert_eq!(wrong(json!({ "operation": "filter", "transformation": "item.x > {{ least }}" })), []);
    let (_, message) =
        failure_of(json!({}), json!({ "operation": "filter", "transformation": "item.x > {{" }));
    assert_eq!(message, "`transformation`: `{` is not expected in column 10");
}
