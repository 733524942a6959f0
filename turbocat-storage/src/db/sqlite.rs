//! Opening SQLite: one connection that writes, some that read, and a look whether every setting
//! took.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use log::LevelFilter;
use sqlx::pool::PoolOptions;
use sqlx::sqlite::{
    SqliteArguments, SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Sqlite, Transaction};

use super::lock::FileLock;
use super::row::Row;
use super::settings::{Durability, Settings};
use crate::error::{StorageError, StorageErrorKind};

/// SQLite, open.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) writer: SqlitePool,
    /// The same as `writer` for a database in memory, which only its own connection can see.
    pub(super) readers: SqlitePool,
    /// Whether the connection that writes may have been left in a state in which it does not wait
    /// for the disk; `None` where it never waits.
    left_unsynced: Option<Arc<AtomicBool>>,
    /// The file, if it is one.
    pub(super) path: Option<PathBuf>,
    /// Of a file; a database in memory has none.
    pub(super) lock: Option<FileLock>,
}

/// Pages that may be kept in memory: 64 MiB, as SQLite writes it.
const CACHE: i64 = -65_536;
/// Pages in the log before they are moved to the file. Four times SQLite's default: fewer moves
/// for bursts, and a log of 16 MiB at most.
const CHECKPOINT: i64 = 4000;

const BEGIN: &str = "begin immediate";

pub(super) async fn memory(settings: &Settings) -> Result<Open, StorageError> {
    let options = common(settings).filename(":memory:").auto_vacuum(SqliteAutoVacuum::Incremental);
    let writer = pool(settings, 1).connect_with(options).await?;
    let readers = writer.clone();
    verify(&writer, settings, Role::Memory).await?;
    Ok(Open { writer, readers, left_unsynced: None, path: None, lock: None })
}

pub(super) async fn file(settings: &Settings, path: &Path) -> Result<Open, StorageError> {
    let path = whole(path)?;
    let lock = FileLock::take(&path)?;
    let named = |error: sqlx::Error| {
        let error = StorageError::from(error);
        let message = format!("the database `{}` cannot be opened: {error}", path.display());
        StorageError::new(error.kind(), message).because(error)
    };
    let writing = common(settings)
        .filename(&path)
        .create_if_missing(true)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .pragma("wal_autocheckpoint", CHECKPOINT.to_string())
        .synchronous(match settings.sqlite.durability {
            Durability::Full => SqliteSynchronous::Full,
            Durability::Normal => SqliteSynchronous::Normal,
        });
    let left_unsynced = Arc::new(AtomicBool::new(false));
    let left = left_unsynced.clone();
    let writers = pool(settings, 1).before_acquire(move |connection, _| {
        let left = left.clone();
        Box::pin(async move {
            if left.load(Ordering::Acquire) {
                sqlx::query(SYNC).execute(&mut *connection).await?;
                left.store(false, Ordering::Release);
            }
            Ok(true)
        })
    });
    let writer = writers.connect_with(writing).await.map_err(named)?;
    verify(&writer, settings, Role::Writer).await?;
    let syncs = settings.sqlite.durability == Durability::Full;
    let left_unsynced = syncs.then_some(left_unsynced);
    let reading = common(settings).filename(&path).read_only(true).pragma("query_only", "on");
    let readers =
        pool(settings, settings.sqlite.readers.max(1)).connect_with(reading).await.map_err(named)?;
    verify(&readers, settings, Role::Reader).await?;
    Ok(Open { writer, readers, left_unsynced, path: Some(path), lock: Some(lock) })
}

/// What makes commits wait for the disk again.
const SYNC: &str = "pragma synchronous = full";

impl Open {
    /// A statement whose commit does not wait for the disk. The next one that does takes it along,
    /// as there is one log.
    pub(super) async fn unsynced(
        &self,
        statement: &'static str,
        args: SqliteArguments,
    ) -> Result<Vec<Row>, StorageError> {
        let rows = |rows: Vec<SqliteRow>| rows.into_iter().map(Row::from).collect();
        let Some(left) = self.left_unsynced.clone() else {
            return Ok(rows(sqlx::query_with(statement, args).fetch_all(&self.writer).await?));
        };
        let text = super::sql::safe(format!("pragma synchronous = normal;\n{statement};\n{SYNC}"));
        let writer = self.writer.clone();
        let work = tokio::spawn(async move {
            let mut connection = writer.acquire().await?;
            // Wherever this is stopped: whoever is given the connection next puts it right.
            left.store(true, Ordering::Release);
            let done = sqlx::query_with(text, args).fetch_all(&mut *connection).await;
            if done.is_ok() || sqlx::query(SYNC).execute(&mut *connection).await.is_ok() {
                left.store(false, Ordering::Release);
            }
            done
        });
        let done = work.await.map_err(|error| {
            StorageError::new(StorageErrorKind::Unavailable, "the thread of the database is gone")
                .because(error)
        })?;
        Ok(rows(done?))
    }

    /// Copies everything into a new file, as it is at one moment. On a connection of its own, so
    /// that nobody waits for it; a database in memory has only one.
    pub(super) async fn copy_into(&self, path: &str) -> Result<(), StorageError> {
        let copy = sqlx::query("vacuum into $1").bind(path);
        match &self.path {
            None => {
                copy.execute(&self.writer).await?;
            }
            Some(from) => {
                let options = SqliteConnectOptions::new()
                    .filename(from)
                    .read_only(true)
                    .log_statements(LevelFilter::Off)
                    .disable_statement_logging();
                let mut connection = options.connect().await?;
                let copied = copy.execute(&mut connection).await;
                connection.close().await?;
                copied?;
            }
        }
        Ok(())
    }
}

/// Begins the transaction that writes.
pub(super) async fn begin(open: &Open) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
    match open.writer.begin_with(BEGIN).await {
        // SQLite undid a transaction by itself, as it does when the disk is full. The driver then
        // fails to undo it once more and counts it as open for ever, so it gets another connection.
        // A database in memory lives in its connection; it has no disk.
        Err(sqlx::Error::InvalidSavePointStatement) if open.lock.is_some() => {
            open.writer.acquire().await?.close().await?;
            open.writer.begin_with(BEGIN).await
        }
        begun => begun,
    }
}

#[cfg(test)]
impl Open {
    pub(super) fn leave_unsynced(&self) {
        if let Some(left) = &self.left_unsynced {
            left.store(true, Ordering::Release);
        }
    }
}

/// The path with everything that leads to it resolved, so that two names of a file are one lock.
fn whole(path: &Path) -> Result<PathBuf, StorageError> {
    if let Ok(whole) = path.canonicalize() {
        if whole.is_dir() {
            return Err(StorageError::invalid(format!("`{}` is a folder, not a database", path.display())));
        }
        let read_only = whole.metadata().is_ok_and(|data| data.permissions().readonly());
        if read_only {
            let message = format!("the database `{}` may only be read", path.display());
            return Err(StorageError::new(StorageErrorKind::ReadOnly, message));
        }
        return Ok(whole);
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = folder.canonicalize().map_err(|error| {
        let message = format!(
            "the folder `{}` of the database does not exist; help: create it, or give another path",
            folder.display()
        );
        StorageError::new(StorageErrorKind::Unavailable, message).because(error)
    })?;
    match path.file_name() {
        Some(name) => Ok(folder.join(name)),
        None => Err(StorageError::invalid(format!("`{}` is no path of a file", path.display()))),
    }
}

fn common(settings: &Settings) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .foreign_keys(true)
        .busy_timeout(settings.sqlite.busy_timeout)
        .pragma("cache_size", CACHE.to_string())
        .log_statements(LevelFilter::Off)
        .log_slow_statements(LevelFilter::Warn, settings.slow_statement)
}

/// A pool that keeps its connections: they cost nothing and a database in memory lives in one.
fn pool(settings: &Settings, connections: u32) -> PoolOptions<Sqlite> {
    PoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(settings.sqlite.acquire_timeout)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .test_before_acquire(false)
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Memory,
    Writer,
    Reader,
}

/// SQLite ignores a setting that it does not like. An engine that believes it is durable and is not
/// would be worse than one that does not start.
async fn verify(pool: &SqlitePool, settings: &Settings, role: Role) -> Result<(), StorageError> {
    let mut connection = pool.acquire().await?;
    let busy = i64::try_from(settings.sqlite.busy_timeout.as_millis()).unwrap_or(i64::MAX);
    expect(&mut connection, "pragma foreign_keys", 1).await?;
    expect(&mut connection, "pragma busy_timeout", busy).await?;
    expect(&mut connection, "pragma cache_size", CACHE).await?;
    match role {
        Role::Memory => {}
        Role::Reader => expect(&mut connection, "pragma query_only", 1).await?,
        Role::Writer => {
            let synchronous = match settings.sqlite.durability {
                Durability::Full => 2,
                Durability::Normal => 1,
            };
            expect(&mut connection, "pragma synchronous", synchronous).await?;
            expect(&mut connection, "pragma wal_autocheckpoint", CHECKPOINT).await?;
            expect(&mut connection, "pragma auto_vacuum", 2).await?;
            let mode: String = sqlx::query_scalar("pragma journal_mode").fetch_one(&mut *connection).await?;
            if mode != "wal" {
                return Err(not_taken("pragma journal_mode", "wal", &mode));
            }
        }
    }
    Ok(())
}

async fn expect(connection: &mut SqliteConnection, ask: &'static str, want: i64) -> Result<(), StorageError> {
    let got: i64 = sqlx::query_scalar(ask).fetch_one(connection).await?;
    if got == want { Ok(()) } else { Err(not_taken(ask, &want.to_string(), &got.to_string())) }
}

fn not_taken(ask: &str, want: &str, got: &str) -> StorageError {
    let message = format!(
        "the database did not take a setting: `{ask}` is `{got}` and not `{want}`; help: use a file that Turbocat made, on a local disk"
    );
    StorageError::new(StorageErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::super::{Args, Database};
    use super::*;
    use crate::args;

    const CHANGE: &str = "update settings set value = value + 1 returning value";

    async fn synchronous(database: &Database) -> i64 {
        let rows = database.returning("pragma synchronous", Args::new()).await.unwrap();
        rows[0].get("synchronous").unwrap()
    }

    fn file() -> (PathBuf, String) {
        let folder = std::env::temp_dir().join(format!("turbocat-unsynced-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&folder).unwrap();
        let url = format!("sqlite:{}", folder.join("a.db").display());
        (folder, url)
    }

    #[test]
    fn after_a_change_that_need_not_be_synced_the_next_one_is() {
        let (folder, url) = file();
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let main = runtime();
        let database = main.block_on(async {
            let database = Database::open(&url).await.unwrap();
            database.execute("create table settings (value integer)", args![]).await.unwrap();
            database.execute("insert into settings values (0)", args![]).await.unwrap();
            let rows = database.returning_soon(CHANGE, args![]).await.unwrap();
            assert_eq!(rows[0].get::<i64>("value").unwrap(), 1);
            assert_eq!(synchronous(&database).await, 2);
            assert!(database.returning_soon("update nothing set value = 1", args![]).await.is_err());
            assert_eq!(synchronous(&database).await, 2);
            database
        });
        // Stopped wherever it is.
        for polls in 0..40 {
            let other = runtime();
            let change = database.clone();
            other.spawn(async move { drop(change.returning_soon(CHANGE, args![]).await) });
            other.block_on(async {
                for _ in 0..polls {
                    tokio::task::yield_now().await;
                }
            });
            other.shutdown_background();
            assert_eq!(main.block_on(synchronous(&database)), 2, "after {polls} polls");
        }
        main.block_on(async {
            // As if it had been stopped between the change and the way back.
            let Some(writer) = database.sqlite_writer() else { panic!("this is SQLite") };
            let mut connection = writer.acquire().await.unwrap();
            sqlx::query("pragma synchronous = normal").execute(&mut *connection).await.unwrap();
            database.left_unsynced();
            drop(connection);
            assert_eq!(synchronous(&database).await, 2);
            database.close().await;
        });
        std::fs::remove_dir_all(folder).unwrap();
    }
}
