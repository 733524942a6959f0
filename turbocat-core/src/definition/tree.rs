//! A text as a tree of values, each with its place: what YAML and JSON have in common.
//!
//! Knows nothing of workflows, and nothing of either syntax.

use serde_json::{Map, Number, Value};

use crate::diagnostic::{Code, Diagnostic, Place, Pointer};

use super::limits::Limits;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) shape: Shape,
    /// Where to mark it: a scalar itself; what is empty, a mapping or a list under a key at that
    /// key. `None` if it does not come from a text.
    pub(crate) place: Option<Place>,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A key of a mapping with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Option<Place>,
    pub(crate) value: Node,
}

/// A text as read: its tree, and mistakes that did not stop the reading.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) root: Node,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl Entry {
    /// An entry, whose value is marked at the key if it is empty, a mapping or a list.
    pub(crate) fn new(key: String, place: Option<Place>, mut value: Node) -> Self {
        if (value.is_container() || value.is_null()) && place.is_some() {
            value.place = place;
        }
        Self { key, place, value }
    }
}

impl Node {
    /// The tree of a value that has no text.
    pub(crate) fn from_value(value: &Value) -> Result<Self, Box<Diagnostic>> {
        Self::grow(value, 0)
    }

    fn grow(value: &Value, depth: usize) -> Result<Self, Box<Diagnostic>> {
        if depth > Limits::MAX_TEXT_DEPTH {
            return Err(Box::new(too_deep(None)));
        }
        let shape = match value {
            Value::Null => Shape::Null,
            Value::Bool(bool) => Shape::Bool(*bool),
            Value::Number(number) => Shape::Number(number.clone()),
            Value::String(text) => Shape::Text(text.clone()),
            Value::Array(items) => {
                Shape::List(items.iter().map(|v| Self::grow(v, depth + 1)).collect::<Result<_, _>>()?)
            }
            Value::Object(map) => Shape::Mapping(
                map.iter()
                    .map(|(key, v)| {
                        let value = Self::grow(v, depth + 1)?;
                        Ok(Entry { key: key.clone(), place: None, value })
                    })
                    .collect::<Result<_, Box<Diagnostic>>>()?,
            ),
        };
        Ok(Self { shape, place: None })
    }

    /// The same without places.
    pub(crate) fn to_value(&self) -> Value {
        match &self.shape {
            Shape::Null => Value::Null,
            Shape::Bool(bool) => Value::Bool(*bool),
            Shape::Number(number) => Value::Number(number.clone()),
            Shape::Text(text) => Value::String(text.clone()),
            Shape::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Shape::Mapping(entries) => Value::Object(
                entries.iter().map(|e| (e.key.clone(), e.value.to_value())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// The value under a key, if this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a key, if this is a mapping that has it.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.shape {
            Shape::Mapping(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The text, if this is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is a mapping or a list.
    pub(crate) const fn is_container(&self) -> bool {
        matches!(self.shape, Shape::List(_) | Shape::Mapping(_))
    }

    /// Whether this is nothing at all.
    pub(crate) const fn is_null(&self) -> bool {
        matches!(self.shape, Shape::Null)
    }

    /// How many levels of mappings and lists it has.
    pub(crate) fn depth(&self) -> usize {
        match &self.shape {
            Shape::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Shape::Mapping(entries) => 1 + entries.iter().map(|e| e.value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// What it is, as a word for messages.
    pub(crate) const fn word(&self) -> &'static str {
        match &self.shape {
            Shape::Null => "empty",
            Shape::Bool(_) => "true or false",
            Shape::Number(_) => "a number",
            Shape::Text(_) => "text",
            Shape::List(_) => "a list",
            Shape::Mapping(_) => "a mapping",
        }
    }
}

/// The diagnostic of a text with too many levels.
pub(crate) fn too_deep(place: Option<Place>) -> Diagnostic {
    let message = format!("the definition is nested deeper than {} levels", Limits::MAX_TEXT_DEPTH);
    Diagnostic::error(Code::LIMIT, Pointer::root(), message)
        .at(place)
        .help("move inner parts into a workflow of their own")
}

/// The diagnostic of a text with too many values.
pub(crate) fn too_many_values(limit: usize, place: Place) -> Diagnostic {
    Diagnostic::error(Code::LIMIT, Pointer::root(), format!("the definition has more than {limit} values"))
        .at(Some(place))
        .help(
            "hand large data over as inputs, and split the definition; aliases count as what they stand for",
        )
}

/// The diagnostic of a key that stands twice in one mapping.
pub(crate) fn duplicate_key(key: &str, place: Option<Place>) -> Diagnostic {
    Diagnostic::error(
        Code::DUPLICATE_KEY,
        Pointer::root(),
        format!("the key `{key}` stands twice in one mapping"),
    )
    .at(place)
    .help("keep one of them, or give the second another name")
}

/// The diagnostic of a text that is not even looked at.
pub(crate) fn too_long(bytes: usize, limit: usize) -> Diagnostic {
    Diagnostic::error(
        Code::LIMIT,
        Pointer::root(),
        format!("the definition has {bytes} bytes, and at most {limit} are read"),
    )
    .help("hand large data over as inputs, and split the definition")
}

/// A place that can be shown: one after the end becomes the last character of the text.
pub(crate) fn within(text: &str, place: Place) -> Place {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).max(1);
    let shown = text.lines().nth(place.line as usize - 1).is_some_and(|line| !line.trim().is_empty());
    if shown {
        return place;
    }
    let before = text.lines().enumerate().take(place.line as usize);
    match before.filter(|(_, line)| !line.trim().is_empty()).last() {
        Some((index, line)) => {
            Place { line: number(index + 1), column: number(line.trim_end().chars().count()), length: 1 }
        }
        None => Place { line: 1, column: 1, length: 1 },
    }
}
