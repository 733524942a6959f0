//! What is kept ready: the rows of it.

use turbocat_storage::platform::{
    Agent, AgentStatus, Deployment, DeploymentTarget, Workflow, WorkflowStatus,
};
use uuid::Uuid;

use crate::api::Api;
use crate::error::Result;

/// A workflow or an agent.
#[derive(Debug)]
pub(super) enum Target {
    Workflow(Box<Workflow>),
    Agent(Box<Agent>),
}

impl Target {
    /// What an id of one of the two names, if it is there.
    pub(super) async fn find(api: &Api, target: DeploymentTarget) -> Result<Option<Self>> {
        Ok(match target {
            DeploymentTarget::Workflow(id) => {
                api.platform().workflows().get(id).await?.map(|row| Self::Workflow(Box::new(row)))
            }
            DeploymentTarget::Agent(id) => {
                api.platform().agents().get(id).await?.map(|row| Self::Agent(Box::new(row)))
            }
        })
    }

    /// What a deployment keeps ready, if it is still there.
    pub(super) async fn of(api: &Api, deployment: &Deployment) -> Result<Option<Self>> {
        match DeploymentTarget::of(deployment.workflow_id, deployment.agent_id) {
            Ok(target) => Self::find(api, target).await,
            // It was deleted for good.
            Err(_) => Ok(None),
        }
    }

    pub(super) const fn owner(&self) -> Uuid {
        match self {
            Self::Workflow(workflow) => workflow.user_id,
            Self::Agent(agent) => agent.user_id,
        }
    }

    /// Whether it can be asked.
    pub(super) fn is_in_use(&self) -> bool {
        match self {
            Self::Workflow(workflow) => workflow.status == WorkflowStatus::Active,
            Self::Agent(agent) => matches!(agent.status, AgentStatus::Active | AgentStatus::Draft),
        }
    }

    pub(super) fn workflow(&self) -> Option<&Workflow> {
        match self {
            Self::Workflow(workflow) => Some(workflow),
            Self::Agent(_) => None,
        }
    }

    pub(super) fn agent(&self) -> Option<&Agent> {
        match self {
            Self::Agent(agent) => Some(agent),
            Self::Workflow(_) => None,
        }
    }
}
