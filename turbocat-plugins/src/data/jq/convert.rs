//! From JSON to the values of filters and back, and their text.

use std::fmt;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::limits::{self, Charge};
use super::value::Jv;
use crate::data::fault::{Fault, Outcome};
use crate::data::meter::Meter;
use crate::data::number::{Numeric, computed};

/// How deep the output may be nested. Deeper JSON is refused by those who read it again.
const DEEPEST: u16 = 100;

impl From<&Value> for Jv {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null(0),
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::number(Numeric::of(number)),
            Value::String(text) => Self::text(text.as_str()),
            Value::Array(items) => Self::list(items.iter().map(Self::from)),
            Value::Object(fields) => {
                Self::object(fields.iter().map(|(key, value)| (Rc::from(key.as_str()), Self::from(value))))
            }
        }
    }
}

impl Jv {
    /// The value as JSON, whose bytes are counted before they are there. It pays for its memory as
    /// well: what was shared is copied.
    pub(super) fn to_json(&self, meter: &Meter, paid: &mut Charge) -> Outcome<Value> {
        if self.depth() > DEEPEST {
            return Err(Fault::limit(format!(
                "the filter gives a value that is nested more than {DEEPEST} levels deep"
            )));
        }
        meter.step()?;
        meter.grow(8)?;
        paid.grow(size_of::<Value>());
        Ok(match self {
            Self::Null(_) => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Whole(whole) => Value::from(*whole),
            Self::Large(large) => Value::from(*large),
            Self::Float(float) => computed(*float).ok_or_else(|| {
                Fault::output("the filter gives a number that JSON does not have: infinite, or none at all")
            })?,
            Self::Text(text) => {
                meter.grow(text.text.len())?;
                paid.grow(text.text.len());
                Value::String(text.text.clone().into_string())
            }
            Self::List(list) => {
                meter.items(list.items().len())?;
                Value::Array(
                    list.items().iter().map(|item| item.to_json(meter, paid)).collect::<Outcome<_>>()?,
                )
            }
            Self::Object(object) => {
                let mut fields = Map::with_capacity(object.fields().len());
                for (key, value) in object.fields() {
                    meter.grow(key.len())?;
                    paid.grow(key.len() + size_of::<(String, Value)>());
                    fields.insert(key.to_string(), value.to_json(meter, paid)?);
                }
                Value::Object(fields)
            }
        })
    }

    /// The value as text, which pays for itself while it grows: much of a value may be the same
    /// part of it again and again.
    pub(super) fn json_text(&self) -> Self {
        let mut paper = Paper { text: String::new(), charge: Charge::new(0) };
        // It takes everything, or the evaluation is over.
        let _ = self.write(&mut paper);
        drop(paper.charge);
        Self::text(paper.text)
    }

    fn write(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        limits::step();
        match self {
            Self::Null(_) => out.write_str("null"),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Whole(whole) => write!(out, "{whole}"),
            Self::Large(large) => write!(out, "{large}"),
            Self::Float(float) => match computed(*float) {
                Some(number) => write!(out, "{number}"),
                None => out.write_str("null"),
            },
            Self::Text(text) => quoted(out, &text.text),
            Self::List(list) => {
                out.write_char('[')?;
                for (at, item) in list.items().iter().enumerate() {
                    if at > 0 {
                        out.write_char(',')?;
                    }
                    item.write(out)?;
                }
                out.write_char(']')
            }
            Self::Object(object) => {
                out.write_char('{')?;
                for (at, (key, value)) in object.fields().iter().enumerate() {
                    if at > 0 {
                        out.write_char(',')?;
                    }
                    quoted(out, key)?;
                    out.write_char(':')?;
                    value.write(out)?;
                }
                out.write_char('}')
            }
        }
    }
}

fn quoted(out: &mut dyn fmt::Write, text: &str) -> fmt::Result {
    let quoted = serde_json::to_string(text).map_err(|_| fmt::Error)?;
    out.write_str(&quoted)
}

/// A text that pays for itself.
struct Paper {
    text: String,
    charge: Charge,
}

impl fmt::Write for Paper {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.charge.grow(text.len());
        limits::text(self.text.len() + text.len());
        self.text.push_str(text);
        Ok(())
    }
}

/// For messages: not all of a long value.
impl fmt::Display for Jv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut short = Short { out: f, left: LONGEST_MESSAGE };
        match self.write(&mut short) {
            Err(fmt::Error) if short.left == 0 => f.write_str("…"),
            written => written,
        }
    }
}

/// How much of a value is shown in a message.
const LONGEST_MESSAGE: usize = 300;

/// A text that takes only so much.
struct Short<'f, 'g> {
    out: &'f mut fmt::Formatter<'g>,
    left: usize,
}

impl fmt::Write for Short<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Some(left) = self.left.checked_sub(text.len()) else {
            let end = text.floor_char_boundary(self.left);
            self.left = 0;
            self.out.write_str(text.get(..end).unwrap_or_default())?;
            return Err(fmt::Error);
        };
        self.left = left;
        self.out.write_str(text)
    }
}
