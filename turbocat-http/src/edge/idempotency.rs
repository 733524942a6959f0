//! `Idempotency-Key`: a POST that is sent again under its key is not done again, but answered as it
//! was the first time.
//!
//! What was answered is kept for a day, sealed, because there may be tokens in it. Answers that say
//! nothing of the request are not kept: those of a fault here, and of too many requests.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use turbocat_storage::platform::{Claim, Held};
use turbocat_storage::vault::Place;
use uuid::Uuid;

use super::context;
use crate::api::Api;
use crate::auth::identity::{By, Identity};
use crate::error::{Error, Result};
use crate::{secure, wire};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a request holds its key that has no answer: a process may have ended in the middle.
const HELD: Duration = Duration::from_secs(60);
/// The headers that are kept with an answer.
const HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    headers: Vec<(String, String)>,
    /// In base64.
    body: String,
}

/// See above. Stands within what finds out who asks: keys of different callers are different keys.
pub(crate) async fn once(State(api): State<Api>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let Some(key) = request.headers().get(&KEY).cloned() else { return next.run(request).await };
    match keyed(api, request, &key, next).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn keyed(api: Api, request: Request, key: &HeaderValue, next: Next) -> Result<Response> {
    let visible = |key: &&HeaderValue| {
        (1..=255).contains(&key.len()) && key.as_bytes().iter().all(u8::is_ascii_graphic)
    };
    let key = Some(key).filter(visible).and_then(|key| key.to_str().ok());
    let key = key.ok_or_else(|| {
        Error::field("Idempotency-Key", "invalid_format", "must be 1 to 255 visible ASCII characters")
    })?;
    let name = name(&request, key);
    let (parts, body) = request.into_parts();
    let mut whole = Request::new(body);
    if let Some(length) = parts.headers.get(header::CONTENT_LENGTH) {
        whole.headers_mut().insert(header::CONTENT_LENGTH, length.clone());
    }
    let settings = api.settings();
    let body = wire::body::bytes(whole, settings.body_limit, settings.body_timeout).await?;
    let path = context::current().map(|context| context.path).unwrap_or_default();
    let mut asked = Sha256::new();
    asked.update(format!("{}\n{path}\n{}\n", parts.method, parts.uri.query().unwrap_or_default()));
    asked.update(&body);
    let asked = secure::hex(&asked.finalize());

    match api.platform().idempotency().claim(&name, &asked, HELD).await? {
        Claim::Answered { status, answer } => replay(&api, &name, status, &answer),
        Claim::Different => {
            Err(Error::new(crate::error::Code::Unprocessable, "the key was used for another request"))
        }
        Claim::Busy => Err(Error::conflict("a request with that key is being done").retry_after(1)),
        Claim::Yours(held) => {
            let work = done(api, name, held, next, Request::from_parts(parts, Body::from(body)));
            // On its own: who goes away in the middle finds the answer when they ask again.
            let work = match context::current() {
                Some(context) => tokio::spawn(context.scope(work)),
                None => tokio::spawn(work),
            };
            work.await.map_err(Error::internal)
        }
    }
}

/// Whose key it is. Of what names it nothing can be read.
fn name(request: &Request, key: &str) -> String {
    let who = match request.extensions().get::<Identity>() {
        Some(Identity::Known(known)) => match &known.by {
            By::Session(_) => format!("user:{}", known.user.id),
            By::Key(key) => format!("key:{}", key.id),
        },
        Some(Identity::Anonymous | Identity::Refused(_)) | None => {
            let ip = context::current().and_then(|context| context.ip);
            format!("ip:{}", ip.map(|ip| ip.to_string()).unwrap_or_default())
        }
    };
    secure::digest(&format!("{who}\n{key}"))
}

/// Gives the key back if nothing is kept under it, whatever happens: also when a handler panics.
struct Giving {
    api: Api,
    name: String,
    held: Option<Held>,
}

impl Drop for Giving {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            let (api, name) = (self.api.clone(), std::mem::take(&mut self.name));
            tokio::spawn(async move {
                if let Err(error) = api.platform().idempotency().release(&name, held).await {
                    tracing::warn!(%error, "a key of a request was not given back; it is free in a minute");
                }
            });
        }
    }
}

async fn done(api: Api, name: String, held: Held, next: Next, request: Request) -> Response {
    let mut giving = Giving { api, name, held: Some(held) };
    let response = next.run(request).await;
    let status = response.status();
    let of_itself = !status.is_server_error()
        && !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    if !of_itself {
        // Before it is answered: who asks again at once finds the key free.
        if let Some(held) = giving.held.take()
            && let Err(error) = giving.api.platform().idempotency().release(&giving.name, held).await
        {
            tracing::warn!(%error, "a key of a request was not given back; it is free in a minute");
        }
        return response;
    }
    let (parts, body) = response.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return Error::internal(error).into_response(),
    };
    let headers = HEADERS.iter().filter_map(|name| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let kept = Kept { headers: headers.collect(), body: STANDARD.encode(&body) };
    if let Err(error) = keep(&giving, held, status, &kept).await {
        tracing::error!(?error, "an answer was not kept for its key");
    }
    giving.held = None;
    Response::from_parts(parts, Body::from(body))
}

async fn keep(giving: &Giving, held: Held, status: StatusCode, kept: &Kept) -> Result<()> {
    let text = serde_json::to_string(kept).map_err(Error::internal)?;
    let sealed = giving.api.keyring().seal(&place(&giving.name), &text)?;
    let keys = giving.api.platform().idempotency();
    Ok(keys.finish(&giving.name, held, status.as_u16(), &sealed, KEPT).await?)
}

fn replay(api: &Api, name: &str, status: u16, answer: &str) -> Result<Response> {
    let text = api.keyring().open(&place(name), answer)?;
    let kept: Kept = serde_json::from_str(&text).map_err(Error::internal)?;
    let body = STANDARD.decode(&kept.body).map_err(Error::internal)?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).map_err(Error::internal)?;
    for (name, value) in kept.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(Error::internal)?;
        response.headers_mut().insert(name, HeaderValue::from_str(&value).map_err(Error::internal)?);
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// Where an answer stands: a text that is moved to another key does not open there.
fn place(name: &str) -> Place {
    let digest = Sha256::digest(name.as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    Place::new("idempotency_keys", "answer", Uuid::from_bytes(id)).field(name)
}
