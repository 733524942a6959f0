//! `/users`: who somebody is, and what they may change about it.
//!
//! Nobody sees or changes others but administrators; a password is only ever set by whom it is of.

mod confirm;
mod profile;
mod change;
mod leave;
mod verify;
mod tutorial;
mod sessions;
mod rows;
mod export;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(profile::list))
        .routes(routes!(profile::me, profile::update_me))
        .routes(routes!(sessions::list, sessions::end_others))
        .routes(routes!(sessions::end))
        .routes(routes!(export::export))
        .routes(routes!(verify::verify))
        .routes(routes!(profile::read, change::change, leave::delete))
        .routes(routes!(verify::send))
        .routes(routes!(tutorial::read, tutorial::write))
}
