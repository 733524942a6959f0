//! The journal over the state, with a clock and hints.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::broadcast;

use super::super::clock::{Clock, EngineClock};
use super::super::journal::{
    AgentPlace, Claim, Claimed, Commit, Hint, Job, Journal, JournalError, NewExecution, Recorded, Release,
    Renewed, Sent, WorkerId,
};
use super::super::letter::Letter;
use super::state::{JobState, State};
use crate::event::ExecutionStatus;
use crate::time::{ExecutionId, Timestamp};

/// A journal in memory: for tests, and as the model of what a journal does.
#[derive(Debug)]
pub struct MemoryJournal {
    state: Mutex<State>,
    clock: EngineClock,
    lease: Option<Duration>,
    hints: broadcast::Sender<Hint>,
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> Self {
        Self::made(EngineClock::system(), None)
    }

    /// An empty journal with a clock of its own.
    pub fn with_clock(clock: impl Clock) -> Self {
        Self::made(EngineClock::Other(Arc::new(clock)), None)
    }

    /// An empty journal for several engines, of which each may go away: what it holds is given to
    /// others after that time.
    pub fn leased(lease: Duration, clock: impl Clock) -> Self {
        Self::made(EngineClock::Other(Arc::new(clock)), Some(lease))
    }

    fn made(clock: EngineClock, lease: Option<Duration>) -> Self {
        Self { state: Mutex::default(), clock, lease, hints: broadcast::channel(1024).0 }
    }

    /// An agent has that many places on all nodes together.
    pub fn limit_agent(&self, agent: &str, places: usize) {
        self.state().places.entry(agent.to_owned()).or_default().0 = places;
    }

    /// The executions that were given up, each with the reason.
    pub fn dead(&self) -> Vec<(ExecutionId, String)> {
        let state = self.state();
        let jobs = state.executions.iter().filter_map(|(id, kept)| Some((*id, kept.job.as_ref()?)));
        jobs.filter(|(_, job)| matches!(job.state, JobState::Dead))
            .map(|(id, job)| (id, job.error.clone().unwrap_or_default()))
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hint(&self, hint: Hint) {
        // Nobody has to listen.
        let _ = self.hints.send(hint);
    }

    fn until(&self) -> Option<Timestamp> {
        self.lease.map(|lease| self.clock.now().after(lease))
    }

    fn take_in(&self, state: &mut State, new: &NewExecution) {
        state.take_in(new, self.clock.now(), self.until());
        if new.held_by.is_none() {
            self.hint(Hint::Ready);
        }
    }

    fn put(&self, state: &mut State, letter: &Letter) -> Sent {
        let (sent, wakes) = state.put(letter, self.clock.now());
        if wakes {
            self.hint(Hint::Ready);
        }
        if sent == Sent::Accepted {
            self.hint(Hint::Letter(letter.to));
        }
        sent
    }

    /// How an execution stands, without its events.
    pub fn status(&self, execution: ExecutionId) -> Option<ExecutionStatus> {
        self.state().executions.get(&execution).map(|kept| kept.recorded.status)
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn commit(&self, commit: Commit<'_>) -> Result<(), JournalError> {
        let mut state = self.state();
        let id = commit.execution;
        state.fits(&commit)?;
        for new in commit.begins.into_iter().chain(commit.starts) {
            self.take_in(&mut state, new);
        }
        if let Some(kept) = state.executions.get_mut(&id) {
            kept.recorded.events.extend_from_slice(commit.events);
            kept.recorded.status = commit.standing.status;
            kept.recorded.error = commit.standing.error.map(str::to_owned);
            kept.letters.retain(|letter| Some(letter.id) != commit.read);
        }
        for letter in commit.sends {
            self.put(&mut state, letter);
        }
        if commit.standing.status.is_ended() {
            if let Some(kept) = state.executions.get_mut(&id) {
                kept.job = None;
                kept.letters.clear();
            }
            self.hint(Hint::Ended(id));
        }
        Ok(())
    }

    async fn create(&self, new: &[NewExecution]) -> Result<(), JournalError> {
        let mut state = self.state();
        state.are_new(new)?;
        new.iter().for_each(|new| self.take_in(&mut state, new));
        Ok(())
    }

    async fn load(&self, execution: ExecutionId) -> Result<Option<Recorded>, JournalError> {
        Ok(self.state().executions.get(&execution).map(|kept| kept.recorded.clone()))
    }

    async fn unfinished(&self) -> Result<Vec<ExecutionId>, JournalError> {
        let state = self.state();
        let open = |id: &ExecutionId| state.executions.get(id).is_some_and(|kept| kept.job.is_some());
        let waited_for = |kept: &super::state::Kept| {
            kept.recorded.awaited && kept.recorded.parent.as_ref().is_some_and(open)
        };
        let all = state.executions.iter().filter(|(id, kept)| open(id) && !waited_for(kept));
        let by_age: BTreeSet<_> = all.map(|(id, kept)| (kept.arrival, *id)).collect();
        Ok(by_age.into_iter().map(|(_, id)| id).collect())
    }

    fn lease(&self) -> Option<Duration> {
        self.lease
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, JournalError> {
        let (now, until) = (self.clock.now(), self.until());
        let mut state = self.state();
        let mut due = BTreeSet::new();
        let mut next_at: Option<Timestamp> = None;
        for (id, kept) in &state.executions {
            let Some(job) = &kept.job else { continue };
            let since = match claim.only {
                Some(only) if only != *id => None,
                _ => job.due_for(&claim, self.lease.is_some(), now),
            };
            match since {
                Some(since) if since <= now => {
                    due.insert((job.priority, since, kept.arrival, *id));
                }
                Some(later) => next_at = Some(next_at.map_or(later, |next| next.min(later))),
                None => {}
            }
        }
        let mut jobs = Vec::new();
        for (.., id) in due.into_iter().take(claim.limit) {
            let Some(kept) = state.executions.get_mut(&id) else { continue };
            let Some(job) = &mut kept.job else { continue };
            job.give(claim.worker, until, kept.recorded.events.len());
            jobs.push(Job { execution: id, failures: job.failures, stalls: job.stalls });
        }
        Ok(Claimed { jobs, next_at })
    }

    async fn held(&self, worker: WorkerId) -> Result<Vec<ExecutionId>, JournalError> {
        let state = self.state();
        let held = state
            .executions
            .iter()
            .filter(|(_, kept)| kept.job.as_ref().is_some_and(|job| job.is_held_by(worker)));
        Ok(held.map(|(id, _)| *id).collect())
    }

    async fn renew(&self, worker: WorkerId, held: &[ExecutionId]) -> Result<Renewed, JournalError> {
        let until = self.until();
        let mut state = self.state();
        let mut renewed = Renewed::default();
        for id in held {
            let Some(kept) = state.executions.get_mut(id) else { continue };
            match &mut kept.job {
                Some(job) if job.is_held_by(worker) => job.state = JobState::Held { by: worker, until },
                // What has ended needs no lease.
                None => continue,
                Some(_) => renewed.lost.push(*id),
            }
            if !kept.letters.is_empty() {
                renewed.letters.push(*id);
            }
        }
        Ok(renewed)
    }

    async fn release(
        &self,
        worker: WorkerId,
        execution: ExecutionId,
        release: Release,
    ) -> Result<bool, JournalError> {
        let now = self.clock.now();
        let mut state = self.state();
        let Some(kept) = state.executions.get_mut(&execution) else { return Ok(false) };
        let Some(job) = kept.job.as_mut().filter(|job| job.is_held_by(worker)) else { return Ok(false) };
        job.state = match release {
            Release::Ready => JobState::Ready { due: now },
            Release::Park { seq, .. }
                if !kept.letters.is_empty() || seq != kept.recorded.events.len() as u64 =>
            {
                return Ok(false);
            }
            Release::Park { until, .. } => {
                (job.failures, job.stalls) = (0, 0);
                JobState::Parked { until }
            }
            Release::Failed { error, retry_in } => {
                job.failures += 1;
                job.error = Some(error);
                retry_in.map_or(JobState::Dead, |pause| JobState::Ready { due: now.after(pause) })
            }
        };
        self.hint(Hint::Ready);
        Ok(true)
    }

    async fn send(&self, letter: &Letter) -> Result<Sent, JournalError> {
        Ok(self.put(&mut self.state(), letter))
    }

    async fn letters(&self, execution: ExecutionId) -> Result<Vec<Letter>, JournalError> {
        Ok(self.state().executions.get(&execution).map(|kept| kept.letters.clone()).unwrap_or_default())
    }

    fn limits(&self, agent: &str) -> bool {
        self.state().places.contains_key(agent)
    }

    async fn take_place(&self, agent: &str, place: &AgentPlace) -> Result<bool, JournalError> {
        let mut state = self.state();
        let State { executions, places, .. } = &mut *state;
        let Some((limit, taken)) = places.get_mut(agent) else { return Ok(true) };
        // A place is held as long as the execution is.
        let is_held = |place: &AgentPlace| {
            let job = executions.get(&place.execution).and_then(|kept| kept.job.as_ref());
            job.is_some_and(|job| job.is_held_by(place.worker) && job.due(self.clock.now()).is_none())
        };
        taken.retain(is_held);
        if taken.contains(place) {
            return Ok(true);
        }
        let free = taken.len() < *limit && is_held(place);
        if free {
            taken.push(place.clone());
        }
        Ok(free)
    }

    async fn give_place(&self, agent: &str, place: &AgentPlace) -> Result<(), JournalError> {
        if let Some((_, taken)) = self.state().places.get_mut(agent) {
            taken.retain(|known| known != place);
            self.hint(Hint::Place);
        }
        Ok(())
    }

    fn hints(&self) -> broadcast::Receiver<Hint> {
        self.hints.subscribe()
    }
}
