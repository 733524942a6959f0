//! `/workflows/{id}/execute`: the start of an execution.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use turbocat_core::{Enqueue, ErrorKind, ExecutionId, Segment, TriggerKind};
use turbocat_storage::platform::{ExecutionState, TriggerType};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::compile;
use super::routes::own;
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::WorkflowsExecute;
use crate::error::{Detail, Error, Result};
use crate::events::Note;
use crate::wire::{Body, Envelope, Id, Reply, Time, Word, words};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(execute))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExecuteWorkflow {
    /// What it is started by; `manual` if nothing is said.
    trigger_type: Option<words::TriggerType>,
    /// More about that.
    #[serde(default)]
    trigger_data: Map<String, Value>,
    /// What it is given.
    input_data: Option<Map<String, Value>>,
    /// As `inputData`.
    inputs: Option<Map<String, Value>>,
}

/// An execution that was taken in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExecutionBegun {
    id: Uuid,
    execution_id: Uuid,
    workflow_id: Option<Uuid>,
    status: words::ExecutionState,
    trigger_type: words::TriggerType,
    steps_total: i32,
    created_at: Time,
}

/// Executes a workflow: the execution is taken in, and will not be lost any more.
#[utoipa::path(post, path = "/workflows/{id}/execute", tag = "workflows", params(("id" = Uuid, Path)),
    request_body = ExecuteWorkflow, responses(
    (status = 201, description = "The execution", body = Envelope<ExecutionBegun>),
))]
async fn execute(
    State(api): State<Api>,
    caller: Caller<WorkflowsExecute>,
    Id(id): Id,
    Body(given): Body<ExecuteWorkflow>,
) -> Result<Reply<ExecutionBegun>> {
    let workflow = own(&api, &caller, id).await?;
    let plan = compile::plan(&api, &workflow).await?;
    let trigger = given.trigger_type.map_or(TriggerType::Manual, |word| word.0);
    let inputs = given.input_data.or(given.inputs).unwrap_or_default();
    let how = Enqueue::new()
        .belongs_to(Some(id), Some(caller.id()))
        .priority(priority(trigger))
        .trigger(kind(trigger), Value::Object(given.trigger_data));
    let execution = api.engine().enqueue(plan, Value::Object(inputs), how).await.map_err(of_engine)?;
    let note = Note::action("workflow_executed", "workflow", Some(id), Some(caller.id()));
    api.events().note(note).await;
    Ok(Reply::created(ExecutionBegun::of(&api, execution).await?))
}

impl ExecutionBegun {
    /// As it was taken in, whatever became of it meanwhile.
    pub(crate) async fn of(api: &Api, execution: ExecutionId) -> Result<Self> {
        let row = api.platform().executions().get(execution).await?;
        let row = row.ok_or_else(|| Error::internal("an execution is gone that was just taken in"))?;
        Ok(Self {
            id: *execution.as_uuid(),
            execution_id: *execution.as_uuid(),
            workflow_id: row.workflow_id,
            status: Word(ExecutionState::Pending),
            trigger_type: Word(row.trigger_type),
            steps_total: row.steps_total,
            created_at: row.created_at.into(),
        })
    }
}

/// People, who wait, go before what happens by itself.
const fn priority(trigger: TriggerType) -> i32 {
    match trigger {
        TriggerType::Scheduled => 10,
        TriggerType::Webhook | TriggerType::Event => 5,
        _ => 0,
    }
}

const fn kind(trigger: TriggerType) -> TriggerKind {
    match trigger {
        TriggerType::Manual => TriggerKind::Manual,
        TriggerType::Scheduled => TriggerKind::Scheduled,
        TriggerType::Api => TriggerKind::Api,
        TriggerType::Webhook => TriggerKind::Webhook,
        TriggerType::Event => TriggerKind::Event,
    }
}

/// Why the engine did not do what it was asked.
pub(crate) fn of_engine(error: turbocat_core::Error) -> Error {
    match error.kind() {
        ErrorKind::InvalidInputs => match error.diagnostics() {
            Some(diagnostics) => {
                let detail = |one: &turbocat_core::Diagnostic| {
                    // They are called so in a request.
                    let rest = one.pointer.0.iter().skip(1).map(|segment| match segment {
                        Segment::Key(key) => key.to_string(),
                        Segment::Index(index) => index.to_string(),
                    });
                    let field: Vec<String> = std::iter::once("inputData".to_owned()).chain(rest).collect();
                    Detail::new(field.join("."), one.code.as_str(), one.message.clone())
                };
                Error::invalid(diagnostics.iter().map(detail).collect())
            }
            None => Error::bad_request(error.to_string()),
        },
        ErrorKind::InvalidWorkflow | ErrorKind::NotWaiting | ErrorKind::NotFound => {
            Error::bad_request(error.to_string())
        }
        ErrorKind::Conflict => Error::conflict(error.to_string()),
        ErrorKind::Closed => Error::unavailable("the server is shutting down; try again"),
        ErrorKind::Journal => {
            tracing::error!(%error, "executions cannot be kept now");
            Error::unavailable("executions cannot be kept now; try again")
        }
        _ => Error::internal(error),
    }
}
