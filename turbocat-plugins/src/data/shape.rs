//! Operations that make something else of each item: `map`, `transform`, `pick`, `omit`, `flatten`.

use serde_json::{Map, Value};

use super::fault::Outcome;
use super::meter::Meter;
use super::path::Path;
use super::rows::{Data, Item};

/// What `map` makes of an item.
#[derive(Debug)]
pub(super) enum Mapping {
    /// What stands at a path.
    Path(Path),
    /// An object: new names, and the paths of what goes there.
    Fields(Vec<(String, Path)>),
    /// The item itself.
    Same,
}

fn each<'a>(items: Vec<Item<'a>>, meter: &Meter, make: impl Fn(Item<'a>) -> Item<'a>) -> Outcome<Data<'a>> {
    let mut made = Vec::with_capacity(items.len());
    for item in items {
        meter.step()?;
        made.push(make(item));
    }
    Ok(Data::List(made))
}

impl Mapping {
    pub(super) fn apply<'a>(&self, data: Data<'a>, meter: &Meter) -> Outcome<Data<'a>> {
        let items = data.list("map")?;
        match self {
            Self::Same => Ok(Data::List(items)),
            Self::Path(path) => each(items, meter, |item| item.at(path)),
            Self::Fields(fields) => each(items, meter, |item| {
                let mut object = Map::with_capacity(fields.len());
                for (name, path) in fields {
                    if let Some(value) = path.get(&item) {
                        object.insert(name.clone(), value.clone());
                    }
                }
                Value::Object(object).into()
            }),
        }
    }
}

/// A path into each item, or into the one value there is.
pub(super) fn transform<'a>(data: Data<'a>, path: Option<&Path>, meter: &Meter) -> Outcome<Data<'a>> {
    match (path, data) {
        (None, data) => Ok(data),
        (Some(path), Data::List(items)) => each(items, meter, |item| item.at(path)),
        (Some(path), Data::One(item)) => Ok(match item.at(path) {
            Item::Shared(value) => value.into(),
            Item::Made(value) => Data::from(*value),
        }),
    }
}

/// Keeps the fields that are there, under their paths as they are written.
pub(super) fn pick<'a>(data: Data<'a>, fields: &[Path], meter: &Meter) -> Outcome<Data<'a>> {
    if fields.is_empty() {
        return Ok(data);
    }
    let make = |item: Item<'a>| {
        let mut object = Map::with_capacity(fields.len());
        for path in fields {
            if let Some(value) = path.get(&item) {
                object.insert(path.to_string(), value.clone());
            }
        }
        Item::from(Value::Object(object))
    };
    match data {
        Data::List(items) => each(items, meter, make),
        Data::One(item) => Ok(Data::One(make(item))),
    }
}

/// Removes keys at the top. What is no object has no keys that could stay.
pub(super) fn omit<'a>(data: Data<'a>, keys: &[&str], meter: &Meter) -> Outcome<Data<'a>> {
    if keys.is_empty() {
        return Ok(data);
    }
    let make = |item: Item<'a>| {
        let kept = match item {
            Item::Made(value) => match *value {
                Value::Object(mut fields) => {
                    fields.retain(|key, _| !keys.contains(&key.as_str()));
                    fields
                }
                _ => Map::new(),
            },
            Item::Shared(Value::Object(fields)) => {
                let kept = fields.iter().filter(|(key, _)| !keys.contains(&key.as_str()));
                kept.map(|(key, value)| (key.clone(), value.clone())).collect()
            }
            Item::Shared(_) => Map::new(),
        };
        Item::from(Value::Object(kept))
    };
    match data {
        Data::List(items) => each(items, meter, make),
        Data::One(item) => Ok(Data::One(make(item))),
    }
}

/// Puts lists in the list in its place, so many levels deep.
pub(super) fn flatten<'a>(data: Data<'a>, depth: u64, meter: &Meter) -> Outcome<Data<'a>> {
    let items = match data {
        Data::List(items) => items,
        one @ Data::One(_) => return Ok(one),
    };
    let mut flat = Vec::with_capacity(items.len());
    // A stack of its own: lists may be nested deeper than a thread's.
    let mut open: Vec<Box<dyn Iterator<Item = Item<'a>> + 'a>> = vec![Box::new(items.into_iter())];
    while let Some(inner) = open.last_mut() {
        meter.step()?;
        let Some(item) = inner.next() else {
            open.pop();
            continue;
        };
        let deep = open.len() as u64 > depth;
        match item {
            Item::Shared(Value::Array(items)) if !deep => open.push(Box::new(items.iter().map(Item::Shared))),
            Item::Made(value) if !deep && value.is_array() => {
                if let Value::Array(items) = *value {
                    open.push(Box::new(items.into_iter().map(Item::from)));
                }
            }
            item => {
                flat.push(item);
                meter.items(flat.len())?;
            }
        }
    }
    Ok(Data::List(flat))
}
