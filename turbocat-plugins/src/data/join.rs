//! The operation `join`: rows of two lists side by side where their keys are the same.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;

use super::fault::Outcome;
use super::identity::join_key;
use super::meter::{Meter, size};
use super::path::Path;
use super::rows::{Data, Item};

/// Which rows without a partner are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JoinType {
    Inner,
    Left,
    Right,
    Full,
}

impl JoinType {
    /// All of them, as they are written.
    pub(super) const ALL: [(&'static str, Self); 4] =
        [("inner", Self::Inner), ("left", Self::Left), ("right", Self::Right), ("full", Self::Full)];
}

/// What is joined, and by what.
#[derive(Debug)]
pub(super) struct Join<'c> {
    pub(super) with: &'c [Value],
    pub(super) on: Path,
    pub(super) right_on: Path,
    pub(super) kind: JoinType,
}

impl<'c> Join<'c> {
    pub(super) fn apply<'a>(&self, data: Data<'a>, meter: &Meter) -> Outcome<Data<'a>>
    where
        'c: 'a,
    {
        let items = data.list("join")?;
        let mut places: HashMap<Cow<'c, str>, Vec<usize>> = HashMap::new();
        for (at, row) in self.with.iter().enumerate() {
            meter.step()?;
            if let Some(key) = join_key(self.right_on.get(row)) {
                places.entry(key).or_default().push(at);
            }
        }
        let mut matched = vec![false; self.with.len()];
        let mut rows = Vec::new();
        let add = |rows: &mut Vec<Item<'a>>, row: Item<'a>| {
            rows.push(row);
            meter.items(rows.len())
        };
        meter.anew();
        for left in items {
            let partners = join_key(self.on.get(&left)).and_then(|key| places.get(&*key));
            let Some(partners) = partners else {
                meter.step()?;
                if matches!(self.kind, JoinType::Left | JoinType::Full) {
                    add(&mut rows, left)?;
                }
                continue;
            };
            for partner in partners {
                meter.step()?;
                let Some(right) = self.with.get(*partner) else { continue };
                if let Some(matched) = matched.get_mut(*partner) {
                    *matched = true;
                }
                // Before it is made: many times many is more than any memory.
                meter.grow(size(&left) + size(right))?;
                add(&mut rows, side_by_side(&left, right).into())?;
            }
        }
        if matches!(self.kind, JoinType::Right | JoinType::Full) {
            for (row, matched) in self.with.iter().zip(matched) {
                meter.step()?;
                if !matched {
                    add(&mut rows, Item::Shared(row))?;
                }
            }
        }
        Ok(Data::List(rows))
    }
}

/// The fields of both rows; the right one's count where both have one.
fn side_by_side(left: &Value, right: &Value) -> Value {
    let mut row = left.as_object().cloned().unwrap_or_default();
    for (key, value) in right.as_object().into_iter().flatten() {
        row.insert(key.clone(), value.clone());
    }
    Value::Object(row)
}
