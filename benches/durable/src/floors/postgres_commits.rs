//! PostgreSQL, one row a commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use async_trait::async_trait;
use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::sync::Mutex;

use super::event::BODY;
use crate::contestant::{Can, Contestant, Engine, Promise, Result};
use crate::payload::{Digest, value};
use crate::workload::{Database, Workload};

/// Tables of every floor on PostgreSQL.
pub(crate) const SCHEMA: &str = "
    create table if not exists journal (id bigint generated always as identity primary key,
        execution bigint not null, seq bigint not null, body text not null, unique (execution, seq));
    create table if not exists executions (id bigint primary key, status text not null, seq bigint not null,
        output text) with (fillfactor = 50);
    create table if not exists jobs (execution bigint primary key, body text not null);
    create table if not exists outputs (id bigint generated always as identity primary key,
        body text not null);";

/// One row a commit.
pub(crate) struct Floor;

#[async_trait]
impl Contestant for Floor {
    fn name(&self) -> &'static str {
        "floor: a row a commit"
    }

    fn database(&self) -> Database {
        Database::Postgres
    }

    fn promise(&self) -> Promise {
        Promise::Synced
    }

    fn remarks(&self) -> &'static str {
        "sqlx, one connection; chain: one insert into the journal, payload: one insert of the value"
    }

    fn can(&self, workload: Workload) -> Can {
        match workload {
            Workload::Chain { .. } | Workload::Payload { .. } => Can::Yes,
            _ => Can::NotMeant,
        }
    }

    async fn open(&self, place: &str) -> Result<Arc<dyn Engine>> {
        let mut connection = connect(place).await?;
        let settings = settings(&mut connection).await?;
        Ok(Arc::new(Commits { connection: Mutex::new(Some(connection)), settings, executions: 1.into() }))
    }
}

/// Connects and sees that the tables are there.
pub(crate) async fn connect(url: &str) -> Result<PgConnection> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
    Ok(connection)
}

/// What a connection says of itself.
pub(crate) async fn settings(connection: &mut PgConnection) -> Result<String> {
    let sql = "select 'fsync=' || current_setting('fsync') || ', synchronous_commit=' \
               || current_setting('synchronous_commit')";
    Ok(sqlx::query(sql).fetch_one(connection).await?.try_get(0)?)
}

struct Commits {
    connection: Mutex<Option<PgConnection>>,
    settings: String,
    executions: AtomicI64,
}

#[async_trait]
impl Engine for Commits {
    async fn settings(&self) -> Result<String> {
        Ok(self.settings.clone())
    }

    async fn chain(&self, start: i64, steps: usize) -> Result<i64> {
        let mut connection = self.connection.lock().await;
        let connection = connection.as_mut().ok_or("the connection is closed")?;
        let execution = self.executions.fetch_add(1, Relaxed);
        let mut written = 0;
        for seq in 0..i64::try_from(steps)? {
            let insert = sqlx::query("insert into journal (execution, seq, body) values ($1, $2, $3)");
            let insert = insert.bind(execution).bind(seq).bind(BODY);
            written += insert.execute(&mut *connection).await?.rows_affected();
        }
        Ok(start + i64::try_from(written)?)
    }

    async fn payload(&self, bytes: usize) -> Result<Digest> {
        let mut connection = self.connection.lock().await;
        let connection = connection.as_mut().ok_or("the connection is closed")?;
        let value = value(bytes);
        let digest = Digest::of(&value);
        sqlx::query("insert into outputs (body) values ($1)").bind(value).execute(connection).await?;
        Ok(digest)
    }

    async fn close(&self) -> Result<()> {
        let connection = self.connection.lock().await.take();
        if let Some(connection) = connection {
            connection.close().await?;
        }
        Ok(())
    }
}
