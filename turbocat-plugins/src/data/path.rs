//! Dotted paths into values: `user.emails.0`.

use std::fmt;

use serde_json::Value;

/// A path. Parts that are numbers index lists; nothing goes into a scalar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    name: String,
    index: Option<usize>,
}

impl Part {
    fn new(name: String) -> Self {
        let index = (name == "0" || !name.starts_with(['0', '+'])).then(|| name.parse().ok()).flatten();
        Self { name, index }
    }

    fn of<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        match value {
            Value::Object(fields) => fields.get(&self.name),
            Value::Array(items) => items.get(self.index?),
            _ => None,
        }
    }

    fn of_mut<'a>(&self, value: &'a mut Value) -> Option<&'a mut Value> {
        match value {
            Value::Object(fields) => fields.get_mut(&self.name),
            Value::Array(items) => items.get_mut(self.index?),
            _ => None,
        }
    }
}

impl Path {
    /// Reads a path of dotted parts.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("a path must not be empty".to_owned());
        }
        let parts: Vec<Part> = text.split('.').map(|name| Part::new(name.to_owned())).collect();
        if parts.iter().any(|part| part.name.is_empty()) {
            return Err(format!("the path `{text}` has a dot too many"));
        }
        Ok(Self { parts })
    }

    /// A path of these parts; none of them: the value itself.
    pub(super) fn of_parts(parts: Vec<String>) -> Self {
        Self { parts: parts.into_iter().map(Part::new).collect() }
    }

    /// Whether it is the value itself.
    pub(super) const fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// What stands there; nothing on the way may be missing.
    pub(super) fn get<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.parts.iter().try_fold(value, |value, part| part.of(value))
    }

    /// Takes out what stands there.
    pub(super) fn take(&self, mut value: Value) -> Option<Value> {
        let mut place = &mut value;
        for part in &self.parts {
            place = part.of_mut(place)?;
        }
        Some(place.take())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.parts.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            f.write_str(&part.name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_finds_what_is_there_and_nothing_else() {
        let data = json!({"a": {"b": [1, {"c": null}]}, "0": "zero", "t": "text", "__proto__": 7});
        let check = |path: &str, expected: Option<Value>| {
            let path = Path::parse(path).unwrap();
            assert_eq!(path.get(&data), expected.as_ref(), "{path}");
            assert_eq!(path.take(data.clone()), expected, "{path}");
        };
        check("a.b.0", Some(json!(1)));
        check("a.b.1.c", Some(json!(null)));
        check("a.b.1.c.d", None);
        check("a.b.2", None);
        check("a.b.00", None);
        check("a.b.+1", None);
        check("a.b.-1", None);
        check("a.b.length", None);
        check("0", Some(json!("zero")));
        check("t.length", None);
        check("t.0", None);
        check("constructor", None);
        check("__proto__", Some(json!(7)));
    }

    #[test]
    fn a_path_without_parts_is_refused() {
        assert_eq!(Path::parse("").unwrap_err(), "a path must not be empty");
        assert_eq!(Path::parse("a..b").unwrap_err(), "the path `a..b` has a dot too many");
        assert_eq!(Path::parse("a.").unwrap_err(), "the path `a.` has a dot too many");
    }
}
