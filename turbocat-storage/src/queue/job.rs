//! One execution in the queue.

use turbocat_core::{ExecutionId, ExecutionStatus, Timestamp, WorkerId};

use super::end::end;
use super::view::Queue;
use crate::args;
use crate::error::StorageError;

/// How an execution stands in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueuedJob {
    /// The execution.
    pub execution: ExecutionId,
    /// Where it is.
    pub state: JobState,
    /// Smaller ones are claimed first.
    pub priority: i32,
    /// How often in a row it could not be driven.
    pub failures: u32,
    /// How often in a row whoever held it went away.
    pub stalls: u32,
    /// Why it could not be driven the last time.
    pub error: Option<String>,
    /// When it was taken in.
    pub created_at: Timestamp,
}

/// Where an execution is that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobState {
    /// To be claimed, since then.
    Waiting(Timestamp),
    /// Held by a worker.
    Active(WorkerId),
    /// It waits for something; until then, if that is known.
    Parked(Option<Timestamp>),
    /// Its time comes then.
    Delayed(Timestamp),
    /// It was given up then.
    Dead(Timestamp),
}

impl Queue<'_> {
    /// How an execution stands in the queue; `None` if it has ended, or there is none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn job(&self, execution: ExecutionId) -> Result<Option<QueuedJob>, StorageError> {
        let text = "select state, due_ms, worker, priority, failures, stalls, error, created_ms
            from jobs where execution_id = $1";
        let row = self.0.database().fetch_optional(text, args![execution]).await?;
        let Some(row) = row else { return Ok(None) };
        let due = row.get::<Option<i64>>("due_ms")?.map(Timestamp::from_millis);
        let moment = || due.ok_or_else(|| StorageError::corrupt("a job has no time"));
        let state = match row.get::<i64>("state")? {
            0 => JobState::Waiting(moment()?),
            1 => JobState::Active(WorkerId::from_uuid(row.get("worker")?)),
            2 => JobState::Parked(due),
            3 => JobState::Dead(moment()?),
            _ => JobState::Delayed(moment()?),
        };
        Ok(Some(QueuedJob {
            execution,
            state,
            priority: row.get("priority")?,
            failures: row.get("failures")?,
            stalls: row.get("stalls")?,
            error: match row.get::<Option<serde_json::Value>>("error")? {
                Some(serde_json::Value::String(error)) => Some(error),
                _ => None,
            },
            created_at: Timestamp::from_millis(row.get("created_ms")?),
        }))
    }

    /// Ends an execution that waits and that nobody has begun, or that was given up, as cancelled.
    /// False if it is neither: [cancel](turbocat_core::Engine::cancel) it, and it ends by itself.
    ///
    /// # Errors
    /// What the database says.
    pub async fn discard(&self, execution: ExecutionId, reason: &str) -> Result<bool, StorageError> {
        end(self.0, execution, ExecutionStatus::Cancelled, reason).await
    }
}
