//! Where a redirect leads, and what goes along. Sends nothing.

use http::{HeaderMap, Method, StatusCode, header};
use reqwest::Url;

use super::error::{EgressError, EgressErrorKind, origin};
use super::outgoing::Outgoing;

/// The address a redirect names; `None` if the answer is none.
pub(crate) fn target(
    from: &Url,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<Url>, EgressError> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = headers.get(header::LOCATION) else { return Ok(None) };
    let bad = || {
        let message = format!("`{}` redirects to an address that cannot be read", origin(from));
        EgressError::new(EgressErrorKind::BadUrl, message)
    };
    // many servers send UTF-8 as it is
    let location = std::str::from_utf8(location.as_bytes()).map_err(|_| bad())?;
    let to = from.join(location).map_err(|_| bad())?;
    if from.scheme() == "https" && to.scheme() == "http" {
        let message = format!("`{}` redirects from https to http, which is not followed", origin(from));
        return Err(EgressError::new(EgressErrorKind::Refused, message));
    }
    Ok(Some(to))
}

/// Makes the request the one that follows a redirect, as browsers do.
pub(crate) fn follow(outgoing: &mut Outgoing, status: StatusCode, to: Url) {
    let becomes_get = match status.as_u16() {
        301 | 302 => outgoing.method == Method::POST,
        303 => outgoing.method != Method::GET && outgoing.method != Method::HEAD,
        _ => false,
    };
    if becomes_get {
        outgoing.method = Method::GET;
        outgoing.body = None;
        for name in [
            header::CONTENT_TYPE,
            header::CONTENT_ENCODING,
            header::CONTENT_LANGUAGE,
            header::CONTENT_LOCATION,
        ] {
            outgoing.headers.remove(name);
        }
    }
    if outgoing.url.origin() != to.origin() {
        outgoing.headers = without_credentials(&outgoing.headers);
    }
    outgoing.url = to;
}

fn without_credentials(headers: &HeaderMap) -> HeaderMap {
    let secret = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];
    headers
        .iter()
        .filter(|(name, value)| !value.is_sensitive() && !secret.contains(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
