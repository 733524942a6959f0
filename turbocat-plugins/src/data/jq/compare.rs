//! The order of values in jq: null, booleans, numbers, texts, lists, objects.

use std::cmp::Ordering;

use super::limits;
use super::value::{Fields, Jv};
use crate::data::number::Numeric;

const fn rank(value: &Jv) -> u8 {
    match value {
        Jv::Null(_) => 0,
        Jv::Bool(_) => 1,
        Jv::Whole(_) | Jv::Large(_) | Jv::Float(_) => 2,
        Jv::Text(_) => 3,
        Jv::List(_) => 4,
        Jv::Object(_) => 5,
    }
}

const fn is_nan(value: &Jv) -> bool {
    matches!(value, Jv::Float(float) if float.is_nan())
}

/// A total order, for sorting: what is no number comes before all numbers and is equal to itself.
impl Ord for Jv {
    fn cmp(&self, other: &Self) -> Ordering {
        limits::step();
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.text.cmp(&b.text),
            (Self::List(a), Self::List(b)) => a.items().cmp(b.items()),
            (Self::Object(a), Self::Object(b)) => {
                let (a, b) = (sorted(a.fields()), sorted(b.fields()));
                let keys = a.iter().map(|(key, _)| key).cmp(b.iter().map(|(key, _)| key));
                keys.then_with(|| a.iter().map(|(_, value)| value).cmp(b.iter().map(|(_, value)| value)))
            }
            (a, b) if rank(a) == 2 && rank(b) == 2 && (is_nan(a) || is_nan(b)) => is_nan(b).cmp(&is_nan(a)),
            (a, b) => match (a.numeric(), b.numeric()) {
                (Some(a), Some(b)) => Numeric::compare(a, b),
                _ => rank(a).cmp(&rank(b)),
            },
        }
    }
}

fn sorted(fields: &Fields) -> Vec<(&str, &Jv)> {
    let mut sorted: Vec<(&str, &Jv)> = fields.iter().map(|(key, value)| (&**key, value)).collect();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    sorted
}

/// The order of `<`, in which what is no number is smaller than every number, itself included:
/// jaq's `isnan` is made of it.
#[expect(clippy::non_canonical_partial_ord_impl, reason = "what is no number is not even equal to itself")]
impl PartialOrd for Jv {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if is_nan(self) && is_nan(other) {
            return Some(Ordering::Less);
        }
        Some(self.cmp(other))
    }
}

impl PartialEq for Jv {
    fn eq(&self, other: &Self) -> bool {
        limits::step();
        match (self, other) {
            (a, b) if is_nan(a) || is_nan(b) => false,
            (Self::List(a), Self::List(b)) => a.items() == b.items(),
            (Self::Object(a), Self::Object(b)) => a.fields() == b.fields(),
            (a, b) => a.cmp(b).is_eq(),
        }
    }
}

impl Eq for Jv {}
