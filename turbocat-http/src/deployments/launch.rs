//! Begins an execution of what a deployment keeps ready.

use serde_json::{Value, json};
use turbocat_core::{Enqueue, ExecutionId, TriggerKind};
use turbocat_storage::platform::Deployment;

use super::target::Target;
use crate::api::Api;
use crate::error::Result;
use crate::workflows::{compile, of_engine};

/// Begins it, durably: when this returns it cannot be lost any more.
pub(super) async fn launch(
    api: &Api,
    deployment: &Deployment,
    target: &Target,
    inputs: Value,
) -> Result<ExecutionId> {
    let plan = match target {
        Target::Workflow(workflow) => compile::plan(api, workflow).await?,
        Target::Agent(agent) => compile::plan_of_agent(api, agent).await?,
    };
    let about = json!({ "deploymentId": deployment.id, "environment": deployment.environment.word() });
    let how = Enqueue::new()
        .belongs_to(deployment.workflow_id, Some(deployment.user_id))
        .trigger(TriggerKind::Api, about);
    api.engine().enqueue(plan, inputs, how).await.map_err(of_engine)
}
