//! SQLite, one writer that commits what is queued, with nothing between it and the library.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::event::{BODY, Event};
use super::group::{Inbox, Queue};
use super::sqlite_commits::{INSERT_EVENT, connect, settings};
use crate::contestant::{Can, Contestant, Engine, Promise, Result};
use crate::workload::{Database, Workload};

pub(crate) const INSERT_EXECUTION: &str = "insert into executions (id, status, seq) values (?, 'queued', 0)";
pub(crate) const INSERT_JOB: &str = "insert into jobs (execution, body) values (?, ?)";
pub(crate) const UPDATE_EXECUTION: &str =
    "update executions set status = ?2, seq = ?3, output = ?4 where id = ?1";
pub(crate) const DELETE_JOB: &str = "delete from jobs where execution = ?";

/// Rows of executions and maps in groups.
pub(crate) struct Floor {
    name: &'static str,
    promise: Promise,
    remarks: &'static str,
    /// Whether an event waits until the former one of its execution is committed, as it must be if the next
    /// step is to find the result of the last one on the disk.
    waits: bool,
}

impl Floor {
    pub(crate) const WAITS: Self = Self {
        name: "floor: rows in groups",
        promise: Promise::SyncedInGroups,
        remarks: "rusqlite, one writer that commits what is queued; an execution's next event waits for the \
                  last one's commit",
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
        Database::Sqlite
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
        let connection = connect(place)?;
        let settings = settings(&connection)?;
        let write = |inbox| tokio::task::spawn_blocking(|| write_all(connection, inbox));
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

fn write_all(mut connection: Connection, mut inbox: Inbox) -> Result<()> {
    let mut events = 0;
    while let Some(group) = inbox.next_blocking() {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for event in &group.events {
            write(&transaction, *event)?;
        }
        transaction.commit()?;
        events += group.events.len() as i64;
        group.committed();
    }
    let rows: i64 = connection.query_row("select count(*) from journal", [], |row| row.get(0))?;
    if rows != events {
        return Err(format!("{rows} rows in the journal in place of {events}").into());
    }
    Ok(connection.close().map_err(|(_, error)| error)?)
}

fn write(transaction: &Transaction<'_>, event: Event) -> Result<()> {
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| transaction.prepare_cached(sql)?.execute(values);
    let (execution, seq) = event.place();
    run(INSERT_EVENT, params![execution, seq, BODY])?;
    match event {
        Event::Begun { .. } => {
            run(INSERT_EXECUTION, params![execution])?;
            run(INSERT_JOB, params![execution, BODY])?;
            run(UPDATE_EXECUTION, params![execution, "running", seq, None::<&str>])?;
        }
        Event::Step { last: false, .. } => {
            run(UPDATE_EXECUTION, params![execution, "running", seq, None::<&str>])?;
        }
        Event::Step { last: true, .. } => {
            run(UPDATE_EXECUTION, params![execution, "completed", seq, "7"])?;
            run(DELETE_JOB, params![execution])?;
        }
        Event::Item { .. } => {}
    }
    Ok(())
}
