//! A definition as a store keeps it: its text, and the name of the text.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// A definition as it is kept: its text, and the SHA-256 of the text, under which it is kept once
/// for all its executions.
#[derive(Clone, PartialEq, Eq)]
pub struct Definition {
    text: Arc<str>,
    digest: [u8; 32],
}

impl Definition {
    /// Of a workflow as JSON.
    pub fn new(workflow: &Value) -> Self {
        Self::from_text(workflow.to_string())
    }

    /// Of a text that was kept.
    pub fn from_text(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let digest = Sha256::digest(text.as_bytes()).into();
        Self { text, digest }
    }

    /// The text: JSON.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The workflow; null if the text is not JSON, which never was a definition.
    pub fn workflow(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The SHA-256 of the text.
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definition").field("bytes", &self.text.len()).finish_non_exhaustive()
    }
}
