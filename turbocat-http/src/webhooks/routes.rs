//! Webhooks: made, seen, changed, deleted.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use turbocat_plugins::net::Url;
use turbocat_storage::platform::{NewWebhook, Webhook, WebhookFilter, WebhookPatch, WebhookSort};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::view::WebhookView;
use super::{events, secret};
use crate::agents::present;
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::WebhooksManage;
use crate::error::{Detail, Error, Result};
use crate::events::Note;
use crate::wire::{Body, Envelope, Etag, Id, IfMatch, ListEnvelope, ListQuery, Listed, Query, Reply};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update, delete))
        .routes(routes!(rotate_secret))
}

/// A webhook, if it is the caller's.
pub(super) async fn own(api: &Api, caller: &Caller<WebhooksManage>, id: Uuid) -> Result<Webhook> {
    let webhook = api.platform().webhooks().get(id).await?.filter(|webhook| caller.owns(webhook.user_id));
    webhook.ok_or_else(|| Error::not_found("webhook"))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct Filters {
    /// Those that are told, or not.
    is_active: Option<bool>,
}

/// The caller's webhooks.
#[utoipa::path(get, path = "/webhooks", tag = "webhooks", params(ListQuery, Filters), responses(
    (status = 200, description = "A page of webhooks", body = ListEnvelope<WebhookView>),
))]
async fn list(
    State(api): State<Api>,
    caller: Caller<WebhooksManage>,
    Query(page): Query<ListQuery>,
    Query(filters): Query<Filters>,
) -> Result<Listed<WebhookView>> {
    let filter = WebhookFilter { user_id: Some(caller.id()), is_active: filters.is_active };
    let page = api.platform().webhooks().list(&filter, page.request(WebhookSort::of_word)).await?;
    Ok(Listed::of(page, WebhookView::from))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreateWebhook {
    /// Where it is told, by `http` or `https`.
    #[schema(min_length = 1, max_length = 2048, example = "https://example.com/hooks")]
    url: String,
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// What is told: names of events, `execution.*`, `*`.
    #[schema(min_items = 1, max_items = 50, example = json!(["execution.completed", "execution.failed"]))]
    events: Vec<String>,
    /// What is signed with: `whsec_` and 24 to 64 bytes in base64. By default one is made up.
    #[schema(max_length = 200, example = json!(null))]
    secret: Option<String>,
    is_active: Option<bool>,
}

/// Everything that is wrong beyond types.
fn judge(url: Option<&str>, names: Option<&[String]>, secret: Option<&str>) -> Result<()> {
    let mut wrong = Vec::new();
    if let Some(url) = url
        && let Err(message) = judge_url(url)
    {
        wrong.push(Detail::new("url", "invalid_format", message));
    }
    wrong.extend(names.map(events::wrong).into_iter().flatten());
    if secret.is_some_and(|secret| !secret::is_good(secret)) {
        let message = "must be whsec_ and 24 to 64 bytes in base64";
        wrong.push(Detail::new("secret", "invalid_format", message));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::invalid(wrong)) }
}

fn judge_url(text: &str) -> std::result::Result<(), &'static str> {
    let url: Url = text.trim().parse().map_err(|_| "must be a URL")?;
    match () {
        () if !matches!(url.scheme(), "http" | "https") => Err("must be a URL with http or https"),
        () if !url.username().is_empty() || url.password().is_some() => {
            Err("must not have a name and a password in it")
        }
        () => Ok(()),
    }
}

/// Has events told to a URL.
///
/// Each is a POST with the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`, as
/// <https://www.standardwebhooks.com> describes. One that is not taken is tried eight times within
/// two days; after five that were given up in a row nothing is told any more. The secret is shown
/// now and not again.
#[utoipa::path(post, path = "/webhooks", tag = "webhooks", request_body = CreateWebhook, responses(
    (status = 201, description = "The webhook and its secret", body = Envelope<WebhookView>),
))]
async fn create(
    State(api): State<Api>,
    caller: Caller<WebhooksManage>,
    Body(given): Body<CreateWebhook>,
) -> Result<Reply<WebhookView>> {
    judge(Some(&given.url), Some(&given.events), given.secret.as_deref())?;
    let id = Uuid::now_v7();
    let secret = given.secret.unwrap_or_else(secret::made_up);
    let new = NewWebhook {
        user_id: caller.id(),
        url: given.url.trim().to_owned(),
        description: given.description,
        events: given.events,
        secret: secret::sealed(&api, id, &secret)?,
        is_active: given.is_active.unwrap_or(true),
    };
    let webhook = api.platform().webhooks().create_as(id, new).await?;
    api.events().note(Note::change("webhook", "created", id, caller.id(), caller.id())).await;
    let etag = Etag(webhook.updated_at);
    Ok(Reply::created(WebhookView::from(webhook).with_secret(secret)).tagged(etag))
}

/// A webhook of the caller's, without its secret.
#[utoipa::path(get, path = "/webhooks/{id}", tag = "webhooks", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The webhook", body = Envelope<WebhookView>),
))]
async fn read(
    State(api): State<Api>,
    caller: Caller<WebhooksManage>,
    Id(id): Id,
) -> Result<Reply<WebhookView>> {
    let webhook = own(&api, &caller, id).await?;
    let etag = Etag(webhook.updated_at);
    Ok(Reply::ok(webhook.into()).tagged(etag))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(min_properties = 1)]
struct UpdateWebhook {
    #[schema(min_length = 1, max_length = 2048, example = "https://example.com/hooks")]
    url: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    description: Option<Option<String>>,
    #[schema(min_items = 1, max_items = 50, example = json!(["execution.*"]))]
    events: Option<Vec<String>>,
    /// `true` has one told again that was given up.
    is_active: Option<bool>,
}

/// Changes a webhook.
#[utoipa::path(patch, path = "/webhooks/{id}", tag = "webhooks", params(("id" = Uuid, Path)),
    request_body = UpdateWebhook, responses(
    (status = 200, description = "The webhook", body = Envelope<WebhookView>),
))]
async fn update(
    State(api): State<Api>,
    caller: Caller<WebhooksManage>,
    Id(id): Id,
    version: IfMatch,
    Body(given): Body<UpdateWebhook>,
) -> Result<Reply<WebhookView>> {
    let before = own(&api, &caller, id).await?;
    judge(given.url.as_deref(), given.events.as_deref(), None)?;
    let again = given.is_active == Some(true) && !before.is_active;
    let patch = WebhookPatch {
        url: given.url.map(|url| url.trim().to_owned()),
        description: given.description,
        events: given.events,
        is_active: given.is_active,
        failures: again.then_some(0),
        disabled_reason: again.then_some(None),
        secret: None,
    };
    if patch == WebhookPatch::default() {
        return Err(Error::bad_request("there is nothing to change"));
    }
    let changed = api.platform().webhooks().update(id, patch, version.0).await;
    let webhook = changed.map_err(|error| version.explain(error.into()))?;
    api.events().note(Note::change("webhook", "updated", id, webhook.user_id, caller.id())).await;
    let etag = Etag(webhook.updated_at);
    Ok(Reply::ok(webhook.into()).tagged(etag))
}

/// Deletes a webhook. What was not delivered yet is not any more.
#[utoipa::path(delete, path = "/webhooks/{id}", tag = "webhooks", params(("id" = Uuid, Path)),
    responses((status = 204, description = "Deleted")))]
async fn delete(State(api): State<Api>, caller: Caller<WebhooksManage>, Id(id): Id) -> Result<StatusCode> {
    let webhook = own(&api, &caller, id).await?;
    api.platform().webhooks().delete(id).await?;
    api.events().note(Note::change("webhook", "deleted", id, webhook.user_id, caller.id())).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a new secret; what is sent from now on is signed with it. It is shown now and not again.
#[utoipa::path(post, path = "/webhooks/{id}/rotate-secret", tag = "webhooks", params(("id" = Uuid, Path)),
    responses((status = 200, description = "The webhook and its secret", body = Envelope<WebhookView>)))]
async fn rotate_secret(
    State(api): State<Api>,
    caller: Caller<WebhooksManage>,
    Id(id): Id,
) -> Result<Reply<WebhookView>> {
    own(&api, &caller, id).await?;
    let secret = secret::made_up();
    let patch = WebhookPatch { secret: Some(secret::sealed(&api, id, &secret)?), ..WebhookPatch::default() };
    let webhook = api.platform().webhooks().update(id, patch, None).await?;
    let note = Note::action("webhook_secret_rotated", "webhook", Some(id), Some(caller.id()));
    api.events().note(note).await;
    let etag = Etag(webhook.updated_at);
    Ok(Reply::ok(WebhookView::from(webhook).with_secret(secret)).tagged(etag))
}
