//! An execution by its id, for those who may know of it.

use turbocat_core::ExecutionId;
use turbocat_storage::platform::{ExecutionRow, Workflow};
use uuid::Uuid;

use crate::api::Api;
use crate::auth::Caller;
use crate::error::{Error, Result};

/// An execution and its workflow, deleted or not.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) id: ExecutionId,
    pub(crate) row: ExecutionRow,
    pub(crate) workflow: Option<Workflow>,
}

/// What a stranger is told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stranger {
    /// That there is nothing.
    Hidden,
    /// That it is not theirs.
    Forbidden,
}

/// An execution, if the caller started it, owns its workflow or looks after everything.
pub(crate) async fn find<P>(api: &Api, caller: &Caller<P>, id: Uuid, stranger: Stranger) -> Result<Found> {
    let id = ExecutionId::from_uuid(id);
    let row = api.platform().executions().get(id).await?;
    let row = row.ok_or_else(|| Error::not_found("execution"))?;
    let workflow = match row.workflow_id {
        Some(workflow) => api.platform().workflows().get_even_deleted(workflow).await?,
        None => None,
    };
    let owners = [row.user_id, workflow.as_ref().map(|workflow| workflow.user_id)];
    if caller.is_admin() || owners.into_iter().flatten().any(|owner| caller.owns(owner)) {
        return Ok(Found { id, row, workflow });
    }
    Err(match stranger {
        Stranger::Hidden => Error::not_found("execution"),
        Stranger::Forbidden => Error::forbidden("the execution is somebody else's"),
    })
}
