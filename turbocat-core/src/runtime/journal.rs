//! The port to a store of executions: their events, who drives them, and the letters on their way
//! to them. Optional; the engine in memory has none and pays for none.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::broadcast;
use uuid::Uuid;

use super::letter::Letter;
use crate::definition::Definition;
use crate::event::ExecutionStatus;
use crate::time::{ExecutionId, Timestamp};

/// Keeps executions: their events, and for those that have not ended a job, which says who drives
/// them, and the letters they have not read.
///
/// What a method has returned for is durable. The engine acts on an event only after that.
///
/// A job is in one of four states: *ready* (to be claimed when its time has come), *held* (by a
/// worker, until its lease ends), *parked* (waits for a moment or a letter), *dead* (was given up;
/// somebody has to look). It is gone when its execution has ended.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Appends a turn to an execution, with all that goes with it, or does nothing.
    ///
    /// Together, in one transaction: the execution's row and its job if it [begins](Commit::begins)
    /// here; the events; how the execution stands; the executions it starts; the letters it sends
    /// (those to executions that are unknown or have ended vanish); the letter it has
    /// [read](Commit::read) is gone; if it has ended, its job and all its letters are gone.
    ///
    /// If the number of its last event is not [`Commit::expected_seq`], somebody else wrote, and
    /// the answer is [`JournalErrorKind::Conflict`]. So it is if there is no such execution, if it
    /// has ended (it takes no more turns, not even empty ones), if an execution that begins or is
    /// started is there already, and if the worker it is [by](Commit::by) does not hold it: whoever
    /// claimed it meanwhile has read it, and would not know of these events.
    async fn commit(&self, commit: Commit<'_>) -> Result<(), JournalError>;

    /// Takes executions in that are to be driven by whoever claims them; all or none. A conflict
    /// if there is one of them already, or one is given twice.
    async fn create(&self, new: &[NewExecution]) -> Result<(), JournalError>;

    /// Everything that was committed of an execution; `None` if there is no such execution.
    async fn load(&self, execution: ExecutionId) -> Result<Option<Recorded>, JournalError>;

    /// The executions that have not ended, the oldest first; without those that an execution
    /// which has not ended waits for.
    async fn unfinished(&self) -> Result<Vec<ExecutionId>, JournalError>;

    /// How long a worker holds an execution without renewing it; `None` if nobody but this process
    /// can drive executions of this journal, so that nothing has to be renewed.
    fn lease(&self) -> Option<Duration>;

    /// Gives executions to a worker: ready ones whose time has come, parked ones whose moment has
    /// come, held ones whose lease has ended; the smallest priority first, then the longest due.
    /// [`Job::failures`] and [`Job::stalls`] start anew when it got somewhere since it was last
    /// claimed.
    async fn claim(&self, claim: Claim) -> Result<Claimed, JournalError>;

    /// The executions that a worker holds, as far as it cannot know: where nothing has to be
    /// [renewed](Self::lease) it asks for them after a claim of which it did not get the answer, as
    /// nobody else would ever be given them. Default: none; where there are leases they end.
    async fn held(&self, _worker: WorkerId) -> Result<Vec<ExecutionId>, JournalError> {
        Ok(Vec::new())
    }

    /// A worker still holds these executions. Gives those it does not hold any more, and those
    /// that have letters.
    async fn renew(&self, worker: WorkerId, held: &[ExecutionId]) -> Result<Renewed, JournalError>;

    /// A worker gives an execution back. False, and nothing is changed, if it does not hold it, or
    /// wants to park it while there are letters for it, or events that it does not know: it may
    /// have lost it and got it back without having noticed.
    async fn release(
        &self,
        worker: WorkerId,
        execution: ExecutionId,
        release: Release,
    ) -> Result<bool, JournalError>;

    /// Puts a letter into an execution's box. The same letter twice is there once. It wakes an
    /// execution that is parked; one that cancels also wakes one whose time has not come.
    async fn send(&self, letter: &Letter) -> Result<Sent, JournalError>;

    /// The letters of an execution that were not read, in the order in which they came.
    async fn letters(&self, execution: ExecutionId) -> Result<Vec<Letter>, JournalError>;

    /// Whether an agent has a limited number of places on all nodes together. Asked before every
    /// attempt, so it is answered from memory. Default: no.
    fn limits(&self, _agent: &str) -> bool {
        false
    }

    /// Takes one of the places that an agent has on all nodes together, for an attempt of an
    /// execution that the worker holds; false if none is free now, or the worker does not hold it.
    /// Default: there is no limit.
    async fn take_place(&self, _agent: &str, _place: &AgentPlace) -> Result<bool, JournalError> {
        Ok(true)
    }

    /// Gives a place back.
    async fn give_place(&self, _agent: &str, _place: &AgentPlace) -> Result<(), JournalError> {
        Ok(())
    }

    /// A worker claims executions from now on, or does so no more. Said again before a
    /// [lease](Self::lease) has passed, by a worker that goes on. Default: nobody wants to know.
    async fn at_work(&self, _worker: WorkerId, _works: bool) -> Result<(), JournalError> {
        Ok(())
    }

    /// Hints as they come. What is true never depends on one: a hint may be late, or wrong. With
    /// leases it may also be missed, since everybody looks now and then; without, nobody does, so
    /// one is given after everything that others may wait for.
    fn hints(&self) -> broadcast::Receiver<Hint>;
}

/// Something may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// There may be an execution to be claimed.
    Ready,
    /// There may be a letter for this execution.
    Letter(ExecutionId),
    /// This execution may have ended.
    Ended(ExecutionId),
    /// A place of an agent may be free.
    Place,
}

/// Who drives executions: one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(Uuid);

impl WorkerId {
    /// A new name.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// A name made elsewhere.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The name as a UUID.
    pub const fn as_uuid(&self) -> &Uuid {
        &self.0
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What began an execution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TriggerKind {
    /// A person, or a program that embeds the engine.
    #[default]
    Manual,
    /// A schedule.
    Scheduled,
    /// A call of the API.
    Api,
    /// A webhook.
    Webhook,
    /// An event; the start of a nested workflow is one.
    Event,
}

impl TriggerKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Manual, Self::Scheduled, Self::Api, Self::Webhook, Self::Event];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Scheduled => "scheduled",
            Self::Api => "api",
            Self::Webhook => "webhook",
            Self::Event => "event",
        }
    }
}

/// An execution that is taken in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewExecution {
    /// Its name.
    pub execution: ExecutionId,
    /// The name of its workflow, if it has one.
    pub name: Option<Box<str>>,
    /// Its workflow.
    pub definition: Definition,
    /// What it is given.
    pub inputs: Arc<Value>,
    /// What began it.
    pub trigger: TriggerKind,
    /// More about what began it; null if there is nothing to say.
    pub trigger_data: Value,
    /// The execution that started it.
    pub parent: Option<ExecutionId>,
    /// Whether its parent waits for it.
    pub awaited: bool,
    /// The names of the workflows it is nested in, the outermost first, and its own.
    pub lineage: Vec<Box<str>>,
    /// How many steps its plan has, nested ones not counted.
    pub steps: u32,
    /// Smaller ones are claimed first.
    pub priority: i32,
    /// Not to be claimed before that moment.
    pub not_before: Option<Timestamp>,
    /// Who drives it from the beginning; else it is to be claimed.
    pub held_by: Option<WorkerId>,
    /// The row of the platform's table it belongs to.
    pub workflow_id: Option<Uuid>,
    /// Whose it is.
    pub user_id: Option<Uuid>,
}

impl NewExecution {
    /// An execution to be claimed by anybody, at once.
    pub fn new(execution: ExecutionId, definition: Definition, inputs: Arc<Value>) -> Self {
        Self {
            execution,
            name: None,
            definition,
            inputs,
            trigger: TriggerKind::Manual,
            trigger_data: Value::Null,
            parent: None,
            awaited: false,
            lineage: Vec::new(),
            steps: 0,
            priority: 0,
            not_before: None,
            held_by: None,
            workflow_id: None,
            user_id: None,
        }
    }
}

/// A turn to be appended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Commit<'a> {
    /// The execution.
    pub execution: ExecutionId,
    /// The execution, if it begins with this commit.
    pub begins: Option<&'a NewExecution>,
    /// The number of the last event before these.
    pub expected_seq: u64,
    /// The events, as [`Plan::encode`](crate::Plan::encode) wrote them; none if a letter made no
    /// difference, or if the execution ends before it began.
    pub events: &'a [Value],
    /// How the execution stands after them.
    pub standing: Standing<'a>,
    /// The executions that these events start.
    pub starts: &'a [NewExecution],
    /// The letters that these events send.
    pub sends: &'a [Letter],
    /// The letter that is answered by these events.
    pub read: Option<Uuid>,
    /// Who writes, if that worker must hold the execution.
    pub by: Option<WorkerId>,
}

impl<'a> Commit<'a> {
    /// Events that come after the one of that number, in an execution that goes on.
    pub fn new(execution: ExecutionId, expected_seq: u64, events: &'a [Value]) -> Self {
        Self {
            execution,
            begins: None,
            expected_seq,
            events,
            standing: Standing::default(),
            starts: &[],
            sends: &[],
            read: None,
            by: None,
        }
    }

    /// The execution begins with it.
    #[must_use]
    pub const fn begins(mut self, new: &'a NewExecution) -> Self {
        self.begins = Some(new);
        self
    }

    /// How the execution stands after it.
    #[must_use]
    pub const fn standing(mut self, standing: Standing<'a>) -> Self {
        self.standing = standing;
        self
    }

    /// It starts executions.
    #[must_use]
    pub const fn starts(mut self, starts: &'a [NewExecution]) -> Self {
        self.starts = starts;
        self
    }

    /// It sends letters.
    #[must_use]
    pub const fn sends(mut self, letters: &'a [Letter]) -> Self {
        self.sends = letters;
        self
    }

    /// It is by a worker that must hold the execution, unless it begins here.
    #[must_use]
    pub const fn by(mut self, worker: WorkerId) -> Self {
        self.by = Some(worker);
        self
    }

    /// It answers a letter.
    #[must_use]
    pub const fn read(mut self, letter: Uuid) -> Self {
        self.read = Some(letter);
        self
    }
}

/// How an execution stands, for lists and counts.
#[derive(Clone, Debug)]
pub struct Standing<'a> {
    /// Its status.
    pub status: ExecutionStatus,
    /// How many of its outermost steps completed.
    pub completed: u32,
    /// How many failed.
    pub failed: u32,
    /// How many were skipped.
    pub skipped: u32,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What it gave, if it has ended and that is not too large to be kept twice: a journal has it
    /// all the same.
    pub output: Option<&'a Value>,
    /// What went wrong.
    pub error: Option<&'a str>,
}

impl Default for Standing<'_> {
    fn default() -> Self {
        Self {
            status: ExecutionStatus::Running,
            completed: 0,
            failed: 0,
            skipped: 0,
            started_at: None,
            ended_at: None,
            output: None,
            error: None,
        }
    }
}

/// What a journal has of an execution.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Recorded {
    /// The definition.
    pub definition: Definition,
    /// What it was given.
    pub inputs: Value,
    /// The events in their order; none if nobody has driven it yet.
    pub events: Vec<Value>,
    /// How it stands.
    pub status: ExecutionStatus,
    /// What went wrong, if it ended without events.
    pub error: Option<String>,
    /// The execution that started it.
    pub parent: Option<ExecutionId>,
    /// Whether its parent waits for it.
    pub awaited: bool,
    /// The names of the workflows it is nested in, the outermost first, and its own.
    pub lineage: Vec<Box<str>>,
}

impl Recorded {
    /// Of an execution that nobody has driven yet.
    pub const fn new(definition: Definition, inputs: Value) -> Self {
        Self {
            definition,
            inputs,
            events: Vec::new(),
            status: ExecutionStatus::Pending,
            error: None,
            parent: None,
            awaited: false,
            lineage: Vec::new(),
        }
    }

    /// Whether it ended and its events do not say so: it was cancelled before it began, or given
    /// up.
    pub(super) fn is_cut_off(&self) -> bool {
        let ends = |event: &Value| event["type"] == "executionEnded";
        self.status.is_ended() && !self.events.iter().rev().any(ends)
    }
}

/// What a worker asks for.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Who asks.
    pub worker: WorkerId,
    /// How many at most.
    pub limit: usize,
    /// Only this one, even if its time has not come, or it was given up; not if another worker
    /// holds it.
    pub only: Option<ExecutionId>,
    /// Even if another worker holds it, where nothing has to be [renewed](Journal::lease).
    pub take_over: bool,
}

/// What a worker is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// The executions, by priority; those of one priority in any order.
    pub jobs: Vec<Job>,
    /// When there may be more, if that is known. Where nothing has to be
    /// [renewed](Journal::lease) it must be known: nobody looks by himself.
    pub next_at: Option<Timestamp>,
}

/// A claimed execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// The execution.
    pub execution: ExecutionId,
    /// How often in a row it was given back as failed.
    pub failures: u32,
    /// How often in a row whoever held it went away without it getting anywhere.
    pub stalls: u32,
}

/// What a worker learns about the executions it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renewed {
    /// Those it does not hold any more.
    pub lost: Vec<ExecutionId>,
    /// Those that have letters.
    pub letters: Vec<ExecutionId>,
}

/// How an execution is given back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Release {
    /// To go on at once.
    Ready,
    /// It has nothing to do before that moment, or before a letter comes.
    Park {
        /// The moment, if there is one.
        until: Option<Timestamp>,
        /// The number of its last event, as the worker knows it.
        seq: u64,
    },
    /// It could not be driven.
    Failed {
        /// Why.
        error: String,
        /// After what pause to try again, by the journal's clock: the worker's may be wrong. `None`:
        /// it is given up.
        retry_in: Option<Duration>,
    },
}

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is in the box, or was already.
    Accepted,
    /// The execution has ended.
    Ended,
    /// There is no such execution.
    Unknown,
}

/// A place that is taken: by which attempt, and who holds its execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentPlace {
    /// The worker.
    pub worker: WorkerId,
    /// The execution.
    pub execution: ExecutionId,
    /// Which attempt of which step; the same for nobody else.
    pub attempt: String,
}

/// Why a journal could not do something.
#[derive(Debug)]
pub struct JournalError {
    kind: JournalErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of journal errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalErrorKind {
    /// Somebody else wrote to the execution.
    Conflict,
    /// The store does not answer, or refused; it may have written all the same.
    Unavailable,
    /// What is stored cannot be read.
    Damaged,
}

impl JournalError {
    /// An error with a message.
    pub fn new(kind: JournalErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// The error behind it.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
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

impl std::error::Error for JournalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
