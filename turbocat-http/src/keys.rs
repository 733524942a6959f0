//! `/api-keys`: credentials of programs. A key is shown once and kept as its SHA-256; no key may
//! manage keys.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use turbocat_storage::platform::{ApiKey, Hidden, NewApiKey};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::{ACTIONS, KeysManage, RESOURCES, scope};
use crate::error::{Detail, Error, Result};
use crate::events::Note;
use crate::secure;
use crate::wire::{Body, Envelope, Id, ListEnvelope, Listed, Reply, Time};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke))
}

/// How much of a key is shown later: `tk_live_` and 8 signs more.
const SHOWN: usize = 16;
/// How often in a minute a key may be used, unless said otherwise.
const PER_MINUTE: i32 = 60;

/// A key, without what it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKey)]
pub(crate) struct KeyView {
    id: Uuid,
    name: String,
    /// How it begins.
    key_prefix: String,
    scopes: Vec<String>,
    is_active: bool,
    expires_at: Option<Time>,
    last_used_at: Option<Time>,
    usage_count: u64,
    rate_limit_per_minute: i32,
    created_at: Time,
}

impl From<ApiKey> for KeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            key_prefix: key.key_prefix,
            scopes: key.scopes,
            is_active: key.is_active,
            expires_at: key.expires_at.map(Time),
            last_used_at: key.last_used_at.map(Time),
            usage_count: key.usage_count,
            rate_limit_per_minute: key.rate_limit_per_minute,
            created_at: key.created_at.into(),
        }
    }
}

/// A key that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewKey {
    #[serde(flatten)]
    view: KeyView,
    /// The whole key. It is not shown again.
    #[schema(example = "tk_live_6wUCrgBJsO9_tT2DxY0iYDJwpFG7dlQ5uBrlKM9yVqk")]
    key: String,
}

/// The caller's keys, the newest first.
#[utoipa::path(get, path = "/api-keys", tag = "keys", responses(
    (status = 200, description = "The keys", body = ListEnvelope<KeyView>),
))]
async fn list(State(api): State<Api>, caller: Caller<KeysManage>) -> Result<Listed<KeyView>> {
    let keys = api.platform().api_keys().of_user(caller.id()).await?;
    Ok(Listed::whole(keys.into_iter().map(KeyView::from).collect()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct KeyCreate {
    #[schema(min_length = 1, max_length = 255, pattern = r"\S", example = "build server")]
    name: String,
    /// What it may be used for: `agents:read`, `agents`, `*`…
    #[schema(min_items = 1, max_items = 50, example = json!(["agents:read", "workflows"]))]
    scopes: Vec<String>,
    /// Until when. Absent: for ever.
    expires_at: Option<Time>,
    /// How often in a minute it may be used.
    #[schema(minimum = 1, maximum = 10_000, default = 60)]
    rate_limit_per_minute: Option<i32>,
    /// Whether it is for trying things out: it then begins with `tk_test_`, and may do the same.
    #[serde(default)]
    test: bool,
}

/// Makes a key. This is the only time that it is shown.
#[utoipa::path(post, path = "/api-keys", tag = "keys", request_body = KeyCreate, responses(
    (status = 201, description = "The key", body = Envelope<NewKey>),
))]
async fn create(
    State(api): State<Api>,
    caller: Caller<KeysManage>,
    Body(given): Body<KeyCreate>,
) -> Result<Reply<NewKey>> {
    let scopes = read(&given.scopes, given.expires_at.is_some_and(|end| end.0 <= api.now()))?;
    let prefix = if given.test { "tk_test_" } else { "tk_live_" };
    let key = format!("{prefix}{}", secure::random_url_safe::<32>());
    let new = NewApiKey {
        user_id: caller.id(),
        name: given.name.trim().to_owned(),
        key_hash: Hidden::new(secure::digest(&key)),
        key_prefix: key[..SHOWN].to_owned(),
        scopes,
        expires_at: given.expires_at.map(|end| end.0),
        rate_limit_per_minute: given.rate_limit_per_minute.unwrap_or(PER_MINUTE),
    };
    let made = api.platform().api_keys().create(new).await?;
    api.events().note(Note::change("api_key", "created", made.id, caller.id(), caller.id())).await;
    Ok(Reply::created(NewKey { view: made.into(), key }))
}

/// Scopes in their usual form, each once; or everything that is wrong.
fn read(given: &[String], past: bool) -> Result<Vec<String>> {
    let (mut scopes, mut wrong) = (Vec::new(), Vec::new());
    for (at, text) in given.iter().enumerate() {
        match scope(text) {
            Some(scope) if scopes.contains(&scope) => {}
            Some(scope) => scopes.push(scope),
            None => {
                let message = format!(
                    "must be *, a resource or resource:action, of {} and {}",
                    RESOURCES.join(", "),
                    ACTIONS.join(", ")
                );
                wrong.push(Detail::new(format!("scopes.{at}"), "invalid_value", message));
            }
        }
    }
    if past {
        wrong.push(Detail::new("expiresAt", "custom", "must be in the future"));
    }
    if wrong.is_empty() { Ok(scopes) } else { Err(Error::invalid(wrong)) }
}

/// Takes a key back for good.
#[utoipa::path(delete, path = "/api-keys/{id}", tag = "keys", params(("id" = Uuid, Path)),
    responses((status = 204, description = "Revoked")))]
async fn revoke(State(api): State<Api>, caller: Caller<KeysManage>, Id(id): Id) -> Result<StatusCode> {
    api.platform().api_keys().revoke(caller.id(), id).await.map_err(|error| match Error::from(error) {
        error if error.is_server_side() => error,
        _ => Error::not_found("key"),
    })?;
    api.events().note(Note::change("api_key", "revoked", id, caller.id(), caller.id())).await;
    Ok(StatusCode::NO_CONTENT)
}
