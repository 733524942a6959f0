//! JSON seen by minijinja, without copying it, and minijinja's values turned back into JSON.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value as Dynamic, ValueKind};
use serde_json::{Map, Number, Value};

use super::error::Fault;
use super::path::Key;

/// How deep a value may be nested when it is turned into JSON.
const DEPTH: usize = 128;

/// A list or object inside a root that is shared, not copied.
#[derive(Debug)]
pub(super) struct View {
    root: Arc<Value>,
    keys: Vec<Key>,
}

impl View {
    /// The value seen.
    pub(super) fn value(&self) -> &Value {
        self.keys.iter().try_fold(&*self.root, |value, key| key.of(value)).unwrap_or(&Value::Null)
    }

    /// All of the root, if that is what is seen.
    fn whole(&self) -> Option<&Arc<Value>> {
        self.keys.is_empty().then_some(&self.root)
    }

    fn member(&self, key: Key) -> Option<Dynamic> {
        let value = key.of(self.value())?;
        Some(scalar(value).unwrap_or_else(|| {
            let mut keys = Vec::with_capacity(self.keys.len() + 1);
            keys.extend_from_slice(&self.keys);
            keys.push(key);
            Dynamic::from_object(Self { root: Arc::clone(&self.root), keys })
        }))
    }
}

impl Object for View {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.value().is_array() { ObjectRepr::Seq } else { ObjectRepr::Map }
    }

    fn get_value(self: &Arc<Self>, key: &Dynamic) -> Option<Dynamic> {
        match self.value() {
            Value::Array(_) => self.member(Key::Index(key.as_usize()?)),
            _ => self.member(Key::Name(key.to_str()?)),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.value() {
            Value::Array(list) => Enumerator::Seq(list.len()),
            Value::Object(map) => {
                Enumerator::Values(map.keys().map(|key| Dynamic::from(key.as_str())).collect())
            }
            _ => Enumerator::Empty,
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        match self.value() {
            Value::Array(list) => Some(list.len()),
            Value::Object(map) => Some(map.len()),
            _ => Some(0),
        }
    }
}

/// A part of a root as minijinja sees it.
pub(super) fn lift(root: &Arc<Value>, keys: &[Key], value: &Value) -> Dynamic {
    scalar(value)
        .unwrap_or_else(|| Dynamic::from_object(View { root: Arc::clone(root), keys: keys.to_vec() }))
}

/// A whole value as minijinja sees it.
pub(super) fn lift_owned(value: Value) -> Dynamic {
    scalar(&value).unwrap_or_else(|| Dynamic::from_object(View { root: Arc::new(value), keys: Vec::new() }))
}

fn scalar(value: &Value) -> Option<Dynamic> {
    Some(match value {
        Value::Null => Dynamic::from(()),
        Value::Bool(value) => Dynamic::from(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Dynamic::from(value),
            (None, Some(value)) => Dynamic::from(value),
            (None, None) => Dynamic::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Dynamic::from(text.as_str()),
        Value::Array(_) | Value::Object(_) => return None,
    })
}

/// A result as shared JSON: the very root when it is one.
pub(super) fn settle(value: &Dynamic) -> Result<Arc<Value>, Fault> {
    match value.downcast_object_ref::<View>().and_then(View::whole) {
        Some(root) => Ok(Arc::clone(root)),
        None => to_json(value).map(Arc::new),
    }
}

/// A result as JSON.
pub(super) fn to_json(value: &Dynamic) -> Result<Value, Fault> {
    convert(value, DEPTH)
}

fn convert(value: &Dynamic, depth: usize) -> Result<Value, Fault> {
    if let Some(view) = value.downcast_object_ref::<View>() {
        return Ok(view.value().clone());
    }
    let Some(inner) = depth.checked_sub(1) else {
        return Err(Fault::new("the result is nested too deeply"));
    };
    Ok(match value.kind() {
        ValueKind::None => Value::Null,
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number => Value::Number(number(value)?),
        ValueKind::String => Value::String(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter().map_err(|_| Fault::new("the result cannot be listed"))?;
            Value::Array(items.map(|item| convert(&item, inner)).collect::<Result<_, _>>()?)
        }
        ValueKind::Map => {
            let mut map = Map::with_capacity(value.len().unwrap_or(0));
            for key in value.try_iter().map_err(|_| Fault::new("the result cannot be listed"))? {
                let member = value.get_item(&key).map_err(|_| Fault::new("the result cannot be listed"))?;
                map.insert(name(&key)?, convert(&member, inner)?);
            }
            Value::Object(map)
        }
        ValueKind::Undefined => return Err(Fault::new("the result is missing")),
        _ => return Err(Fault::new("the result is no JSON value")),
    })
}

fn name(key: &Dynamic) -> Result<String, Fault> {
    match key.kind() {
        ValueKind::String => Ok(key.as_str().unwrap_or_default().to_owned()),
        ValueKind::Number | ValueKind::Bool => Ok(key.to_string()),
        _ => Err(Fault::new("a key of an object must be text")),
    }
}

fn number(value: &Dynamic) -> Result<Number, Fault> {
    if value.is_integer() {
        if let Some(small) = value.as_i64() {
            return Ok(small.into());
        }
        return u64::try_from(value.clone())
            .map(Number::from)
            .map_err(|_| Fault::new("the number is too large"));
    }
    f64::try_from(value.clone())
        .ok()
        .and_then(Number::from_f64)
        .ok_or_else(|| Fault::new("the result is not a finite number"))
}

/// A value inside text: numbers, booleans and null plain, text as it is.
pub(super) fn plain(value: &Value, out: &mut String) -> Result<(), Fault> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => out.push_str(text),
        Value::Array(_) => return Err(unfit("an array")),
        Value::Object(_) => return Err(unfit("an object")),
    }
    Ok(())
}

/// The same for a value of minijinja's.
pub(super) fn plain_dynamic(value: &Dynamic) -> Result<String, Fault> {
    match value.kind() {
        ValueKind::String => Ok(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Seq | ValueKind::Iterable => Err(unfit("an array")),
        ValueKind::Map => Err(unfit("an object")),
        _ => {
            let mut text = String::new();
            plain(&to_json(value)?, &mut text)?;
            Ok(text)
        }
    }
}

fn unfit(what: &str) -> Fault {
    Fault::new(format!("{what} cannot stand inside text")).help("use `| tojson`, or refer to a field of it")
}

/// What a value is, in a word.
pub(super) fn kind(value: &Dynamic) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "missing",
        ValueKind::None => "null",
        ValueKind::Bool => "true or false",
        ValueKind::Number => "a number",
        ValueKind::String => "text",
        ValueKind::Seq | ValueKind::Iterable => "an array",
        ValueKind::Map => "an object",
        _ => "no JSON value",
    }
}
