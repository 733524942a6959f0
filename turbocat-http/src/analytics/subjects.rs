//! Figures of one agent, of one workflow.

use axum::extract::State;
use serde::Serialize;
use turbocat_storage::platform::{Figures, Group, Period, Subject};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::period::{Grouping, PeriodView, Range};
use super::view::{Ended, Performance, Reliability, SpanView, StepView};
use crate::agents;
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::AnalyticsRead;
use crate::error::{Error, Result};
use crate::wire::{Envelope, Id, Query, Reply};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(agent_metrics)).routes(routes!(workflow_metrics))
}

/// The same figures in one place.
#[derive(Debug, Serialize, ToSchema)]
struct Nested {
    executions: Ended,
    performance: Performance,
    reliability: Reliability,
}

/// What is the same for both.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Measured {
    metrics: Nested,
    executions: Ended,
    performance: Performance,
    reliability: Reliability,
    /// Spans in which something was, the first one first.
    time_series: Vec<SpanView>,
    period: PeriodView,
}

async fn measured(figures: Figures<'_>, subject: Subject, period: Period, group: Group) -> Result<Measured> {
    let totals = figures.totals(subject, period).await?;
    let spread = figures.spread(subject, period).await?;
    let failures = figures.failures(subject, period).await?;
    let series = figures.series(subject, period, group).await?;
    Ok(Measured {
        metrics: Nested {
            executions: Ended::of(&totals, &spread),
            performance: spread.into(),
            reliability: Reliability::of(&totals, failures.clone()),
        },
        executions: Ended::of(&totals, &spread),
        performance: spread.into(),
        reliability: Reliability::of(&totals, failures),
        time_series: series.into_iter().map(SpanView::from).collect(),
        period: period.into(),
    })
}

/// Figures of an agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AgentMetrics {
    agent_id: Uuid,
    agent_name: String,
    #[serde(flatten)]
    measured: Measured,
}

/// Figures of the steps an agent did.
#[utoipa::path(get, path = "/analytics/agents/{id}/metrics", tag = "analytics",
    params(("id" = Uuid, Path), Range, Grouping), responses(
    (status = 200, description = "The figures", body = Envelope<AgentMetrics>),
))]
async fn agent_metrics(
    State(api): State<Api>,
    caller: Caller<AnalyticsRead>,
    Id(id): Id,
    Query(range): Query<Range>,
    Query(grouping): Query<Grouping>,
) -> Result<Reply<AgentMetrics>> {
    let agent = agents::own(&api, &caller, id).await?;
    let period = range.period(api.now())?;
    let measured = measured(api.platform().figures(), Subject::Agent(id), period, grouping.group()).await?;
    Ok(Reply::ok(AgentMetrics { agent_id: id, agent_name: agent.name, measured }))
}

/// Figures of a workflow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WorkflowMetrics {
    workflow_id: Uuid,
    workflow_name: String,
    #[serde(flatten)]
    measured: Measured,
    /// Its steps as they are now.
    steps: Vec<StepView>,
}

/// Figures of the executions of a workflow, and of its steps.
#[utoipa::path(get, path = "/analytics/workflows/{id}/metrics", tag = "analytics",
    params(("id" = Uuid, Path), Range, Grouping), responses(
    (status = 200, description = "The figures", body = Envelope<WorkflowMetrics>),
))]
async fn workflow_metrics(
    State(api): State<Api>,
    caller: Caller<AnalyticsRead>,
    Id(id): Id,
    Query(range): Query<Range>,
    Query(grouping): Query<Grouping>,
) -> Result<Reply<WorkflowMetrics>> {
    let workflow = api.platform().workflows().get(id).await?;
    let workflow = workflow.filter(|workflow| caller.owns(workflow.user_id));
    let workflow = workflow.ok_or_else(|| Error::not_found("workflow"))?;
    let period = range.period(api.now())?;
    let figures = api.platform().figures();
    let measured = measured(figures, Subject::Workflow(id), period, grouping.group()).await?;
    let steps = figures.steps(id, period).await?.into_iter().map(StepView::from).collect();
    Ok(Reply::ok(WorkflowMetrics { workflow_id: id, workflow_name: workflow.name, measured, steps }))
}
