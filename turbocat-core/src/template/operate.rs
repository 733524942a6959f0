//! The operators: arithmetic, concatenation, comparison, slices. Strict about types and sizes.

use std::cmp::Ordering;

use minijinja::value::{Value as Dynamic, ValueKind};

use super::error::Fault;
use super::fuel::Fuel;
use super::view::{kind, plain_dynamic};

/// An operator between two values that gives a third.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    DivideFloor,
    Remainder,
    Power,
    Concat,
}

/// A comparison of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
    In,
    NotIn,
}

impl Operator {
    pub(super) const fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::DivideFloor => "//",
            Self::Remainder => "%",
            Self::Power => "**",
            Self::Concat => "~",
        }
    }

    /// The result for two values.
    pub(super) fn apply(self, left: &Dynamic, right: &Dynamic, fuel: &mut Fuel) -> Result<Dynamic, Fault> {
        match (self, left.kind(), right.kind()) {
            (Self::Concat, _, _) => join_text(&plain_dynamic(left)?, &plain_dynamic(right)?, fuel),
            (_, ValueKind::Number, ValueKind::Number) => self.calculate(left, right),
            (Self::Add, ValueKind::String, ValueKind::String) => {
                join_text(left.as_str().unwrap_or_default(), right.as_str().unwrap_or_default(), fuel)
            }
            (Self::Add, a, b) if is_list(a) && is_list(b) => {
                let items: Vec<Dynamic> = items(left)?.chain(items(right)?).collect();
                let list = Dynamic::from(items);
                fuel.burn_value(&list)?;
                Ok(list)
            }
            (Self::Multiply, ValueKind::String, ValueKind::Number) => repeat(left, right, fuel),
            (Self::Multiply, ValueKind::Number, ValueKind::String) => repeat(right, left, fuel),
            _ => {
                let fault = Fault::new(format!(
                    "`{}` does not work with {} and {}",
                    self.symbol(),
                    kind(left),
                    kind(right)
                ));
                let text = left.kind() == ValueKind::String || right.kind() == ValueKind::String;
                Err(match self {
                    Self::Add if text => fault.help("`~` puts values together as text"),
                    _ => fault,
                })
            }
        }
    }

    fn calculate(self, left: &Dynamic, right: &Dynamic) -> Result<Dynamic, Fault> {
        if self != Self::Divide
            && let Some((a, b)) = integers(left, right)
            && !(self == Self::Power && b < 0)
        {
            return self
                .whole(a, b)?
                .map(integer)
                .ok_or_else(|| Fault::new(format!("the result of `{}` is too large", self.symbol())));
        }
        let (a, b) = floats(left, right)?;
        if b == 0.0 && matches!(self, Self::Divide | Self::DivideFloor | Self::Remainder) {
            return Err(Fault::new("a division by zero"));
        }
        let result = match self {
            Self::Add | Self::Concat => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Divide => a / b,
            Self::DivideFloor => (a / b).floor(),
            Self::Remainder => a - b * (a / b).floor(),
            Self::Power => a.powf(b),
        };
        if result.is_finite() {
            Ok(Dynamic::from(result))
        } else {
            Err(Fault::new(format!("the result of `{}` is not a finite number", self.symbol())))
        }
    }

    fn whole(self, a: i128, b: i128) -> Result<Option<i128>, Fault> {
        if b == 0 && matches!(self, Self::DivideFloor | Self::Remainder) {
            return Err(Fault::new("a division by zero"));
        }
        Ok(match self {
            Self::Add | Self::Concat | Self::Divide => a.checked_add(b),
            Self::Subtract => a.checked_sub(b),
            Self::Multiply => a.checked_mul(b),
            Self::DivideFloor => floor(a, b).map(|(quotient, _)| quotient),
            Self::Remainder => floor(a, b).map(|(_, remainder)| remainder),
            Self::Power => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
        })
    }
}

impl Comparison {
    pub(super) const fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::In => "in",
            Self::NotIn => "not in",
        }
    }

    /// Whether it holds for two values.
    pub(super) fn holds(self, left: &Dynamic, right: &Dynamic) -> Result<bool, Fault> {
        Ok(match self {
            Self::Equal => equal(left, right),
            Self::Unequal => !equal(left, right),
            Self::In => contains(right, left)?,
            Self::NotIn => !contains(right, left)?,
            Self::Less => self.order(left, right)?.is_some_and(Ordering::is_lt),
            Self::AtMost => self.order(left, right)?.is_some_and(Ordering::is_le),
            Self::Greater => self.order(left, right)?.is_some_and(Ordering::is_gt),
            Self::AtLeast => self.order(left, right)?.is_some_and(Ordering::is_ge),
        })
    }

    fn order(self, left: &Dynamic, right: &Dynamic) -> Result<Option<Ordering>, Fault> {
        match (left.kind(), right.kind()) {
            (ValueKind::Number, ValueKind::Number) => Ok(match integers(left, right) {
                Some((a, b)) => Some(a.cmp(&b)),
                None => {
                    let (a, b) = floats(left, right)?;
                    a.partial_cmp(&b)
                }
            }),
            (ValueKind::String, ValueKind::String) | (ValueKind::Bool, ValueKind::Bool) => {
                Ok(Some(left.cmp(right)))
            }
            (ValueKind::None, _) | (_, ValueKind::None) => Err(self.unfit(left, right).help(
                "`| default(…)` gives a value to use when a step was skipped; test for null with `is none`",
            )),
            _ => Err(self.unfit(left, right).help("convert one of them, such as with `| int` or `| length`")),
        }
    }

    fn unfit(self, left: &Dynamic, right: &Dynamic) -> Fault {
        Fault::new(format!("`{}` cannot compare {} with {}", self.symbol(), kind(left), kind(right)))
    }
}

/// Minus.
pub(super) fn negate(value: &Dynamic) -> Result<Dynamic, Fault> {
    if value.kind() != ValueKind::Number {
        return Err(Fault::new(format!("`-` does not work with {}", kind(value))));
    }
    Operator::Subtract.apply(&Dynamic::from(0), value, &mut Fuel::default())
}

/// The items of a list.
pub(super) fn items(value: &Dynamic) -> Result<impl Iterator<Item = Dynamic> + use<>, Fault> {
    if !is_list(value.kind()) {
        return Err(Fault::new(format!("an array is needed, but this is {}", kind(value))));
    }
    value.try_iter().map_err(|_| Fault::new("an array is needed"))
}

/// A part of a text or list, as in `items[1:3]`.
pub(super) fn slice(of: &Dynamic, bounds: [Option<i64>; 3], fuel: &mut Fuel) -> Result<Dynamic, Fault> {
    let [start, stop, step] = bounds;
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(Fault::new("a slice cannot have a step of 0"));
    }
    if let Some(text) = of.as_str() {
        let chars: Vec<char> = text.chars().collect();
        fuel.burn_text(text.len())?;
        let part: String = places(chars.len(), start, stop, step).map(|at| chars[at]).collect();
        return Ok(Dynamic::from(part));
    }
    let all: Vec<Dynamic> = items(of)?.collect();
    fuel.burn(all.len() as u64)?;
    Ok(places(all.len(), start, stop, step).map(|at| all[at].clone()).collect())
}

fn places(length: usize, start: Option<i64>, stop: Option<i64>, step: i64) -> impl Iterator<Item = usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let (lowest, highest) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let place = |bound: Option<i64>, default: i64| match bound {
        None => default,
        Some(at) if at < 0 => at.saturating_add(length).max(lowest),
        Some(at) => at.min(highest),
    };
    let (from, to) = if step > 0 {
        (place(start, lowest), place(stop, highest))
    } else {
        (place(start, highest), place(stop, lowest))
    };
    std::iter::successors(Some(from), move |at| at.checked_add(step))
        .take_while(move |at| if step > 0 { *at < to } else { *at > to })
        .filter_map(|at| usize::try_from(at).ok())
}

/// A whole number that may be an `i64`.
pub(super) fn integer(value: i128) -> Dynamic {
    i64::try_from(value).map_or_else(|_| Dynamic::from(value), Dynamic::from)
}

fn is_list(kind: ValueKind) -> bool {
    matches!(kind, ValueKind::Seq | ValueKind::Iterable)
}

/// `1 == true` is false here, unlike in Jinja.
fn equal(left: &Dynamic, right: &Dynamic) -> bool {
    (left.kind() == ValueKind::Bool) == (right.kind() == ValueKind::Bool) && left == right
}

fn contains(container: &Dynamic, wanted: &Dynamic) -> Result<bool, Fault> {
    match container.kind() {
        ValueKind::String => match wanted.as_str() {
            Some(part) => Ok(container.as_str().unwrap_or_default().contains(part)),
            None => Err(Fault::new(format!("`in` cannot look for {} in text", kind(wanted)))),
        },
        ValueKind::Map => Ok(container.get_item(wanted).is_ok_and(|member| !member.is_undefined())),
        list if is_list(list) => Ok(items(container)?.any(|item| equal(&item, wanted))),
        _ => Err(Fault::new(format!(
            "`in` needs text, an array or an object, but this is {}",
            kind(container)
        ))),
    }
}

fn join_text(left: &str, right: &str, fuel: &mut Fuel) -> Result<Dynamic, Fault> {
    fuel.burn_text(left.len() + right.len())?;
    Ok(Dynamic::from([left, right].concat()))
}

fn repeat(what: &Dynamic, times: &Dynamic, fuel: &mut Fuel) -> Result<Dynamic, Fault> {
    let text = what.as_str().unwrap_or_default();
    let times = times.as_usize().ok_or_else(|| Fault::new("`*` repeats a whole number of times"))?;
    fuel.burn_text(text.len().saturating_mul(times))?;
    Ok(Dynamic::from(text.repeat(times)))
}

fn integers(left: &Dynamic, right: &Dynamic) -> Option<(i128, i128)> {
    if !(left.is_integer() && right.is_integer()) {
        return None;
    }
    Some((i128::try_from(left.clone()).ok()?, i128::try_from(right.clone()).ok()?))
}

fn floats(left: &Dynamic, right: &Dynamic) -> Result<(f64, f64), Fault> {
    let float = |value: &Dynamic| match i128::try_from(value.clone()) {
        #[expect(clippy::cast_precision_loss, reason = "a whole number next to a float becomes one")]
        Ok(whole) if value.is_integer() => Ok(whole as f64),
        _ => f64::try_from(value.clone()).map_err(|_| Fault::new("the number is too large")),
    };
    Ok((float(left)?, float(right)?))
}

fn floor(a: i128, b: i128) -> Option<(i128, i128)> {
    let (quotient, remainder) = (a.checked_div(b)?, a.checked_rem(b)?);
    Some(if remainder != 0 && (remainder < 0) != (b < 0) {
        (quotient - 1, remainder + b)
    } else {
        (quotient, remainder)
    })
}
