//! Triggers as they are shown.

use serde::Serialize;
use serde_json::Value;
use turbocat_storage::platform::{Trigger, TriggerKind, Workflow};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::Api;
use crate::wire::{Time, Word, words};

/// A trigger.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Trigger)]
pub(crate) struct TriggerView {
    id: Uuid,
    workflow_id: Option<Uuid>,
    /// `schedule` or `webhook`.
    #[schema(value_type = String, example = "webhook")]
    kind: &'static str,
    name: String,
    enabled: bool,
    /// Whether it follows the schedule of the workflow, and is changed there.
    follows_schedule: bool,
    cron: Option<String>,
    timezone: String,
    missed: words::MissedPolicy,
    priority: i32,
    /// What it gives.
    #[schema(value_type = Object)]
    inputs: Value,
    /// Where a webhook is called.
    url: Option<String>,
    /// The secret of a webhook: shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    next_at: Option<Time>,
    last_at: Option<Time>,
    last_execution_id: Option<Uuid>,
    created_at: Time,
    updated_at: Time,
}

impl TriggerView {
    pub(super) fn of(api: &Api, trigger: Trigger) -> Self {
        let settings = api.settings();
        let url = (trigger.kind == TriggerKind::Webhook)
            .then(|| format!("{}/api/{}/hooks/{}", settings.backend_url, settings.api_version, trigger.id));
        Self {
            follows_schedule: follows(&trigger),
            id: trigger.id,
            workflow_id: trigger.workflow_id,
            kind: word(trigger.kind),
            name: trigger.name,
            enabled: trigger.enabled,
            cron: trigger.cron,
            timezone: trigger.timezone,
            missed: Word(trigger.missed),
            priority: trigger.priority,
            inputs: trigger.inputs,
            url,
            secret: None,
            next_at: trigger.next_at.map(Time::from),
            last_at: trigger.last_at.map(Time::from),
            last_execution_id: trigger.last_execution_id.map(|id| *id.as_uuid()),
            created_at: trigger.created_at.into(),
            updated_at: trigger.updated_at.into(),
        }
    }

    /// With the secret.
    pub(super) fn with_secret(self, secret: Option<String>) -> Self {
        Self { secret, ..self }
    }
}

/// Whether a trigger is the schedule of its workflow.
pub(super) fn follows(trigger: &Trigger) -> bool {
    trigger.workflow_id.is_some_and(|workflow| Workflow::schedule_trigger(workflow) == trigger.id)
}

const fn word(kind: TriggerKind) -> &'static str {
    match kind {
        TriggerKind::Cron => "schedule",
        TriggerKind::Webhook => "webhook",
        TriggerKind::Event => "event",
    }
}

/// The kind of a word; a schedule is also called after its notation.
pub(super) fn kind(word: &str) -> Option<TriggerKind> {
    match word.to_ascii_lowercase().as_str() {
        "schedule" | "cron" => Some(TriggerKind::Cron),
        "webhook" => Some(TriggerKind::Webhook),
        "event" => Some(TriggerKind::Event),
        _ => None,
    }
}
