//! `/executions`: seen, and what was said in them.

use axum::extract::State;
use serde::Deserialize;
use turbocat_storage::platform::{Direction, ExecutionFilter, ExecutionSort, LogFilter, LogSort};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::find::{Stranger, find};
use super::view::{ExecutionView, LogView, SummaryView};
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::{ExecutionsRead, WorkflowsRead};
use crate::error::{Error, Result};
use crate::wire::{Envelope, Id, ListEnvelope, ListQuery, Listed, Query, Reply, words};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read)).routes(routes!(logs)).routes(routes!(of))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct ExecutionFilters {
    /// Those that stand so.
    #[param(inline)]
    status: Option<words::ExecutionState>,
    /// Those that were started so.
    #[param(inline)]
    trigger_type: Option<words::TriggerType>,
    /// Those of this workflow.
    workflow_id: Option<Uuid>,
}

/// The executions that the caller started, or that were started for them.
#[utoipa::path(get, path = "/executions", tag = "executions", params(ListQuery, ExecutionFilters), responses(
    (status = 200, description = "A page of executions", body = ListEnvelope<SummaryView>),
))]
async fn list(
    State(api): State<Api>,
    caller: Caller<ExecutionsRead>,
    Query(page): Query<ListQuery>,
    Query(filters): Query<ExecutionFilters>,
) -> Result<Listed<SummaryView>> {
    let filter =
        ExecutionFilter { user_id: Some(caller.id()), workflow_id: filters.workflow_id, ..filters.into() };
    let page = api.platform().executions().list(&filter, page.request(ExecutionSort::of_word)).await?;
    Ok(Listed::of(page, |row| SummaryView::from(&row)))
}

impl From<ExecutionFilters> for ExecutionFilter {
    fn from(filters: ExecutionFilters) -> Self {
        Self {
            status: filters.status.map(|word| word.0),
            trigger_type: filters.trigger_type.map(|word| word.0),
            ..Self::default()
        }
    }
}

/// The executions of a workflow of the caller's; also of one that was deleted.
#[utoipa::path(get, path = "/workflows/{id}/executions", tag = "workflows",
    params(("id" = Uuid, Path), ListQuery, ExecutionFilters), responses(
    (status = 200, description = "A page of executions", body = ListEnvelope<SummaryView>),
))]
async fn of(
    State(api): State<Api>,
    caller: Caller<WorkflowsRead>,
    Id(id): Id,
    Query(page): Query<ListQuery>,
    Query(filters): Query<ExecutionFilters>,
) -> Result<Listed<SummaryView>> {
    let workflow = api.platform().workflows().get_even_deleted(id).await?;
    if workflow.is_none_or(|workflow| !caller.owns(workflow.user_id)) {
        return Err(Error::not_found("workflow"));
    }
    let filter = ExecutionFilter { workflow_id: Some(id), ..filters.into() };
    let page = api.platform().executions().list(&filter, page.request(ExecutionSort::of_word)).await?;
    Ok(Listed::of(page, |row| SummaryView::from(&row)))
}

/// An execution, as it stands.
#[utoipa::path(get, path = "/executions/{id}", tag = "executions", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The execution", body = Envelope<ExecutionView>),
))]
async fn read(
    State(api): State<Api>,
    caller: Caller<ExecutionsRead>,
    Id(id): Id,
) -> Result<Reply<ExecutionView>> {
    let found = find(&api, &caller, id, Stranger::Hidden).await?;
    let inputs = api.store().inputs(found.id).await?.unwrap_or_default();
    let output = api.store().output(found.id).await?.unwrap_or_default();
    Ok(Reply::ok(ExecutionView::new(&found.row, found.workflow, inputs, output)))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct LogFilters {
    /// Those that are so grave.
    #[param(inline)]
    level: Option<words::LogLevel>,
    /// Those about this step.
    #[param(max_length = 100)]
    step_key: Option<String>,
}

/// What was said in an execution, the oldest first.
#[utoipa::path(get, path = "/executions/{id}/logs", tag = "executions",
    params(("id" = Uuid, Path), ListQuery, LogFilters), responses(
    (status = 200, description = "A page of lines", body = ListEnvelope<LogView>),
))]
async fn logs(
    State(api): State<Api>,
    caller: Caller<ExecutionsRead>,
    Id(id): Id,
    Query(page): Query<ListQuery>,
    Query(filters): Query<LogFilters>,
) -> Result<Listed<LogView>> {
    let found = find(&api, &caller, id, Stranger::Forbidden).await?;
    let filter = LogFilter {
        execution_id: Some(found.id),
        level: filters.level.map(|word| word.0),
        step_key: filters.step_key,
        ..LogFilter::default()
    };
    let page = page.request_or(LogSort::of_word, Direction::Ascending);
    Ok(Listed::of(api.platform().execution_logs().list(&filter, page).await?, LogView::from))
}
