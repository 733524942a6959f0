//! Which of two values comes first. One total order over all of JSON, so that sorting never
//! depends on where it begins.

use std::cmp::Ordering;

use serde_json::Value;

use super::number::Numeric;

/// The order of sorting: booleans, numbers, texts, lists, objects. Texts by their code points:
/// the same on every machine, in every language, and what `gt`, `lt`, `min` and `max` say too.
/// All lists are equal, and so are all objects: they keep the order they had.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => Numeric::of(a).compare(Numeric::of(b)),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (a, b) => rank(a).cmp(&rank(b)),
    }
}

const fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

/// Two numbers, or two texts (dates of ISO 8601 among them); nothing else compares.
pub(super) fn comparable(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Some(Numeric::of(a).compare(Numeric::of(b))),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}
