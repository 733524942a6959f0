//! Reading a configuration, as written or as evaluated, with everything that is wrong at once.
//! Knows nothing of HTTP.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Map, Value};
use turbocat_core::{BadConfig, parse_duration};

/// When a configuration is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// As written: a text with a template can become anything, so nothing is said about it. What
    /// the schema says already is not said again.
    Written,
    /// With all templates evaluated.
    Evaluated,
}

/// An object of a configuration, and what was found wrong in it.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    settings: &'a Map<String, Value>,
    at: String,
    pub(crate) stage: Stage,
    /// Whether the schema knows the settings of this object.
    in_schema: bool,
    pub(crate) found: Vec<BadConfig>,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(settings: &'a Map<String, Value>, at: String, stage: Stage) -> Self {
        Self { settings, at, stage, in_schema: true, found: Vec::new() }
    }

    /// One for an object that the schema does not look into.
    pub(crate) const fn unforeseen(settings: &'a Map<String, Value>, at: String, stage: Stage) -> Self {
        Self { settings, at, stage, in_schema: false, found: Vec::new() }
    }

    /// A JSON pointer to a setting.
    pub(crate) fn at(&self, name: &str) -> String {
        pointer(&self.at, name)
    }

    /// Something is wrong that a schema cannot know.
    pub(crate) fn wrong(&mut self, name: &str, message: impl Into<String>) -> &mut BadConfig {
        let at = self.at(name);
        self.report(BadConfig::at(at, message))
    }

    /// The same, with the place given.
    pub(crate) fn report(&mut self, bad: BadConfig) -> &mut BadConfig {
        let last = self.found.len();
        self.found.push(bad);
        &mut self.found[last]
    }

    /// Something is wrong that the schema told when the workflow was compiled, if it was.
    pub(crate) fn misshapen(&mut self, name: &str, message: impl Into<String>) {
        let at = self.at(name);
        self.misshapen_at(&at, message);
    }

    /// The same, with the place given.
    pub(crate) fn misshapen_at(&mut self, at: &str, message: impl Into<String>) {
        if self.stage == Stage::Evaluated || !self.in_schema {
            self.report(BadConfig::at(at, message));
        }
    }

    /// A setting that is there: null is as good as absent, and so is what cannot be known yet.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.settings.get(name).filter(|value| !value.is_null() && !self.is_open(value))
    }

    /// Whether a setting is there, known or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.settings.get(name).is_some_and(|value| !value.is_null())
    }

    /// Whether a value is still to be evaluated.
    pub(crate) fn is_open(&self, value: &Value) -> bool {
        self.stage == Stage::Written && value.as_str().is_some_and(|text| text.contains("{{"))
    }

    /// A text that is still to be evaluated, as it is written.
    pub(crate) fn open_text(&self, name: &str) -> Option<&'a str> {
        self.settings.get(name).filter(|value| self.is_open(value))?.as_str()
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<&'a str> {
        let value = self.value(name)?;
        let text = value.as_str();
        if text.is_none() {
            self.misshapen(name, format!("`{name}` is a text, not {}", word(value)));
        }
        text
    }

    pub(crate) fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.value(name) {
            None => default,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => {
                self.misshapen(name, format!("`{name}` is true or false, not {}", word(other)));
                default
            }
        }
    }

    pub(crate) fn whole(&mut self, name: &str, allowed: &RangeInclusive<u64>) -> Option<u64> {
        let value = self.value(name)?;
        // 2.0 is as whole as 2, for schemas too
        let number = value.as_u64().or_else(|| whole(value.as_f64()?));
        let number = number.filter(|number| allowed.contains(number));
        if number.is_none() {
            let (least, most) = (allowed.start(), allowed.end());
            self.misshapen(name, format!("`{name}` is a whole number from {least} to {most}"));
        }
        number
    }

    /// A duration: a number of `unit`s, or a text such as `1m30s`.
    pub(crate) fn duration(&mut self, name: &str, unit: Duration) -> Option<Duration> {
        const LONGEST: f64 = 366.0 * 86_400.0;
        match self.value(name)? {
            Value::String(text) => match parse_duration(text) {
                Ok(duration) if duration.as_secs_f64() <= LONGEST => Some(duration),
                Ok(_) => {
                    self.wrong(name, format!("`{name}` is longer than a year"));
                    None
                }
                Err(sentence) => {
                    self.wrong(name, sentence);
                    None
                }
            },
            other => match other.as_f64().map(|number| number * unit.as_secs_f64()) {
                Some(seconds) if (0.0..=LONGEST).contains(&seconds) => Some(Duration::from_secs_f64(seconds)),
                Some(seconds) if seconds > 0.0 => {
                    self.wrong(name, format!("`{name}` is longer than a year"));
                    None
                }
                _ => {
                    self.misshapen(name, format!("`{name}` is a duration, such as 500 or `30s`"));
                    None
                }
            },
        }
    }

    /// Two names of one setting: the one that is there. Both are one too many.
    pub(crate) fn either(&mut self, name: &'static str, alias: &'static str) -> &'static str {
        if self.has(name) && self.has(alias) {
            let message = format!("`{name}` and `{alias}` are the same setting");
            self.wrong(alias, message).help = Some(format!("keep `{name}`"));
        }
        if self.has(name) || !self.has(alias) { name } else { alias }
    }

    pub(crate) fn object(&mut self, name: &str) -> Option<&'a Map<String, Value>> {
        let value = self.value(name)?;
        let object = value.as_object();
        if object.is_none() {
            self.misshapen(name, format!("`{name}` is an object, not {}", word(value)));
        }
        object
    }

    /// Settings that are none, for configurations that no schema was held against.
    pub(crate) fn only(&mut self, known: &[&str]) {
        if self.stage == Stage::Written {
            return;
        }
        for name in self.settings.keys() {
            if !known.contains(&name.as_str()) {
                let bad = BadConfig::at(self.at(name), format!("there is no setting `{name}`"));
                self.report(bad.suggest(name, known.iter().copied()));
            }
        }
    }
}

/// A number that is written with a point and whole all the same.
fn whole(number: f64) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked in the same line")]
    (number.fract() == 0.0 && (0.0..=EXACT).contains(&number)).then_some(number as u64)
}

/// A JSON pointer, one name further.
pub(crate) fn pointer(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// What a value is, in a word.
pub(crate) const fn word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
