//! Reads a configuration field by field, and says what is wrong at which place. What still holds a
//! template is passed over: its value comes later.

use std::time::Duration;

use serde_json::{Map, Value};
use turbocat_core::{BadConfig, parse_duration};

/// Reads fields and keeps what is wrong with them.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The configuration is as written: texts may hold templates.
    pub(super) as_written: bool,
    pub(super) faults: Vec<BadConfig>,
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) at: String,
    pub(super) value: &'a Value,
}

/// An object that is being read.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    pub(super) at: String,
    map: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The field of that name, unless it is null.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Node<'a>> {
        self.known.push(name);
        self.peek(name)
    }

    /// The field of that name or of another it is known by.
    pub(super) fn take_any(&mut self, reader: &mut Reader, names: &[&'static str]) -> Option<Node<'a>> {
        let mut first: Option<Node<'a>> = None;
        for name in names {
            let Some(node) = self.take(name) else { continue };
            match &first {
                None => first = Some(node),
                Some(known) => {
                    let other = known.at.rsplit('/').next().unwrap_or_default();
                    reader.fault(
                        BadConfig::at(&node.at, format!("`{name}` says the same as `{other}`"))
                            .help("leave one of them out"),
                    );
                }
            }
        }
        first
    }

    /// The field of that name, without taking it.
    pub(super) fn peek(&self, name: &str) -> Option<Node<'a>> {
        let value = self.map.get(name).filter(|value| !value.is_null())?;
        Some(Node { at: format!("{}/{name}", self.at), value })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.peek(name).is_some()
    }
}

impl Node<'_> {
    /// What stands here, as a word for messages.
    fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        }
    }

    fn name(&self) -> String {
        match self.at.rsplit('/').next() {
            None | Some("") => "the configuration".to_owned(),
            Some(name) => format!("`{}`", name.replace("~1", "/").replace("~0", "~")),
        }
    }
}

impl Reader {
    pub(super) fn fault(&mut self, fault: BadConfig) {
        self.faults.push(fault);
    }

    /// Whether a value comes later.
    pub(super) fn is_template(&self, value: &Value) -> bool {
        self.as_written && value.as_str().is_some_and(|text| text.contains("{{"))
    }

    /// Whether some value inside comes later.
    pub(super) fn has_template(&self, value: &Value) -> bool {
        match value {
            Value::Array(list) => list.iter().any(|value| self.has_template(value)),
            Value::Object(map) => map.values().any(|value| self.has_template(value)),
            value => self.is_template(value),
        }
    }

    fn wrong<T>(&mut self, node: &Node<'_>, expected: &str) -> Option<T> {
        if !self.is_template(node.value) {
            let message = format!("{} must be {expected}, not {}", node.name(), node.kind());
            self.fault(BadConfig::at(&node.at, message));
        }
        None
    }

    pub(super) fn object<'a>(&mut self, node: &Node<'a>, expected: &str) -> Option<Fields<'a>> {
        match node.value {
            Value::Object(map) => Some(Fields { at: node.at.clone(), map, known: Vec::new() }),
            _ => self.wrong(node, expected),
        }
    }

    /// Says which fields are not known. Call it when all that are known have been taken.
    pub(super) fn finish(&mut self, fields: &Fields<'_>) {
        for name in fields.map.keys().filter(|name| !fields.known.contains(&name.as_str())) {
            let at = format!("{}/{}", fields.at, name.replace('~', "~0").replace('/', "~1"));
            let fault = BadConfig::at(at, format!("unknown setting `{name}`"));
            self.fault(fault.suggest(name, fields.known.iter().copied()));
        }
    }

    pub(super) fn list<'a>(&mut self, node: &Node<'a>, expected: &str) -> Option<Vec<Node<'a>>> {
        match node.value {
            Value::Array(list) => {
                let node = |(index, value)| Node { at: format!("{}/{index}", node.at), value };
                Some(list.iter().enumerate().map(node).collect())
            }
            _ => self.wrong(node, expected),
        }
    }

    /// A text; numbers, and true or false, are taken as one.
    pub(super) fn text(&mut self, node: &Node<'_>) -> Option<String> {
        match node.value {
            value if self.is_template(value) => None,
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => {
                let message = format!("{} must be a text, not {}", node.name(), node.kind());
                let help = "write `{{ … | tojson }}` where a model is to read a value";
                self.fault(BadConfig::at(&node.at, message).help(help));
                None
            }
        }
    }

    /// A text that is not empty.
    pub(super) fn name(&mut self, node: &Node<'_>) -> Option<String> {
        match node.value {
            Value::String(text) if !self.is_template(node.value) => {
                if text.trim().is_empty() {
                    self.fault(BadConfig::at(&node.at, format!("{} is empty", node.name())));
                    return None;
                }
                Some(text.clone())
            }
            _ => self.wrong(node, "a text"),
        }
    }

    pub(super) fn flag(&mut self, node: &Node<'_>) -> Option<bool> {
        match node.value {
            Value::Bool(flag) => Some(*flag),
            _ => self.wrong(node, "true or false"),
        }
    }

    pub(super) fn number(&mut self, node: &Node<'_>, least: f64, most: f64) -> Option<f64> {
        let expected = || match most.is_finite() {
            true => format!("a number from {least} to {most}"),
            false => format!("a number of at least {least}"),
        };
        match node.value.as_f64() {
            Some(number) if (least..=most).contains(&number) => Some(number),
            Some(number) => {
                let message = format!("{} must be {}, not {number}", node.name(), expected());
                self.fault(BadConfig::at(&node.at, message));
                None
            }
            None => self.wrong(node, &expected()),
        }
    }

    pub(super) fn whole(&mut self, node: &Node<'_>, least: u64, most: u64) -> Option<u64> {
        let expected = || match most {
            u64::MAX => format!("a whole number of at least {least}"),
            _ => format!("a whole number from {least} to {most}"),
        };
        match node.value {
            Value::Number(number) => match whole(number).filter(|number| (least..=most).contains(number)) {
                Some(number) => Some(number),
                None => {
                    let message = format!("{} must be {}, not {number}", node.name(), expected());
                    self.fault(BadConfig::at(&node.at, message));
                    None
                }
            },
            _ => self.wrong(node, &expected()),
        }
    }

    /// `30s`; a number is one of milliseconds only where the name says so.
    pub(super) fn duration(&mut self, node: &Node<'_>) -> Option<Duration> {
        let read = match node.value {
            value if self.is_template(value) => return None,
            Value::String(text) => parse_duration(text),
            value => Err(format!("{value} is not a duration such as `30s`")),
        };
        match read {
            Ok(duration) if !duration.is_zero() => Some(duration),
            Ok(_) => {
                self.fault(BadConfig::at(&node.at, format!("{} must be more than nothing", node.name())));
                None
            }
            Err(message) => {
                self.fault(BadConfig::at(&node.at, format!("{}: {message}", node.name())));
                None
            }
        }
    }
}

/// A number without a fraction, also where somebody wrote `8.0`.
fn whole(number: &serde_json::Number) -> Option<u64> {
    if let Some(whole) = number.as_u64() {
        return Some(whole);
    }
    let float = number.as_f64().filter(|float| float.fract() == 0.0 && (0.0..9e15).contains(float))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just before")]
    Some(float as u64)
}
