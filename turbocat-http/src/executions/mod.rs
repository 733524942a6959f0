//! Executions: seen, steered, explained, done once more.

mod view;
mod find;
mod routes;
mod steps;
mod steer;
mod rerun;

use utoipa_axum::router::OpenApiRouter;

use crate::api::Api;

pub(crate) use find::{Stranger, find};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    routes::routes().merge(steps::routes()).merge(steer::routes()).merge(rerun::routes())
}
