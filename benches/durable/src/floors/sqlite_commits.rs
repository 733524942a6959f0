//! SQLite, one row a commit, with nothing between the loop and the library.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags, params};

use super::event::BODY;
use crate::contestant::{Can, Contestant, Engine, Promise, Result};
use crate::payload::{Digest, value};
use crate::workload::{Database, Workload};

/// What every floor on SQLite sets, and what a program that wants to be fast and safe would.
pub(crate) const PRAGMAS: &str = "pragma journal_mode = wal; pragma synchronous = full; \
    pragma wal_autocheckpoint = 4000; pragma cache_size = -65536; pragma busy_timeout = 10000;";

/// Tables of every floor on SQLite. The journal is appended to by rowid; a clustered key is slower.
pub(crate) const SCHEMA: &str = "
    create table if not exists journal (id integer primary key, execution integer not null,
        seq integer not null, body text not null);
    create unique index if not exists journal_seq on journal (execution, seq);
    create table if not exists executions (id integer primary key, status text not null,
        seq integer not null, output text);
    create table if not exists jobs (execution integer primary key, body text not null);
    create table if not exists outputs (id integer primary key, body text not null);";

/// The name of the file in its folder.
pub(crate) const FILE: &str = "floor.db";

pub(crate) const INSERT_EVENT: &str = "insert into journal (execution, seq, body) values (?, ?, ?)";

/// One row a commit.
pub(crate) struct Floor;

#[async_trait]
impl Contestant for Floor {
    fn name(&self) -> &'static str {
        "floor: a row a commit"
    }

    fn database(&self) -> Database {
        Database::Sqlite
    }

    fn promise(&self) -> Promise {
        Promise::Synced
    }

    fn remarks(&self) -> &'static str {
        "rusqlite in a loop; chain: one insert into the journal, payload: one insert of the value"
    }

    fn can(&self, workload: Workload) -> Can {
        match workload {
            Workload::Chain { .. } | Workload::Payload { .. } => Can::Yes,
            _ => Can::NotMeant,
        }
    }

    async fn open(&self, place: &str) -> Result<Arc<dyn Engine>> {
        let connection = connect(place)?;
        Ok(Arc::new(Commits { connection: Arc::new(Mutex::new(Some(connection))) }))
    }
}

/// Opens the file in a folder, with tables and pragmas.
pub(crate) fn connect(place: &str) -> Result<Connection> {
    let connection = Connection::open_with_flags(Path::new(place).join(FILE), OpenFlags::default())?;
    connection.execute_batch(PRAGMAS)?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

/// What the connection says of itself.
pub(crate) fn settings(connection: &Connection) -> Result<String> {
    let mut parts = Vec::new();
    for pragma in ["journal_mode", "synchronous", "wal_autocheckpoint"] {
        let setting: rusqlite::types::Value =
            connection.query_row(&format!("pragma {pragma}"), [], |row| row.get(0))?;
        let setting = match setting {
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Integer(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        parts.push(format!("{pragma}={setting}"));
    }
    Ok(parts.join(", "))
}

struct Commits {
    connection: Arc<Mutex<Option<Connection>>>,
}

impl Commits {
    /// Works with the connection on a thread that may block.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let connection = Arc::clone(&self.connection);
        let work = move || {
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            work(connection.as_ref().ok_or("the file is closed")?)
        };
        tokio::task::spawn_blocking(work).await?
    }
}

#[async_trait]
impl Engine for Commits {
    async fn settings(&self) -> Result<String> {
        self.with(settings).await
    }

    async fn chain(&self, start: i64, steps: usize) -> Result<i64> {
        self.with(move |connection| {
            let rows = "select coalesce(max(execution), 0) + 1, count(*) from journal";
            let count = |connection: &Connection| {
                connection.query_row(rows, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
            };
            let (execution, before) = count(connection)?;
            let mut insert = connection.prepare_cached(INSERT_EVENT)?;
            for seq in 0..steps {
                insert.execute(params![execution, seq as i64, BODY])?;
            }
            Ok(start + count(connection)?.1 - before)
        })
        .await
    }

    async fn payload(&self, bytes: usize) -> Result<Digest> {
        let value = value(bytes);
        self.with(move |connection| {
            connection.prepare_cached("insert into outputs (body) values (?)")?.execute([&value])?;
            Ok(Digest::of(&value))
        })
        .await
    }

    async fn close(&self) -> Result<()> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        connection.map_or(Ok(()), |connection| Ok(connection.close().map_err(|(_, error)| error)?))
    }
}
