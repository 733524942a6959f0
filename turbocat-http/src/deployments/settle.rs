//! Brings deployments where they are on their way to, and looks how they are. What is on its way is
//! a row: whatever ended in the middle, here or on another node, is found there.

use std::time::Duration;

use serde_json::json;
use turbocat_storage::StorageErrorKind;
use turbocat_storage::platform::{Deployment, DeploymentPatch, DeploymentStatus, Transition};

use super::target::Target;
use crate::api::Api;
use crate::background::Watch;
use crate::error::Result;
use crate::events::Note;

/// How often it is looked for those on their way of which nobody here was told.
const LOOK: Duration = Duration::from_secs(1);
/// How often one that runs is looked at.
const HEALTH: Duration = Duration::from_secs(30);

/// Does it until the platform ends.
pub(crate) async fn look_after(mut watch: Watch) {
    while let Some(api) = watch.api() {
        if let Err(error) = settle(&api).await {
            tracing::warn!(?error, "deployments could not be brought on their way");
        }
        if let Err(error) = api.platform().deployments().check_health(HEALTH).await {
            tracing::warn!(%error, "the health of deployments could not be looked at");
        }
        let moved = api.moved();
        drop(api);
        tokio::select! {
            () = moved.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
            () = watch.ended() => return,
        }
    }
}

async fn settle(api: &Api) -> Result<()> {
    for deployment in api.platform().deployments().on_their_way().await? {
        let transition = match deployment.status {
            DeploymentStatus::Starting => start(api, &deployment).await?,
            _ => Transition::Stopped,
        };
        match api.platform().deployments().transition(deployment.id, transition).await {
            Ok(there) => announce(api, &there, transition).await,
            // Somebody was faster, or wants something else by now.
            Err(error) if matches!(error.kind(), StorageErrorKind::Conflict | StorageErrorKind::NotFound) => {
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether it can come up; where it is reached then.
async fn start(api: &Api, deployment: &Deployment) -> Result<Transition> {
    let target = Target::of(api, deployment).await?;
    if !target.is_some_and(|target| target.is_in_use()) {
        return Ok(Transition::Fail);
    }
    let settings = api.settings();
    let url =
        format!("{}/api/{}/deployments/{}/invoke", settings.backend_url, settings.api_version, deployment.id);
    if deployment.endpoint_url.as_ref() != Some(&url) {
        let patch = DeploymentPatch { endpoint_url: Some(Some(url)), ..DeploymentPatch::default() };
        api.platform().deployments().update(deployment.id, patch, None).await?;
    }
    Ok(Transition::Started)
}

async fn announce(api: &Api, deployment: &Deployment, transition: Transition) {
    let (id, owner) = (deployment.id, deployment.user_id);
    let what = match transition {
        Transition::Started => "running",
        Transition::Fail => "failed",
        _ => "halted",
    };
    let note = Note::change("deployment", what, id, owner, owner);
    api.events().note(note.data(json!({ "status": deployment.status.word() }))).await;
}
