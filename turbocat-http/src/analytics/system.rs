//! How everything is, for those who look after it.

use std::time::{Duration, Instant};

use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};
use turbocat_storage::args;
use turbocat_storage::queue::HealthStatus;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::view::rounded;
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::SystemHealth as SystemHealthRead;
use crate::wire::{Envelope, Reply, Time};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(system_health))
}

/// How often the database is asked, how long it may take, and from when on that is slow.
const PROBES: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(3);
const SLOW: Duration = Duration::from_secs(1);

/// How everything is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SystemHealth {
    /// `healthy`, `degraded` or `unhealthy`.
    status: &'static str,
    /// In milliseconds.
    uptime: u64,
    checked_at: Time,
    database: DatabaseHealth,
    queue: QueueHealth,
    api: ApiHealth,
    services: ServicesHealth,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DatabaseHealth {
    /// `healthy`, `degraded` or `unhealthy`.
    status: &'static str,
    connection_pool_size: u32,
    active_connections: u32,
    avg_query_time_ms: f64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct QueueHealth {
    /// `healthy`, `degraded`, `unhealthy` or `unknown`.
    status: &'static str,
    active_jobs: u64,
    waiting_jobs: u64,
    completed_jobs: u64,
    failed_jobs: u64,
    avg_processing_time_ms: u64,
    /// What is not well.
    issues: Vec<String>,
}

/// Of the last five minutes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ApiHealth {
    requests_per_minute: f64,
    avg_response_time_ms: f64,
    /// Which part of the answers were faults here.
    error_rate: f64,
}

#[derive(Debug, Serialize, ToSchema)]
struct ServicesHealth {
    database: ServiceHealth,
    redis: ServiceHealth,
    queue: ServiceHealth,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ServiceHealth {
    status: &'static str,
    response_time_ms: Option<u64>,
    #[schema(value_type = Object)]
    details: Value,
}

/// What asking the database a few times came to.
struct Probed {
    answered: u32,
    slow: u32,
    took: Duration,
}

async fn probe(api: &Api) -> Probed {
    let mut probed = Probed { answered: 0, slow: 0, took: Duration::ZERO };
    for _ in 0..PROBES {
        let began = Instant::now();
        let asked = api.database().fetch_optional("select 1 as one", args![]);
        let good = matches!(tokio::time::timeout(PATIENCE, asked).await, Ok(Ok(Some(_))));
        let took = began.elapsed();
        probed.took += took;
        probed.answered += u32::from(good);
        probed.slow += u32::from(took > SLOW);
        if !good {
            // It is known then; nobody waits for it five times.
            break;
        }
    }
    probed
}

fn judge(probed: &Probed) -> &'static str {
    match probed {
        Probed { answered, .. } if *answered < PROBES => "unhealthy",
        Probed { slow, .. } if *slow > 0 => "degraded",
        Probed { .. } => "healthy",
    }
}

/// How everything is.
#[utoipa::path(get, path = "/analytics/system-health", tag = "analytics", responses(
    (status = 200, description = "How it is", body = Envelope<SystemHealth>),
))]
async fn system_health(State(api): State<Api>, _: Caller<SystemHealthRead>) -> Reply<SystemHealth> {
    let probed = probe(&api).await;
    let asked = probed.answered.max(1);
    let millis = probed.took.as_secs_f64() * 1e3 / f64::from(asked);
    let connections = api.database().connections();
    let database = DatabaseHealth {
        status: judge(&probed),
        connection_pool_size: connections.open,
        active_connections: connections.open.saturating_sub(connections.idle),
        avg_query_time_ms: digits(millis),
    };
    let queue = api.store().queue();
    let health = queue.health().await;
    let counts = health.metrics;
    let took = queue.throughput().await.map_or(0, |throughput| throughput.avg_processing_time_ms);
    let queue = QueueHealth {
        status: match health.status {
            HealthStatus::Healthy => "healthy",
            HealthStatus::Degraded => "degraded",
            HealthStatus::Unhealthy => "unhealthy",
            HealthStatus::Unknown => "unknown",
        },
        active_jobs: counts.active,
        waiting_jobs: counts.waiting + counts.prioritized + counts.delayed,
        completed_jobs: counts.completed,
        failed_jobs: counts.failed,
        avg_processing_time_ms: took,
        issues: health.issues,
    };
    let recent = api.metrics().recent();
    let status = match [database.status, queue.status] {
        all if all.contains(&"unhealthy") => "unhealthy",
        all if all.iter().any(|status| *status != "healthy") => "degraded",
        _ => "healthy",
    };
    let services = ServicesHealth {
        database: ServiceHealth {
            status: database.status,
            response_time_ms: Some(rounded(millis)),
            details: json!({
                "successRate": digits(f64::from(probed.answered) / f64::from(PROBES)),
                "avgQueryTimeMs": database.avg_query_time_ms,
                "slowQueryRate": digits(f64::from(probed.slow) / f64::from(asked)),
                "totalQueries": probed.answered,
            }),
        },
        // Everything is kept in the database.
        redis: ServiceHealth { status: "not_configured", response_time_ms: None, details: json!({}) },
        queue: ServiceHealth { status: queue.status, response_time_ms: None, details: json!(counts) },
    };
    Reply::ok(SystemHealth {
        status,
        uptime: u64::try_from(api.uptime().as_millis()).unwrap_or(u64::MAX),
        checked_at: api.now().into(),
        database,
        queue,
        api: ApiHealth {
            requests_per_minute: digits(recent.per_minute),
            avg_response_time_ms: digits(recent.avg_ms),
            error_rate: digits(recent.error_rate),
        },
        services,
    })
}

/// With three digits.
fn digits(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}
