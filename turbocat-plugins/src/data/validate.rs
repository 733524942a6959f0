//! Whether the result is what the configuration promises.

use serde_json::Value;

use super::fault::{Fault, Outcome};

/// The promise, ready to be held against a result.
#[derive(Debug)]
pub(super) struct Promise {
    /// The type and the fields that must be there, which are spoken of in words of our own.
    kind: Option<String>,
    required: Vec<String>,
    rest: jsonschema::Validator,
}

impl Promise {
    /// Reads a JSON Schema. What is wrong with it is a sentence.
    pub(super) fn read(schema: &Value) -> Result<Self, String> {
        let kind = schema.get("type").and_then(Value::as_str).map(str::to_owned);
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let required = required.filter_map(Value::as_str).map(str::to_owned).collect();
        let rest = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .with_pattern_options(jsonschema::PatternOptions::regex().size_limit(1 << 20))
            .build(schema)
            .map_err(|error| format!("`outputSchema` is no JSON Schema: {error}"))?;
        Ok(Self { kind, required, rest })
    }

    /// Holds it against a result.
    pub(super) fn hold(&self, result: &Value) -> Outcome<()> {
        let failed = |why: String| Err(Fault::output(format!("Output validation failed: {why}")));
        let given = type_of(result);
        if let Some(kind) = &self.kind {
            let whole = kind == "integer" && (result.is_i64() || result.is_u64());
            if kind != given && !whole {
                return failed(format!("expected {kind}, got {given}"));
            }
        }
        if let Value::Object(fields) = result
            && let Some(missing) = self.required.iter().find(|name| !fields.contains_key(*name))
        {
            return failed(format!("missing required field `{missing}`"));
        }
        match self.rest.iter_errors(result).next() {
            None => Ok(()),
            Some(error) => {
                let at = error.instance_path().to_string();
                let at = if at.is_empty() { "the result".to_owned() } else { format!("`{at}`") };
                failed(format!("{at}: {}", error.masked()))
            }
        }
    }
}

const fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
