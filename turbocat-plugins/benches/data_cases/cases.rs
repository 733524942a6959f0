//! What the `data` agent is asked to do, and the same written by hand over `serde_json`.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use turbocat_core::{AgentExecutor, AttemptRequest};
use turbocat_plugins::data::DataAgent;

/// A case: its name, the configuration, and the floor.
pub(crate) type Case = (&'static str, Value, fn(Value) -> Value);

/// So many rows of six fields each.
pub(crate) fn rows(count: u64) -> Value {
    let row = |n: u64| {
        json!({
            "id": n,
            "name": format!("customer {n}"),
            "city": format!("city {}", n.wrapping_mul(2_654_435_761) % 1_000),
            "value": n.wrapping_mul(2_654_435_761) % 1_000,
            "tags": ["a", "b"],
            "address": { "street": "Main Street 1", "zip": "12345" },
        })
    };
    (0..count).map(row).collect()
}

/// All cases.
pub(crate) fn cases() -> Vec<Case> {
    let operation = |name: &str, config: Value| json!({ "operation": name, "operationConfig": config });
    vec![
        (
            "filter, by conditions",
            operation(
                "filter",
                json!({ "conditions": [{ "field": "value", "operator": "gt", "value": 500 }] }),
            ),
            |rows| output(rows, filtered),
        ),
        ("filter, by a condition", operation("filter", json!({ "condition": "item.value > 500" })), |rows| {
            output(rows, filtered)
        }),
        (
            "filter, map, sort",
            json!({ "pipeline": [
                { "operation": "filter", "config": { "condition": "item.value > 500" } },
                { "operation": "map", "config": { "fields": { "id": "id", "total": "value", "zip": "address.zip" } } },
                { "operation": "sort", "config": { "by": [{ "field": "total", "direction": "desc" }, { "field": "id" }] } },
            ] }),
            |rows| output(rows, pipeline),
        ),
        (
            "the same by jq",
            operation(
                "jq",
                json!({ "filter": "map(select(.value > 500) | {id, total: .value, zip: .address.zip}) | sort_by(-.total, .id)" }),
            ),
            |rows| output(rows, pipeline),
        ),
        ("group", operation("group", json!({ "field": "city" })), |rows| output(rows, grouped)),
        (
            "aggregate by group",
            operation(
                "aggregate",
                json!({ "groupBy": "city", "aggregations": [{ "operation": "sum", "field": "value", "alias": "sum" }] }),
            ),
            |rows| output(rows, aggregated),
        ),
        ("unique", operation("unique", json!({ "field": "city" })), |rows| output(rows, unique)),
    ]
}

/// What the agent answers; its inputs belong to nobody else, as in a workflow whose step is the
/// last that needs them.
pub(crate) fn ask(
    runtime: &tokio::runtime::Runtime,
    agent: &DataAgent,
    rows: Value,
    config: &Value,
) -> Arc<Value> {
    let mut inputs = Map::new();
    inputs.insert("data".to_owned(), rows);
    let request = AttemptRequest::new(Value::Object(inputs)).with_config(config.clone());
    runtime.block_on(agent.execute(request)).expect("the agent answers").value
}

/// The output as the agent has it, around what is made by hand.
fn output(rows: Value, make: fn(&[Value]) -> Value) -> Value {
    let items = rows.as_array().map_or(&[][..], Vec::as_slice);
    let result = make(items);
    let (inputs, outputs) = (items.len(), result.as_array().map_or(1, Vec::len));
    let mut output = Map::new();
    output.insert("result".to_owned(), result);
    output.insert("originalData".to_owned(), rows);
    output.insert("inputCount".to_owned(), inputs.into());
    output.insert("outputCount".to_owned(), outputs.into());
    output.insert("operationsPerformed".to_owned(), json!(["by hand"]));
    Value::Object(output)
}

fn wanted(row: &&Value) -> bool {
    row["value"].as_f64().is_some_and(|value| value > 500.0)
}

fn filtered(rows: &[Value]) -> Value {
    rows.iter().filter(wanted).cloned().collect()
}

fn pipeline(rows: &[Value]) -> Value {
    let mapped = rows.iter().filter(wanted).map(|row| {
        let mut object = Map::new();
        object.insert("id".to_owned(), row["id"].clone());
        object.insert("total".to_owned(), row["value"].clone());
        object.insert("zip".to_owned(), row["address"]["zip"].clone());
        Value::Object(object)
    });
    let mut mapped: Vec<Value> = mapped.collect();
    mapped.sort_by(|a, b| {
        let by_total = b["total"].as_u64().cmp(&a["total"].as_u64());
        by_total.then_with(|| a["id"].as_u64().cmp(&b["id"].as_u64()))
    });
    Value::Array(mapped)
}

fn grouped(rows: &[Value]) -> Value {
    let mut groups: Map<String, Value> = Map::new();
    for row in rows {
        let group = groups.entry(row["city"].as_str().unwrap_or_default()).or_insert_with(|| json!([]));
        if let Value::Array(group) = group {
            group.push(row.clone());
        }
    }
    Value::Object(groups)
}

fn aggregated(rows: &[Value]) -> Value {
    let mut sums: HashMap<&str, u64> = HashMap::new();
    let mut order = Vec::new();
    for row in rows {
        let city = row["city"].as_str().unwrap_or_default();
        let sum = sums.entry(city).or_insert_with(|| {
            order.push(city);
            0
        });
        *sum += row["value"].as_u64().unwrap_or_default();
    }
    order.into_iter().map(|city| json!({ "city": city, "sum": sums.get(city) })).collect()
}

fn unique(rows: &[Value]) -> Value {
    let mut seen = std::collections::HashSet::new();
    rows.iter().filter(|row| seen.insert(row["city"].as_str())).cloned().collect()
}
