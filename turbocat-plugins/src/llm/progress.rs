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
    /// How much of the end may be the beginning of a secret.
    held: usize,
    due: Instant,
    shown: bool,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(request: &'a AttemptRequest) -> Self {
        let held = request.longest_secret().saturating_sub(1);
        Self { request, waiting: String::new(), held, due: Instant::now(), shown: false }
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
        (self.waiting.len() > self.held).then_some(self.due)
    }

    /// Shows what waits and cannot be a part of a secret. Each piece is blacked out by itself: of a
    /// secret in two pieces nothing would be.
    pub(crate) fn flush(&mut self) {
        let safe = self.safe();
        let rest = self.waiting.split_off(safe);
        self.show();
        self.waiting = rest;
        self.due = Instant::now() + PAUSE;
    }

    /// How much of what waits no secret reaches beyond, nor could with what is yet to come.
    fn safe(&self) -> usize {
        let mut end = self.waiting.len().saturating_sub(self.held);
        if self.held == 0 || end == 0 {
            return end;
        }
        let whole = self.request.redact(&self.waiting);
        loop {
            while !self.waiting.is_char_boundary(end) {
                end -= 1;
            }
            let (before, after) = self.waiting.split_at(end);
            if end == 0 || self.request.redact(before) + &self.request.redact(after) == whole {
                return end;
            }
            end -= 1;
        }
    }

    fn show(&mut self) {
        if !self.waiting.is_empty() {
            self.request.progress(json!({ "text": std::mem::take(&mut self.waiting) }));
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
        self.show();
        self.shown = false;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use turbocat_core::{Said, Surroundings};

    use super::*;

    #[derive(Default)]
    struct Watching(Mutex<Vec<String>>);

    impl Surroundings for Watching {
        fn report(&self, _: &AttemptRequest, said: Said) {
            if let Said::Progress { value } = said {
                self.0.lock().unwrap().push(value["text"].as_str().unwrap().to_owned());
            }
        }
    }

    /// What is shown of pieces, if there is time for each to be.
    fn shown(secrets: Value, pieces: &[&str]) -> Vec<String> {
        let watching = Arc::new(Watching::default());
        let request = AttemptRequest::new(Value::Null)
            .with_secrets(Arc::new(secrets))
            .with_surroundings(watching.clone());
        let mut progress = Progress::new(&request);
        for piece in pieces {
            progress.text(&mut (*piece).to_owned());
            progress.flush();
        }
        progress.end();
        watching.0.lock().unwrap().clone()
    }

    #[test]
    fn a_secret_is_not_shown_in_pieces() {
        let one = || json!({ "A": "hunter2" });
        let check = |secrets: Value, pieces: &[&str], expected: &str| {
            assert_eq!(shown(secrets, pieces).concat(), expected, "{pieces:?}");
        };
        check(one(), &["it is hun", "ter2, you see"], "it is [secret], you see");
        check(one(), &["hunter2"], "[secret]");
        check(one(), &["a hunter2 and then some"], "a [secret] and then some");
        check(one(), &["h", "u", "n", "t", "e", "r", "2", "!"], "[secret]!");
        check(one(), &["hunhunter2hunter", "2hun"], "hun[secret][secret]hun");
        check(json!({ "A": "pä§ß" }), &["üüp", "ä", "§", "ßüü"], "üü[secret]üü");
        // one is the beginning of another
        check(
            json!({ "A": "key", "B": "key-one" }),
            &["the key", "-o", "ne is key"],
            "the [secret] is [secret]",
        );
    }

    #[test]
    fn what_cannot_be_a_secret_is_not_held_back() {
        assert_eq!(shown(json!({}), &["a", "b"]), ["a", "b"]);
        assert_eq!(shown(json!({ "A": "four" }), &["abcdef", "ghi"]), ["abc", "def", "ghi"]);
    }
}
