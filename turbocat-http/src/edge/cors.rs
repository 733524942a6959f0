//! Which pages of other origins may ask.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::settings::Settings;

/// Answers to a foreign origin have no CORS headers, so that its page cannot read them.
pub(crate) fn layer(settings: &Settings) -> CorsLayer {
    let own = ["http://localhost:3000", "http://localhost:3001", settings.frontend_url.as_str()];
    let all = own.into_iter().chain(settings.cors_origins.iter().map(String::as_str));
    let origins: Vec<HeaderValue> = all.filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    let named = |names: &[&'static str]| -> Vec<HeaderName> {
        names.iter().copied().map(HeaderName::from_static).collect()
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ])
        .allow_headers(named(&[
            "content-type",
            "authorization",
            "if-match",
            "if-none-match",
            "x-request-id",
            "x-api-key",
            "idempotency-key",
            "last-event-id",
        ]))
        .expose_headers(named(&[
            "x-request-id",
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
            "retry-after",
            "etag",
            "idempotent-replayed",
        ]))
        .max_age(Duration::from_secs(86_400))
}
