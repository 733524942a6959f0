//! The steps of an execution: how they stand, what they gave, and why.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use turbocat_core::{
    AnyAgent, ExecutionId, Journal, Plan, Scheduler, StepFailure, StepReport, StepStatus, Workflow, compile,
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::find::{Stranger, find};
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::ExecutionsRead;
use crate::error::{Error, Result};
use crate::wire::{Envelope, Id, ListEnvelope, Listed, Query, Reply, Time};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(steps)).routes(routes!(explain))
}

/// A step of an execution.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExecutedStep {
    /// Its path, which of an outermost step is its key.
    step_key: String,
    #[schema(value_type = String, example = "completed")]
    status: &'static str,
    attempts: u32,
    started_at: Option<Time>,
    completed_at: Option<Time>,
    duration_ms: Option<u64>,
    /// What it gave; null if it did not complete.
    #[schema(value_type = Value)]
    output: Option<Arc<Value>>,
    failure: Option<FailureView>,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Failure)]
struct FailureView {
    /// What kind of failure, in dotted words such as `http.503`.
    kind: String,
    message: String,
    /// Whether doing it again might help.
    retryable: bool,
}

impl From<StepFailure> for FailureView {
    fn from(failure: StepFailure) -> Self {
        Self { kind: failure.kind.to_string(), message: failure.message, retryable: failure.retryable }
    }
}

impl ExecutedStep {
    fn of(report: StepReport, output: Option<Arc<Value>>) -> Self {
        let took = report.took().map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        Self {
            step_key: report.path,
            status: report.status.word(),
            attempts: report.attempts,
            started_at: report.started.map(Time::from),
            completed_at: report.ended.map(Time::from),
            duration_ms: took,
            output,
            failure: report.failure.map(FailureView::from),
        }
    }

    /// One that nobody has looked at yet.
    fn untouched(key: &str) -> Self {
        Self {
            step_key: key.to_owned(),
            status: StepStatus::Pending.word(),
            attempts: 0,
            started_at: None,
            completed_at: None,
            duration_ms: None,
            output: None,
            failure: None,
        }
    }
}

/// What was recorded of an execution: its plan, and how it stands if it was begun.
struct Recorded {
    plan: Plan,
    scheduler: Option<Scheduler>,
}

async fn recorded(api: &Api, id: ExecutionId) -> Result<Recorded> {
    let recorded = api.store().load(id).await.map_err(Error::internal)?;
    let recorded = recorded.ok_or_else(|| Error::not_found("execution"))?;
    let workflow = Workflow::from_value(&recorded.definition.workflow()).map_err(Error::internal)?;
    // Whoever did it may not be there any more; what was done can be told all the same.
    let plan = compile(&workflow, &AnyAgent).map_err(Error::internal)?;
    if recorded.events.is_empty() {
        return Ok(Recorded { plan, scheduler: None });
    }
    let events = recorded.events.iter().map(|event| plan.decode(event));
    let events = events.collect::<std::result::Result<Vec<_>, _>>().map_err(Error::internal)?;
    let scheduler = Scheduler::replay(&plan, &events).map_err(Error::internal)?;
    Ok(Recorded { plan, scheduler: Some(scheduler) })
}

/// How the outermost steps of an execution stand, in the order in which they would start.
#[utoipa::path(get, path = "/executions/{id}/steps", tag = "executions", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The steps", body = ListEnvelope<ExecutedStep>),
))]
async fn steps(
    State(api): State<Api>,
    caller: Caller<ExecutionsRead>,
    Id(id): Id,
) -> Result<Listed<ExecutedStep>> {
    let found = find(&api, &caller, id, Stranger::Hidden).await?;
    let Recorded { plan, scheduler } = recorded(&api, found.id).await?;
    let order = plan.order();
    let Some(scheduler) = scheduler else {
        return Ok(Listed::whole(order.into_iter().map(ExecutedStep::untouched).collect()));
    };
    let mut reports: Vec<StepReport> = scheduler.steps().collect();
    reports.sort_by_key(|report| order.iter().position(|key| *key == report.path));
    let steps = reports.into_iter().map(|report| {
        let output = scheduler.step_output(&report.path).cloned();
        ExecutedStep::of(report, output)
    });
    Ok(Listed::whole(steps.collect()))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// The step, by its path: `fetch`, `each[3].summarise`.
    #[param(max_length = 1000)]
    step: Option<String>,
}

/// Why a step stands as it does.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Explanation)]
struct ExplanationView {
    step: ExecutedStep,
    /// The cause, in a sentence.
    cause: String,
    /// The expression that decided, evaluated; null if none did.
    #[schema(value_type = Value)]
    expression: Option<Value>,
    /// All of it, for people.
    text: String,
}

/// Tells why a step stands as it does.
#[utoipa::path(get, path = "/executions/{id}/explain", tag = "executions", params(("id" = Uuid, Path), Which),
    responses((status = 200, description = "Why", body = Envelope<ExplanationView>)))]
async fn explain(
    State(api): State<Api>,
    caller: Caller<ExecutionsRead>,
    Id(id): Id,
    Query(which): Query<Which>,
) -> Result<Reply<ExplanationView>> {
    let found = find(&api, &caller, id, Stranger::Hidden).await?;
    let Some(path) = which.step else {
        return Err(Error::field("step", "invalid_type", "is required"));
    };
    let Recorded { plan, scheduler } = recorded(&api, found.id).await?;
    let Some(scheduler) = scheduler else {
        let key = plan.order().into_iter().find(|key| *key == path);
        let step = ExecutedStep::untouched(key.ok_or_else(|| Error::not_found("step"))?);
        let cause = format!("the execution is {} and was not begun", found.row.status.word());
        let text = format!("{path} PENDING: {cause}");
        return Ok(Reply::ok(ExplanationView { step, cause, expression: None, text }));
    };
    let told = scheduler.explain(&path).ok_or_else(|| Error::not_found("step"))?;
    let (text, cause) = (told.to_string(), told.cause);
    let expression = told.expression.map(serde_json::to_value).transpose().map_err(Error::internal)?;
    let output = scheduler.step_output(&path).cloned();
    Ok(Reply::ok(ExplanationView { step: ExecutedStep::of(told.report, output), cause, expression, text }))
}
