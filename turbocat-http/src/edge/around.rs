//! The outermost layer: gives a request its id, bounds its time, catches what panics, writes a line
//! about it and sets the headers of every answer.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use super::context::Context;
use super::headers;
use crate::api::Api;
use crate::error::Error;
use crate::settings::Mode;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// See above.
pub(crate) async fn around(State(api): State<Api>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let settings = api.settings();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let ip = client(request.headers(), peer, settings.trust_proxy);
    let (method, path) = (request.method().as_str().to_owned(), request.uri().path().to_owned());
    // The pattern and not the path: metrics have an end, and ids are not in them.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let context = Context::new(request.headers(), &method, &path, ip, api.now());
    let id = context.request_id.clone();
    let in_flight = api.metrics().begin();

    let mut response = if let Some(away) = to_https(&api, &request) {
        away
    } else {
        let limit = settings.request_timeout;
        let answer = async {
            match tokio::time::timeout(limit, AssertUnwindSafe(next.run(request)).catch_unwind()).await {
                Ok(Ok(response)) => response,
                Ok(Err(_)) => Error::internal("a handler panicked").into_response(),
                Err(_) => {
                    let error = Error::unavailable("the request took too long");
                    error.with_status(StatusCode::GATEWAY_TIMEOUT).into_response()
                }
            }
        };
        context.scope(answer).await
    };
    headers::secure(response.headers_mut());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    drop(in_flight);
    api.metrics().request(&method, route.as_deref(), response.status().as_u16(), began.elapsed());
    log(&method, &path, route.as_deref(), &id, ip, response.status(), began);
    response
}

fn log(
    method: &str,
    path: &str,
    route: Option<&str>,
    request_id: &str,
    ip: Option<IpAddr>,
    status: StatusCode,
    began: Instant,
) {
    let (code, ms) = (status.as_u16(), began.elapsed().as_secs_f64() * 1e3);
    let ip = ip.map(tracing::field::display);
    let route = route.unwrap_or("");
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(kind = "http", method, url = path, route, status = code, ms, request_id, ip)
        };
    }
    if status.is_server_error() {
        line!(error);
    } else if status.is_client_error() {
        line!(warn);
    } else {
        line!(info);
    }
}

/// Who asks: the peer, or whom a trusted proxy names last.
fn client(headers: &HeaderMap, peer: Option<IpAddr>, trust: bool) -> Option<IpAddr> {
    if !trust {
        return peer;
    }
    let forwarded = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    // The last one is what the proxy saw itself; those before it are what it was told.
    forwarded.and_then(|list| list.rsplit(',').next()?.trim().parse().ok()).or(peer)
}

/// In production behind a proxy, what came without encryption is sent to where it is encrypted. The
/// host is the configured one: the header is the client's to write.
fn to_https(api: &Api, request: &Request) -> Option<Response> {
    let settings = api.settings();
    let strict = settings.mode == Mode::Production
        && settings.trust_proxy
        && settings.backend_url.starts_with("https://")
        && !request.uri().path().starts_with("/health");
    let plain = request.headers().get("x-forwarded-proto").is_some_and(|proto| proto == "http");
    if !(strict && plain) {
        return None;
    }
    let rest = request.uri().path_and_query().map_or("/", |rest| rest.as_str());
    let location = HeaderValue::from_str(&format!("{}{rest}", settings.backend_url)).ok()?;
    Some((StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, location)]).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_the_peer_unless_a_trusted_proxy_names_it() {
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("6.6.6.6, 203.0.113.9"));
        assert_eq!(client(&headers, Some(peer), false), Some(peer));
        assert_eq!(client(&headers, Some(peer), true), Some("203.0.113.9".parse().unwrap()));
        headers.insert("x-forwarded-for", HeaderValue::from_static("nonsense"));
        assert_eq!(client(&headers, Some(peer), true), Some(peer));
    }
}
