//! The OpenAPI document: made of the handlers' types, and a page that shows it.

mod frame;
mod example;
mod finish;
mod pages;

use serde_json::Value;

pub(crate) use frame::frame;
pub(crate) use pages::routes;

/// The document of all endpoints, as JSON.
///
/// It is kept as `docs/openapi.json`, and a test compares.
pub fn document() -> Value {
    finish::finish(&crate::router::whole("v1", None).into_openapi())
}
