//! How a store is opened.

use std::sync::Arc;
use std::time::Duration;

use turbocat_core::Clock;

use crate::db::Settings;

/// No lease is shorter: it is renewed three times as often.
const SHORTEST: Duration = Duration::from_millis(50);

/// How a store is opened.
#[derive(Clone)]
pub struct StoreSettings {
    pub(super) database: Settings,
    pub(super) lease: Duration,
    pub(super) writers: usize,
    pub(super) clock: Option<Arc<dyn Clock>>,
}

impl StoreSettings {
    /// The defaults for a database.
    pub fn new(url: &str) -> Self {
        Self::of(Settings::new(url))
    }

    /// The defaults for a database with settings of its own.
    pub const fn of(database: Settings) -> Self {
        Self { database, lease: Duration::from_secs(30), writers: 4, clock: None }
    }

    /// On PostgreSQL: how long a worker holds an execution without renewing it, which it does three
    /// times as often. Default 30 s: when a node dies, others take its executions over within that
    /// time; shorter leases take executions away from nodes that only paused.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(SHORTEST);
        self
    }

    /// On PostgreSQL: how many groups of turns are written at a time, each on a connection of the
    /// pool. Default 4: more do not make one server faster. SQLite has one writer.
    #[must_use]
    pub const fn writers(mut self, writers: usize) -> Self {
        self.writers = if writers == 0 { 1 } else { writers };
        self
    }

    /// Where the time comes from, for tests. Default: the system's clock, put right by the
    /// database's where there are several nodes.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }
}

impl std::fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreSettings")
            .field("database", &self.database)
            .field("lease", &self.lease)
            .field("writers", &self.writers)
            .finish_non_exhaustive()
    }
}
