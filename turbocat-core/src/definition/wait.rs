//! Reading what a waiting step waits for.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::diagnostic::Code;
use crate::duration::parse_duration;

use super::cursor::{At, Fields};
use super::decode::{DURATIONS, Decoder};
use super::tree::Shape;
use super::workflow::{OnTimeout, Wait};

pub(super) const ON_TIMEOUT: [(&str, OnTimeout); 4] = [
    ("fail", OnTimeout::Fail),
    ("continue", OnTimeout::Continue),
    ("approve", OnTimeout::Approve),
    ("reject", OnTimeout::Reject),
];

const EXAMPLE: &str = "a duration such as `5s`, or a mapping such as `{ signal: paid }`";

impl Decoder<'_> {
    /// What stands under `wait`, and the timeout that may stand there with it.
    pub(super) fn wait(&mut self, at: &At<'_>) -> (Wait, Option<Duration>) {
        match &at.node.shape {
            Shape::Text(_) | Shape::Number(_) => (Wait::For(self.pause(at)), None),
            _ => self.wait_for(at),
        }
    }

    fn wait_for(&mut self, at: &At<'_>) -> (Wait, Option<Duration>) {
        const WAYS: [&str; 5] = ["for", "duration", "until", "signal", "approval"];
        let mut fields = self.fields(at, EXAMPLE);
        let ways: Vec<&str> = WAYS.into_iter().filter(|way| fields.has(way)).collect();
        if let [first, second, ..] = ways[..] {
            self.conflict(
                &fields,
                first,
                second,
                "a step waits for one thing; give the other a step of its own",
            );
        }
        let pause = fields.take("for");
        let pause = fields.take("duration").or(pause);
        let until = fields.take("until");
        let signal = fields.take("signal");
        let approval = fields.take("approval");
        let answered = signal.is_some() || approval.is_some();
        let mut timeout = None;
        let mut on_timeout = OnTimeout::default();
        if answered {
            timeout = self.duration(&mut fields, "timeout", "timeoutMs", false);
            on_timeout = self.on_timeout(&mut fields, approval.is_some());
        }
        let wait = if let Some(at) = pause {
            Wait::For(self.pause(&at))
        } else if let Some(at) = until {
            Wait::Until(self.moment(&at))
        } else if let Some(at) = signal {
            Wait::Signal { name: self.filled_text(&at).map_or(Value::Null, Value::String), on_timeout }
        } else if let Some(at) = approval {
            Wait::Approval { question: self.filled_text(&at).map_or(Value::Null, Value::String), on_timeout }
        } else {
            if matches!(at.node.shape, Shape::Mapping(_)) && fields.at.entries().is_empty() {
                let help = "give it `for`, `until`, `signal` or `approval`";
                self.missing(at, "for", "`wait` does not say what to wait for", help);
            }
            Wait::For(Value::Null)
        };
        self.finish(
            &fields,
            |key| match key {
                "timeout" | "timeoutMs" | "onTimeout" => {
                    Some("only a wait for a signal or an approval can time out".to_owned())
                }
                _ => None,
            },
            None,
        );
        (wait, timeout)
    }

    fn on_timeout(&mut self, fields: &mut Fields<'_>, approval: bool) -> OnTimeout {
        let Some(at) = fields.take("onTimeout") else { return OnTimeout::default() };
        let words = if approval { &ON_TIMEOUT[..] } else { &ON_TIMEOUT[..2] };
        self.word(&at, words).unwrap_or_default()
    }

    /// A duration as text, a number of milliseconds, or a template of either.
    pub(super) fn pause(&mut self, at: &At<'_>) -> Value {
        match &at.node.shape {
            Shape::Text(text) if !text.contains("{{") => {
                if let Err(message) = parse_duration(text) {
                    self.report(at.error(Code::BAD_DURATION, message).help(DURATIONS));
                }
            }
            Shape::Text(_) => {}
            _ => {
                self.millis(at);
            }
        }
        at.node.to_value()
    }

    /// A moment as RFC 3339 text, a number of milliseconds since 1970, or a template of either.
    fn moment(&mut self, at: &At<'_>) -> Value {
        match &at.node.shape {
            Shape::Text(text) if text.contains("{{") => {}
            Shape::Text(text) => {
                if text.parse::<Timestamp>().is_err() {
                    let message = format!("`{text}` is not a moment with date, time and offset");
                    self.report(
                        at.error(Code::BAD_VALUE, message)
                            .help("write it as in `2027-01-31T09:00:00Z` or `2027-01-31T09:00:00+01:00`"),
                    );
                }
            }
            _ => {
                self.number(at);
            }
        }
        at.node.to_value()
    }
}
