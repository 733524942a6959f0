//! `/executions/{id}/rerun`: the same once more.

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use turbocat_core::{Enqueue, Journal, TriggerKind};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::find::{Stranger, find};
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::WorkflowsExecute;
use crate::error::{Detail, Error, Result};
use crate::events::Note;
use crate::wire::{Body, Envelope, Id, Reply};
use crate::workflows::{ExecutionBegun, of_engine};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(rerun))
}

#[derive(Debug, Deserialize, ToSchema)]
struct Rerun {
    /// Not taken yet: an execution is done again as a whole.
    #[serde(default)]
    from: Option<Value>,
    /// Not taken yet: an execution is done again as a whole.
    #[serde(default)]
    failed: Option<Value>,
}

/// Executes the same once more: the same definition with the same agents and inputs, whatever became
/// of the workflow since.
#[utoipa::path(post, path = "/executions/{id}/rerun", tag = "executions", params(("id" = Uuid, Path)),
    request_body = Rerun, responses(
    (status = 201, description = "The new execution", body = Envelope<ExecutionBegun>),
))]
async fn rerun(
    State(api): State<Api>,
    caller: Caller<WorkflowsExecute>,
    Id(id): Id,
    Body(given): Body<Rerun>,
) -> Result<Reply<ExecutionBegun>> {
    let found = find(&api, &caller, id, Stranger::Hidden).await?;
    let parts = [("from", given.from), ("failed", given.failed)];
    let unknown = parts.into_iter().filter(|(_, value)| value.as_ref().is_some_and(|value| !value.is_null()));
    let message = "an execution can only be done again as a whole yet";
    let wrong: Vec<Detail> = unknown.map(|(name, _)| Detail::new(name, "custom", message)).collect();
    if !wrong.is_empty() {
        return Err(Error::invalid(wrong));
    }
    if found.workflow.as_ref().is_some_and(|workflow| workflow.deleted_at.is_some()) {
        return Err(Error::bad_request("the workflow was deleted"));
    }
    let recorded = api.store().load(found.id).await.map_err(Error::internal)?;
    let recorded = recorded.ok_or_else(|| Error::not_found("execution"))?;
    let workflow = turbocat_core::Workflow::from_value(&recorded.definition.workflow());
    let plan = api.engine().compile(&workflow.map_err(Error::internal)?).map_err(of_engine)?;
    let how = Enqueue::new()
        .belongs_to(found.row.workflow_id, Some(caller.id()))
        .trigger(TriggerKind::Manual, json!({ "rerunOf": id }));
    let execution = api.engine().enqueue(plan, recorded.inputs, how).await.map_err(of_engine)?;
    let note = Note::action("workflow_executed", "workflow", found.row.workflow_id, Some(caller.id()));
    api.events().note(note).await;
    Ok(Reply::created(ExecutionBegun::of(&api, execution).await?))
}
