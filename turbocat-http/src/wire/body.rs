//! JSON bodies: bounded in size and time, held against their schema, then read.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::ToSchema;

use super::check;
use crate::api::Api;
use crate::error::{Detail, Error};

/// A body that was read. An empty body counts as `{}`.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned + ToSchema + 'static> FromRequest<Api> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Response> {
        read(request, api).await.map(Self).map_err(IntoResponse::into_response)
    }
}

async fn read<T: DeserializeOwned + ToSchema + 'static>(request: Request, api: &Api) -> Result<T, Error> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let form = match kind.as_deref() {
        Some("application/x-www-form-urlencoded") => true,
        Some(kind) if kind != "application/json" && !kind.ends_with("+json") => {
            let message = format!("the body must be application/json, not {kind}");
            return Err(Error::bad_request(message).with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        _ => false,
    };
    let bytes = bytes(request, api.settings().body_limit, api.settings().body_timeout).await?;
    let value = match &*bytes {
        [] => Value::Object(serde_json::Map::new()),
        text if form => super::query::pairs(&String::from_utf8_lossy(text)),
        text => serde_json::from_slice(text)
            .map_err(|error| Error::bad_request(format!("the body is no JSON: {}", plain(&error))))?,
    };
    of_value(value)
}

/// Reads a value that was sent.
pub(crate) fn of_value<T: DeserializeOwned + ToSchema + 'static>(value: Value) -> Result<T, Error> {
    let mut wrong = check::of_type::<T>(&value);
    check::zeros(&value, &mut wrong);
    if !wrong.is_empty() {
        return Err(Error::invalid(wrong));
    }
    serde_json::from_value(value)
        .map_err(|error| Error::invalid(vec![Detail::new("", "custom", plain(&error))]))
}

/// The bytes of a body.
pub(crate) async fn bytes(request: Request, limit: usize, time: Duration) -> Result<bytes::Bytes, Error> {
    let too_large = || {
        let message = format!("the body has more than {limit} bytes");
        Error::bad_request(message).with_status(StatusCode::PAYLOAD_TOO_LARGE)
    };
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let collected = Limited::new(request.into_body(), limit).collect();
    match tokio::time::timeout(time, collected).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => Err(too_large()),
        Ok(Err(_)) => Err(Error::bad_request("the body did not arrive whole")),
        Err(_) => {
            let message = "the body did not arrive in time";
            Err(Error::bad_request(message).with_status(StatusCode::REQUEST_TIMEOUT))
        }
    }
}

/// What a reader of JSON says, without the value.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) if error.line() == 0 => text[..at].to_owned(),
        _ => text,
    }
}
