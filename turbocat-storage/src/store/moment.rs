//! The time, as a store sees it: the same for all nodes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use turbocat_core::Clock;

/// Where a store takes the time from.
#[derive(Clone)]
pub(super) enum Time {
    /// The system, and how far the database's clock is ahead of it, in milliseconds: nodes whose
    /// clocks differ agree on leases that way.
    System { ahead: Arc<AtomicI64> },
    /// Another clock, in tests.
    Other(Arc<dyn Clock>),
}

impl Time {
    pub(super) fn system() -> Self {
        Self::System { ahead: Arc::default() }
    }

    /// Milliseconds since 1970.
    pub(super) fn now(&self) -> i64 {
        match self {
            Self::System { ahead } => system_now().saturating_add(ahead.load(Ordering::Relaxed)),
            Self::Other(clock) => clock.now().as_millis(),
        }
    }

    /// The database said what time it is, between these two moments of the system's.
    pub(super) fn compare(&self, asked: i64, database: i64, answered: i64) {
        if let Self::System { ahead } = self {
            let middle = asked + (answered - asked) / 2;
            ahead.store(database - middle, Ordering::Relaxed);
        }
    }
}

pub(super) fn system_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System { .. } => "System",
            Self::Other(_) => "Other",
        })
    }
}
