//! What is sent.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use reqwest::Url;

use super::error::{EgressError, EgressErrorKind, origin};

/// A request, and how much of an answer is wanted.
#[derive(Clone)]
pub struct Outgoing {
    /// `GET`, `POST` and so on.
    pub method: Method,
    /// Where to. Only `http` and `https`, without user name and password.
    pub url: Url,
    /// The headers. Values that are [sensitive](HeaderValue::set_sensitive) stay with the origin
    /// of `url` when a redirect leads elsewhere, as `Authorization` and `Cookie` always do.
    pub headers: HeaderMap,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// How long everything may take, the body of the answer included. `None`: for ever.
    pub timeout: Option<Duration>,
    /// How many redirects are followed. 0: none, and a redirect is the answer.
    pub redirects: u8,
    /// How many bytes the answer may have once unpacked.
    pub max_bytes: u64,
    /// Which hosts may be reached, and how, besides what the [`Egress`](super::Egress) allows.
    /// Asked on every hop.
    pub hosts: Option<HostRule>,
}

impl Outgoing {
    /// Follows no redirect, waits 30 s, takes 10 MiB: enough for an API, and no surprise to
    /// anybody's memory.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            timeout: Some(Duration::from_secs(30)),
            redirects: 0,
            max_bytes: 10 << 20,
            hosts: None,
        }
    }

    /// A `GET`.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// A `POST`.
    pub fn post(url: Url) -> Self {
        Self::new(Method::POST, url)
    }

    /// The same with one more header. With more than [`MOST_HEADERS`] it is not sent.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        // one too many is kept, for `check` to see; a map that is full panics
        if self.headers.len() <= MOST_HEADERS {
            self.headers.append(name, value);
        }
        self
    }

    /// The same with a header that must not be seen by anybody else: it is not followed along a
    /// redirect to another origin.
    #[must_use]
    pub fn secret_header(self, name: HeaderName, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.header(name, value)
    }

    /// The same with a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// The same with another time limit; `None` for none.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// The same, following that many redirects.
    #[must_use]
    pub const fn redirects(mut self, redirects: u8) -> Self {
        self.redirects = redirects;
        self
    }

    /// The same with another limit of the answer's size.
    #[must_use]
    pub const fn max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// The same, to these hosts only.
    #[must_use]
    pub fn hosts(mut self, hosts: HostRule) -> Self {
        self.hosts = Some(hosts);
        self
    }

    pub(crate) fn check(&self) -> Result<(), EgressError> {
        if self.headers.len() > MOST_HEADERS {
            let message = format!("the request has more than {MOST_HEADERS} headers");
            return Err(EgressError::new(EgressErrorKind::BadHeader, message));
        }
        match self.headers.keys().find(|name| is_reserved(name)) {
            None => Ok(()),
            Some(name) => {
                let message = format!("header `{name}` follows from the request and cannot be set");
                Err(EgressError::new(EgressErrorKind::BadHeader, message))
            }
        }
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("method", &self.method)
            .field("origin", &origin(&self.url))
            .finish_non_exhaustive()
    }
}

/// The most headers of a request: more than any API wants, and as many as servers take.
pub const MOST_HEADERS: usize = 100;

/// Whether a header is the client's to write: who sets it makes two servers read one request
/// differently, or a server behind a shared address believe it is another one.
pub fn is_reserved(name: &HeaderName) -> bool {
    const RESERVED: [&str; 10] = [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "upgrade",
        "expect",
    ];
    RESERVED.contains(&name.as_str())
}

/// Which hosts a request may reach, and how.
#[derive(Clone)]
pub struct HostRule(Arc<Judge>);

type Judge = dyn Fn(&Method, &Url) -> bool + Send + Sync;

impl HostRule {
    /// Those for which `allowed` says so. It is told the method that is sent there: a redirect
    /// keeps the one it had, or makes it `GET`.
    pub fn when(allowed: impl Fn(&Method, &Url) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(allowed))
    }

    /// Those of a list: `api.example.com`, `*.example.com` for every name below, `*` for all; with
    /// `:8080` on that port only.
    pub fn list<T: AsRef<str>>(hosts: impl IntoIterator<Item = T>) -> Self {
        let hosts: Vec<String> = hosts.into_iter().map(|host| host.as_ref().to_ascii_lowercase()).collect();
        Self::when(move |_, url| hosts.iter().any(|host| listed(host, url)))
    }

    pub(crate) fn judge(&self, method: &Method, url: &Url) -> Result<(), EgressError> {
        if self.0(method, url) {
            return Ok(());
        }
        let message =
            format!("host `{}` is not among those that are allowed", url.host_str().unwrap_or_default());
        Err(EgressError::new(EgressErrorKind::Refused, message))
    }
}

fn listed(pattern: &str, url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let pattern = match pattern.rsplit_once(':') {
        // [::1]:8080 and name:8080, but not ::1
        Some((name, port)) if name.ends_with(']') || !name.contains(':') => {
            if port.parse().ok() != url.port_or_known_default() {
                return false;
            }
            name
        }
        _ => pattern,
    };
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(parent) if parent.starts_with('.') => host.len() > parent.len() && host.ends_with(parent),
        _ => {
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            host == pattern || bare == pattern
        }
    }
}

impl fmt::Debug for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostRule")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_hosts_means_what_it_says() {
        let check = |pattern: &str, url: &str, expected: bool| {
            let verdict = HostRule::list([pattern]).judge(&Method::GET, &Url::parse(url).unwrap());
            assert_eq!(verdict.is_ok(), expected, "{pattern}: {url}");
        };
        check("example.com", "https://example.com/x", true);
        check("Example.COM", "https://EXAMPLE.com./x", true);
        check("example.com", "https://www.example.com/", false);
        check("example.com", "https://example.com.evil.org/", false);
        check("*.example.com", "https://a.b.example.com/", true);
        check("*.example.com", "https://example.com/", false);
        check("*.example.com", "https://evilexample.com/", false);
        check("*", "https://anything.org/", true);
        check("example.com:8443", "https://example.com:8443/", true);
        check("example.com:8443", "https://example.com/", false);
        check("example.com:443", "https://example.com/", true);
        check("example.com:x", "https://example.com/", false);
        check("::1", "http://[::1]:80/", true);
        check("[::1]:81", "http://[::1]:81/", true);
        check("", "https://example.com/", false);
    }

    #[test]
    fn what_is_sent_is_not_shown() {
        let outgoing = Outgoing::get(Url::parse("https://x.org/hook/s3cret?token=s3cret").unwrap())
            .secret_header(http::header::AUTHORIZATION, HeaderValue::from_static("s3cret"));
        assert!(!format!("{outgoing:?}").contains("s3cret"));
    }
}
