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

    /// The executions that have not ended, the oldest first.
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
    /// Whether the last of the events ends the execution.
    pub ended: bool,
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
    executions: Mutex<BTreeMap<ExecutionId, Recorded>>,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    fn executions(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, Recorded>> {
        self.executions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn commit(&self, commit: Commit<'_>) -> Result<(), JournalError> {
        let mut executions = self.executions();
        let recorded = executions.entry(commit.execution).or_default();
        if recorded.events.len() as u64 != commit.expected_seq {
            let message = format!(
                "execution {} has {} events, not {}",
                commit.execution,
                recorded.events.len(),
                commit.expected_seq
            );
            return Err(JournalError::new(JournalErrorKind::Conflict, message));
        }
        recorded.events.extend_from_slice(commit.events);
        recorded.ended |= commit.ended;
        if let Some(workflow) = commit.workflow {
            recorded.workflow = workflow.clone();
        }
        Ok(())
    }

    async fn load(&self, execution: ExecutionId) -> Result<Option<Recorded>, JournalError> {
        Ok(self.executions().get(&execution).cloned())
    }

    async fn unfinished(&self) -> Result<Vec<ExecutionId>, JournalError> {
        Ok(self.executions().iter().filter(|(_, recorded)| !recorded.ended).map(|(id, _)| *id).collect())
    }
}
