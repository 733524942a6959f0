//! Reading what an execution must be given, in the short form or as a JSON Schema.
//!
//! The rule: with `type: object` at its top, `inputs` is a full JSON Schema. Otherwise each key
//! is an input and its value a type name or a schema; it is required unless it has a `default`
//! or says `required: false`. (An input that is itself called `type` and is an object is written
//! `type: { type: object }`.)

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::diagnostic::{Code, Diagnostic, Segment, nearest};

use super::cursor::At;
use super::decode::Decoder;
use super::tree::{Node, Shape};
use super::workflow::Inputs;

pub(super) const TYPES: [&str; 8] =
    ["string", "integer", "number", "boolean", "array", "object", "null", "any"];

/// The words of JSON Schema that people use, to find slips of the keyboard.
const KEYWORDS: [&str; 44] = [
    "$ref",
    "$defs",
    "$id",
    "$schema",
    "$comment",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "default",
    "deprecated",
    "dependentRequired",
    "description",
    "else",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "if",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "readOnly",
    "required",
    "then",
    "title",
    "type",
    "uniqueItems",
];

impl Decoder<'_> {
    pub(super) fn inputs(&mut self, at: &At<'_>) -> Option<Inputs> {
        if at.node.is_null() {
            return None;
        }
        let mistakes = self.diagnostics.len();
        let schema = if at.node.get("type").and_then(Node::as_text) == Some("object") {
            self.value(at)
        } else {
            self.short_form(at)
        };
        if self.diagnostics.len() == mistakes {
            self.check_schema(at, &schema);
        }
        Some(Inputs { schema })
    }

    fn short_form(&mut self, at: &At<'_>) -> Value {
        let mut fields = self.fields(at, "a mapping of names to types or schemas");
        fields.ignore_rest();
        let mut properties = Map::new();
        let mut required = Vec::new();
        for entry in at.entries() {
            let (schema, needed) = self.property(&at.child(entry));
            if needed {
                required.push(Value::String(entry.key.clone()));
            }
            properties.insert(entry.key.clone(), schema);
        }
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    }

    /// One input: its schema, and whether it is required.
    fn property(&mut self, at: &At<'_>) -> (Value, bool) {
        match &at.node.shape {
            Shape::Null => (json!({}), true),
            Shape::Text(name) => {
                self.type_name(at);
                (if name == "any" { json!({}) } else { json!({ "type": name }) }, true)
            }
            Shape::Mapping(entries) => {
                let known = |key: &str| KEYWORDS.contains(&key);
                for entry in entries.iter().filter(|entry| !known(&entry.key)).take(1_000) {
                    // JSON Schema allows any other word; only a slip of the keyboard is a mistake
                    if let Some(near) = nearest(&entry.key, KEYWORDS) {
                        let message = format!("unknown key `{}`", entry.key);
                        let diagnostic = at.error_at(entry, Code::UNKNOWN_KEY, message);
                        self.report(diagnostic.help(format!("did you mean `{near}`?")));
                    }
                }
                if let Some(entry) = at.node.entry("type").filter(|entry| entry.value.as_text().is_some()) {
                    self.type_name(&at.child(entry));
                }
                let Value::Object(mut schema) = self.value(at) else { return (json!({}), true) };
                if schema.get("type") == Some(&json!("any")) {
                    schema.shift_remove("type");
                }
                let said = match schema.get("required") {
                    Some(Value::Bool(required)) => Some(*required),
                    _ => None,
                };
                if said.is_some() {
                    schema.shift_remove("required");
                }
                let needed = said.unwrap_or_else(|| !schema.contains_key("default"));
                (Value::Object(schema), needed)
            }
            _ => {
                let message = format!("{} must be a type or a schema, not {}", at.label(), at.node.word());
                let help = "such as `string`, or `{ type: integer, default: 5 }`";
                self.report(at.error(Code::BAD_SCHEMA, message).help(help));
                (json!({}), true)
            }
        }
    }

    fn type_name(&mut self, at: &At<'_>) {
        let Some(name) = at.node.as_text().filter(|name| !TYPES.contains(name)) else { return };
        let diagnostic = at.error(Code::BAD_SCHEMA, format!("`{name}` is not a type"));
        let same = match name {
            "text" | "str" => Some("string"),
            "int" => Some("integer"),
            "float" | "double" | "decimal" => Some("number"),
            "bool" => Some("boolean"),
            "list" => Some("array"),
            "map" | "dict" | "json" => Some("object"),
            _ => nearest(name, TYPES),
        };
        self.report(match same {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("the types are `{}`", TYPES.join("`, `"))),
        });
    }

    /// Whether it is a JSON Schema at all, and whether the defaults fit their own schemas.
    fn check_schema(&mut self, at: &At<'_>, schema: &Value) {
        let help = "see https://json-schema.org/understanding-json-schema for what can stand there";
        let mistakes = self.diagnostics.len();
        // the meta-schema refers to itself and says some things several times
        let mut said = HashSet::new();
        for error in jsonschema::draft202012::meta::validator().iter_errors(schema) {
            if !said.insert(error.instance_path().to_string()) {
                continue;
            }
            let diagnostic =
                self.deepest(at, &error.instance_path().to_string(), format!("not a valid schema: {error}"));
            self.report(diagnostic.help(help));
        }
        if self.diagnostics.len() > mistakes {
            return;
        }
        match jsonschema::draft202012::new(schema) {
            Ok(_) => self.check_defaults(at, schema),
            Err(error) => {
                let message = format!("the schema cannot be used: {error}");
                let diagnostic = self.deepest(at, &error.instance_path().to_string(), message);
                self.report(diagnostic.help(help));
            }
        }
    }

    /// An error at the deepest place of the text that a path through the full schema leads to.
    fn deepest(&self, at: &At<'_>, path: &str, message: String) -> Diagnostic {
        let mut diagnostic = at.error(Code::BAD_SCHEMA, message);
        let mut node = at.node;
        for part in path.split('/').skip(1) {
            let next = match &node.shape {
                Shape::List(items) => part.parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => node.get(part),
            };
            // the short form has no `properties` of its own
            let Some(next) = next else { continue };
            node = next;
            diagnostic.place = node.place;
            diagnostic.pointer.0.push(Segment::from(part));
        }
        diagnostic
    }

    fn check_defaults(&mut self, at: &At<'_>, schema: &Value) {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        for (name, property) in properties {
            let Some(default) = property.get("default") else { continue };
            let Ok(validator) = jsonschema::draft202012::new(property) else { continue };
            if let Err(error) = validator.validate(default) {
                let message = format!("the default of input `{name}` does not fit: {error}");
                let diagnostic = self.deepest(at, &format!("/properties/{name}/default"), message);
                self.report(diagnostic.help("change the default or the schema"));
            }
        }
    }
}
