//! The store as the engine's journal.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::broadcast;
use turbocat_core::{
    AgentPlace, Claim, Claimed, Commit, ExecutionId, Hint, Journal, JournalError, JournalErrorKind, Letter,
    NewExecution, Recorded, Release, Renewed, Sent, WorkerId,
};

use super::open::Store;
use super::turn::Turn;
use crate::error::{StorageError, StorageErrorKind};

fn journal(error: StorageError) -> JournalError {
    let kind = match error.kind() {
        StorageErrorKind::Conflict => JournalErrorKind::Conflict,
        StorageErrorKind::Corrupt => JournalErrorKind::Damaged,
        _ => JournalErrorKind::Unavailable,
    };
    JournalError::new(kind, error.to_string()).caused_by(error)
}

#[async_trait]
impl Journal for Store {
    async fn commit(&self, commit: Commit<'_>) -> Result<(), JournalError> {
        let now = self.0.time.now();
        let turn = Turn::new(&commit, now, self.until(now)).map_err(journal)?;
        self.write(turn).await.map_err(journal)
    }

    async fn create(&self, new: &[NewExecution]) -> Result<(), JournalError> {
        self.take_in(new).await.map_err(journal)
    }

    async fn load(&self, execution: ExecutionId) -> Result<Option<Recorded>, JournalError> {
        self.recorded(execution).await.map_err(journal)
    }

    async fn unfinished(&self) -> Result<Vec<ExecutionId>, JournalError> {
        self.open_executions().await.map_err(journal)
    }

    fn lease(&self) -> Option<Duration> {
        self.0.lease
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, JournalError> {
        self.claim_jobs(claim).await.map_err(journal)
    }

    async fn held(&self, worker: WorkerId) -> Result<Vec<ExecutionId>, JournalError> {
        self.held_by(worker).await.map_err(journal)
    }

    async fn renew(&self, worker: WorkerId, held: &[ExecutionId]) -> Result<Renewed, JournalError> {
        self.renew_leases(worker, held).await.map_err(journal)
    }

    async fn release(
        &self,
        worker: WorkerId,
        execution: ExecutionId,
        release: Release,
    ) -> Result<bool, JournalError> {
        self.give_back(worker, execution, release).await.map_err(journal)
    }

    async fn send(&self, letter: &Letter) -> Result<Sent, JournalError> {
        self.put(letter).await.map_err(journal)
    }

    async fn letters(&self, execution: ExecutionId) -> Result<Vec<Letter>, JournalError> {
        self.box_of(execution).await.map_err(journal)
    }

    fn limits(&self, agent: &str) -> bool {
        self.is_limited(agent)
    }

    async fn take_place(&self, agent: &str, place: &AgentPlace) -> Result<bool, JournalError> {
        self.take(agent, place).await.map_err(journal)
    }

    async fn give_place(&self, agent: &str, place: &AgentPlace) -> Result<(), JournalError> {
        self.free(agent, place).await.map_err(journal)
    }

    async fn at_work(&self, worker: WorkerId, works: bool) -> Result<(), JournalError> {
        self.see(worker, works).await.map_err(journal)
    }

    fn hints(&self) -> broadcast::Receiver<Hint> {
        self.0.hints.subscribe()
    }
}
