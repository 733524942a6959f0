//! `/audit-logs`: who did what, for administrators.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use turbocat_storage::platform::{AuditEntry, AuditFilter, AuditSort};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::AuditRead;
use crate::error::{Error, Result};
use crate::wire::{ListEnvelope, ListQuery, Listed, Query, Time};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Something that was done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditEntry)]
pub(crate) struct AuditView {
    id: Uuid,
    user_id: Option<Uuid>,
    #[schema(example = "agent_created")]
    action: String,
    resource_type: String,
    resource_id: Option<Uuid>,
    #[schema(value_type = Object)]
    changes: Value,
    /// In which request.
    #[schema(value_type = Object)]
    metadata: Value,
    ip_address: Option<String>,
    user_agent: Option<String>,
    created_at: Time,
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        Self {
            id: entry.id,
            user_id: entry.user_id,
            action: entry.action,
            resource_type: entry.resource_type,
            resource_id: entry.resource_id,
            changes: entry.changes,
            metadata: entry.metadata,
            ip_address: entry.ip_address,
            user_agent: entry.user_agent,
            created_at: entry.created_at.into(),
        }
    }
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct AuditFilters {
    /// What this user did.
    user_id: Option<Uuid>,
    /// Where this was done.
    #[param(max_length = 100, example = "login_failed")]
    action: Option<String>,
    /// To this kind of thing.
    #[param(max_length = 50, example = "user")]
    resource_type: Option<String>,
    /// To this one.
    resource_id: Option<Uuid>,
    /// Then or later.
    #[param(inline)]
    from: Option<Time>,
    /// Before.
    #[param(inline)]
    to: Option<Time>,
}

/// What was done, the last first.
#[utoipa::path(get, path = "/audit-logs", tag = "audit", params(ListQuery, AuditFilters), responses(
    (status = 200, description = "A page of entries", body = ListEnvelope<AuditView>),
))]
async fn list(
    State(api): State<Api>,
    _: Caller<AuditRead>,
    Query(page): Query<ListQuery>,
    Query(filters): Query<AuditFilters>,
) -> Result<Listed<AuditView>> {
    let (from, to) = (filters.from.map(|time| time.0), filters.to.map(|time| time.0));
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(Error::field("to", "custom", "must not be before `from`"));
    }
    let filter = AuditFilter {
        user_id: filters.user_id,
        action: filters.action.map(|action| action.to_lowercase()),
        resource_type: filters.resource_type.map(|kind| kind.to_lowercase()),
        resource_id: filters.resource_id,
        from,
        to,
    };
    let page = api.platform().audit().list(&filter, page.request(AuditSort::of_word)).await?;
    Ok(Listed::of(page, AuditView::from))
}
