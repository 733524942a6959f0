//! What can go wrong on the way out. No text here holds a path, a query, a header or a body: any
//! of them may hold a secret.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use reqwest::Url;
use turbocat_core::{FailureKind, StepFailure};

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EgressErrorKind {
    /// The address is one that may not be reached.
    Refused,
    /// The address cannot be read, or is none of HTTP.
    BadUrl,
    /// A header cannot be sent.
    BadHeader,
    /// It took too long.
    Timeout,
    /// No connection came about, or it broke.
    Connect,
    /// The answer is larger than allowed.
    TooLarge,
    /// One redirect too many.
    TooManyRedirects,
    /// Anything else.
    Other,
}

/// Why a request came to nothing.
///
/// Its text names the origin at most, such as `https://example.com`: what comes after may hold
/// secrets.
#[derive(Debug)]
pub struct EgressError {
    kind: EgressErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl EgressError {
    pub(crate) fn new(kind: EgressErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn timeout(after: Duration) -> Self {
        Self::new(EgressErrorKind::Timeout, format!("timed out after {} ms", after.as_millis()))
    }

    /// What the client says, in words that hold nothing of the request.
    pub(crate) fn of_client(url: &Url, error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut deepest: &(dyn Error + 'static) = &error;
        while let Some(cause) = deepest.source() {
            deepest = cause;
            if let Some(Refusal(message)) = deepest.downcast_ref() {
                return Self::new(EgressErrorKind::Refused, message.clone());
            }
        }
        let kind = if error.is_timeout() {
            EgressErrorKind::Timeout
        } else if error.is_builder() {
            EgressErrorKind::Other
        } else {
            EgressErrorKind::Connect
        };
        let failed = if error.is_connect() {
            "cannot be reached"
        } else if error.is_body() || error.is_decode() {
            "broke off its answer"
        } else {
            "did not answer"
        };
        let message = format!("`{}` {failed}: {}", origin(url), lower(&deepest.to_string()));
        Self { kind, message, source: Some(Box::new(error)) }
    }

    /// What kind of thing went wrong.
    pub const fn kind(&self) -> EgressErrorKind {
        self.kind
    }

    /// Whether the same request might succeed later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self.kind, EgressErrorKind::Timeout | EgressErrorKind::Connect)
    }

    /// The failure of a step that comes of it: of kind `timeout`, `network`, `network.refused`,
    /// `network.redirects`, `limit` or `input`.
    pub fn failure(&self) -> StepFailure {
        let kind = match self.kind {
            EgressErrorKind::Refused => FailureKind::new("network.refused"),
            EgressErrorKind::BadUrl | EgressErrorKind::BadHeader => FailureKind::INPUT,
            EgressErrorKind::Timeout => FailureKind::TIMEOUT,
            EgressErrorKind::TooLarge => FailureKind::LIMIT,
            EgressErrorKind::TooManyRedirects => FailureKind::new("network.redirects"),
            EgressErrorKind::Connect | EgressErrorKind::Other => FailureKind::new("network"),
        };
        let failure = StepFailure::new(kind, self.message.clone());
        if self.is_retryable() { failure } else { failure.permanent() }
    }
}

impl fmt::Display for EgressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for EgressError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// Why the resolver gave no address, on its way through the client.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Refusal {}

/// All of an address that may be shown: scheme, host and port.
pub(crate) fn origin(url: &Url) -> String {
    let mut text = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
    if let Some(port) = url.port() {
        text.push(':');
        text.push_str(&port.to_string());
    }
    text
}

/// Other people's messages begin with a capital; ours do not.
fn lower(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        // not the abbreviations
        Some(first) if !letters.clone().next().is_some_and(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}
