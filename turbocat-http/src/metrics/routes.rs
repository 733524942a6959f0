//! The route: everything there is, as text.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::text::Text;
use crate::api::Api;
use crate::error::{Error, Result};
use crate::secure;

/// `/metrics`, beside the resources.
pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(api): State<Api>, headers: HeaderMap) -> Result<Response> {
    allowed(&api, &headers)?;
    let mut text = Text::default();
    process(&api, &mut text);
    requests(&api, &mut text);
    stored(&api, &mut text).await;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text.finish()).into_response())
}

/// With a token in the settings, who asks must have it.
fn allowed(api: &Api, headers: &HeaderMap) -> Result<()> {
    let Some(token) = &api.settings().metrics_token else { return Ok(()) };
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|text| text.split_once(' '));
    match given {
        Some((scheme, given))
            if scheme.eq_ignore_ascii_case("bearer") && secure::same(given.trim(), token.reveal()) =>
        {
            Ok(())
        }
        _ => Err(Error::unauthorized("send the token of the metrics as a bearer token")),
    }
}

fn process(api: &Api, text: &mut Text) {
    text.about("turbocat_build_info", "gauge", "Which version this is").line(
        "turbocat_build_info",
        &[("version", env!("CARGO_PKG_VERSION"))],
        1,
    );
    let uptime = api.uptime().as_secs_f64();
    text.one("turbocat_uptime_seconds", "gauge", "For how long this has been there", uptime);
    let flying = api.metrics().in_flight();
    text.one("http_requests_in_flight", "gauge", "Requests that are being answered", flying);
}

fn requests(api: &Api, text: &mut Text) {
    let counted = api.metrics().counted();
    text.about("http_requests_total", "counter", "Requests that were answered");
    for (kind, histogram) in &counted.requests {
        let status = kind.status.to_string();
        let labels = [("method", kind.method), ("route", &*kind.route), ("status", &*status)];
        text.line("http_requests_total", &labels, histogram.count);
    }
    text.about("http_request_duration_seconds", "histogram", "How long answering took");
    for (kind, histogram) in &counted.requests {
        let status = kind.status.to_string();
        let labels = [("method", kind.method), ("route", &*kind.route), ("status", &*status)];
        text.histogram("http_request_duration_seconds", &labels, histogram);
    }
    let help = "Requests that were too many";
    text.one("turbocat_rate_limited_total", "counter", help, counted.limited);
    text.about(
        "turbocat_webhook_attempts_total",
        "counter",
        "Attempts to deliver events, by what they came to",
    );
    for result in ["delivered", "again", "given_up"] {
        let count = counted.deliveries.get(result).copied().unwrap_or_default();
        text.line("turbocat_webhook_attempts_total", &[("result", result)], count);
    }
}

/// What the tables say; without them what is left says so.
async fn stored(api: &Api, text: &mut Text) {
    let queue = api.store().queue();
    let (counts, throughput) = (queue.counts().await, queue.throughput().await);
    let up = u8::from(counts.is_ok());
    text.one("turbocat_database_up", "gauge", "Whether the database answers", up);
    let connections = api.database().connections();
    text.about("turbocat_database_connections", "gauge", "Connections to the database");
    text.line("turbocat_database_connections", &[("state", "open")], connections.open);
    text.line("turbocat_database_connections", &[("state", "idle")], connections.idle);
    if let Ok(counts) = counts {
        text.about("turbocat_queue_executions", "gauge", "Executions in the queue, by how they stand");
        let all = [
            ("waiting", counts.waiting),
            ("prioritized", counts.prioritized),
            ("active", counts.active),
            ("delayed", counts.delayed),
            ("paused", counts.paused),
            ("waiting_children", counts.waiting_children),
            ("parked", counts.parked),
            ("dead", counts.dead),
        ];
        for (state, count) in all {
            text.line("turbocat_queue_executions", &[("state", state)], count);
        }
    }
    if let Ok(throughput) = throughput {
        let name = "turbocat_executions_ended_last_hour";
        text.about(name, "gauge", "Executions that ended in the last hour, by result");
        text.line(name, &[("result", "completed")], throughput.completed);
        text.line(name, &[("result", "failed")], throughput.failed);
        let help = "How long an execution takes on average";
        text.one("turbocat_execution_avg_milliseconds", "gauge", help, throughput.avg_processing_time_ms);
    }
}
