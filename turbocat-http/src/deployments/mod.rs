//! `/deployments`: a workflow or an agent that is kept ready to be asked.

mod view;
mod variables;
mod target;
mod routes;
mod settle;
mod control;
mod launch;
pub(crate) mod invoke;
mod logs;

use utoipa_axum::router::OpenApiRouter;

use crate::api::Api;

pub(crate) use settle::look_after;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    routes::routes().merge(control::routes()).merge(invoke::routes()).merge(logs::routes())
}
