//! Executions ended from outside: by a commit without events, with all that goes with an end.

use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinSet;
use turbocat_core::{
    Commit, ExecutionId, ExecutionStatus, Journal, JournalErrorKind, Letter, Message, Standing, StepFailure,
    WorkerId,
};
use uuid::Uuid;

use super::view::Queue;
use crate::args;
use crate::db::{Args, Row};
use crate::error::{StorageError, StorageErrorKind};
use crate::store::{Store, to_the_end};

/// How many are ended side by side: the store writes them as one group.
const BESIDE: usize = 64;

impl Queue<'_> {
    /// Ends all executions that a statement gives. It takes `args`, then the last execution of the
    /// page before and the size of a page.
    pub(super) async fn end_all(
        &self,
        pages: &'static str,
        args: Args,
        status: ExecutionStatus,
        reason: &str,
    ) -> Result<u64, StorageError> {
        let (mut count, mut last) = (0, Uuid::nil());
        let reason: Arc<str> = reason.into();
        loop {
            let mut args = args.clone();
            args.push(last);
            args.push(i64::try_from(BESIDE).unwrap_or(i64::MAX));
            let rows = self.0.database().fetch_all(pages, args).await?;
            let Some(row) = rows.last() else { return Ok(count) };
            last = row.get("execution_id")?;
            let mut ends = JoinSet::new();
            for row in &rows {
                let (store, execution, reason) = (self.0.clone(), row.get("execution_id")?, reason.clone());
                ends.spawn(async move { end(&store, execution, status, &reason).await });
            }
            let mut failed = None;
            while let Some(ended) = ends.join_next().await {
                let gone =
                    |_| StorageError::new(StorageErrorKind::Internal, "a task that ends executions is gone");
                match ended.map_err(gone).and_then(|ended| ended) {
                    Ok(ended) => count += u64::from(ended),
                    Err(error) => failed = Some(error),
                }
            }
            if let Some(error) = failed {
                return Err(error);
            }
        }
    }
}

/// Ends an execution that was given up, or that waits and was not begun. False if it is neither.
///
/// It is claimed first, so that nobody takes it up in between. Whoever waits for it is told; what it
/// waits for is cancelled. It goes on when its future is dropped: nobody would know who has it.
pub(super) async fn end(
    store: &Store,
    execution: ExecutionId,
    status: ExecutionStatus,
    reason: &str,
) -> Result<bool, StorageError> {
    let (store, reason) = (store.clone(), reason.to_owned());
    to_the_end(async move { end_claimed(&store, execution, status, &reason).await }).await
}

async fn end_claimed(
    store: &Store,
    execution: ExecutionId,
    status: ExecutionStatus,
    reason: &str,
) -> Result<bool, StorageError> {
    let database = store.database();
    let text = "select x.seq, x.steps_completed, x.steps_failed, x.steps_skipped, x.started_at, x.parent_id,
            x.awaited, j.state, j.due_ms
        from executions as x join jobs as j on j.execution_id = x.id
        where x.id = $1 and (j.state = 3 or j.state in (0, 4) and x.seq = 0)";
    let Some(row) = database.fetch_optional(text, args![execution]).await? else { return Ok(false) };
    let (state, due) = (row.get::<i64>("state")?, row.get::<Option<i64>>("due_ms")?);
    let worker = WorkerId::generate();
    let text = "update jobs set state = 1, worker = $3, due_ms = $4 where execution_id = $1 and state = $2";
    let until = store.until(store.now().as_millis());
    if database.execute(text, args![execution, state, *worker.as_uuid(), until]).await? == 0 {
        return Ok(false);
    }
    match write(store, execution, &row, worker, status, reason).await {
        Ok(()) => Ok(true),
        Err(error) => {
            let text = "update jobs set state = $3, worker = null, due_ms = $4
                where execution_id = $1 and worker = $2 and state = 1";
            database.execute(text, args![execution, *worker.as_uuid(), state, due]).await?;
            if error.kind() == StorageErrorKind::Conflict { Ok(false) } else { Err(error) }
        }
    }
}

async fn write(
    store: &Store,
    execution: ExecutionId,
    row: &Row,
    worker: WorkerId,
    status: ExecutionStatus,
    reason: &str,
) -> Result<(), StorageError> {
    let mut letters = Vec::new();
    if let (true, Some(parent)) = (row.get("awaited")?, row.get::<Option<ExecutionId>>("parent_id")?) {
        let failure = (status == ExecutionStatus::Failed).then(|| Box::new(StepFailure::error(reason)));
        let message =
            Message::ChildEnded { execution, status, output: Arc::new(Value::Null), failure, usage: None };
        // The same name as the letter that the execution itself would have sent: there is one.
        letters.push(Letter { id: *execution.as_uuid(), to: parent, message });
    }
    let text = "select id from executions
        where parent_id = $1 and awaited and status in ('pending', 'running')";
    for child in store.database().fetch_all(text, args![execution]).await? {
        let reason = format!("its parent {execution} was given up").into();
        letters.push(Letter::new(child.get("id")?, Message::Cancel { reason }));
    }
    let standing = Standing {
        status,
        completed: row.get("steps_completed")?,
        failed: row.get("steps_failed")?,
        skipped: row.get("steps_skipped")?,
        started_at: row.get("started_at")?,
        ended_at: Some(store.now()),
        error: Some(reason),
        ..Standing::default()
    };
    let commit = Commit::new(execution, row.get("seq")?, &[]).by(worker).standing(standing).sends(&letters);
    store.commit(commit).await.map_err(|error| {
        let kind = match error.kind() {
            JournalErrorKind::Conflict => StorageErrorKind::Conflict,
            _ => StorageErrorKind::Unavailable,
        };
        StorageError::new(kind, format!("execution {execution} could not be ended: {error}")).because(error)
    })
}
