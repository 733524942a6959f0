//! What went wrong in an attempt: a kind to decide by, a message to read.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::usage::Usage;

/// The kind of a failure: dotted words such as `timeout`, `http.429`, `panic`.
///
/// Retry policies choose by it: `http` matches every `http.…`, `http.5xx` every code from 500
/// to 599.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FailureKind(Cow<'static, str>);

impl FailureKind {
    /// The agent said that it failed.
    pub const ERROR: Self = Self(Cow::Borrowed("error"));
    /// An attempt, a step or an execution took too long.
    pub const TIMEOUT: Self = Self(Cow::Borrowed("timeout"));
    /// The agent panicked.
    pub const PANIC: Self = Self(Cow::Borrowed("panic"));
    /// A template could not be evaluated.
    pub const TEMPLATE: Self = Self(Cow::Borrowed("template"));
    /// The agent was given inputs it cannot read.
    pub const INPUT: Self = Self(Cow::Borrowed("input"));
    /// The agent gave an output that is no JSON.
    pub const OUTPUT: Self = Self(Cow::Borrowed("output"));
    /// Whoever did the attempt went away; it may or may not have acted. What happens then is the
    /// step's `onLost` to say.
    pub const LOST: Self = Self(Cow::Borrowed("lost"));
    /// A person said no.
    pub const REJECTED: Self = Self(Cow::Borrowed("rejected"));
    /// A limit was exceeded.
    pub const LIMIT: Self = Self(Cow::Borrowed("limit"));
    /// More was used than the budget allows.
    pub const BUDGET: Self = Self(Cow::Borrowed("budget"));
    /// A step inside a loop, a branch or a nested workflow failed.
    pub const NESTED: Self = Self(Cow::Borrowed("nested"));
    /// A nested workflow would contain itself.
    pub const RECURSION: Self = Self(Cow::Borrowed("recursion"));
    /// The agent or nested workflow is not registered.
    pub const UNKNOWN: Self = Self(Cow::Borrowed("unknown"));

    /// A kind of the agent's own.
    pub fn new(kind: impl Into<Cow<'static, str>>) -> Self {
        Self(kind.into())
    }

    /// The kind as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a pattern of a retry policy means this kind.
    pub fn matches(&self, pattern: &str) -> bool {
        let mut words = self.0.split('.');
        pattern.split('.').all(|wanted| {
            words.next().is_some_and(|word| {
                wanted == "*"
                    || wanted == word
                    || (wanted.ends_with("xx")
                        && wanted.len() == word.len()
                        && word.starts_with(wanted.trim_end_matches('x'))
                        && word.bytes().all(|b| b.is_ascii_digit()))
            })
        })
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why an attempt failed.
///
/// Any error converts into one with `?`, so that an agent reads like ordinary code. (That is
/// why it does not implement `Error` itself.)
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StepFailure {
    /// The kind, to decide by.
    pub kind: FailureKind,
    /// The message, to read.
    pub message: String,
    /// Whether another attempt might succeed.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub retryable: bool,
    /// How long to wait at least before the next attempt, if the other side said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
    /// More, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub detail: Option<Box<Value>>,
    /// What the attempt used before it failed, if the agent says. Recorded on its own.
    #[serde(skip)]
    pub usage: Option<Box<Usage>>,
}

pub(crate) const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(crate) const fn is_true(value: &bool) -> bool {
    *value
}

/// A field that is there: null is a value too, not the absence of one.
pub(crate) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(field: D) -> Result<Option<T>, D::Error> {
    T::deserialize(field).map(Some)
}

impl StepFailure {
    /// A failure that another attempt might not meet.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retryable: true, retry_after: None, detail: None, usage: None }
    }

    /// An agent's failure with a message.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(FailureKind::ERROR, message)
    }

    /// The same, but no other attempt would do better.
    #[must_use]
    pub fn permanent(mut self) -> Self {
        self.retryable = false;
        self
    }

    /// The same, but not to be tried again before a pause.
    #[must_use]
    pub const fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// The same with more for programs to read.
    #[must_use]
    pub fn detail(mut self, detail: Value) -> Self {
        self.detail = Some(Box::new(detail));
        self
    }

    /// The same with what the attempt used before it failed.
    #[must_use]
    pub fn used(mut self, usage: Usage) -> Self {
        self.usage = (!usage.is_nothing()).then(|| Box::new(usage.sound()));
        self
    }
}

impl fmt::Display for StepFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.kind)
    }
}

impl fmt::Debug for StepFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StepFailure({self})")
    }
}

impl<E: std::error::Error> From<E> for StepFailure {
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

impl From<StepFailure> for Box<dyn std::error::Error> {
    fn from(failure: StepFailure) -> Self {
        failure.to_string().into()
    }
}

impl From<StepFailure> for Box<dyn std::error::Error + Send + Sync> {
    fn from(failure: StepFailure) -> Self {
        failure.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_pattern_matches_its_family() {
        let check = |kind: &'static str, pattern: &str, expected: bool| {
            assert_eq!(FailureKind::new(kind).matches(pattern), expected, "{kind} against {pattern}");
        };
        check("timeout", "timeout", true);
        check("http.429", "http.429", true);
        check("http.429", "http", true);
        check("http.429", "http.4xx", true);
        check("http.503", "http.5xx", true);
        check("http.503", "http.4xx", false);
        check("http.5x3", "http.5xx", false);
        check("http", "http.5xx", false);
        check("timeout", "time", false);
        check("panic", "*", true);
    }

    #[test]
    fn an_error_keeps_its_causes() {
        let error = std::io::Error::other("disk full");
        assert_eq!(StepFailure::from(error).message, "disk full");
    }
}
