//! `/analytics`: figures of what a user has, of an agent, of a workflow; how everything is.

mod period;
mod view;
mod overview;
mod subjects;
mod system;

use utoipa_axum::router::OpenApiRouter;

use crate::api::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    overview::routes().merge(subjects::routes()).merge(system::routes())
}
