//! Deletes executions that ended long ago, with all that is theirs.

use std::time::{Duration, Instant};

use turbocat_core::Timestamp;
use uuid::Uuid;

use super::sweep;
use crate::args;
use crate::db::{Kind, Sql, Transaction};
use crate::error::StorageError;
use crate::store::Store;

macro_rules! rows_of {
    ($table:literal) => {
        [
            concat!(
                "delete from ",
                $table,
                " where rowid in (select rowid from ",
                $table,
                " where execution_id in (select unhex(value) from json_each($1)) limit $2)"
            ),
            concat!(
                "delete from ",
                $table,
                " where ctid = any(array(select ctid from ",
                $table,
                " where execution_id = any($1) limit $2))"
            ),
        ]
    };
}

/// How many executions go in one transaction.
const EXECUTIONS: i64 = 100;
/// How many rows of events, logs or references to values go in one transaction: a few milliseconds.
const ROWS: i64 = 2000;
/// The tables with rows of executions, on SQLite and on PostgreSQL.
const ROWS_OF: [[&str; 2]; 3] =
    [rows_of!("execution_events"), rows_of!("execution_logs"), rows_of!("execution_blobs")];
/// The key of PostgreSQL's advisory lock: the letters "prune". One node at a time is enough.
const LOCK: i64 = 0x70_7275_6e65;

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cleared {
    /// Executions.
    pub executions: u64,
    /// Large values that nothing referred to any more.
    pub values: u64,
    /// Definitions that no execution was of any more.
    pub definitions: u64,
}

impl Store {
    /// Deletes the executions that ended longer ago than that, with their events, letters and logs;
    /// then large values and definitions that nothing refers to any more.
    ///
    /// What has not ended stays, and what a parent that has not ended started, as it may ask for
    /// it. It goes in small transactions with pauses as long as they took, so that whoever commits
    /// waits for milliseconds. Executions may begin and go on meanwhile. If several nodes do it at
    /// once, one of them does.
    ///
    /// # Errors
    /// What the database says; what was deleted until then stays so.
    pub async fn prune(&self, age: Duration) -> Result<Cleared, StorageError> {
        let before = self.before(age);
        let mut cleared = Cleared::default();
        let mut last = (Timestamp::from_millis(0), Uuid::nil());
        loop {
            let text = "select x.id, x.completed_at from executions as x
                where x.completed_at is not null and x.completed_at < $1
                    and x.completed_at >= $2 and (x.completed_at > $2 or x.id > $3)
                    and x.status not in ('pending', 'running') and not exists (
                        select 1 from executions as p
                        where p.id = x.parent_id and p.status in ('pending', 'running'))
                order by x.completed_at, x.id limit $4";
            let rows = self.database().fetch_all(text, args![before, last.0, last.1, EXECUTIONS]).await?;
            let Some(row) = rows.last() else { break };
            last = (row.get("completed_at")?, row.get("id")?);
            let ids: Vec<Uuid> = rows.iter().map(|row| row.get("id")).collect::<Result<_, _>>()?;
            match self.delete_executions(&ids).await? {
                Some(count) => cleared.executions += count,
                None => return Ok(cleared),
            }
        }
        self.sweep(&mut cleared).await?;
        Ok(cleared)
    }

    /// Deletes what nothing refers to any more.
    pub(super) async fn sweep(&self, cleared: &mut Cleared) -> Result<(), StorageError> {
        cleared.values += sweep::values(self).await?;
        cleared.definitions += sweep::definitions(self).await?;
        Ok(())
    }

    /// Deletes the executions that would go with a workflow or a user that is about to be deleted
    /// for good: that would be one transaction for all of them.
    pub(super) async fn prune_deleted(&self, age: Duration) -> Result<u64, StorageError> {
        let mut count = 0;
        for text in [
            "select x.id from executions as x join workflows as o on o.id = x.workflow_id
                where o.deleted_at < $1 and x.status not in ('pending', 'running') limit $2",
            "select x.id from executions as x join users as o on o.id = x.user_id
                where o.deleted_at < $1 and x.status not in ('pending', 'running') limit $2",
        ] {
            loop {
                let rows = self.database().fetch_all(text, args![self.before(age), EXECUTIONS]).await?;
                let ids: Vec<Uuid> = rows.iter().map(|row| row.get("id")).collect::<Result<_, _>>()?;
                match self.delete_executions(&ids).await? {
                    Some(deleted) if deleted > 0 => count += deleted,
                    _ => break,
                }
            }
        }
        Ok(count)
    }

    fn before(&self, age: Duration) -> Timestamp {
        let millis = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        // Not before 1970: nothing is, and PostgreSQL counts no further back than it must.
        Timestamp::from_millis(self.now().as_millis().saturating_sub(millis).max(0))
    }

    /// Deletes executions that ended. `None` if another node prunes.
    async fn delete_executions(&self, ids: &[Uuid]) -> Result<Option<u64>, StorageError> {
        loop {
            let began = Instant::now();
            let mut transaction = self.database().begin().await?;
            if !is_alone(&mut transaction).await? {
                return Ok(None);
            }
            let mut left = ROWS;
            for texts in ROWS_OF {
                let text = match transaction.kind() {
                    Kind::Sqlite => texts[0],
                    Kind::Postgres => texts[1],
                };
                let gone = transaction.execute(text, args![ids.to_vec(), left]).await?;
                left = left.saturating_sub_unsigned(gone);
                if left == 0 {
                    break;
                }
            }
            let all = left > 0;
            let mut count = 0;
            if all {
                // The rest goes by the table's trigger.
                let text =
                    "delete from executions where id {any_uuid:$1} and status not in ('pending', 'running')";
                let text = Sql::new(text).render(transaction.kind())?;
                count = transaction.execute(text, args![ids.to_vec()]).await?;
            }
            transaction.commit().await?;
            tokio::time::sleep(began.elapsed()).await;
            if all {
                return Ok(Some(count));
            }
        }
    }
}

async fn is_alone(transaction: &mut Transaction) -> Result<bool, StorageError> {
    match transaction.kind() {
        Kind::Sqlite => Ok(true),
        Kind::Postgres => {
            let text = "select pg_try_advisory_xact_lock($1) as alone";
            transaction.fetch_one(text, args![LOCK]).await?.get("alone")
        }
    }
}
