//! The agents of a team.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use turbocat_storage::platform::TeamAgent;
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

/// An agent in a team.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TeamAgent)]
pub(super) struct TeamAgentView {
    agent_id: Uuid,
    name: String,
    added_at: Time,
}

impl From<TeamAgent> for TeamAgentView {
    fn from(agent: TeamAgent) -> Self {
        Self { agent_id: agent.agent_id, name: agent.name, added_at: agent.added_at.into() }
    }
}

/// The agents of a team, in the order of their coming.
#[utoipa::path(get, path = "/teams/{id}/agents", tag = "teams", operation_id = "list_agents", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The agents", body = ListEnvelope<TeamAgentView>),
))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller<TeamsRead>,
    Id(id): Id,
) -> Result<Listed<TeamAgentView>> {
    seen(&api, &caller, id).await?;
    let agents = api.platform().teams().agents(id).await?;
    Ok(Listed::whole(agents.into_iter().map(TeamAgentView::from).collect()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TeamAgentAdd {
    agent_id: Uuid,
}

/// Adds an agent of the caller's. To add it again changes nothing.
#[utoipa::path(post, path = "/teams/{id}/agents", tag = "teams", operation_id = "add_agent", params(("id" = Uuid, Path)),
    request_body = TeamAgentAdd, responses(
    (status = 201, description = "A new one", body = Envelope<TeamAgentView>),
    (status = 200, description = "One that was in it", body = Envelope<TeamAgentView>),
))]
pub(super) async fn add(
    State(api): State<Api>,
    caller: Caller<TeamsWrite>,
    Id(id): Id,
    Body(given): Body<TeamAgentAdd>,
) -> Result<Reply<TeamAgentView>> {
    let team = owned(&api, &caller, id).await?;
    // An administrator, too, gives only what is their own: the owner would otherwise see the names
    // of agents that are nobody's business.
    let agent = api.platform().agents().get(given.agent_id).await?;
    let agent = agent.filter(|agent| agent.user_id == caller.id());
    let agent = agent.ok_or_else(|| Error::not_found("agent"))?;
    let new = api.platform().teams().add_agent(id, agent.id).await?;
    let agents = api.platform().teams().agents(id).await?;
    let added = agents.into_iter().find(|one| one.agent_id == agent.id);
    let added = added.ok_or_else(|| Error::not_found("agent"))?;
    if !new {
        return Ok(Reply::ok(added.into()));
    }
    let told = json!({ "agentId": agent.id });
    let note = Note::change("team", "agent_added", id, team.owner_id, caller.id());
    api.events().note(note.changes(told.clone()).data(told)).await;
    Ok(Reply::created(added.into()))
}

/// Takes an agent out of a team.
#[utoipa::path(delete, path = "/teams/{id}/agents/{agentId}", tag = "teams", operation_id = "remove_agent",
    params(("id" = Uuid, Path), ("agentId" = Uuid, Path)),
    responses((status = 204, description = "Taken out")))]
pub(super) async fn remove(
    State(api): State<Api>,
    caller: Caller<TeamsWrite>,
    TwoIds(id, agent): TwoIds,
) -> Result<StatusCode> {
    let team = owned(&api, &caller, id).await?;
    api.platform().teams().remove_agent(id, agent).await?;
    let told = json!({ "agentId": agent });
    let note = Note::change("team", "agent_removed", id, team.owner_id, caller.id());
    api.events().note(note.changes(told.clone()).data(told)).await;
    Ok(StatusCode::NO_CONTENT)
}
