//! Workflows: their rows and steps, what is wrong with them, plans of them, and their start.

mod view;
mod change;
mod graph;
mod finding;
mod agents;
pub(crate) mod compile;
mod routes;
mod execute;

use utoipa_axum::router::OpenApiRouter;

use crate::api::Api;

pub(crate) use execute::{ExecutionBegun, of_engine};
pub(crate) use routes::own;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    routes::routes().merge(execute::routes())
}
