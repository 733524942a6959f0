//! Telling an execution something: to stop, to pause, to go on, what happened outside.

use std::time::Duration;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use turbocat_core::Approval;
use turbocat_storage::platform::{ExecutionRow, ExecutionState, LogLevel, NewExecutionLog};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::find::{Found, Stranger, find};
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::ExecutionsExecute;
use crate::error::{Error, Result};
use crate::events::Note;
use crate::wire::path::IdAnd;
use crate::wire::{Body, Envelope, Id, Reply, Time, Word, words};
use crate::workflows::of_engine;

/// How long an answer waits for the end of what was cancelled.
const END: Duration = Duration::from_secs(5);

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(cancel))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(signal))
        .routes(routes!(approve))
}

#[derive(Debug, Deserialize, ToSchema)]
struct WithReason {
    /// Why; it is recorded.
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// An execution that was told something.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Steered {
    id: Uuid,
    workflow_id: Option<Uuid>,
    status: words::ExecutionState,
    steps_total: i32,
    steps_completed: i32,
    steps_failed: i32,
    completed_at: Option<Time>,
    duration_ms: Option<u64>,
}

impl From<&ExecutionRow> for Steered {
    fn from(row: &ExecutionRow) -> Self {
        Self {
            id: *row.id.as_uuid(),
            workflow_id: row.workflow_id,
            status: Word(row.status),
            steps_total: row.steps_total,
            steps_completed: row.steps_completed,
            steps_failed: row.steps_failed,
            completed_at: row.completed_at.map(Time::from),
            duration_ms: row.duration_ms,
        }
    }
}

/// An execution that may still be told something.
async fn going(api: &Api, caller: &Caller<ExecutionsExecute>, id: Uuid, stranger: Stranger) -> Result<Found> {
    let found = find(api, caller, id, stranger).await?;
    match found.row.status {
        ExecutionState::Pending | ExecutionState::Running => Ok(found),
        ended => Err(Error::bad_request(format!("the execution has ended: it is {}", ended.word()))),
    }
}

/// Cancels an execution. The answer waits for its end, a few seconds at most; 202 if it has not come
/// by then.
#[utoipa::path(post, path = "/executions/{id}/cancel", tag = "executions", params(("id" = Uuid, Path)),
    request_body = WithReason, responses(
    (status = 200, description = "It was cancelled", body = Envelope<Steered>),
    (status = 202, description = "It will be cancelled", body = Envelope<Steered>),
))]
async fn cancel(
    State(api): State<Api>,
    caller: Caller<ExecutionsExecute>,
    Id(id): Id,
    Body(given): Body<WithReason>,
) -> Result<Reply<Steered>> {
    let found = going(&api, &caller, id, Stranger::Forbidden).await?;
    let reason = given.reason.unwrap_or_else(|| "cancelled by a user".to_owned());
    // What nobody has begun, or nobody goes on with, is ended right here.
    if !api.store().queue().discard(found.id, &reason).await? {
        api.engine().cancel(found.id, &reason).await.map_err(of_engine)?;
        // Whatever is said of it: the row tells how it ended.
        let _ = tokio::time::timeout(END, api.engine().wait(found.id)).await;
    }
    let row = api.platform().executions().get(found.id).await?;
    let row = row.ok_or_else(|| Error::not_found("execution"))?;
    match row.status {
        ExecutionState::Cancelled => {}
        ExecutionState::Pending | ExecutionState::Running => return Ok(Reply::accepted((&row).into())),
        ended => {
            let message = format!("the execution ended before it was cancelled: it is {}", ended.word());
            return Err(Error::bad_request(message));
        }
    }
    let mut line = NewExecutionLog::new(found.id, LogLevel::Warn, "the execution was cancelled");
    line.metadata =
        json!({ "cancelledBy": caller.id(), "previousStatus": found.row.status.word(), "reason": reason });
    // It is cancelled, with or without a line about it.
    if let Err(error) = api.platform().execution_logs().append(vec![line]).await {
        tracing::warn!(%error, execution = %found.id, "a line about a cancelled execution was not written");
    }
    api.events().note(Note::action("execution_cancelled", "execution", Some(id), Some(caller.id()))).await;
    Ok(Reply::ok((&row).into()))
}

/// Has an execution start nothing new until it is resumed. What is being done goes on.
#[utoipa::path(post, path = "/executions/{id}/pause", tag = "executions", params(("id" = Uuid, Path)),
    request_body = WithReason, responses(
    (status = 202, description = "It was told", body = Envelope<Steered>),
))]
async fn pause(
    State(api): State<Api>,
    caller: Caller<ExecutionsExecute>,
    Id(id): Id,
    Body(given): Body<WithReason>,
) -> Result<Reply<Steered>> {
    let found = going(&api, &caller, id, Stranger::Hidden).await?;
    let reason = given.reason.unwrap_or_else(|| "paused by a user".to_owned());
    api.engine().pause(found.id, &reason).await.map_err(of_engine)?;
    Ok(Reply::accepted((&found.row).into()))
}

/// Has a paused execution go on.
#[utoipa::path(post, path = "/executions/{id}/resume", tag = "executions", params(("id" = Uuid, Path)),
    responses((status = 202, description = "It was told", body = Envelope<Steered>)))]
async fn resume(
    State(api): State<Api>,
    caller: Caller<ExecutionsExecute>,
    Id(id): Id,
) -> Result<Reply<Steered>> {
    let found = going(&api, &caller, id, Stranger::Hidden).await?;
    api.engine().unpause(found.id).await.map_err(of_engine)?;
    Ok(Reply::accepted((&found.row).into()))
}

#[derive(Debug, Deserialize, ToSchema)]
struct SendSignal {
    /// What it carries.
    #[serde(default)]
    payload: Value,
}

/// Sends a signal. If no step waits for it yet, it is kept for the first that will.
#[utoipa::path(post, path = "/executions/{id}/signals/{name}", tag = "executions",
    params(("id" = Uuid, Path), ("name" = String, Path)), request_body = SendSignal, responses(
    (status = 202, description = "It was sent", body = Envelope<Steered>),
))]
async fn signal(
    State(api): State<Api>,
    caller: Caller<ExecutionsExecute>,
    IdAnd(id, name): IdAnd,
    Body(given): Body<SendSignal>,
) -> Result<Reply<Steered>> {
    let found = going(&api, &caller, id, Stranger::Hidden).await?;
    api.engine().signal(found.id, &name, given.payload).await.map_err(of_engine)?;
    Ok(Reply::accepted((&found.row).into()))
}

#[derive(Debug, Deserialize, ToSchema)]
struct Answer {
    /// Yes or no.
    approved: bool,
    /// What there is to add.
    #[schema(max_length = 10_000)]
    comment: Option<String>,
    /// Not taken: send a signal to hand something to a step.
    #[serde(default)]
    data: Option<Value>,
}

/// Answers a step that waits for a person; `key` is its path, such as `ask` or `each[0].ask`.
#[utoipa::path(post, path = "/executions/{id}/steps/{key}/approve", tag = "executions",
    params(("id" = Uuid, Path), ("key" = String, Path)), request_body = Answer, responses(
    (status = 202, description = "It was answered", body = Envelope<Steered>),
))]
async fn approve(
    State(api): State<Api>,
    caller: Caller<ExecutionsExecute>,
    IdAnd(id, key): IdAnd,
    Body(given): Body<Answer>,
) -> Result<Reply<Steered>> {
    let found = going(&api, &caller, id, Stranger::Hidden).await?;
    if given.data.is_some_and(|data| !data.is_null()) {
        let message = "an answer cannot carry data; send a signal to hand something to a step";
        return Err(Error::field("data", "custom", message));
    }
    let mut approval = if given.approved { Approval::yes() } else { Approval::no() };
    approval = approval.by(caller.id().to_string());
    if let Some(comment) = given.comment {
        approval = approval.comment(comment);
    }
    api.engine().approve(found.id, &key, approval).await.map_err(of_engine)?;
    Ok(Reply::accepted((&found.row).into()))
}
