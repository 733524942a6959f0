//! `/workflows/{id}/triggers` and `/triggers/{id}`: made, seen, changed, deleted.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use turbocat_storage::Cron;
use turbocat_storage::platform::{
    Hidden, NewTrigger, Trigger, TriggerFilter, TriggerKind, TriggerPatch, TriggerSort,
};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::hook::place;
use super::view::{TriggerView, follows, kind};
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::WebhooksManage;
use crate::error::{Detail, Error, Result};
use crate::events::Note;
use crate::secure::random_url_safe;
use crate::wire::{Body, Envelope, Etag, Id, IfMatch, ListEnvelope, ListQuery, Listed, Query, Reply, words};
use crate::workflows::own;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(read, update, delete))
}

/// The triggers of a workflow; the one that follows its schedule is one of them.
#[utoipa::path(get, path = "/workflows/{id}/triggers", tag = "triggers",
    params(("id" = Uuid, Path), ListQuery), responses(
    (status = 200, description = "A page of triggers", body = ListEnvelope<TriggerView>),
))]
async fn list(
    State(api): State<Api>,
    caller: Caller<WebhooksManage>,
    Id(id): Id,
    Query(page): Query<ListQuery>,
) -> Result<Listed<TriggerView>> {
    own(&api, &caller, id).await?;
    let filter = TriggerFilter { workflow_id: Some(id), ..TriggerFilter::default() };
    let page = api.platform().triggers().list(&filter, page.request(TriggerSort::of_word)).await?;
    Ok(Listed::of(page, |trigger| TriggerView::of(&api, trigger)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreateTrigger {
    /// `schedule` or `webhook`.
    #[schema(pattern = "^(?i:schedule|cron|webhook|event)$", example = "webhook")]
    kind: String,
    #[schema(min_length = 1, max_length = 255, pattern = r"\S")]
    name: String,
    #[schema(default = true)]
    enabled: Option<bool>,
    /// Of a schedule: five fields of cron.
    #[schema(max_length = 100, example = "0 9 * * 1-5")]
    cron: Option<String>,
    #[schema(max_length = 50, default = "UTC")]
    timezone: Option<String>,
    /// What is done about times that passed while nobody was there.
    missed: Option<words::MissedPolicy>,
    /// Those with a smaller one go first.
    #[schema(minimum = -100, maximum = 100)]
    priority: Option<i32>,
    /// What it gives; what comes with a request is laid over it.
    #[serde(default)]
    inputs: Map<String, Value>,
}

/// Makes a trigger. The secret of a webhook is made up, and shown this once.
#[utoipa::path(post, path = "/workflows/{id}/triggers", tag = "triggers", params(("id" = Uuid, Path)),
    request_body = CreateTrigger, responses(
    (status = 201, description = "The trigger", body = Envelope<TriggerView>),
))]
async fn create(
    State(api): State<Api>,
    caller: Caller<WebhooksManage>,
    Id(workflow): Id,
    Body(given): Body<CreateTrigger>,
) -> Result<Reply<TriggerView>> {
    let workflow = own(&api, &caller, workflow).await?;
    let kind = kind(&given.kind).filter(|kind| *kind != TriggerKind::Event);
    let kind = kind.ok_or_else(|| {
        Error::field("kind", "invalid_value", "must be schedule or webhook; events start nothing yet")
    })?;
    let mut new = NewTrigger::new(kind, given.name.trim());
    new.workflow_id = Some(workflow.id);
    new.enabled = given.enabled.unwrap_or(true);
    new.timezone = given.timezone.unwrap_or(new.timezone);
    new.inputs = Value::Object(given.inputs);
    new.missed = given.missed.map(|word| word.0).unwrap_or_default();
    let (id, mut secret) = (Uuid::now_v7(), None);
    if kind == TriggerKind::Webhook {
        new.priority = given.priority.unwrap_or(5);
        let made = made_up();
        new.secret_hash = Some(sealed(&api, id, &made)?);
        secret = Some(made);
    } else {
        new.priority = given.priority.unwrap_or(10);
        new.cron = given.cron;
        check_times(new.cron.as_deref(), &new.timezone)?;
    }
    let trigger = api.platform().triggers().create_as(id, new).await?;
    let note = Note::change("trigger", "created", id, workflow.user_id, caller.id());
    api.events().note(note).await;
    let etag = Etag(trigger.updated_at);
    Ok(Reply::created(TriggerView::of(&api, trigger).with_secret(secret)).tagged(etag))
}

fn made_up() -> String {
    format!("whsec_{}", random_url_safe::<32>())
}

fn sealed(api: &Api, id: Uuid, secret: &str) -> Result<Hidden> {
    api.keyring().seal(&place(id), secret).map(Hidden::new).map_err(Error::internal)
}

fn check_times(cron: Option<&str>, zone: &str) -> Result<()> {
    let Some(cron) = cron else {
        return Err(Error::field("cron", "invalid_type", "is required of a schedule"));
    };
    let mut wrong = Vec::new();
    if let Err(error) = Cron::new(cron, "UTC") {
        wrong.push(Detail::new("cron", "invalid_format", error.to_string()));
    }
    if let Err(error) = Cron::new("0 0 * * *", zone) {
        wrong.push(Detail::new("timezone", "invalid_format", error.to_string()));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::invalid(wrong)) }
}

/// A trigger of a workflow of the caller's.
async fn find(api: &Api, caller: &Caller<WebhooksManage>, id: Uuid) -> Result<(Trigger, Uuid)> {
    let none = || Error::not_found("trigger");
    let trigger = api.platform().triggers().get(id).await?.ok_or_else(none)?;
    let workflow = trigger.workflow_id.ok_or_else(none)?;
    let workflow = own(api, caller, workflow)
        .await
        .map_err(|error| if error.is_server_side() { error } else { none() })?;
    Ok((trigger, workflow.user_id))
}

/// A trigger that is not the schedule of its workflow.
async fn free(api: &Api, caller: &Caller<WebhooksManage>, id: Uuid) -> Result<(Trigger, Uuid)> {
    let (trigger, owner) = find(api, caller, id).await?;
    if follows(&trigger) {
        return Err(Error::bad_request("the trigger follows the schedule of its workflow; change that"));
    }
    Ok((trigger, owner))
}

/// A trigger.
#[utoipa::path(get, path = "/triggers/{id}", tag = "triggers", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The trigger", body = Envelope<TriggerView>),
))]
async fn read(
    State(api): State<Api>,
    caller: Caller<WebhooksManage>,
    Id(id): Id,
) -> Result<Reply<TriggerView>> {
    let (trigger, _) = find(&api, &caller, id).await?;
    let etag = Etag(trigger.updated_at);
    Ok(Reply::ok(TriggerView::of(&api, trigger)).tagged(etag))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(min_properties = 1)]
struct UpdateTrigger {
    #[schema(min_length = 1, max_length = 255, pattern = r"\S")]
    name: Option<String>,
    enabled: Option<bool>,
    #[schema(max_length = 100)]
    cron: Option<String>,
    #[schema(max_length = 50)]
    timezone: Option<String>,
    missed: Option<words::MissedPolicy>,
    #[schema(minimum = -100, maximum = 100)]
    priority: Option<i32>,
    inputs: Option<Map<String, Value>>,
    /// Makes up another secret for a webhook; the one before is good no more.
    #[serde(default)]
    rotate_secret: bool,
}

/// Changes a trigger.
#[utoipa::path(patch, path = "/triggers/{id}", tag = "triggers", params(("id" = Uuid, Path)),
    request_body = UpdateTrigger, responses(
    (status = 200, description = "The trigger", body = Envelope<TriggerView>),
))]
async fn update(
    State(api): State<Api>,
    caller: Caller<WebhooksManage>,
    Id(id): Id,
    version: IfMatch,
    Body(given): Body<UpdateTrigger>,
) -> Result<Reply<TriggerView>> {
    let (before, owner) = free(&api, &caller, id).await?;
    let mut secret = None;
    let mut patch = TriggerPatch {
        name: given.name.map(|name| name.trim().to_owned()),
        enabled: given.enabled,
        missed: given.missed.map(|word| word.0),
        priority: given.priority,
        inputs: given.inputs.map(Value::Object),
        ..TriggerPatch::default()
    };
    if before.kind == TriggerKind::Cron {
        let cron = given.cron.clone().or_else(|| before.cron.clone());
        let zone = given.timezone.clone().unwrap_or_else(|| before.timezone.clone());
        check_times(cron.as_deref(), &zone)?;
        if given.cron.is_some() || given.timezone.is_some() || given.enabled == Some(true) && !before.enabled
        {
            // Other times have another next one; what passed while it was off is past.
            patch.next_at = Some(None);
        }
        (patch.cron, patch.timezone) = (given.cron.map(Some), given.timezone);
    } else if given.rotate_secret {
        let made = made_up();
        patch.secret_hash = Some(Some(sealed(&api, id, &made)?));
        secret = Some(made);
    }
    if patch == TriggerPatch::default() {
        return Err(Error::bad_request("there is nothing to change"));
    }
    let changed = api.platform().triggers().update(id, patch, version.0).await;
    let trigger = changed.map_err(|error| version.explain(error.into()))?;
    api.events().note(Note::change("trigger", "updated", id, owner, caller.id())).await;
    let etag = Etag(trigger.updated_at);
    Ok(Reply::ok(TriggerView::of(&api, trigger).with_secret(secret)).tagged(etag))
}

/// Deletes a trigger.
#[utoipa::path(delete, path = "/triggers/{id}", tag = "triggers", params(("id" = Uuid, Path)),
    responses((status = 204, description = "Deleted")))]
async fn delete(State(api): State<Api>, caller: Caller<WebhooksManage>, Id(id): Id) -> Result<StatusCode> {
    let (_, owner) = free(&api, &caller, id).await?;
    api.platform().triggers().delete(id).await?;
    api.events().note(Note::change("trigger", "deleted", id, owner, caller.id())).await;
    Ok(StatusCode::NO_CONTENT)
}
