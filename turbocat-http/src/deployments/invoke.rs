//! Asking a deployment: by its key, or as its owner.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use turbocat_core::ExecutionId;
use turbocat_storage::platform::{Deployment, DeploymentStatus, ExecutionState};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::control::PREFIX;
use super::launch::launch;
use super::target::Target;
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::DeploymentsExecute;
use crate::error::{Error, Result};
use crate::secure;
use crate::wire::{Body, Envelope, Id, Query, Reply, Word, words};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(invoke))
}

/// How long it is waited for the end, in seconds, if nothing is said.
const WAIT: u32 = 30;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Patience {
    /// How many seconds to wait for the end; never longer than a request may take here.
    #[param(minimum = 0, maximum = 60, default = 30)]
    wait: Option<u32>,
}

#[derive(Debug, Deserialize, ToSchema)]
struct Invoke {
    /// What it is given.
    #[serde(default, alias = "inputData")]
    #[schema(example = json!({ "text": "a long story" }))]
    inputs: Map<String, Value>,
}

/// What came of asking.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Invoked {
    execution_id: Uuid,
    status: words::ExecutionState,
    /// What it gave, if it has ended well.
    output: Option<Value>,
    /// Why it failed, if it has.
    error: Option<String>,
}

/// Asks a deployment and waits for its answer.
///
/// With the deployment's own key as `X-Deployment-Key`, or as its owner.
#[utoipa::path(post, path = "/deployments/{id}/invoke", tag = "deployments",
    params(("id" = Uuid, Path), Patience), request_body = Invoke,
    security(("deploymentKey" = []), ("bearer" = []), ("apiKey" = [])), responses(
    (status = 200, description = "It has ended", body = Envelope<Invoked>),
    (status = 202, description = "It goes on; see the execution", body = Envelope<Invoked>),
    (status = 503, description = "The deployment is not running"),
))]
async fn invoke(
    State(api): State<Api>,
    Id(id): Id,
    caller: Option<Caller<DeploymentsExecute>>,
    headers: HeaderMap,
    Query(patience): Query<Patience>,
    Body(given): Body<Invoke>,
) -> Result<Response> {
    let deployment = allowed(&api, id, caller.as_ref(), &headers).await?;
    if deployment.status != DeploymentStatus::Running {
        return Err(Error::unavailable(format!(
            "the deployment is not running: it is {}",
            deployment.status
        )));
    }
    let began = Instant::now();
    let answer = ask(&api, &deployment, Value::Object(given.inputs), patience).await;
    let good = answer.as_ref().is_ok_and(|invoked| {
        !matches!(
            invoked.status.0,
            ExecutionState::Failed | ExecutionState::Timeout | ExecutionState::Cancelled
        )
    });
    let counted = api.platform().deployments().count_request(id, good, began.elapsed()).await;
    if let Err(error) = counted {
        tracing::warn!(%error, %id, "a request to a deployment was not counted");
    }
    let invoked = answer?;
    let goes_on = matches!(invoked.status.0, ExecutionState::Pending | ExecutionState::Running);
    let mut response = Reply::ok(invoked).into_response();
    if goes_on {
        *response.status_mut() = StatusCode::ACCEPTED;
    }
    Ok(response)
}

/// The deployment, if this one may ask it.
async fn allowed(
    api: &Api,
    id: Uuid,
    caller: Option<&Caller<DeploymentsExecute>>,
    headers: &HeaderMap,
) -> Result<Deployment> {
    let deployment = api.platform().deployments().get(id).await?;
    let absent = || Error::not_found("deployment");
    if let Some(hash) = key(headers) {
        let right = |deployment: &Deployment| {
            deployment.api_key_hash.as_ref().is_some_and(|kept| secure::same(kept.reveal(), &hash))
        };
        let refused = || Error::unauthorized("the key of the deployment is not valid");
        return deployment.filter(right).ok_or_else(refused);
    }
    match caller {
        Some(caller) => deployment.filter(|found| caller.owns(found.user_id)).ok_or_else(absent),
        None => Err(Error::unauthorized("send the key of the deployment as X-Deployment-Key, or sign in")),
    }
}

/// The digest of the key that was sent.
pub(crate) fn key(headers: &HeaderMap) -> Option<String> {
    let key = headers.get("x-deployment-key")?.to_str().unwrap_or_default().trim();
    Some(if key.starts_with(PREFIX) && key.len() <= 200 { secure::digest(key) } else { String::new() })
}

async fn ask(api: &Api, deployment: &Deployment, inputs: Value, patience: Patience) -> Result<Invoked> {
    let target = Target::of(api, deployment).await?.filter(Target::is_in_use);
    let gone = || Error::unavailable("what the deployment keeps ready is not in use any more");
    let execution = launch(api, deployment, &target.ok_or_else(gone)?, inputs).await?;
    let wait = Duration::from_secs(patience.wait.unwrap_or(WAIT).into());
    // An answer that says how far it is, and not that the request took too long.
    let wait = wait.min(api.settings().request_timeout.mul_f32(0.8));
    match tokio::time::timeout(wait, api.engine().wait(execution)).await {
        Err(_) => Ok(going_on(api, execution).await?),
        Ok(Err(error)) => Err(Error::internal(error)),
        Ok(Ok(ended)) => {
            let status = state(api, execution).await?;
            let good = ended.is_completed();
            Ok(Invoked {
                execution_id: *execution.as_uuid(),
                status: Word(if good { ExecutionState::Completed } else { status }),
                output: good.then(|| ended.output().clone()),
                error: ended.failure().map(ToString::to_string),
            })
        }
    }
}

async fn going_on(api: &Api, execution: ExecutionId) -> Result<Invoked> {
    let status = Word(state(api, execution).await?);
    Ok(Invoked { execution_id: *execution.as_uuid(), status, output: None, error: None })
}

async fn state(api: &Api, execution: ExecutionId) -> Result<ExecutionState> {
    let row = api.platform().executions().get(execution).await?;
    Ok(row.map_or(ExecutionState::Pending, |row| row.status))
}
