//! A journal in whose use an engine dies: from one call on, nothing that the engine wants is done
//! any more, and it hears of nothing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{broadcast, watch};
use turbocat_core::{
    AgentPlace, Claim, Claimed, Commit, ExecutionId, Hint, Journal, JournalError, Letter, NewExecution,
    Recorded, Release, Renewed, Sent, WorkerId,
};

/// Which of the calls that write something is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    Never,
    /// The engine dies before the call of that number is done.
    Before(u32),
    /// It dies when the call is done, before it hears of it.
    After(u32),
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    calls: u32,
    /// Calls that are being done; a crash waits for them, so that nothing of this life happens in
    /// the next.
    open: u32,
    dead: bool,
}

pub(super) struct MortalJournal {
    inner: Arc<dyn Journal>,
    death: Death,
    state: watch::Sender<State>,
}

impl MortalJournal {
    pub(super) fn new(inner: Arc<dyn Journal>, death: Death) -> Self {
        Self { inner, death, state: watch::Sender::new(State::default()) }
    }

    /// How many calls there were that write something.
    pub(super) fn calls(&self) -> u32 {
        self.state.borrow().calls
    }

    /// Returns when the engine is dead and nothing it did is still on its way.
    pub(super) async fn died(&self) {
        let _ = self.state.subscribe().wait_for(|state| state.dead && state.open == 0).await;
    }

    async fn call<T>(&self, writes: bool, done: impl Future<Output = T> + Send) -> T {
        let mut number = 0;
        self.state.send_modify(|state| {
            number = state.calls;
            state.calls += u32::from(writes && !state.dead);
            state.dead |= writes && self.death == Death::Before(number);
            state.open += u32::from(!state.dead);
        });
        if self.state.borrow().dead {
            return std::future::pending().await;
        }
        let open = OpenCall(&self.state);
        let done = done.await;
        self.state.send_modify(|state| state.dead |= writes && self.death == Death::After(number));
        drop(open);
        if self.state.borrow().dead {
            return std::future::pending().await;
        }
        done
    }
}

/// A call that is being done, or was until somebody lost interest in it.
struct OpenCall<'a>(&'a watch::Sender<State>);

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|state| state.open -= 1);
    }
}

#[async_trait]
impl Journal for MortalJournal {
    async fn commit(&self, commit: Commit<'_>) -> Result<(), JournalError> {
        self.call(true, self.inner.commit(commit)).await
    }

    async fn create(&self, new: &[NewExecution]) -> Result<(), JournalError> {
        self.call(true, self.inner.create(new)).await
    }

    async fn load(&self, execution: ExecutionId) -> Result<Option<Recorded>, JournalError> {
        self.call(false, self.inner.load(execution)).await
    }

    async fn unfinished(&self) -> Result<Vec<ExecutionId>, JournalError> {
        self.call(false, self.inner.unfinished()).await
    }

    fn lease(&self) -> Option<Duration> {
        self.inner.lease()
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, JournalError> {
        // A claim of nothing writes nothing.
        self.call(claim.only.is_some(), self.inner.claim(claim)).await
    }

    async fn held(&self, worker: WorkerId) -> Result<Vec<ExecutionId>, JournalError> {
        self.call(false, self.inner.held(worker)).await
    }

    async fn renew(&self, worker: WorkerId, held: &[ExecutionId]) -> Result<Renewed, JournalError> {
        self.call(false, self.inner.renew(worker, held)).await
    }

    async fn release(
        &self,
        worker: WorkerId,
        execution: ExecutionId,
        release: Release,
    ) -> Result<bool, JournalError> {
        self.call(true, self.inner.release(worker, execution, release)).await
    }

    async fn send(&self, letter: &Letter) -> Result<Sent, JournalError> {
        self.call(true, self.inner.send(letter)).await
    }

    async fn letters(&self, execution: ExecutionId) -> Result<Vec<Letter>, JournalError> {
        self.call(false, self.inner.letters(execution)).await
    }

    fn limits(&self, agent: &str) -> bool {
        self.inner.limits(agent)
    }

    async fn take_place(&self, agent: &str, place: &AgentPlace) -> Result<bool, JournalError> {
        self.call(true, self.inner.take_place(agent, place)).await
    }

    async fn give_place(&self, agent: &str, place: &AgentPlace) -> Result<(), JournalError> {
        self.call(true, self.inner.give_place(agent, place)).await
    }

    fn hints(&self) -> broadcast::Receiver<Hint> {
        self.inner.hints()
    }
}
