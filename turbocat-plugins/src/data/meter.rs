//! How much one call may use, and whether somebody still waits for it.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::fault::{Fault, Outcome};

/// How many items an operation may be given or make, unless the configuration says otherwise.
pub(super) const ITEMS: u64 = 1_000_000;

/// How many bytes of JSON a result may have, unless the configuration says otherwise.
pub(super) const BYTES: u64 = 256 << 20;

/// How deep a result may be nested: those who read its JSON again refuse it soon after.
const DEEPEST: usize = 100;

/// How many steps are made between two looks at the flag.
const LOOK: u32 = 1024;

/// What one call may use.
#[derive(Debug)]
pub(super) struct Meter {
    stop: Arc<AtomicBool>,
    steps: Cell<u32>,
    max_items: u64,
    max_bytes: u64,
    bytes: Cell<u64>,
}

impl Meter {
    pub(super) const fn new(stop: Arc<AtomicBool>, max_items: u64, max_bytes: u64) -> Self {
        Self { stop, steps: Cell::new(0), max_items, max_bytes, bytes: Cell::new(0) }
    }

    /// One step of a loop over data.
    pub(super) fn step(&self) -> Outcome<()> {
        let steps = self.steps.get().wrapping_add(1);
        self.steps.set(steps);
        if steps.is_multiple_of(LOOK) { self.look() } else { Ok(()) }
    }

    /// Whether somebody still waits.
    pub(super) fn look(&self) -> Outcome<()> {
        if self.stop.load(Ordering::Relaxed) { Err(Fault::limit("the attempt was stopped")) } else { Ok(()) }
    }

    pub(super) const fn stop(&self) -> &Arc<AtomicBool> {
        &self.stop
    }

    /// So many items stand in one list.
    pub(super) fn items(&self, count: usize) -> Outcome<()> {
        if count as u64 <= self.max_items {
            return Ok(());
        }
        let most = self.max_items;
        Err(Fault::limit(format!(
            "a list would have more than {most} items; help: raise `maxItems`, or ask for less"
        )))
    }

    /// The result grows by so many bytes.
    pub(super) fn grow(&self, bytes: usize) -> Outcome<()> {
        let bytes = self.bytes.get().saturating_add(bytes as u64);
        self.bytes.set(bytes);
        self.size(bytes)
    }

    /// The result grows by a value, which stands so many levels deep in it.
    pub(super) fn grow_by(&self, value: &Value, level: usize) -> Outcome<()> {
        let bytes = size_within(value, DEEPEST - level)
            .ok_or_else(|| Fault::limit(format!("the result is nested more than {DEEPEST} levels deep")))?;
        self.grow(bytes)
    }

    /// Starts to count the bytes of another result.
    pub(super) fn anew(&self) {
        self.bytes.set(0);
    }

    pub(super) const fn max_items(&self) -> u64 {
        self.max_items
    }

    pub(super) const fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    pub(super) fn size(&self, bytes: u64) -> Outcome<()> {
        if bytes <= self.max_bytes {
            return Ok(());
        }
        let most = self.max_bytes;
        Err(Fault::limit(format!(
            "the result would have more than {most} bytes; help: raise `maxBytes`, or ask for less"
        )))
    }
}

/// About how many bytes a value has as JSON: exact but for numbers and escapes.
pub(super) fn size(value: &Value) -> usize {
    size_within(value, usize::MAX).unwrap_or_default()
}

/// The same, unless the value is nested deeper than so many levels.
fn size_within(value: &Value, levels: usize) -> Option<usize> {
    Some(match value {
        Value::Null | Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => {
            let levels = levels.checked_sub(1)?;
            items.iter().try_fold(2, |sum, item| Some(sum + 1 + size_within(item, levels)?))?
        }
        Value::Object(fields) => {
            let levels = levels.checked_sub(1)?;
            let mut fields = fields.iter();
            fields.try_fold(2, |sum, (key, value)| Some(sum + key.len() + 4 + size_within(value, levels)?))?
        }
    })
}

/// How much work a value is at least, counted until it is `enough`.
pub(super) fn weigh(value: &Value, enough: usize) -> usize {
    fn add(value: &Value, sum: usize, enough: usize) -> usize {
        if sum >= enough {
            return sum;
        }
        match value {
            Value::String(text) => sum + 1 + text.len() / 64,
            Value::Array(items) => items.iter().fold(sum + 1, |sum, item| add(item, sum, enough)),
            Value::Object(fields) => fields.values().fold(sum + 1, |sum, value| add(value, sum, enough)),
            _ => sum + 1,
        }
    }
    add(value, 0, enough)
}
