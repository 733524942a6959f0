//! `/workflows`: made, seen, changed, validated, deleted.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use turbocat_storage::Cron;
use turbocat_storage::platform::{
    NewWorkflow, Workflow, WorkflowFilter, WorkflowPatch, WorkflowSort, WorkflowStatus,
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::change::{ChangeStep, Changed, CreateStep, change};
use super::compile::Source;
use super::finding::{Finding, refusal};
use super::graph;
use super::view::{WorkflowView, whole};
use crate::agents::{Tag, present};
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::{WorkflowsRead, WorkflowsWrite};
use crate::error::{Detail, Error, Result};
use crate::events::Note;
use crate::wire::list::tags;
use crate::wire::{Body, Envelope, Etag, Id, IfMatch, ListEnvelope, ListQuery, Listed, Query, Reply, words};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update, delete))
        .routes(routes!(validate))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct WorkflowFilters {
    /// Those of this status.
    #[param(inline)]
    status: Option<words::WorkflowStatus>,
    /// Those with this in their name or description, whatever the case.
    #[param(max_length = 255)]
    search: Option<String>,
    /// Those with one of these tags: `a,b`.
    tags: Option<String>,
    /// Those that are shown to others, or not.
    is_public: Option<bool>,
    /// Those that are started by time, or not.
    schedule_enabled: Option<bool>,
}

/// The caller's workflows, without their steps.
#[utoipa::path(get, path = "/workflows", tag = "workflows", params(ListQuery, WorkflowFilters), responses(
    (status = 200, description = "A page of workflows", body = ListEnvelope<WorkflowView>),
))]
async fn list(
    State(api): State<Api>,
    caller: Caller<WorkflowsRead>,
    Query(page): Query<ListQuery>,
    Query(filters): Query<WorkflowFilters>,
) -> Result<Listed<WorkflowView>> {
    let filter = WorkflowFilter {
        user_id: Some(caller.id()),
        status: filters.status.map(|status| status.0),
        search: filters.search,
        tags: tags(filters.tags.as_deref()),
        is_public: filters.is_public,
        schedule_enabled: filters.schedule_enabled,
    };
    let page = api.platform().workflows().list(&filter, page.request(WorkflowSort::of_word)).await?;
    let now = api.now();
    Ok(Listed::of(page, |workflow| WorkflowView::of(workflow, now)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreateWorkflow {
    #[schema(min_length = 1, max_length = 255, pattern = r"\S", example = "Daily brief")]
    name: String,
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// Inputs, agents, outputs and limits, and the layout of an editor; the steps too, if no `steps`
    /// are given.
    #[serde(default)]
    definition: Map<String, Value>,
    /// With `inputs`: what its schedule gives it.
    #[serde(default)]
    trigger_config: Map<String, Value>,
    #[serde(default)]
    schedule_enabled: bool,
    /// Five fields of cron.
    #[schema(max_length = 100, example = "0 9 * * 1-5")]
    schedule_cron: Option<String>,
    #[schema(max_length = 50, default = "UTC", example = "Europe/Berlin")]
    schedule_timezone: Option<String>,
    #[serde(default)]
    #[schema(max_items = 20)]
    tags: Vec<Tag>,
    #[serde(default)]
    is_public: bool,
    #[serde(default)]
    #[schema(max_items = 100)]
    steps: Vec<CreateStep>,
}

/// Makes a workflow with its steps: a draft, version 1.
#[utoipa::path(post, path = "/workflows", tag = "workflows", request_body = CreateWorkflow, responses(
    (status = 201, description = "The workflow", body = Envelope<WorkflowView>),
))]
async fn create(
    State(api): State<Api>,
    caller: Caller<WorkflowsWrite>,
    Body(given): Body<CreateWorkflow>,
) -> Result<Reply<WorkflowView>> {
    let mut new = NewWorkflow::new(caller.id(), given.name.trim());
    new.description = given.description;
    new.definition = Value::Object(given.definition);
    new.trigger_config = Value::Object(given.trigger_config);
    new.schedule_enabled = given.schedule_enabled;
    new.schedule_cron = given.schedule_cron;
    new.schedule_timezone = given.schedule_timezone.unwrap_or(new.schedule_timezone);
    new.tags = given.tags.into_iter().map(|tag| tag.0).collect();
    new.is_public = given.is_public;
    check_schedule(new.schedule_enabled, new.schedule_cron.as_deref(), &new.schedule_timezone)?;
    let changed = change(Vec::new(), given.steps.into_iter().map(ChangeStep::from).collect())?;
    check_steps(&api, caller.id(), &changed).await?;
    let (workflow, steps) = api.platform().workflows().create(new, changed.steps()).await?;
    let note = Note::change("workflow", "created", workflow.id, workflow.user_id, caller.id());
    api.events().note(note).await;
    let etag = Etag(workflow.updated_at);
    Ok(Reply::created(whole(&api, workflow, steps).await?).tagged(etag))
}

/// Whether the times of a schedule can be followed.
fn check_schedule(enabled: bool, cron: Option<&str>, zone: &str) -> Result<()> {
    let mut wrong = Vec::new();
    match cron {
        Some(cron) => {
            if let Err(error) = Cron::new(cron, "UTC") {
                wrong.push(Detail::new("scheduleCron", "invalid_format", error.to_string()));
            }
        }
        None if enabled => {
            let message = "is required while the schedule is enabled";
            wrong.push(Detail::new("scheduleCron", "custom", message));
        }
        None => {}
    }
    if let Err(error) = Cron::new("0 0 * * *", zone) {
        wrong.push(Detail::new("scheduleTimezone", "invalid_format", error.to_string()));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::invalid(wrong)) }
}

/// Whether steps can be saved: the whole graph, and the agents that were named just now.
async fn check_steps(api: &Api, owner: Uuid, changed: &Changed) -> Result<()> {
    graph::check(&changed.steps)?;
    if changed.agents.is_empty() {
        return Ok(());
    }
    let ids = changed.agents.iter().map(|(_, id)| *id).collect();
    let agents = api.platform().agents().get_many(ids).await?;
    let may =
        |id: &Uuid| agents.iter().any(|agent| agent.id == *id && (agent.user_id == owner || agent.is_public));
    let strange = changed.agents.iter().filter(|(_, id)| !may(id));
    let wrong: Vec<Detail> = strange
        .map(|(field, id)| {
            let message = format!("there is no agent {id} that you may use");
            Detail::new(field, "invalid_value", message)
        })
        .collect();
    match wrong.first() {
        None => Ok(()),
        Some(first) => Err(Error::bad_request(first.message.clone()).with_details(wrong)),
    }
}

/// A workflow of the caller's, with its steps.
#[utoipa::path(get, path = "/workflows/{id}", tag = "workflows", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The workflow", body = Envelope<WorkflowView>),
))]
async fn read(
    State(api): State<Api>,
    caller: Caller<WorkflowsRead>,
    Id(id): Id,
) -> Result<Reply<WorkflowView>> {
    let workflow = own(&api, &caller, id).await?;
    let steps = api.platform().workflows().steps(id).await?;
    let etag = Etag(workflow.updated_at);
    Ok(Reply::ok(whole(&api, workflow, steps).await?).tagged(etag))
}

/// A workflow, if it is the caller's to see and change.
pub(crate) async fn own<P>(api: &Api, caller: &Caller<P>, id: Uuid) -> Result<Workflow> {
    let workflow = api.platform().workflows().get(id).await?;
    let workflow = workflow.filter(|workflow| caller.owns(workflow.user_id));
    workflow.ok_or_else(|| Error::not_found("workflow"))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(min_properties = 1)]
struct UpdateWorkflow {
    #[schema(min_length = 1, max_length = 255, pattern = r"\S")]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    description: Option<Option<String>>,
    status: Option<words::WorkflowStatus>,
    definition: Option<Map<String, Value>>,
    trigger_config: Option<Map<String, Value>>,
    schedule_enabled: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 100)]
    schedule_cron: Option<Option<String>>,
    #[schema(max_length = 50)]
    schedule_timezone: Option<String>,
    #[schema(max_items = 20)]
    tags: Option<Vec<Tag>>,
    is_public: Option<bool>,
    /// What changes of the steps: those with an `id` are changed, or deleted with `_delete`; those
    /// without are new. Steps that are not mentioned stay.
    #[schema(max_items = 200)]
    steps: Option<Vec<ChangeStep>>,
}

/// Changes a workflow and its steps.
#[utoipa::path(patch, path = "/workflows/{id}", tag = "workflows", params(("id" = Uuid, Path)),
    request_body = UpdateWorkflow, responses(
    (status = 200, description = "The workflow", body = Envelope<WorkflowView>),
))]
async fn update(
    State(api): State<Api>,
    caller: Caller<WorkflowsWrite>,
    Id(id): Id,
    version: IfMatch,
    Body(mut given): Body<UpdateWorkflow>,
) -> Result<Reply<WorkflowView>> {
    let before = own(&api, &caller, id).await?;
    if version.0.is_some_and(|version| version != before.updated_at) {
        return Err(Error::changed());
    }
    let steps = given.steps.take();
    let (mentioned, patch) = (steps.is_some(), patch(given));
    if patch == WorkflowPatch::default() && !mentioned {
        return Err(Error::bad_request("there is nothing to change"));
    }
    let after = after(&before, &patch);
    if patch.schedule_enabled.is_some() || patch.schedule_cron.is_some() || patch.schedule_timezone.is_some()
    {
        let cron = after.schedule_cron.as_deref();
        check_schedule(after.schedule_enabled, cron, &after.schedule_timezone)?;
    }
    let activates = after.status == WorkflowStatus::Active
        && (patch.status.is_some() || patch.definition.is_some() || mentioned);
    let mut new = None;
    // What was looked at is what is changed, whoever else changes it meanwhile.
    let mut expected = version.0;
    if mentioned || activates {
        let rows = api.platform().workflows().steps(id).await?;
        let changed = change(rows, steps.unwrap_or_default())?;
        check_steps(&api, before.user_id, &changed).await?;
        if activates {
            check_activation(&api, &after, &changed).await?;
        }
        expected = Some(before.updated_at);
        new = mentioned.then(|| changed.steps());
    }
    let changed = api.platform().workflows().update(id, patch, new, expected).await;
    let (workflow, steps) = changed.map_err(|error| version.explain(error.into()))?;
    let note = Note::change("workflow", "updated", id, before.user_id, caller.id());
    api.events().note(note).await;
    let etag = Etag(workflow.updated_at);
    Ok(Reply::ok(whole(&api, workflow, steps).await?).tagged(etag))
}

fn patch(given: UpdateWorkflow) -> WorkflowPatch {
    WorkflowPatch {
        name: given.name.map(|name| name.trim().to_owned()),
        description: given.description,
        status: given.status.map(|status| status.0),
        version: None,
        definition: given.definition.map(Value::Object),
        trigger_config: given.trigger_config.map(Value::Object),
        schedule_enabled: given.schedule_enabled,
        schedule_cron: given.schedule_cron,
        schedule_timezone: given.schedule_timezone,
        tags: given.tags.map(|tags| tags.into_iter().map(|tag| tag.0).collect()),
        is_public: given.is_public,
    }
}

/// The row as the patch will make it.
fn after(before: &Workflow, patch: &WorkflowPatch) -> Workflow {
    let mut after = before.clone();
    if let Some(status) = patch.status {
        after.status = status;
    }
    if let Some(name) = &patch.name {
        after.name.clone_from(name);
    }
    if let Some(definition) = &patch.definition {
        after.definition.clone_from(definition);
    }
    if let Some(enabled) = patch.schedule_enabled {
        after.schedule_enabled = enabled;
    }
    if let Some(cron) = &patch.schedule_cron {
        after.schedule_cron.clone_from(cron);
    }
    if let Some(zone) = &patch.schedule_timezone {
        after.schedule_timezone.clone_from(zone);
    }
    after
}

/// An active workflow can be executed. One without steps may wait for them: that it has none is told
/// to whoever executes it.
async fn check_activation(api: &Api, after: &Workflow, changed: &Changed) -> Result<()> {
    let steps = changed.steps();
    let places = places(changed);
    let source = Source { workflow: after, steps: &steps, places: &places };
    if source.is_empty() {
        return Ok(());
    }
    let compiled = source.compile(api).await?;
    match compiled.plan {
        Some(_) => Ok(()),
        None => Err(refusal("the workflow cannot be active: it cannot be executed", &compiled.findings)),
    }
}

fn places(changed: &Changed) -> Vec<(String, String)> {
    changed.steps.iter().map(|given| (given.step.step_key.clone(), given.at.clone())).collect()
}

/// Deletes a workflow. Its executions stay.
#[utoipa::path(delete, path = "/workflows/{id}", tag = "workflows", params(("id" = Uuid, Path)),
    responses((status = 204, description = "Deleted")))]
async fn delete(State(api): State<Api>, caller: Caller<WorkflowsWrite>, Id(id): Id) -> Result<StatusCode> {
    let workflow = own(&api, &caller, id).await?;
    api.platform().workflows().delete(id).await?;
    api.events().note(Note::change("workflow", "deleted", id, workflow.user_id, caller.id())).await;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, ToSchema)]
struct ValidateWorkflow {
    /// Instead of the definition it has.
    definition: Option<Map<String, Value>>,
    /// As in a change of the workflow.
    #[schema(max_items = 200)]
    steps: Option<Vec<ChangeStep>>,
}

/// What is wrong with a workflow.
#[derive(Debug, Serialize, ToSchema)]
struct Validation {
    /// Whether it can be executed.
    valid: bool,
    diagnostics: Vec<Finding>,
}

/// Tells everything that is wrong with a workflow, as it is or as a change would make it. Nothing is
/// saved.
#[utoipa::path(post, path = "/workflows/{id}/validate", tag = "workflows", params(("id" = Uuid, Path)),
    request_body = ValidateWorkflow, responses(
    (status = 200, description = "What is wrong", body = Envelope<Validation>),
))]
async fn validate(
    State(api): State<Api>,
    caller: Caller<WorkflowsRead>,
    Id(id): Id,
    Body(given): Body<ValidateWorkflow>,
) -> Result<Reply<Validation>> {
    let mut workflow = own(&api, &caller, id).await?;
    if let Some(definition) = given.definition {
        workflow.definition = Value::Object(definition);
    }
    let rows = api.platform().workflows().steps(id).await?;
    let mentioned = given.steps.is_some();
    let changed = change(rows, given.steps.unwrap_or_default())?;
    let steps = changed.steps();
    // Without a change, steps are known by where they stand in the workflow.
    let places = if mentioned { places(&changed) } else { super::compile::places(&steps) };
    let source = Source { workflow: &workflow, steps: &steps, places: &places };
    let compiled = source.compile(&api).await?;
    Ok(Reply::ok(Validation { valid: compiled.plan.is_some(), diagnostics: compiled.findings }))
}
