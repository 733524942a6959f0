//! Triggers: what starts executions. Who claims the ones that are due is elsewhere.

use serde_json::{Value, json};
use turbocat_core::{ExecutionId, Timestamp};
use uuid::Uuid;

use super::filter::Filter;
use super::page::{Page, PageRequest, sort};
use super::record::Hidden;
use super::words::{MissedPolicy, TriggerKind};
use super::{Platform, table};
use crate::error::StorageError;

record! {
    /// A trigger.
    Trigger is "trigger" in "triggers" {
        /// The id.
        id: Uuid,
        /// What it starts.
        workflow_id: Option<Uuid>,
        /// What it starts, in a program that has no workflows in tables.
        workflow_name: Option<String>,
        /// What it waits for.
        kind: TriggerKind,
        /// What it is called.
        name: String,
        /// How it is set up.
        config: Value,
        /// At which times.
        cron: Option<String>,
        /// On whose clock.
        timezone: String,
        /// Whether it starts anything.
        enabled: bool,
        /// What is done about times that passed.
        missed: MissedPolicy,
        /// The priority of what it starts.
        priority: i32,
        /// What it gives.
        inputs: Value,
        /// How the secret of a request is checked.
        secret_hash: Option<Hidden>,
        /// The event it waits for.
        event_name: Option<String>,
        /// When it is due.
        next_at: Option<Timestamp>,
        /// When it was last due.
        last_at: Option<Timestamp>,
        /// What it started last.
        last_execution_id: Option<ExecutionId>,
        /// When it was made.
        created_at: Timestamp,
        /// When it was last changed.
        updated_at: Timestamp,
        /// When it was deleted.
        deleted_at: Option<Timestamp>,
    }
}

draft! {
    /// A new trigger.
    NewTrigger {
        /// What it starts.
        workflow_id: Option<Uuid>,
        /// What it starts, in a program that has no workflows in tables.
        workflow_name: Option<String>,
        /// What it waits for.
        kind: TriggerKind,
        /// What it is called.
        name: String,
        /// How it is set up.
        config: Value,
        /// At which times.
        cron: Option<String>,
        /// On whose clock.
        timezone: String,
        /// Whether it starts anything.
        enabled: bool,
        /// What is done about times that passed.
        missed: MissedPolicy,
        /// The priority of what it starts.
        priority: i32,
        /// What it gives.
        inputs: Value,
        /// How the secret of a request is checked.
        secret_hash: Option<Hidden>,
        /// The event it waits for.
        event_name: Option<String>,
        /// When it is due.
        next_at: Option<Timestamp>,
    }
}

impl NewTrigger {
    /// A trigger that is enabled and lets missed times go.
    pub fn new(kind: TriggerKind, name: impl Into<String>) -> Self {
        Self {
            workflow_id: None,
            workflow_name: None,
            kind,
            name: name.into(),
            config: json!({}),
            cron: None,
            timezone: "UTC".to_owned(),
            enabled: true,
            missed: MissedPolicy::Skip,
            priority: 0,
            inputs: json!({}),
            secret_hash: None,
            event_name: None,
            next_at: None,
        }
    }
}

patch! {
    /// What of a trigger changes.
    TriggerPatch {
        /// What it is called.
        name: String,
        /// How it is set up.
        config: Value,
        /// At which times.
        cron: Option<String>,
        /// On whose clock.
        timezone: String,
        /// Whether it starts anything.
        enabled: bool,
        /// What is done about times that passed.
        missed: MissedPolicy,
        /// The priority of what it starts.
        priority: i32,
        /// What it gives.
        inputs: Value,
        /// How the secret of a request is checked.
        secret_hash: Option<Hidden>,
        /// The event it waits for.
        event_name: Option<String>,
        /// When it is due.
        next_at: Option<Timestamp>,
    }
}

/// Which triggers.
#[derive(Clone, Debug, Default)]
pub struct TriggerFilter {
    /// Those of this workflow.
    pub workflow_id: Option<Uuid>,
    /// Those of the workflow of this name.
    pub workflow_name: Option<String>,
    /// Those that wait for this.
    pub kind: Option<TriggerKind>,
    /// Those that start something, or not.
    pub enabled: Option<bool>,
    /// Those that wait for this event.
    pub event_name: Option<String>,
}

sort! {
    /// What triggers can be sorted by.
    TriggerSort {
        /// When they were made.
        #[default] CreatedAt = "created_at" ["createdAt", "created"],
        /// What they are called.
        Name = "name" ["name"],
        /// When they are due.
        NextAt = "next_at" (nullable) ["nextAt"],
    }
}

/// The triggers.
#[derive(Clone, Copy, Debug)]
pub struct Triggers<'a>(pub(super) &'a Platform);

impl Triggers<'_> {
    /// Makes a trigger.
    ///
    /// # Errors
    /// [`Constraint`](crate::StorageErrorKind::Constraint) if it names no workflow.
    pub async fn create(&self, trigger: NewTrigger) -> Result<Trigger, StorageError> {
        self.create_as(Uuid::now_v7(), trigger).await
    }

    /// Makes a trigger of that id: its secret is bound to it.
    ///
    /// # Errors
    /// [`Constraint`](crate::StorageErrorKind::Constraint) if it names no workflow.
    pub async fn create_as(&self, id: Uuid, trigger: NewTrigger) -> Result<Trigger, StorageError> {
        table::insert(&self.0.database, trigger, table::born(id, self.0.now())).await
    }

    /// A trigger.
    ///
    /// # Errors
    /// What the database says.
    pub async fn get(&self, id: Uuid) -> Result<Option<Trigger>, StorageError> {
        table::find(&self.0.database, table::by_id(id)).await
    }

    /// A page of triggers.
    ///
    /// # Errors
    /// [`Invalid`](crate::StorageErrorKind::Invalid) for a page that cannot be.
    pub async fn list(
        &self,
        filter: &TriggerFilter,
        page: PageRequest<TriggerSort>,
    ) -> Result<Page<Trigger>, StorageError> {
        let conditions = Filter::alive()
            .maybe("workflow_id = ", filter.workflow_id, "")
            .maybe("workflow_name = ", filter.workflow_name.as_deref(), "")
            .maybe("kind = ", filter.kind, "")
            .maybe("enabled = ", filter.enabled, "")
            .maybe("event_name = ", filter.event_name.as_deref(), "");
        table::page(&self.0.database, conditions, page).await
    }

    /// Changes a trigger; with `expected` only if it was last changed then.
    ///
    /// # Errors
    /// [`Conflict`](crate::StorageErrorKind::Conflict) if not.
    pub async fn update(
        &self,
        id: Uuid,
        patch: TriggerPatch,
        expected: Option<Timestamp>,
    ) -> Result<Trigger, StorageError> {
        table::update(&self.0.database, id, patch, expected, self.0.now()).await
    }

    /// Deletes a trigger, to be restored until it is gone for good.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound).
    pub async fn delete(&self, id: Uuid) -> Result<(), StorageError> {
        table::delete::<Trigger>(&self.0.database, id, self.0.now()).await
    }

    /// Brings a deleted trigger back.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound) if none is deleted.
    pub async fn restore(&self, id: Uuid) -> Result<Trigger, StorageError> {
        table::restore(&self.0.database, id, self.0.now()).await
    }
}
