//! All rooms under one roof, and the layers around them.

use axum::http::{Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::{Json, Router};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Api;
use crate::auth::identity::identify;
use crate::edge::{around, context, cors, idempotency};
use crate::error::{Code, Error};
use crate::{
    agents, analytics, auth, deployments, document, executions, health, live, metrics, templates, triggers,
    webhooks, workflows,
};

/// Everything, as an axum router to be served or nested.
///
/// The paths are those of the document: `/health…`, `/api/v1/…`. To know who asks from where, serve
/// it with connect info: `into_make_service_with_connect_info::<SocketAddr>()`.
pub fn router(api: &Api) -> Router {
    let (router, document) = whole(&api.settings().api_version, Some(api)).split_for_parts();
    let slash = format!("/api/{}/", api.settings().api_version);
    let router = router.route(&slash, axum::routing::get(root));
    let router =
        router.merge(document::routes(&api.settings().api_version, &document)).merge(metrics::routes());
    router
        .fallback(async || Error::not_found("page"))
        .method_not_allowed_fallback(async |method: Method| {
            let error = Error::new(Code::NotFound, format!("{method} is not done here"));
            error.with_status(StatusCode::METHOD_NOT_ALLOWED)
        })
        .layer(cors::layer(api.settings()))
        .layer(from_fn_with_state(api.clone(), around::around))
        .with_state(api.clone())
}

/// The routes and the document of them.
pub(crate) fn whole(version: &str, api: Option<&Api>) -> OpenApiRouter<Api> {
    let mut resources = OpenApiRouter::new()
        .routes(routes!(root))
        .merge(auth::routes::routes())
        .merge(agents::routes())
        .merge(templates::routes())
        .merge(deployments::routes())
        .merge(analytics::routes())
        .merge(webhooks::routes());
    resources = resources
        .merge(workflows::routes())
        .merge(executions::routes())
        .merge(live::routes())
        .merge(triggers::routes());
    if let Some(api) = api {
        resources = resources.route_layer(from_fn_with_state(api.clone(), idempotency::once));
        // Who asks is found out where it matters: health and the document are for everybody, however
        // often.
        resources = resources.route_layer(from_fn_with_state(api.clone(), identify));
    }
    OpenApiRouter::with_openapi(document::frame())
        .merge(health::routes())
        .nest(&format!("/api/{version}"), resources.merge(triggers::hooks()))
}

/// What this is.
#[derive(Serialize, ToSchema)]
struct Root {
    name: &'static str,
    version: &'static str,
    /// Where the page is that shows all of it.
    #[schema(example = "/api/v1/docs")]
    documentation: String,
}

/// What this is.
#[utoipa::path(get, path = "/", tag = "documentation", security(()), responses(
    (status = 200, description = "Name and version", body = Root),
))]
async fn root() -> Json<Root> {
    let path = context::current().map(|context| context.path).unwrap_or_default();
    let documentation = format!("{}/docs", path.trim_end_matches('/'));
    Json(Root { name: "Turbocat API", version: env!("CARGO_PKG_VERSION"), documentation })
}
