//! How much work and memory one evaluation may use.
//!
//! Every node costs one unit. A list, object or text that is made costs one for every value in it,
//! at any depth, and one for every 32 bytes of text, even where it shares what it holds: comparing
//! or writing it later costs that much. An expression has no loops, so that only what is made can
//! make it expensive.

use minijinja::value::{Value as Dynamic, ValueKind};
use minijinja::{Error, ErrorKind, State};
use serde_json::Value;

use super::error::Fault;
use super::view::View;

/// What one evaluation may use: 128 MB of text, or four million values.
const UNITS: u64 = 4_000_000;

const BYTES_A_UNIT: u64 = 32;

/// The longest list that `range` gives.
pub(super) const LONGEST: usize = 100_000;

/// What is left.
#[derive(Debug)]
pub(super) struct Fuel(u64);

impl Default for Fuel {
    fn default() -> Self {
        Self(UNITS)
    }
}

impl Fuel {
    /// Uses some up.
    pub(super) fn burn(&mut self, units: u64) -> Result<(), Fault> {
        match self.0.checked_sub(units) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => {
                self.0 = 0;
                Err(Fault::new("the expression is too expensive")
                    .help("do less in one token, or use a step for it"))
            }
        }
    }

    /// Uses up what text of some length costs.
    pub(super) fn burn_text(&mut self, bytes: usize) -> Result<(), Fault> {
        self.burn(bytes as u64 / BYTES_A_UNIT + 1)
    }

    /// Uses up what a value costs that was just made.
    pub(super) fn burn_value(&mut self, value: &Dynamic) -> Result<(), Fault> {
        if let Some(view) = value.downcast_object_ref::<View>() {
            return self.burn_json(view.value());
        }
        match value.kind() {
            ValueKind::String => self.burn_text(value.as_str().map_or(0, str::len)),
            ValueKind::Seq | ValueKind::Iterable => {
                self.burn(1)?;
                value.try_iter().into_iter().flatten().try_for_each(|item| self.burn_value(&item))
            }
            ValueKind::Map => {
                self.burn(1)?;
                value.try_iter().into_iter().flatten().try_for_each(|key| {
                    self.burn_value(&key)?;
                    value.get_item(&key).map_or(Ok(()), |member| self.burn_value(&member))
                })
            }
            _ => self.burn(1),
        }
    }

    fn burn_json(&mut self, value: &Value) -> Result<(), Fault> {
        match value {
            Value::String(text) => self.burn_text(text.len()),
            Value::Array(list) => {
                self.burn(1)?;
                list.iter().try_for_each(|item| self.burn_json(item))
            }
            Value::Object(map) => {
                self.burn(1)?;
                map.values().try_for_each(|member| self.burn_json(member))
            }
            _ => self.burn(1),
        }
    }
}

/// The fuel of the evaluation a filter runs in.
pub(super) fn of<'s>(state: &'s mut State<'_, '_>) -> &'s mut Fuel {
    state.get_or_insert_extension_with(Fuel::default)
}

/// A fault on its way through minijinja.
pub(super) fn smuggle(fault: &Fault) -> Error {
    Error::new(ErrorKind::InvalidOperation, fault.message.clone())
}
