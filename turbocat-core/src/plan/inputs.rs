//! The declared inputs of a workflow: defaults filled in, values checked.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::diagnostic::{Code, Diagnostic, Pointer, suggest};

/// Compiled schemas, by what they are of and its name; `None` for those that cannot be compiled.
pub(crate) type Validators = HashMap<(&'static str, String), Option<Arc<jsonschema::Validator>>>;

/// What an execution must be given, ready to check with.
pub(crate) struct InputRules {
    rules: Option<(Value, jsonschema::Validator)>,
}

impl InputRules {
    /// Rules that let everything pass.
    pub(crate) const fn anything() -> Self {
        Self { rules: None }
    }

    /// The rules of a schema, or what is wrong with it.
    pub(crate) fn new(schema: &Value) -> Result<Self, String> {
        let validator = jsonschema::validator_for(schema).map_err(|error| error.to_string())?;
        Ok(Self { rules: Some((schema.clone(), validator)) })
    }

    pub(crate) fn schema(&self) -> Option<&Value> {
        self.rules.as_ref().map(|(schema, _)| schema)
    }

    /// The inputs with defaults filled in, or everything that is wrong with them.
    pub(crate) fn check(&self, inputs: Value) -> Result<Value, Vec<Diagnostic>> {
        let mut inputs = match inputs {
            Value::Null => Value::Object(Map::new()),
            other => other,
        };
        let Some((schema, validator)) = &self.rules else { return Ok(inputs) };
        let properties = schema.get("properties").and_then(Value::as_object);
        if let (Some(given), Some(properties)) = (inputs.as_object_mut(), properties) {
            for (name, property) in properties {
                if let (false, Some(default)) = (given.contains_key(name), property.get("default")) {
                    given.insert(name.clone(), default.clone());
                }
            }
        }
        let found: Vec<Diagnostic> =
            validator.iter_errors(&inputs).map(|error| explain(&error, properties)).collect();
        if found.is_empty() { Ok(inputs) } else { Err(found) }
    }
}

fn explain(error: &jsonschema::ValidationError<'_>, properties: Option<&Map<String, Value>>) -> Diagnostic {
    use jsonschema::error::ValidationErrorKind as Kind;
    let mut pointer = Pointer::root().join("inputs");
    for segment in error.instance_path().as_str().split('/').skip(1) {
        pointer = match segment.parse::<usize>() {
            Ok(index) => pointer.join(index),
            Err(_) => pointer.join(&*segment.replace("~1", "/").replace("~0", "~")),
        };
    }
    match error.kind() {
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let note = properties
                .and_then(|all| all.get(name))
                .and_then(|property| property.get("description"))
                .and_then(Value::as_str);
            let diagnostic = Diagnostic::error(
                Code::MISSING_INPUT,
                pointer.clone(),
                format!("input `{name}` is required and was not given"),
            );
            match note {
                Some(note) => diagnostic.help(format!("`{name}` is: {note}")),
                None => diagnostic,
            }
        }
        Kind::AdditionalProperties { unexpected } => {
            let name = unexpected.first().map_or("", String::as_str);
            let mut diagnostic = Diagnostic::error(
                Code::UNKNOWN_INPUT,
                pointer.join(name),
                format!("input `{name}` is not declared by the workflow"),
            );
            diagnostic.help = suggest(name, properties.into_iter().flat_map(Map::keys).map(String::as_str));
            diagnostic
        }
        _ => Diagnostic::error(Code::BAD_INPUT, pointer.clone(), format!("`{pointer}`: {error}")),
    }
}

impl fmt::Debug for InputRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InputRules").field(&self.schema()).finish()
    }
}
