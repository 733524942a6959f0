//! Reading typed values out of a tree, noting every mistake and going on.
//!
//! A reader that meets a mistake notes it and gives a stand-in, so that one pass finds all
//! mistakes. Knows scalars and mappings; the rest is in the files named after it.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::duration::{from_millis, parse_duration};

use super::cursor::{At, Fields};
use super::limits::Limits;
use super::tree::Shape;

/// The diagnostics so far and the limits.
#[derive(Debug)]
pub(super) struct Decoder<'l> {
    pub(super) limits: &'l Limits,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) steps: usize,
}

impl<'l> Decoder<'l> {
    pub(super) const fn new(limits: &'l Limits, diagnostics: Vec<Diagnostic>) -> Self {
        Self { limits, diagnostics, steps: 0 }
    }

    /// Whether more mistakes would not be kept: looking for advice would be work for nothing.
    pub(super) const fn is_full(&self) -> bool {
        self.diagnostics.len() >= self.limits.max_diagnostics
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        if !self.is_full() {
            self.diagnostics.push(diagnostic);
        }
    }

    fn wrong_type(&mut self, at: &At<'_>, wanted: &str) {
        let is = match &at.node.shape {
            Shape::Null => "but it is empty".to_owned(),
            _ => format!("not {}", at.node.word()),
        };
        let diagnostic = at.error(Code::WRONG_TYPE, format!("{} must be {wanted}, {is}", at.label()));
        self.report(match (wanted, &at.node.shape) {
            (_, Shape::Null) => diagnostic.help("fill it in, or remove the key"),
            ("text", Shape::Number(number)) => diagnostic.help(format!("put it in quotes: \"{number}\"")),
            ("text", Shape::Bool(bool)) => diagnostic.help(format!("put it in quotes: \"{bool}\"")),
            ("a number" | "a whole number", Shape::Text(text)) if text.parse::<f64>().is_ok() => {
                diagnostic.help(format!("write it without quotes: {text}"))
            }
            ("a number" | "a whole number", Shape::Text(text)) if text.contains("{{") => {
                diagnostic.help("a template cannot stand here: the value is needed beforehand")
            }
            ("a number" | "a whole number", _) => diagnostic.help("write digits, such as 3"),
            ("a mapping", _) => diagnostic.help("such as `{ key: value }`"),
            ("true or false", _) => diagnostic.help("write `true` or `false`, without quotes"),
            ("a mapping with `steps`", _) => diagnostic.help("such as `steps: { hello: { agent: echo } }`"),
            _ => diagnostic.help(format!("write {wanted}")),
        });
    }

    /// The keys of what must be a mapping; an empty one stands in for anything else.
    pub(super) fn fields<'a>(&mut self, at: &'a At<'a>, wanted: &str) -> Fields<'a> {
        if !matches!(at.node.shape, Shape::Mapping(_)) {
            self.wrong_type(at, wanted);
        }
        Fields::of(at)
    }

    /// Reports the keys that nobody took. `hint` may know more about a key than its spelling;
    /// `otherwise` is for those that are not even close to a known one.
    pub(super) fn finish(
        &mut self,
        fields: &Fields<'_>,
        hint: impl Fn(&str) -> Option<String>,
        otherwise: Option<&str>,
    ) {
        for entry in fields.unknown() {
            if self.is_full() {
                return;
            }
            let known = fields.known();
            let diagnostic =
                fields.at.error_at(entry, Code::UNKNOWN_KEY, format!("unknown key `{}`", entry.key));
            let near = nearest(&entry.key, known.iter().copied());
            self.report(match (hint(&entry.key), near, otherwise) {
                (Some(hint), _, _) => diagnostic.help(hint),
                (None, Some(near), _) => diagnostic.help(format!("did you mean `{near}`?")),
                (None, None, Some(otherwise)) => diagnostic.help(otherwise),
                (None, None, None) => diagnostic.help(format!("the keys here are `{}`", known.join("`, `"))),
            });
        }
    }

    /// Reports a key that must be there.
    pub(super) fn missing(
        &mut self,
        at: &At<'_>,
        key: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let mut diagnostic = at.error(Code::MISSING_KEY, message).help(help);
        diagnostic.pointer = at.path.key(key).pointer();
        self.report(diagnostic);
    }

    /// Reports two keys that exclude each other, at the second.
    pub(super) fn conflict(&mut self, fields: &Fields<'_>, one: &str, other: &str, help: &str) {
        let Some(entry) = fields.entry(other) else { return };
        let message = format!("`{one}` and `{other}` exclude each other");
        self.report(fields.at.error_at(entry, Code::CONFLICT, message).help(help));
    }

    pub(super) fn text(&mut self, at: &At<'_>) -> Option<String> {
        let text = at.node.as_text().map(str::to_owned);
        if text.is_none() {
            self.wrong_type(at, "text");
        }
        text
    }

    /// Text that says something.
    pub(super) fn filled_text(&mut self, at: &At<'_>) -> Option<String> {
        let text = self.text(at)?;
        if text.trim().is_empty() {
            self.report(
                at.error(Code::BAD_VALUE, format!("{} is empty", at.label())).help("fill it in or remove it"),
            );
        }
        Some(text)
    }

    pub(super) fn bool(&mut self, at: &At<'_>) -> Option<bool> {
        match &at.node.shape {
            Shape::Bool(bool) => Some(*bool),
            Shape::Text(text) if matches!(&*text.to_lowercase(), "yes" | "no" | "on" | "off") => {
                let message = format!("{} must be true or false, not text", at.label());
                let word = if matches!(&*text.to_lowercase(), "yes" | "on") { "true" } else { "false" };
                self.report(at.error(Code::WRONG_TYPE, message).help(format!("write `{word}`")));
                None
            }
            _ => {
                self.wrong_type(at, "true or false");
                None
            }
        }
    }

    /// A whole number from `least`.
    pub(super) fn count(&mut self, at: &At<'_>, least: u32) -> Option<u32> {
        let Shape::Number(number) = &at.node.shape else {
            self.wrong_type(at, "a whole number");
            return None;
        };
        // 3.0 is what JavaScript programs may send for 3
        let whole = number.as_u64().or_else(|| {
            let float = number.as_f64()?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked just before"
            )]
            (float.fract() == 0.0 && (0.0..4e9).contains(&float)).then_some(float as u64)
        });
        match whole.and_then(|n| u32::try_from(n).ok()).filter(|n| *n >= least) {
            Some(count) => Some(count),
            None => {
                let message = format!("{} must be a whole number from {least}, not {number}", at.label());
                self.report(at.error(Code::BAD_VALUE, message).help(match least {
                    0 => "zero means none",
                    _ => "remove the key for the default",
                }));
                None
            }
        }
    }

    pub(super) fn number(&mut self, at: &At<'_>) -> Option<f64> {
        let Shape::Number(number) = &at.node.shape else {
            self.wrong_type(at, "a number");
            return None;
        };
        number.as_f64()
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&mut self, at: &At<'_>, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(at)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let diagnostic = at.error(Code::BAD_VALUE, format!("{} cannot be `{text}`", at.label()));
        self.report(match nearest(&text, all.iter().copied()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("it can be `{}`", all.join("`, `"))),
        });
        None
    }

    /// A duration under `key` as text, or under `millis` as a number of milliseconds.
    pub(super) fn duration(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        millis: &'static str,
        zero_is_fine: bool,
    ) -> Option<Duration> {
        if fields.has(key) && fields.has(millis) {
            self.conflict(fields, key, millis, "keep one of them");
        }
        let text = fields.take(key);
        let number = fields.take(millis);
        let (at, duration) = match (text, number) {
            (Some(at), _) => (at, self.duration_text(&at)?),
            (None, Some(at)) => (at, self.millis(&at)?),
            (None, None) => return None,
        };
        if duration.is_zero() && !zero_is_fine {
            let message = format!("{} must be longer than nothing", at.label());
            self.report(at.error(Code::BAD_DURATION, message).help("remove it to set no bound"));
        }
        Some(duration)
    }

    fn duration_text(&mut self, at: &At<'_>) -> Option<Duration> {
        match &at.node.shape {
            Shape::Text(text) => match parse_duration(text) {
                Ok(duration) => Some(duration),
                Err(message) => {
                    let diagnostic = at.error(Code::BAD_DURATION, message);
                    self.report(match text.contains("{{") {
                        true => {
                            diagnostic.help("a template cannot stand here: the value is needed beforehand")
                        }
                        false => diagnostic.help(DURATIONS),
                    });
                    None
                }
            },
            Shape::Number(number) => {
                let message = format!("{} needs a unit, and {number} has none", at.label());
                let help = format!("write `{number}s` for seconds or `{number}ms` for milliseconds");
                self.report(at.error(Code::BAD_DURATION, message).help(help));
                None
            }
            _ => {
                self.wrong_type(at, "a duration such as `30s`");
                None
            }
        }
    }

    pub(super) fn millis(&mut self, at: &At<'_>) -> Option<Duration> {
        let duration = self.number(at).map(from_millis)?;
        if duration.is_none() {
            let message = format!("{} must be a whole number of milliseconds under a century", at.label());
            self.report(
                at.error(Code::BAD_DURATION, message).help("such as 1500 for one and a half seconds"),
            );
        }
        duration
    }

    /// Any value, within the limit on depth.
    pub(super) fn value(&mut self, at: &At<'_>) -> Value {
        if at.node.depth() > self.limits.max_value_depth {
            let message =
                format!("{} is nested deeper than {} levels", at.label(), self.limits.max_value_depth);
            self.report(at.error(Code::LIMIT, message).help("flatten it, or hand it over as an input"));
            return Value::Null;
        }
        at.node.to_value()
    }

    /// Any mapping; an empty place is an empty one.
    pub(super) fn map(&mut self, at: &At<'_>) -> Map<String, Value> {
        if at.node.is_null() {
            return Map::new();
        }
        if !matches!(at.node.shape, Shape::Mapping(_)) {
            self.wrong_type(at, "a mapping");
            return Map::new();
        }
        match self.value(at) {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    /// Names: one text, or a list of them.
    pub(super) fn texts(&mut self, at: &At<'_>, wanted: &str) -> Vec<String> {
        match &at.node.shape {
            Shape::Null => Vec::new(),
            Shape::Text(text) => vec![text.clone()],
            Shape::List(_) => at.items().filter_map(|item| self.filled_text(&item)).collect(),
            _ => {
                self.wrong_type(at, wanted);
                Vec::new()
            }
        }
    }

    /// An expression: text, or a literal `true` or `false`.
    pub(super) fn expression(&mut self, at: &At<'_>) -> Value {
        match &at.node.shape {
            Shape::Bool(bool) => Value::Bool(*bool),
            Shape::Text(_) => Value::String(self.filled_text(at).unwrap_or_default()),
            _ => {
                self.wrong_type(at, "an expression such as \"{{ step.count > 3 }}\"");
                Value::Bool(true)
            }
        }
    }
}

pub(super) const DURATIONS: &str = "write a number and `ms`, `s`, `m`, `h` or `d`, such as `90s` or `1h30m`";
