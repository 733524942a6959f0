//! A task that does all of it, again and again.

use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use turbocat_core::{Hint, Journal};

use super::prune::Cleared;
use crate::error::StorageError;
use crate::platform::{Ages, Platform, Pruned};
use crate::store::Store;

/// How long executions that ended are gathered before they are counted.
const GATHER: Duration = Duration::from_secs(1);
/// How long to wait for a hint that something ended before looking all the same.
const LOOK: Duration = Duration::from_secs(30);

/// Looks after a store: counts what ended, deletes what is old, gives space back.
///
/// Every node may have one; what one does the others find done.
///
/// ```
/// use std::time::Duration;
/// use turbocat_storage::{Caretaker, Store};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let store = Store::open("sqlite::memory:").await?;
/// let month = Duration::from_secs(30 * 24 * 60 * 60);
/// let caretaker = Caretaker::new(store).executions(Some(month));
/// tokio::spawn(async move { caretaker.run().await });
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Caretaker {
    store: Store,
    platform: Platform,
    executions: Option<Duration>,
    ages: Ages,
    every: Duration,
}

/// What a caretaker did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tended {
    /// Executions that were counted.
    pub counted: u64,
    /// Executions that were deleted, and what only they needed.
    pub executions: Cleared,
    /// Rows of the platform that were deleted.
    pub platform: Pruned,
    /// Bytes that were given back.
    pub freed: u64,
}

impl Caretaker {
    /// With the defaults, each of which can be set.
    pub fn new(store: Store) -> Self {
        let time = store.clone();
        let platform = Platform::new(store.database().clone()).with_clock(move || time.now());
        let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
        let executions = Some(days(90));
        Self { store, platform, executions, ages: Ages::default(), every: Duration::from_secs(60 * 60) }
    }

    /// How long executions are kept after their end; `None`: for ever. Default: 90 days, as long as
    /// what was deleted can be restored, and three times as long as what they logged.
    #[must_use]
    pub const fn executions(mut self, age: Option<Duration>) -> Self {
        self.executions = age;
        self
    }

    /// How long the platform's rows are kept.
    #[must_use]
    pub const fn ages(mut self, ages: Ages) -> Self {
        self.ages = ages;
        self
    }

    /// How often it looks for what is old. Default: every hour, so that there is little each time.
    #[must_use]
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every.clamp(Duration::from_millis(1), Duration::from_secs(366 * 24 * 60 * 60));
        self
    }

    /// Does it again and again, until its future is dropped. What ended is counted within seconds.
    pub async fn run(&self) {
        let mut hints = self.store.hints();
        let mut due = Instant::now();
        loop {
            if Instant::now() >= due {
                due = Instant::now() + self.every;
                match self.tend().await {
                    Ok(tended) => tracing::debug!(?tended, "looked after the store"),
                    Err(error) => tracing::warn!(%error, "the store could not be looked after"),
                }
            }
            let ended = async {
                loop {
                    match hints.recv().await {
                        Ok(Hint::Ended(_)) | Err(RecvError::Lagged(_)) => return,
                        Ok(_) => {}
                        Err(RecvError::Closed) => std::future::pending().await,
                    }
                }
            };
            if tokio::time::timeout_at(due.min(Instant::now() + LOOK), ended).await.is_ok() {
                tokio::time::sleep(GATHER).await;
            }
            if let Err(error) = self.store.count_ended().await {
                tracing::warn!(%error, "executions could not be counted");
            }
        }
    }

    /// Does it once, now.
    ///
    /// # Errors
    /// What the database says; what was done until then stays so.
    pub async fn tend(&self) -> Result<Tended, StorageError> {
        let counted = self.store.count_ended().await?;
        let deleted = self.store.prune_deleted(self.ages.deleted).await?;
        let platform = self.platform.prune(self.ages).await?;
        let mut executions = match self.executions {
            Some(age) => self.store.prune(age).await?,
            None => Cleared::default(),
        };
        executions.executions += deleted;
        if self.executions.is_none() {
            self.store.sweep(&mut executions).await?;
        }
        let freed = self.store.vacuum_if_loose().await?;
        Ok(Tended { counted, executions, platform, freed })
    }
}
