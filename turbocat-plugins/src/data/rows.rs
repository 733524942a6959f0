//! The data on its way through a pipeline. What nobody changed is borrowed from the inputs and
//! copied at the very end, if it is still there.

use std::ops::Deref;

use serde_json::Value;

use super::fault::{Fault, Outcome, kind_of};
use super::meter::Meter;
use super::path::Path;

/// A value that is borrowed, or was made.
#[derive(Debug)]
pub(super) enum Item<'a> {
    Shared(&'a Value),
    /// In a box, so that sorting moves 16 bytes.
    Made(Box<Value>),
}

impl Deref for Item<'_> {
    type Target = Value;

    fn deref(&self) -> &Value {
        match self {
            Self::Shared(value) => value,
            Self::Made(value) => value,
        }
    }
}

impl From<Value> for Item<'_> {
    fn from(value: Value) -> Self {
        Self::Made(Box::new(value))
    }
}

impl<'a> Item<'a> {
    /// What stands at a path in it, null if nothing does.
    pub(super) fn at(self, path: &Path) -> Self {
        match self {
            Self::Shared(value) => path.get(value).map_or_else(|| Value::Null.into(), Self::Shared),
            Self::Made(value) => path.take(*value).unwrap_or(Value::Null).into(),
        }
    }

    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Shared(value) => value.clone(),
            Self::Made(value) => *value,
        }
    }
}

/// The data of a step of a pipeline.
#[derive(Debug)]
pub(super) enum Data<'a> {
    /// Anything but a list.
    One(Item<'a>),
    List(Vec<Item<'a>>),
}

impl<'a> From<&'a Value> for Data<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Array(items) => Self::List(items.iter().map(Item::Shared).collect()),
            value => Self::One(Item::Shared(value)),
        }
    }
}

impl From<Value> for Data<'_> {
    fn from(value: Value) -> Self {
        match value {
            Value::Array(items) => Self::List(items.into_iter().map(Item::from).collect()),
            value => Self::One(value.into()),
        }
    }
}

impl<'a> Data<'a> {
    /// The items for an operation that needs a list.
    pub(super) fn list(self, operation: &str) -> Outcome<Vec<Item<'a>>> {
        match self {
            Self::List(items) => Ok(items),
            Self::One(value) => {
                Err(Fault::input(format!("`{operation}` takes an array, and was given {}", kind_of(&value))))
            }
        }
    }

    /// What it counts as: the items of a list, the keys of an object, anything else as one.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::List(items) => items.len(),
            Self::One(value) => count(value),
        }
    }

    pub(super) fn into_value(self, meter: &Meter) -> Outcome<Value> {
        match self {
            Self::One(value) => Ok(value.into_value()),
            Self::List(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    meter.step()?;
                    values.push(item.into_value());
                }
                Ok(Value::Array(values))
            }
        }
    }

    /// Counts the bytes of it.
    pub(super) fn measure(&self, meter: &Meter) -> Outcome<()> {
        match self {
            Self::One(value) => meter.grow_by(value, 0),
            Self::List(items) => items.iter().try_for_each(|item| {
                meter.step()?;
                meter.grow_by(item, 1)
            }),
        }
    }
}

/// What a value counts as.
pub(super) fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => 1,
    }
}
