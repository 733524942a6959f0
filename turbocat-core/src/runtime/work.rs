//! Takes executions up that wait in the journal: claims them, drives them, gives back what cannot
//! be driven.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;

use super::driver::End;
use super::error::Error;
use super::journal::{Claim, Commit, Hint, Job, Recorded, Release, Standing};
use super::letter::{Letter, Message};
use super::shared::{Active, Shared};
use crate::event::ExecutionStatus;
use crate::time::{ExecutionId, Timestamp};

/// How an engine takes executions up.
#[derive(Clone, Copy, Debug)]
pub struct WorkOptions {
    slots: usize,
    poll: Duration,
    attempts: u32,
    stalls: u32,
}

impl Default for WorkOptions {
    fn default() -> Self {
        Self { slots: 64, poll: Duration::from_secs(2), attempts: 3, stalls: 10 }
    }
}

impl WorkOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many claimed executions are driven at a time. Default 64: most of them wait for their
    /// agents most of the time.
    #[must_use]
    pub const fn slots(mut self, slots: usize) -> Self {
        self.slots = if slots == 0 { 1 } else { slots };
        self
    }

    /// How often to look for executions that no hint told of, where there are other nodes.
    /// Default 2 s: hints come at once, so this is for those that were missed.
    #[must_use]
    pub const fn poll(mut self, every: Duration) -> Self {
        self.poll = every;
        self
    }

    /// How often an execution that cannot be driven (its agents are not registered here, its
    /// journal cannot be read) is tried, with longer and longer pauses, before it is given up.
    /// Default 3. A step that fails is no such case.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// How often in a row its worker may go away without the execution getting anywhere, before it
    /// is given up as one that kills its workers. Default 10: a worker that goes away is mostly an
    /// upgrade.
    #[must_use]
    pub const fn stalls(mut self, stalls: u32) -> Self {
        self.stalls = stalls;
        self
    }

    /// When to try again after that many failures; `None`: it is given up. Chance adds up to a
    /// tenth, so that not all come back at once.
    fn retry_at(&self, job: Job, now: Timestamp) -> Option<Timestamp> {
        let failures = job.failures;
        let pause =
            Duration::from_secs(1).saturating_mul(1 << failures.min(16)).min(Duration::from_secs(300));
        let chance = u32::from(job.execution.as_uuid().as_bytes()[15]);
        let pause = pause + pause / 10 * chance / 255;
        (failures + 1 < self.attempts).then(|| now.after(pause))
    }
}

/// Why an execution that was claimed is not driven to its end here.
enum Stopped {
    /// It was left, parked, or taken over; whoever drove it has seen to it.
    Elsewhere,
    Failed(Error),
}

impl Shared {
    /// Claims executions and drives them until the engine is closed.
    pub(crate) async fn work(self: Arc<Self>, work: WorkOptions) {
        let Some(durable) = self.durable.clone() else { return };
        durable.set_works(true);
        durable.say(true).await;
        let mut hints = durable.journal.hints();
        let busy = Arc::new(AtomicUsize::new(0));
        let freed = Arc::new(Notify::new());
        let polls = durable.journal.lease().is_some();
        while !self.is_closed() {
            let free = work.slots.saturating_sub(busy.load(Ordering::Acquire));
            let mut next_at = None;
            let mut more = false;
            if free > 0 {
                let claim =
                    Claim { worker: durable.worker, limit: free.min(50), only: None, take_over: false };
                match durable.journal.claim(claim).await {
                    Ok(claimed) => {
                        next_at = claimed.next_at;
                        more = claimed.jobs.len() == claim.limit && free > claim.limit;
                        for job in claimed.jobs {
                            busy.fetch_add(1, Ordering::AcqRel);
                            let (shared, busy, freed) = (self.clone(), busy.clone(), freed.clone());
                            let active = Active::new(&self);
                            tokio::spawn(async move {
                                shared.take_up_with(job, work).await;
                                busy.fetch_sub(1, Ordering::AcqRel);
                                freed.notify_one();
                                drop(active);
                            });
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "nothing could be claimed");
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
                () = hinted => {}
                () = freed.notified() => {}
                () = due => {}
                () = self.closing() => {}
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

    /// Claims one execution, if nobody else drives it.
    pub(crate) async fn claim_only(&self, execution: ExecutionId, take_over: bool) -> Option<Job> {
        let durable = self.durable.as_ref()?;
        if !take_over && durable.resident(execution).is_some() {
            return None;
        }
        let claim = Claim { worker: durable.worker, limit: 1, only: Some(execution), take_over };
        match durable.journal.claim(claim).await {
            Ok(claimed) => claimed.jobs.into_iter().next(),
            Err(error) => {
                tracing::warn!(%error, %execution, "the execution could not be claimed");
                None
            }
        }
    }

    /// Drives a claimed execution.
    pub(crate) async fn take_up(self: &Arc<Self>, job: Job) {
        Box::pin(self.take_up_with(job, WorkOptions::default())).await;
    }

    async fn take_up_with(self: &Arc<Self>, job: Job, work: WorkOptions) {
        let Some(durable) = &self.durable else { return };
        let give_back = |release| async move {
            if let Err(error) = durable.journal.release(durable.worker, job.execution, release).await {
                tracing::warn!(%error, execution = %job.execution, "an execution could not be given back");
            }
        };
        if job.stalls > work.stalls {
            let error = format!("{} workers went away while they had it", job.stalls);
            return give_back(Release::Failed { error, retry_at: None }).await;
        }
        if durable.resident(job.execution).is_some() {
            // It was thought to be gone, and is not.
            return;
        }
        if let Err(Stopped::Failed(error)) = self.drive_claimed(job).await {
            tracing::warn!(%error, execution = %job.execution, "an execution could not be driven");
            let retry_at = work.retry_at(job, self.clock.now());
            give_back(Release::Failed { error: error.to_string(), retry_at }).await;
        }
    }

    async fn drive_claimed(self: &Arc<Self>, job: Job) -> Result<(), Stopped> {
        let Some(durable) = &self.durable else { return Err(Stopped::Elsewhere) };
        let id = job.execution;
        let read = |error| {
            Stopped::Failed(Error::caused(super::ErrorKind::Journal, "the journal cannot be read", error))
        };
        let Some(recorded) = durable.journal.load(id).await.map_err(read)? else {
            return Err(Stopped::Elsewhere);
        };
        if recorded.events.is_empty() && self.cancelled_before(id, &recorded).await.map_err(read)? {
            return Ok(());
        }
        let (driver, first, _) = self.go_on(id, recorded, None, None).map_err(Stopped::Failed)?;
        match Box::pin(driver.drive(first)).await {
            Ok(End::Ended(_)) => Ok(()),
            // Whoever drives gives it back.
            Ok(End::Parked) | Err(_) => Err(Stopped::Elsewhere),
        }
    }

    /// An execution that was cancelled before anybody began it ends without beginning.
    async fn cancelled_before(
        &self,
        id: ExecutionId,
        recorded: &Recorded,
    ) -> Result<bool, super::JournalError> {
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
        durable.journal.commit(Commit::new(id, 0, &[]).standing(standing).sends(&sends)).await?;
        sends.iter().for_each(|letter| durable.nudge(letter.to));
        Ok(true)
    }
}
