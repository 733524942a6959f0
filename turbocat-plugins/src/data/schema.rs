//! JSON Schemas of the configuration and the output, for forms and documents.
//!
//! The outermost settings are closed and typed. What each operation takes stands under `$defs` by
//! its name; whether a configuration keeps to it is said by `check`, with places and advice.

use serde_json::{Map, Value, json};

use super::format::Format;
use super::join::JoinType;
use super::operation::Name;
use super::operator::Operator;
use super::tally::Aggregate;

fn words<T>(words: &[(&'static str, T)]) -> Value {
    words.iter().map(|(word, _)| *word).collect()
}

/// The schema of the configuration.
pub(super) fn config() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "operation": {
                "type": "string",
                "description": "What to do with the data. Its settings stand in `operationConfig`, and are described under `$defs`.",
                "examples": words(&Name::ALL),
            },
            "operationConfig": { "type": "object", "description": "The settings of `operation`." },
            "pipeline": {
                "type": "array",
                "description": "Operations one after the other: `{operation, config}`. Counts instead of `operation` if it is not empty.",
                "items": { "type": "object" },
            },
            "inputField": {
                "type": "string",
                "default": "data",
                "description": "The input that has the data. If there is none: the first of `data`, `items` and `input` that is not empty, else all inputs.",
            },
            "outputField": { "type": "string", "description": "Accepted and not used." },
            "source": { "description": "The data themselves, mostly a template. Counts instead of the inputs." },
            "transformation": {
                "type": ["string", "object"],
                "description": "Instead of `operationConfig`: a text such as `item.value > 100`, or the settings of `operation`.",
            },
            "outputFormat": {
                "type": "string",
                "default": "json",
                "description": "What becomes of the result at last.",
                "examples": words(&Format::ALL),
            },
            "validateOutput": {
                "type": "boolean",
                "default": false,
                "description": "Whether the result must keep to `outputSchema`.",
            },
            "outputSchema": { "type": "object", "description": "A JSON Schema of the result." },
            "keepOriginal": {
                "type": "boolean",
                "default": true,
                "description": "Whether the output has `originalData`. Without them it takes less memory.",
            },
            "maxItems": {
                "type": "integer",
                "minimum": 1,
                "default": super::meter::ITEMS,
                "description": "How many items a list may have, given or made.",
            },
            "maxBytes": {
                "type": "integer",
                "minimum": 1,
                "default": super::meter::BYTES,
                "description": "How many bytes of JSON the result may have.",
            },
        },
        "$defs": Name::ALL.iter().map(|(text, name)| ((*text).to_owned(), operation(*name))).collect::<Map<_, _>>(),
    })
}

fn closed(required: &[&str], properties: Value) -> Value {
    let mut schema = json!({ "type": "object", "additionalProperties": false, "required": required });
    schema["properties"] = properties;
    schema
}

/// The schema of what an operation takes.
pub(super) fn operation(name: Name) -> Value {
    let path = || json!({ "type": "string", "minLength": 1, "description": "A dotted path, such as `user.emails.0`." });
    let sort_key = || {
        json!({
            "field": path(),
            "direction": { "enum": ["asc", "desc"], "default": "asc" },
            "ignoreCase": { "type": "boolean", "default": false },
        })
    };
    match name {
        Name::Filter => closed(
            &[],
            json!({
                "conditions": {
                    "type": "array",
                    "items": closed(
                        &["field", "operator"],
                        json!({ "field": path(), "operator": { "enum": words(&Operator::ALL) }, "value": {} }),
                    ),
                },
                "logic": { "enum": ["and", "or"], "default": "and" },
                "condition": { "type": "string", "description": "Such as `item.value > 100 and item.name exists`." },
            }),
        ),
        Name::Map => closed(
            &[],
            json!({
                "expression": path(),
                "fields": { "type": "object", "additionalProperties": path() },
            }),
        ),
        Name::Reduce => closed(
            &[],
            json!({
                "operation": { "enum": words(&Aggregate::ALL) },
                "field": path(),
                "initialValue": {},
            }),
        ),
        Name::Sort => {
            let mut properties = sort_key();
            if let Some(properties) = properties.as_object_mut() {
                let key = closed(&["field"], sort_key());
                let by = json!({ "anyOf": [key, { "type": "array", "items": key }] });
                properties.insert("by".to_owned(), by);
            }
            closed(&[], properties)
        }
        Name::Group => closed(&["field"], json!({ "field": path() })),
        Name::Unique => closed(&[], json!({ "field": path() })),
        Name::Flatten => closed(&[], json!({ "depth": { "type": "integer", "minimum": 0, "default": 1 } })),
        Name::Pick => closed(&["fields"], json!({ "fields": { "type": "array", "items": path() } })),
        Name::Omit => {
            closed(&["fields"], json!({ "fields": { "type": "array", "items": { "type": "string" } } }))
        }
        Name::Merge => closed(
            &["source"],
            json!({ "source": {}, "strategy": { "enum": ["shallow", "deep"], "default": "shallow" } }),
        ),
        Name::Join => closed(
            &["with", "on"],
            json!({
                "with": { "type": "array" },
                "on": path(),
                "rightOn": path(),
                "type": { "enum": words(&JoinType::ALL), "default": "inner" },
            }),
        ),
        Name::Aggregate => closed(
            &["aggregations"],
            json!({
                "aggregations": {
                    "type": "array",
                    "minItems": 1,
                    "items": closed(
                        &["operation"],
                        json!({
                            "field": path(),
                            "operation": { "enum": words(&Aggregate::ALL) },
                            "alias": { "type": "string" },
                        }),
                    ),
                },
                "groupBy": path(),
            }),
        ),
        Name::Transform => closed(&[], json!({ "expression": path() })),
        Name::Jq => closed(
            &["filter"],
            json!({
                "filter": { "type": "string" },
                "args": { "type": "object", "description": "Values of variables: `{\"least\": 3}` is `$least`." },
                "outputs": { "enum": ["one", "all", "first"], "default": "one" },
                "timeoutMs": { "type": "integer", "minimum": 1, "default": 10_000 },
                "maxMemoryMb": { "type": "integer", "minimum": 1, "default": 256 },
            }),
        ),
    }
}

/// The schema of the output.
pub(super) fn output() -> Value {
    let count = json!({ "type": "integer", "minimum": 0 });
    json!({
        "type": "object",
        "required": ["result", "inputCount", "outputCount", "operationsPerformed"],
        "properties": {
            "result": {},
            "originalData": {},
            "inputCount": count,
            "outputCount": count,
            "operationsPerformed": { "type": "array", "items": { "type": "string" } },
        },
    })
}
