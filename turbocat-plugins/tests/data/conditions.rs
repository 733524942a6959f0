//! The language of conditions.

use serde_json::{Value, json};

use crate::ask::{failure, result, wrong};

/// Items of all kinds; a condition keeps some of them, by their place.
fn items() -> Value {
    json!([
        {"id": 0, "value": 150, "name": "apple", "active": true, "tags": ["a"], "at": "2024-03-01"},
        {"id": 1, "value": 100, "name": "Banana", "active": false, "nested": {"deep": [1, {"x": 2}]}},
        {"id": 2, "value": "150", "name": null, "other": 100},
        {"id": 3, "value": -2.5, "name": "it's \"q\"", "other": -2.5, "a b": 1},
        {"id": 4},
    ])
}

fn keeps(condition: &str, expected: &[u64]) {
    let found = result("filter", json!({ "condition": condition }), items());
    let ids: Vec<u64> = found.as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, expected, "{condition}");
}

#[test]
fn a_comparison_looks_into_the_item() {
    keeps("item.value > 100", &[0]);
    keeps("item.value >= 100", &[0, 1]);
    keeps("item.value < 100", &[3]);
    keeps("item.value <= -2.5", &[3]);
    keeps("item.value == 150", &[0]);
    keeps("item.value === 150.0", &[0]);
    keeps("item.value == '150'", &[2]);
    keeps("item.value != 150", &[1, 2, 3, 4]);
    keeps("item.value !== 150", &[1, 2, 3, 4]);
    keeps("item.name == 'apple'", &[0]);
    keeps("item.name == \"apple\"", &[0]);
    keeps("item.name == 'it\\'s \"q\"'", &[3]);
    keeps("item.at > '2024-01-01'", &[0]);
    keeps("item.active == true", &[0]);
    keeps("item.nested.deep[1].x == 2", &[1]);
    keeps("item.nested.deep.1.x == 2", &[1]);
    keeps("item['nested'][\"deep\"].0 == 1", &[1]);
    keeps("item['a b'] == 1", &[3]);
    keeps("100 < item.value", &[0]);
    keeps("item.value == item.other", &[3, 4]);
    keeps("item.value>100", &[0]);
    keeps("  item.value\n>\t100  ", &[0]);
}

#[test]
fn null_is_what_is_missing_too() {
    keeps("item.name == null", &[2, 4]);
    keeps("item.name != null", &[0, 1, 3]);
    keeps("null == item.name", &[2, 4]);
    keeps("item.name exists", &[0, 1, 2, 3]);
    keeps("item.name not exists", &[4]);
    keeps("not item.name exists", &[4]);
}

#[test]
fn words_compare_texts_and_lists() {
    keeps("item.name contains 'an'", &[1]);
    keeps("item.name startsWith 'app'", &[0]);
    keeps("item.name endsWith 'a'", &[1]);
    keeps("item.name matches '^[A-Z]'", &[1]);
    keeps(r"item.at matches '^\d{4}'", &[0]);
    keeps("item.id in [0, 3, 'x']", &[0, 3]);
    keeps("item.id not in [0, 3]", &[1, 2, 4]);
    keeps("'a' in item.tags", &[0]);
    keeps("item.id in []", &[]);
    keeps("item.name in ['apple', null, true]", &[0, 2]);
    keeps("item.name contains item.name", &[0, 1, 3]);
    keeps("item.name startsWith item.missing", &[]);
}

#[test]
fn conditions_are_joined_with_the_usual_strength() {
    keeps("item.value > 100 and item.name == 'apple'", &[0]);
    keeps("item.value > 100 && item.name == 'x'", &[]);
    keeps("item.id == 4 or item.id == 1", &[1, 4]);
    keeps("item.id == 4 || item.id == 1 || item.id == 2", &[1, 2, 4]);
    keeps("item.id == 4 or item.id == 1 and item.id == 2", &[4]);
    keeps("(item.id == 4 or item.id == 1) and item.id == 1", &[1]);
    keeps("not item.id == 1 and item.id < 3", &[0, 2]);
    keeps("not (item.id == 1 and item.id < 3)", &[0, 2, 3, 4]);
    keeps("!(item.id == 1) && !(item.id == 2)", &[0, 3, 4]);
    keeps("not not item.id == 1", &[1]);
    keeps("item.active", &[0]);
    keeps("not item.active", &[1, 2, 3, 4]);
    keeps("true", &[0, 1, 2, 3, 4]);
    keeps("false or item.active", &[0]);
}

#[test]
fn the_item_itself_may_be_compared() {
    let of = |condition: &str| {
        result("filter", json!({ "condition": condition }), json!([1, 5, "x", null, [2], true]))
    };
    assert_eq!(of("item > 2"), json!([5]));
    assert_eq!(of("item == null"), json!([null]));
    assert_eq!(of("item exists"), json!([1, 5, "x", null, [2], true]));
    assert_eq!(of("item[0] == 2"), json!([[2]]));
}

#[test]
fn what_is_neither_true_nor_false_is_an_error() {
    let (kind, message) = failure("filter", json!({"condition": "item.name"}), items());
    assert_eq!(kind, "input");
    assert_eq!(
        message,
        "`item.name` is a string where a condition needs true or false; help: compare it with something, or write `item.name exists`"
    );
}

#[test]
fn mistakes_have_a_column_and_advice() {
    let check = |condition: &str, message: &str, help: &str| {
        let found = wrong(json!({ "operation": "filter", "operationConfig": { "condition": condition } }));
        let expected =
            ("/operationConfig/condition".to_owned(), format!("`condition`: {message}"), help.to_owned());
        assert_eq!(found, [expected], "{condition}");
    };
    check(
        "value > 1",
        "the name `value` is unknown in column 1",
        "did you mean `item.value`, or the text `'value'`?",
    );
    check(
        "item.a == apple",
        "the name `apple` is unknown in column 11",
        "did you mean `item.apple`, or the text `'apple'`?",
    );
    check("item.a = 1", "`=` is no operator in column 8", "write `==` to compare");
    check("item.a ==", "a value is expected before the end in column 10", "");
    check(
        "item.a == 1 item.b",
        "`item` is not expected in column 13",
        "join two comparisons by `and` or `or`",
    );
    check("(item.a == 1", "`)` is expected before the end in column 13", "");
    check("item.a == 'x", "a text is not closed in column 11", "end it with `'`");
    check("item.a == 1e", "`1e` is no number in column 11", "");
    check("item.a == 1.2.3", "`1.2.3` is no number in column 11", "");
    check("item.a # 1", "`#` is not expected in column 8", "");
    check("item.a matches 'a('", "the pattern `a(` is wrong: unclosed group in column 16", "");
    check("item.a matches item.b", "`matches` takes a pattern in quotes in column 16", "");
    check("item.a not == 1", "only `in` and `exists` follow `not` in column 12", "");
    check(
        "item.a contains [1]",
        "`contains` takes a text, a number or a boolean, and was given an array in column 17",
        "",
    );
    check("item.a in [item.b]", "a number or a text is expected in the list before `item` in column 12", "");
    check("", "a value is expected before the end in column 1", "");
    check("'text'", "an operator is expected before the end in column 7", "");
    check("1 exists", "`exists` follows a path in column 9", "write `item.name exists`");
    check("item.", "a name is expected before the end in column 6", "");
    check(
        "item.ä == 'ö' and x == 1",
        "the name `x` is unknown in column 19",
        "did you mean `item.x`, or the text `'x'`?",
    );
    let found =
        wrong(json!({ "operation": "filter", "operationConfig": { "condition": "item.a like 'x'" } }));
    assert_eq!(found[0].1, "`condition`: `like` is no operator in column 8");
    assert!(found[0].2.starts_with("operators are `==`"), "{}", found[0].2);
}

#[test]
fn a_condition_is_bounded_in_depth_and_length() {
    let of = |condition: String| {
        let found = wrong(json!({ "operation": "filter", "operationConfig": { "condition": condition } }));
        found.into_iter().map(|(_, message, _)| message).collect::<Vec<_>>()
    };
    assert_eq!(of(format!("{}true{}", "(".repeat(64), ")".repeat(64))), Vec::<String>::new());
    let deep = of(format!("{}true{}", "(".repeat(65), ")".repeat(65)));
    assert_eq!(deep, ["`condition`: a condition may be nested 64 levels deep, and is deeper in column 66"]);
    let deep = of(format!("{}true", "not ".repeat(5_00)));
    assert!(deep[0].contains("64 levels deep"), "{deep:?}");
    let wide = ["item.a == 1"; 600].join(" or ");
    assert_eq!(of(wide), Vec::<String>::new());
    let long = of("true or ".repeat(2_000) + "true");
    assert_eq!(long, ["`condition`: a condition may have 10000 bytes, and this one has 16004"]);
}
