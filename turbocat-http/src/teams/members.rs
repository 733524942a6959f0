//! Who is in a team.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use turbocat_storage::platform::TeamMember;
use utoipa::ToSchema;
use uuid::Uuid;

use super::standing::{owned, seen};
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::{TeamsRead, TeamsWrite};
use crate::error::{Error, Result};
use crate::events::Note;
use crate::wire::path::TwoIds;
use crate::wire::{Body, Envelope, Id, ListEnvelope, Listed, Reply, Time};

/// Somebody in a team.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TeamMember)]
pub(super) struct MemberView {
    user_id: Uuid,
    role: String,
    email: String,
    full_name: Option<String>,
    joined_at: Time,
}

impl From<TeamMember> for MemberView {
    fn from(member: TeamMember) -> Self {
        Self {
            user_id: member.user_id,
            role: member.role,
            email: member.email,
            full_name: member.full_name,
            joined_at: member.joined_at.into(),
        }
    }
}

/// Who is in a team besides its owner, in the order of their coming.
#[utoipa::path(get, path = "/teams/{id}/members", tag = "teams", operation_id = "list_members", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The members", body = ListEnvelope<MemberView>),
))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller<TeamsRead>,
    Id(id): Id,
) -> Result<Listed<MemberView>> {
    seen(&api, &caller, id).await?;
    let members = api.platform().teams().members(id).await?;
    Ok(Listed::whole(members.into_iter().map(MemberView::from).collect()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberAdd {
    user_id: Uuid,
    /// What they do in it, in a word.
    #[schema(min_length = 1, max_length = 50, pattern = r"\S", default = "member")]
    role: Option<String>,
}

/// Takes somebody in, or gives who is in it another role.
#[utoipa::path(post, path = "/teams/{id}/members", tag = "teams", operation_id = "add_member", params(("id" = Uuid, Path)),
    request_body = MemberAdd, responses(
    (status = 201, description = "Somebody new", body = Envelope<MemberView>),
    (status = 200, description = "Somebody who was in it", body = Envelope<MemberView>),
))]
pub(super) async fn add(
    State(api): State<Api>,
    caller: Caller<TeamsWrite>,
    Id(id): Id,
    Body(given): Body<MemberAdd>,
) -> Result<Reply<MemberView>> {
    let team = owned(&api, &caller, id).await?;
    if given.user_id == team.owner_id {
        return Err(Error::field("userId", "custom", "owns the team, and is in it anyway"));
    }
    let user = api.platform().users().get(given.user_id).await?;
    let user = user.ok_or_else(|| Error::field("userId", "custom", "there is no such user"))?;
    let was = api.platform().teams().is_member(id, user.id).await?;
    let role = given.role.as_deref().map_or("member", str::trim);
    api.platform().teams().add_member(id, user.id, role).await?;
    let told = json!({ "userId": user.id, "role": role });
    let note = Note::change("team", "member_added", id, team.owner_id, caller.id());
    api.events().note(note.changes(told.clone()).data(told)).await;
    let members = api.platform().teams().members(id).await?;
    let member = members.into_iter().find(|member| member.user_id == user.id);
    let member = member.ok_or_else(|| Error::not_found("member"))?;
    Ok(if was { Reply::ok(member.into()) } else { Reply::created(member.into()) })
}

/// Lets somebody go; members may go themselves.
#[utoipa::path(delete, path = "/teams/{id}/members/{userId}", tag = "teams", operation_id = "remove_member",
    params(("id" = Uuid, Path), ("userId" = Uuid, Path)),
    responses((status = 204, description = "Gone")))]
pub(super) async fn remove(
    State(api): State<Api>,
    caller: Caller<TeamsWrite>,
    TwoIds(id, user): TwoIds,
) -> Result<StatusCode> {
    let team =
        if user == caller.id() { seen(&api, &caller, id).await? } else { owned(&api, &caller, id).await? };
    api.platform().teams().remove_member(id, user).await?;
    let told = json!({ "userId": user });
    let note = Note::change("team", "member_removed", id, team.owner_id, caller.id());
    api.events().note(note.changes(told.clone()).data(told)).await;
    Ok(StatusCode::NO_CONTENT)
}
