//! What can go wrong: a mistake in a template, or values that do not fit it.
//!
//! Messages name paths, types and keys, never the values themselves.

use std::fmt;

use crate::Pointer;

/// A mistake the author made, found while compiling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TemplateError {
    /// Where inside the compiled value.
    pub(crate) pointer: Pointer,
    /// The raw text to mark in the source.
    pub(crate) token: String,
    /// What is wrong.
    pub(crate) message: String,
    /// The next action.
    pub(crate) help: Option<String>,
}

/// A template or expression that could not be evaluated with the values given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EvalError {
    /// What failed, naming the path and what was there.
    pub(crate) message: String,
    /// The token it happened in, as written.
    pub(crate) token: String,
    /// The next action.
    pub(crate) help: Option<String>,
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.token.is_empty() && !self.message.contains(self.token.as_str()) {
            write!(f, ", in `{}`", self.token)?;
        }
        if let Some(help) = &self.help {
            write!(f, "; help: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for EvalError {}

/// A failure inside a token, before it is known which token that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn within(self, token: &str) -> EvalError {
        EvalError { message: self.message, token: token.to_owned(), help: self.help }
    }
}
