//! What a model answered, or why it did not. Knows no provider and no network.

use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

use turbocat_core::{FailureKind, StepFailure};

use super::conversation::ToolCall;

/// What a model answered.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// Its text.
    pub content: String,
    /// The tools it wants called.
    pub calls: Vec<ToolCall>,
    /// Why it stopped, in the provider's word.
    pub finish: Option<String>,
    /// What it took.
    pub tokens: Tokens,
}

impl Answer {
    /// Whether it ends where its tokens ended, not where the model was done.
    pub fn was_cut(&self) -> bool {
        const CUT: [&str; 4] = ["length", "max_tokens", "MAX_TOKENS", "model_context_window_exceeded"];
        self.finish.as_deref().is_some_and(|finish| CUT.contains(&finish))
    }
}

/// Tokens of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Of what was told, the cached ones among them.
    pub input: u64,
    /// Of the answer, thoughts among them.
    pub output: u64,
    /// Of what was told, how many the provider had in its cache: they are cheaper.
    pub cached: u64,
    /// Of what was told, how many the provider put into its cache: with some they are dearer.
    pub written: u64,
}

impl Tokens {
    /// All of them.
    pub const fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

impl AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.cached = self.cached.saturating_add(other.cached);
        self.written = self.written.saturating_add(other.written);
    }
}

/// Why a call gave no answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fault {
    /// What kind of thing went wrong.
    pub kind: FaultKind,
    /// What the provider or the network said.
    pub message: String,
    /// How long the provider wants to be left alone.
    pub retry_after: Option<Duration>,
    /// What was spent nevertheless.
    pub tokens: Tokens,
}

/// What kind of thing went wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The provider answered with this status, or said the like in the midst of a stream.
    Status(u16),
    /// There is no money left on the account: waiting does not help, another provider does.
    Quota,
    /// It took too long.
    Timeout,
    /// The provider could not be reached, or the connection broke.
    Connection,
    /// The address is not allowed.
    Refused,
    /// The reply is not what this provider sends.
    Reply,
    /// The model, or the provider's filter, will not answer this.
    Refusal,
}

impl Fault {
    /// A fault with a message.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None, tokens: Tokens::default() }
    }

    /// The reply is not what this provider sends.
    pub fn reply(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Reply, message)
    }

    /// The same with what was spent nevertheless.
    #[must_use]
    pub const fn spent(mut self, tokens: Tokens) -> Self {
        self.tokens = tokens;
        self
    }

    /// Whether the next model may do better.
    pub const fn falls_back(&self) -> bool {
        match self.kind {
            FaultKind::Status(status) => matches!(status, 408 | 425 | 429 | 500..=599),
            FaultKind::Quota | FaultKind::Timeout | FaultKind::Connection | FaultKind::Reply => true,
            FaultKind::Refused | FaultKind::Refusal => false,
        }
    }

    /// Whether the same model may do better later.
    pub const fn is_retryable(&self) -> bool {
        self.falls_back() && !matches!(self.kind, FaultKind::Quota)
    }

    /// The kind of failure of the step.
    pub fn failure_kind(&self) -> FailureKind {
        match self.kind {
            FaultKind::Status(status) => FailureKind::new(format!("http.{status}")),
            FaultKind::Quota => FailureKind::new("http.429"),
            FaultKind::Timeout => FailureKind::TIMEOUT,
            FaultKind::Connection => FailureKind::new("network"),
            FaultKind::Refused => FailureKind::new("network.refused"),
            FaultKind::Reply => FailureKind::new("llm.reply"),
            FaultKind::Refusal => FailureKind::new("llm.refusal"),
        }
    }

    /// The failure of the step, said of a model.
    pub fn into_failure(self, model: &str) -> StepFailure {
        let failure = StepFailure::new(self.failure_kind(), format!("`{model}`: {}", self.message));
        let failure = if self.is_retryable() { failure } else { failure.permanent() };
        match self.retry_after {
            Some(pause) if self.is_retryable() => failure.retry_after(pause),
            _ => failure,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}
