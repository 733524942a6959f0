//! How an engine takes executions up: how many, how often it looks for them, how soon it gives up.

use std::error::Error as StdError;
use std::time::Duration;

use super::error::Error;
use super::journal::{Job, JournalError, JournalErrorKind};

/// How an engine takes executions up.
#[derive(Clone, Copy, Debug)]
pub struct WorkOptions {
    pub(super) slots: usize,
    pub(super) poll: Duration,
    attempts: u32,
    pub(super) stalls: u32,
}

impl Default for WorkOptions {
    fn default() -> Self {
        Self { slots: 64, poll: Duration::from_secs(2), attempts: 3, stalls: 10 }
    }
}

impl WorkOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many claimed executions are driven at a time. Default 64: most of them wait for their
    /// agents most of the time.
    #[must_use]
    pub const fn slots(mut self, slots: usize) -> Self {
        self.slots = if slots == 0 { 1 } else { slots };
        self
    }

    /// How often to look for executions that no hint told of, where there are other nodes.
    /// Default 2 s: hints come at once, so this is for those that were missed.
    #[must_use]
    pub const fn poll(mut self, every: Duration) -> Self {
        self.poll = every;
        self
    }

    /// How often an execution that cannot be driven (its agents are not registered here, its
    /// events cannot be read) is tried, with longer and longer pauses, before it is given up.
    /// Default 3. A step that fails is no such case, and a store that does not answer is not
    /// given up.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// How often in a row its worker may go away without the execution getting anywhere, before it
    /// is given up as one that kills its workers. Default 10: a worker that goes away is mostly an
    /// upgrade.
    #[must_use]
    pub const fn stalls(mut self, stalls: u32) -> Self {
        self.stalls = stalls;
        self
    }

    /// After what pause to try again an execution that could not be driven; `None`: it is given up.
    pub(super) fn retry_in(&self, job: Job, error: &Error) -> Option<Duration> {
        let journal = error.source().and_then(<dyn StdError>::downcast_ref::<JournalError>);
        let silent = journal.is_some_and(|error| error.kind() == JournalErrorKind::Unavailable);
        (silent || job.failures.saturating_add(1) < self.attempts).then(|| pause(job))
    }
}

/// How long to wait after that many failures. Chance adds up to a tenth, so that not all come back
/// at once.
fn pause(job: Job) -> Duration {
    let pause =
        Duration::from_secs(1).saturating_mul(1 << job.failures.min(16)).min(Duration::from_secs(300));
    let chance = u32::from(job.execution.as_uuid().as_bytes()[15]);
    pause + pause / 10 * chance / 255
}
