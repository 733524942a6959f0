//! Executions as rows, to be read. The journal writes them.

use serde_json::Value;
use turbocat_core::{ExecutionId, Timestamp};
use uuid::Uuid;

use super::filter::Filter;
use super::page::{Page, PageRequest, sort};
use super::words::{ExecutionState, TriggerType};
use super::{Platform, table};
use crate::error::StorageError;

record! {
    /// An execution.
    ExecutionRow is "execution" in "executions" {
        /// The id.
        id: ExecutionId,
        /// Of which workflow; `None` in a program that has none in tables.
        workflow_id: Option<Uuid>,
        /// Who started it.
        user_id: Option<Uuid>,
        /// What its workflow is called, if it is not in a table.
        workflow_name: Option<String>,
        /// The execution that started it.
        parent_id: Option<ExecutionId>,
        /// How it stands.
        status: ExecutionState,
        /// What started it.
        trigger_type: TriggerType,
        /// What the trigger said.
        trigger_data: Value,
        /// Those with a higher one go first.
        priority: i32,
        /// When it began.
        started_at: Option<Timestamp>,
        /// When it ended.
        completed_at: Option<Timestamp>,
        /// How long it took.
        duration_ms: Option<u64>,
        /// What it was given.
        input_data: Value,
        /// What it gave.
        output_data: Value,
        /// How many steps it has.
        steps_total: i32,
        /// How many of them ended well.
        steps_completed: i32,
        /// How many of them failed.
        steps_failed: i32,
        /// How many of them were not done.
        steps_skipped: i32,
        /// Why it failed: a text.
        error_message: Option<Value>,
        /// Why it failed, for those who look closely.
        error_stack: Option<Value>,
        /// When it was made.
        created_at: Timestamp,
        /// When it was last changed.
        updated_at: Timestamp,
    }
}

/// Which executions.
#[derive(Clone, Debug, Default)]
pub struct ExecutionFilter {
    /// Those of this workflow.
    pub workflow_id: Option<Uuid>,
    /// Those of this user.
    pub user_id: Option<Uuid>,
    /// Those that this execution started.
    pub parent_id: Option<ExecutionId>,
    /// Those that stand so.
    pub status: Option<ExecutionState>,
    /// Those that were started so.
    pub trigger_type: Option<TriggerType>,
    /// Those made then or later.
    pub from: Option<Timestamp>,
    /// Those made before.
    pub to: Option<Timestamp>,
}

sort! {
    /// What executions can be sorted by.
    ExecutionSort {
        /// When they were made.
        #[default] CreatedAt = "created_at" ["createdAt", "created"],
        /// When they began.
        StartedAt = "started_at" (nullable) ["startedAt"],
        /// When they ended.
        CompletedAt = "completed_at" (nullable) ["completedAt"],
        /// How long they took.
        DurationMs = "duration_ms" (nullable) ["durationMs"],
        /// How they stand.
        Status = "status" ["status"],
    }
}

/// The executions.
#[derive(Clone, Copy, Debug)]
pub struct Executions<'a>(pub(super) &'a Platform);

impl Executions<'_> {
    /// An execution.
    ///
    /// # Errors
    /// What the database says.
    pub async fn get(&self, id: ExecutionId) -> Result<Option<ExecutionRow>, StorageError> {
        table::find(&self.0.database, Filter::new().by("id = ", id, "")).await
    }

    /// A page of executions.
    ///
    /// # Errors
    /// [`Invalid`](crate::StorageErrorKind::Invalid) for a page that cannot be.
    pub async fn list(
        &self,
        filter: &ExecutionFilter,
        page: PageRequest<ExecutionSort>,
    ) -> Result<Page<ExecutionRow>, StorageError> {
        let conditions = Filter::new()
            .maybe("workflow_id = ", filter.workflow_id, "")
            .maybe("user_id = ", filter.user_id, "")
            .maybe("parent_id = ", filter.parent_id, "")
            .maybe("status = ", filter.status, "")
            .maybe("trigger_type = ", filter.trigger_type, "")
            .between(filter.from, filter.to);
        table::page(&self.0.database, conditions, page).await
    }
}
