//! How much work and memory one evaluation may use.
//!
//! Every node costs one unit, every item of a list that is made costs one, and so do sixteen bytes
//! of text. An expression has no loops, so that these are all that can grow.

use minijinja::value::{Value as Dynamic, ValueKind};
use minijinja::{Error, ErrorKind, State};

use super::error::Fault;

/// What one evaluation may use: about 32 MiB of text, or two million items.
pub(super) const UNITS: u64 = 2_000_000;

const BYTES_A_UNIT: u64 = 16;

/// The longest list that `range` gives and `*` repeats to.
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
        match value.kind() {
            ValueKind::String => self.burn_text(value.as_str().map_or(0, str::len)),
            ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => {
                self.burn(value.len().map_or(1, |length| length as u64 + 1))
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
