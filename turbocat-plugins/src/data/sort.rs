//! The operation `sort`: stable, by one key after the other.

use std::cmp::Ordering;

use serde_json::Value;

use super::fault::Outcome;
use super::meter::Meter;
use super::order::compare;
use super::path::Path;
use super::rows::{Data, Item};

/// A key of a sort.
#[derive(Debug)]
pub(super) struct SortKey {
    pub(super) path: Path,
    pub(super) descending: bool,
    pub(super) ignore_case: bool,
}

/// What an item is sorted by.
enum Sorted<'i> {
    /// Null counts as missing.
    Missing,
    Value(&'i Value),
    /// A text in small letters, and as it is for a tie.
    Folded(String, &'i Value),
}

impl Sorted<'_> {
    /// What is missing is larger than everything: last upwards, first downwards.
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Missing, Self::Missing) => Ordering::Equal,
            (Self::Missing, _) => Ordering::Greater,
            (_, Self::Missing) => Ordering::Less,
            (Self::Folded(a, x), Self::Folded(b, y)) => a.cmp(b).then_with(|| compare(x, y)),
            (Self::Value(a) | Self::Folded(_, a), Self::Value(b) | Self::Folded(_, b)) => compare(a, b),
        }
    }
}

/// Sorts the items.
pub(super) fn sort<'a>(data: Data<'a>, keys: &[SortKey], meter: &Meter) -> Outcome<Data<'a>> {
    let items = data.list("sort")?;
    if keys.is_empty() {
        return Ok(Data::List(items));
    }
    let order = {
        let mut found = Vec::with_capacity(items.len() * keys.len());
        for item in &items {
            meter.step()?;
            found.extend(keys.iter().map(|key| match key.path.get(item) {
                None | Some(Value::Null) => Sorted::Missing,
                Some(value @ Value::String(text)) if key.ignore_case => {
                    Sorted::Folded(text.to_lowercase(), value)
                }
                Some(value) => Sorted::Value(value),
            }));
        }
        let row = |at: usize| found.get(at * keys.len()..(at + 1) * keys.len()).unwrap_or_default();
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.sort_by(|a, b| {
            let pairs = row(*a).iter().zip(row(*b)).zip(keys);
            let orders = pairs.map(|((a, b), key)| {
                let order = a.compare(b);
                if key.descending { order.reverse() } else { order }
            });
            orders.fold(Ordering::Equal, Ordering::then)
        });
        order
    };
    meter.look()?;
    let mut items: Vec<Option<Item<'a>>> = items.into_iter().map(Some).collect();
    let sorted = order.into_iter().filter_map(|at| items.get_mut(at).and_then(Option::take));
    Ok(Data::List(sorted.collect()))
}
