//! SQLite through sqlx: a row a commit, and one writer that commits what is queued.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use tokio::sync::Mutex;

use super::event::{BODY, Event};
use super::group::{Inbox, Queue};
use super::sqlite_commits::{FILE, INSERT_EVENT, SCHEMA};
use super::sqlite_groups::{DELETE_JOB, INSERT_EXECUTION, INSERT_JOB, UPDATE_EXECUTION};
use crate::contestant::{Can, Contestant, Engine, Promise, Result};
use crate::payload::{Digest, value};
use crate::workload::{Database, Workload};

/// The floors again, by the library that most programs use.
pub(crate) struct Floor;

#[async_trait]
impl Contestant for Floor {
    fn name(&self) -> &'static str {
        "the floor through sqlx"
    }

    fn database(&self) -> Database {
        Database::Sqlite
    }

    fn promise(&self) -> Promise {
        Promise::SyncedInGroups
    }

    fn remarks(&self) -> &'static str {
        "sqlx, one connection; rows and groups as the floors, statement by statement; a chain and a payload are not \
         in groups"
    }

    fn can(&self, workload: Workload) -> Can {
        if let Workload::Claims { .. } = workload { Can::NotMeant } else { Can::Yes }
    }

    async fn open(&self, place: &str) -> Result<Arc<dyn Engine>> {
        let mut connection = connect(place).await?;
        let settings = settings(&mut connection).await?;
        let writer = connect(place).await?;
        let queue = Queue::new(|inbox| tokio::spawn(write_all(writer, inbox)));
        let connection = Mutex::new(Some(connection));
        Ok(Arc::new(Sqlx { connection, queue, settings, executions: (-1).into() }))
    }
}

async fn connect(place: &str) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(Path::new(place).join(FILE))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(std::time::Duration::from_secs(10))
        .pragma("wal_autocheckpoint", "4000")
        .pragma("cache_size", "-65536");
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
    Ok(connection)
}

async fn settings(connection: &mut SqliteConnection) -> Result<String> {
    let mode: String = sqlx::query("pragma journal_mode").fetch_one(&mut *connection).await?.try_get(0)?;
    let mut parts = vec![format!("journal_mode={mode}")];
    for pragma in ["synchronous", "wal_autocheckpoint"] {
        let row = sqlx::query(AssertSqlSafe(format!("pragma {pragma}"))).fetch_one(&mut *connection).await?;
        parts.push(format!("{pragma}={}", row.try_get::<i64, _>(0)?));
    }
    Ok(parts.join(", "))
}

struct Sqlx {
    connection: Mutex<Option<SqliteConnection>>,
    queue: Queue,
    settings: String,
    /// Counted down, to stay apart from those of the queue.
    executions: AtomicI64,
}

#[async_trait]
impl Engine for Sqlx {
    async fn settings(&self) -> Result<String> {
        Ok(self.settings.clone())
    }

    async fn chain(&self, start: i64, steps: usize) -> Result<i64> {
        let mut connection = self.connection.lock().await;
        let connection = connection.as_mut().ok_or("the file is closed")?;
        let execution = self.executions.fetch_sub(1, Relaxed);
        let mut written = 0;
        for seq in 0..i64::try_from(steps)? {
            let insert = sqlx::query(INSERT_EVENT).bind(execution).bind(seq).bind(BODY);
            written += insert.execute(&mut *connection).await?.rows_affected();
        }
        Ok(start + i64::try_from(written)?)
    }

    async fn execution(&self, start: i64) -> Result<i64> {
        self.queue.execution(start, true).await
    }

    async fn map(&self, items: usize) -> Result<i64> {
        self.queue.map(items).await
    }

    async fn payload(&self, bytes: usize) -> Result<Digest> {
        let mut connection = self.connection.lock().await;
        let connection = connection.as_mut().ok_or("the file is closed")?;
        let value = value(bytes);
        let digest = Digest::of(&value);
        sqlx::query("insert into outputs (body) values (?)").bind(value).execute(connection).await?;
        Ok(digest)
    }

    async fn close(&self) -> Result<()> {
        self.queue.close().await?;
        let connection = self.connection.lock().await.take();
        if let Some(connection) = connection {
            connection.close().await?;
        }
        Ok(())
    }
}

async fn write_all(mut connection: SqliteConnection, mut inbox: Inbox) -> Result<()> {
    while let Some(group) = inbox.next().await {
        let mut transaction = connection.begin_with("begin immediate").await?;
        for event in &group.events {
            write(&mut transaction, *event).await?;
        }
        transaction.commit().await?;
        group.committed();
    }
    Ok(connection.close().await?)
}

async fn write(connection: &mut SqliteConnection, event: Event) -> Result<()> {
    let (execution, seq) = event.place();
    sqlx::query(INSERT_EVENT).bind(execution).bind(seq).bind(BODY).execute(&mut *connection).await?;
    let (status, output) = match event {
        Event::Item { .. } => return Ok(()),
        Event::Step { last: true, .. } => ("completed", Some("7")),
        Event::Begun { .. } | Event::Step { .. } => ("running", None),
    };
    if let Event::Begun { .. } = event {
        sqlx::query(INSERT_EXECUTION).bind(execution).execute(&mut *connection).await?;
        sqlx::query(INSERT_JOB).bind(execution).bind(BODY).execute(&mut *connection).await?;
    }
    let update = sqlx::query(UPDATE_EXECUTION).bind(execution).bind(status).bind(seq).bind(output);
    update.execute(&mut *connection).await?;
    if let Event::Step { last: true, .. } = event {
        sqlx::query(DELETE_JOB).bind(execution).execute(&mut *connection).await?;
    }
    Ok(())
}
