//! Deployments as they are shown: what is secret in them is masked.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use turbocat_storage::platform::Deployment;
use utoipa::ToSchema;
use uuid::Uuid;

use super::target::Target;
use super::variables;
use crate::api::Api;
use crate::wire::{Time, Word, words};

/// A deployment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Deployment)]
pub(super) struct DeploymentView {
    id: Uuid,
    name: String,
    description: Option<String>,
    user_id: Uuid,
    workflow_id: Option<Uuid>,
    agent_id: Option<Uuid>,
    environment: words::Environment,
    status: words::DeploymentStatus,
    #[schema(value_type = Object)]
    config: Value,
    /// Every value is masked.
    environment_vars: BTreeMap<String, String>,
    /// Where it is asked, while it runs.
    endpoint_url: Option<String>,
    /// Whether there is a key to ask it with.
    has_key: bool,
    allocated_memory_mb: i32,
    allocated_cpu_shares: i32,
    deployed_at: Option<Time>,
    last_health_check_at: Option<Time>,
    health_status: words::HealthStatus,
    total_requests: u64,
    total_errors: u64,
    avg_response_time_ms: u64,
    created_at: Time,
    updated_at: Time,
}

impl DeploymentView {
    pub(super) fn of(api: &Api, deployment: Deployment) -> Self {
        Self {
            environment_vars: variables::shown(api, &deployment),
            id: deployment.id,
            name: deployment.name,
            description: deployment.description,
            user_id: deployment.user_id,
            workflow_id: deployment.workflow_id,
            agent_id: deployment.agent_id,
            environment: Word(deployment.environment),
            status: Word(deployment.status),
            config: deployment.config,
            endpoint_url: deployment.endpoint_url,
            has_key: deployment.api_key_hash.is_some(),
            allocated_memory_mb: deployment.allocated_memory_mb,
            allocated_cpu_shares: deployment.allocated_cpu_shares,
            deployed_at: deployment.deployed_at.map(Into::into),
            last_health_check_at: deployment.last_health_check_at.map(Into::into),
            health_status: Word(deployment.health_status),
            total_requests: deployment.total_requests,
            total_errors: deployment.total_errors,
            avg_response_time_ms: deployment.avg_response_time_ms,
            created_at: deployment.created_at.into(),
            updated_at: deployment.updated_at.into(),
        }
    }
}

/// A workflow, in short.
#[derive(Debug, Serialize, ToSchema)]
struct WorkflowSummary {
    id: Uuid,
    name: String,
    status: words::WorkflowStatus,
    version: i32,
}

/// An agent, in short.
#[derive(Debug, Serialize, ToSchema)]
struct AgentSummary {
    id: Uuid,
    name: String,
    #[serde(rename = "type")]
    kind: words::AgentType,
    status: words::AgentStatus,
}

/// A deployment, and what is kept ready.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WholeDeployment {
    #[serde(flatten)]
    deployment: DeploymentView,
    /// `null` if it is an agent, or gone.
    workflow: Option<WorkflowSummary>,
    /// `null` if it is a workflow, or gone.
    agent: Option<AgentSummary>,
}

impl WholeDeployment {
    pub(super) fn of(api: &Api, deployment: Deployment, target: Option<&Target>) -> Self {
        let workflow = target.and_then(Target::workflow).map(|workflow| WorkflowSummary {
            id: workflow.id,
            name: workflow.name.clone(),
            status: Word(workflow.status),
            version: workflow.version,
        });
        let agent = target.and_then(Target::agent).map(|agent| AgentSummary {
            id: agent.id,
            name: agent.name.clone(),
            kind: Word(agent.kind),
            status: Word(agent.status),
        });
        Self { deployment: DeploymentView::of(api, deployment), workflow, agent }
    }
}

/// A deployment on its way.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Moving {
    #[serde(flatten)]
    pub(super) deployment: DeploymentView,
    /// What goes on.
    pub(super) message: &'static str,
    /// The key to ask it with, if it was made now. It is not shown again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
}
