//! Holding claims back: paused, drained, so many in a time.

use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use turbocat_core::{ExecutionStatus, Hint, Journal};

use super::view::Queue;
use crate::args;
use crate::error::StorageError;
use crate::store::to_the_end;

/// How often to look whether all is done, where no hint tells.
const LOOK: Duration = Duration::from_millis(500);

/// How many executions are claimed in a time at most, on all nodes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many.
    pub jobs: u32,
    /// In which time. It begins with the first claim after the last one was over.
    pub window: Duration,
}

impl Default for RateLimit {
    /// 100 in a minute: what the platform promises. A store that is opened has no limit until one
    /// is set, because a program that embeds the engine has its own.
    fn default() -> Self {
        Self { jobs: 100, window: Duration::from_secs(60) }
    }
}

impl Queue<'_> {
    /// From now on nothing new is claimed from the queue, on any node; an execution that is asked
    /// for by name still is. What is held goes on; a paused queue takes
    /// executions and letters in as ever.
    ///
    /// # Errors
    /// What the database says.
    pub async fn pause(&self) -> Result<(), StorageError> {
        self.set_paused(true).await
    }

    /// Claims go on.
    ///
    /// # Errors
    /// What the database says.
    pub async fn resume(&self) -> Result<(), StorageError> {
        self.set_paused(false).await
    }

    /// Whether nothing is claimed.
    ///
    /// # Errors
    /// What the database says.
    pub async fn is_paused(&self) -> Result<bool, StorageError> {
        self.0.database().fetch_one("select paused from queue_controls", args![]).await?.get("paused")
    }

    async fn set_paused(&self, paused: bool) -> Result<(), StorageError> {
        let store = self.0.clone();
        to_the_end(async move {
            store.database().execute("update queue_controls set paused = $1", args![paused]).await?;
            if !paused {
                store.hint(Hint::Ready);
            }
            Ok(())
        })
        .await
    }

    /// Pauses the queue and waits until no execution is held: each has ended, or waits for
    /// something and was given back. False if some are still held when the patience is over. The
    /// queue stays paused in either case; what waits in it is kept. For upgrades of all nodes.
    ///
    /// To empty the queue of what waits is [`discard_waiting`](Self::discard_waiting).
    ///
    /// # Errors
    /// What the database says.
    pub async fn drain(&self, patience: Duration) -> Result<bool, StorageError> {
        let mut hints = self.0.hints();
        self.pause().await?;
        let over = Instant::now() + patience;
        loop {
            let text = "select count(*) as held from jobs where state = 1";
            if self.0.database().fetch_one(text, args![]).await?.get::<i64>("held")? == 0 {
                return Ok(true);
            }
            let now = Instant::now();
            if now >= over {
                return Ok(false);
            }
            let hinted =
                async { while !matches!(hints.recv().await, Ok(Hint::Ended(_)) | Err(RecvError::Closed)) {} };
            // Whether one hint came or none: the answer is in the database.
            let _ = tokio::time::timeout_at(over.min(now + LOOK), hinted).await;
        }
    }

    /// Ends the executions that wait and that nobody has begun, as cancelled: what other queues
    /// call draining. Those that wait for their time are kept, unless `delayed`. Gives how many.
    ///
    /// # Errors
    /// What the database says; what was ended until then stays so.
    pub async fn discard_waiting(&self, delayed: bool, reason: &str) -> Result<u64, StorageError> {
        let text = "select j.execution_id from jobs as j join executions as x on x.id = j.execution_id
            where (j.state = 0 or j.state = 4 and $1) and x.seq = 0 and j.execution_id > $2
            order by j.execution_id limit $3";
        self.end_all(text, args![delayed], ExecutionStatus::Cancelled, reason).await
    }

    /// Sets or removes the limit on how many executions are claimed in a time.
    ///
    /// # Errors
    /// [`Constraint`](crate::StorageErrorKind::Constraint) for a limit of nothing, which would be a
    /// pause.
    pub async fn set_rate_limit(&self, limit: Option<RateLimit>) -> Result<(), StorageError> {
        let window = limit.map(|limit| i64::try_from(limit.window.as_millis()).unwrap_or(i64::MAX >> 16));
        let text = "update queue_controls set rate_limit = $1, rate_window_ms = $2, window_began_ms = 0,
            window_claims = 0";
        let (store, args) = (self.0.clone(), args![limit.map(|limit| limit.jobs), window]);
        to_the_end(async move {
            store.database().execute(text, args).await?;
            store.hint(Hint::Ready);
            Ok(())
        })
        .await
    }

    /// The limit on how many executions are claimed in a time, if there is one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn rate_limit(&self) -> Result<Option<RateLimit>, StorageError> {
        let text = "select rate_limit, rate_window_ms from queue_controls";
        let row = self.0.database().fetch_one(text, args![]).await?;
        let (jobs, window) =
            (row.get::<Option<u32>>("rate_limit")?, row.get::<Option<u64>>("rate_window_ms")?);
        let limit = |(jobs, window)| RateLimit { jobs, window: Duration::from_millis(window) };
        Ok(jobs.zip(window).map(limit))
    }
}
