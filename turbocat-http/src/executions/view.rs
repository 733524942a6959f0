//! Executions and what was said in them, as they are shown.

use serde::Serialize;
use serde_json::Value;
use turbocat_storage::platform::{ExecutionLog, ExecutionRow, Workflow};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::wire::{Time, Word, words};

/// An execution as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExecutionSummary)]
pub(crate) struct SummaryView {
    id: Uuid,
    workflow_id: Option<Uuid>,
    user_id: Option<Uuid>,
    /// The execution that started it.
    parent_id: Option<Uuid>,
    status: words::ExecutionState,
    trigger_type: words::TriggerType,
    started_at: Option<Time>,
    completed_at: Option<Time>,
    duration_ms: Option<u64>,
    steps_total: i32,
    steps_completed: i32,
    steps_failed: i32,
    steps_skipped: i32,
    error_message: Option<String>,
    created_at: Time,
    updated_at: Time,
}

impl From<&ExecutionRow> for SummaryView {
    fn from(row: &ExecutionRow) -> Self {
        Self {
            id: *row.id.as_uuid(),
            workflow_id: row.workflow_id,
            user_id: row.user_id,
            parent_id: row.parent_id.map(|id| *id.as_uuid()),
            status: Word(row.status),
            trigger_type: Word(row.trigger_type),
            started_at: row.started_at.map(Time::from),
            completed_at: row.completed_at.map(Time::from),
            duration_ms: row.duration_ms,
            steps_total: row.steps_total,
            steps_completed: row.steps_completed,
            steps_failed: row.steps_failed,
            steps_skipped: row.steps_skipped,
            error_message: row.error_message.as_ref().map(text),
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// An execution with what it was given and what it gave.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Execution)]
pub(crate) struct ExecutionView {
    #[serde(flatten)]
    summary: SummaryView,
    #[schema(value_type = Object)]
    trigger_data: Value,
    input_data: Value,
    output_data: Value,
    /// Its workflow, deleted or not.
    workflow: Option<ExecutedWorkflow>,
    step_counts: StepCounts,
}

/// The workflow of an execution.
#[derive(Debug, Serialize, ToSchema)]
struct ExecutedWorkflow {
    id: Uuid,
    name: String,
    status: words::WorkflowStatus,
    version: i32,
}

/// How many of an execution's steps stand how.
#[derive(Debug, Serialize, ToSchema)]
struct StepCounts {
    total: i32,
    completed: i32,
    failed: i32,
    skipped: i32,
    pending: i32,
}

impl ExecutionView {
    pub(super) fn new(row: &ExecutionRow, workflow: Option<Workflow>, inputs: Value, output: Value) -> Self {
        let over = row.steps_completed + row.steps_failed + row.steps_skipped;
        Self {
            summary: row.into(),
            trigger_data: row.trigger_data.clone(),
            input_data: inputs,
            output_data: output,
            workflow: workflow.map(|workflow| ExecutedWorkflow {
                id: workflow.id,
                name: workflow.name,
                status: Word(workflow.status),
                version: workflow.version,
            }),
            step_counts: StepCounts {
                total: row.steps_total,
                completed: row.steps_completed,
                failed: row.steps_failed,
                skipped: row.steps_skipped,
                pending: (row.steps_total - over).max(0),
            },
        }
    }
}

/// A line of what was said in an execution.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExecutionLog)]
pub(crate) struct LogView {
    id: Uuid,
    execution_id: Uuid,
    workflow_step_id: Option<Uuid>,
    level: words::LogLevel,
    message: String,
    #[schema(value_type = Object)]
    metadata: Value,
    step_key: Option<String>,
    step_status: Option<words::StepState>,
    step_started_at: Option<Time>,
    step_completed_at: Option<Time>,
    step_duration_ms: Option<u64>,
    created_at: Time,
}

impl From<ExecutionLog> for LogView {
    fn from(line: ExecutionLog) -> Self {
        Self {
            id: line.id,
            execution_id: *line.execution_id.as_uuid(),
            workflow_step_id: line.workflow_step_id,
            level: Word(line.level),
            message: line.message,
            metadata: line.metadata,
            step_key: line.step_key,
            step_status: line.step_status.map(Word),
            step_started_at: line.step_started_at.map(Time::from),
            step_completed_at: line.step_completed_at.map(Time::from),
            step_duration_ms: line.step_duration_ms,
            created_at: line.created_at.into(),
        }
    }
}
