//! What templates and expressions give, row by row.

mod explaining;
mod hostile;
mod properties;
mod rows;

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Expression, RootKind, RootValue, Template};

/// The roots of the tests: `fetch`, `my-step`, `wrapped`, `gone` are steps, `gone` gave nothing.
fn root(name: &str) -> Option<Value> {
    Some(match name {
        "fetch" => json!({
            "stories": [{"title": "A", "score": 3}, {"title": "B", "score": 1}, {"title": "C", "score": 2}],
            "tookMs": 12,
            "ratio": 0.5,
            "none": null,
            "ok": true,
            "off": false,
            "text": "it is {{ inputs.topic }}",
            "empty": [],
            "blank": "",
            "0": "zero",
            "odd key": 7,
            "my-key": "hyphen",
            "length": "own",
            "tags": ["b", "a", "b"],
            "big": 9_007_199_254_740_993_i64,
            "huge": u64::MAX,
            "price": "19",
            "json": "{\"a\": [1, 2.5]}"
        }),
        "my-step" => json!({"x": 5, "y-z": {"w": 1}}),
        "wrapped" => json!({"output": {"a": 1}, "b": 2}),
        "list" => json!([10, 20, 30]),
        "inputs" => {
            json!({"topic": "rust", "limit": 5, "name": "O\"Brien", "nested": {"deep": [[1, 2], [3]]}})
        }
        "secrets" => json!({"TOKEN": "hunter2-hunter2"}),
        "word" => json!("plain"),
        _ => return None,
    })
}

fn names(name: &str) -> Option<RootKind> {
    match name {
        "fetch" | "my-step" | "wrapped" | "list" | "gone" => Some(RootKind::Step),
        "inputs" | "secrets" | "word" => Some(RootKind::Plain),
        _ => None,
    }
}

fn values(roots: &[Box<str>]) -> Vec<Option<Arc<Value>>> {
    roots.iter().map(|name| root(name).map(Arc::new)).collect()
}

fn seen(values: &[Option<Arc<Value>>]) -> Vec<RootValue<'_>> {
    values.iter().map(Option::as_ref).collect()
}

/// What a template gives, or the text of its first mistake or of its failure.
fn give(template: &Value) -> Result<Value, String> {
    let compiled = Template::compile(template, &names).map_err(|errors| {
        let first = &errors[0];
        first
            .help
            .as_ref()
            .map_or_else(|| first.message.clone(), |help| format!("{}; help: {help}", first.message))
    })?;
    compiled
        .evaluate(&seen(&values(compiled.roots())))
        .map(|value| Value::clone(&value))
        .map_err(|error| error.to_string())
}

fn expression(text: &str) -> Expression {
    Expression::compile(&json!(text), &names).unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
}
