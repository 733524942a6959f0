//! DELETE `/users/{id}`: an account ends.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use turbocat_storage::platform::{PageRequest, UserFilter, UserRole};
use utoipa::ToSchema;

use super::confirm::confirm;
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::ProfileWrite;
use crate::error::{Error, Result};
use crate::events::Note;
use crate::wire::{Body, Id};

#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Leave {
    /// The password, if there is one and it is one's own account.
    #[schema(max_length = 1024, format = "password")]
    password: Option<String>,
    /// Why.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// Deletes an account: one's own, or anybody's as an administrator. All its sessions end, and its
/// keys are good no more.
#[utoipa::path(delete, path = "/users/{id}", tag = "users", params(("id" = Uuid, Path)),
    request_body = Leave, responses((status = 204, description = "Deleted")))]
pub(super) async fn delete(
    State(api): State<Api>,
    caller: Caller<ProfileWrite>,
    Id(id): Id,
    Body(given): Body<Leave>,
) -> Result<StatusCode> {
    if !caller.owns(id) {
        return Err(Error::forbidden("only they themselves may delete that user"));
    }
    let user = api.platform().users().get(id).await?.ok_or_else(|| Error::not_found("user"))?;
    if caller.id() == id {
        if user.password_hash.is_some() {
            let required = || Error::field("password", "invalid_type", "is required");
            confirm(&api, &user, given.password.as_deref().ok_or_else(required)?).await?;
        }
        if user.role == UserRole::Admin && is_last(&api).await? {
            return Err(Error::bad_request("you are the last administrator; make another one first"));
        }
    }
    api.platform().users().delete(id).await?;
    api.platform().sessions().end_all(id, None).await?;
    let changes = given.reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
    api.events().note(Note::change("user", "deleted", id, id, caller.id()).changes(changes)).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether there is no more than one administrator.
async fn is_last(api: &Api) -> Result<bool> {
    let filter = UserFilter { role: Some(UserRole::Admin), is_active: Some(true), search: None };
    let one = PageRequest { page_size: 1, ..PageRequest::default() };
    Ok(api.platform().users().list(&filter, one).await?.total <= 1)
}
