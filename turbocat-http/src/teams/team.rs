//! Teams: made, seen, changed, deleted.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use turbocat_storage::platform::{NewTeam, Team, TeamPatch, TeamSort};
use utoipa::ToSchema;
use uuid::Uuid;

use super::standing::{owned, seen};
use crate::agents::present;
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::{TeamsRead, TeamsWrite};
use crate::error::{Error, Result};
use crate::events::Note;
use crate::wire::{
    Body, Envelope, Etag, Id, IfMatch, ListEnvelope, ListQuery, Listed, Query, Reply, Time, Word, words,
};

/// A team.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Team)]
pub(crate) struct TeamView {
    id: Uuid,
    name: String,
    description: Option<String>,
    owner_id: Uuid,
    status: words::TeamStatus,
    created_at: Time,
    updated_at: Time,
}

impl From<Team> for TeamView {
    fn from(team: Team) -> Self {
        Self {
            id: team.id,
            name: team.name,
            description: team.description,
            owner_id: team.owner_id,
            status: Word(team.status),
            created_at: team.created_at.into(),
            updated_at: team.updated_at.into(),
        }
    }
}

/// The teams that the caller owns or is in.
#[utoipa::path(get, path = "/teams", tag = "teams", params(ListQuery), responses(
    (status = 200, description = "A page of teams", body = ListEnvelope<TeamView>),
))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller<TeamsRead>,
    Query(page): Query<ListQuery>,
) -> Result<Listed<TeamView>> {
    let page = api.platform().teams().of_user(caller.id(), page.request(TeamSort::of_word)).await?;
    Ok(Listed::of(page, TeamView::from))
}

#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct TeamCreate {
    #[schema(min_length = 1, max_length = 100, pattern = r"\S", example = "Research")]
    name: String,
    #[schema(max_length = 2000)]
    description: Option<String>,
    #[schema(default = "active")]
    status: Option<words::TeamStatus>,
}

/// Makes a team. It is the caller's.
#[utoipa::path(post, path = "/teams", tag = "teams", request_body = TeamCreate, responses(
    (status = 201, description = "The team", body = Envelope<TeamView>),
))]
pub(super) async fn create(
    State(api): State<Api>,
    caller: Caller<TeamsWrite>,
    Body(given): Body<TeamCreate>,
) -> Result<Reply<TeamView>> {
    let new = NewTeam {
        name: given.name.trim().to_owned(),
        description: given.description,
        owner_id: caller.id(),
        status: given.status.map(|status| status.0).unwrap_or_default(),
    };
    let team = api.platform().teams().create(new).await?;
    api.events().note(Note::change("team", "created", team.id, team.owner_id, caller.id())).await;
    let etag = Etag(team.updated_at);
    Ok(Reply::created(team.into()).tagged(etag))
}

/// A team that the caller owns or is in.
#[utoipa::path(get, path = "/teams/{id}", tag = "teams", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The team", body = Envelope<TeamView>),
))]
pub(super) async fn read(
    State(api): State<Api>,
    caller: Caller<TeamsRead>,
    Id(id): Id,
) -> Result<Reply<TeamView>> {
    let team = seen(&api, &caller, id).await?;
    let etag = Etag(team.updated_at);
    Ok(Reply::ok(team.into()).tagged(etag))
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(min_properties = 1)]
pub(super) struct TeamUpdate {
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    description: Option<Option<String>>,
    status: Option<words::TeamStatus>,
}

/// Changes a team.
#[utoipa::path(patch, path = "/teams/{id}", tag = "teams", params(("id" = Uuid, Path)),
    request_body = TeamUpdate, responses(
    (status = 200, description = "The team", body = Envelope<TeamView>),
))]
pub(super) async fn update(
    State(api): State<Api>,
    caller: Caller<TeamsWrite>,
    Id(id): Id,
    version: IfMatch,
    Body(given): Body<TeamUpdate>,
) -> Result<Reply<TeamView>> {
    let patch = TeamPatch {
        name: given.name.map(|name| name.trim().to_owned()),
        description: given.description,
        status: given.status.map(|status| status.0),
    };
    put(&api, &caller, id, version, patch).await
}

/// Writes a team anew: what is left out is as in a new one.
#[utoipa::path(put, path = "/teams/{id}", tag = "teams", params(("id" = Uuid, Path)),
    request_body = TeamCreate, responses(
    (status = 200, description = "The team", body = Envelope<TeamView>),
))]
pub(super) async fn replace(
    State(api): State<Api>,
    caller: Caller<TeamsWrite>,
    Id(id): Id,
    version: IfMatch,
    Body(given): Body<TeamCreate>,
) -> Result<Reply<TeamView>> {
    let patch = TeamPatch {
        name: Some(given.name.trim().to_owned()),
        description: Some(given.description),
        status: Some(given.status.map(|status| status.0).unwrap_or_default()),
    };
    put(&api, &caller, id, version, patch).await
}

async fn put(
    api: &Api,
    caller: &Caller<TeamsWrite>,
    id: Uuid,
    version: IfMatch,
    patch: TeamPatch,
) -> Result<Reply<TeamView>> {
    let before = owned(api, caller, id).await?;
    if patch == TeamPatch::default() {
        return Err(Error::bad_request("there is nothing to change"));
    }
    let changed = api.platform().teams().update(id, patch, version.0).await;
    let team = changed.map_err(|error| version.explain(error.into()))?;
    api.events().note(Note::change("team", "updated", id, before.owner_id, caller.id())).await;
    let etag = Etag(team.updated_at);
    Ok(Reply::ok(team.into()).tagged(etag))
}

/// Deletes a team. Its agents stay.
#[utoipa::path(delete, path = "/teams/{id}", tag = "teams", params(("id" = Uuid, Path)),
    responses((status = 204, description = "Deleted")))]
pub(super) async fn delete(
    State(api): State<Api>,
    caller: Caller<TeamsWrite>,
    Id(id): Id,
) -> Result<StatusCode> {
    let team = owned(&api, &caller, id).await?;
    api.platform().teams().delete(id).await?;
    api.events().note(Note::change("team", "deleted", id, team.owner_id, caller.id())).await;
    Ok(StatusCode::NO_CONTENT)
}
