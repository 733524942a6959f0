//! Dead letters: executions that were given up, until somebody has looked.

use serde_json::Value;
use turbocat_core::{ExecutionId, ExecutionStatus, Hint, Timestamp};
use uuid::Uuid;

use super::end::end;
use super::view::Queue;
use crate::args;
use crate::db::{Kind, Row, Sql};
use crate::error::StorageError;
use crate::platform::{Page, PageRequest};
use crate::store::to_the_end;

/// An execution that was given up: nobody could drive it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DeadLetter {
    /// The execution.
    pub execution: ExecutionId,
    /// The name of its workflow.
    pub workflow_name: Option<String>,
    /// The row of its workflow.
    pub workflow_id: Option<Uuid>,
    /// Whose it is.
    pub user_id: Option<Uuid>,
    /// What it was given.
    pub inputs: Value,
    /// Why it was given up.
    pub error: String,
    /// How often it was tried without getting anywhere.
    pub attempts: u32,
    /// How often whoever held it went away.
    pub stalls: u32,
    /// When it was given up.
    pub failed_at: Timestamp,
    /// The queue it comes from.
    pub origin: &'static str,
    /// What began it.
    pub trigger_type: String,
    /// More about what began it.
    pub trigger_data: Value,
    /// The execution that started it.
    pub parent: Option<ExecutionId>,
    /// When it was taken in.
    pub created_at: Timestamp,
}

impl Queue<'_> {
    /// A page of the executions that were given up.
    ///
    /// # Errors
    /// [`Invalid`](crate::StorageErrorKind::Invalid) for a page that cannot be.
    pub async fn dead_letters(&self, page: PageRequest<()>) -> Result<Page<DeadLetter>, StorageError> {
        let (limit, offset) = page.limits()?;
        let text = "select count(*) as total from jobs where state = 3";
        let total = self.0.database().fetch_one(text, args![]).await?.get("total")?;
        let mut sql = Sql::new(
            "select x.id, x.workflow_name, x.workflow_id, x.user_id, x.input_data, x.input_digest,
                x.trigger_type, x.trigger_data, x.parent_id, x.created_at, j.error, j.failures, j.stalls,
                j.due_ms
            from jobs as j join executions as x on x.id = j.execution_id where j.state = 3
            order by j.due_ms",
        );
        sql.push(page.direction.sql()).push(", x.id limit $1 offset $2");
        let rows = self.0.database().fetch_all(sql, args![limit, offset]).await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            items.push(self.dead_letter(row).await?);
        }
        Ok(Page { items, total, page: page.page, page_size: page.page_size })
    }

    async fn dead_letter(&self, row: &Row) -> Result<DeadLetter, StorageError> {
        Ok(DeadLetter {
            execution: row.get("id")?,
            workflow_name: row.get("workflow_name")?,
            workflow_id: row.get("workflow_id")?,
            user_id: row.get("user_id")?,
            inputs: self.0.value(row, "input_data", "input_digest").await?.unwrap_or_default(),
            error: match row.get::<Option<Value>>("error")? {
                Some(Value::String(error)) => error,
                _ => String::new(),
            },
            attempts: row.get("failures")?,
            stalls: row.get("stalls")?,
            failed_at: Timestamp::from_millis(row.get::<Option<i64>>("due_ms")?.unwrap_or_default()),
            origin: Self::NAME,
            trigger_type: row.get("trigger_type")?,
            trigger_data: row.get("trigger_data")?,
            parent: row.get("parent_id")?,
            created_at: row.get("created_at")?,
        })
    }

    /// Has an execution that was given up tried again, as often as a new one. False if it was not
    /// given up.
    ///
    /// # Errors
    /// What the database says.
    pub async fn requeue(&self, execution: ExecutionId) -> Result<bool, StorageError> {
        let text = "update jobs set state = 0, due_ms = $2, failures = 0, stalls = 0, error = null
            where execution_id = $1 and state = 3";
        let args = args![execution, self.0.now().as_millis()];
        let store = self.0.clone();
        to_the_end(async move {
            let requeued = store.database().execute(text, args).await? > 0;
            store.hint(Hint::Ready);
            Ok(requeued)
        })
        .await
    }

    /// Has all that were given up tried again. Gives how many.
    ///
    /// # Errors
    /// What the database says.
    pub async fn requeue_all(&self) -> Result<u64, StorageError> {
        // In the order in which others lock them. Who dies again meanwhile stays dead.
        let text = match self.0.database().kind() {
            Kind::Sqlite => {
                "update jobs set state = 0, due_ms = $1, failures = 0, stalls = 0, error = null
                where execution_id in (
                    select execution_id from jobs where state = 3 and due_ms <= $1
                    order by execution_id limit 1000)"
            }
            Kind::Postgres => {
                "update jobs set state = 0, due_ms = $1, failures = 0, stalls = 0, error = null
                where execution_id in (
                    select execution_id from jobs where state = 3 and due_ms <= $1
                    order by execution_id limit 1000 for update)"
            }
        };
        let (store, now) = (self.0.clone(), self.0.now().as_millis());
        to_the_end(async move {
            let mut count = 0;
            loop {
                let requeued = store.database().execute(text, args![now]).await?;
                store.hint(Hint::Ready);
                count += requeued;
                if requeued == 0 {
                    return Ok(count);
                }
            }
        })
        .await
    }

    /// Ends an execution that was given up, as failed. An execution that waits for it is told; those
    /// that it waits for are cancelled. False if it was not given up.
    ///
    /// # Errors
    /// What the database says.
    pub async fn purge(&self, execution: ExecutionId) -> Result<bool, StorageError> {
        let text = "select error from jobs where execution_id = $1 and state = 3";
        let row = self.0.database().fetch_optional(text, args![execution]).await?;
        let Some(row) = row else { return Ok(false) };
        let reason = match row.get::<Option<Value>>("error")? {
            Some(Value::String(error)) => format!("it was given up: {error}"),
            _ => "it was given up".to_owned(),
        };
        end(self.0, execution, ExecutionStatus::Failed, &reason).await
    }

    /// Ends all that were given up, as [`purge`](Self::purge) does. Gives how many.
    ///
    /// # Errors
    /// What the database says; what was ended until then stays so.
    pub async fn purge_all(&self) -> Result<u64, StorageError> {
        let text = "select execution_id from jobs where state = 3 and execution_id > $1
            order by execution_id limit $2";
        self.end_all(text, args![], ExecutionStatus::Failed, "it was given up").await
    }
}
