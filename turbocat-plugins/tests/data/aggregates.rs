//! The 7 aggregates, by `reduce` and by `aggregate`, over every kind of values.

use serde_json::{Value, json};

use crate::ask::{check, failure, result, wrong};

fn items(values: &[Value]) -> Value {
    values.iter().map(|value| json!({ "v": value })).collect()
}

/// By `reduce` and by `aggregate` alike, but for the first and the last.
fn both(operation: &str, values: &[Value], expected: Value) {
    check("reduce", json!({ "operation": operation, "field": "v" }), items(values), expected.clone());
    let aggregations = json!({ "aggregations": [{ "operation": operation, "field": "v", "alias": "x" }] });
    check("aggregate", aggregations, items(values), json!({ "x": expected }));
}

#[test]
fn aggregates_of_nothing() {
    for none in [&[][..], &[json!(null), json!(null)]] {
        both("sum", none, json!(0));
        both("avg", none, json!(0));
        both("min", none, json!(null));
        both("max", none, json!(null));
        both("count", none, json!(0));
    }
    for operation in ["first", "last"] {
        check("reduce", json!({ "operation": operation, "field": "v" }), json!([]), json!(null));
        let aggregations =
            json!({ "aggregations": [{ "operation": operation, "field": "v", "alias": "x" }] });
        check("aggregate", aggregations, items(&[json!(null)]), json!({ "x": null }));
    }
}

#[test]
fn aggregates_of_numbers_leave_null_and_missing_out() {
    let values = [json!(3), json!(null), json!(1), json!(2.5)];
    both("sum", &values, json!(6.5));
    both("avg", &values, json!(6.5 / 3.0));
    both("min", &values, json!(1));
    both("max", &values, json!(3));
    both("count", &values, json!(3));
    let sparse = json!([{"v": 1}, {}, "x", {"v": 3}]);
    check("reduce", json!({"operation": "avg", "field": "v"}), sparse.clone(), json!(2));
    check("reduce", json!({"operation": "count", "field": "v"}), sparse, json!(2));
}

#[test]
fn least_and_greatest_may_be_texts() {
    both("min", &[json!("2024-02-01"), json!("2024-01-31")], json!("2024-01-31"));
    both("max", &[json!("b"), json!("a"), json!("B")], json!("b"));
}

#[test]
fn what_cannot_be_summed_is_an_error() {
    let fails = |operation: &str, values: &[Value], expected: &str| {
        let (kind, message) = failure("reduce", json!({"operation": operation, "field": "v"}), items(values));
        assert_eq!((kind.as_str(), message.as_str()), ("input", expected));
    };
    fails("sum", &[json!(1), json!("2")], "`sum` of `v` takes numbers, and was given a string");
    fails("sum", &[json!(true)], "`sum` of `v` takes numbers, and was given a boolean");
    fails("avg", &[json!([1])], "`avg` of `v` takes numbers, and was given an array");
    fails("min", &[json!({})], "`min` of `v` takes numbers or texts, and was given an object");
    fails("max", &[json!(true)], "`max` of `v` takes numbers or texts, and was given a boolean");
    fails("max", &[json!(1), json!("2")], "`max` of `v` cannot compare a number with a string");
}

#[test]
fn sums_are_exact_or_fail() {
    both("sum", &[json!(u64::MAX), json!(-1)], json!(u64::MAX - 1));
    both("sum", &[json!(i64::MIN), json!(i64::MAX)], json!(-1));
    both("sum", &[json!(0.1), json!(0.2)], json!(0.1 + 0.2));
    both("sum", &[json!(1.5), json!(1.5)], json!(3));
    both("avg", &[json!(i64::MAX), json!(i64::MAX)], json!(i64::MAX));
    for too_large in [[json!(u64::MAX), json!(1)], [json!(1e308), json!(1e308)]] {
        let (kind, message) = failure("reduce", json!({"operation": "sum", "field": "v"}), items(&too_large));
        assert_eq!(
            (kind.as_str(), message.as_str()),
            ("limit", "the sum of `v` is too large for a number of JSON")
        );
    }
}

#[test]
fn the_first_and_last_of_reduce_are_whole_items_and_of_aggregate_values() {
    let data = || items(&[json!(null), json!(1), json!(2), json!(null)]);
    check("reduce", json!({"operation": "first", "field": "v"}), data(), json!({"v": null}));
    check("reduce", json!({"operation": "last", "field": "v"}), data(), json!({"v": null}));
    check("reduce", json!({"operation": "last", "field": "v"}), json!([1, [2, 3]]), json!([2, 3]));
    let config = json!({ "aggregations": [
        { "operation": "first", "field": "v" },
        { "operation": "last", "field": "v" },
    ] });
    check("aggregate", config, data(), json!({"first_v": 1, "last_v": 2}));
}

#[test]
fn reduce_folds_from_an_initial_value() {
    let data = || json!([{"a": 1}, {"b": 2}, 5, {"a": 3}]);
    let fold = |first: Value| json!({ "initialValue": first });
    check("reduce", fold(json!([0])), data(), json!([0, {"a": 1}, {"b": 2}, 5, {"a": 3}]));
    check("reduce", fold(json!({"z": 0})), data(), json!({"z": 0, "a": 3, "b": 2}));
    check("reduce", fold(json!(0)), data(), json!({"a": 3}));
    check("reduce", fold(json!(null)), data(), json!({"a": 3}));
    check("reduce", fold(json!("first")), json!([]), json!("first"));
    check("reduce", fold(json!([])), json!([]), json!([]));
    check("reduce", json!({"operation": "sum", "initialValue": []}), json!([1]), json!([1]));
    check("reduce", json!({"operation": "sum"}), json!([1]), json!([1]));
    check("reduce", json!({"field": "a"}), data(), data());
    check("reduce", json!({}), data(), data());
    // With both a field and an aggregate the initial value does not count.
    let both = json!({"operation": "sum", "field": "a", "initialValue": 100});
    check("reduce", both, json!([{"a": 1}]), json!(1));
    let (_, message) = failure("reduce", json!({"operation": "summ", "field": "a"}), data());
    assert_eq!(message, "unknown operation `summ`; help: did you mean `sum`?");
}

#[test]
fn aggregations_are_named_by_what_they_do() {
    let config = json!({ "aggregations": [
        { "operation": "sum", "field": "p.n" },
        { "operation": "count" },
        { "operation": "max", "field": "p.n", "alias": "most" },
    ] });
    let data = json!([{"p": {"n": 1}}, {"p": {"n": 4}}, {}]);
    check("aggregate", config.clone(), data, json!({"sum_p.n": 5, "count": 3, "most": 4}));
    check("aggregate", config, json!([]), json!({"sum_p.n": 0, "count": 0, "most": null}));
}

#[test]
fn aggregates_of_groups_have_the_group_as_text() {
    let config = json!({
        "groupBy": "k",
        "aggregations": [{ "operation": "sum", "field": "n" }, { "operation": "first", "field": "n", "alias": "f" }],
    });
    let data =
        json!([{"k": "b", "n": 1}, {"k": 7, "n": 2}, {"k": "b", "n": 3}, {"n": 4}, {"k": null, "n": 5}]);
    let expected = json!([
        {"k": "7", "sum_n": 2, "f": 2},
        {"k": "b", "sum_n": 4, "f": 1},
        {"k": "undefined", "sum_n": 9, "f": 4},
    ]);
    check("aggregate", config.clone(), data, expected);
    check("aggregate", config, json!([]), json!([]));
}

#[test]
fn aggregations_must_be_there_and_have_names_of_their_own() {
    let of = |aggregations: Value, group_by: Value| {
        let config = json!({ "aggregations": aggregations, "groupBy": group_by });
        let found = wrong(json!({ "operation": "aggregate", "operationConfig": config }));
        found.into_iter().map(|(at, message, _)| format!("{at}: {message}")).collect::<Vec<_>>()
    };
    let at = "/operationConfig/aggregations";
    assert_eq!(of(json!([]), json!(null)), [format!("{at}: `aggregations` must not be empty")]);
    let twice = json!([{"operation": "sum", "field": "a"}, {"operation": "sum", "field": "a"}]);
    assert_eq!(of(twice, json!(null)), [format!("{at}/1: two results would be called `sum_a`")]);
    let group = json!([{"operation": "sum", "field": "a", "alias": "k"}]);
    assert_eq!(of(group, json!("k")), [format!("{at}/0: two results would be called `k`")]);
    assert_eq!(
        of(json!([{"operation": "sum"}]), json!(null)),
        [format!("{at}/0: an aggregation needs the setting `field`")]
    );
    assert_eq!(
        of(json!([{"operation": "median", "field": "a"}]), json!(null)),
        [format!("{at}/0/operation: unknown operation `median`")]
    );
}

#[test]
fn a_hundred_thousand_groups_take_no_longer_than_they_must() {
    let data: Vec<Value> = (0..100_000).map(|n| json!({ "k": format!("k{n}"), "n": 1 })).collect();
    let config = json!({ "groupBy": "k", "aggregations": [{ "operation": "sum", "field": "n" }] });
    assert_eq!(result("aggregate", config, json!(data)).as_array().unwrap().len(), 100_000);
    assert_eq!(result("group", json!({"field": "k"}), json!(data)).as_object().unwrap().len(), 100_000);
}
