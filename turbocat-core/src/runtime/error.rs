//! What can keep an execution from being run.

use std::fmt;

use super::execution::Execution;
use crate::diagnostic::Diagnostics;

/// Why something could not be done. Opaque: ask [`kind`](Self::kind).
pub struct Error {
    kind: ErrorKind,
    message: String,
    cause: Cause,
}

enum Cause {
    None,
    Diagnostics(Diagnostics),
    Execution(Box<Execution>),
    Other(Box<dyn std::error::Error + Send + Sync>),
}

/// The kinds of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The workflow cannot be used; [`Error::diagnostics`] says why.
    InvalidWorkflow,
    /// The inputs are not what the workflow declares; [`Error::diagnostics`] says why.
    InvalidInputs,
    /// The execution did not complete; [`Error::execution`] has it.
    ExecutionFailed,
    /// The execution has ended, or no step waits for what was sent.
    NotWaiting,
    /// The engine is shutting down.
    Closed,
    /// There is no such execution, workflow or step.
    NotFound,
    /// The journal could not be written or read.
    Journal,
    /// Somebody else drives the execution, as its journal shows.
    Conflict,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), cause: Cause::None }
    }

    pub(crate) fn diagnostics_of(kind: ErrorKind, message: &str, diagnostics: Diagnostics) -> Self {
        Self { kind, message: message.to_owned(), cause: Cause::Diagnostics(diagnostics) }
    }

    pub(crate) fn failed(execution: Execution) -> Self {
        let message = match execution.failure() {
            Some(failure) => {
                format!(
                    "execution {} ended as {}: {}",
                    execution.id(),
                    execution.status().word(),
                    failure.message
                )
            }
            None => format!("execution {} ended as {}", execution.id(), execution.status().word()),
        };
        Self { kind: ErrorKind::ExecutionFailed, message, cause: Cause::Execution(Box::new(execution)) }
    }

    pub(crate) fn caused(
        kind: ErrorKind,
        message: impl Into<String>,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind, message: message.into(), cause: Cause::Other(cause.into()) }
    }

    /// What kind of error it is.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether doing the same again might succeed.
    pub const fn is_retryable(&self) -> bool {
        matches!(self.kind, ErrorKind::Journal)
    }

    /// What is wrong with the workflow or the inputs.
    pub const fn diagnostics(&self) -> Option<&Diagnostics> {
        match &self.cause {
            Cause::Diagnostics(diagnostics) => Some(diagnostics),
            _ => None,
        }
    }

    /// The execution that did not complete.
    pub fn execution(&self) -> Option<&Execution> {
        match &self.cause {
            Cause::Execution(execution) => Some(execution),
            _ => None,
        }
    }

    /// The execution that did not complete, to keep.
    pub fn into_execution(self) -> Option<Execution> {
        match self.cause {
            Cause::Execution(execution) => Some(*execution),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.cause {
            Cause::Diagnostics(diagnostics) => write!(f, "\n{diagnostics}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `main` shows an error with `Debug`; the text is what its reader needs.
        write!(f, "{self}")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.cause {
            Cause::Other(cause) => Some(&**cause),
            _ => None,
        }
    }
}
