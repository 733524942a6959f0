//! The 7 aggregates, over the values of a field that are there and not null.

use serde_json::Value;

use super::fault::{Fault, Outcome, kind_of};
use super::number::Sum;
use super::order::comparable;

/// An aggregate by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    First,
    Last,
}

impl Aggregate {
    /// All of them, as they are written.
    pub(super) const ALL: [(&'static str, Self); 7] = [
        ("sum", Self::Sum),
        ("avg", Self::Avg),
        ("min", Self::Min),
        ("max", Self::Max),
        ("count", Self::Count),
        ("first", Self::First),
        ("last", Self::Last),
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Count => "count",
            Self::First => "first",
            Self::Last => "last",
        }
    }
}

/// What has been seen of a field so far.
#[derive(Debug)]
pub(super) enum Tally<'v> {
    Sum(Sum),
    Avg(Sum),
    /// The least or the greatest.
    Extreme {
        found: Option<&'v Value>,
        greatest: bool,
    },
    Count(u64),
    First(Option<&'v Value>),
    Last(Option<&'v Value>),
}

impl<'v> Tally<'v> {
    pub(super) fn new(aggregate: Aggregate) -> Self {
        match aggregate {
            Aggregate::Sum => Self::Sum(Sum::default()),
            Aggregate::Avg => Self::Avg(Sum::default()),
            Aggregate::Min => Self::Extreme { found: None, greatest: false },
            Aggregate::Max => Self::Extreme { found: None, greatest: true },
            Aggregate::Count => Self::Count(0),
            Aggregate::First => Self::First(None),
            Aggregate::Last => Self::Last(None),
        }
    }

    /// Adds what a field has; `what` names the field.
    pub(super) fn add(&mut self, value: &'v Value, what: &str) -> Outcome<()> {
        if value.is_null() {
            return Ok(());
        }
        match self {
            Self::Sum(sum) => add(sum, "sum", value, what)?,
            Self::Avg(sum) => add(sum, "avg", value, what)?,
            Self::Extreme { found, greatest } => {
                let name = if *greatest { "max" } else { "min" };
                let Some(best) = *found else {
                    if !matches!(value, Value::Number(_) | Value::String(_)) {
                        let given = kind_of(value);
                        return Err(Fault::input(format!(
                            "`{name}` of `{what}` takes numbers or texts, and was given {given}"
                        )));
                    }
                    *found = Some(value);
                    return Ok(());
                };
                let Some(order) = comparable(value, best) else {
                    let (a, b) = (kind_of(best), kind_of(value));
                    return Err(Fault::input(format!("`{name}` of `{what}` cannot compare {a} with {b}")));
                };
                if if *greatest { order.is_gt() } else { order.is_lt() } {
                    *found = Some(value);
                }
            }
            Self::Count(count) => *count += 1,
            Self::First(first) => *first = first.or(Some(value)),
            Self::Last(last) => *last = Some(value),
        }
        Ok(())
    }

    /// The result.
    pub(super) fn finish(self, what: &str) -> Outcome<Value> {
        match self {
            Self::Sum(sum) => sum.total(what),
            Self::Avg(sum) => sum.mean(what),
            Self::Count(count) => Ok(count.into()),
            Self::Extreme { found, .. } | Self::First(found) | Self::Last(found) => {
                Ok(found.cloned().unwrap_or_default())
            }
        }
    }
}

fn add(sum: &mut Sum, name: &str, value: &Value, what: &str) -> Outcome<()> {
    let Value::Number(number) = value else {
        let given = kind_of(value);
        return Err(Fault::input(format!("`{name}` of `{what}` takes numbers, and was given {given}")));
    };
    sum.add(number);
    Ok(())
}
