//! `/agents`: who does steps.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use turbocat_storage::platform::{Agent, AgentFilter, AgentPatch, AgentSort, NewAgent};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::{AgentsRead, AgentsWrite};
use crate::error::{Error, Result};
use crate::events::Note;
use crate::sealed;
use crate::wire::list::tags;
use crate::wire::{
    Body, Envelope, Etag, Id, IfMatch, ListEnvelope, ListQuery, Listed, Query, Reply, Time, Word, words,
};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update, delete))
        .routes(routes!(duplicate))
        .routes(routes!(versions))
}

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Agent)]
pub(crate) struct AgentView {
    id: Uuid,
    name: String,
    description: Option<String>,
    #[serde(rename = "type")]
    kind: words::AgentType,
    status: words::AgentStatus,
    version: i32,
    parent_id: Option<Uuid>,
    user_id: Uuid,
    #[schema(value_type = Object)]
    config: Value,
    #[schema(value_type = Vec<Value>)]
    capabilities: Value,
    #[schema(value_type = Object)]
    parameters: Value,
    system_prompt: Option<String>,
    #[schema(value_type = Vec<Value>)]
    tools: Value,
    max_execution_time: Option<i32>,
    max_memory_mb: Option<i32>,
    max_concurrent_executions: Option<i32>,
    total_executions: u64,
    successful_executions: u64,
    failed_executions: u64,
    avg_execution_time_ms: u64,
    tags: Vec<String>,
    is_public: bool,
    is_template: bool,
    created_at: Time,
    updated_at: Time,
}

impl From<Agent> for AgentView {
    fn from(agent: Agent) -> Self {
        Self {
            id: agent.id,
            name: agent.name,
            description: agent.description,
            kind: Word(agent.kind),
            status: Word(agent.status),
            version: agent.version,
            parent_id: agent.parent_id,
            user_id: agent.user_id,
            config: agent.config,
            capabilities: agent.capabilities,
            parameters: agent.parameters,
            system_prompt: agent.system_prompt,
            tools: agent.tools,
            max_execution_time: agent.max_execution_time,
            max_memory_mb: agent.max_memory_mb,
            max_concurrent_executions: agent.max_concurrent_executions,
            total_executions: agent.total_executions,
            successful_executions: agent.successful_executions,
            failed_executions: agent.failed_executions,
            avg_execution_time_ms: agent.avg_execution_time_ms,
            tags: agent.tags,
            is_public: agent.is_public,
            is_template: agent.is_template,
            created_at: agent.created_at.into(),
            updated_at: agent.updated_at.into(),
        }
    }
}

/// An agent as it is shown: its secrets are masked.
pub(crate) fn shown(api: &Api, mut agent: Agent) -> AgentView {
    sealed::masked(api.keyring(), agent.id, &mut agent.config);
    agent.into()
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct Filters {
    /// Those of this type.
    #[serde(rename = "type")]
    #[param(inline)]
    kind: Option<words::AgentType>,
    /// Those of this status.
    #[param(inline)]
    status: Option<words::AgentStatus>,
    /// Those with this in their name or description, whatever the case.
    #[param(max_length = 255)]
    search: Option<String>,
    /// Those with one of these tags: `a,b`.
    tags: Option<String>,
    /// Those that are shown to others, or not.
    is_public: Option<bool>,
}

/// The caller's agents.
#[utoipa::path(get, path = "/agents", tag = "agents", params(ListQuery, Filters), responses(
    (status = 200, description = "A page of agents", body = ListEnvelope<AgentView>),
))]
async fn list(
    State(api): State<Api>,
    caller: Caller<AgentsRead>,
    Query(page): Query<ListQuery>,
    Query(filters): Query<Filters>,
) -> Result<Listed<AgentView>> {
    let filter = AgentFilter {
        user_id: Some(caller.id()),
        kind: filters.kind.map(|kind| kind.0),
        status: filters.status.map(|status| status.0),
        search: filters.search,
        tags: tags(filters.tags.as_deref()),
        is_public: filters.is_public,
    };
    let page = api.platform().agents().list(&filter, page.request(AgentSort::of_word)).await?;
    Ok(Listed::of(page, |agent| shown(&api, agent)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Create {
    #[schema(min_length = 1, max_length = 255, pattern = r"\S", example = "Summarizer")]
    name: String,
    #[schema(max_length = 2000)]
    description: Option<String>,
    #[serde(rename = "type")]
    kind: words::AgentType,
    /// How it does what it does.
    #[serde(default)]
    config: Map<String, Value>,
    /// What it is given, as JSON Schema or freely.
    #[serde(default)]
    parameters: Map<String, Value>,
    #[serde(default)]
    capabilities: Vec<Value>,
    /// In seconds.
    #[schema(minimum = 1, maximum = 3600, default = 300)]
    max_execution_time: Option<i32>,
    #[schema(minimum = 1, maximum = 8192, default = 512)]
    max_memory_mb: Option<i32>,
    #[schema(minimum = 1, maximum = 100, default = 1)]
    max_concurrent_executions: Option<i32>,
    #[serde(default)]
    #[schema(max_items = 20)]
    tags: Vec<Tag>,
    #[serde(default)]
    is_public: bool,
    #[schema(max_length = 100_000)]
    system_prompt: Option<String>,
    #[serde(default)]
    tools: Vec<Value>,
}

/// A word to find something by.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(value_type = String, max_length = 50)]
pub(crate) struct Tag(pub(crate) String);

/// Makes an agent: a draft, version 1.
#[utoipa::path(post, path = "/agents", tag = "agents", request_body = Create, responses(
    (status = 201, description = "The agent", body = Envelope<AgentView>),
))]
async fn create(
    State(api): State<Api>,
    caller: Caller<AgentsWrite>,
    Body(given): Body<Create>,
) -> Result<Reply<AgentView>> {
    room_for_another(&api, caller.id()).await?;
    let id = Uuid::now_v7();
    let mut new = NewAgent::new(caller.id(), given.name.trim(), given.kind.0);
    new.description = given.description;
    new.config = Value::Object(given.config);
    sealed::seal(api.keyring(), id, &mut new.config, None)?;
    new.parameters = Value::Object(given.parameters);
    new.capabilities = given.capabilities.into();
    new.max_execution_time = given.max_execution_time.or(new.max_execution_time);
    new.max_memory_mb = given.max_memory_mb.or(new.max_memory_mb);
    new.max_concurrent_executions = given.max_concurrent_executions.or(new.max_concurrent_executions);
    new.tags = given.tags.into_iter().map(|tag| tag.0).collect();
    new.is_public = given.is_public;
    new.system_prompt = given.system_prompt;
    new.tools = given.tools.into();
    let agent = api.platform().agents().create_as(id, new).await?;
    api.events().note(Note::change("agent", "created", agent.id, agent.user_id, caller.id())).await;
    let etag = Etag(agent.updated_at);
    Ok(Reply::created(shown(&api, agent)).tagged(etag))
}

pub(crate) async fn room_for_another(api: &Api, user: Uuid) -> Result<()> {
    let Some(most) = api.settings().agents_per_user else { return Ok(()) };
    let filter = AgentFilter { user_id: Some(user), ..AgentFilter::default() };
    let one = turbocat_storage::platform::PageRequest { page_size: 1, ..Default::default() };
    if api.platform().agents().list(&filter, one).await?.total >= u64::from(most) {
        return Err(Error::forbidden(format!("you have {most} agents already, which is the most")));
    }
    Ok(())
}

/// An agent of the caller's.
#[utoipa::path(get, path = "/agents/{id}", tag = "agents", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The agent", body = Envelope<AgentView>),
))]
async fn read(State(api): State<Api>, caller: Caller<AgentsRead>, Id(id): Id) -> Result<Reply<AgentView>> {
    let agent = own(&api, &caller, id).await?;
    let etag = Etag(agent.updated_at);
    Ok(Reply::ok(shown(&api, agent)).tagged(etag))
}

/// An agent, if it is the caller's to see and change.
pub(crate) async fn own<P>(api: &Api, caller: &Caller<P>, id: Uuid) -> Result<Agent> {
    let agent = api.platform().agents().get(id).await?.filter(|agent| caller.owns(agent.user_id));
    agent.ok_or_else(|| Error::not_found("agent"))
}

/// `null` clears, absent leaves as it is.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(min_properties = 1)]
struct Update {
    #[schema(min_length = 1, max_length = 255, pattern = r"\S")]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    description: Option<Option<String>>,
    status: Option<words::AgentStatus>,
    config: Option<Map<String, Value>>,
    parameters: Option<Map<String, Value>>,
    capabilities: Option<Vec<Value>>,
    #[schema(minimum = 1, maximum = 3600)]
    max_execution_time: Option<i32>,
    #[schema(minimum = 1, maximum = 8192)]
    max_memory_mb: Option<i32>,
    #[schema(minimum = 1, maximum = 100)]
    max_concurrent_executions: Option<i32>,
    #[schema(max_items = 20)]
    tags: Option<Vec<Tag>>,
    is_public: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 100_000)]
    system_prompt: Option<Option<String>>,
    tools: Option<Vec<Value>>,
}

/// Changes an agent.
#[utoipa::path(patch, path = "/agents/{id}", tag = "agents", params(("id" = Uuid, Path)),
    request_body = Update, responses(
    (status = 200, description = "The agent", body = Envelope<AgentView>),
))]
async fn update(
    State(api): State<Api>,
    caller: Caller<AgentsWrite>,
    Id(id): Id,
    version: IfMatch,
    Body(given): Body<Update>,
) -> Result<Reply<AgentView>> {
    let before = own(&api, &caller, id).await?;
    let mut patch = AgentPatch {
        name: given.name.map(|name| name.trim().to_owned()),
        description: given.description,
        status: given.status.map(|status| status.0),
        config: given.config.map(Value::Object),
        parameters: given.parameters.map(Value::Object),
        capabilities: given.capabilities.map(Value::Array),
        max_execution_time: given.max_execution_time.map(Some),
        max_memory_mb: given.max_memory_mb.map(Some),
        max_concurrent_executions: given.max_concurrent_executions.map(Some),
        tags: given.tags.map(|tags| tags.into_iter().map(|tag| tag.0).collect()),
        is_public: given.is_public,
        system_prompt: given.system_prompt,
        tools: given.tools.map(Value::Array),
    };
    if patch == AgentPatch::default() {
        return Err(Error::bad_request("there is nothing to change"));
    }
    if let Some(config) = &mut patch.config {
        sealed::seal(api.keyring(), id, config, Some(&before.config))?;
    }
    let changed = api.platform().agents().update(id, patch, version.0).await;
    let agent = changed.map_err(|error| version.explain(error.into()))?;
    api.events().note(Note::change("agent", "updated", id, before.user_id, caller.id())).await;
    let etag = Etag(agent.updated_at);
    Ok(Reply::ok(shown(&api, agent)).tagged(etag))
}

/// Deletes an agent.
#[utoipa::path(delete, path = "/agents/{id}", tag = "agents", params(("id" = Uuid, Path)),
    responses((status = 204, description = "Deleted")))]
async fn delete(State(api): State<Api>, caller: Caller<AgentsWrite>, Id(id): Id) -> Result<StatusCode> {
    let agent = own(&api, &caller, id).await?;
    api.platform().agents().delete(id).await?;
    api.events().note(Note::change("agent", "deleted", id, agent.user_id, caller.id())).await;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, ToSchema)]
struct Duplicate {
    /// What the copy is called; by default `Copy of …`.
    #[schema(min_length = 1, max_length = 255, pattern = r"\S")]
    name: Option<String>,
}

/// Makes another version of an agent: a private draft of the caller's.
#[utoipa::path(post, path = "/agents/{id}/duplicate", tag = "agents", params(("id" = Uuid, Path)),
    request_body = Duplicate, responses(
    (status = 201, description = "The copy", body = Envelope<AgentView>),
))]
async fn duplicate(
    State(api): State<Api>,
    caller: Caller<AgentsWrite>,
    Id(id): Id,
    Body(given): Body<Duplicate>,
) -> Result<Reply<AgentView>> {
    let original = own(&api, &caller, id).await?;
    room_for_another(&api, caller.id()).await?;
    let name = given.name.map_or_else(|| copy_of(&original.name), |name| name.trim().to_owned());
    let keyring = Some(api.keyring());
    let copy = api.platform().agents().duplicate(original.id, caller.id(), Some(name), keyring).await?;
    api.events().note(Note::change("agent", "created", copy.id, copy.user_id, caller.id())).await;
    let etag = Etag(copy.updated_at);
    Ok(Reply::created(shown(&api, copy)).tagged(etag))
}

/// The name of a copy, not too long for one.
pub(crate) fn copy_of(name: &str) -> String {
    format!("Copy of {name}").chars().take(255).collect()
}

/// A version of an agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AgentVersion {
    id: Uuid,
    name: String,
    version: i32,
    parent_id: Option<Uuid>,
    status: words::AgentStatus,
    created_at: Time,
    updated_at: Time,
}

/// All versions of an agent, deleted ones too, the newest first.
#[utoipa::path(get, path = "/agents/{id}/versions", tag = "agents", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The versions", body = ListEnvelope<AgentVersion>),
))]
async fn versions(
    State(api): State<Api>,
    caller: Caller<AgentsRead>,
    Id(id): Id,
) -> Result<Listed<AgentVersion>> {
    own(&api, &caller, id).await?;
    let versions = api.platform().agents().versions(id).await?;
    let show = |version: turbocat_storage::platform::AgentVersion| AgentVersion {
        id: version.id,
        name: version.name,
        version: version.version,
        parent_id: version.parent_id,
        status: Word(version.status),
        created_at: version.created_at.into(),
        updated_at: version.updated_at.into(),
    };
    Ok(Listed::whole(versions.into_iter().map(show).collect()))
}
