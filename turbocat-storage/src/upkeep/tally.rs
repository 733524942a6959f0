//! Counts of executions, brought to the rows of their workflows.
//!
//! Not with the turn that ends an execution: on PostgreSQL all executions of a workflow would wait
//! for each other's commits to change its one row. Executions that belong to no row cost nothing.

use std::collections::BTreeMap;

use turbocat_core::Timestamp;
use uuid::Uuid;

use crate::args;
use crate::db::Kind;
use crate::error::StorageError;
use crate::store::Store;

/// How many executions are counted in one transaction.
const BATCH: usize = 500;

#[derive(Default)]
struct Tally {
    all: i64,
    completed: i64,
    failed: i64,
    took: i64,
    last: Option<Timestamp>,
}

impl Store {
    /// Counts executions that ended since the last time in the rows of their workflows, each once,
    /// whichever node does it. Gives how many.
    ///
    /// One that was cancelled is counted, and neither as completed nor as failed.
    ///
    /// # Errors
    /// What the database says; what was counted until then stays so.
    pub async fn count_ended(&self) -> Result<u64, StorageError> {
        let mut count = 0;
        loop {
            let counted = self.count_some().await?;
            count += counted as u64;
            if counted < BATCH {
                return Ok(count);
            }
        }
    }

    async fn count_some(&self) -> Result<usize, StorageError> {
        let some = "select 1 as one from executions
            where completed_at is not null and workflow_id is not null and not counted limit 1";
        if self.database().fetch_optional(some, args![]).await?.is_none() {
            return Ok(0);
        }
        let mut transaction = self.database().begin().await?;
        let text = match transaction.kind() {
            Kind::Sqlite => {
                "update executions set counted = true where id in (
                    select id from executions
                    where completed_at is not null and workflow_id is not null and not counted
                    order by completed_at limit $1)
                returning workflow_id, status, duration_ms, completed_at"
            }
            Kind::Postgres => {
                "update executions set counted = true where id = any(array(
                    select id from executions
                    where completed_at is not null and workflow_id is not null and not counted
                    order by completed_at limit $1 for update skip locked))
                returning workflow_id, status, duration_ms, completed_at"
            }
        };
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let rows = transaction.fetch_all(text, args![limit]).await?;
        // In the order of their names, so that two nodes do not wait for each other.
        let mut tallies: BTreeMap<Uuid, Tally> = BTreeMap::new();
        for row in &rows {
            let tally = tallies.entry(row.get("workflow_id")?).or_default();
            let status: String = row.get("status")?;
            tally.all += 1;
            tally.completed += i64::from(status == "completed");
            tally.failed += i64::from(matches!(&*status, "failed" | "timeout"));
            tally.took += row.get::<Option<i64>>("duration_ms")?.unwrap_or_default().max(0);
            tally.last = tally.last.max(row.get("completed_at")?);
        }
        let text = "update workflows set total_executions = total_executions + $2,
                successful_executions = successful_executions + $3,
                failed_executions = failed_executions + $4,
                avg_execution_time_ms = (2 * (avg_execution_time_ms * total_executions + $5) + total_executions + $2)
                    / (2 * (total_executions + $2)),
                last_execution_at = case when last_execution_at > $6 then last_execution_at else $6 end
            where id = $1";
        for (workflow, tally) in tallies {
            let Tally { all, completed, failed, took, last } = tally;
            transaction.execute(text, args![workflow, all, completed, failed, took, last]).await?;
        }
        transaction.commit().await?;
        Ok(rows.len())
    }
}
