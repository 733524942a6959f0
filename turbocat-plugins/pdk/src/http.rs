//! A request that the host sends for the plugin, and the response.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// An HTTP request. The host sends it, if the plugin was granted method and host.
///
/// ```
/// use turbocat_pdk::Request;
///
/// let request = Request::post("https://api.example.com/orders")
///     .header("authorization", "Bearer …")
///     .json(&["tea"])?;
/// assert_eq!(request.body(), b"[\"tea\"]");
/// # Ok::<_, turbocat_pdk::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// A request with any method.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self { method: method.into(), url: url.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// A GET.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A POST.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// The same with a header. A later one of the same name replaces it.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.headers.retain(|(earlier, _)| !earlier.eq_ignore_ascii_case(&name));
        self.headers.push((name, value.into()));
        self
    }

    /// The same with a body as it is.
    #[must_use]
    pub fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The same with a body of JSON, and the header that says so unless it has one.
    ///
    /// # Errors
    /// If the value cannot be written as JSON.
    pub fn json<T: Serialize + ?Sized>(self, body: &T) -> Result<Self, Failure> {
        let body = serde_json::to_vec(body)?;
        let told = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let request = if told { self } else { self.header("content-type", "application/json") };
        Ok(request.bytes(body))
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The headers.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The body; empty if there is none.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Response {
    /// A response, for tests.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// The same with a header, for tests.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// A header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(held, _)| held.eq_ignore_ascii_case(name));
        found.map(|(_, value)| &**value)
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as text.
    ///
    /// # Errors
    /// If it is not UTF-8.
    pub fn text(&self) -> Result<&str, Failure> {
        Ok(std::str::from_utf8(&self.body)?)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// If it is not JSON, or not of that type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The same if the status is below 400.
    ///
    /// # Errors
    /// Else a failure of kind `http.404` and the like, which says whether and when another
    /// attempt makes sense: after 408, 425, 429 and all from 500 on, at the earliest when
    /// `Retry-After` says so.
    pub fn ok(self) -> Result<Self, Failure> {
        if self.status < 400 {
            return Ok(self);
        }
        let status = self.status;
        let failure =
            Failure::new(format!("http.{status}"), format!("the other side answered with {status}"));
        if !matches!(status, 408 | 425 | 429 | 500..) {
            return Err(failure.permanent());
        }
        let pause = self.header("retry-after").and_then(|text| text.trim().parse().ok());
        Err(match pause {
            Some(seconds) => failure.retry_after(Duration::from_secs(seconds)),
            None => failure,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_sent_once() {
        let request = Request::get("http://a.example").header("Accept", "a").header("accept", "b");
        assert_eq!(request.headers(), [("accept".to_owned(), "b".to_owned())]);
        let request = Request::post("http://a.example").header("Content-Type", "text/x").json("x").unwrap();
        assert_eq!(request.headers(), [("Content-Type".to_owned(), "text/x".to_owned())]);
    }

    #[test]
    fn a_status_from_400_on_is_a_failure_that_says_when_to_try_again() {
        assert_eq!(Response::new(302, "").ok().unwrap().status(), 302);
        let check = |status: u16, retryable: bool| {
            let failure = Response::new(status, "").ok().unwrap_err();
            assert_eq!((failure.kind(), failure.is_retryable()), (&*format!("http.{status}"), retryable));
        };
        check(404, false);
        check(408, true);
        check(429, true);
        check(503, true);
        let busy = Response::new(503, "").with_header("Retry-After", "2").ok().unwrap_err();
        assert_eq!(busy.wire().retry_after_ms, Some(2000));
    }
}
