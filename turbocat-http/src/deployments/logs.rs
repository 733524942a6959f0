//! What was said by and about a deployment: lines of the executions of its workflow, and what was
//! done with it itself.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use turbocat_storage::platform::{
    AuditEntry, AuditFilter, AuditSort, Direction, ExecutionLog, LogFilter, LogLevel, PageRequest,
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::routes::own;
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::DeploymentsRead;
use crate::error::Result;
use crate::wire::{Id, ListEnvelope, Listed, Query, Time, Word, words};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(logs))
}

/// How many lines are given, if nothing is said.
const TAIL: u32 = 100;
/// How much of what was done with it is looked at.
const DONE: u32 = 100;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Those said then or later.
    #[param(value_type = Option<String>, format = "date-time", example = "2026-01-31T12:00:00.000Z")]
    since: Option<Time>,
    /// The last ones, so many.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    tail: Option<u32>,
    /// Those that are so grave.
    #[param(inline)]
    level: Option<words::LogLevel>,
}

/// A line.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeploymentLine {
    id: Uuid,
    timestamp: Time,
    level: words::LogLevel,
    message: String,
    #[schema(value_type = Object)]
    metadata: Value,
    /// In which execution, if it was said in one.
    execution_id: Option<Uuid>,
    step_key: Option<String>,
    /// The same as `timestamp`.
    created_at: Time,
}

impl From<ExecutionLog> for DeploymentLine {
    fn from(line: ExecutionLog) -> Self {
        Self {
            id: line.id,
            timestamp: line.created_at.into(),
            level: Word(line.level),
            message: line.message,
            metadata: line.metadata,
            execution_id: Some(*line.execution_id.as_uuid()),
            step_key: line.step_key,
            created_at: line.created_at.into(),
        }
    }
}

impl From<AuditEntry> for DeploymentLine {
    fn from(entry: AuditEntry) -> Self {
        let failed = entry.action == "deployment_failed";
        Self {
            id: entry.id,
            timestamp: entry.created_at.into(),
            level: Word(if failed { LogLevel::Error } else { LogLevel::Info }),
            message: entry.action.replace('_', " "),
            metadata: json!({ "userId": entry.user_id }),
            execution_id: None,
            step_key: None,
            created_at: entry.created_at.into(),
        }
    }
}

/// What was said by and about a deployment, the newest first.
#[utoipa::path(get, path = "/deployments/{id}/logs", tag = "deployments", params(("id" = Uuid, Path), Which),
    responses((status = 200, description = "The lines", body = ListEnvelope<DeploymentLine>)))]
async fn logs(
    State(api): State<Api>,
    caller: Caller<DeploymentsRead>,
    Id(id): Id,
    Query(which): Query<Which>,
) -> Result<Listed<DeploymentLine>> {
    let deployment = own(&api, &caller, id).await?;
    let tail = which.tail.unwrap_or(TAIL);
    let (since, level) = (which.since.map(|time| time.0), which.level.map(|word| word.0));
    let mut lines: Vec<DeploymentLine> = Vec::new();
    if let Some(workflow) = deployment.workflow_id {
        let filter = LogFilter { level, from: since, ..LogFilter::default() };
        let said = api.platform().execution_logs().tail(workflow, &filter, tail).await?;
        lines.extend(said.into_iter().map(DeploymentLine::from));
    }
    let filter = AuditFilter {
        resource_type: Some("deployment".to_owned()),
        resource_id: Some(id),
        from: since,
        ..AuditFilter::default()
    };
    let page = PageRequest {
        page: 1,
        page_size: DONE,
        sort: AuditSort::CreatedAt,
        direction: Direction::Descending,
    };
    let done = api.platform().audit().list(&filter, page).await?.items;
    let done = done.into_iter().map(DeploymentLine::from);
    lines.extend(done.filter(|line| level.is_none_or(|level| level == line.level.0)));
    // Ids count up within a moment.
    lines.sort_by_key(|line| std::cmp::Reverse((line.timestamp, line.id)));
    lines.truncate(usize::try_from(tail).unwrap_or(usize::MAX));
    Ok(Listed::whole(lines))
}
