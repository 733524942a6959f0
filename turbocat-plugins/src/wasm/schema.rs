//! Schemas a plugin names: made ready once, and compared when a plugin takes the place of another.

use std::fmt::Write;

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};

use super::weigh;

/// The check of one schema.
pub(super) struct Schema(Validator);

impl Schema {
    /// Makes it ready. References to other documents are refused: nothing is fetched. So are
    /// schemas whose check might take for ever: patterns that look ahead or back, and what says too
    /// much of one place.
    pub(super) fn new(schema: &Value) -> Result<Self, String> {
        if let Some(why) = weigh::unbearable(schema) {
            return Err(why.to_owned());
        }
        let options = jsonschema::options().with_pattern_options(PatternOptions::regex().size_limit(1 << 20));
        options.build(schema).map(Self).map_err(|error| error.to_string())
    }

    /// The first thing that is wrong with a value, in words, and where.
    pub(super) fn mistake(&self, value: &Value) -> Option<(String, String)> {
        if self.0.is_valid(value) {
            return None;
        }
        let error = self.0.iter_errors(value).next()?;
        Some((short(&error), short(error.instance_path())))
    }
}

/// The most of a mistake that is told, in bytes: it may name the whole value.
const TOLD: usize = 500;

/// The beginning of a text, which is not written further than that.
fn short(text: &impl std::fmt::Display) -> String {
    struct Short(String);
    impl Write for Short {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            let room = TOLD - self.0.len();
            if text.len() <= room {
                self.0.push_str(text);
                return Ok(());
            }
            self.0.push_str(&text[..text.floor_char_boundary(room)]);
            Err(std::fmt::Error)
        }
    }
    let mut short = Short(String::new());
    if write!(short, "{text}").is_err() {
        short.0.push('…');
    }
    short.0
}

/// Words that say nothing about values.
const SPEECH: [&str; 8] =
    ["$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated"];

/// Why not everything that fits `narrow` fits `wide`, if that cannot be seen. Errs on the safe side:
/// what it cannot compare must be equal.
pub(super) fn misfit(narrow: Option<&Value>, wide: Option<&Value>) -> Option<String> {
    match (narrow, wide) {
        (_, None) => None,
        (None, Some(_)) => Some("anything was possible, and is no longer".to_owned()),
        (Some(narrow), Some(wide)) => differ(narrow, wide, ""),
    }
}

fn differ(narrow: &Value, wide: &Value, at: &str) -> Option<String> {
    let place = || if at.is_empty() { "the value".to_owned() } else { format!("`{at}`") };
    if narrow == wide || *wide == Value::Bool(true) {
        return None;
    }
    let (Some(narrow), Some(wide)) = (narrow.as_object(), wide.as_object()) else {
        return Some(format!("{} is described otherwise", place()));
    };
    // what has no rules takes everything
    rules(wide).next()?;
    let empty = Map::new();
    let properties = |schema: &'_ Map<String, Value>| {
        schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_else(|| empty.clone())
    };
    let (fewer, more) = (properties(narrow), properties(wide));
    let closed =
        |schema: &Map<String, Value>| schema.get("additionalProperties") == Some(&Value::Bool(false));
    for (name, schema) in &fewer {
        let below = format!("{at}/{name}");
        match more.get(name) {
            Some(wider) => {
                if let Some(why) = differ(schema, wider, &below) {
                    return Some(why);
                }
            }
            None if closed(wide) => return Some(format!("`{below}` is unknown")),
            None => {}
        }
    }
    let required = |schema: &Map<String, Value>| -> Vec<String> {
        let names = schema.get("required").and_then(Value::as_array);
        names.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let given = required(narrow);
    if let Some(name) = required(wide).into_iter().find(|name| !given.contains(name)) {
        return Some(format!("`{at}/{name}` is required and may be absent"));
    }
    if closed(wide) && !closed(narrow) {
        return Some(format!("{} may have other fields", place()));
    }
    // Everything else must be the same; of what only `narrow` says, all the better.
    let structural = ["properties", "required", "additionalProperties"];
    for (word, rule) in rules(wide).filter(|(word, _)| !structural.contains(&word.as_str())) {
        match narrow.get(word) {
            Some(mine) if mine == rule => {}
            Some(mine) if word == "items" => {
                if let Some(why) = differ(mine, rule, &format!("{at}/items")) {
                    return Some(why);
                }
            }
            _ => return Some(format!("`{word}` of {} is another", place())),
        }
    }
    let open = wide.get("additionalProperties");
    if open.is_some_and(|open| !open.is_boolean()) && open != narrow.get("additionalProperties") {
        return Some(format!("other fields of {} are described otherwise", place()));
    }
    None
}

fn rules(schema: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    schema.iter().filter(|(word, _)| !SPEECH.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(narrow: &Value, wide: &Value, fits: bool) {
        let misfit = misfit(Some(narrow), Some(wide));
        assert_eq!(misfit.is_none(), fits, "{narrow} in {wide}: {misfit:?}");
    }

    #[test]
    fn a_schema_fits_one_that_takes_as_much_or_more() {
        let name =
            json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] });
        let titled = json!({ "title": "T", "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] });
        let optional = json!({ "type": "object", "properties": { "name": { "type": "string" }, "age": { "type": "integer" } } });
        let other = json!({ "type": "object", "properties": { "name": { "type": "integer" } } });
        let strict = json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"], "additionalProperties": false });
        check(&name, &titled, true);
        check(&name, &optional, true);
        check(&optional, &name, false);
        check(&name, &other, false);
        check(&strict, &name, true);
        check(&name, &strict, false);
        check(&name, &json!(true), true);
        check(&name, &json!({}), true);
        check(&json!({}), &name, false);
        check(&json!({ "type": "string" }), &json!({ "type": "string", "maxLength": 3 }), false);
        check(&json!({ "type": "string", "maxLength": 3 }), &json!({ "type": "string" }), true);
        check(
            &json!({ "type": "array", "items": name }),
            &json!({ "type": "array", "items": optional }),
            true,
        );
        check(
            &json!({ "type": "array", "items": optional }),
            &json!({ "type": "array", "items": name }),
            false,
        );
        assert!(misfit(Some(&name), None).is_none());
        assert!(misfit(None, Some(&name)).is_some());
    }

    #[test]
    fn a_mistake_is_told_in_short() {
        let schema = Schema::new(&json!({ "additionalProperties": { "type": "integer" } })).unwrap();
        let (mistake, at) = schema.mistake(&json!({ "ä".repeat(90_000): "ö".repeat(90_000) })).unwrap();
        assert!(mistake.len() <= TOLD + 4 && mistake.ends_with('…'), "{}", mistake.len());
        assert!(at.len() <= TOLD + 4 && at.ends_with('…'), "{}", at.len());
        let (mistake, _) = schema.mistake(&json!({ "a": "b" })).unwrap();
        assert_eq!(mistake, "\"b\" is not of type \"integer\"");
    }

    #[test]
    fn a_schema_that_refers_elsewhere_is_refused() {
        assert!(Schema::new(&json!({ "$ref": "https://example.com/schema.json" })).is_err());
        assert!(Schema::new(&json!({ "$ref": "file:///etc/passwd" })).is_err());
        assert!(Schema::new(&json!({ "type": "nonsense" })).is_err());
    }

    #[test]
    fn a_schema_that_cannot_be_checked_in_bearable_time_is_refused() {
        assert!(Schema::new(&json!({ "pattern": "^(?=a)b" })).is_err());
        assert!(Schema::new(&json!({ "pattern": "(a{999}){999}" })).is_err());
        assert!(Schema::new(&json!({ "$ref": "#" })).is_err());
        let slow = Schema::new(&json!({ "pattern": "^(a+)+$" })).unwrap();
        assert!(slow.mistake(&json!("a".repeat(100_000) + "b")).is_some());
    }
}
