//! What an agent answers.

use std::sync::Arc;

use serde_json::Value;

use crate::usage::Usage;

/// What an agent answers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StepOutput {
    /// The output.
    pub value: Arc<Value>,
    /// What it used, if the agent says.
    pub usage: Option<Box<Usage>>,
}

impl StepOutput {
    /// An output that is shared with somebody else.
    pub const fn shared(value: Arc<Value>) -> Self {
        Self { value, usage: None }
    }

    /// The same with what it used.
    #[must_use]
    pub fn used(mut self, usage: Usage) -> Self {
        self.usage = (!usage.is_nothing()).then(|| Box::new(usage.sound()));
        self
    }
}

impl From<Value> for StepOutput {
    fn from(value: Value) -> Self {
        Self::shared(Arc::new(value))
    }
}
