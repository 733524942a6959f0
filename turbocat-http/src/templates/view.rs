//! Templates as they are shown, and what comes of them.

use serde::Serialize;
use serde_json::Value;
use turbocat_storage::platform::{Template, Workflow, WorkflowStep};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::agents::AgentView;
use crate::wire::{Etag, Time, Word, words};

/// A template.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Template)]
pub(super) struct TemplateView {
    id: Uuid,
    name: String,
    description: Option<String>,
    category: String,
    #[serde(rename = "type")]
    kind: words::TemplateType,
    user_id: Option<Uuid>,
    #[schema(value_type = Object)]
    template_data: Value,
    tags: Vec<String>,
    is_official: bool,
    is_public: bool,
    usage_count: u64,
    rating_average: f64,
    rating_count: u64,
    created_at: Time,
    updated_at: Time,
}

impl From<Template> for TemplateView {
    fn from(template: Template) -> Self {
        Self {
            id: template.id,
            name: template.name,
            description: template.description,
            category: template.category,
            kind: Word(template.kind),
            user_id: template.user_id,
            template_data: template.template_data,
            tags: template.tags,
            is_official: template.is_official,
            is_public: template.is_public,
            usage_count: template.usage_count,
            rating_average: template.rating_average,
            rating_count: template.rating_count,
            created_at: template.created_at.into(),
            updated_at: template.updated_at.into(),
        }
    }
}

/// A step that was made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MadeStep {
    id: Uuid,
    agent_id: Option<Uuid>,
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
}

/// A workflow that was made, with its steps.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MadeWorkflow {
    id: Uuid,
    name: String,
    description: Option<String>,
    user_id: Uuid,
    status: words::WorkflowStatus,
    version: i32,
    #[schema(value_type = Object)]
    definition: Value,
    #[schema(value_type = Object)]
    trigger_config: Value,
    schedule_enabled: bool,
    schedule_cron: Option<String>,
    schedule_timezone: String,
    tags: Vec<String>,
    is_public: bool,
    created_at: Time,
    updated_at: Time,
    steps: Vec<MadeStep>,
}

impl MadeWorkflow {
    pub(super) fn of(workflow: Workflow, steps: Vec<WorkflowStep>) -> Self {
        let step = |step: WorkflowStep| MadeStep {
            id: step.id,
            agent_id: step.agent_id,
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
        };
        Self {
            id: workflow.id,
            name: workflow.name,
            description: workflow.description,
            user_id: workflow.user_id,
            status: Word(workflow.status),
            version: workflow.version,
            definition: workflow.definition,
            trigger_config: workflow.trigger_config,
            schedule_enabled: workflow.schedule_enabled,
            schedule_cron: workflow.schedule_cron,
            schedule_timezone: workflow.schedule_timezone,
            tags: workflow.tags,
            is_public: workflow.is_public,
            created_at: workflow.created_at.into(),
            updated_at: workflow.updated_at.into(),
            steps: steps.into_iter().map(step).collect(),
        }
    }
}

/// What came of a template.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "resourceType", rename_all = "lowercase")]
pub(super) enum Instantiated {
    Agent(Box<AgentView>),
    Workflow(Box<MadeWorkflow>),
}

/// What was made, and the version of it.
pub(super) struct Made {
    pub(super) id: Uuid,
    pub(super) etag: Etag,
    pub(super) view: Instantiated,
}
