//! How deep a value may be nested that is recorded.
//!
//! Values are copied, written, read and dropped by recursion, and steps can nest what they are
//! given a little deeper each: without a limit, a chain of them is a stack overflow.

use serde_json::Value;

use crate::failure::{FailureKind, StepFailure};

/// A JSON text is read back only to 128 levels, and an event has some of its own.
const LEVELS: usize = 100;

/// Whether a value is nested deeper than can be recorded.
pub(crate) fn is_too_deep(value: &Value) -> bool {
    is_deeper(value, LEVELS)
}

/// Whether so little is in a value that looking at all of it costs nothing.
pub(super) fn is_small(value: &Value) -> bool {
    fn count<'v>(values: impl ExactSizeIterator<Item = &'v Value>, left: usize) -> Option<usize> {
        let mut left = left.checked_sub(values.len())?;
        for value in values {
            left = match value {
                Value::Array(items) => count(items.iter(), left)?,
                Value::Object(fields) => count(fields.values(), left)?,
                _ => left,
            };
        }
        Some(left)
    }
    count(std::iter::once(value), 16).is_some()
}

/// What becomes of a step that makes such a value.
pub(super) fn check_depth(what: &str, value: &Value) -> Result<(), StepFailure> {
    if is_too_deep(value) {
        let message = format!("{what} is nested deeper than {LEVELS} levels");
        return Err(StepFailure::new(FailureKind::LIMIT, message).permanent());
    }
    Ok(())
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| is_deeper(item, levels - 1)),
        Value::Object(map) => levels == 0 || map.values().any(|member| is_deeper(member, levels - 1)),
        _ => false,
    }
}
