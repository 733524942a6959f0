//! What starts workflows by itself: times of day, and requests from outside.

mod view;
mod routes;
mod hook;
mod tick;

use utoipa_axum::router::OpenApiRouter;

use crate::api::Api;

pub(crate) use tick::Ticking;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    routes::routes()
}

/// For those who have a secret and no account.
pub(crate) fn hooks() -> OpenApiRouter<Api> {
    hook::routes()
}
