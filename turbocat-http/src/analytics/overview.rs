//! What a user has, and how it went.

use axum::extract::State;
use serde::Serialize;
use turbocat_storage::platform::Subject;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::period::{PeriodView, Range};
use super::view::{Ended, rounded};
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::AnalyticsRead;
use crate::error::Result;
use crate::wire::{Envelope, Query, Reply};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(overview))
}

/// How many of what.
#[derive(Debug, Serialize, ToSchema)]
struct Have {
    agents: u64,
    workflows: u64,
    executions: u64,
    deployments: u64,
    templates: u64,
}

/// What a user has, and how the executions of a period went.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Overview {
    total_agents: u64,
    active_agents: u64,
    total_workflows: u64,
    active_workflows: u64,
    total_executions: u64,
    successful_executions: u64,
    failed_executions: u64,
    avg_execution_time_ms: u64,
    total_deployments: u64,
    running_deployments: u64,
    totals: Have,
    executions: Ended,
    period: PeriodView,
}

/// What the caller has, and how the executions of a period went.
#[utoipa::path(get, path = "/analytics/overview", tag = "analytics", params(Range), responses(
    (status = 200, description = "The figures", body = Envelope<Overview>),
))]
async fn overview(
    State(api): State<Api>,
    caller: Caller<AnalyticsRead>,
    Query(range): Query<Range>,
) -> Result<Reply<Overview>> {
    let period = range.period(api.now())?;
    let figures = api.platform().figures();
    let subject = Subject::User(caller.id());
    let owned = figures.owned(caller.id()).await?;
    let totals = figures.totals(subject, period).await?;
    let spread = figures.spread(subject, period).await?;
    Ok(Reply::ok(Overview {
        total_agents: owned.agents,
        active_agents: owned.active_agents,
        total_workflows: owned.workflows,
        active_workflows: owned.active_workflows,
        total_executions: totals.total,
        successful_executions: totals.of("completed"),
        failed_executions: totals.failed(),
        avg_execution_time_ms: rounded(spread.avg),
        total_deployments: owned.deployments,
        running_deployments: owned.running_deployments,
        totals: Have {
            agents: owned.agents,
            workflows: owned.workflows,
            executions: totals.total,
            deployments: owned.deployments,
            templates: owned.templates,
        },
        executions: Ended::of(&totals, &spread),
        period: period.into(),
    }))
}
