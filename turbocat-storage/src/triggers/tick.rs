//! Starts what is due: each time once, whichever node sees it first.
//!
//! A time is claimed by moving its trigger on to the next one, and the execution is taken in by the
//! same transaction. So a tick is never lost between the two, and never done twice.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use sha2::{Digest, Sha256};
use turbocat_core::{
    Engine, Enqueue, ErrorKind, ExecutionId, NewExecution, Plan, Timestamp, TriggerKind, Workflow,
};
use uuid::Uuid;

use crate::cron::Cron;
use crate::db::Row;
use crate::error::{StorageError, StorageErrorKind};
use crate::platform::{self, Platform, WorkflowStatus};
use crate::store::Store;

/// A tick that is later than this was missed: the program was not there.
const LATE: i64 = 60_000;
/// How many missed ticks are done at most, of a trigger that wants them all.
const ALL: usize = 1000;
/// How many triggers are looked at in one round.
const ROUND: i64 = 100;

/// A tick that was taken: which trigger, which time, and the execution it started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The trigger.
    pub trigger: Uuid,
    /// The time it was due at.
    pub at: Timestamp,
    /// What it started.
    pub execution: ExecutionId,
}

/// Knows the plans of workflows in tables, for whoever puts more into them than their rows have.
#[async_trait]
pub trait Planner: Send + Sync + 'static {
    /// The plan of a workflow that is active.
    ///
    /// # Errors
    /// If there is none, or it cannot be said now.
    async fn plan(&self, workflow: &platform::Workflow) -> Result<Plan, Unplanned>;
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unplanned {
    /// The workflow cannot be executed: for this reason.
    Refused(String),
    /// It cannot be said now: for this reason.
    Unavailable(String),
}

/// Starts the executions of triggers that are due.
#[derive(Clone)]
pub struct Ticker {
    store: Store,
    engine: Engine,
    planner: Option<Arc<dyn Planner>>,
}

impl fmt::Debug for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticker").field("engine", &self.engine).finish_non_exhaustive()
    }
}

struct Due {
    id: Uuid,
    workflow_id: Option<Uuid>,
    workflow_name: Option<String>,
    inputs: serde_json::Value,
    priority: i32,
    missed: String,
    cron: Cron,
    next_at: Timestamp,
}

impl Ticker {
    /// For an engine over that store; its registered workflows are started by name, those in tables
    /// by their rows.
    pub const fn new(store: Store, engine: Engine) -> Self {
        Self { store, engine, planner: None }
    }

    /// Asks somebody for the plans of workflows in tables. Default: their rows are compiled as they are.
    #[must_use]
    pub fn planner(mut self, planner: impl Planner) -> Self {
        self.planner = Some(Arc::new(planner));
        self
    }

    /// Looks again and again, until its future is dropped: when the next time comes, and every few
    /// seconds for what others changed.
    pub async fn run(&self) {
        loop {
            let pause = match self.tick().await {
                Ok(_) => self.pause().await,
                Err(error) => {
                    tracing::warn!(%error, "the schedules could not be looked at");
                    Duration::from_secs(5)
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn pause(&self) -> Duration {
        let text = "select min(next_at) as next from triggers
            where enabled and deleted_at is null and next_at is not null";
        let next = self.store.database().fetch_one(text, crate::args![]).await;
        let next = next.and_then(|row| row.get::<Option<Timestamp>>("next")).ok().flatten();
        let most = Duration::from_secs(5);
        next.map_or(most, |next| next.since(self.store.now()).clamp(Duration::from_millis(10), most))
    }

    /// Starts what is due now. Gives what it started.
    ///
    /// A trigger that cannot be started (its workflow is gone, its inputs do not fit) is logged and
    /// goes on to its next time.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tick(&self) -> Result<Vec<Tick>, StorageError> {
        let now = self.store.now();
        self.plan_next(now).await?;
        let text = "select id, workflow_id, workflow_name, inputs, priority, missed, cron, timezone, next_at
            from triggers
            where kind = 'cron' and enabled and deleted_at is null and next_at <= $1
            order by next_at, id limit $2";
        let rows = self.store.database().fetch_all(text, crate::args![now, ROUND]).await?;
        let mut ticks = Vec::new();
        for row in &rows {
            let id: Uuid = row.get("id")?;
            match due(row) {
                Ok(due) => ticks.extend(self.start(due, now).await?),
                Err(error) => {
                    tracing::warn!(%error, trigger = %id, "a trigger cannot be understood; it is switched off");
                    let text = "update triggers set enabled = $2 where id = $1";
                    self.store.database().execute(text, crate::args![id, false]).await?;
                }
            }
        }
        Ok(ticks)
    }

    /// Triggers that are new or were changed have no next time yet.
    async fn plan_next(&self, now: Timestamp) -> Result<(), StorageError> {
        let text = "select id, cron, timezone, updated_at from triggers
            where kind = 'cron' and enabled and deleted_at is null and next_at is null limit $1";
        for row in self.store.database().fetch_all(text, crate::args![ROUND]).await? {
            let id: Uuid = row.get("id")?;
            let cron = row.get::<Option<String>>("cron")?.unwrap_or_default();
            let next = Cron::new(&cron, &row.get::<String>("timezone")?);
            match next.map(|cron| cron.next_after(now)) {
                Ok(Some(next)) => {
                    let text = "update triggers set next_at = $2 where id = $1 and next_at is null and updated_at = $3";
                    let seen: Timestamp = row.get("updated_at")?;
                    self.store.database().execute(text, crate::args![id, next, seen]).await?;
                }
                Ok(None) | Err(_) => {
                    tracing::warn!(trigger = %id, "a trigger has no next time; it is switched off");
                    let text = "update triggers set enabled = $2 where id = $1";
                    self.store.database().execute(text, crate::args![id, false]).await?;
                }
            }
        }
        Ok(())
    }

    /// Claims the times of a trigger that have come, and starts what they stand for.
    async fn start(&self, due: Due, now: Timestamp) -> Result<Vec<Tick>, StorageError> {
        let (times, next) = times(&due, now);
        let mut new = Vec::with_capacity(times.len());
        for at in &times {
            match self.prepare(&due, *at).await {
                Ok(execution) => new.push(execution),
                // Not for this node, or not now: the time has come as before.
                Err(error) if is_closed(&*error) => return Ok(Vec::new()),
                Err(error) if error.is::<StorageError>() => {
                    let text = "a trigger's workflow could not be read";
                    return Err(StorageError::new(StorageErrorKind::Unavailable, text).because(error));
                }
                Err(error) => {
                    tracing::warn!(%error, trigger = %due.id, %at, "a trigger could not start its workflow");
                }
            }
        }
        let last = new.last().map(|new| new.execution);
        let text = "update triggers set next_at = $3, last_at = coalesce($4, last_at),
                last_execution_id = coalesce($5, last_execution_id)
            where id = $1 and next_at = $2 and enabled and deleted_at is null";
        let claim =
            crate::args![due.id, due.next_at, next, times.last().copied(), last.map(|id| *id.as_uuid())];
        let claimed = self.store.take_in_if(text, claim.clone(), &new).await;
        match claimed {
            Ok(true) => {
                let started = times.iter().filter_map(|at| {
                    let execution = tick_id(due.id, *at);
                    let begun = new.iter().any(|new| new.execution == execution);
                    begun.then_some(Tick { trigger: due.id, at: *at, execution })
                });
                Ok(started.collect())
            }
            // Another node was first.
            Ok(false) => Ok(Vec::new()),
            // They were started before, by a clock that was ahead.
            Err(error) if error.kind() == StorageErrorKind::Conflict => {
                self.store.take_in_if(text, claim, &[]).await.map(|_| Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    async fn prepare(&self, due: &Due, at: Timestamp) -> Result<NewExecution, Box<dyn Error + Send + Sync>> {
        let data = json!({ "triggerId": due.id, "scheduledAt": at.to_string() });
        let mut how = Enqueue::new()
            .id(tick_id(due.id, at))
            .priority(due.priority)
            .trigger(TriggerKind::Scheduled, data);
        if let Some(id) = due.workflow_id {
            let platform = Platform::new(self.store.database().clone());
            let row = platform.workflows().get(id).await?;
            let row = row.filter(|row| row.status == WorkflowStatus::Active);
            let row = row.ok_or("its workflow is gone, or not active")?;
            how = how.belongs_to(Some(id), Some(row.user_id));
            if let Some(planner) = &self.planner {
                let plan = planner.plan(&row).await.map_err(|error| match error {
                    Unplanned::Refused(why) => Box::from(why),
                    Unplanned::Unavailable(why) => Box::<dyn Error + Send + Sync>::from(StorageError::new(
                        StorageErrorKind::Unavailable,
                        why,
                    )),
                })?;
                return Ok(self.engine.prepare(plan, due.inputs.clone(), how)?);
            }
            let steps = platform.workflows().steps(id).await?;
            let workflow = Workflow::from_value(&row.compose(&steps))?;
            return Ok(self.engine.prepare(&workflow, due.inputs.clone(), how)?);
        }
        let name = due.workflow_name.as_deref().unwrap_or_default();
        Ok(self.engine.prepare(name, due.inputs.clone(), how)?)
    }
}

/// Whether the engine is shutting down.
fn is_closed(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    error.downcast_ref::<turbocat_core::Error>().is_some_and(|error| error.kind() == ErrorKind::Closed)
}

fn due(row: &Row) -> Result<Due, StorageError> {
    let cron = row.get::<Option<String>>("cron")?.unwrap_or_default();
    Ok(Due {
        id: row.get("id")?,
        workflow_id: row.get("workflow_id")?,
        workflow_name: row.get("workflow_name")?,
        inputs: row.get("inputs")?,
        priority: row.get("priority")?,
        missed: row.get("missed")?,
        cron: Cron::new(&cron, &row.get::<String>("timezone")?)?,
        next_at: row.get("next_at")?,
    })
}

/// The times to be done now, and the next one. What was missed is left out, done once, or done as
/// often as it was missed.
fn times(due: &Due, now: Timestamp) -> (Vec<Timestamp>, Option<Timestamp>) {
    let mut passed = vec![due.next_at];
    let mut next = due.cron.next_after(due.next_at);
    while let Some(at) = next.filter(|at| *at <= now) {
        passed.push(at);
        if passed.len() > ALL {
            // Only the newest count from here on.
            next = due.cron.next_after(now);
            break;
        }
        next = due.cron.next_after(at);
    }
    let is_late = |at: &Timestamp| now.as_millis() - at.as_millis() > LATE;
    let times = match &*due.missed {
        "all" => passed.split_off(passed.len().saturating_sub(ALL)),
        "once" => passed.split_off(passed.len() - 1),
        _ => passed.split_off(passed.len() - 1).into_iter().filter(|at| !is_late(at)).collect(),
    };
    (times, next)
}

/// The name of the execution that a time of a trigger starts: there is one.
fn tick_id(trigger: Uuid, at: Timestamp) -> ExecutionId {
    let digest =
        Sha256::new().chain_update(trigger.as_bytes()).chain_update(at.as_millis().to_be_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    // The time in front, as in other names of executions, so that they sort by it.
    bytes[..6].copy_from_slice(&at.as_millis().to_be_bytes()[2..]);
    ExecutionId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}
