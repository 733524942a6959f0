//! `/webhooks`: who is told what happens, and the telling of it.

mod secret;
mod events;
mod view;
mod routes;
mod deliveries;
mod send;
mod deliver;

use utoipa_axum::router::OpenApiRouter;

use crate::api::Api;

pub(crate) use deliver::deliver;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    routes::routes().merge(deliveries::routes())
}
