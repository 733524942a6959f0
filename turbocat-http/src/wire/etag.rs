//! Versions of resources: what was read, and what is to be changed only if it is still that.

use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use turbocat_core::Timestamp;

use crate::api::Api;
use crate::error::Error;

/// The version of a row: when it was last changed, which is never the same twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Etag(pub(crate) Timestamp);

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{:x}\"", self.0.as_millis())
    }
}

impl Etag {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix("W/").unwrap_or(text);
        let hex = text.strip_prefix('"')?.strip_suffix('"')?;
        i64::from_str_radix(hex, 16).ok().map(|millis| Self(Timestamp::from_millis(millis)))
    }

    /// Whether a header names this version.
    pub(crate) fn is_in(&self, header: &str) -> bool {
        header.split(',').any(|one| one.trim() == "*" || Self::parse(one) == Some(*self))
    }
}

/// `If-Match`: the version that is to be changed, if one was named.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IfMatch(pub(crate) Option<Timestamp>);

impl FromRequestParts<Api> for IfMatch {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Response> {
        let Some(header) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        let text = header.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Self(None));
        }
        // One that is none of ours names no version there is.
        Etag::parse(text).map(|etag| Self(Some(etag.0))).ok_or_else(|| Error::changed().into_response())
    }
}

impl IfMatch {
    /// An error of a change that was to be made to a named version: it was changed meanwhile.
    pub(crate) fn explain(self, error: Error) -> Error {
        if self.0.is_some() && error.is_conflict() { Error::changed() } else { error }
    }
}
