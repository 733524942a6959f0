//! Conditions: what [`grammar`](super::grammar) reads, asked of an item.

use std::borrow::Cow;

use serde_json::Value;

use super::fault::{Fault, Outcome, kind_of};
use super::identity::strictly_equal;
use super::operator::{Operator, Test};
use super::path::Path;

/// A condition about an item.
#[derive(Debug)]
pub(super) enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// A path compared with a value that stands in the condition.
    Test {
        path: Path,
        test: Test<'static>,
    },
    /// Two operands compared, each looked up for every item.
    Compare {
        left: Operand,
        operator: Operator,
        right: Operand,
    },
    /// `== null` and `!= null`: what is missing counts as null.
    Null {
        operand: Operand,
        wanted: bool,
    },
    /// An operand that is true or false by itself.
    Holds(Operand),
}

/// A side of a comparison.
#[derive(Debug)]
pub(super) enum Operand {
    Path(Path),
    Value(Value),
}

impl Operand {
    fn of<'a>(&'a self, item: &'a Value) -> Option<&'a Value> {
        match self {
            Self::Path(path) => path.get(item),
            Self::Value(value) => Some(value),
        }
    }
}

impl Condition {
    /// Whether it holds for an item.
    pub(super) fn holds(&self, item: &Value) -> Outcome<bool> {
        match self {
            Self::All(parts) => {
                for part in parts {
                    if !part.holds(item)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Any(parts) => {
                for part in parts {
                    if part.holds(item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(part) => Ok(!part.holds(item)?),
            Self::Test { path, test } => test.holds(path.get(item)),
            Self::Null { operand, wanted } => {
                Ok(matches!(operand.of(item), None | Some(Value::Null)) == *wanted)
            }
            Self::Compare { left, operator, right } => compare(left.of(item), *operator, right.of(item)),
            Self::Holds(operand) => match operand.of(item) {
                Some(Value::Bool(value)) => Ok(*value),
                None | Some(Value::Null) => Ok(false),
                Some(other) => {
                    let Operand::Path(path) = operand else { return Ok(false) };
                    let place = if path.is_empty() { "item".to_owned() } else { format!("item.{path}") };
                    Err(Fault::input(format!(
                        "`{place}` is {} where a condition needs true or false; help: compare it with something, or write `{place} exists`",
                        kind_of(other)
                    )))
                }
            },
        }
    }
}

/// Compares two values that are both looked up.
fn compare(left: Option<&Value>, operator: Operator, right: Option<&Value>) -> Outcome<bool> {
    match (operator, right) {
        // Missing is missing, as in JavaScript.
        (Operator::Eq, _) => Ok(match (left, right) {
            (Some(left), Some(right)) => strictly_equal(left, right),
            (left, right) => left.is_none() && right.is_none(),
        }),
        (Operator::Neq, _) => compare(left, Operator::Eq, right).map(|equal| !equal),
        (Operator::In | Operator::Nin, Some(Value::Array(items))) => {
            let found = left.is_some_and(|left| items.iter().any(|item| strictly_equal(left, item)));
            Ok(found == (operator == Operator::In))
        }
        (Operator::Contains | Operator::StartsWith | Operator::EndsWith, None | Some(Value::Null)) => {
            Ok(false)
        }
        (_, None) => Ok(false),
        (_, Some(right)) => Test::new(operator, Cow::Borrowed(right)).map_err(Fault::input)?.holds(left),
    }
}
