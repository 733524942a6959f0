//! `sort`: its keys, what is missing, what is mixed.

use serde_json::{Value, json};

use crate::ask::{check, failure, result};

fn rows(values: &[Value]) -> Value {
    values.iter().map(|value| json!({ "v": value })).collect()
}

fn sorted(config: Value, values: &[Value]) -> Vec<Value> {
    let found = result("sort", config, rows(values));
    found.as_array().unwrap().iter().map(|row| row["v"].clone()).collect()
}

#[test]
fn items_are_sorted_by_a_field_either_way() {
    let values = [json!(3), json!(1.5), json!(-1), json!(10), json!(2)];
    assert_eq!(
        sorted(json!({"field": "v"}), &values),
        [json!(-1), json!(1.5), json!(2), json!(3), json!(10)]
    );
    let down = json!({"field": "v", "direction": "desc"});
    assert_eq!(sorted(down, &values), [json!(10), json!(3), json!(2), json!(1.5), json!(-1)]);
    check("sort", json!({"field": "a.0"}), json!([{"a": [2]}, {"a": [1]}]), json!([{"a": [1]}, {"a": [2]}]));
    check("sort", json!({"field": "v"}), json!([]), json!([]));
}

#[test]
fn what_is_null_or_missing_comes_last_upwards_and_first_downwards() {
    let data = json!([{"id": 1, "v": null}, {"id": 2, "v": 5}, {"id": 3}, {"id": 4, "v": 1}]);
    let ids = |config: Value| {
        let found = result("sort", config, data.clone());
        found.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(json!({"field": "v", "direction": "asc"})), [4, 2, 1, 3]);
    assert_eq!(ids(json!({"field": "v", "direction": "desc"})), [1, 3, 2, 4]);
}

#[test]
fn texts_are_sorted_by_their_code_points() {
    let values = [json!("b"), json!("B"), json!("ä"), json!("a"), json!("10"), json!("9"), json!("")];
    let expected = [json!(""), json!("10"), json!("9"), json!("B"), json!("a"), json!("b"), json!("ä")];
    assert_eq!(sorted(json!({"field": "v"}), &values), expected);
}

#[test]
fn letters_may_be_taken_without_their_case() {
    let values = [json!("b"), json!("B"), json!("a"), json!("Ä"), json!("C"), json!(1), json!("ä")];
    let expected = [json!(1), json!("a"), json!("B"), json!("b"), json!("C"), json!("Ä"), json!("ä")];
    assert_eq!(sorted(json!({"field": "v", "ignoreCase": true}), &values), expected);
}

#[test]
fn values_of_all_kinds_have_one_order() {
    let values = [
        json!({"b": 1}),
        json!("x"),
        json!([2]),
        json!(7),
        json!(true),
        json!({"a": 1}),
        json!(false),
        json!([1]),
    ];
    let expected = [
        json!(false),
        json!(true),
        json!(7),
        json!("x"),
        json!([2]),
        json!([1]),
        json!({"b": 1}),
        json!({"a": 1}),
    ];
    assert_eq!(sorted(json!({"field": "v"}), &values), expected);
}

#[test]
fn equal_items_keep_their_order_and_the_next_key_decides() {
    let data = || json!([{"a": 1, "b": 1, "id": 1}, {"a": 0, "b": 2, "id": 2}, {"a": 1, "b": 2, "id": 3}, {"a": 1, "b": 1, "id": 4}]);
    let ids = |config: Value| {
        let found = result("sort", config, data());
        found.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(json!({"field": "a"})), [2, 1, 3, 4]);
    assert_eq!(ids(json!({"field": "a", "direction": "desc"})), [1, 3, 4, 2]);
    assert_eq!(ids(json!({"by": [{"field": "a"}, {"field": "b", "direction": "desc"}]})), [2, 3, 1, 4]);
    assert_eq!(ids(json!({"by": {"field": "b", "direction": "desc"}})), [2, 3, 1, 4]);
    assert_eq!(
        ids(json!({"by": [{"field": "b"}], "field": "a", "direction": "desc"})),
        [1, 4, 2, 3],
        "`by` wins"
    );
    assert_eq!(ids(json!({"by": []})), [1, 2, 3, 4]);
    assert_eq!(ids(json!({})), [1, 2, 3, 4]);
}

#[test]
fn a_direction_that_does_not_exist_is_an_error() {
    let (_, message) = failure("sort", json!({"field": "v", "direction": "down"}), json!([]));
    assert_eq!(message, "unknown direction `down`; help: there are `asc`, `desc`");
    let (_, message) = failure("sort", json!({"by": [{"direction": "asc"}]}), json!([]));
    assert_eq!(message, "a key of `sort` needs the setting `field`; help: add `field`");
}

#[test]
fn whole_numbers_are_sorted_exactly() {
    let values = [
        json!(u64::MAX),
        json!(9_007_199_254_740_993_u64),
        json!(9_007_199_254_740_992.0),
        json!(i64::MIN),
        json!(-1e300),
    ];
    let expected = [
        json!(-1e300),
        json!(i64::MIN),
        json!(9_007_199_254_740_992.0),
        json!(9_007_199_254_740_993_u64),
        json!(u64::MAX),
    ];
    assert_eq!(sorted(json!({"field": "v"}), &values), expected);
}
