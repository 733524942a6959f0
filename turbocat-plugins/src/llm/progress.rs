//! What an answer looks like while it comes: pieces of text, not more often than anybody can read.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use turbocat_core::AttemptRequest;

/// Twenty times a second is live to every eye.
const PAUSE: Duration = Duration::from_millis(50);

/// Shows an answer while it comes.
#[derive(Debug)]
pub(crate) struct Progress<'a> {
    request: &'a AttemptRequest,
    waiting: String,
    due: Instant,
    shown: bool,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(request: &'a AttemptRequest) -> Self {
        Self { request, waiting: String::new(), due: Instant::now(), shown: false }
    }

    /// More text came.
    pub(crate) fn text(&mut self, text: &mut String) {
        self.waiting.push_str(text);
        text.clear();
        if Instant::now() >= self.due {
            self.flush();
        }
    }

    /// When text that waits is to be shown; `None` if none waits.
    pub(crate) fn due(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.due)
    }

    /// Shows what waits.
    pub(crate) fn flush(&mut self) {
        if !self.waiting.is_empty() {
            self.request.progress(json!({ "text": std::mem::take(&mut self.waiting) }));
            self.due = Instant::now() + PAUSE;
            self.shown = true;
        }
    }

    /// What was shown is void: the answer begins anew.
    pub(crate) fn restart(&mut self) {
        self.waiting.clear();
        if std::mem::take(&mut self.shown) {
            self.request.progress(json!({ "restarted": true }));
        }
    }

    /// What was shown is complete: what comes is another answer.
    pub(crate) fn end(&mut self) {
        self.flush();
        self.shown = false;
    }
}
