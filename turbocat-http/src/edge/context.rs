//! What everything that answers a request knows of it.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use turbocat_core::Timestamp;
use uuid::Uuid;

use crate::wire::Etag;

/// A request, as those see it who answer it.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) request_id: String,
    pub(crate) method: String,
    /// The path, without the query.
    pub(crate) path: String,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) user_agent: Option<String>,
    if_none_match: Option<String>,
    at: Timestamp,
}

tokio::task_local! {
    /// The request that this task answers.
    static CURRENT: Context;
}

impl Context {
    /// The context of a request: `X-Request-ID` if it is one, else a new id.
    pub(crate) fn new(
        headers: &HeaderMap,
        method: &str,
        path: &str,
        ip: Option<IpAddr>,
        at: Timestamp,
    ) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let sent = headers.get("x-request-id").and_then(|id| id.to_str().ok()).filter(|id| is_id(id));
        Self {
            request_id: sent.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned),
            method: method.to_owned(),
            path: path.to_owned(),
            ip,
            user_agent: text(header::USER_AGENT).map(|agent| agent.chars().take(512).collect()),
            if_none_match: text(header::IF_NONE_MATCH).map(str::to_owned),
            at,
        }
    }

    /// Runs what answers the request.
    pub(crate) async fn scope<T>(self, answer: impl Future<Output = T>) -> T {
        CURRENT.scope(self, answer).await
    }
}

/// Up to 128 letters, digits and a few signs: nothing that could break a header or a log.
fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
}

/// The request, or nothing where none is answered.
pub(crate) fn current() -> Option<Context> {
    CURRENT.try_with(Clone::clone).ok()
}

pub(crate) fn request_id() -> String {
    CURRENT.try_with(|context| context.request_id.clone()).unwrap_or_default()
}

/// When the request came.
pub(crate) fn now() -> Timestamp {
    CURRENT.try_with(|context| context.at).unwrap_or_default()
}

/// Whether the client has this version already.
pub(crate) fn if_none_match(etag: &Etag) -> bool {
    CURRENT
        .try_with(|context| context.if_none_match.as_deref().is_some_and(|header| etag.is_in(header)))
        .unwrap_or(false)
}
