//! `/teams`: who works together, and with which agents.
//!
//! Owners and administrators change a team, members see it, and for everybody else there is none.

mod standing;
mod team;
mod members;
mod agents;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Api;

pub(crate) use team::TeamView;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(team::list, team::create))
        .routes(routes!(team::read, team::update, team::replace, team::delete))
        .routes(routes!(members::list, members::add))
        .routes(routes!(members::remove))
        .routes(routes!(agents::list, agents::add))
        .routes(routes!(agents::remove))
}
