//! Every operation against a naive model of it, written apart and without any thought of speed.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::ask::{ask, result};
use crate::model::{before, get, holds, key, name, path, rows, same, scalar, text, value};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn filter_keeps_what_the_model_keeps(
        rows in rows(),
        tests in prop::collection::vec((path(), 0_usize..12, scalar(), prop::collection::vec(value(), 0..4), any::<bool>()), 1..3),
        all in any::<bool>(),
    ) {
        const OPERATORS: [&str; 12] =
            ["eq", "neq", "gt", "gte", "lt", "lte", "in", "nin", "contains", "startsWith", "endsWith", "exists"];
        let tests: Vec<(&str, &str, Value)> = tests.into_iter().map(|(path, operator, one, many, list)| {
            let operator = OPERATORS[operator];
            let list = matches!(operator, "in" | "nin") && list;
            (path, operator, if list { json!(many) } else { one })
        }).collect();
        let conditions: Vec<Value> = tests.iter()
            .map(|(field, operator, value)| json!({ "field": field, "operator": operator, "value": value })).collect();
        let config = json!({ "conditions": conditions, "logic": if all { "and" } else { "or" } });
        let expected: Vec<&Value> = rows.iter().filter(|row| {
            let mut found = tests.iter().map(|(field, operator, value)| holds(get(row, field), operator, value));
            if all { found.all(|holds| holds) } else { found.any(|holds| holds) }
        }).collect();
        prop_assert_eq!(result("filter", config.clone(), json!(rows)), json!(expected), "{}", config);
    }

    #[test]
    fn map_and_transform_go_where_the_model_goes(rows in rows(), field in path(), other in path()) {
        let expected: Vec<Value> = rows.iter().map(|row| get(row, field).cloned().unwrap_or_default()).collect();
        prop_assert_eq!(result("map", json!({ "expression": field }), json!(rows)), json!(expected));
        prop_assert_eq!(result("transform", json!({ "expression": field }), json!(rows)), json!(expected));
        let expected: Vec<Value> = rows.iter().map(|row| {
            let mut object = Map::new();
            for (name, path) in [("one", field), ("two", other)] {
                if let Some(value) = get(row, path) {
                    object.insert(name.to_owned(), value.clone());
                }
            }
            json!(object)
        }).collect();
        let fields = json!({ "fields": { "one": field, "two": other } });
        prop_assert_eq!(result("map", fields, json!(rows)), json!(expected));
    }

    #[test]
    fn sort_is_the_slowest_sort_there_is(rows in rows(), keys in prop::collection::vec((path(), any::<bool>()), 1..3)) {
        // Insertion: each item goes behind all that do not come after it.
        let after = |a: &Value, b: &Value| {
            for (path, down) in &keys {
                let (a, b) = (get(a, path), get(b, path));
                let (a, b) = if *down { (b, a) } else { (a, b) };
                if before(a, b) { return false; }
                if before(b, a) { return true; }
            }
            false
        };
        let mut expected: Vec<Value> = Vec::new();
        for row in &rows {
            let at = expected.iter().position(|other| after(other, row)).unwrap_or(expected.len());
            expected.insert(at, row.clone());
        }
        let by: Vec<Value> = keys.iter()
            .map(|(field, down)| json!({ "field": field, "direction": if *down { "desc" } else { "asc" } })).collect();
        prop_assert_eq!(result("sort", json!({ "by": by }), json!(rows)), json!(expected));
    }

    #[test]
    fn groups_hold_what_the_model_groups(rows in rows(), field in path()) {
        let mut groups: Vec<(String, Vec<&Value>)> = Vec::new();
        for row in &rows {
            let key = key(get(row, field));
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, members)) => members.push(row),
                None => groups.push((key, vec![row])),
            }
        }
        let found = result("group", json!({ "field": field }), json!(rows));
        prop_assert_eq!(found.as_object().unwrap().len(), groups.len());
        for (key, members) in &groups {
            prop_assert_eq!(&found[key.as_str()], &json!(members), "{}", key);
        }
        let config = json!({ "groupBy": field, "aggregations": [{ "operation": "count", "field": "y" }] });
        let found = result("aggregate", config, json!(rows));
        prop_assert_eq!(found.as_array().unwrap().len(), groups.len());
        for row in found.as_array().unwrap() {
            let (_, members) = groups.iter().find(|(key, _)| row[field] == json!(key)).unwrap();
            let count = members.iter().filter(|member| get(member, "y").is_some_and(|value| !value.is_null())).count();
            prop_assert_eq!(&row["count_y"], &json!(count));
        }
    }

    #[test]
    fn unique_keeps_the_first_that_the_model_sees(rows in rows(), field in prop::option::of(path())) {
        let mut expected: Vec<&Value> = Vec::new();
        for row in &rows {
            let seen = expected.iter().any(|other| match field {
                None => same(other, row),
                Some(field) => match (get(other, field), get(row, field)) {
                    (None, None) => true,
                    (Some(a), Some(b)) => same(a, b),
                    _ => false,
                },
            });
            if !seen {
                expected.push(row);
            }
        }
        let config = field.map_or_else(|| json!({}), |field| json!({ "field": field }));
        prop_assert_eq!(result("unique", config, json!(rows)), json!(expected));
    }

    #[test]
    fn flatten_takes_brackets_away(rows in rows(), depth in 0_u64..4) {
        fn model(items: &[Value], depth: u64, flat: &mut Vec<Value>) {
            for item in items {
                match item {
                    Value::Array(inner) if depth > 0 => model(inner, depth - 1, flat),
                    item => flat.push(item.clone()),
                }
            }
        }
        let mut expected = Vec::new();
        model(&rows, depth, &mut expected);
        prop_assert_eq!(result("flatten", json!({ "depth": depth }), json!(rows)), json!(expected));
    }

    #[test]
    fn pick_and_omit_part_the_keys_between_them(rows in rows(), name in name()) {
        for row in rows.iter().filter(|row| row.is_object()) {
            let picked = result("pick", json!({ "fields": [name] }), row.clone());
            let omitted = result("omit", json!({ "fields": [name] }), row.clone());
            prop_assert!(picked.get(&name) == row.get(&name) && omitted.get(&name).is_none());
            let mut both = omitted.as_object().unwrap().clone();
            both.extend(picked.as_object().unwrap().clone());
            prop_assert_eq!(&json!(both), row);
        }
        let each: Vec<Value> = rows.iter().map(|row| result("omit", json!({ "fields": [name] }), json!([row]))[0].clone()).collect();
        prop_assert_eq!(result("omit", json!({ "fields": [name] }), json!(rows)), json!(each));
    }

    #[test]
    fn merge_does_what_the_model_does(a in value(), b in value(), deep in any::<bool>()) {
        fn model(a: &Value, b: &Value, deep: bool) -> Value {
            match (a, b) {
                (Value::Object(a), Value::Object(b)) => {
                    let mut merged = a.clone();
                    for (key, value) in b {
                        let value = match merged.get(key) {
                            Some(old) if deep && old.is_object() && value.is_object() => model(old, value, deep),
                            _ => value.clone(),
                        };
                        merged.insert(key.clone(), value);
                    }
                    json!(merged)
                }
                (Value::Array(a), Value::Array(b)) => json!([a.clone(), b.clone()].concat()),
                (a, _) => a.clone(),
            }
        }
        let config = json!({ "source": b, "strategy": if deep { "deep" } else { "shallow" } });
        prop_assert_eq!(result("merge", config, a.clone()), model(&a, &b, deep));
    }

    #[test]
    fn join_looks_at_every_pair(left in rows(), right in rows(), on in path(), right_on in path(), kind in 0_usize..4) {
        let kind = ["inner", "left", "right", "full"][kind];
        let there = |value: Option<&Value>| value.filter(|value| !value.is_null()).map(text);
        let meet = |a: &Value, b: &Value| match (there(get(a, on)), there(get(b, right_on))) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        };
        let mut expected = Vec::new();
        for a in &left {
            for b in right.iter().filter(|b| meet(a, b)) {
                let mut row = a.as_object().cloned().unwrap_or_default();
                row.extend(b.as_object().cloned().unwrap_or_default());
                expected.push(json!(row));
            }
            if !right.iter().any(|b| meet(a, b)) && matches!(kind, "left" | "full") {
                expected.push(a.clone());
            }
        }
        if matches!(kind, "right" | "full") {
            expected.extend(right.iter().filter(|b| !left.iter().any(|a| meet(a, b))).cloned());
        }
        let config = json!({ "with": right, "on": on, "rightOn": right_on, "type": kind });
        prop_assert_eq!(result("join", config, json!(left)), json!(expected));
    }

    #[test]
    fn aggregates_are_what_a_loop_makes_them(numbers in prop::collection::vec(prop::option::of(-1_000_i64..1_000), 0..20)) {
        let rows: Vec<Value> = numbers.iter().map(|number| json!({ "n": number })).collect();
        let there: Vec<i64> = numbers.iter().flatten().copied().collect();
        let of = |operation: &str| result("reduce", json!({ "operation": operation, "field": "n" }), json!(rows));
        let mut sum = 0;
        let (mut least, mut most) = (None, None);
        for number in &there {
            sum += number;
            if least.is_none_or(|least| number < least) { least = Some(number); }
            if most.is_none_or(|most| number > most) { most = Some(number); }
        }
        prop_assert_eq!(of("sum"), json!(sum));
        prop_assert_eq!(of("count"), json!(there.len()));
        prop_assert_eq!(of("min"), json!(least));
        prop_assert_eq!(of("max"), json!(most));
        let mean = if there.is_empty() { 0.0 } else { sum as f64 / there.len() as f64 };
        prop_assert!((of("avg").as_f64().unwrap() - mean).abs() < 1e-9);
        let both = json!({ "aggregations": [
            { "operation": "first", "field": "n", "alias": "first" },
            { "operation": "last", "field": "n", "alias": "last" },
        ] });
        prop_assert_eq!(result("aggregate", both, json!(rows)), json!({ "first": there.first(), "last": there.last() }));
        prop_assert_eq!(of("first"), json!(rows.first()));
        prop_assert_eq!(of("last"), json!(rows.last()));
    }

    #[test]
    fn a_pipeline_is_its_operations_one_by_one(rows in rows(), field in path(), down in any::<bool>()) {
        let steps = [
            ("filter", json!({ "conditions": [{ "field": field, "operator": "exists", "value": true }] })),
            ("sort", json!({ "field": field, "direction": if down { "desc" } else { "asc" } })),
            ("unique", json!({ "field": field })),
            ("map", json!({ "fields": { "x": field } })),
            ("transform", json!({ "expression": "x" })),
            ("flatten", json!({})),
        ];
        let mut expected = json!(rows);
        for (operation, config) in &steps {
            expected = result(operation, config.clone(), expected);
        }
        let pipeline: Vec<Value> = steps.iter()
            .map(|(operation, config)| json!({ "operation": operation, "config": config })).collect();
        let output = ask(json!({ "data": rows }), json!({ "pipeline": pipeline })).unwrap();
        prop_assert_eq!(&output["result"], &expected);
        prop_assert_eq!(&output["originalData"], &json!(rows));
    }

    #[test]
    fn the_identity_of_jq_changes_nothing(value in value()) {
        let found = result("jq", json!({ "filter": "." }), value.clone());
        prop_assert!(same(&found, &value), "{} {}", found, value);
        let text = result("jq", json!({ "filter": "tojson | fromjson" }), value.clone());
        prop_assert!(same(&text, &value), "{} {}", text, value);
    }

    #[test]
    fn csv_read_again_has_the_same_cells(rows in prop::collection::vec(prop::collection::vec("[a,\"\r\n b]{0,4}", 1..4), 1..5)) {
        let data: Value = json!(rows);
        let output = ask(json!({ "data": data }), json!({ "outputFormat": "csv" })).unwrap();
        prop_assert_eq!(read(output["result"].as_str().unwrap()), rows);
    }
}

/// Reads CSV character by character.
fn read(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row: Vec<String> = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (quoted, character) {
            (true, '"') if characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            (true, '"') => quoted = false,
            (false, '"') => quoted = true,
            (false, ',') => row.push(std::mem::take(&mut cell)),
            (false, '\r') => {
                assert_eq!(characters.next(), Some('\n'));
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            (_, character) => cell.push(character),
        }
    }
    rows
}
