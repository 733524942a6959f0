//! `/health`: whether this is there, and whether it can do its work.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use turbocat_storage::args;
use turbocat_storage::queue::HealthStatus;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Api;
use crate::wire::reply::Meta;
use crate::wire::{Envelope, Time};

/// How long the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(3);

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(live)).routes(routes!(ready))
}

/// How everything is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Health {
    /// `healthy`, `degraded` or `unhealthy`.
    status: &'static str,
    version: &'static str,
    /// In milliseconds.
    uptime: u64,
    /// Such as `1d 2h 3m 4s`.
    uptime_formatted: String,
    timestamp: Time,
    environment: &'static str,
    services: Services,
}

#[derive(Debug, Serialize, ToSchema)]
struct Services {
    database: Service,
    queue: Queue,
    redis: Service,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Service {
    /// `healthy`, `unhealthy` or `not_configured`.
    status: &'static str,
    configured: bool,
    response_time_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Queue {
    /// `healthy`, `degraded`, `unhealthy` or `unknown`.
    status: &'static str,
    issues: Vec<String>,
}

/// How everything is: 503 if it cannot work.
#[utoipa::path(get, path = "/health", tag = "health", security(()), responses(
    (status = 200, description = "Healthy or degraded", body = Envelope<Health>),
    (status = 503, description = "Unhealthy", body = Envelope<Health>),
))]
async fn health(State(api): State<Api>) -> Response {
    let began = Instant::now();
    let there = database_is_there(&api).await;
    let database = Service {
        status: if there { "healthy" } else { "unhealthy" },
        configured: true,
        response_time_ms: u64::try_from(began.elapsed().as_millis()).ok(),
        error: (!there).then_some("the database does not answer"),
    };
    let queue = if there {
        let health = api.store().queue().health().await;
        Queue { status: word(health.status), issues: health.issues }
    } else {
        Queue { status: "unknown", issues: Vec::new() }
    };
    let status = match (there, queue.status) {
        (false, _) => "unhealthy",
        (true, "healthy") => "healthy",
        (true, _) => "degraded",
    };
    let uptime = api.uptime();
    let data = Health {
        status,
        version: env!("CARGO_PKG_VERSION"),
        uptime: u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX),
        uptime_formatted: formatted(uptime.as_secs()),
        timestamp: api.now().into(),
        environment: api.settings().mode.word(),
        services: Services {
            database,
            queue,
            // Everything is kept in the database.
            redis: Service {
                status: "not_configured",
                configured: false,
                response_time_ms: None,
                error: None,
            },
        },
    };
    #[derive(Serialize)]
    struct Mirrored {
        success: bool,
        /// Once more where some look for it.
        status: &'static str,
        data: Health,
        meta: Meta,
    }
    let code = if there { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Mirrored { success: there, status, data, meta: Meta::now() })).into_response()
}

const fn word(status: HealthStatus) -> &'static str {
    match status {
        HealthStatus::Healthy => "healthy",
        HealthStatus::Degraded => "degraded",
        HealthStatus::Unhealthy => "unhealthy",
        HealthStatus::Unknown => "unknown",
    }
}

/// What a probe is told.
#[derive(Debug, Serialize, ToSchema)]
struct Probe {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    timestamp: Time,
}

/// Whether the process is there.
#[utoipa::path(get, path = "/health/live", tag = "health", security(()), responses(
    (status = 200, description = "It is", body = Probe),
))]
async fn live(State(api): State<Api>) -> Json<Probe> {
    Json(Probe { status: "alive", reason: None, timestamp: api.now().into() })
}

/// Whether requests can be done.
#[utoipa::path(get, path = "/health/ready", tag = "health", security(()), responses(
    (status = 200, description = "They can", body = Probe),
    (status = 503, description = "They cannot", body = Probe),
))]
async fn ready(State(api): State<Api>) -> (StatusCode, Json<Probe>) {
    let (code, status, reason) = if database_is_there(&api).await {
        (StatusCode::OK, "ready", None)
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not_ready", Some("the database does not answer"))
    };
    (code, Json(Probe { status, reason, timestamp: api.now().into() }))
}

async fn database_is_there(api: &Api) -> bool {
    let asked = api.database().fetch_optional("select 1 as one", args![]);
    matches!(tokio::time::timeout(PATIENCE, asked).await, Ok(Ok(Some(_))))
}

/// `1d 2h 3m 4s`, without leading units that are zero.
fn formatted(seconds: u64) -> String {
    let parts =
        [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let first = parts.iter().position(|(number, _)| *number > 0).unwrap_or(3);
    let texts: Vec<String> = parts[first..].iter().map(|(number, unit)| format!("{number}{unit}")).collect();
    texts.join(" ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_time_is_told_without_leading_zeros() {
        assert_eq!(super::formatted(0), "0s");
        assert_eq!(super::formatted(61), "1m 1s");
        assert_eq!(super::formatted(93_784), "1d 2h 3m 4s");
        assert_eq!(super::formatted(86_400), "1d 0h 0m 0s");
    }
}
