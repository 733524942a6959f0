//! Takes executions up that wait in the journal: claims them, drives them, gives back what cannot
//! be driven.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::driver::Driver;
use super::error::Error;
use super::journal::{Claim, Claimed, Commit, Hint, Job, JournalError, Recorded, Release, Standing};
use super::letter::{Letter, Message};
use super::options::WorkOptions;
use super::shared::{Active, Shared};
use crate::event::ExecutionStatus;
use crate::scheduler::Turn;
use crate::time::{ExecutionId, Timestamp};

/// How long to wait for executions of which the journal says that their time is about to come, at
/// first: its clock may be another than the engine's, and behind.
const EARLY: Duration = Duration::from_millis(10);

/// One of the executions that are driven at a time; free again however that comes to an end.
struct Slot(Arc<AtomicUsize>, Arc<Notify>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
        self.1.notify_one();
    }
}

impl Shared {
    /// Claims executions and drives them until the engine is closed.
    pub(crate) async fn work(self: Arc<Self>, work: WorkOptions) {
        let Some(durable) = self.durable.clone() else { return };
        durable.say(true).await;
        let mut hints = durable.journal.hints();
        let busy = Arc::new(AtomicUsize::new(0));
        let freed = Arc::new(Notify::new());
        let polls = durable.journal.lease().is_some();
        let mut early = EARLY;
        while !self.is_closed() {
            let free = work.slots.saturating_sub(busy.load(Ordering::Acquire));
            let mut next_at = None;
            let (mut more, mut failed) = (false, false);
            // What they tell of is claimed now.
            while !matches!(hints.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {}
            if free > 0 {
                let claim =
                    Claim { worker: durable.worker, limit: free.min(50), only: None, take_over: false };
                match self.claim(claim).await {
                    Ok(claimed) => {
                        next_at = claimed.next_at;
                        let now = self.clock.now();
                        if claimed.jobs.is_empty() && next_at.is_some_and(|next| next <= now) {
                            next_at = Some(now.after(early));
                            early = (early * 2).min(work.poll);
                        } else {
                            early = EARLY;
                        }
                        more = claimed.jobs.len() >= claim.limit && free > claim.limit;
                        for job in claimed.jobs {
                            busy.fetch_add(1, Ordering::AcqRel);
                            let slot = Slot(busy.clone(), freed.clone());
                            let shared = self.clone();
                            let active = Active::new(&self);
                            tokio::spawn(async move {
                                shared.take_up(job).await;
                                drop((slot, active));
                            });
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "nothing could be claimed");
                        durable.doubts();
                        failed = true;
                        next_at = Some(self.clock.now().after(work.poll));
                    }
                }
            }
            if more {
                continue;
            }
            if polls {
                let poll = self.clock.now().after(work.poll);
                next_at = Some(next_at.map_or(poll, |next: Timestamp| next.min(poll)));
            }
            let due = async {
                match next_at {
                    Some(at) => self.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let hinted = async {
                loop {
                    match hints.recv().await {
                        Ok(Hint::Ready) | Err(RecvError::Lagged(_)) => return,
                        Ok(_) => {}
                        Err(RecvError::Closed) => std::future::pending().await,
                    }
                }
            };
            tokio::select! {
                biased;
                () = self.closing() => {}
                () = freed.notified() => {}
                () = durable.doubted.notified(), if !failed => {}
                () = due => {}
                () = hinted => {}
            }
        }
    }

    /// Ends when the engine takes no new executions any more.
    async fn closing(&self) {
        loop {
            let stopped = self.stopped.notified();
            if self.is_closed() {
                return;
            }
            stopped.await;
        }
    }

    /// Claims executions; also those that this engine holds without its knowing, if there may be
    /// any.
    async fn claim(&self, claim: Claim) -> Result<Claimed, JournalError> {
        let Some(durable) = &self.durable else { return Ok(Claimed::default()) };
        let mut found = Vec::new();
        if durable.had_doubts() {
            for execution in durable.journal.held(durable.worker).await? {
                found.extend(self.claim_only(execution, false).await?);
            }
        }
        let mut claimed = durable.journal.claim(claim).await?;
        claimed.jobs.extend(found);
        Ok(claimed)
    }

    /// Claims one execution, if nobody else drives it. To be asked again does no harm.
    pub(crate) async fn claim_only(
        &self,
        execution: ExecutionId,
        take_over: bool,
    ) -> Result<Option<Job>, JournalError> {
        let Some(durable) = &self.durable else { return Ok(None) };
        if !take_over && durable.is_resident(execution) {
            return Ok(None);
        }
        let claim = Claim { worker: durable.worker, limit: 1, only: Some(execution), take_over };
        Ok(durable.journal.claim(claim).await?.jobs.into_iter().next())
    }

    /// Drives a claimed execution.
    pub(crate) async fn take_up(self: &Arc<Self>, job: Job) {
        let Some(durable) = &self.durable else { return };
        // If it was thought to be gone, and is not, whoever drives it goes on.
        let Some(mut residence) = durable.move_in(job.execution) else { return };
        let work = durable.options();
        if job.stalls > work.stalls {
            let error = format!("{} workers went away while they had it", job.stalls);
            residence.fails(Release::Failed { error, retry_in: None });
            return residence.leave().await;
        }
        match self.prepare(job.execution).await {
            Ok(Some((driver, first))) => {
                // Whoever drives it gives it back.
                drop(Box::pin(driver.resides(Some(residence)).drive(first)).await);
            }
            Ok(None) => {
                residence.keep();
                residence.leave().await;
            }
            Err(error) => {
                tracing::warn!(%error, execution = %job.execution, "an execution could not be driven");
                let retry_in = work.retry_in(job, &error);
                residence.fails(Release::Failed { error: error.to_string(), retry_in });
                residence.leave().await;
            }
        }
    }

    /// What is needed to go on with a claimed execution; `None` if there is nothing to be done.
    async fn prepare(self: &Arc<Self>, id: ExecutionId) -> Result<Option<(Driver, Turn)>, Error> {
        let Some(durable) = &self.durable else { return Ok(None) };
        let read = |error| Error::caused(super::ErrorKind::Journal, "the journal cannot be read", error);
        let Some(recorded) = durable.journal.load(id).await.map_err(read)? else { return Ok(None) };
        if recorded.events.is_empty() && self.cancelled_before(id, &recorded).await.map_err(read)? {
            return Ok(None);
        }
        let (driver, first, _) = self.go_on(id, recorded, None, None)?;
        Ok(Some((driver, first)))
    }

    /// An execution that was cancelled before anybody began it ends without beginning.
    async fn cancelled_before(&self, id: ExecutionId, recorded: &Recorded) -> Result<bool, JournalError> {
        let Some(durable) = &self.durable else { return Ok(false) };
        let letters = durable.journal.letters(id).await?;
        let reason = letters.into_iter().find_map(|letter| match letter.message {
            Message::Cancel { reason } => Some(reason),
            _ => None,
        });
        let Some(reason) = reason else { return Ok(false) };
        let message = Message::ChildEnded {
            execution: id,
            status: ExecutionStatus::Cancelled,
            output: Arc::new(Value::Null),
            failure: None,
            usage: None,
        };
        let parent = recorded.parent.filter(|_| recorded.awaited);
        let sends: Vec<Letter> =
            parent.into_iter().map(|to| Letter { id: *id.as_uuid(), to, message: message.clone() }).collect();
        let standing = Standing {
            status: ExecutionStatus::Cancelled,
            ended_at: Some(self.clock.now()),
            error: Some(&reason),
            ..Standing::default()
        };
        let commit = Commit::new(id, 0, &[]).standing(standing).sends(&sends).by(durable.worker);
        durable.journal.commit(commit).await?;
        sends.iter().for_each(|letter| durable.nudge(letter.to));
        Ok(true)
    }
}
