//! Times to pass and moments, as templates give them: text or numbers.

use std::time::Duration;

use serde_json::Value;

use crate::duration::{from_millis, parse_duration};
use crate::time::Timestamp;

/// A time to pass: a text such as `30s`, or a number of milliseconds.
pub(crate) fn duration(value: &Value) -> Result<Duration, String> {
    match value {
        Value::String(text) => parse_duration(text),
        Value::Number(number) => number
            .as_f64()
            .and_then(from_millis)
            .ok_or_else(|| format!("{number} is not a whole, positive number of milliseconds")),
        other => {
            Err(format!("a time to pass must be a text such as `30s` or milliseconds, not {}", word(other)))
        }
    }
}

/// A moment: an RFC 3339 text, or a number of milliseconds since 1970.
pub(crate) fn moment(value: &Value) -> Result<Timestamp, String> {
    match value {
        Value::String(text) => text
            .parse::<jiff::Timestamp>()
            .map(|moment| Timestamp::from_millis(moment.as_millisecond()))
            .map_err(|_| format!("`{text}` is not a moment such as `2026-01-31T08:00:00Z`")),
        Value::Number(number) => number
            .as_i64()
            .map(Timestamp::from_millis)
            .ok_or_else(|| format!("{number} is not a whole number of milliseconds since 1970")),
        other => Err(format!("a moment must be a text such as `2026-01-31T08:00:00Z`, not {}", word(other))),
    }
}

/// What kind of value it is, with its article.
pub(crate) const fn word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
