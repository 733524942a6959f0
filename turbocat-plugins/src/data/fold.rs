//! The operation `reduce`: one value of all items.

use serde_json::{Map, Value};

use super::fault::Outcome;
use super::meter::Meter;
use super::path::Path;
use super::rows::{Data, Item};
use super::tally::{Aggregate, Tally};

/// How items become one value.
#[derive(Debug)]
pub(super) enum Fold<'c> {
    /// An aggregate of a field.
    Aggregate { aggregate: Aggregate, name: String, field: Path },
    /// Beginning with a value: a list gets each item, an object the fields of each, anything else
    /// gives way to the last item.
    From(&'c Value),
    /// Nothing is asked for.
    Same,
}

impl Fold<'_> {
    pub(super) fn apply<'a>(&self, data: Data<'a>, meter: &Meter) -> Outcome<Data<'a>> {
        let items = data.list("reduce")?;
        match self {
            Self::Same => Ok(Data::List(items)),
            Self::Aggregate { aggregate: Aggregate::First, .. } => Ok(whole(items.into_iter().next())),
            Self::Aggregate { aggregate: Aggregate::Last, .. } => Ok(whole(items.into_iter().next_back())),
            Self::Aggregate { aggregate, name, field } => {
                let mut tally = Tally::new(*aggregate);
                for item in &items {
                    meter.step()?;
                    if let Some(value) = field.get(item) {
                        tally.add(value, name)?;
                    }
                }
                tally.finish(name).map(Data::from)
            }
            Self::From(Value::Array(first)) => {
                let mut all: Vec<Item<'a>> = first.iter().cloned().map(Item::from).collect();
                all.extend(items);
                meter.items(all.len())?;
                Ok(Data::List(all))
            }
            Self::From(Value::Object(first)) => {
                let mut merged = first.clone();
                for item in items {
                    meter.step()?;
                    merged.extend(fields(item));
                }
                Ok(Value::Object(merged).into())
            }
            Self::From(first) => Ok(items
                .into_iter()
                .next_back()
                .map_or_else(|| (*first).clone().into(), |item| whole(Some(item)))),
        }
    }
}

/// An item by itself, which may be a list.
fn whole(item: Option<Item<'_>>) -> Data<'_> {
    match item {
        None => Value::Null.into(),
        Some(Item::Shared(value)) => value.into(),
        Some(Item::Made(value)) => Data::from(*value),
    }
}

/// The fields of an item; anything but an object has none.
fn fields(item: Item<'_>) -> Map<String, Value> {
    match item.into_value() {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
