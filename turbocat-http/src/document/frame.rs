//! The OpenAPI document: made of the handlers' types, and pages that show it.

use axum::Router;
use axum::http::header;
use axum::routing::get;
use serde_json::{Value, json};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa::{PartialSchema, ToSchema};

use crate::api::Api;
use crate::error::ErrorEnvelope;

/// The document of all endpoints, as JSON.
pub fn document() -> Value {
    finish(crate::router::whole("v1", None).into_openapi())
}

/// What is the same for all of it.
pub(crate) fn frame() -> OpenApi {
    let components = ComponentsBuilder::new()
        .security_scheme(
            "bearer",
            SecurityScheme::Http(
                HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build(),
            ),
        )
        .security_scheme("apiKey", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key"))))
        .build();
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Turbocat")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some("A workflow engine: agents, workflows, executions."))
                .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").build()))
                .build(),
        )
        .components(Some(components))
        .security(Some([
            SecurityRequirement::new("bearer", Vec::<String>::new()),
            SecurityRequirement::new("apiKey", Vec::<String>::new()),
        ]))
        .build()
}

/// Adds what every operation has: its errors, and an id.
fn finish(document: OpenApi) -> Value {
    let mut document = json!(document);
    let mut schemas = Vec::new();
    ErrorEnvelope::schemas(&mut schemas);
    schemas.push((ErrorEnvelope::name().into_owned(), ErrorEnvelope::schema()));
    for (name, schema) in schemas {
        document["components"]["schemas"][name] = json!(schema);
    }
    let Some(paths) = document["paths"].as_object_mut() else { return document };
    for (path, item) in paths.iter_mut() {
        for (_, operation) in item.as_object_mut().into_iter().flatten() {
            let Some(responses) = operation["responses"].as_object_mut() else { continue };
            let error = |description: &str| {
                json!({
                    "description": description,
                    "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
                })
            };
            if path.starts_with("/api") {
                responses.entry("default").or_insert_with(|| error("An error"));
            }
        }
    }
    document
}

/// The document and the pages that show it.
pub(crate) fn routes(version: &str, document: OpenApi) -> Router<Api> {
    let document = finish(document);
    let base = format!("/api/{version}");
    let text = document.to_string();
    let json = move || {
        let text = text.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], text) }
    };
    Router::new().route(&format!("{base}/openapi.json"), get(json))
}
