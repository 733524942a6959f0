//! When two values are the same: for sets of values, and as keys of groups and joins.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use serde_json::Value;

use super::number::{Numeric, to_text};

/// A value that is equal to every value of the same content: 1 is 1.0, and the order of keys does
/// not matter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity<'a>(pub(super) &'a Value);

/// Whether two values are the same as JavaScript's `===` sees it: no object is any other.
pub(super) fn strictly_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(_) | Value::Object(_), _) => false,
        (a, b) => Identity(a) == Identity(b),
    }
}

impl PartialEq for Identity<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.0, other.0) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => Numeric::of(a).compare(Numeric::of(b)).is_eq(),
            (Value::String(a), Value::String(b)) => a == b,
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Identity(a) == Identity(b))
            }
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len()
                    && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| Identity(a) == Identity(b)))
            }
            _ => false,
        }
    }
}

impl Eq for Identity<'_> {}

impl Hash for Identity<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.0 {
            Value::Null => state.write_u8(0),
            Value::Bool(value) => (1_u8, value).hash(state),
            Value::Number(number) => match (Numeric::of(number).whole(), Numeric::of(number)) {
                (Some(whole), _) | (None, Numeric::Whole(whole)) => (2_u8, whole).hash(state),
                (None, Numeric::Float(float)) => (3_u8, float.to_bits()).hash(state),
            },
            Value::String(text) => (4_u8, text).hash(state),
            Value::Array(items) => {
                (5_u8, items.len()).hash(state);
                items.iter().for_each(|item| Identity(item).hash(state));
            }
            Value::Object(fields) => {
                (6_u8, fields.len()).hash(state);
                if fields.keys().is_sorted() {
                    fields.iter().for_each(|(key, value)| (key, Identity(value)).hash(state));
                } else {
                    let mut sorted: Vec<_> = fields.iter().collect();
                    sorted.sort_unstable_by_key(|(key, _)| *key);
                    sorted.into_iter().for_each(|(key, value)| (key, Identity(value)).hash(state));
                }
            }
        }
    }
}

/// A scalar as text, as JavaScript's `String(…)` writes it; lists and objects as JSON.
pub(super) fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Null => Cow::Borrowed("null"),
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        Value::Number(number) => Cow::Owned(to_text(number)),
        other => Cow::Owned(other.to_string()),
    }
}

/// The key of a group: what is missing or null stands under `undefined`.
pub(super) fn group_key(value: Option<&Value>) -> Cow<'_, str> {
    match value {
        None | Some(Value::Null) => Cow::Borrowed("undefined"),
        Some(value) => text_of(value),
    }
}

/// The key of a join, in which 1 is `"1"`; what is missing or null matches nothing.
pub(super) fn join_key(value: Option<&Value>) -> Option<Cow<'_, str>> {
    match value {
        None | Some(Value::Null) => None,
        Some(value) => Some(text_of(value)),
    }
}

/// The place of a key among those of an object of JavaScript: keys that look like an index of a
/// list come first, by their number.
pub(super) fn index_like(key: &str) -> Option<u32> {
    let digits = key.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = key == "0" || !key.starts_with('0');
    if !digits || !canonical {
        return None;
    }
    key.parse().ok().filter(|index| *index < u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn values_of_the_same_content_are_one() {
        let same = [
            (json!(1), json!(1.0)),
            (json!(0), json!(-0.0)),
            (json!({"a": 1, "b": [2]}), json!({"b": [2.0], "a": 1})),
            (json!(1e19), json!(10_000_000_000_000_000_000_u64)),
        ];
        for (a, b) in &same {
            let set: HashSet<_> = [Identity(a), Identity(b)].into();
            assert_eq!(set.len(), 1, "{a} {b}");
        }
        let other = [
            (json!(1), json!("1")),
            (json!(null), json!(false)),
            (json!([1, 2]), json!([2, 1])),
            (json!({"a": null}), json!({})),
            (json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992.0)),
        ];
        for (a, b) in &other {
            let set: HashSet<_> = [Identity(a), Identity(b)].into();
            assert_eq!(set.len(), 2, "{a} {b}");
        }
    }

    #[test]
    fn a_key_that_looks_like_an_index_is_known() {
        let check = |key: &str, expected: Option<u32>| assert_eq!(index_like(key), expected, "{key}");
        check("0", Some(0));
        check("12", Some(12));
        check("4294967294", Some(4_294_967_294));
        check("4294967295", None);
        check("01", None);
        check("", None);
        check("-1", None);
        check("1.0", None);
    }
}
