//! Secrets a plugin has read do not come out of it again: in its output, failures and logs they
//! are replaced.

use serde_json::Value;

/// What stands in the place of a secret, as the engine writes it.
const SHOWN: &str = "[secret]";

/// The shortest line of a secret that is one itself, in bytes: what is shorter is an ordinary word.
const LINE: usize = 16;

/// The secrets one call has read.
#[derive(Debug, Default)]
pub(super) struct Blackout(Vec<String>);

impl Blackout {
    /// From now on this is a secret.
    ///
    /// Of a secret of several lines, such as a private key, each long line is one as well: code that
    /// reads it line by line says it so.
    pub(super) fn add(&mut self, secret: &str) {
        self.add_one(secret);
        if secret.trim().contains('\n') {
            for line in secret.lines().map(str::trim).filter(|line| line.len() >= LINE) {
                self.add_one(line);
            }
        }
    }

    fn add_one(&mut self, secret: &str) {
        if !secret.is_empty() && !self.0.iter().any(|known| known == secret) {
            self.0.push(secret.to_owned());
            // The longest first: one secret may be a part of another.
            self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn text(&self, text: String) -> String {
        self.0.iter().fold(
            text,
            |text, secret| {
                if text.contains(secret) { text.replace(secret, SHOWN) } else { text }
            },
        )
    }

    pub(super) fn value(&self, value: Value) -> Value {
        if self.is_empty() {
            return value;
        }
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(key, value)| (self.text(key), self.value(value))).collect()
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_of_several_lines_is_replaced_line_by_line_too() {
        let mut blackout = Blackout::default();
        blackout.add("-----BEGIN KEY-----\r\nMIIEvQIBADANBgkqhkiG9w0\n  c2hvcnQ=\n");
        let said = blackout.text("1: MIIEvQIBADANBgkqhkiG9w0, 2: c2hvcnQ=".to_owned());
        assert_eq!(said, "1: [secret], 2: c2hvcnQ=");
    }

    #[test]
    fn the_longest_secret_is_replaced_first_and_none_is_left() {
        let mut blackout = Blackout::default();
        for secret in ["key", "", "key-1", "key"] {
            blackout.add(secret);
        }
        let value = blackout.value(json!({ "key": ["a key-1 b", 1, { "x": "key" }] }));
        assert_eq!(value, json!({ "[secret]": ["a [secret] b", 1, { "x": "[secret]" }] }));
    }
}
