//! Values held against their schema: what the document says is what is enforced.
//!
//! A type's schema is compiled once. Everything that is wrong is found at once, with the dotted path
//! to it and a code that programs can read.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{ValidationError, Validator};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::error::Detail;

type Compiled = Mutex<HashMap<TypeId, Arc<Validator>>>;

/// Everything that is wrong with a value of that type.
pub(crate) fn of_type<T: ToSchema + 'static>(value: &Value) -> Vec<Detail> {
    static COMPILED: OnceLock<Compiled> = OnceLock::new();
    let mut compiled = COMPILED.get_or_init(Compiled::default).lock().unwrap_or_else(PoisonError::into_inner);
    let validator = compiled.entry(TypeId::of::<T>()).or_insert_with(|| {
        let mut schemas = Vec::new();
        T::schemas(&mut schemas);
        Arc::new(compile(&T::schema(), schemas))
    });
    let validator = validator.clone();
    drop(compiled);
    against(&validator, value)
}

/// Compiles a schema of this crate's document, with those it refers to.
pub(crate) fn compile(schema: &RefOr<Schema>, others: Vec<(String, RefOr<Schema>)>) -> Validator {
    let schemas: Map<String, Value> =
        others.into_iter().map(|(name, schema)| (name, json!(schema))).collect();
    let mut whole = json!(schema);
    whole["components"] = json!({ "schemas": schemas });
    jsonschema::options()
        .should_validate_formats(true)
        .build(&whole)
        .unwrap_or_else(|error| panic!("a schema of the document is none: {error}"))
}

/// Everything that is wrong with a value.
pub(crate) fn against(validator: &Validator, value: &Value) -> Vec<Detail> {
    let mut found = Vec::new();
    for error in validator.iter_errors(value) {
        note(&error, &mut found);
        if found.len() >= MOST {
            break;
        }
    }
    found
}

/// Notes every text and name with a zero byte in it, which no database could keep.
pub(crate) fn zeros(value: &Value, found: &mut Vec<Detail>) {
    if has_zero(value) {
        walk(value, "", found);
    }
}

fn has_zero(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_zero),
        Value::Object(map) => map.iter().any(|(name, item)| name.contains('\0') || has_zero(item)),
        _ => false,
    }
}

fn walk(value: &Value, at: &str, found: &mut Vec<Detail>) {
    if found.len() >= MOST {
        return;
    }
    let zero =
        || Detail::new(at.replace('\0', "\u{fffd}"), "invalid_format", "must not have a zero byte in it");
    match value {
        Value::String(text) if text.contains('\0') => found.push(zero()),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &join(at, &index.to_string()), found);
            }
        }
        Value::Object(map) => {
            for (name, item) in map {
                if name.contains('\0') {
                    found.push(zero());
                }
                walk(item, &join(at, name), found);
            }
        }
        _ => {}
    }
}

/// How many mistakes are told at once.
const MOST: usize = 100;

fn note(error: &ValidationError<'_>, found: &mut Vec<Detail>) {
    let at = dotted(&error.instance_path().to_string());
    let value = error.instance();
    let detail = match error.kind() {
        // An absent field is a wrong type to those who read these codes.
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            Detail::new(join(&at, name), "invalid_type", "is required")
        }
        Kind::Type { .. } => Detail::new(at, "invalid_type", expected(error)),
        Kind::MinLength { limit } if *limit == 1 => Detail::new(at, "too_small", "must not be empty"),
        Kind::MinLength { limit } => {
            Detail::new(at, "too_small", format!("must have at least {limit} characters"))
        }
        Kind::MaxLength { limit } => {
            Detail::new(at, "too_big", format!("must have at most {limit} characters"))
        }
        Kind::Minimum { limit } => Detail::new(at, "too_small", format!("must be at least {limit}")),
        Kind::Maximum { limit } => Detail::new(at, "too_big", format!("must be at most {limit}")),
        Kind::MinItems { limit } => Detail::new(at, "too_small", format!("must have at least {limit} items")),
        Kind::MaxItems { limit } => Detail::new(at, "too_big", format!("must have at most {limit} items")),
        Kind::MinProperties { limit } => {
            Detail::new(at, "too_small", format!("must have at least {limit} fields"))
        }
        Kind::MaxProperties { limit } => {
            Detail::new(at, "too_big", format!("must have at most {limit} fields"))
        }
        Kind::Enum { options } => {
            // Words are taken in any case.
            let same = |option: &Value| match (option.as_str(), value.as_str()) {
                (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
                _ => false,
            };
            if options.as_array().is_some_and(|options| options.iter().any(same)) {
                return;
            }
            let all: Vec<&str> = options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            Detail::new(at, "invalid_value", format!("must be one of {}", all.join(", ")))
        }
        Kind::Format { format } => Detail::new(at, "invalid_format", format!("must be {}", shape(format))),
        Kind::Pattern { pattern } if pattern == NOT_BLANK => {
            Detail::new(at, "too_small", "must not be blank")
        }
        Kind::Pattern { .. } => Detail::new(at, "invalid_format", "has the wrong form"),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            // A value that may be absent: what is wrong is what is wrong with the value.
            let branch = context.iter().find(|errors| {
                !errors.iter().any(|error| {
                    matches!(error.kind(), Kind::Type { .. }) && error.instance_path() == &error_path(errors)
                })
            });
            if let Some(errors) = branch {
                errors.iter().for_each(|error| note(error, found));
                return;
            }
            Detail::new(at, "invalid_type", "has the wrong type")
        }
        _ => Detail::new(at, "custom", "is not allowed"),
    };
    // An empty text is blank as well: that is one mistake.
    if !found.iter().any(|other| other.field == detail.field && other.code == detail.code) {
        found.push(detail);
    }
}

fn error_path(errors: &[ValidationError<'_>]) -> jsonschema::paths::Location {
    errors.first().map(|error| error.instance_path().clone()).unwrap_or_default()
}

/// A text that has more than white space in it.
pub(crate) const NOT_BLANK: &str = r"\S";

fn expected(error: &ValidationError<'_>) -> String {
    let text = error.to_string();
    // `… is not of type "string"`; the value itself is not repeated.
    match text.rsplit_once("is not of type") {
        Some((_, kinds)) => format!("must be of type {}", kinds.trim().replace('"', "")),
        None => match text.rsplit_once("is not of types") {
            Some((_, kinds)) => format!("must be of one of the types {}", kinds.trim().replace('"', "")),
            None => "has the wrong type".to_owned(),
        },
    }
}

fn shape(format: &str) -> &str {
    match format {
        "email" => "an e-mail address",
        "uuid" => "a UUID",
        "uri" => "a URL",
        "date-time" => "a moment such as 2026-01-31T12:00:00.000Z",
        other => other,
    }
}

/// `/steps/0/stepKey` as `steps.0.stepKey`.
fn dotted(pointer: &str) -> String {
    let parts = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
    parts.collect::<Vec<_>>().join(".")
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}
