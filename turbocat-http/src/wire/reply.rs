//! What is answered: a resource or a page of them in an envelope.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::etag::Etag;
use super::list::{Listed, Pagination};
use super::time::Time;
use crate::edge::context;

/// When something was answered, and to which request.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Meta {
    timestamp: Time,
    request_id: String,
}

impl Meta {
    pub(crate) fn now() -> Self {
        Self { timestamp: context::now().into(), request_id: context::request_id() }
    }
}

/// One resource.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Envelope<T> {
    success: bool,
    data: T,
    meta: Meta,
}

/// A page of resources.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ListEnvelope<T> {
    success: bool,
    data: Vec<T>,
    pagination: Pagination,
    meta: Meta,
}

/// An answer: 200 unless said otherwise.
#[derive(Debug)]
pub(crate) struct Reply<T> {
    status: StatusCode,
    etag: Option<Etag>,
    body: T,
}

impl<T> Reply<T> {
    pub(crate) const fn ok(body: T) -> Self {
        Self { status: StatusCode::OK, etag: None, body }
    }

    pub(crate) const fn created(body: T) -> Self {
        Self { status: StatusCode::CREATED, etag: None, body }
    }

    /// It will be done.
    pub(crate) const fn accepted(body: T) -> Self {
        Self { status: StatusCode::ACCEPTED, etag: None, body }
    }

    /// With the version of what is answered.
    pub(crate) fn tagged(mut self, etag: Etag) -> Self {
        self.etag = Some(etag);
        self
    }
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        let envelope = Envelope { success: true, data: self.body, meta: Meta::now() };
        let mut response = (self.status, Json(envelope)).into_response();
        if let Some(etag) = self.etag {
            if self.status == StatusCode::OK && context::if_none_match(&etag) {
                response = StatusCode::NOT_MODIFIED.into_response();
            }
            if let Ok(value) = HeaderValue::from_str(&etag.to_string()) {
                response.headers_mut().insert(header::ETAG, value);
            }
        }
        response
    }
}

impl<T: Serialize> IntoResponse for Listed<T> {
    fn into_response(self) -> Response {
        let envelope =
            ListEnvelope { success: true, data: self.items, pagination: self.pagination, meta: Meta::now() };
        Json(envelope).into_response()
    }
}
