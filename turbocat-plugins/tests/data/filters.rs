//! `filter`: its logic, and each of its operators on each kind of value.

use serde_json::{Value, json};

use crate::ask::{check, failure, result};

fn conditions(operator: &str, value: Value) -> Value {
    json!({ "conditions": [{ "field": "f", "operator": operator, "value": value }] })
}

/// Fields of every kind, with a name each; `missing` has none.
fn fields() -> Vec<(&'static str, Value)> {
    let mut items: Vec<(&'static str, Value)> = [
        ("null", json!(null)),
        ("true", json!(true)),
        ("zero", json!(0)),
        ("one", json!(1)),
        ("float", json!(1.5)),
        ("empty", json!("")),
        ("digit", json!("1")),
        ("word", json!("apple")),
        ("date", json!("2024-03-01T00:00:00Z")),
        ("list", json!([1])),
        ("object", json!({"a": 1})),
    ]
    .into_iter()
    .map(|(name, value)| (name, json!({ "name": name, "f": value })))
    .collect();
    items.push(("missing", json!({ "name": "missing" })));
    items
}

/// Which of the fields an operator keeps.
fn keeps(operator: &str, value: Value, expected: &[&str]) {
    let data: Vec<Value> = fields().into_iter().map(|(_, item)| item).collect();
    let found = result("filter", conditions(operator, value.clone()), json!(data));
    let names: Vec<&str> =
        found.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, expected, "{operator} {value}");
}

const ALL: [&str; 12] =
    ["null", "true", "zero", "one", "float", "empty", "digit", "word", "date", "list", "object", "missing"];

fn all_but(names: &[&str]) -> Vec<&'static str> {
    ALL.into_iter().filter(|name| !names.contains(name)).collect()
}

#[test]
fn eq_and_neq_are_strict() {
    for (value, expected) in [
        (json!(1), "one"),
        (json!(1.0), "one"),
        (json!("1"), "digit"),
        (json!(0), "zero"),
        (json!(""), "empty"),
        (json!(true), "true"),
        (json!(null), "null"),
        (json!("apple"), "word"),
    ] {
        keeps("eq", value.clone(), &[expected]);
        keeps("neq", value, &all_but(&[expected]));
    }
    for never in [json!([1]), json!({"a": 1}), json!("Apple"), json!(false)] {
        keeps("eq", never.clone(), &[]);
        keeps("neq", never, &ALL);
    }
}

#[test]
fn orders_compare_numbers_with_numbers_and_texts_with_texts() {
    keeps("gt", json!(0), &["one", "float"]);
    keeps("gt", json!(1), &["float"]);
    keeps("gte", json!(1), &["one", "float"]);
    keeps("lt", json!(1), &["zero"]);
    keeps("lte", json!(1), &["zero", "one"]);
    keeps("gt", json!("2024-01-01"), &["word", "date"]);
    keeps("lt", json!("2024-06-01"), &["empty", "digit", "date"]);
    keeps("gte", json!("apple"), &["word"]);
    keeps("lte", json!("1"), &["empty", "digit"]);
    for never in [json!(null), json!(true), json!([0]), json!({})] {
        for operator in ["gt", "gte", "lt", "lte"] {
            keeps(operator, never.clone(), &[]);
        }
    }
}

#[test]
fn in_and_nin_look_into_a_list() {
    keeps("in", json!([1, "apple", null]), &["null", "one", "word"]);
    keeps("nin", json!([1, "apple", null]), &all_but(&["null", "one", "word"]));
    keeps("in", json!([1.0, "1"]), &["one", "digit"]);
    keeps("in", json!([]), &[]);
    keeps("nin", json!([]), &ALL);
    keeps("in", json!([[1], {"a": 1}]), &[]);
    for no_list in [json!(1), json!("apple"), json!(null), json!({"f": 1})] {
        keeps("in", no_list.clone(), &[]);
        keeps("nin", no_list, &[]);
    }
}

#[test]
fn text_operators_look_at_texts_only() {
    keeps("contains", json!("ppl"), &["word"]);
    keeps("contains", json!("PPL"), &[]);
    keeps("contains", json!(""), &["empty", "digit", "word", "date"]);
    keeps("contains", json!(1), &["digit", "date"]);
    keeps("contains", json!(1.0), &["digit", "date"]);
    keeps("startsWith", json!("app"), &["word"]);
    keeps("startsWith", json!(2024), &["date"]);
    keeps("endsWith", json!("le"), &["word"]);
    keeps("endsWith", json!("Z"), &["date"]);
    keeps("startsWith", json!("pple"), &[]);
    keeps("endsWith", json!("appl"), &[]);
    check(
        "filter",
        conditions("contains", json!(true)),
        json!([{"f": "untrue"}, {"f": true}]),
        json!([{"f": "untrue"}]),
    );
    check(
        "filter",
        conditions("endsWith", json!(null)),
        json!([{"f": "is null"}]),
        json!([{"f": "is null"}]),
    );
    for operator in ["contains", "startsWith", "endsWith"] {
        let (kind, message) = failure("filter", conditions(operator, json!(["a"])), json!([]));
        assert_eq!(kind, "input");
        assert_eq!(
            message,
            format!("`{operator}` takes a text, a number or a boolean, and was given an array")
        );
    }
}

#[test]
fn exists_counts_null_as_there() {
    for yes in [json!(true), json!(1), json!("x"), json!([]), json!({})] {
        keeps("exists", yes, &all_but(&["missing"]));
    }
    for no in [json!(false), json!(0), json!(""), json!(null)] {
        keeps("exists", no, &["missing"]);
    }
    let omitted = json!({ "conditions": [{ "field": "f", "operator": "exists" }] });
    check("filter", omitted, json!([{"f": 1}, {"g": 1}]), json!([{"g": 1}]));
}

#[test]
fn regex_matches_anywhere_in_texts() {
    keeps("regex", json!("p+l"), &["word"]);
    keeps("regex", json!("^$"), &["empty"]);
    keeps("regex", json!(r"^\d{4}-\d{2}"), &["date"]);
    keeps("regex", json!("(?i)APPLE"), &["word"]);
    keeps("regex", json!("1"), &["digit", "date"]);
    let (kind, message) = failure("filter", conditions("regex", json!("a(")), json!([]));
    assert_eq!((kind.as_str(), message.as_str()), ("input", "the pattern `a(` is wrong: unclosed group"));
    let (_, message) = failure("filter", conditions("regex", json!(1)), json!([]));
    assert_eq!(message, "`regex` takes a pattern, and was given a number");
}

#[test]
fn conditions_are_joined_by_their_logic() {
    let both = |logic: Value| {
        let mut config = json!({ "conditions": [
            { "field": "a", "operator": "gt", "value": 1 },
            { "field": "b.0", "operator": "eq", "value": "x" },
        ] });
        if !logic.is_null() {
            config["logic"] = logic;
        }
        config
    };
    let data = || json!([{"a": 2, "b": ["x"]}, {"a": 2}, {"b": ["x"]}, {}, 5, null]);
    check("filter", both(json!(null)), data(), json!([{"a": 2, "b": ["x"]}]));
    check("filter", both(json!("and")), data(), json!([{"a": 2, "b": ["x"]}]));
    check("filter", both(json!("or")), data(), json!([{"a": 2, "b": ["x"]}, {"a": 2}, {"b": ["x"]}]));
    let (_, message) = failure("filter", both(json!("xor")), data());
    assert_eq!(message, "unknown logic `xor`; help: did you mean `or`?");
}

#[test]
fn without_conditions_everything_is_kept() {
    for config in [json!({}), json!({"conditions": []}), json!({"conditions": [], "logic": "or"})] {
        check("filter", config, json!([1, null, {"a": 1}]), json!([1, null, {"a": 1}]));
    }
}

#[test]
fn an_operator_that_does_not_exist_is_an_error() {
    let (_, message) = failure("filter", conditions("gtt", json!(1)), json!([]));
    assert_eq!(message, "unknown operator `gtt`; help: did you mean `gt`?");
}

#[test]
fn a_long_list_of_members_costs_no_more_for_each_item() {
    let members: Vec<Value> = (0..50_000).map(|n| json!(n * 2)).collect();
    let data: Vec<Value> = (0..50_000).map(|n| json!({ "f": n })).collect();
    let found = result("filter", conditions("in", json!(members)), json!(data));
    assert_eq!(found.as_array().unwrap().len(), 25_000);
}
