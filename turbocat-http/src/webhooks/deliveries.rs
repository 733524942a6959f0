//! What a webhook was told, telling it again, and trying it.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use turbocat_storage::platform::{DeliveryFilter, DeliverySort};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::routes::own;
use super::view::DeliveryView;
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::WebhooksManage;
use crate::error::{Error, Result};
use crate::wire::path::TwoIds;
use crate::wire::{Envelope, Id, ListEnvelope, ListQuery, Listed, Query, Reply, words};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(deliveries)).routes(routes!(resend)).routes(routes!(test))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filters {
    /// Those that stand so.
    #[param(inline)]
    status: Option<words::DeliveryStatus>,
    /// Those of such events.
    #[param(max_length = 100)]
    event: Option<String>,
}

/// What a webhook was told, the newest first.
#[utoipa::path(get, path = "/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = Uuid, Path), ListQuery, Filters), responses(
    (status = 200, description = "A page of deliveries", body = ListEnvelope<DeliveryView>),
))]
async fn deliveries(
    State(api): State<Api>,
    caller: Caller<WebhooksManage>,
    Id(id): Id,
    Query(page): Query<ListQuery>,
    Query(filters): Query<Filters>,
) -> Result<Listed<DeliveryView>> {
    own(&api, &caller, id).await?;
    let filter = DeliveryFilter {
        webhook_id: Some(id),
        status: filters.status.map(|word| word.0),
        event_name: filters.event,
    };
    let page = api.platform().deliveries().list(&filter, page.request(DeliverySort::of_word)).await?;
    Ok(Listed::of(page, DeliveryView::from))
}

/// Tells something once more, under the same `webhook-id`.
#[utoipa::path(post, path = "/webhooks/{id}/deliveries/{deliveryId}/resend", tag = "webhooks",
    params(("id" = Uuid, Path), ("deliveryId" = Uuid, Path)), responses(
    (status = 201, description = "The new delivery", body = Envelope<DeliveryView>),
))]
async fn resend(
    State(api): State<Api>,
    caller: Caller<WebhooksManage>,
    TwoIds(id, delivery): TwoIds,
) -> Result<Reply<DeliveryView>> {
    let webhook = own(&api, &caller, id).await?;
    active(webhook.is_active)?;
    let old = api.platform().deliveries().get(delivery).await?.filter(|old| old.webhook_id == id);
    let old = old.ok_or_else(|| Error::not_found("delivery"))?;
    let new = api.platform().deliveries().create(id, old.event_id, &old.event_name, &old.payload).await?;
    api.due().notify_one();
    Ok(Reply::created(new.into()))
}

/// Tells a webhook something, to see whether it takes it: an event `webhook.test`.
#[utoipa::path(post, path = "/webhooks/{id}/test", tag = "webhooks", params(("id" = Uuid, Path)), responses(
    (status = 201, description = "The delivery", body = Envelope<DeliveryView>),
))]
async fn test(
    State(api): State<Api>,
    caller: Caller<WebhooksManage>,
    Id(id): Id,
) -> Result<Reply<DeliveryView>> {
    let webhook = own(&api, &caller, id).await?;
    active(webhook.is_active)?;
    let (event, now) = (Uuid::now_v7(), api.now().to_string());
    let payload = json!({
        "id": event, "type": "webhook.test", "timestamp": now, "at": now, "userId": webhook.user_id,
        "resourceType": "webhook", "resourceId": id, "data": { "message": "this is a test" },
    });
    let new = api.platform().deliveries().create(id, event, "webhook.test", &payload).await?;
    api.due().notify_one();
    Ok(Reply::created(new.into()))
}

fn active(is_active: bool) -> Result<()> {
    if is_active { Ok(()) } else { Err(Error::bad_request("the webhook is not active")) }
}
