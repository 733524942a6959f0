//! The 13 operators of filters.

use std::borrow::Cow;
use std::sync::Arc;

use regex::Regex;
use serde_json::Value;

use super::fault::{Fault, Outcome, kind_of};
use super::identity::{strictly_equal, text_of};
use super::order::{comparable, compare};
use super::pattern::{Flags, LONGEST_TEXT, pattern};

/// An operator by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Eq,
    Neq,
    Gt,
    Gte,
    Lt,
    Lte,
    In,
    Nin,
    Contains,
    StartsWith,
    EndsWith,
    Exists,
    Regex,
}

impl Operator {
    /// All of them, as they are written.
    pub(super) const ALL: [(&'static str, Self); 13] = [
        ("eq", Self::Eq),
        ("neq", Self::Neq),
        ("gt", Self::Gt),
        ("gte", Self::Gte),
        ("lt", Self::Lt),
        ("lte", Self::Lte),
        ("in", Self::In),
        ("nin", Self::Nin),
        ("contains", Self::Contains),
        ("startsWith", Self::StartsWith),
        ("endsWith", Self::EndsWith),
        ("exists", Self::Exists),
        ("regex", Self::Regex),
    ];
}

/// An operator and what it compares with, made ready for many fields.
#[derive(Debug)]
pub(super) enum Test<'c> {
    Eq(Cow<'c, Value>),
    Neq(Cow<'c, Value>),
    Gt(Cow<'c, Value>),
    Gte(Cow<'c, Value>),
    Lt(Cow<'c, Value>),
    Lte(Cow<'c, Value>),
    In(Members<'c>),
    Nin(Members<'c>),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    Exists(bool),
    Regex(Arc<Regex>),
}

/// The members of a list in order, to look up in.
#[derive(Debug)]
pub(super) struct Members<'c>(Option<Vec<Cow<'c, Value>>>);

impl<'c> Members<'c> {
    /// `None` inside if it is no list: then nothing is in it, and nothing is outside of it either.
    /// Lists and objects are left out, for no object is any other.
    fn of(value: Cow<'c, Value>) -> Self {
        let mut members: Vec<Cow<'c, Value>> = match value {
            Cow::Borrowed(Value::Array(items)) => items.iter().map(Cow::Borrowed).collect(),
            Cow::Owned(Value::Array(items)) => items.into_iter().map(Cow::Owned).collect(),
            _ => return Self(None),
        };
        members.retain(|item| !matches!(**item, Value::Array(_) | Value::Object(_)));
        members.sort_unstable_by(|a, b| compare(a, b));
        Self(Some(members))
    }

    /// Whether a field is in it; `None` if it is no list.
    fn has(&self, field: Option<&Value>) -> Option<bool> {
        let members = self.0.as_ref()?;
        let Some(field) = field.filter(|field| !matches!(field, Value::Array(_) | Value::Object(_))) else {
            return Some(false);
        };
        Some(members.binary_search_by(|member| compare(member, field)).is_ok())
    }
}

impl<'c> Test<'c> {
    /// Makes a test ready. What is wrong with it is a sentence.
    pub(super) fn new(operator: Operator, given: Cow<'c, Value>) -> Result<Self, String> {
        Ok(match operator {
            Operator::Eq => Self::Eq(given),
            Operator::Neq => Self::Neq(given),
            Operator::Gt => Self::Gt(given),
            Operator::Gte => Self::Gte(given),
            Operator::Lt => Self::Lt(given),
            Operator::Lte => Self::Lte(given),
            Operator::In => Self::In(Members::of(given)),
            Operator::Nin => Self::Nin(Members::of(given)),
            Operator::Contains => Self::Contains(needle("contains", &given)?),
            Operator::StartsWith => Self::StartsWith(needle("startsWith", &given)?),
            Operator::EndsWith => Self::EndsWith(needle("endsWith", &given)?),
            Operator::Exists => Self::Exists(truthy(&given)),
            Operator::Regex => match &*given {
                Value::String(text) => Self::Regex(pattern(text, Flags::default())?),
                other => return Err(format!("`regex` takes a pattern, and was given {}", kind_of(other))),
            },
        })
    }

    /// Whether it holds for what a field has; `None`: the field is missing.
    pub(super) fn holds(&self, field: Option<&Value>) -> Outcome<bool> {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let ordered = |value: &Value, wanted: [std::cmp::Ordering; 2]| {
            field.and_then(|field| comparable(field, value)).is_some_and(|found| wanted.contains(&found))
        };
        let text = |found: &dyn Fn(&str) -> bool| matches!(field, Some(Value::String(text)) if found(text));
        Ok(match self {
            Self::Eq(value) => field.is_some_and(|field| strictly_equal(field, value)),
            Self::Neq(value) => !field.is_some_and(|field| strictly_equal(field, value)),
            Self::Gt(value) => ordered(value, [Greater, Greater]),
            Self::Gte(value) => ordered(value, [Greater, Equal]),
            Self::Lt(value) => ordered(value, [Less, Less]),
            Self::Lte(value) => ordered(value, [Less, Equal]),
            Self::In(members) => members.has(field) == Some(true),
            Self::Nin(members) => members.has(field) == Some(false),
            Self::Contains(needle) => text(&|text| text.contains(needle)),
            Self::StartsWith(needle) => text(&|text| text.starts_with(needle)),
            Self::EndsWith(needle) => text(&|text| text.ends_with(needle)),
            Self::Exists(wanted) => field.is_some() == *wanted,
            Self::Regex(pattern) => match field {
                Some(Value::String(text)) if text.len() > LONGEST_TEXT => return Err(too_long(text.len())),
                Some(Value::String(text)) => pattern.is_match(text),
                _ => false,
            },
        })
    }
}

/// A text is longer than patterns are matched against.
pub(super) fn too_long(bytes: usize) -> Fault {
    Fault::limit(format!(
        "a pattern is matched against texts of {LONGEST_TEXT} bytes at most, and this one has {bytes}"
    ))
}

fn needle(operator: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::Array(_) | Value::Object(_) => {
            Err(format!("`{operator}` takes a text, a number or a boolean, and was given {}", kind_of(value)))
        }
        value => Ok(text_of(value).into_owned()),
    }
}

/// Whether a value counts as true in JavaScript.
pub(super) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}
