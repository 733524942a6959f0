//! A fresh journal, and what the checks have to know of it.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::complaint::Complaint;
use crate::definition::Definition;
use crate::event::ExecutionStatus;
use crate::runtime::{
    Claim, Claimed, Commit, Journal, JournalError, JournalErrorKind, Letter, Message, NewExecution, Recorded,
    Release, Standing, WorkerId,
};
use crate::testing::ManualClock;
use crate::time::{ExecutionId, Timestamp};

/// A fresh journal, and what the checks have to know of it.
#[derive(Debug)]
pub struct Subject {
    journal: Arc<dyn Journal>,
    clock: Option<ManualClock>,
    places: Option<(String, usize)>,
    _kept: Option<Kept>,
}

struct Kept(#[expect(dead_code, reason = "it is only dropped")] Box<dyn Any + Send + Sync>);

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept")
    }
}

impl std::fmt::Debug for dyn Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Journal")
    }
}

impl Subject {
    /// A fresh journal that takes the time from the system. The checks sleep for about as long as
    /// its lease where they have to: give it a short one, but not under a second.
    pub fn new(journal: Arc<dyn Journal>) -> Self {
        Self { journal, clock: None, places: None, _kept: None }
    }

    /// The journal takes the time from this clock, and the checks turn it instead of sleeping.
    #[must_use]
    pub fn clock(mut self, clock: ManualClock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// This agent has that many places on all nodes together, at least one. Without it places are
    /// not checked.
    #[must_use]
    pub fn agent_places(mut self, agent: &str, places: usize) -> Self {
        self.places = Some((agent.to_owned(), places));
        self
    }

    /// Something to be dropped after the journal, such as its folder.
    #[must_use]
    pub fn keep(mut self, kept: impl Any + Send + Sync) -> Self {
        self._kept = Some(Kept(Box::new(kept)));
        self
    }

    pub(super) fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }

    pub(super) fn places(&self) -> Option<(&str, usize)> {
        self.places.as_ref().map(|(agent, places)| (&**agent, *places))
    }

    /// The time as the journal knows it.
    pub(super) fn now(&self) -> Timestamp {
        match &self.clock {
            Some(clock) => clock.now(),
            None => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
        }
    }

    /// A moment that has not come, and how long until it surely has.
    pub(super) fn soon(&self) -> (Timestamp, Duration) {
        // Well within a lease, so that nothing else becomes due meanwhile.
        let most = Duration::from_millis(if self.clock.is_some() { 60_000 } else { 500 });
        let unit = self.journal.lease().map_or(most, |lease| most.min(lease / 4));
        (self.now().after(unit), unit * 5 / 4)
    }

    /// Time passes.
    pub(super) async fn pass(&self, time: Duration) {
        match &self.clock {
            Some(clock) => clock.advance(time),
            None => tokio::time::sleep(time).await,
        }
    }

    /// A moment passes, so that what comes after it is later.
    pub(super) async fn moment(&self) {
        self.pass(Duration::from_millis(5)).await;
    }

    /// The lease passes; false if there is none.
    pub(super) async fn lease_ends(&self) -> bool {
        let Some(lease) = self.journal.lease() else { return false };
        self.pass(lease + lease / 10).await;
        true
    }

    pub(super) async fn claim(&self, worker: WorkerId, limit: usize) -> Result<Claimed, JournalError> {
        self.journal.claim(Claim { worker, limit, only: None, take_over: false }).await
    }

    /// The names of the executions that a worker is given.
    pub(super) async fn claimed(
        &self,
        worker: WorkerId,
        limit: usize,
    ) -> Result<Vec<ExecutionId>, JournalError> {
        Ok(self.claim(worker, limit).await?.jobs.into_iter().map(|job| job.execution).collect())
    }

    pub(super) async fn claim_only(
        &self,
        worker: WorkerId,
        execution: ExecutionId,
    ) -> Result<Claimed, JournalError> {
        self.journal.claim(Claim { worker, limit: 1, only: Some(execution), take_over: false }).await
    }

    /// Takes one execution in, to be claimed.
    pub(super) async fn created(&self) -> Result<ExecutionId, JournalError> {
        let new = execution();
        self.journal.create(std::slice::from_ref(&new)).await?;
        Ok(new.execution)
    }

    /// Takes one execution in and gives it to a worker.
    pub(super) async fn held(&self, worker: WorkerId) -> Result<ExecutionId, JournalError> {
        let mut new = execution();
        new.held_by = Some(worker);
        self.journal.create(std::slice::from_ref(&new)).await?;
        Ok(new.execution)
    }

    /// Takes one execution in that has begun, held by a worker.
    pub(super) async fn begun(&self, worker: WorkerId) -> Result<ExecutionId, JournalError> {
        let id = self.held(worker).await?;
        self.journal.commit(Commit::new(id, 0, &[event(1)])).await?;
        Ok(id)
    }

    /// An execution that has ended with its first event.
    pub(super) async fn ended(&self) -> Result<ExecutionId, JournalError> {
        let id = self.held(WorkerId::generate()).await?;
        self.journal.commit(Commit::new(id, 0, &[event(1)]).standing(completed())).await?;
        Ok(id)
    }

    pub(super) async fn release(
        &self,
        worker: WorkerId,
        execution: ExecutionId,
        release: Release,
    ) -> Result<bool, JournalError> {
        self.journal.release(worker, execution, release).await
    }

    /// What is recorded of an execution that is there.
    pub(super) async fn load(&self, execution: ExecutionId) -> Result<Recorded, Complaint> {
        let recorded = self.journal.load(execution).await?;
        recorded.ok_or_else(|| Complaint::new(format!("execution {execution} should be there and is not")))
    }
}

/// An execution to be taken in.
pub(super) fn execution() -> NewExecution {
    let workflow = json!({ "name": "conformance", "steps": { "a": { "agent": "a" } } });
    NewExecution::new(ExecutionId::generate(), Definition::new(&workflow), Arc::new(json!({ "n": 1 })))
}

/// An event of that number.
pub(super) fn event(seq: u64) -> Value {
    json!({ "seq": seq, "at": 1_893_456_000_000_u64 + seq, "type": "executionResumed" })
}

/// The event in which a step completes with that output.
pub(super) fn output(seq: u64, output: &Value) -> Value {
    json!({ "seq": seq, "at": 1_893_456_000_000_u64, "type": "stepCompleted", "step": "a", "output": output })
}

/// How an execution stands that has completed.
pub(super) fn completed() -> Standing<'static> {
    Standing { status: ExecutionStatus::Completed, ..Standing::default() }
}

pub(super) fn signal(to: ExecutionId, payload: Value) -> Letter {
    Letter::new(to, Message::Signal { name: "go".into(), payload: Arc::new(payload) })
}

pub(super) fn cancel(to: ExecutionId) -> Letter {
    Letter::new(to, Message::Cancel { reason: "enough".into() })
}

/// A complaint unless it was refused as a conflict.
pub(super) fn conflicts<T>(done: Result<T, JournalError>, what: &str) -> Result<(), Complaint> {
    match done {
        Err(error) if error.kind() == JournalErrorKind::Conflict => Ok(()),
        Err(error) => {
            Err(Complaint::new(format!("{what}: expected a conflict, found {:?}: {error}", error.kind())))
        }
        Ok(_) => Err(Complaint::new(format!("{what}: expected a conflict, but it was done"))),
    }
}
