//! A journal that does some of its calls wrong.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::broadcast;

use crate::runtime::{
    AgentPlace, Claim, Claimed, Commit, Hint, Journal, JournalError, JournalErrorKind, Letter, NewExecution,
    Recorded, Release, Renewed, Sent, WorkerId,
};
use crate::time::ExecutionId;

/// What a journal does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does nothing, and says so.
    Fails,
    /// It does what it is asked for, and says that it did not.
    FailsAfterwards,
    /// It does nothing, and says that what it has is damaged.
    IsDamaged,
}

/// Which calls of a journal are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// `commit` alone.
    Commits,
    /// All that answer.
    All,
}

/// A journal over another one that does some of its calls wrong, and remembers how far each commit
/// got.
pub struct FaultyJournal {
    inner: Arc<dyn Journal>,
    counted: Calls,
    fault: Fault,
    /// From which call on to which.
    wrong: Range<u32>,
    calls: AtomicU32,
    ends: Mutex<Vec<(ExecutionId, u64)>>,
}

impl FaultyJournal {
    /// One that does nothing wrong, and counts its commits.
    pub fn new(inner: Arc<dyn Journal>) -> Self {
        Self::failing(inner, Calls::Commits, Fault::Fails, 0..0)
    }

    /// One that does these of the counted calls wrong, the first being 0.
    pub fn failing(inner: Arc<dyn Journal>, counted: Calls, fault: Fault, wrong: Range<u32>) -> Self {
        Self { inner, counted, fault, wrong, calls: AtomicU32::new(0), ends: Mutex::default() }
    }

    /// How many calls were counted.
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    /// The executions of the commits that were done, each with the number of its last event then.
    pub fn ends(&self) -> Vec<(ExecutionId, u64)> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn call<T>(
        &self,
        kind: Calls,
        done: impl Future<Output = Result<T, JournalError>> + Send,
    ) -> Result<T, JournalError> {
        let counts = self.counted == Calls::All || kind == Calls::Commits;
        let number = if counts { self.calls.fetch_add(1, Ordering::SeqCst) } else { u32::MAX };
        let error = JournalError::new(JournalErrorKind::Unavailable, "the disk is on fire");
        match self.fault {
            _ if !counts || !self.wrong.contains(&number) => done.await,
            Fault::Fails => Err(error),
            Fault::FailsAfterwards => done.await.and(Err(error)),
            Fault::IsDamaged => Err(JournalError::new(JournalErrorKind::Damaged, "the disk has a hole")),
        }
    }
}

#[async_trait]
impl Journal for FaultyJournal {
    async fn commit(&self, commit: Commit<'_>) -> Result<(), JournalError> {
        let end = (commit.execution, commit.expected_seq + commit.events.len() as u64);
        let done = async {
            self.inner.commit(commit).await?;
            self.ends.lock().unwrap_or_else(PoisonError::into_inner).push(end);
            Ok(())
        };
        self.call(Calls::Commits, done).await
    }

    async fn create(&self, new: &[NewExecution]) -> Result<(), JournalError> {
        self.call(Calls::All, self.inner.create(new)).await
    }

    async fn load(&self, execution: ExecutionId) -> Result<Option<Recorded>, JournalError> {
        self.call(Calls::All, self.inner.load(execution)).await
    }

    async fn unfinished(&self) -> Result<Vec<ExecutionId>, JournalError> {
        self.inner.unfinished().await
    }

    fn lease(&self) -> Option<Duration> {
        self.inner.lease()
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, JournalError> {
        self.call(Calls::All, self.inner.claim(claim)).await
    }

    async fn held(&self, worker: WorkerId) -> Result<Vec<ExecutionId>, JournalError> {
        self.call(Calls::All, self.inner.held(worker)).await
    }

    async fn renew(&self, worker: WorkerId, held: &[ExecutionId]) -> Result<Renewed, JournalError> {
        self.call(Calls::All, self.inner.renew(worker, held)).await
    }

    async fn release(
        &self,
        worker: WorkerId,
        execution: ExecutionId,
        release: Release,
    ) -> Result<bool, JournalError> {
        self.call(Calls::All, self.inner.release(worker, execution, release)).await
    }

    async fn send(&self, letter: &Letter) -> Result<Sent, JournalError> {
        self.call(Calls::All, self.inner.send(letter)).await
    }

    async fn letters(&self, execution: ExecutionId) -> Result<Vec<Letter>, JournalError> {
        self.call(Calls::All, self.inner.letters(execution)).await
    }

    fn limits(&self, agent: &str) -> bool {
        self.inner.limits(agent)
    }

    async fn take_place(&self, agent: &str, place: &AgentPlace) -> Result<bool, JournalError> {
        self.call(Calls::All, self.inner.take_place(agent, place)).await
    }

    async fn give_place(&self, agent: &str, place: &AgentPlace) -> Result<(), JournalError> {
        self.call(Calls::All, self.inner.give_place(agent, place)).await
    }

    async fn at_work(&self, worker: WorkerId, works: bool) -> Result<(), JournalError> {
        self.call(Calls::All, self.inner.at_work(worker, works)).await
    }

    fn hints(&self) -> broadcast::Receiver<Hint> {
        self.inner.hints()
    }
}

impl std::fmt::Debug for FaultyJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultyJournal")
            .field("fault", &self.fault)
            .field("wrong", &self.wrong)
            .finish_non_exhaustive()
    }
}
