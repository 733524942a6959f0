//! Blacks secrets out of what is about to be seen by others.

use serde_json::Value;

/// The secrets of an attempt, the longest first: one may be a part of another.
pub(crate) struct Blackout(Vec<String>);

const BLACK: &str = "[secret]";

impl Blackout {
    /// `secrets` is an object with the secrets as its values.
    pub(crate) fn new(secrets: &Value) -> Self {
        let Value::Object(all) = secrets else { return Self(Vec::new()) };
        let given = all.values().filter_map(Value::as_str).filter(|secret| !secret.is_empty());
        let mut secrets: Vec<String> = Vec::new();
        for secret in given {
            // As it stands inside of JSON text as well.
            let quoted = Value::from(secret).to_string();
            let escaped = &quoted[1..quoted.len() - 1];
            if escaped != secret {
                secrets.push(escaped.to_owned());
            }
            secrets.push(secret.to_owned());
        }
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(secrets)
    }

    /// How many bytes the longest of them has.
    pub(crate) fn longest(&self) -> usize {
        self.0.first().map_or(0, String::len)
    }

    pub(crate) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(key, value)| (self.text(key), self.value(value))).collect()
            }
            // A secret of digits comes back as a number from whoever reads it as one.
            Value::Number(number) if self.0.contains(&number.to_string()) => BLACK.into(),
            other => other.clone(),
        }
    }

    pub(crate) fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(&**secret, BLACK))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_seen_in_json_text_and_as_numbers() {
        let secrets = json!({ "PEM": "line \"one\"\nline two", "PIN": "4711", "NONE": "" });
        let blackout = Blackout::new(&secrets);
        let said = json!({ "text": json!({ "pem": secrets["PEM"] }).to_string(), "pin": 4711, "other": 471 });
        let expected = json!({ "text": r#"{"pem":"[secret]"}"#, "pin": "[secret]", "other": 471 });
        assert_eq!(blackout.value(&said), expected);
        assert_eq!(blackout.longest(), r#"line \"one\"\nline two"#.len());
    }
}
