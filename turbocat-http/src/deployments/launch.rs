//! Begins an execution of what a deployment keeps ready.

use serde_json::Value;
use turbocat_core::ExecutionId;
use turbocat_storage::platform::Deployment;

use super::target::Target;
use crate::api::Api;
use crate::error::{Error, Result};

/// Begins it, durably: when this returns it cannot be lost any more.
pub(super) async fn launch(
    _api: &Api,
    deployment: &Deployment,
    _target: &Target,
    _inputs: Value,
) -> Result<ExecutionId> {
    tracing::warn!(deployment = %deployment.id, "a deployment was asked, and nothing here executes rows");
    Err(Error::unavailable("this server does not execute what deployments keep ready"))
}
