//! Blacks secrets out of what is about to be seen by others.

use serde_json::Value;

/// The secrets of an attempt, the longest first: one may be a part of another.
pub(crate) struct Blackout<'a>(Vec<&'a str>);

impl<'a> Blackout<'a> {
    /// `secrets` is an object with the secrets as its values.
    pub(crate) fn new(secrets: &'a Value) -> Self {
        let mut secrets: Vec<&str> = match secrets {
            Value::Object(all) => {
                all.values().filter_map(Value::as_str).filter(|secret| !secret.is_empty()).collect()
            }
            _ => Vec::new(),
        };
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(secrets)
    }

    pub(crate) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(key, value)| (self.text(key), self.value(value))).collect()
            }
            other => other.clone(),
        }
    }

    pub(crate) fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "[secret]"))
    }
}
