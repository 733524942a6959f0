//! Operations over groups of items: `group` and `aggregate`.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value};

use super::fault::Outcome;
use super::identity::{group_key, index_like};
use super::meter::Meter;
use super::path::Path;
use super::rows::{Data, Item};
use super::tally::{Aggregate, Tally};

/// The groups of items with the same value in a field, by their place. The order is that of an
/// object of JavaScript: keys that look like an index by number, then the others as they came.
fn groups<'i>(
    items: &'i [Item<'_>],
    field: &Path,
    meter: &Meter,
) -> Outcome<Vec<(Cow<'i, str>, Vec<usize>)>> {
    let mut places: HashMap<Cow<'i, str>, usize> = HashMap::new();
    let mut groups: Vec<(Cow<'i, str>, Vec<usize>)> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        meter.step()?;
        let key = group_key(field.get(item));
        if let Some((_, members)) = places.get(&key).and_then(|place| groups.get_mut(*place)) {
            members.push(at);
            continue;
        }
        places.insert(key.clone(), groups.len());
        groups.push((key, vec![at]));
    }
    groups.sort_by_key(|(key, _)| index_like(key).map_or((1, 0), |index| (0, index)));
    Ok(groups)
}

/// An object with a list of items for every value of a field.
pub(super) fn group<'a>(data: Data<'a>, field: &Path, meter: &Meter) -> Outcome<Data<'a>> {
    let items = data.list("group")?;
    let groups: Vec<(String, Vec<usize>)> =
        groups(&items, field, meter)?.into_iter().map(|(key, members)| (key.into_owned(), members)).collect();
    let mut items: Vec<Option<Item<'a>>> = items.into_iter().map(Some).collect();
    let mut object = Map::with_capacity(groups.len());
    for (key, members) in groups {
        let mut list = Vec::with_capacity(members.len());
        for member in members {
            meter.step()?;
            list.extend(items.get_mut(member).and_then(Option::take).map(Item::into_value));
        }
        object.insert(key, Value::Array(list));
    }
    Ok(Data::One(Value::Object(object).into()))
}

/// An aggregate of a field, under a name.
#[derive(Debug)]
pub(super) struct Aggregation {
    pub(super) aggregate: Aggregate,
    /// The field and how it is written. `None`: the items themselves are counted.
    pub(super) field: Option<(String, Path)>,
    pub(super) alias: String,
}

/// Aggregates of all items, or of each group.
#[derive(Debug)]
pub(super) struct Aggregations {
    pub(super) each: Vec<Aggregation>,
    /// The field, and its name in the results.
    pub(super) group_by: Option<(String, Path)>,
}

impl Aggregations {
    pub(super) fn apply<'a>(&self, data: Data<'a>, meter: &Meter) -> Outcome<Data<'a>> {
        let items = data.list("aggregate")?;
        let Some((name, field)) = &self.group_by else {
            return Ok(Data::One(
                Value::Object(self.over(&items, 0..items.len(), Map::new(), meter)?).into(),
            ));
        };
        let mut rows = Vec::new();
        for (key, members) in groups(&items, field, meter)? {
            let mut row = Map::with_capacity(self.each.len() + 1);
            row.insert(name.clone(), Value::String(key.into_owned()));
            rows.push(Value::Object(self.over(&items, members, row, meter)?).into());
        }
        Ok(Data::List(rows))
    }

    fn over(
        &self,
        items: &[Item<'_>],
        members: impl IntoIterator<Item = usize>,
        mut row: Map<String, Value>,
        meter: &Meter,
    ) -> Outcome<Map<String, Value>> {
        static HERE: Value = Value::Bool(true);
        let mut tallies: Vec<Tally<'_>> =
            self.each.iter().map(|aggregation| Tally::new(aggregation.aggregate)).collect();
        for item in members.into_iter().filter_map(|member| items.get(member)) {
            meter.step()?;
            for (aggregation, tally) in self.each.iter().zip(&mut tallies) {
                let value = aggregation.field.as_ref().map_or(Some(&HERE), |(_, path)| path.get(item));
                if let Some(value) = value {
                    tally.add(value, aggregation.what())?;
                }
            }
        }
        for (aggregation, tally) in self.each.iter().zip(tallies) {
            row.insert(aggregation.alias.clone(), tally.finish(aggregation.what())?);
        }
        Ok(row)
    }
}

impl Aggregation {
    fn what(&self) -> &str {
        self.field.as_ref().map_or("items", |(name, _)| name)
    }
}
