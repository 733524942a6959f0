//! Statuses by number and by pattern: `404`, `4xx`.

use http::StatusCode;
use serde_json::Value;
use turbocat_core::BadConfig;

use super::reader::{Reader, pointer};

/// A list of statuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statuses(Vec<Pattern>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pattern {
    One(u16),
    /// All that begin with that digit.
    Family(u16),
}

impl Statuses {
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }

    /// What is tried again unless said otherwise: too much at once, and faults that pass.
    pub(crate) fn worth_retrying() -> Self {
        Self([429, 500, 502, 503, 504].map(Pattern::One).to_vec())
    }

    /// Everything that HTTP calls an error.
    pub(crate) fn errors() -> Self {
        Self([4, 5].map(Pattern::Family).to_vec())
    }

    pub(crate) fn contains(&self, status: StatusCode) -> bool {
        let code = status.as_u16();
        self.0.iter().any(|pattern| match pattern {
            Pattern::One(one) => *one == code,
            Pattern::Family(first) => code / 100 == *first,
        })
    }

    /// Reads one or a list of them.
    pub(crate) fn read(reader: &mut Reader<'_>, name: &str, value: &Value) -> Self {
        let at = reader.at(name);
        let mut patterns = Vec::new();
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    patterns.extend(pattern(reader, &pointer(&at, &index.to_string()), item));
                }
            }
            one => patterns.extend(pattern(reader, &at, one)),
        }
        Self(patterns)
    }
}

fn pattern(reader: &mut Reader<'_>, at: &str, value: &Value) -> Option<Pattern> {
    if reader.is_open(value) {
        return None;
    }
    let one = |code: u64| u16::try_from(code).ok().filter(|code| (100..600).contains(code)).map(Pattern::One);
    let pattern = match value {
        Value::Number(number) => number.as_u64().and_then(one),
        Value::String(text) => {
            let text = text.to_ascii_lowercase();
            match text.strip_suffix("xx") {
                Some(first) => first.parse().ok().filter(|first| (1..6).contains(first)).map(Pattern::Family),
                None => text.parse().ok().and_then(one),
            }
        }
        _ => {
            reader.misshapen_at(at, format!("{value} is no status"));
            return None;
        }
    };
    if pattern.is_none() {
        let message = format!("{value} is no status");
        reader.report(BadConfig::at(at, message).help("use a number from 100 to 599, or `4xx`"));
    }
    pattern
}
