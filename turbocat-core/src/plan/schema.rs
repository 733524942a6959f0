//! Whether a path exists in what a JSON Schema describes.
//!
//! A declared set of properties counts as complete unless the schema says that there may be
//! others: agents describe what they give, and a path outside of that is a slip.

use std::cell::Cell;

use serde_json::Value;

use crate::template::PathSegment;

/// What a schema says about a path.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict<'a> {
    /// It is there, and this describes it.
    Known(&'a Value),
    /// It may be there.
    Open,
    /// It is not there.
    Missing {
        /// The segment that is not there.
        at: usize,
        /// The names that are.
        offered: Vec<&'a str>,
        /// What stands there, in a line.
        shape: String,
        /// Whether a list stands there.
        is_list: bool,
    },
}

/// Walks a path through a schema.
pub(crate) fn walk<'a>(root: &'a Value, path: &[PathSegment]) -> Verdict<'a> {
    Walk { root, path, left: Cell::new(WORK) }.from(root, 0, 0)
}

const DEPTH: usize = 32;

/// How many schemas one walk looks at: those that contain themselves several times have no end.
const WORK: u32 = 10_000;

struct Walk<'a, 'p> {
    root: &'a Value,
    path: &'p [PathSegment],
    left: Cell<u32>,
}

impl<'a> Walk<'a, '_> {
    fn from(&self, schema: &'a Value, at: usize, depth: usize) -> Verdict<'a> {
        let Self { root, path, .. } = *self;
        let Some(object) = schema.as_object() else { return Verdict::Open };
        if depth > DEPTH + path.len() || self.left.get() == 0 {
            return Verdict::Open;
        }
        self.left.set(self.left.get() - 1);
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
            return target.map_or(Verdict::Open, |target| self.from(target, at, depth + 1));
        }
        let Some(segment) = path.get(at) else { return Verdict::Known(schema) };
        // Any of several shapes may have it.
        for word in ["anyOf", "oneOf", "allOf"] {
            if let Some(shapes) = object.get(word).and_then(Value::as_array) {
                let mut missing = None;
                for shape in shapes {
                    if shape.get("type").and_then(Value::as_str) == Some("null") {
                        continue;
                    }
                    match self.from(shape, at, depth + 1) {
                        verdict @ Verdict::Missing { .. } => missing = Some(verdict),
                        other => return other,
                    }
                }
                if object.get("properties").is_none()
                    && let Some(missing) = missing
                {
                    return missing;
                }
            }
        }
        let kinds = kinds(object.get("type"));
        let may_be = |kind: &str| kinds.is_empty() || kinds.contains(&kind);
        let lists = may_be("array");
        let objects = may_be("object");
        if !lists && !objects {
            return Verdict::Missing {
                at,
                offered: Vec::new(),
                shape: shape_of(root, schema),
                is_list: false,
            };
        }
        let (key, index) = match segment {
            PathSegment::Key(key) => (&**key, None),
            PathSegment::Index(index) => ("", Some(*index)),
        };
        if lists && !objects {
            if index.is_some() || key.parse::<usize>().is_ok() {
                let items = object.get("items");
                return items.map_or(Verdict::Open, |items| self.from(items, at + 1, depth + 1));
            }
            if key == "length" {
                return Verdict::Open;
            }
            return Verdict::Missing {
                at,
                offered: Vec::new(),
                shape: shape_of(root, schema),
                is_list: true,
            };
        }
        let Some(properties) = object.get("properties").and_then(Value::as_object) else {
            return Verdict::Open;
        };
        if let Some(property) = properties.get(key) {
            return self.from(property, at + 1, depth + 1);
        }
        let more = object.get("additionalProperties");
        let open = more.is_some_and(|more| *more != Value::Bool(false))
            || object.contains_key("patternProperties")
            || lists && kinds.is_empty() && index.is_some();
        if open {
            return Verdict::Open;
        }
        let offered = properties.keys().map(String::as_str).collect();
        Verdict::Missing { at, offered, shape: shape_of(root, schema), is_list: false }
    }
}

fn kinds(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).filter(|k| *k != "null").collect()
        }
        _ => Vec::new(),
    }
}

/// The types a value has one of, if the schema says so; null is not among them.
pub(crate) fn kinds_of(root: &Value, schema: &Value) -> Option<Vec<String>> {
    let mut schema = schema;
    for _ in 0..DEPTH {
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { break };
        schema = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer))?;
    }
    let kinds = kinds(schema.get("type"));
    (!kinds.is_empty()).then(|| kinds.into_iter().map(str::to_owned).collect())
}

/// What a schema describes, in a line: `{ stories: array, tookMs: integer }`.
pub(crate) fn shape_of(root: &Value, schema: &Value) -> String {
    let mut schema = schema;
    for _ in 0..DEPTH {
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { break };
        match reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) {
            Some(target) => schema = target,
            None => break,
        }
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let mut fields: Vec<String> =
            properties.iter().take(8).map(|(key, value)| field(root, key, value)).collect();
        if properties.len() > fields.len() {
            fields.push("…".to_owned());
        }
        return format!("{{ {} }}", fields.join(", "));
    }
    word(root, schema)
}

fn field(root: &Value, key: &str, value: &Value) -> String {
    match word(root, value) {
        word if word == "any" => key.to_owned(),
        word => format!("{key}: {word}"),
    }
}

fn word(root: &Value, schema: &Value) -> String {
    let mut schema = schema;
    for _ in 0..DEPTH {
        let target = match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) => reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer)),
            None => only_shape(schema),
        };
        let Some(target) = target else { break };
        schema = target;
    }
    let kinds = kinds(schema.get("type"));
    if kinds.is_empty() { "any".to_owned() } else { kinds.join(" or ") }
}

/// The one shape besides null that a value can have.
fn only_shape(schema: &Value) -> Option<&Value> {
    let shapes = schema.get("anyOf").or_else(|| schema.get("oneOf"))?.as_array()?;
    let mut shapes = shapes.iter().filter(|shape| shape.get("type") != Some(&Value::from("null")));
    let one = shapes.next()?;
    shapes.next().is_none().then_some(one)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(schema: &Value, path: &[&str], expected: &str) {
        let path: Vec<_> = path.iter().map(|key| PathSegment::Key((*key).into())).collect();
        let found = match walk(schema, &path) {
            Verdict::Known(_) => "known".to_owned(),
            Verdict::Open => "open".to_owned(),
            Verdict::Missing { at, shape, .. } => format!("missing {at} in {shape}"),
        };
        assert_eq!(found, expected, "{schema} {path:?}");
    }

    #[test]
    fn a_path_outside_the_declared_properties_is_missing() {
        let schema = json!({
            "type": "object",
            "properties": {
                "stories": { "type": "array", "items": { "$ref": "#/$defs/Story" } },
                "took": { "type": "integer" },
                "maybe": { "anyOf": [{ "$ref": "#/$defs/Story" }, { "type": "null" }] },
                "any": {},
                "map": { "type": "object", "additionalProperties": { "type": "string" } },
            },
            "$defs": { "Story": { "type": "object", "properties": { "title": { "type": "string" } } } },
        });
        check(&schema, &[], "known");
        check(&schema, &["stories"], "known");
        check(&schema, &["stories", "0", "title"], "known");
        check(&schema, &["stories", "0", "titel"], "missing 2 in { title: string }");
        check(&schema, &["stories", "length"], "open");
        check(&schema, &["stories", "first"], "missing 1 in array");
        check(&schema, &["took", "seconds"], "missing 1 in integer");
        check(&schema, &["maybe", "title"], "known");
        check(&schema, &["maybe", "text"], "missing 1 in { title: string }");
        check(&schema, &["any", "thing"], "open");
        check(&schema, &["map", "thing"], "open");
        check(
            &schema,
            &["stores"],
            "missing 0 in { stories: array, took: integer, maybe: object, any, map: object }",
        );
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let schema = json!({ "$ref": "#" });
        check(&schema, &["a"], "open");
        let schema = json!({ "anyOf": [{ "$ref": "#" }, { "$ref": "#" }, { "$ref": "#" }] });
        check(&schema, &["a"], "open");
    }
}
