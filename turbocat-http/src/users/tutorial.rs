//! How far somebody is in the tutorial.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use turbocat_storage::platform::{User, UserPatch};
use utoipa::ToSchema;
use uuid::Uuid;

use super::profile::short_enough;
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::ProfileRead;
use crate::error::{Error, Result};
use crate::wire::{Body, Envelope, Id, Reply};

/// How far.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TutorialProgress {
    #[schema(minimum = 0, maximum = 1_000_000)]
    last_step: i64,
    #[schema(max_items = 1000)]
    completed_steps: Vec<Value>,
    #[schema(max_items = 1000)]
    dismissed_pages: Vec<Value>,
}

/// Whether somebody has seen the tutorial, and how far they are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TutorialStatus {
    is_complete: bool,
    progress: TutorialProgress,
}

impl From<User> for TutorialStatus {
    fn from(user: User) -> Self {
        // Imported rows may hold anything.
        let progress = serde_json::from_value(user.tutorial_progress).unwrap_or_default();
        Self { is_complete: user.tutorial_completed, progress }
    }
}

/// How far one is in the tutorial.
#[utoipa::path(get, path = "/users/{id}/tutorial-status", tag = "users", operation_id = "read_tutorial", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "How far", body = Envelope<TutorialStatus>),
))]
pub(super) async fn read(caller: Caller<ProfileRead>, Id(id): Id) -> Result<Reply<TutorialStatus>> {
    own(&caller, id)?;
    Ok(Reply::ok(caller.user.clone().into()))
}

fn own(caller: &Caller<ProfileRead>, id: Uuid) -> Result<()> {
    if caller.id() == id { Ok(()) } else { Err(Error::not_found("user")) }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TutorialUpdate {
    is_complete: bool,
    /// Absent: nothing is done yet.
    #[serde(default)]
    progress: TutorialProgress,
}

/// Notes how far one is in the tutorial.
#[utoipa::path(post, path = "/users/{id}/tutorial-status", tag = "users", params(("id" = Uuid, Path)),
    request_body = TutorialUpdate, responses(
    (status = 200, description = "How far", body = Envelope<TutorialStatus>),
))]
pub(super) async fn write(
    State(api): State<Api>,
    caller: Caller<ProfileRead>,
    Id(id): Id,
    Body(given): Body<TutorialUpdate>,
) -> Result<Reply<TutorialStatus>> {
    own(&caller, id)?;
    let progress = json!(given.progress);
    short_enough("progress", &progress)?;
    let patch = UserPatch {
        tutorial_completed: Some(given.is_complete),
        tutorial_progress: Some(progress),
        ..UserPatch::default()
    };
    let user = api.platform().users().update(id, patch, None).await?;
    Ok(Reply::ok(user.into()))
}
