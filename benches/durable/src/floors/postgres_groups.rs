//! PostgreSQL, one writer that commits what is queued, a statement a kind of row.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::{Connection as _, PgConnection, Row as _};

use super::event::{BODY, Event};
use super::group::{Inbox, Queue};
use super::postgres_commits::{connect, settings};
use crate::contestant::{Can, Contestant, Engine, Promise, Result};
use crate::workload::{Database, Workload};

const INSERT_EVENTS: &str = "insert into journal (execution, seq, body)
    select execution, seq, $3 from unnest($1::bigint[], $2::bigint[]) as event (execution, seq)";
const INSERT_EXECUTIONS: &str =
    "insert into executions (id, status, seq) select id, 'queued', 0 from unnest($1::bigint[]) as id";
const INSERT_JOBS: &str =
    "insert into jobs (execution, body) select execution, $2 from unnest($1::bigint[]) as execution";
const UPDATE_EXECUTIONS: &str = "update executions set status = $2, seq = $3, output = $4 where id = any($1)";
const DELETE_JOBS: &str = "delete from jobs where execution = any($1)";

/// Rows of executions and maps in groups.
pub(crate) struct Floor {
    name: &'static str,
    promise: Promise,
    remarks: &'static str,
    /// Whether an event waits until the former one of its execution is committed.
    waits: bool,
}

impl Floor {
    pub(crate) const WAITS: Self = Self {
        name: "floor: rows in groups",
        promise: Promise::SyncedInGroups,
        remarks: "sqlx, one writer that commits what is queued by `unnest`; an execution's next event waits \
                  for the last one's commit",
        waits: true,
    };
    pub(crate) const AT_ONCE: Self = Self {
        name: "mark: an execution's rows at once",
        promise: Promise::SyncedAtTheEnd,
        remarks: "as `rows in groups`, but an execution's rows are handed over together: what could be \
                  reached if no step waited for the disk",
        waits: false,
    };
}

#[async_trait]
impl Contestant for Floor {
    fn name(&self) -> &'static str {
        self.name
    }

    fn database(&self) -> Database {
        Database::Postgres
    }

    fn promise(&self) -> Promise {
        self.promise
    }

    fn remarks(&self) -> &'static str {
        self.remarks
    }

    fn can(&self, workload: Workload) -> Can {
        match workload {
            Workload::Throughput { .. } => Can::Yes,
            Workload::Map { .. } if self.waits => Can::Yes,
            _ => Can::NotMeant,
        }
    }

    async fn open(&self, place: &str) -> Result<Arc<dyn Engine>> {
        let mut connection = connect(place).await?;
        // Tables that were empty when a statement was planned would be read from end to end.
        sqlx::query("set enable_seqscan = off").execute(&mut connection).await?;
        let settings = settings(&mut connection).await?;
        let write = |inbox| tokio::spawn(write_all(connection, inbox));
        Ok(Arc::new(Groups { queue: Queue::new(write), waits: self.waits, settings }))
    }
}

struct Groups {
    queue: Queue,
    waits: bool,
    settings: String,
}

#[async_trait]
impl Engine for Groups {
    async fn settings(&self) -> Result<String> {
        Ok(self.settings.clone())
    }

    async fn chain(&self, start: i64, _: usize) -> Result<i64> {
        self.queue.execution(start, self.waits).await
    }

    async fn map(&self, items: usize) -> Result<i64> {
        self.queue.map(items).await
    }

    async fn close(&self) -> Result<()> {
        self.queue.close().await
    }
}

async fn write_all(mut connection: PgConnection, mut inbox: Inbox) -> Result<()> {
    let mut events = 0;
    while let Some(group) = inbox.next().await {
        let mut transaction = connection.begin().await?;
        write(&mut transaction, &group.events).await?;
        transaction.commit().await?;
        events += group.events.len() as i64;
        group.committed();
    }
    let rows: i64 =
        sqlx::query("select count(*) from journal").fetch_one(&mut connection).await?.try_get(0)?;
    if rows != events {
        return Err(format!("{rows} rows in the journal in place of {events}").into());
    }
    Ok(connection.close().await?)
}

async fn write(connection: &mut PgConnection, events: &[Event]) -> Result<()> {
    let (executions, seqs): (Vec<i64>, Vec<i64>) = events.iter().map(|event| event.place()).unzip();
    let insert = sqlx::query(INSERT_EVENTS).bind(executions).bind(seqs).bind(BODY);
    insert.execute(&mut *connection).await?;

    // An execution may have several events in a group: those of one place at a time, so that its row is
    // updated as often as it would be alone.
    let of_executions = || events.iter().filter(|event| !matches!(event, Event::Item { .. }));
    let places: BTreeSet<i64> = of_executions().map(|event| event.place().1).collect();
    for seq in places {
        let here = || of_executions().filter(|event| event.place().1 == seq);
        let ids: Vec<i64> = here().map(|event| event.place().0).collect();
        let last = here().any(|event| matches!(event, Event::Step { last: true, .. }));
        if seq == 0 {
            sqlx::query(INSERT_EXECUTIONS).bind(&ids).execute(&mut *connection).await?;
            sqlx::query(INSERT_JOBS).bind(&ids).bind(BODY).execute(&mut *connection).await?;
        }
        let (status, output) = if last { ("completed", Some("7")) } else { ("running", None) };
        let update = sqlx::query(UPDATE_EXECUTIONS).bind(&ids).bind(status).bind(seq).bind(output);
        update.execute(&mut *connection).await?;
        if last {
            sqlx::query(DELETE_JOBS).bind(&ids).execute(&mut *connection).await?;
        }
    }
    Ok(())
}
