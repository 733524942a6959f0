//! A store that is open.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use turbocat_core::{Hint, Timestamp};

use super::group::Writers;
use super::hints::Hints;
use super::moment::{Time, system_now};
use super::settings::StoreSettings;
use super::turn::Turn;
use crate::db::{Database, Kind};
use crate::error::{StorageError, StorageErrorKind};

/// How often the clock of the database is read, and the limits.
const LOOK: Duration = Duration::from_secs(5);

/// The journal of an engine in a database. Cheap to clone; all clones are one store.
///
/// ```
/// use serde_json::json;
/// use turbocat_core::{Engine, Workflow};
/// use turbocat_storage::Store;
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let store = Store::open("sqlite::memory:").await?;
/// let engine = Engine::builder().store(store).build();
/// let workflow = Workflow::from_yaml("steps: { nap: { wait: 1ms } }")?;
/// assert!(engine.run(&workflow, json!({})).await?.is_completed());
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Store(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) database: Database,
    pub(super) time: Time,
    /// How long a worker holds an execution; `None` where nobody else can.
    pub(super) lease: Option<Duration>,
    pub(super) hints: Arc<Hints>,
    writers: Mutex<Option<Arc<Writers>>>,
    writing: Mutex<Vec<JoinHandle<()>>>,
    /// Tasks that end with the store.
    helping: Mutex<Vec<JoinHandle<()>>>,
    /// Agents that have a limited number of places.
    pub(super) limited: RwLock<HashSet<String>>,
    /// How many executions may be given back at a time.
    pub(super) releasing: Semaphore,
}

/// Enough for a group of commits on PostgreSQL; SQLite does one at a time anyway.
const RELEASING: usize = 32;

impl Drop for Inner {
    fn drop(&mut self) {
        for task in self.helping.get_mut().unwrap_or_else(PoisonError::into_inner) {
            task.abort();
        }
    }
}

impl Store {
    /// Opens the store at `sqlite:path`, `sqlite::memory:` or `postgres://…` and brings its tables
    /// up to date. A file that does not exist is made.
    ///
    /// A file is opened by one process at a time. Executions that another one drove when it ended
    /// are ready to be claimed.
    ///
    /// # Errors
    /// If it cannot be opened, another process has it open, or a newer program was here.
    pub async fn open(url: &str) -> Result<Self, StorageError> {
        Self::open_with(StoreSettings::new(url)).await
    }

    /// Opens a store with settings.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_with(settings: StoreSettings) -> Result<Self, StorageError> {
        let StoreSettings { database, lease, writers, clock } = settings;
        let database = Database::open_with(database).await?;
        database.migrate().await?;
        let time = clock.map_or_else(Time::system, Time::Other);
        let (hints, helping, lease, lanes) = match database.kind() {
            Kind::Sqlite => {
                take_back(&database, &time).await?;
                (Arc::new(Hints::here()), Vec::new(), None, 1)
            }
            Kind::Postgres => {
                compare(&database, &time).await?;
                let (hints, tasks) = Hints::everywhere(&database);
                (hints, tasks, Some(lease), writers)
            }
        };
        let (writers, writing) = Writers::new(&database, &time, &hints, lanes);
        let inner = Arc::new(Inner {
            database,
            time,
            lease,
            hints,
            writers: Mutex::new(Some(Arc::new(writers))),
            writing: Mutex::new(writing),
            helping: Mutex::new(helping),
            limited: RwLock::default(),
            releasing: Semaphore::new(RELEASING),
        });
        let store = Self(inner);
        store.look_at_limits().await?;
        if store.0.lease.is_some() {
            let looking = tokio::spawn(look(Arc::downgrade(&store.0)));
            store.0.helping.lock().unwrap_or_else(PoisonError::into_inner).push(looking);
        }
        Ok(store)
    }

    /// The database it is in: for the platform's tables, and for tables of your own.
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// Writes what waits to be written and closes all connections. Everything else answers that the
    /// store is closed from now on. Shut engines down before.
    pub async fn close(&self) {
        let writers = self.0.writers.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(writers);
        let writing = std::mem::take(&mut *self.0.writing.lock().unwrap_or_else(PoisonError::into_inner));
        for task in writing {
            // A task that panicked has nothing left to write.
            let _ = task.await;
        }
        for task in std::mem::take(&mut *self.0.helping.lock().unwrap_or_else(PoisonError::into_inner)) {
            task.abort();
        }
        self.0.database.close().await;
    }

    /// The time, as this store sees it: on PostgreSQL the database's.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.time.now())
    }

    /// Hears which executions this process writes turns of, each time one is durable. What others
    /// write is not heard of; a listener that is too slow misses some, and is told so.
    pub fn turns(&self) -> tokio::sync::broadcast::Receiver<turbocat_core::ExecutionId> {
        self.0.hints.turns()
    }

    /// Returns when a turn is durable.
    pub(super) async fn write(&self, turn: Turn) -> Result<(), StorageError> {
        let writers = self.0.writers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let closed = || StorageError::new(StorageErrorKind::Unavailable, "the store is closed");
        writers.ok_or_else(closed)?.write(turn).await
    }

    pub(crate) fn hint(&self, hint: Hint) {
        self.0.hints.give(hint);
    }

    /// When a lease that begins now ends.
    pub(crate) fn until(&self, now: i64) -> Option<i64> {
        let lease = self.0.lease?;
        Some(now.saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Reads the limits of agents and workflows again, which happens by itself every few seconds on PostgreSQL.
    ///
    /// # Errors
    /// What the database says.
    pub async fn look_at_limits(&self) -> Result<(), StorageError> {
        let text = "select kind, name from concurrency_limits";
        let rows = self.0.database.fetch_all(text, crate::args![]).await?;
        let (mut agents, mut workflows) = (HashSet::new(), false);
        for row in rows {
            match row.get::<String>("kind")?.as_str() {
                "agent" => drop(agents.insert(row.get("name")?)),
                _ => workflows = true,
            }
        }
        *self.0.limited.write().unwrap_or_else(PoisonError::into_inner) = agents;
        self.0.hints.set_limited(workflows);
        Ok(())
    }
}

/// Whoever held executions of a file is gone, as this process has the file now.
async fn take_back(database: &Database, time: &Time) -> Result<(), StorageError> {
    let text = "update jobs set state = 0, stalls = stalls + 1, worker = null, due_ms = $1 where state = 1";
    database.execute(text, crate::args![time.now()]).await?;
    database.execute("delete from agent_places", crate::args![]).await?;
    database.execute("delete from workers", crate::args![]).await?;
    Ok(())
}

/// Reads the clock of the database.
async fn compare(database: &Database, time: &Time) -> Result<(), StorageError> {
    let asked = system_now();
    let text = "select (extract(epoch from clock_timestamp()) * 1000)::int8 as now";
    let now = database.fetch_one(text, crate::args![]).await?.get("now")?;
    time.compare(asked, now, system_now());
    Ok(())
}

async fn look(store: Weak<Inner>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(inner) = store.upgrade() else { return };
        let store = Store(inner);
        let looked = async {
            compare(&store.0.database, &store.0.time).await?;
            store.look_at_limits().await
        };
        if let Err(error) = looked.await {
            tracing::warn!(%error, "the database could not be asked for its clock and its limits");
        }
    }
}
