//! Workflows as rows, with their steps.

use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::Timestamp;
use uuid::Uuid;

use super::agents::counted;
use super::filter::Filter;
use super::page::{Page, PageRequest, sort};
use super::schedule::Schedule;
use super::steps::{self, NewStep, WorkflowStep};
use super::words::WorkflowStatus;
use super::{Platform, schedule, table};
use crate::args;
use crate::error::StorageError;

record! {
    /// A workflow.
    Workflow is "workflow" in "workflows" {
        /// The id.
        id: Uuid,
        /// What it is called.
        name: String,
        /// What it does.
        description: Option<String>,
        /// Whose it is.
        user_id: Uuid,
        /// How far it is.
        status: WorkflowStatus,
        /// Which version it is.
        version: i32,
        /// What it was made from.
        parent_id: Option<Uuid>,
        /// The definition, as it was given.
        definition: Value,
        /// What starts it.
        trigger_config: Value,
        /// Whether it is started by time.
        schedule_enabled: bool,
        /// At which times.
        schedule_cron: Option<String>,
        /// On whose clock.
        schedule_timezone: String,
        /// How often it was done.
        total_executions: u64,
        /// How often it ended well.
        successful_executions: u64,
        /// How often it failed.
        failed_executions: u64,
        /// How long it took on average.
        avg_execution_time_ms: u64,
        /// When it was last done.
        last_execution_at: Option<Timestamp>,
        /// Words to find it by.
        tags: Vec<String>,
        /// Whether it is shown to others.
        is_public: bool,
        /// When it was made.
        created_at: Timestamp,
        /// When it was last changed.
        updated_at: Timestamp,
        /// When it was deleted.
        deleted_at: Option<Timestamp>,
    }
}

draft! {
    /// A new workflow.
    NewWorkflow {
        /// What it is called.
        name: String,
        /// What it does.
        description: Option<String>,
        /// Whose it is.
        user_id: Uuid,
        /// How far it is.
        status: WorkflowStatus,
        /// What it was made from.
        parent_id: Option<Uuid>,
        /// The definition.
        definition: Value,
        /// What starts it.
        trigger_config: Value,
        /// Whether it is started by time.
        schedule_enabled: bool,
        /// At which times.
        schedule_cron: Option<String>,
        /// On whose clock.
        schedule_timezone: String,
        /// Words to find it by.
        tags: Vec<String>,
        /// Whether it is shown to others.
        is_public: bool,
    }
}

impl NewWorkflow {
    /// A draft that nothing starts by itself.
    pub fn new(user_id: Uuid, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: None,
            user_id,
            status: WorkflowStatus::Draft,
            parent_id: None,
            definition: json!({}),
            trigger_config: json!({}),
            schedule_enabled: false,
            schedule_cron: None,
            schedule_timezone: "UTC".to_owned(),
            tags: Vec::new(),
            is_public: false,
        }
    }
}

patch! {
    /// What of a workflow changes.
    WorkflowPatch {
        /// What it is called.
        name: String,
        /// What it does.
        description: Option<String>,
        /// How far it is.
        status: WorkflowStatus,
        /// Which version it is.
        version: i32,
        /// The definition.
        definition: Value,
        /// What starts it.
        trigger_config: Value,
        /// Whether it is started by time.
        schedule_enabled: bool,
        /// At which times.
        schedule_cron: Option<String>,
        /// On whose clock.
        schedule_timezone: String,
        /// Words to find it by.
        tags: Vec<String>,
        /// Whether it is shown to others.
        is_public: bool,
    }
}

impl Workflow {
    /// The id of the trigger that follows the schedule of a workflow: there is one, if the workflow
    /// has times. It gives what `trigger_config` has as `inputs`.
    pub fn schedule_trigger(workflow: Uuid) -> Uuid {
        schedule::trigger_of(workflow)
    }

    fn schedule(&self) -> Schedule<'_> {
        Schedule {
            workflow: self.id,
            enabled: self.schedule_enabled,
            active: self.status == WorkflowStatus::Active,
            cron: self.schedule_cron.as_deref(),
            timezone: &self.schedule_timezone,
            inputs: self.trigger_config.get("inputs").cloned().unwrap_or_else(|| json!({})),
        }
    }
}

impl WorkflowPatch {
    /// Whether what its trigger follows may change.
    const fn concerns_schedule(&self) -> bool {
        self.schedule_enabled.is_some()
            || self.schedule_cron.is_some()
            || self.schedule_timezone.is_some()
            || self.status.is_some()
            || self.trigger_config.is_some()
    }
}

/// Which workflows.
#[derive(Clone, Debug, Default)]
pub struct WorkflowFilter {
    /// Those of this user.
    pub user_id: Option<Uuid>,
    /// Those that are so far.
    pub status: Option<WorkflowStatus>,
    /// Those with this in their name or description.
    pub search: Option<String>,
    /// Those with one of these tags.
    pub tags: Vec<String>,
    /// Those that are shown to others, or not.
    pub is_public: Option<bool>,
    /// Those that are started by time, or not.
    pub schedule_enabled: Option<bool>,
}

sort! {
    /// What workflows can be sorted by.
    WorkflowSort {
        /// When they were made.
        #[default] CreatedAt = "created_at" ["createdAt", "created"],
        /// When they were last changed.
        UpdatedAt = "updated_at" ["updatedAt", "updated"],
        /// What they are called.
        Name = "name" ["name"],
        /// How far they are.
        Status = "status" ["status"],
        /// Their version.
        Version = "version" ["version"],
        /// When they were last done.
        LastExecutionAt = "last_execution_at" (nullable) ["lastExecutionAt"],
        /// How often they were done.
        TotalExecutions = "total_executions" ["totalExecutions"],
    }
}

/// The workflows.
#[derive(Clone, Copy, Debug)]
pub struct Workflows<'a>(pub(super) &'a Platform);

impl Workflows<'_> {
    /// Makes a workflow with its steps, both or neither; and the trigger of its schedule, if it has
    /// one.
    ///
    /// # Errors
    /// [`Invalid`](crate::StorageErrorKind::Invalid) for a schedule that cannot be followed,
    /// [`Conflict`](crate::StorageErrorKind::Conflict) if two steps have one key,
    /// [`Constraint`](crate::StorageErrorKind::Constraint) if there is no such user or agent.
    pub async fn create(
        &self,
        workflow: NewWorkflow,
        steps: Vec<NewStep>,
    ) -> Result<(Workflow, Vec<WorkflowStep>), StorageError> {
        let (id, now) = (Uuid::now_v7(), self.0.now());
        let mut transaction = self.0.database.begin().await?;
        let (sql, args) = table::insertion::<Workflow>(workflow, table::born(id, now));
        let made: Workflow = table::first(&transaction.fetch_all(sql, args).await?)?;
        for step in steps {
            steps::insert(&mut transaction, id, step, now).await?;
        }
        if made.schedule_enabled || made.schedule_cron.is_some() {
            schedule::follow(&mut transaction, made.schedule(), now).await?;
        }
        transaction.commit().await?;
        Ok((made, self.steps(id).await?))
    }

    /// A workflow.
    ///
    /// # Errors
    /// What the database says.
    pub async fn get(&self, id: Uuid) -> Result<Option<Workflow>, StorageError> {
        table::find(&self.0.database, table::by_id(id)).await
    }

    /// A workflow, deleted or not: its executions are still shown.
    ///
    /// # Errors
    /// What the database says.
    pub async fn get_even_deleted(&self, id: Uuid) -> Result<Option<Workflow>, StorageError> {
        table::find(&self.0.database, Filter::new().by("id = ", id, "")).await
    }

    /// The steps of a workflow in their order.
    ///
    /// # Errors
    /// What the database says.
    pub async fn steps(&self, id: Uuid) -> Result<Vec<WorkflowStep>, StorageError> {
        let filter = Filter::new().by("workflow_id = ", id, "");
        table::all(&self.0.database, filter, " order by position, step_key").await
    }

    /// A page of workflows, without their steps.
    ///
    /// # Errors
    /// [`Invalid`](crate::StorageErrorKind::Invalid) for a page that cannot be.
    pub async fn list(
        &self,
        filter: &WorkflowFilter,
        page: PageRequest<WorkflowSort>,
    ) -> Result<Page<Workflow>, StorageError> {
        let conditions = Filter::alive()
            .maybe("user_id = ", filter.user_id, "")
            .maybe("status = ", filter.status, "")
            .maybe("is_public = ", filter.is_public, "")
            .maybe("schedule_enabled = ", filter.schedule_enabled, "")
            .search(filter.search.as_deref())
            .tags(&filter.tags);
        table::page(&self.0.database, conditions, page).await
    }

    /// Changes a workflow, and its steps if some are given: they are then exactly those. With
    /// `expected` only if it was last changed then. The trigger of its schedule follows.
    ///
    /// # Errors
    /// [`Invalid`](crate::StorageErrorKind::Invalid) for a schedule that cannot be followed,
    /// [`Conflict`](crate::StorageErrorKind::Conflict) if not, or if two steps have one key.
    pub async fn update(
        &self,
        id: Uuid,
        patch: WorkflowPatch,
        steps: Option<Vec<NewStep>>,
        expected: Option<Timestamp>,
    ) -> Result<(Workflow, Vec<WorkflowStep>), StorageError> {
        let now = self.0.now();
        let scheduled = patch.concerns_schedule();
        let mut transaction = self.0.database.begin().await?;
        // First of all, because it locks the row: two who replace the steps come one after the other.
        let changed: Workflow = table::update_in(&mut transaction, id, patch, expected, now).await?;
        if let Some(steps) = steps {
            steps::replace(&mut transaction, id, steps, now).await?;
        }
        if scheduled {
            schedule::follow(&mut transaction, changed.schedule(), now).await?;
        }
        transaction.commit().await?;
        Ok((changed, self.steps(id).await?))
    }

    /// Deletes a workflow, to be restored until it is gone for good.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound).
    pub async fn delete(&self, id: Uuid) -> Result<(), StorageError> {
        let now = self.0.now();
        let mut transaction = self.0.database.begin().await?;
        let sql = table::deletion::<Workflow>().render(transaction.kind())?;
        table::done::<Workflow>(transaction.execute(sql, args![id, now]).await?)?;
        schedule::rest(&mut transaction, id, now).await?;
        transaction.commit().await
    }

    /// Brings a deleted workflow back.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound) if none is deleted.
    pub async fn restore(&self, id: Uuid) -> Result<Workflow, StorageError> {
        let now = self.0.now();
        let mut transaction = self.0.database.begin().await?;
        let sql = table::restoring::<Workflow>().render(transaction.kind())?;
        let restored: Workflow = table::first(&transaction.fetch_all(sql, args![id, now]).await?)?;
        schedule::follow(&mut transaction, restored.schedule(), now).await?;
        transaction.commit().await?;
        Ok(restored)
    }

    /// Counts an execution of a workflow that ended, and how long it took.
    ///
    /// # Errors
    /// What the database says. A workflow that is gone is no error: there is nothing to count.
    pub async fn count_execution(
        &self,
        id: Uuid,
        succeeded: bool,
        took: Duration,
    ) -> Result<(), StorageError> {
        let sql = "update workflows set total_executions = total_executions + 1,
                successful_executions = successful_executions + $2,
                failed_executions = failed_executions + $3,
                avg_execution_time_ms = (2 * (avg_execution_time_ms * total_executions + $4) + total_executions + 1)
                    / (2 * (total_executions + 1)),
                last_execution_at = $5
            where id = $1";
        let mut args = counted(id, succeeded, took);
        args.push(self.0.now());
        self.0.database.execute(sql, args).await.map(drop)
    }
}
