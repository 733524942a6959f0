//! The document over HTTP, and the page that shows it. All of the page comes from here, and no script
//! stands in it: the policy of contents stays as strict as everywhere.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config;

use super::finish::finish;
use crate::api::Api;
use crate::error::Error;

const PAGE: &str = include_str!("index.html");
const START: &str = include_str!("start.js");
/// The parts of the page, by name. Others of the same package are not served.
const PARTS: [&str; 6] = [
    "swagger-ui.css",
    "index.css",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "favicon-16x16.png",
    "favicon-32x32.png",
];

/// The document and the page that shows it.
pub(crate) fn routes(version: &str, document: &OpenApi) -> Router<Api> {
    let base = format!("/api/{version}");
    let text = bytes::Bytes::from(finish(document).to_string());
    let json = move || {
        let text = text.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], text) }
    };
    Router::new()
        .route(&format!("{base}/openapi.json"), get(json))
        .route(
            &format!("{base}/docs"),
            get(async || page("text/html; charset=utf-8", PAGE.as_bytes().to_vec())),
        )
        // What is named in the page is named from beside it.
        .route(&format!("{base}/docs/"), get(async || Redirect::permanent("../docs")))
        .route(&format!("{base}/docs/{{part}}"), get(part))
}

fn page(kind: &str, bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, kind)], bytes).into_response()
}

async fn part(Path(name): Path<String>) -> Response {
    if name == "start.js" {
        return page("text/javascript; charset=utf-8", START.as_bytes().to_vec());
    }
    if !PARTS.contains(&&*name) {
        return Error::not_found("page").into_response();
    }
    match utoipa_swagger_ui::serve(&name, Arc::new(Config::from("../openapi.json"))) {
        Ok(Some(file)) => {
            let kept = (header::CACHE_CONTROL, "public, max-age=86400".to_owned());
            (StatusCode::OK, [(header::CONTENT_TYPE, file.content_type), kept], file.bytes.into_owned())
                .into_response()
        }
        Ok(None) => Error::not_found("page").into_response(),
        Err(error) => Error::internal(error).into_response(),
    }
}
