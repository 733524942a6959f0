//! What the engine asks of its surroundings: where facts are kept, where attempts are done, where
//! secrets come from. All three are optional; the in-memory engine has none and pays for none.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use crate::agent::{AttemptRequest, StepOutput};
use crate::failure::StepFailure;
use crate::time::ExecutionId;

/// Keeps the events of executions.
///
/// What `commit` has returned for is durable. The engine acts on an event only after that.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Appends events to an execution, all or none.
    ///
    /// `expected_seq` is the number of the last event before them; if the journal has another
    /// one, somebody else wrote, and the answer is [`JournalErrorKind::Conflict`].
    async fn commit(&self, commit: Commit<'_>) -> Result<(), JournalError>;

    /// Everything that was committed of an execution; `None` if there is no such execution.
    async fn load(&self, execution: ExecutionId) -> Result<Option<Recorded>, JournalError>;

    /// The executions that have not ended, the oldest first; without those that an execution
    /// which has not ended waits for, because it goes on with them itself.
    async fn unfinished(&self) -> Result<Vec<ExecutionId>, JournalError>;
}

/// Events to be appended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Commit<'a> {
    /// The execution.
    pub execution: ExecutionId,
    /// The number of the last event before these.
    pub expected_seq: u64,
    /// The events, as [`Plan::encode`](crate::Plan::encode) wrote them.
    pub events: &'a [Value],
    /// The definition; given with the first events of an execution.
    pub workflow: Option<&'a Value>,
    /// The execution that waits for this one; given with the first events of a nested one.
    pub parent: Option<ExecutionId>,
    /// Whether the last of the events ends the execution.
    pub ended: bool,
}

impl<'a> Commit<'a> {
    /// Events that come after the one of that number. For tests of journals; the engine makes its
    /// own.
    pub const fn new(execution: ExecutionId, expected_seq: u64, events: &'a [Value]) -> Self {
        Self { execution, expected_seq, events, workflow: None, parent: None, ended: false }
    }

    /// With the definition.
    #[must_use]
    pub const fn workflow(mut self, workflow: &'a Value) -> Self {
        self.workflow = Some(workflow);
        self
    }

    /// With the execution that waits for this one.
    #[must_use]
    pub const fn parent(mut self, parent: ExecutionId) -> Self {
        self.parent = Some(parent);
        self
    }

    /// The last of the events ends the execution.
    #[must_use]
    pub const fn ended(mut self) -> Self {
        self.ended = true;
        self
    }
}

/// What a journal has of an execution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// The definition.
    pub workflow: Value,
    /// The events in their order.
    pub events: Vec<Value>,
    /// Whether it has ended.
    pub ended: bool,
}

/// Why a journal could not do something.
#[derive(Debug)]
pub struct JournalError {
    kind: JournalErrorKind,
    message: String,
}

/// The kinds of journal errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalErrorKind {
    /// Somebody else wrote to the execution.
    Conflict,
    /// The store does not answer, or refused; it may have written all the same.
    Unavailable,
}

impl JournalError {
    /// An error with a message.
    pub fn new(kind: JournalErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What kind of error it is.
    pub const fn kind(&self) -> JournalErrorKind {
        self.kind
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for JournalError {}

/// Does attempts somewhere else than in the driver's own process: in a queue, on another machine.
#[async_trait]
pub trait Dispatch: Send + Sync + 'static {
    /// Has an attempt done by the agent of that name. Dropping the future must stop it.
    async fn dispatch(&self, agent: &str, request: AttemptRequest) -> Result<StepOutput, StepFailure>;
}

/// Knows secrets by name. They are asked for inside an attempt and never written down.
#[async_trait]
pub trait Secrets: Send + Sync + 'static {
    /// The secret of that name, if there is one.
    async fn secret(&self, name: &str) -> Option<String>;
}

/// A journal in memory: for tests, and as the model of what a journal does.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    executions: Mutex<BTreeMap<ExecutionId, Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    recorded: Recorded,
    parent: Option<ExecutionId>,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    fn executions(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, Kept>> {
        self.executions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn commit(&self, commit: Commit<'_>) -> Result<(), JournalError> {
        let mut executions = self.executions();
        let known = executions.get(&commit.execution).map_or(0, |kept| kept.recorded.events.len());
        if known as u64 != commit.expected_seq {
            let (execution, expected) = (commit.execution, commit.expected_seq);
            let message = format!("execution {execution} has {known} events, not {expected}");
            return Err(JournalError::new(JournalErrorKind::Conflict, message));
        }
        let Kept { recorded, parent } = executions.entry(commit.execution).or_default();
        recorded.events.extend_from_slice(commit.events);
        recorded.ended |= commit.ended;
        if let Some(workflow) = commit.workflow {
            recorded.workflow = workflow.clone();
            *parent = commit.parent;
        }
        Ok(())
    }

    async fn load(&self, execution: ExecutionId) -> Result<Option<Recorded>, JournalError> {
        Ok(self.executions().get(&execution).map(|kept| kept.recorded.clone()))
    }

    async fn unfinished(&self) -> Result<Vec<ExecutionId>, JournalError> {
        let executions = self.executions();
        let open = |id: ExecutionId| executions.get(&id).is_some_and(|kept| !kept.recorded.ended);
        let own = |kept: &Kept| !kept.parent.is_some_and(open);
        Ok(executions.iter().filter(|(id, kept)| open(**id) && own(kept)).map(|(id, _)| *id).collect())
    }
}
