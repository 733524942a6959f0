//! Deployments: made, seen, changed, deleted.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use turbocat_storage::platform::{
    Deployment, DeploymentFilter, DeploymentPatch, DeploymentSort, DeploymentTarget, NewDeployment,
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::target::Target;
use super::variables;
use super::view::{DeploymentView, WholeDeployment};
use crate::agents::present;
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::{DeploymentsRead, DeploymentsWrite};
use crate::error::{Detail, Error, Result};
use crate::events::Note;
use crate::wire::{Body, Envelope, Etag, Id, IfMatch, ListEnvelope, ListQuery, Listed, Query, Reply, words};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(read, update, delete))
}

/// A deployment, if it is the caller's to see and change.
pub(super) async fn own<P>(api: &Api, caller: &Caller<P>, id: Uuid) -> Result<Deployment> {
    let found = api.platform().deployments().get(id).await?;
    let own = found.filter(|deployment| caller.owns(deployment.user_id));
    own.ok_or_else(|| Error::not_found("deployment"))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct Filters {
    /// Those used there.
    #[param(inline)]
    environment: Option<words::Environment>,
    /// Those that stand so.
    #[param(inline)]
    status: Option<words::DeploymentStatus>,
    /// Those that are so well.
    #[param(inline)]
    health_status: Option<words::HealthStatus>,
    /// Those of this workflow.
    workflow_id: Option<Uuid>,
    /// Those of this agent.
    agent_id: Option<Uuid>,
    /// Those with this in their name or description, whatever the case.
    #[param(max_length = 255)]
    search: Option<String>,
}

/// The caller's deployments.
#[utoipa::path(get, path = "/deployments", tag = "deployments", params(ListQuery, Filters), responses(
    (status = 200, description = "A page of deployments", body = ListEnvelope<DeploymentView>),
))]
async fn list(
    State(api): State<Api>,
    caller: Caller<DeploymentsRead>,
    Query(page): Query<ListQuery>,
    Query(filters): Query<Filters>,
) -> Result<Listed<DeploymentView>> {
    let filter = DeploymentFilter {
        user_id: Some(caller.id()),
        environment: filters.environment.map(|word| word.0),
        status: filters.status.map(|word| word.0),
        health_status: filters.health_status.map(|word| word.0),
        workflow_id: filters.workflow_id,
        agent_id: filters.agent_id,
        search: filters.search,
    };
    let page = api.platform().deployments().list(&filter, page.request(DeploymentSort::of_word)).await?;
    Ok(Listed::of(page, |deployment| DeploymentView::of(&api, deployment)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreateDeployment {
    #[schema(min_length = 1, max_length = 255, pattern = r"\S", example = "Summaries")]
    name: String,
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// The workflow that is kept ready; this or `agentId`.
    workflow_id: Option<Uuid>,
    /// The agent that is kept ready; this or `workflowId`.
    #[schema(example = json!(null))]
    agent_id: Option<Uuid>,
    environment: Option<words::Environment>,
    #[serde(default)]
    config: Map<String, Value>,
    /// Names and texts. They are sealed, and shown masked.
    #[serde(default)]
    #[schema(example = json!({ "LANGUAGE": "en" }))]
    environment_vars: BTreeMap<String, String>,
    #[schema(minimum = 1, maximum = 8192, default = 512)]
    allocated_memory_mb: Option<i32>,
    #[schema(minimum = 1, maximum = 4096, default = 1024)]
    allocated_cpu_shares: Option<i32>,
}

/// Makes a deployment of a workflow or an agent of the caller's. It is stopped.
#[utoipa::path(post, path = "/deployments", tag = "deployments", request_body = CreateDeployment, responses(
    (status = 201, description = "The deployment", body = Envelope<WholeDeployment>),
))]
async fn create(
    State(api): State<Api>,
    caller: Caller<DeploymentsWrite>,
    Body(given): Body<CreateDeployment>,
) -> Result<Reply<WholeDeployment>> {
    let target = DeploymentTarget::of(given.workflow_id, given.agent_id).map_err(|_| {
        let message = "exactly one of workflowId and agentId must be given";
        Error::invalid(vec![
            Detail::new("workflowId", "custom", message),
            Detail::new("agentId", "custom", message),
        ])
    })?;
    let found = Target::find(&api, target).await?.filter(|found| caller.owns(found.owner()));
    let found = found.ok_or_else(|| {
        Error::not_found(match target {
            DeploymentTarget::Workflow(_) => "workflow",
            DeploymentTarget::Agent(_) => "agent",
        })
    })?;
    let id = Uuid::now_v7();
    let mut new = NewDeployment::new(caller.id(), given.name.trim());
    new.description = given.description;
    new.environment = given.environment.map_or(new.environment, |word| word.0);
    new.config = Value::Object(given.config);
    new.environment_vars = variables::sealed(&api, id, given.environment_vars, None)?;
    new.allocated_memory_mb = given.allocated_memory_mb.unwrap_or(new.allocated_memory_mb);
    new.allocated_cpu_shares = given.allocated_cpu_shares.unwrap_or(new.allocated_cpu_shares);
    let deployment = api.platform().deployments().create_as(id, new, target).await?;
    api.events().note(Note::change("deployment", "created", id, caller.id(), caller.id())).await;
    let etag = Etag(deployment.updated_at);
    Ok(Reply::created(WholeDeployment::of(&api, deployment, Some(&found))).tagged(etag))
}

/// A deployment of the caller's.
#[utoipa::path(get, path = "/deployments/{id}", tag = "deployments", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The deployment", body = Envelope<WholeDeployment>),
))]
async fn read(
    State(api): State<Api>,
    caller: Caller<DeploymentsRead>,
    Id(id): Id,
) -> Result<Reply<WholeDeployment>> {
    let deployment = own(&api, &caller, id).await?;
    let target = Target::of(&api, &deployment).await?;
    let etag = Etag(deployment.updated_at);
    Ok(Reply::ok(WholeDeployment::of(&api, deployment, target.as_ref())).tagged(etag))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(min_properties = 1)]
struct UpdateDeployment {
    #[schema(min_length = 1, max_length = 255, pattern = r"\S")]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    description: Option<Option<String>>,
    environment: Option<words::Environment>,
    config: Option<Map<String, Value>>,
    /// All of them. A text that is the mask that was shown stays what it was.
    #[schema(example = json!({ "LANGUAGE": "en" }))]
    environment_vars: Option<BTreeMap<String, String>>,
    #[schema(minimum = 1, maximum = 8192)]
    allocated_memory_mb: Option<i32>,
    #[schema(minimum = 1, maximum = 4096)]
    allocated_cpu_shares: Option<i32>,
}

/// Changes a deployment. What it keeps ready stays.
#[utoipa::path(patch, path = "/deployments/{id}", tag = "deployments", params(("id" = Uuid, Path)),
    request_body = UpdateDeployment, responses(
    (status = 200, description = "The deployment", body = Envelope<WholeDeployment>),
))]
async fn update(
    State(api): State<Api>,
    caller: Caller<DeploymentsWrite>,
    Id(id): Id,
    version: IfMatch,
    Body(given): Body<UpdateDeployment>,
) -> Result<Reply<WholeDeployment>> {
    let before = own(&api, &caller, id).await?;
    let variables = given.environment_vars;
    let variables = variables
        .map(|given| variables::sealed(&api, id, given, Some(&before.environment_vars)))
        .transpose()?;
    // Texts that were kept are those of the row that was read: nobody may have changed it since.
    let expected = version.0.or_else(|| variables.is_some().then_some(before.updated_at));
    let patch = DeploymentPatch {
        name: given.name.map(|name| name.trim().to_owned()),
        description: given.description,
        environment: given.environment.map(|word| word.0),
        config: given.config.map(Value::Object),
        environment_vars: variables,
        allocated_memory_mb: given.allocated_memory_mb,
        allocated_cpu_shares: given.allocated_cpu_shares,
        ..DeploymentPatch::default()
    };
    if patch == DeploymentPatch::default() {
        return Err(Error::bad_request("there is nothing to change"));
    }
    let changed = api.platform().deployments().update(id, patch, expected).await;
    let deployment = changed.map_err(|error| version.explain(error.into()))?;
    api.events().note(Note::change("deployment", "updated", id, deployment.user_id, caller.id())).await;
    let target = Target::of(&api, &deployment).await?;
    let etag = Etag(deployment.updated_at);
    Ok(Reply::ok(WholeDeployment::of(&api, deployment, target.as_ref())).tagged(etag))
}

/// Deletes a deployment; one that runs is stopped.
#[utoipa::path(delete, path = "/deployments/{id}", tag = "deployments", params(("id" = Uuid, Path)),
    responses((status = 204, description = "Deleted")))]
async fn delete(State(api): State<Api>, caller: Caller<DeploymentsWrite>, Id(id): Id) -> Result<StatusCode> {
    let deployment = own(&api, &caller, id).await?;
    api.platform().deployments().delete(id).await?;
    api.events().note(Note::change("deployment", "deleted", id, deployment.user_id, caller.id())).await;
    Ok(StatusCode::NO_CONTENT)
}
