//! Webhooks and deliveries as they are shown.

use serde::Serialize;
use serde_json::Value;
use turbocat_storage::platform::{Delivery, Webhook};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::wire::{Time, Word, words};

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook)]
pub(super) struct WebhookView {
    id: Uuid,
    user_id: Uuid,
    url: String,
    description: Option<String>,
    /// What is told: names of events, `execution.*`, `*`.
    events: Vec<String>,
    is_active: bool,
    /// How many deliveries in a row were given up.
    failures: i32,
    /// Why it is not told any more.
    disabled_reason: Option<String>,
    created_at: Time,
    updated_at: Time,
    /// What is signed with; only when it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl From<Webhook> for WebhookView {
    fn from(webhook: Webhook) -> Self {
        Self {
            id: webhook.id,
            user_id: webhook.user_id,
            url: webhook.url,
            description: webhook.description,
            events: webhook.events,
            is_active: webhook.is_active,
            failures: webhook.failures,
            disabled_reason: webhook.disabled_reason,
            created_at: webhook.created_at.into(),
            updated_at: webhook.updated_at.into(),
            secret: None,
        }
    }
}

impl WebhookView {
    /// With its secret, this once.
    pub(super) fn with_secret(mut self, secret: String) -> Self {
        self.secret = Some(secret);
        self
    }
}

/// Something that a webhook is told.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookDelivery)]
pub(super) struct DeliveryView {
    id: Uuid,
    webhook_id: Uuid,
    /// The `webhook-id` under which it is sent, the same each time.
    event_id: Uuid,
    event: String,
    status: words::DeliveryStatus,
    attempts: i32,
    next_at: Option<Time>,
    last_status: Option<i32>,
    last_error: Option<String>,
    last_duration_ms: Option<u64>,
    delivered_at: Option<Time>,
    #[schema(value_type = Object)]
    payload: Value,
    created_at: Time,
    updated_at: Time,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id,
            webhook_id: delivery.webhook_id,
            event_id: delivery.event_id,
            event: delivery.event_name,
            status: Word(delivery.status),
            attempts: delivery.attempts,
            next_at: delivery.next_at.map(Into::into),
            last_status: delivery.last_status,
            last_error: delivery.last_error,
            last_duration_ms: delivery.last_duration_ms,
            delivered_at: delivery.delivered_at.map(Into::into),
            payload: delivery.payload,
            created_at: delivery.created_at.into(),
            updated_at: delivery.updated_at.into(),
        }
    }
}
