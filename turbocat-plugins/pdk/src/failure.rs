//! Why an agent could not do its work.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::wire::GuestFailure;

/// Why an agent could not do its work: a kind to decide by, a message to read.
///
/// Any error converts into one with `?`, so that an agent reads like ordinary code. (That is why
/// it does not implement `Error` itself.)
///
/// ```
/// use turbocat_pdk::Failure;
///
/// fn parse(text: &str) -> Result<u32, Failure> {
///     if text.is_empty() {
///         return Err(Failure::new("blank", "there is nothing to read").permanent());
///     }
///     Ok(text.parse()?)
/// }
/// assert_eq!(parse("").unwrap_err().kind(), "blank");
/// assert_eq!(parse("x").unwrap_err().kind(), "error");
/// ```
#[derive(Clone, PartialEq)]
pub struct Failure(Box<GuestFailure>);

impl Failure {
    /// A failure that another attempt might not meet. Kinds are dotted words such as `http.429`;
    /// retry policies choose by them.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self(Box::new(GuestFailure::new(kind, message)))
    }

    /// A failure of kind `error`.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new("error", message)
    }

    /// The same, but no other attempt would do better.
    #[must_use]
    pub fn permanent(mut self) -> Self {
        self.0.retryable = false;
        self
    }

    /// The same, but not to be tried again before a pause.
    #[must_use]
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.0.retry_after_ms = Some(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// The same with more for programs to read.
    #[must_use]
    pub fn detail(mut self, detail: Value) -> Self {
        self.0.detail = Some(detail);
        self
    }

    /// The kind, to decide by.
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// The message, to read.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether another attempt might succeed.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// The failure as the host reads it.
    pub fn wire(&self) -> &GuestFailure {
        &self.0
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0.message, self.0.kind)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failure({self})")
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            source = cause.source();
        }
        Self::error(message)
    }
}

impl From<GuestFailure> for Failure {
    fn from(failure: GuestFailure) -> Self {
        Self(Box::new(failure))
    }
}
