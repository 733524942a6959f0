//! Writes the turns of one execution to its journal, and reads it back when that failed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::clock::EngineClock;
use super::durable::Durable;
use super::error::{Error, ErrorKind};
use super::journal::{Commit, Journal, JournalErrorKind, NewExecution, Recorded, Standing, WorkerId};
use super::letter::Letter;
use crate::event::{Event, Fact};
use crate::plan::Plan;
use crate::scheduler::Scheduler;
use crate::time::{ExecutionId, Timestamp};

/// How long to wait before a journal that does not answer is asked again, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(10));

/// Outputs of executions up to about this many bytes are kept with the execution's row as well,
/// where lists and callers find them without reading the journal.
const SMALL: usize = 16 * 1024;

pub(crate) struct Writer {
    journal: Arc<dyn Journal>,
    /// Who drives it.
    worker: WorkerId,
    /// The execution, until it was written with the first events.
    begins: Option<NewExecution>,
    /// The number of the last event that was written.
    written: u64,
    tally: Tally,
    /// The execution that waits for this one.
    parent: Option<ExecutionId>,
    /// How often in a row it was not.
    failures: u32,
}

/// What goes with the events of a turn.
#[derive(Default)]
pub(crate) struct Enclosed {
    pub(crate) starts: Vec<NewExecution>,
    pub(crate) sends: Vec<Letter>,
    pub(crate) read: Option<Uuid>,
}

/// What lists tell of an execution.
#[derive(Clone, Default)]
struct Tally {
    completed: u32,
    failed: u32,
    skipped: u32,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
}

impl Tally {
    fn add(&mut self, events: &[Event]) {
        for event in events {
            match &event.fact {
                Fact::ExecutionStarted { .. } => self.started_at = Some(event.at),
                Fact::ExecutionEnded { .. } => self.ended_at = Some(event.at),
                Fact::StepCompleted { step, .. } if step.frame == 0 => self.completed += 1,
                Fact::StepFailed { step, .. } if step.frame == 0 => self.failed += 1,
                Fact::StepSkipped { step, .. } if step.frame == 0 => self.skipped += 1,
                _ => {}
            }
        }
    }
}

impl Writer {
    /// For a new execution; `parent` waits for it. Without `begins` the journal knows it already.
    pub(crate) fn new(durable: &Durable, begins: Option<NewExecution>, parent: Option<ExecutionId>) -> Self {
        let (journal, worker) = (durable.journal.clone(), durable.worker);
        Self { journal, worker, begins, written: 0, tally: Tally::default(), parent, failures: 0 }
    }

    /// For an execution that has events already.
    pub(crate) fn after(durable: &Durable, events: &[Event], parent: Option<ExecutionId>) -> Self {
        let mut writer = Self::new(durable, None, parent);
        writer.found(events);
        writer
    }

    /// The number of the last event that is known to be written.
    pub(crate) const fn written(&self) -> u64 {
        self.written
    }

    /// The execution that waits for this one.
    pub(crate) const fn parent(&self) -> Option<ExecutionId> {
        self.parent
    }

    /// Returns when the events of a turn are durable.
    pub(crate) async fn write(
        &mut self,
        scheduler: &Scheduler,
        events: &[Event],
        enclosed: &Enclosed,
    ) -> Result<(), Error> {
        if events.is_empty() && enclosed.read.is_none() {
            return Ok(());
        }
        let mut tally = self.tally.clone();
        tally.add(events);
        let status = scheduler.status();
        let output = status.is_ended().then(|| small_output(scheduler)).flatten();
        let standing = Standing {
            status,
            completed: tally.completed,
            failed: tally.failed,
            skipped: tally.skipped,
            started_at: tally.started_at,
            ended_at: tally.ended_at,
            output: output.as_deref(),
            error: scheduler.failure().map(|failure| &*failure.message),
        };
        let encoded: Vec<Value> = events.iter().map(|event| scheduler.plan().encode(event)).collect();
        let commit = Commit {
            execution: scheduler.id(),
            begins: self.begins.as_ref(),
            expected_seq: self.written,
            events: &encoded,
            standing,
            starts: &enclosed.starts,
            sends: &enclosed.sends,
            read: enclosed.read,
            by: Some(self.worker),
        };
        match self.journal.commit(commit).await {
            Ok(()) => {
                self.written = scheduler.seq();
                self.tally = tally;
                self.begins = None;
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
    /// it does not know it. Given up only if somebody else drives the execution.
    pub(crate) async fn read_back(
        &mut self,
        execution: ExecutionId,
        error: Error,
        clock: &EngineClock,
    ) -> Result<Option<Recorded>, Error> {
        if error.kind() != ErrorKind::Journal {
            return Err(error);
        }
        // A journal that fails once is asked again at once, one that keeps failing is not.
        if self.failures > 1 {
            let pause = PAUSE.0.saturating_mul(1 << (self.failures - 2).min(16)).min(PAUSE.1);
            clock.sleep_until(clock.now().after(pause)).await;
        }
        load(&self.journal, execution, clock).await
    }

    /// The journal turned out to have these events.
    pub(crate) fn found(&mut self, events: &[Event]) {
        self.written = events.len() as u64;
        self.tally = Tally::default();
        self.tally.add(events);
        self.begins = None;
    }
}

/// What the journal has of an execution, however long it takes to answer; an error if it is damaged.
pub(crate) async fn load(
    journal: &Arc<dyn Journal>,
    execution: ExecutionId,
    clock: &EngineClock,
) -> Result<Option<Recorded>, Error> {
    let mut pause = PAUSE.0;
    loop {
        match journal.load(execution).await {
            Ok(recorded) => return Ok(recorded),
            // Asking again does not mend it.
            Err(error) if error.kind() == JournalErrorKind::Damaged => {
                let message = format!("execution {execution} cannot be read: {error}");
                return Err(Error::caused(ErrorKind::Journal, message, error));
            }
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

/// The output of an execution that has ended, unless it would be a large copy of what the outputs
/// of its steps are already.
fn small_output(scheduler: &Scheduler) -> Option<Arc<Value>> {
    if scheduler.plan().0.outputs.is_none() {
        let mut left = SMALL;
        for report in scheduler.steps() {
            let output = scheduler.step_output(&report.path);
            spend(output.map_or(&Value::Null, |output| output), &mut left)?;
        }
    }
    Some(scheduler.output())
}

/// Takes about the size of a value off what is left; `None` if that is not enough.
fn spend(value: &Value, left: &mut usize) -> Option<()> {
    let own = match value {
        Value::String(text) => text.len(),
        Value::Object(members) => members.keys().map(|key| key.len() + 4).sum(),
        _ => 0,
    };
    *left = left.checked_sub(own + 8)?;
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| spend(item, left)),
        Value::Object(members) => members.values().try_for_each(|member| spend(member, left)),
        _ => Some(()),
    }
}
