//! Workflows and their steps, as they are shown.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;
use turbocat_core::Timestamp;
use turbocat_storage::Cron;
use turbocat_storage::platform::{Agent, Workflow, WorkflowStatus, WorkflowStep};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::Api;
use crate::error::Result;
use crate::wire::{Time, Word, words};

/// A workflow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Workflow)]
pub(crate) struct WorkflowView {
    id: Uuid,
    name: String,
    description: Option<String>,
    user_id: Uuid,
    status: words::WorkflowStatus,
    version: i32,
    parent_id: Option<Uuid>,
    #[schema(value_type = Object)]
    definition: Value,
    #[schema(value_type = Object)]
    trigger_config: Value,
    schedule_enabled: bool,
    schedule_cron: Option<String>,
    schedule_timezone: String,
    /// When its schedule starts it next; null if it does not.
    next_run_at: Option<Time>,
    total_executions: u64,
    successful_executions: u64,
    failed_executions: u64,
    avg_execution_time_ms: u64,
    last_execution_at: Option<Time>,
    tags: Vec<String>,
    is_public: bool,
    created_at: Time,
    updated_at: Time,
    /// In the order of their positions; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<StepView>>,
}

impl WorkflowView {
    /// Without its steps.
    pub(crate) fn of(workflow: Workflow, now: Timestamp) -> Self {
        let next_run_at = next(&workflow, now).map(Time::from);
        Self {
            id: workflow.id,
            name: workflow.name,
            description: workflow.description,
            user_id: workflow.user_id,
            status: Word(workflow.status),
            version: workflow.version,
            parent_id: workflow.parent_id,
            definition: workflow.definition,
            trigger_config: workflow.trigger_config,
            schedule_enabled: workflow.schedule_enabled,
            schedule_cron: workflow.schedule_cron,
            schedule_timezone: workflow.schedule_timezone,
            next_run_at,
            total_executions: workflow.total_executions,
            successful_executions: workflow.successful_executions,
            failed_executions: workflow.failed_executions,
            avg_execution_time_ms: workflow.avg_execution_time_ms,
            last_execution_at: workflow.last_execution_at.map(Time::from),
            tags: workflow.tags,
            is_public: workflow.is_public,
            created_at: workflow.created_at.into(),
            updated_at: workflow.updated_at.into(),
            steps: None,
        }
    }
}

fn next(workflow: &Workflow, now: Timestamp) -> Option<Timestamp> {
    let starts = workflow.schedule_enabled && workflow.status == WorkflowStatus::Active;
    let fields = workflow.schedule_cron.as_deref().filter(|_| starts)?;
    Cron::new(fields, &workflow.schedule_timezone).ok()?.next_after(now)
}

/// A step of a workflow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WorkflowStep)]
pub(crate) struct StepView {
    id: Uuid,
    workflow_id: Uuid,
    agent_id: Option<Uuid>,
    /// The agent; null if the step has none, or it is not there any more.
    agent: Option<StepAgent>,
    step_key: String,
    step_name: String,
    step_type: words::StepType,
    position: i32,
    #[schema(value_type = Object)]
    config: Value,
    #[schema(value_type = Object)]
    inputs: Value,
    #[schema(value_type = Object)]
    outputs: Value,
    depends_on: Vec<String>,
    retry_count: i32,
    retry_delay_ms: i32,
    timeout_ms: i32,
    on_error: words::ErrorHandling,
    created_at: Time,
    updated_at: Time,
}

/// The agent of a step.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StepAgent {
    id: Uuid,
    name: String,
    #[serde(rename = "type")]
    kind: words::AgentType,
    status: words::AgentStatus,
}

/// A workflow with its steps and their agents.
pub(crate) async fn whole(api: &Api, workflow: Workflow, steps: Vec<WorkflowStep>) -> Result<WorkflowView> {
    let mut ids: Vec<Uuid> = steps.iter().filter_map(|step| step.agent_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let agents = if ids.is_empty() { Vec::new() } else { api.platform().agents().get_many(ids).await? };
    // Somebody else's, that is not shown any more, is not there.
    let seen = agents.into_iter().filter(|agent| agent.is_public || agent.user_id == workflow.user_id);
    let agents: HashMap<Uuid, StepAgent> = seen.map(|agent| (agent.id, summary(agent))).collect();
    let steps = steps.into_iter().map(|step| {
        let agent = step.agent_id.and_then(|id| agents.get(&id).cloned());
        of_step(step, agent)
    });
    let steps = Some(steps.collect());
    Ok(WorkflowView { steps, ..WorkflowView::of(workflow, api.now()) })
}

fn summary(agent: Agent) -> StepAgent {
    StepAgent { id: agent.id, name: agent.name, kind: Word(agent.kind), status: Word(agent.status) }
}

fn of_step(step: WorkflowStep, agent: Option<StepAgent>) -> StepView {
    StepView {
        id: step.id,
        workflow_id: step.workflow_id,
        agent_id: step.agent_id,
        agent,
        step_key: step.step_key,
        step_name: step.step_name,
        step_type: Word(step.step_type),
        position: step.position,
        config: step.config,
        inputs: step.inputs,
        outputs: step.outputs,
        depends_on: step.depends_on,
        retry_count: step.retry_count,
        retry_delay_ms: step.retry_delay_ms,
        timeout_ms: step.timeout_ms,
        on_error: Word(step.on_error),
        created_at: step.created_at.into(),
        updated_at: step.updated_at.into(),
    }
}
