//! Why an operation fails: a kind and a sentence. Knows nothing of operations.

use turbocat_core::{FailureKind, StepFailure};

/// Why an operation fails. No other attempt would do better: the data would be the same.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: FailureKind,
    pub(super) message: String,
}

/// What an operation gives.
pub(super) type Outcome<T> = Result<T, Fault>;

impl Fault {
    /// The data or the configuration are not what the operation takes.
    pub(super) fn input(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::INPUT, message: message.into() }
    }

    /// A limit was exceeded.
    pub(super) fn limit(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::LIMIT, message: message.into() }
    }

    /// The result is not what it was promised to be.
    pub(super) fn output(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::OUTPUT, message: message.into() }
    }
}

impl From<Fault> for StepFailure {
    fn from(fault: Fault) -> Self {
        Self::new(fault.kind, fault.message).permanent()
    }
}

/// What kind of value this is, with its article.
pub(super) const fn kind_of(value: &serde_json::Value) -> &'static str {
    use serde_json::Value;
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
