//! What a journal in memory holds. It knows no clock and tells nobody.

use std::collections::{BTreeMap, BTreeSet};

use super::super::journal::{
    AgentPlace, Claim, Commit, JournalError, JournalErrorKind, NewExecution, Recorded, Sent, WorkerId,
};
use super::super::letter::{Letter, Message};
use crate::time::{ExecutionId, Timestamp};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) executions: BTreeMap<ExecutionId, Kept>,
    /// How many places of an agent there are, and which are taken.
    pub(super) places: BTreeMap<String, (usize, Vec<AgentPlace>)>,
    arrivals: u64,
}

#[derive(Debug)]
pub(super) struct Kept {
    pub(super) recorded: Recorded,
    /// The order in which executions came.
    pub(super) arrival: u64,
    pub(super) job: Option<JobRow>,
    pub(super) letters: Vec<Letter>,
}

#[derive(Debug)]
pub(super) struct JobRow {
    pub(super) priority: i32,
    pub(super) state: JobState,
    pub(super) failures: u32,
    pub(super) stalls: u32,
    /// How many events there were when it was last claimed.
    pub(super) seen: usize,
    /// Why it was last given back as failed.
    pub(super) error: Option<String>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum JobState {
    Ready { due: Timestamp },
    Held { by: WorkerId, until: Option<Timestamp> },
    Parked { until: Option<Timestamp> },
    Dead,
}

pub(super) fn conflict(message: String) -> JournalError {
    JournalError::new(JournalErrorKind::Conflict, message)
}

impl State {
    /// Whether these can all be taken in.
    pub(super) fn are_new<'n>(
        &self,
        new: impl IntoIterator<Item = &'n NewExecution>,
    ) -> Result<(), JournalError> {
        let mut names = BTreeSet::new();
        for new in new {
            let id = new.execution;
            if self.executions.contains_key(&id) || !names.insert(id) {
                return Err(conflict(format!("there is an execution {id} already")));
            }
        }
        Ok(())
    }

    /// Whether a turn is the next of its execution.
    pub(super) fn fits(&self, commit: &Commit<'_>) -> Result<(), JournalError> {
        let (id, expected) = (commit.execution, commit.expected_seq);
        self.are_new(commit.begins.into_iter().chain(commit.starts))?;
        let known = match commit.begins {
            Some(_) => 0,
            None => {
                let kept = self.executions.get(&id);
                let kept = kept.ok_or_else(|| conflict(format!("there is no execution {id}")))?;
                let ended = || conflict(format!("execution {id} has ended"));
                let job = kept.job.as_ref().ok_or_else(ended)?;
                if commit.by.is_some_and(|worker| !job.is_held_by(worker)) {
                    return Err(conflict(format!("execution {id} is not held by who writes to it")));
                }
                kept.recorded.events.len()
            }
        };
        if u64::try_from(known) != Ok(expected) {
            return Err(conflict(format!("execution {id} has {known} events, not {expected}")));
        }
        Ok(())
    }

    /// Takes an execution in, of which there is none yet. `until`: when its lease ends.
    pub(super) fn take_in(&mut self, new: &NewExecution, now: Timestamp, until: Option<Timestamp>) {
        self.arrivals += 1;
        let job = JobRow {
            priority: new.priority,
            state: match new.held_by {
                Some(by) => JobState::Held { by, until },
                None => JobState::Ready { due: new.not_before.map_or(now, |at| at.max(now)) },
            },
            failures: 0,
            stalls: 0,
            seen: 0,
            error: None,
        };
        let recorded = Recorded {
            parent: new.parent,
            awaited: new.awaited,
            lineage: new.lineage.clone(),
            ..Recorded::new(new.definition.clone(), (*new.inputs).clone())
        };
        let kept = Kept { recorded, arrival: self.arrivals, job: Some(job), letters: Vec::new() };
        self.executions.insert(new.execution, kept);
    }

    /// Puts a letter into a box; also whether that woke the execution.
    pub(super) fn put(&mut self, letter: &Letter, now: Timestamp) -> (Sent, bool) {
        let Some(kept) = self.executions.get_mut(&letter.to) else { return (Sent::Unknown, false) };
        let Some(job) = &mut kept.job else { return (Sent::Ended, false) };
        if kept.letters.iter().all(|known| known.id != letter.id) {
            kept.letters.push(letter.clone());
        }
        let cancels = matches!(letter.message, Message::Cancel { .. });
        let wakes = match job.state {
            JobState::Parked { .. } => true,
            JobState::Ready { due } => cancels && due > now,
            JobState::Held { .. } | JobState::Dead => false,
        };
        if wakes {
            job.state = JobState::Ready { due: now };
        }
        (Sent::Accepted, wakes)
    }
}

impl JobRow {
    /// Since when it can be claimed, if it can.
    pub(super) fn due(&self, now: Timestamp) -> Option<Timestamp> {
        match self.state {
            JobState::Ready { due } => Some(due),
            JobState::Held { until, .. } => until.filter(|until| *until <= now),
            JobState::Parked { until } => until,
            JobState::Dead => None,
        }
    }

    /// The same for somebody who may ask for it by name. `leased`: whether there are leases.
    pub(super) fn due_for(&self, claim: &Claim, leased: bool, now: Timestamp) -> Option<Timestamp> {
        let free = !matches!(self.state, JobState::Held { .. });
        let mine = free || self.is_held_by(claim.worker) || claim.take_over && !leased;
        if claim.only.is_some() && mine { Some(now) } else { self.due(now) }
    }

    /// Gives it to a worker.
    pub(super) fn give(&mut self, worker: WorkerId, until: Option<Timestamp>, events: usize) {
        // Whoever held it went away; that counts unless it got somewhere before.
        if matches!(self.state, JobState::Held { by, .. } if by != worker) {
            self.stalls += 1;
        }
        if events > self.seen {
            (self.failures, self.stalls) = (0, 0);
        }
        self.seen = events;
        self.state = JobState::Held { by: worker, until };
    }

    pub(super) fn is_held_by(&self, worker: WorkerId) -> bool {
        matches!(self.state, JobState::Held { by, .. } if by == worker)
    }
}
