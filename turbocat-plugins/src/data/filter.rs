//! Operations that keep some of the items: `filter` and `unique`.

use std::collections::HashSet;

use serde_json::Value;

use super::condition::Condition;
use super::fault::Outcome;
use super::identity::Identity;
use super::meter::Meter;
use super::operator::Test;
use super::path::Path;
use super::rows::{Data, Item};

/// Which items are kept.
#[derive(Debug)]
pub(super) enum Filter<'c> {
    /// All of them, or any of them, holds.
    Conditions { tests: Vec<(Path, Test<'c>)>, all: bool },
    /// A condition in our language.
    Condition(Condition),
}

impl Filter<'_> {
    pub(super) fn apply<'a>(&self, data: Data<'a>, meter: &Meter) -> Outcome<Data<'a>> {
        let items = data.list("filter")?;
        let mut kept = Vec::new();
        for item in items {
            meter.step()?;
            if self.keeps(&item)? {
                kept.push(item);
            }
        }
        Ok(Data::List(kept))
    }

    fn keeps(&self, item: &Value) -> Outcome<bool> {
        match self {
            Self::Condition(condition) => condition.holds(item),
            Self::Conditions { tests, .. } if tests.is_empty() => Ok(true),
            Self::Conditions { tests, all } => {
                for (path, test) in tests {
                    if test.holds(path.get(item))? != *all {
                        return Ok(!all);
                    }
                }
                Ok(*all)
            }
        }
    }
}

/// Keeps the first item of every value of a field, or the first of all that are the same.
pub(super) fn unique<'a>(data: Data<'a>, field: Option<&Path>, meter: &Meter) -> Outcome<Data<'a>> {
    let items = match data {
        Data::List(items) => items,
        one @ Data::One(_) => return Ok(one),
    };
    let mut first = Vec::with_capacity(items.len());
    let mut seen: HashSet<Option<Identity<'_>>> = HashSet::new();
    for item in &items {
        meter.step()?;
        let key = field.map_or(Some(&**item), |field| field.get(item));
        first.push(seen.insert(key.map(Identity)));
    }
    drop(seen);
    let kept = items.into_iter().zip(first).filter_map(|(item, first)| first.then_some(item));
    Ok(Data::List(kept.collect::<Vec<Item<'a>>>()))
}
