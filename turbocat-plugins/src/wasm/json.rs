//! JSON that a plugin wrote, read as what it is and no further: bounded in depth and in number, and
//! without the keys by which `serde_json` talks to itself.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The most values in one document: each takes some dozens of bytes, however short it is written.
pub(super) const MOST: u64 = 1_000_000;

/// Keys that begin like this make `serde_json` read texts as documents, each with a depth of its own.
const PRIVATE: &str = "$serde_json::private::";

/// Why something cannot be read.
#[derive(Debug)]
pub(super) enum Unread {
    /// It has too many values.
    TooMany,
    /// It is no JSON.
    Wrong(serde_json::Error),
}

/// Reads a document.
pub(super) fn read(bytes: &[u8]) -> Result<Value, Unread> {
    let left = Cell::new(MOST);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = One { left: &left }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match read {
        Ok(value) => Ok(value),
        Err(_) if left.get() == 0 => Err(Unread::TooMany),
        Err(error) => Err(Unread::Wrong(error)),
    }
}

/// One value. The depth is bounded by `serde_json`, which no text is read by a second time here.
#[derive(Clone, Copy)]
struct One<'a> {
    left: &'a Cell<u64>,
}

impl<'de> DeserializeSeed<'de> for One<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        match self.left.get().checked_sub(1) {
            Some(left) if left > 0 => self.left.set(left),
            _ => {
                self.left.set(0);
                return Err(D::Error::custom("there are too many values"));
            }
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for One<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            if key.starts_with(PRIVATE) {
                return Err(A::Error::custom(format_args!("no key may begin with `{PRIVATE}`")));
            }
            all.insert(key, fields.next_value_seed(self)?);
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_plugins_write_is_read_as_everywhere() {
        for text in [
            "null",
            " [1, -2, 0.5, 1e300, 18446744073709551615, -9223372036854775808, true, \"ä\\n\"] ",
            r#"{"b":{"a":[]},"a":{},"b":2}"#,
            "{",
            "[1,]",
            "1 2",
            "\"\\ud800\"",
            "1e999",
            "",
        ] {
            let usual = serde_json::from_str::<Value>(text).ok();
            assert_eq!(read(text.as_bytes()).ok(), usual, "{text}");
        }
    }

    #[test]
    fn what_is_too_deep_has_too_many_values_or_private_keys_is_refused() {
        let wrong = |text: &str| matches!(read(text.as_bytes()), Err(Unread::Wrong(_)));
        assert!(wrong(&"[".repeat(100_000)));
        assert!(wrong(&format!("{}{}", "[".repeat(200), "]".repeat(200))));
        assert!(wrong(r#"{"$serde_json::private::RawValue":"[1]"}"#));
        assert!(wrong(r#"[{"\u0024serde_json::private::Number":"1"}]"#));
        let many = format!("[{}0]", "0,".repeat(1_000_000));
        assert!(matches!(read(many.as_bytes()), Err(Unread::TooMany)));
        let fewer = format!("[{}0]", "0,".repeat(900_000));
        assert!(read(fewer.as_bytes()).is_ok());
    }
}
