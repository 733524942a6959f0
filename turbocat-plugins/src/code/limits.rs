//! What code may use at most.

use std::time::Duration;

/// What code may use at most, whatever its configuration says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The longest time an attempt may take.
    pub(super) longest: Duration,
    /// The most memory, in bytes.
    pub(super) memory: u64,
    /// Bytes of JSON that the value may have.
    pub(super) output: u64,
    /// Bytes that are kept of what is printed to either stream.
    pub(super) console: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // As long as anybody waits for what only computes.
            longest: Duration::from_secs(300),
            // Ten times what ordinary code needs; it is reserved, not taken.
            memory: 128 << 20,
            // More is a file, and does not belong into a journal.
            output: 4 << 20,
            console: 256 << 10,
        }
    }
}

/// How long an attempt may take if nobody says.
pub(super) const USUAL_TIME: Duration = Duration::from_secs(30);
