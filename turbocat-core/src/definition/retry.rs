//! Reading how a step is tried again: `onError` and `retry`, and the words of `onLost`.

use std::time::Duration;

use crate::diagnostic::Code;

use super::cursor::{At, Fields};
use super::decode::Decoder;
use super::tree::Shape;
use super::workflow::{Fallback, OnError, OnLost, Retry};

pub(super) const ON_ERROR: [(&str, OnError); 3] =
    [("fail", OnError::Fail), ("continue", OnError::Continue), ("retry", OnError::Retry)];
pub(super) const ON_LOST: [(&str, OnLost); 3] =
    [("retry", OnLost::Retry), ("ask", OnLost::Ask), ("fail", OnLost::Fail)];
pub(super) const FALLBACK: [(&str, Fallback); 2] =
    [("continue", Fallback::Continue), ("fail", Fallback::Fail)];

impl Decoder<'_> {
    /// `onError` and `retry` of a step; a policy alone means that the step is retried.
    pub(super) fn on_error(&mut self, fields: &mut Fields<'_>) -> (OnError, Retry) {
        let on_error = fields.take("onError").and_then(|at| self.word(&at, &ON_ERROR));
        let Some(at) = fields.take("retry") else { return (on_error.unwrap_or_default(), Retry::default()) };
        if let Some(OnError::Fail | OnError::Continue) = on_error {
            let word = if on_error == Some(OnError::Fail) { "fail" } else { "continue" };
            let diagnostic =
                at.error(Code::CONFLICT, format!("`retry` has no meaning with `onError: {word}`"));
            self.report(diagnostic.help(format!(
                "write `onError: retry`; what happens after the last attempt is `retry: {{ then: {word} }}`"
            )));
        }
        (OnError::Retry, self.retry(&at))
    }

    fn retry(&mut self, at: &At<'_>) -> Retry {
        let mut retry = Retry::default();
        if matches!(at.node.shape, Shape::Number(_)) {
            retry.max = self.count(at, 0).unwrap_or_default();
            return retry;
        }
        let mut fields = self.fields(at, "a mapping such as `{ max: 3, delay: 2s }`, or a number");
        if let Some(max) = fields.take("max").and_then(|at| self.count(&at, 0)) {
            retry.max = max;
        }
        let delay = self.duration(&mut fields, "delay", "delayMs", true);
        let max_delay = self.duration(&mut fields, "maxDelay", "maxDelayMs", true);
        if let Some(factor) = fields.take("factor").and_then(|at| self.between(&at, 1.0, 100.0)) {
            retry.factor = factor;
        }
        if let Some(jitter) = fields.take("jitter").and_then(|at| self.between(&at, 0.0, 1.0)) {
            retry.jitter = jitter;
        }
        if let Some(at) = fields.take("on") {
            retry.on = self.patterns(&at);
        }
        if let Some(then) = fields.take("then").and_then(|at| self.word(&at, &FALLBACK)) {
            retry.then = then;
        }
        self.pauses(&fields, &mut retry, delay, max_delay);
        self.finish(
            &fields,
            |key| match key {
                "attempts" | "count" | "times" | "retries" => Some("did you mean `max`?".to_owned()),
                "backoff" | "multiplier" => Some("did you mean `factor`?".to_owned()),
                _ => None,
            },
            None,
        );
        retry
    }

    /// The first and the longest pause, which must agree; a long first one raises the default cap.
    fn pauses(
        &mut self,
        fields: &Fields<'_>,
        retry: &mut Retry,
        delay: Option<Duration>,
        max: Option<Duration>,
    ) {
        retry.delay = delay.unwrap_or(retry.delay);
        match max {
            Some(max) if delay.is_some_and(|delay| delay > max) => {
                if let Some(entry) = fields.entry("maxDelay").or_else(|| fields.entry("maxDelayMs")) {
                    let message = format!("`{}` is shorter than the first pause", entry.key);
                    let diagnostic = fields.at.error_at(entry, Code::BAD_RETRY, message);
                    self.report(diagnostic.help("raise it, or lower the delay"));
                }
            }
            Some(max) => {
                retry.max_delay = max;
                retry.delay = retry.delay.min(max);
            }
            None => retry.max_delay = retry.max_delay.max(retry.delay),
        }
    }

    fn between(&mut self, at: &At<'_>, least: f64, most: f64) -> Option<f64> {
        let number = self.number(at)?;
        if (least..=most).contains(&number) {
            return Some(number);
        }
        let message = format!("{} must be from {least} to {most}, not {number}", at.label());
        let diagnostic = at.error(Code::BAD_RETRY, message);
        self.report(match least {
            1.0 => diagnostic.help("each pause is that many times the one before; 1 keeps them equal"),
            _ => diagnostic.help("it is the share of a pause that chance may add"),
        });
        None
    }

    fn patterns(&mut self, at: &At<'_>) -> Vec<String> {
        let patterns = self.texts(at, "a list of failure kinds such as `[timeout, http.5xx]`");
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '*');
        for pattern in &patterns {
            if pattern.split('.').any(|word| word.is_empty() || !word.chars().all(fits)) {
                let message = format!("`{pattern}` is not a kind of failure");
                let place = at.items().find(|item| item.node.as_text() == Some(pattern)).unwrap_or(*at);
                self.report(
                    place
                        .error(Code::BAD_RETRY, message)
                        .help("kinds are dotted words such as `timeout`, `http.429`, `http.5xx`"),
                );
            }
        }
        patterns
    }
}
