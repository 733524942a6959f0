//! Starting and stopping, and the key of a deployment.

use axum::extract::State;
use serde::Serialize;
use turbocat_storage::platform::{Deployment, DeploymentPatch, Hidden, Transition};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::routes::own;
use super::target::Target;
use super::view::{DeploymentView, Moving};
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::DeploymentsWrite;
use crate::error::{Error, Result};
use crate::events::Note;
use crate::secure;
use crate::wire::{Envelope, Id, Reply};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(start)).routes(routes!(stop)).routes(routes!(rotate_key))
}

/// What every key of a deployment begins with.
pub(super) const PREFIX: &str = "dk_";

fn new_key() -> (String, Hidden) {
    let key = format!("{PREFIX}{}", secure::random_url_safe::<32>());
    let hash = Hidden::new(secure::digest(&key));
    (key, hash)
}

async fn transition(api: &Api, id: Uuid, transition: Transition) -> Result<Deployment> {
    let changed = api.platform().deployments().transition(id, transition).await;
    changed.map_err(|error| match Error::from(error) {
        error if error.is_conflict() => Error::bad_request(match transition {
            Transition::Start => "only a deployment that is stopped or failed can be started",
            _ => "only a deployment that is running, starting or in maintenance can be stopped",
        }),
        error => error,
    })
}

/// Starts a deployment. The first time it gets a key to be asked with, which is shown now and not
/// again.
#[utoipa::path(post, path = "/deployments/{id}/start", tag = "deployments", params(("id" = Uuid, Path)),
    responses((status = 200, description = "It is starting", body = Envelope<Moving>)))]
async fn start(
    State(api): State<Api>,
    caller: Caller<DeploymentsWrite>,
    Id(id): Id,
) -> Result<Reply<Moving>> {
    let before = own(&api, &caller, id).await?;
    match Target::of(&api, &before).await? {
        Some(target) if target.is_in_use() => {}
        Some(_) => return Err(Error::bad_request("what the deployment keeps ready is not active")),
        None => return Err(Error::bad_request("what the deployment keeps ready is no longer there")),
    }
    let mut deployment = transition(&api, id, Transition::Start).await?;
    let mut key = None;
    if deployment.api_key_hash.is_none() {
        let (text, hash) = new_key();
        let patch = DeploymentPatch { api_key_hash: Some(Some(hash)), ..DeploymentPatch::default() };
        // What is answered is that it is starting, however far it is by now.
        match api.platform().deployments().update(id, patch, None).await {
            Ok(kept) => (deployment.api_key_hash, key) = (kept.api_key_hash, Some(text)),
            Err(error) => tracing::warn!(%error, %id, "a deployment that was started has no key"),
        }
    }
    api.events().note(Note::change("deployment", "started", id, deployment.user_id, caller.id())).await;
    api.moved().notify_one();
    let deployment = DeploymentView::of(&api, deployment);
    Ok(Reply::ok(Moving { deployment, message: "the deployment is starting", key }))
}

/// Stops a deployment.
#[utoipa::path(post, path = "/deployments/{id}/stop", tag = "deployments", params(("id" = Uuid, Path)),
    responses((status = 200, description = "It is stopping", body = Envelope<Moving>)))]
async fn stop(State(api): State<Api>, caller: Caller<DeploymentsWrite>, Id(id): Id) -> Result<Reply<Moving>> {
    own(&api, &caller, id).await?;
    let deployment = transition(&api, id, Transition::Stop).await?;
    api.events().note(Note::change("deployment", "stopped", id, deployment.user_id, caller.id())).await;
    api.moved().notify_one();
    let deployment = DeploymentView::of(&api, deployment);
    Ok(Reply::ok(Moving { deployment, message: "the deployment is stopping", key: None }))
}

/// A new key of a deployment.
#[derive(Debug, Serialize, ToSchema)]
struct DeploymentKey {
    id: Uuid,
    /// The key. It is not shown again.
    #[schema(example = "dk_4f8b6c1e2d3a4b5c8d9e0f1a2b3c4d5e")]
    key: String,
}

/// Makes a new key to ask a deployment with; the one before is good no more.
#[utoipa::path(post, path = "/deployments/{id}/rotate-key", tag = "deployments", params(("id" = Uuid, Path)),
    responses((status = 200, description = "The key, this once", body = Envelope<DeploymentKey>)))]
async fn rotate_key(
    State(api): State<Api>,
    caller: Caller<DeploymentsWrite>,
    Id(id): Id,
) -> Result<Reply<DeploymentKey>> {
    let deployment = own(&api, &caller, id).await?;
    let (key, hash) = new_key();
    let patch = DeploymentPatch { api_key_hash: Some(Some(hash)), ..DeploymentPatch::default() };
    api.platform().deployments().update(id, patch, None).await?;
    let note = Note::action("deployment_key_rotated", "deployment", Some(deployment.id), Some(caller.id()));
    api.events().note(note).await;
    Ok(Reply::ok(DeploymentKey { id, key }))
}
