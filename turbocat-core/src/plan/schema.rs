//! Whether a path exists in what a JSON Schema describes.
//!
//! A declared set of properties counts as complete unless the schema says that there may be
//! others: agents describe what they give, and a path outside of that is a slip.

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
    },
}

/// Walks a path through a schema.
pub(crate) fn walk<'a>(root: &'a Value, path: &[PathSegment]) -> Verdict<'a> {
    walk_from(root, root, path, 0, 0)
}

const DEPTH: usize = 32;

fn walk_from<'a>(
    root: &'a Value,
    schema: &'a Value,
    path: &[PathSegment],
    at: usize,
    depth: usize,
) -> Verdict<'a> {
    let Some(object) = schema.as_object() else { return Verdict::Open };
    if depth > DEPTH {
        return Verdict::Open;
    }
    if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
        let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map_or(Verdict::Open, |target| walk_from(root, target, path, at, depth + 1));
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
                match walk_from(root, shape, path, at, depth + 1) {
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
        return Verdict::Missing { at, offered: Vec::new(), shape: shape(root, schema) };
    }
    let (key, index) = match segment {
        PathSegment::Key(key) => (&**key, None),
        PathSegment::Index(index) => ("", Some(*index)),
    };
    if lists && !objects {
        if index.is_some() || key.parse::<usize>().is_ok() {
            let items = object.get("items");
            return items.map_or(Verdict::Open, |items| walk_from(root, items, path, at + 1, depth + 1));
        }
        if key == "length" {
            return Verdict::Open;
        }
        return Verdict::Missing { at, offered: vec!["length"], shape: shape(root, schema) };
    }
    let Some(properties) = object.get("properties").and_then(Value::as_object) else {
        return Verdict::Open;
    };
    if let Some(property) = properties.get(key) {
        return walk_from(root, property, path, at + 1, depth + 1);
    }
    let more = object.get("additionalProperties");
    let open = more.is_some_and(|more| *more != Value::Bool(false))
        || object.contains_key("patternProperties")
        || lists && kinds.is_empty() && index.is_some();
    if open {
        return Verdict::Open;
    }
    let offered = properties.keys().map(String::as_str).collect();
    Verdict::Missing { at, offered, shape: shape(root, schema) }
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

/// What a schema describes, in a line: `{ stories: array, tookMs: integer }`.
pub(crate) fn shape(root: &Value, schema: &Value) -> String {
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
            properties.iter().take(8).map(|(key, value)| format!("{key}: {}", word(root, value))).collect();
        if properties.len() > fields.len() {
            fields.push("…".to_owned());
        }
        return format!("{{ {} }}", fields.join(", "));
    }
    word(root, schema)
}

fn word(root: &Value, schema: &Value) -> String {
    if let Some(target) = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|r| r.strip_prefix('#'))
        .and_then(|p| root.pointer(p))
    {
        return target.get("type").and_then(Value::as_str).unwrap_or("any").to_owned();
    }
    let kinds = kinds(schema.get("type"));
    if kinds.is_empty() { "any".to_owned() } else { kinds.join(" or ") }
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
            "missing 0 in { stories: array, took: integer, maybe: any, any: any, map: object }",
        );
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let schema = json!({ "$ref": "#" });
        check(&schema, &["a"], "open");
    }
}
