//! Writes the turns of one execution to its journal, and reads it back when that failed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::error::{Error, ErrorKind};
use super::ports::{Commit, Journal, JournalErrorKind};
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
}

impl Writer {
    /// For a new execution.
    pub(crate) const fn new(journal: Arc<dyn Journal>, workflow: Value) -> Self {
        Self { journal, workflow: Some(workflow), written: 0 }
    }

    /// For an execution that has events already.
    pub(crate) const fn after(journal: Arc<dyn Journal>, written: u64) -> Self {
        Self { journal, workflow: None, written }
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
            ended: scheduler.status().is_ended(),
        };
        match self.journal.commit(commit).await {
            Ok(()) => {
                self.written = scheduler.seq();
                self.workflow = None;
                Ok(())
            }
            Err(error) => {
                let conflict = error.kind() == JournalErrorKind::Conflict;
                let message = if conflict { "somebody else writes to" } else { "the journal did not take" };
                let message = format!("{message} execution {}: {error}", scheduler.id());
                let kind = if conflict { ErrorKind::NotFound } else { ErrorKind::Journal };
                Err(Error::caused(kind, message, error))
            }
        }
    }

    /// The execution as the journal has it, however long the journal takes to answer. Given up
    /// only if somebody else drives the execution, or nothing was ever written of it.
    pub(crate) async fn read_back(
        &mut self,
        plan: &Plan,
        execution: ExecutionId,
        error: Error,
    ) -> Result<(Scheduler, Vec<Event>), Error> {
        if error.kind() != ErrorKind::Journal {
            return Err(error);
        }
        let mut pause = PAUSE.0;
        let recorded = loop {
            match self.journal.load(execution).await {
                Ok(recorded) => break recorded,
                Err(error) => tracing::warn!(%error, "the journal does not answer"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        };
        let Some(recorded) = recorded else { return Err(error) };
        let (scheduler, events) = read(plan, &recorded.events)?;
        self.written = scheduler.seq();
        self.workflow = None;
        Ok((scheduler, events))
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
