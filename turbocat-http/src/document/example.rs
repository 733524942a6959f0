//! Examples, made from schemas: what a schema says of its values is enough for one.

use serde_json::{Map, Value, json};

/// How deep an example goes; what is deeper is left empty.
const DEEPEST: usize = 8;

/// A value that fits a schema. `schemas` are those it may refer to.
pub(super) fn of(schema: &Value, schemas: &Value) -> Value {
    made(schema, schemas, 0)
}

fn made(schema: &Value, schemas: &Value, depth: usize) -> Value {
    if let Some(given) = given(schema) {
        return given;
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return if depth < DEEPEST { made(&schemas[name], schemas, depth + 1) } else { json!({}) };
    }
    for word in ["oneOf", "anyOf"] {
        // What may be absent is shown as if it were there.
        let real = |branch: &&Value| branch["type"] != "null";
        if let Some(branch) = schema[word].as_array().and_then(|branches| branches.iter().find(real)) {
            return made(branch, schemas, depth + 1);
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = Map::new();
        for part in parts {
            if let Value::Object(part) = made(part, schemas, depth + 1) {
                whole.extend(part);
            }
        }
        return Value::Object(whole);
    }
    match kind(schema) {
        Some("object") => object(schema, schemas, depth),
        Some("array") if depth >= DEEPEST => json!([]),
        Some("array") => match &schema["items"] {
            Value::Object(_) => json!([made(&schema["items"], schemas, depth + 1)]),
            _ => json!([]),
        },
        Some("integer" | "number") => json!(schema["minimum"].as_i64().unwrap_or(1).max(1)),
        Some("boolean") => json!(true),
        Some("string") => json!(text(schema)),
        _ => json!({}),
    }
}

/// What the schema itself gives.
fn given(schema: &Value) -> Option<Value> {
    let first = |word: &str| schema[word].as_array().and_then(|all| all.first()).cloned();
    let direct = |word: &str| schema.get(word).filter(|value| !value.is_null()).cloned();
    direct("example").or_else(|| first("examples")).or_else(|| direct("default")).or_else(|| first("enum"))
}

fn kind(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::String(kind) => Some(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        _ if schema["properties"].is_object() => Some("object"),
        _ => None,
    }
}

fn object(schema: &Value, schemas: &Value, depth: usize) -> Value {
    let mut whole = Map::new();
    if depth < DEEPEST {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            whole.insert(name.clone(), made(property, schemas, depth + 1));
        }
        if schema["properties"].is_null() && schema["additionalProperties"].is_object() {
            whole.insert("name".to_owned(), made(&schema["additionalProperties"], schemas, depth + 1));
        }
    }
    Value::Object(whole)
}

fn text(schema: &Value) -> String {
    let text = match schema["format"].as_str() {
        Some("uuid") => "4f8b6c1e-2d3a-4b5c-8d9e-0f1a2b3c4d5e",
        Some("date-time") => "2026-01-31T12:00:00.000Z",
        Some("email") => "ann@example.com",
        Some("uri") => "https://example.com/",
        Some("password") => "Correct-Horse-7",
        _ => "text",
    };
    let shortest = schema["minLength"].as_u64().and_then(|least| usize::try_from(least).ok()).unwrap_or(0);
    let mut text = text.to_owned();
    while text.len() < shortest {
        text.push('x');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_fits_its_schema() {
        let schemas = json!({ "Inner": { "type": "object", "properties": { "at": { "type": "string", "format": "date-time" } } } });
        let schema = json!({
            "type": "object",
            "properties": {
                "name": { "type": "string", "minLength": 6 },
                "kind": { "type": "string", "enum": ["one", "two"] },
                "many": { "type": "array", "items": { "$ref": "#/components/schemas/Inner" } },
                "count": { "type": ["integer", "null"], "minimum": 3 },
                "maybe": { "oneOf": [{ "type": "null" }, { "type": "boolean" }] },
            },
        });
        let expected = json!({
            "name": "textxx", "kind": "one", "many": [{ "at": "2026-01-31T12:00:00.000Z" }], "count": 3, "maybe": true,
        });
        assert_eq!(of(&schema, &schemas), expected);
    }

    #[test]
    fn a_schema_that_holds_itself_has_an_example_with_an_end() {
        let schemas = json!({ "Tree": { "type": "object", "properties": { "child": { "$ref": "#/components/schemas/Tree" } } } });
        assert!(of(&schemas["Tree"], &schemas).is_object());
    }
}
