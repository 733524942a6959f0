//! How the host ends a call: with an error that the plugin cannot catch.

use std::fmt;

use turbocat_core::StepFailure;

/// The host ends the call.
#[derive(Debug)]
pub(super) enum Stop {
    /// It failed.
    Failed(Box<StepFailure>),
    /// The plugin left through WASI, with this code.
    Exited(i32),
}

impl Stop {
    pub(super) fn failed(failure: StepFailure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => failure.fmt(f),
            Self::Exited(code) => write!(f, "the plugin exited with code {code}"),
        }
    }
}

impl std::error::Error for Stop {}
