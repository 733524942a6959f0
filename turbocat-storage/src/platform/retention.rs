//! What is kept, and for how long.

use std::time::Duration;

use turbocat_core::Timestamp;

use super::Platform;
use crate::args;
use crate::db::Sql;
use crate::error::StorageError;

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ages {
    /// What was deleted, until it is gone for good. Default: 90 days.
    pub deleted: Duration,
    /// The entries of who did what. Default: a year.
    pub audit: Duration,
    /// What was said while executions went on. Default: 30 days.
    pub execution_logs: Duration,
}

impl Default for Ages {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
        Self { deleted: days(90), audit: days(365), execution_logs: days(30) }
    }
}

/// How many rows were deleted for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pruned {
    /// Rows that were marked as deleted; what hung on them is not counted.
    pub deleted: u64,
    /// Entries of who did what.
    pub audit: u64,
    /// Lines of logs.
    pub execution_logs: u64,
}

/// How many rows go in one transaction: others wait no longer than for those.
const BATCH: i64 = 500;

/// Tables with a mark; those that belong to others come first, so that little hangs on the rest.
const MARKED: [&str; 8] =
    ["deployments", "api_keys", "triggers", "teams", "templates", "workflows", "agents", "users"];

/// Workflows and users that go on: executions that have not ended would go with them.
const IN_USE: [&str; 2] = [
    " and not exists (
        select 1 from executions as x where x.workflow_id = workflows.id and x.status in ('pending', 'running'))",
    " and not exists (
        select 1 from executions as x where x.status in ('pending', 'running') and (x.user_id = users.id
            or x.workflow_id in (select w.id from workflows as w where w.user_id = users.id)))",
];

impl Platform {
    /// Deletes for good what is older than that, a few rows at a time.
    ///
    /// With a workflow its executions are gone, with a user all that is theirs. Both stay while one
    /// of those executions has not ended.
    ///
    /// # Errors
    /// What the database says; what was deleted until then stays so.
    pub async fn prune(&self, ages: Ages) -> Result<Pruned, StorageError> {
        let now = self.now();
        let before = |age: Duration| {
            let millis = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            // Not before 1970: nothing is, and PostgreSQL counts no further back than it must.
            Timestamp::from_millis(now.as_millis().saturating_sub(millis).max(0))
        };
        let mut pruned = Pruned::default();
        for table in MARKED {
            let unless = match table {
                "workflows" => IN_USE[0],
                "users" => IN_USE[1],
                _ => "",
            };
            pruned.deleted += self.delete_older(table, "deleted_at", unless, before(ages.deleted)).await?;
        }
        pruned.audit = self.delete_older("audit_logs", "created_at", "", before(ages.audit)).await?;
        pruned.execution_logs =
            self.delete_older("execution_logs", "created_at", "", before(ages.execution_logs)).await?;
        Ok(pruned)
    }

    async fn delete_older(
        &self,
        table: &'static str,
        column: &'static str,
        unless: &'static str,
        before: Timestamp,
    ) -> Result<u64, StorageError> {
        let mut sql = Sql::new("delete from ");
        sql.push(table).push(" where id in (select id from ").push(table).push(" where ").push(column);
        sql.push(" < $1").push(unless).push(" order by ").push(column).push(" limit $2)");
        let mut count = 0;
        loop {
            let gone = self.database().execute(sql.clone(), args![before, BATCH]).await?;
            count += gone;
            if gone == 0 {
                return Ok(count);
            }
        }
    }
}
