//! How a call fails: the text that a plugin leaves with `error_set` before it returns non-zero.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::name;

/// The longest message that is kept, in bytes. A plugin of somebody else may fail with a page.
const MESSAGE: usize = 16 * 1024;

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GuestFailure {
    /// The kind, for retry policies: dotted words such as `http.429`.
    pub kind: String,
    /// The message, to read.
    pub message: String,
    /// Whether another attempt might succeed.
    #[serde(default = "yes")]
    pub retryable: bool,
    /// How long to wait at least before the next attempt, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// More, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
}

const fn yes() -> bool {
    true
}

impl GuestFailure {
    /// A failure that another attempt might not meet.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            message: message.into(),
            retryable: true,
            retry_after_ms: None,
            detail: None,
        }
    }

    /// Reads what a plugin left with `error_set`.
    ///
    /// JSON with the fields of this type, or else plain text: a failure of kind `error` with the
    /// text as it is. A plugin that was not written for Turbocat may well fail with a JSON of its
    /// own, so this never fails itself. A message of more than 16 KiB is cut.
    ///
    /// ```
    /// use turbocat_pdk::wire::GuestFailure;
    /// assert_eq!(GuestFailure::read("no luck").kind, "error");
    /// let full = r#"{"kind":"http.503","message":"busy","retryAfterMs":2000}"#;
    /// assert_eq!(GuestFailure::read(full).retry_after_ms, Some(2000));
    /// assert_eq!(GuestFailure::read(r#"{"code":7}"#).message, r#"{"code":7}"#);
    /// ```
    pub fn read(text: &str) -> Self {
        let mut failure = Self::read_whole(text);
        failure.cut();
        failure
    }

    /// The same with the whole message, for a host that takes secrets out before it
    /// [cuts](Self::cut).
    pub fn read_whole(text: &str) -> Self {
        let ours = text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten();
        ours.filter(|failure: &Self| name::is_agent_name(&failure.kind))
            .unwrap_or_else(|| Self::new("error", text))
    }

    /// Cuts a message of more than 16 KiB.
    pub fn cut(&mut self) {
        if self.message.len() > MESSAGE {
            let end = (0..=MESSAGE).rev().find(|end| self.message.is_char_boundary(*end));
            self.message.truncate(end.unwrap_or(0));
            self.message.push('…');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_of_this_form_is_plain_text() {
        for text in [
            "",
            "boom",
            "[1]",
            "{",
            r#"{"kind":"a b","message":"m"}"#,
            r#"{"kind":"a","message":"m","more":1}"#,
        ] {
            assert_eq!(GuestFailure::read(text), GuestFailure::new("error", text));
        }
    }

    #[test]
    fn a_failure_is_read_as_it_was_written() {
        let mut failure = GuestFailure::new("http.429", "slow down");
        failure.retry_after_ms = Some(1500);
        failure.retryable = false;
        failure.detail = Some(serde_json::json!({ "limit": 3 }));
        assert_eq!(GuestFailure::read(&serde_json::to_string(&failure).unwrap()), failure);
    }

    #[test]
    fn a_message_of_many_pages_is_cut_between_letters() {
        let failure = GuestFailure::read(&"ä".repeat(MESSAGE));
        assert_eq!(failure.message.len(), MESSAGE + '…'.len_utf8());
        let failure = GuestFailure::read(&format!("x{}", "ä".repeat(MESSAGE)));
        assert!(failure.message.len() <= MESSAGE + '…'.len_utf8());
    }
}
