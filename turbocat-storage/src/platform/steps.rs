//! The steps of workflows as rows, written as a set with their workflow.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use turbocat_core::Timestamp;
use uuid::Uuid;

use super::record::{Columns, assignments};
use super::table;
use super::words::{ErrorHandling, StepType};
use crate::args;
use crate::db::{Arg, Args, Sql, Transaction};
use crate::error::StorageError;

record! {
    /// A step of a workflow.
    WorkflowStep is "step" in "workflow_steps" {
        /// The id. Stays the same while the step stays.
        id: Uuid,
        /// Whose step it is.
        workflow_id: Uuid,
        /// Who does it.
        agent_id: Option<Uuid>,
        /// Its name in the workflow.
        step_key: String,
        /// Its name for people.
        step_name: String,
        /// What it does.
        step_type: StepType,
        /// Where it is shown.
        position: i32,
        /// How it does it.
        config: Value,
        /// What it is given.
        inputs: Value,
        /// What becomes of what it gives.
        outputs: Value,
        /// The keys of the steps that come before it.
        depends_on: Vec<String>,
        /// How often it is tried again.
        retry_count: i32,
        /// After which pause.
        retry_delay_ms: i32,
        /// How long it may take.
        timeout_ms: i32,
        /// What follows from its failure.
        on_error: ErrorHandling,
        /// When it was made.
        created_at: Timestamp,
        /// When it was last changed.
        updated_at: Timestamp,
    }
}

draft! {
    /// A step as it shall be.
    NewStep {
        /// Which step it is, if there is one already. Without an id it is the one with this key.
        id: Option<Uuid>,
        /// Who does it.
        agent_id: Option<Uuid>,
        /// Its name in the workflow.
        step_key: String,
        /// Its name for people.
        step_name: String,
        /// What it does.
        step_type: StepType,
        /// Where it is shown.
        position: i32,
        /// How it does it.
        config: Value,
        /// What it is given.
        inputs: Value,
        /// What becomes of what it gives.
        outputs: Value,
        /// The keys of the steps that come before it.
        depends_on: Vec<String>,
        /// How often it is tried again.
        retry_count: i32,
        /// After which pause.
        retry_delay_ms: i32,
        /// How long it may take.
        timeout_ms: i32,
        /// What follows from its failure.
        on_error: ErrorHandling,
    }
}

impl NewStep {
    /// A step with the usual limits: not tried again, 30 seconds, its failure is the execution's.
    pub fn new(key: impl Into<String>, kind: StepType, position: i32) -> Self {
        let step_key = key.into();
        Self {
            id: None,
            agent_id: None,
            step_name: step_key.clone(),
            step_key,
            step_type: kind,
            position,
            config: json!({}),
            inputs: json!({}),
            outputs: json!({}),
            depends_on: Vec::new(),
            retry_count: 0,
            retry_delay_ms: 1000,
            timeout_ms: 30_000,
            on_error: ErrorHandling::Fail,
        }
    }
}

impl From<WorkflowStep> for NewStep {
    /// The step as it is.
    fn from(step: WorkflowStep) -> Self {
        Self {
            id: Some(step.id),
            agent_id: step.agent_id,
            step_key: step.step_key,
            step_name: step.step_name,
            step_type: step.step_type,
            position: step.position,
            config: step.config,
            inputs: step.inputs,
            outputs: step.outputs,
            depends_on: step.depends_on,
            retry_count: step.retry_count,
            retry_delay_ms: step.retry_delay_ms,
            timeout_ms: step.timeout_ms,
            on_error: step.on_error,
        }
    }
}

/// Makes the steps of a workflow exactly these. Steps that stay keep their ids, so that logs still
/// lead to them.
pub(super) async fn replace(
    transaction: &mut Transaction,
    workflow: Uuid,
    mut steps: Vec<NewStep>,
    now: Timestamp,
) -> Result<(), StorageError> {
    let rows = transaction
        .fetch_all("select id, step_key from workflow_steps where workflow_id = $1", args![workflow])
        .await?;
    let mut keys = HashMap::new();
    for row in &rows {
        keys.insert(row.get::<String>("step_key")?, row.get::<Uuid>("id")?);
    }
    let known: HashSet<Uuid> = keys.values().copied().collect();
    let mut kept = HashSet::new();
    for step in &mut steps {
        if step.id.is_some_and(|id| !known.contains(&id)) {
            return Err(StorageError::not_found("step"));
        }
        if step.id.is_none() {
            step.id = keys.get(&step.step_key).copied().filter(|id| !kept.contains(id));
        }
        if step.id.is_some_and(|id| !kept.insert(id)) {
            let message = format!("two steps claim to be one; one of them has the key `{}`", step.step_key);
            return Err(StorageError::invalid(message));
        }
    }
    let gone: Vec<Uuid> = known.difference(&kept).copied().collect();
    let delete = Sql::new("delete from workflow_steps where id {any_uuid:$1}");
    transaction.execute(delete.render(transaction.kind())?, args![gone]).await?;
    for id in &kept {
        // Keys may change places; for a moment none has a key that another one wants.
        let sql = "update workflow_steps set step_key = $2 where id = $1";
        transaction.execute(sql, args![id, format!("step {id}")]).await?;
    }
    for step in steps {
        match step.id {
            Some(id) => update(transaction, id, step, now).await?,
            None => insert(transaction, workflow, step, now).await?,
        }
    }
    Ok(())
}

async fn update(
    transaction: &mut Transaction,
    id: Uuid,
    step: NewStep,
    now: Timestamp,
) -> Result<(), StorageError> {
    let (mut sql, mut args) = (Sql::new("update workflow_steps set "), Args::new());
    let mut columns = without_id(step).columns();
    columns.push(("updated_at", Arg::Time(Some(now))));
    assignments(columns, &mut sql, &mut args);
    let place = args.push(id);
    sql.push(" where id = ").push_place(place);
    transaction.execute(sql, args).await.map(drop)
}

pub(super) async fn insert(
    transaction: &mut Transaction,
    workflow: Uuid,
    step: NewStep,
    now: Timestamp,
) -> Result<(), StorageError> {
    let mut more = table::born(step.id.unwrap_or_else(Uuid::now_v7), now);
    more.push(("workflow_id", Arg::Uuid(Some(workflow))));
    let (sql, args) = table::insertion::<WorkflowStep>(without_id(step), more);
    transaction.execute(sql, args).await.map(drop)
}

/// What a step shall be, but for which one it is.
pub(super) fn without_id(step: NewStep) -> Given {
    let mut columns = step.columns();
    columns.retain(|(name, _)| *name != "id");
    Given(columns)
}

/// Names and values.
pub(super) struct Given(Vec<(&'static str, Arg)>);

impl Columns for Given {
    fn columns(self) -> Vec<(&'static str, Arg)> {
        self.0
    }
}
