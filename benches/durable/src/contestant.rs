//! What a contestant must offer: a name, what it promises, and workloads it runs on a fresh store.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::payload::Digest;
use crate::workload::{Database, EXECUTION_STEPS, Workload};

/// Any error ends a turn.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Whether a contestant runs a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Can {
    /// It does.
    Yes,
    /// It cannot: the row has no figure, and this reason beneath the table.
    No(&'static str),
    /// It is not about such workloads: no row.
    NotMeant,
}

/// What is true of a step's result when the next step starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// It is on the disk, synced for itself.
    Synced,
    /// It is on the disk, synced together with others that were ready.
    SyncedInGroups,
    /// It is synced only when the whole execution has ended.
    SyncedAtTheEnd,
    /// It has been given to the system and may be lost with the power.
    NotSynced,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Synced => "each step",
            Self::SyncedInGroups => "each step, in groups",
            Self::SyncedAtTheEnd => "each execution",
            Self::NotSynced => "**never**",
        })
    }
}

/// An engine, or rows written by hand, in one way of using it.
#[async_trait]
pub trait Contestant: Send + Sync {
    /// Name and way of use, as printed; no two on one database are alike.
    fn name(&self) -> &'static str;

    /// Where it keeps its results.
    fn database(&self) -> Database;

    /// What is true of a step's result when the next step starts.
    fn promise(&self) -> Promise;

    /// How it keeps its promise and what it is set up with, in a sentence or two.
    fn remarks(&self) -> &'static str;

    /// Whether it runs a workload.
    fn can(&self, workload: Workload) -> Can;

    /// Opens a store, new or left by a former call: `place` is a folder for SQLite, a URL for PostgreSQL.
    async fn open(&self, place: &str) -> Result<Arc<dyn Engine>>;
}

/// An opened store with all that runs on it.
///
/// A call returns once its result is durable. Results are checked by the caller; the numbers are counted up
/// by the steps themselves, so that a step that did not run is noticed.
#[async_trait]
pub trait Engine: Send + Sync {
    /// The settings that durability hangs on, asked of the connection that writes.
    async fn settings(&self) -> Result<String>;

    /// Runs an execution of `steps` steps; the first is given `start`, each adds one and yields the sum.
    async fn chain(&self, start: i64, steps: usize) -> Result<i64> {
        Err(not_offered(&(start, steps)))
    }

    /// Runs an execution of five such steps; unlike a chain's, their number may be part of its definition.
    async fn execution(&self, start: i64) -> Result<i64> {
        self.chain(start, EXECUTION_STEPS).await
    }

    /// Runs a step for each number below `items`, many at once; each adds one. Yields the sum of theirs.
    async fn map(&self, items: usize) -> Result<i64> {
        Err(not_offered(&items))
    }

    /// Runs a step that yields [`payload::value`](crate::payload::value) and one that takes its digest.
    async fn payload(&self, bytes: usize) -> Result<Digest> {
        Err(not_offered(&bytes))
    }

    /// Queues so many jobs, to be claimed by the next call of [`claim`](Self::claim).
    async fn fill(&self, jobs: usize) -> Result<()> {
        Err(not_offered(&jobs))
    }

    /// Claims and ends all queued jobs over so many connections; yields how many there were.
    async fn claim(&self, connections: usize) -> Result<usize> {
        Err(not_offered(&connections))
    }

    /// Ends all that runs and closes the store.
    async fn close(&self) -> Result<()>;
}

fn not_offered(asked: &dyn fmt::Debug) -> Box<dyn Error + Send + Sync> {
    format!("asked for what `Contestant::can` does not offer: {asked:?}").into()
}
