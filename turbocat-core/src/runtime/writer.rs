//! Writes the turns of one execution to its journal, and reads it back when that failed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::clock::EngineClock;
use super::error::{Error, ErrorKind};
use super::ports::{Commit, Journal, JournalErrorKind, Recorded};
use crate::event::Event;
use crate::plan::Plan;
use crate::scheduler::{Scheduler, Turn};
use crate::time::ExecutionId;

/// How long to wait before a journal that does not answer is asked again, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(10));

pub(crate) struct Writer {
    journal: Arc<dyn Journal>,
    /// The definition, until it was written with the first events.
    workflow: Option<Value>,
    /// The number of the last event that was written.
    written: u64,
    parent: Option<ExecutionId>,
    /// How often in a row it was not.
    failures: u32,
}

impl Writer {
    /// For a new execution; `parent` waits for it.
    pub(crate) const fn new(journal: Arc<dyn Journal>, workflow: Value, parent: Option<ExecutionId>) -> Self {
        Self { journal, workflow: Some(workflow), written: 0, parent, failures: 0 }
    }

    /// For an execution that has events already.
    pub(crate) const fn after(journal: Arc<dyn Journal>, written: u64) -> Self {
        Self { journal, workflow: None, written, parent: None, failures: 0 }
    }

    /// The number of the last event that is known to be written.
    pub(crate) const fn written(&self) -> u64 {
        self.written
    }

    /// Returns when the events of a turn are durable.
    pub(crate) async fn write(&mut self, scheduler: &Scheduler, turn: &Turn) -> Result<(), Error> {
        if turn.events.is_empty() {
            return Ok(());
        }
        let events: Vec<Value> = turn.events.iter().map(|event| scheduler.plan().encode(event)).collect();
        let commit = Commit {
            execution: scheduler.id(),
            expected_seq: self.written,
            events: &events,
            workflow: self.workflow.as_ref(),
            parent: self.parent.filter(|_| self.workflow.is_some()),
            ended: scheduler.status().is_ended(),
        };
        match self.journal.commit(commit).await {
            Ok(()) => {
                self.written = scheduler.seq();
                self.workflow = None;
                self.failures = 0;
                Ok(())
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                let conflict = error.kind() == JournalErrorKind::Conflict;
                let message = if conflict { "somebody else writes to" } else { "the journal did not take" };
                let message = format!("{message} execution {}: {error}", scheduler.id());
                let kind = if conflict { ErrorKind::Conflict } else { ErrorKind::Journal };
                Err(Error::caused(kind, message, error))
            }
        }
    }

    /// The execution as the journal has it, however long the journal takes to answer; `None` if
    /// nothing was ever written of it. Given up only if somebody else drives the execution.
    pub(crate) async fn read_back(
        &mut self,
        plan: &Plan,
        execution: ExecutionId,
        error: Error,
        clock: &EngineClock,
    ) -> Result<Option<(Scheduler, Vec<Event>)>, Error> {
        if error.kind() != ErrorKind::Journal {
            return Err(error);
        }
        // A journal that fails once is asked again at once, one that keeps failing is not.
        if self.failures > 1 {
            let pause = PAUSE.0.saturating_mul(1 << (self.failures - 2).min(16)).min(PAUSE.1);
            clock.sleep_until(clock.now().after(pause)).await;
        }
        let Some(recorded) = load(&self.journal, execution, clock).await else { return Ok(None) };
        let (scheduler, events) = read(plan, &recorded.events)?;
        self.written = scheduler.seq();
        self.workflow = None;
        Ok(Some((scheduler, events)))
    }
}

/// What the journal has of an execution, however long it takes to answer.
pub(crate) async fn load(
    journal: &Arc<dyn Journal>,
    execution: ExecutionId,
    clock: &EngineClock,
) -> Option<Recorded> {
    let mut pause = PAUSE.0;
    loop {
        match journal.load(execution).await {
            Ok(recorded) => return recorded,
            Err(error) => tracing::warn!(%error, "the journal does not answer"),
        }
        clock.sleep_until(clock.now().after(pause)).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// The execution that recorded events tell of.
pub(crate) fn read(plan: &Plan, events: &[Value]) -> Result<(Scheduler, Vec<Event>), Error> {
    let decoded: Result<Vec<_>, String> = events.iter().map(|event| plan.decode(event)).collect();
    let decoded = decoded.map_err(|message| {
        Error::new(ErrorKind::Journal, format!("the journal holds an event that cannot be read: {message}"))
    })?;
    let scheduler = Scheduler::replay(plan, &decoded)
        .map_err(|error| Error::caused(ErrorKind::Journal, "the journal does not fit the workflow", error))?;
    Ok((scheduler, decoded))
}
