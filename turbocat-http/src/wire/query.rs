//! The query of a URL: texts, read as what the document says they are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use jsonschema::Validator;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::check;
use crate::api::Api;
use crate::error::{Detail, Error};

/// The parameters of a query that a type has. Others are not looked at, so a handler may take
/// several types.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned + IntoParams + 'static> FromRequestParts<Api> for Query<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Response> {
        read(parts.uri.query().unwrap_or_default()).map(Self).map_err(IntoResponse::into_response)
    }
}

/// A parameter as the document has it.
struct Known {
    name: String,
    kind: Kind,
    schema: Validator,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Whole,
    Flag,
}

fn known<T: IntoParams + 'static>() -> Arc<Vec<Known>> {
    type All = Mutex<HashMap<&'static str, Arc<Vec<Known>>>>;
    static ALL: OnceLock<All> = OnceLock::new();
    let mut all = ALL.get_or_init(All::default).lock().unwrap_or_else(PoisonError::into_inner);
    let name = std::any::type_name::<T>();
    all.entry(name)
        .or_insert_with(|| {
            let parameters = T::into_params(|| Some(ParameterIn::Query));
            Arc::new(parameters.into_iter().filter_map(parameter).collect())
        })
        .clone()
}

fn parameter(parameter: Parameter) -> Option<Known> {
    let schema = parameter.schema?;
    let json = serde_json::to_value(&schema).ok()?;
    let has = |word: &str| match json.get("type") {
        Some(Value::String(kind)) => kind == word,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == word),
        _ => false,
    };
    let kind = if has("integer") {
        Kind::Whole
    } else if has("boolean") {
        Kind::Flag
    } else {
        Kind::Text
    };
    Some(Known { name: parameter.name, kind, schema: check::compile(&schema, Vec::new()) })
}

pub(crate) fn read<T: DeserializeOwned + IntoParams + 'static>(query: &str) -> Result<T, Error> {
    let given = pairs(query);
    let (mut values, mut wrong) = (Map::new(), Vec::new());
    for known in known::<T>().iter() {
        let Some(text) = given.get(&known.name).and_then(Value::as_str) else { continue };
        if text.contains('\0') {
            wrong.push(Detail::new(&known.name, "invalid_format", "must not have a zero byte in it"));
            continue;
        }
        let value = match known.kind {
            Kind::Text => Value::from(text),
            Kind::Whole => text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from),
            // What is neither is not looked at.
            Kind::Flag => match text {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                _ => continue,
            },
        };
        let found = check::against(&known.schema, &value);
        let named = found.into_iter().map(|mut detail| {
            detail.field.clone_from(&known.name);
            detail
        });
        let before = wrong.len();
        wrong.extend(named);
        if wrong.len() == before {
            values.insert(known.name.clone(), value);
        }
    }
    if !wrong.is_empty() {
        return Err(Error::invalid(wrong));
    }
    serde_json::from_value(Value::Object(values))
        .map_err(|error| Error::invalid(vec![Detail::new("", "custom", error.to_string())]))
}

/// `a=b&c=d`; the last of one name counts.
pub(crate) fn pairs(text: &str) -> Value {
    let mut map = Map::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        map.insert(name.into_owned(), Value::from(value.into_owned()));
    }
    Value::Object(map)
}
