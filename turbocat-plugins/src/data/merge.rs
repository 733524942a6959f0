//! The operation `merge`: two lists into one, two objects into one.

use serde_json::{Map, Value};

use super::fault::{Fault, Outcome};
use super::meter::Meter;
use super::rows::{Data, Item};

/// How deep objects are merged. Deeper ones are refused: the stack of a thread has an end.
const DEEPEST: usize = 256;

/// Merges a source into the data. Of two that do not go together, the data stay as they are.
pub(super) fn merge<'a>(data: Data<'a>, source: &'a Value, deep: bool, meter: &Meter) -> Outcome<Data<'a>> {
    match (data, source) {
        (Data::List(mut items), Value::Array(more)) => {
            meter.items(items.len() + more.len())?;
            items.extend(more.iter().map(Item::Shared));
            Ok(Data::List(items))
        }
        (Data::One(item), Value::Object(source)) if item.is_object() => {
            let Value::Object(mut fields) = item.into_value() else { return Ok(Value::Null.into()) };
            if deep {
                merge_into(&mut fields, source, 0, meter)?;
            } else {
                fields.extend(source.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            Ok(Value::Object(fields).into())
        }
        (data, _) => Ok(data),
    }
}

fn merge_into(
    fields: &mut Map<String, Value>,
    source: &Map<String, Value>,
    depth: usize,
    meter: &Meter,
) -> Outcome<()> {
    if depth == DEEPEST {
        return Err(Fault::limit(format!("`merge` goes {DEEPEST} levels deep, and the objects are deeper")));
    }
    for (key, value) in source {
        meter.step()?;
        match (fields.get_mut(key), value) {
            (Some(Value::Object(inner)), Value::Object(source)) => {
                merge_into(inner, source, depth + 1, meter)?
            }
            (Some(place), value) => *place = value.clone(),
            (None, value) => {
                fields.insert(key.clone(), value.clone());
            }
        }
    }
    Ok(())
}
