//! Where one is signed in, and signing out there.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::Api;
use crate::auth::Caller;
use crate::auth::identity::By;
use crate::auth::permission::{ProfileRead, SignOut};
use crate::error::{Error, Result};
use crate::events::Note;
use crate::wire::{Id, ListEnvelope, Listed, Time};

/// Where one is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session)]
pub(super) struct SessionView {
    id: Uuid,
    ip_address: Option<String>,
    user_agent: Option<String>,
    /// Whether it is the one that asks.
    current: bool,
    created_at: Time,
    last_used_at: Time,
    /// When it ends, if it is not used before.
    expires_at: Time,
}

const fn current(by: &By) -> Option<Uuid> {
    match by {
        By::Session(id) => Some(*id),
        By::Key(_) => None,
    }
}

/// Where one is signed in, the last used first.
#[utoipa::path(get, path = "/users/me/sessions", tag = "users", operation_id = "list_sessions", responses(
    (status = 200, description = "The sessions", body = ListEnvelope<SessionView>),
))]
pub(super) async fn list(State(api): State<Api>, caller: Caller<ProfileRead>) -> Result<Listed<SessionView>> {
    let this = current(&caller.by);
    let sessions = api.platform().sessions().of_user(caller.id()).await?;
    let show = |session: turbocat_storage::platform::Session| SessionView {
        id: session.id,
        ip_address: session.ip_address,
        user_agent: session.user_agent,
        current: Some(session.id) == this,
        created_at: session.created_at.into(),
        last_used_at: session.last_used_at.into(),
        expires_at: session.expires_at.into(),
    };
    Ok(Listed::whole(sessions.into_iter().map(show).collect()))
}

/// Signs out everywhere but here.
#[utoipa::path(delete, path = "/users/me/sessions", tag = "users", operation_id = "end_other_sessions",
    responses((status = 204, description = "Ended")))]
pub(super) async fn end_others(State(api): State<Api>, caller: Caller<SignOut>) -> Result<StatusCode> {
    let this = current(&caller.by);
    api.platform().sessions().end_all(caller.id(), this).await?;
    api.events().note(Note::action("sessions_ended", "user", Some(caller.id()), Some(caller.id()))).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs out somewhere.
#[utoipa::path(delete, path = "/users/me/sessions/{id}", tag = "users", operation_id = "end_session", params(("id" = Uuid, Path)),
    responses((status = 204, description = "Ended")))]
pub(super) async fn end(State(api): State<Api>, caller: Caller<SignOut>, Id(id): Id) -> Result<StatusCode> {
    let own = api.platform().sessions().of_user(caller.id()).await?;
    if !own.iter().any(|session| session.id == id) {
        return Err(Error::not_found("session"));
    }
    api.platform().sessions().end(id).await?;
    api.events().note(Note::action("session_ended", "session", Some(id), Some(caller.id()))).await;
    Ok(StatusCode::NO_CONTENT)
}
