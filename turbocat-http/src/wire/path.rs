//! Ids in paths.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use crate::api::Api;
use crate::error::Error;

/// `{id}` of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id(pub(crate) Uuid);

impl FromRequestParts<Api> for Id {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        named(parts, api, "id").await.map(Self)
    }
}

/// `{id}` and `{other}` of a path, where `other` is the second parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TwoIds(pub(crate) Uuid, pub(crate) Uuid);

impl FromRequestParts<Api> for TwoIds {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        let params =
            RawPathParams::from_request_parts(parts, api).await.map_err(IntoResponse::into_response)?;
        let ids: Option<Vec<Uuid>> = params.iter().map(|(_, text)| parse(text)).collect();
        match ids.as_deref() {
            Some([first, second]) => Ok(Self(*first, *second)),
            _ => Err(bad().into_response()),
        }
    }
}

/// `{id}` of a path, and the text of its other parameter.
#[derive(Clone, Debug)]
pub(crate) struct IdAnd(pub(crate) Uuid, pub(crate) String);

impl FromRequestParts<Api> for IdAnd {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        let id = named(parts, api, "id").await?;
        let params =
            RawPathParams::from_request_parts(parts, api).await.map_err(IntoResponse::into_response)?;
        let other = params.iter().find(|(name, _)| *name != "id").map(|(_, text)| text.to_owned());
        let other = other.filter(|text| !text.is_empty() && text.len() <= 1000 && !text.contains('\0'));
        other
            .map(|other| Self(id, other))
            .ok_or_else(|| Error::bad_request("the last part of the path must be a name").into_response())
    }
}

async fn named(parts: &mut Parts, api: &Api, name: &str) -> Result<Uuid, Response> {
    let params = RawPathParams::from_request_parts(parts, api).await.map_err(IntoResponse::into_response)?;
    let text = params.iter().find(|(param, _)| *param == name).map(|(_, text)| text);
    text.and_then(parse).ok_or_else(|| bad().into_response())
}

/// Only the form with hyphens: what is not that is no id.
fn parse(text: &str) -> Option<Uuid> {
    if text.len() == 36 { text.parse().ok() } else { None }
}

fn bad() -> Error {
    Error::bad_request("the id must be a UUID")
}
