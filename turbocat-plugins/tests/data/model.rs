//! What the operations are held against: values to make up, and naive words of the model.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Values that are often equal, and of every kind.
pub(crate) fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (-3_i64..4).prop_map(Value::from),
        (-4_i64..5).prop_map(|n| json!(n as f64 / 2.0)),
        prop_oneof![Just("a"), Just("b"), Just("B"), Just("1"), Just(""), Just("undefined")]
            .prop_map(Value::from),
    ]
}

pub(crate) fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..3)
                .prop_map(|fields| json!(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

pub(crate) fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("x"), Just("y"), Just("0"), Just("id")].prop_map(str::to_owned)
}

/// Mostly objects, as data are.
pub(crate) fn item() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => prop::collection::vec((name(), value()), 0..4).prop_map(|fields| json!(fields.into_iter().collect::<Map<_, _>>())),
        1 => value(),
    ]
}

pub(crate) fn rows() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(item(), 0..12)
}

pub(crate) fn path() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("x"), Just("y"), Just("x.y"), Just("x.0"), Just("0"), Just("id")]
}

pub(crate) fn get<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let mut at = value;
    for part in path.split('.') {
        at = match at {
            Value::Object(fields) => fields.get(part)?,
            Value::Array(items) => items.get(part.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(at)
}

/// Equal by content; numbers here are small enough to be compared as floats.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

pub(crate) fn strict(a: Option<&Value>, b: &Value) -> bool {
    a.is_some_and(|a| !a.is_array() && !a.is_object() && same(a, b))
}

pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        // There is no zero below zero in texts.
        Value::Number(number) => (number.as_f64().unwrap() + 0.0).to_string(),
        other => other.to_string(),
    }
}

pub(crate) fn key(value: Option<&Value>) -> String {
    value.filter(|value| !value.is_null()).map_or_else(|| "undefined".to_owned(), text)
}

pub(crate) fn holds(field: Option<&Value>, operator: &str, value: &Value) -> bool {
    let less = |a: &Value, b: &Value| match (a, b) {
        (Value::Number(a), Value::Number(b)) => Some(a.as_f64().unwrap() < b.as_f64().unwrap()),
        (Value::String(a), Value::String(b)) => Some(a < b),
        _ => None,
    };
    let field_text = field.and_then(Value::as_str);
    match operator {
        "eq" => strict(field, value),
        "neq" => !strict(field, value),
        "gt" => field.and_then(|field| less(value, field)) == Some(true),
        "gte" => field.and_then(|field| less(field, value)) == Some(false),
        "lt" => field.and_then(|field| less(field, value)) == Some(true),
        "lte" => field.and_then(|field| less(value, field)) == Some(false),
        "in" => value.as_array().is_some_and(|items| items.iter().any(|item| strict(field, item))),
        "nin" => value.as_array().is_some_and(|items| !items.iter().any(|item| strict(field, item))),
        "contains" => field_text.is_some_and(|field| field.contains(&text(value))),
        "startsWith" => field_text.is_some_and(|field| field.starts_with(&text(value))),
        "endsWith" => field_text.is_some_and(|field| field.ends_with(&text(value))),
        "exists" => {
            let no = matches!(value, Value::Null | Value::Bool(false))
                || *value == json!("")
                || value.as_f64() == Some(0.0);
            field.is_some() != no
        }
        _ => unreachable!("the model knows all operators"),
    }
}

pub(crate) fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 9,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

/// Whether a comes strictly before b.
pub(crate) fn before(a: Option<&Value>, b: Option<&Value>) -> bool {
    let (a, b) = (a.unwrap_or(&Value::Null), b.unwrap_or(&Value::Null));
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => !a && *b,
        (Value::Number(a), Value::Number(b)) => a.as_f64() < b.as_f64(),
        (Value::String(a), Value::String(b)) => a < b,
        (a, b) => rank(a) < rank(b),
    }
}
