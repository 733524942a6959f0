//! How much a definition may ask of the machine that reads it.
//!
//! Definitions come from strangers too: every limit is checked while reading, before the memory
//! is spent.

/// How large, how long and how deep a definition may be. Exceeding one is a diagnostic (`D007`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of text. Default 16 MiB: a hundred thousand steps with some text each.
    pub max_bytes: usize,
    /// Steps, nested ones included. Default 100,000: what the scheduler is measured with.
    pub max_steps: usize,
    /// Bodies in bodies: loops and branches inside each other. Default 16.
    pub max_depth: usize,
    /// Levels of one value: inputs, configuration, outputs, metadata. Default 64.
    pub max_value_depth: usize,
    /// Values in the whole text once YAML aliases are written out. Default 4,000,000.
    pub max_values: usize,
    /// Mistakes that are reported; the rest would not be read. Default 200.
    pub max_diagnostics: usize,
}

impl Limits {
    /// Levels of the text as a whole. Not a choice: readers are recursive, and this is what a
    /// small thread's stack surely holds.
    pub(crate) const MAX_TEXT_DEPTH: usize = 120;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 16 << 20,
            max_steps: 100_000,
            max_depth: 16,
            max_value_depth: 64,
            max_values: 4_000_000,
            max_diagnostics: 200,
        }
    }
}
