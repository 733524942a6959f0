//! Who somebody is: read by themselves or an administrator, and the harmless part changed.

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value};
use turbocat_storage::platform::{User, UserFilter, UserPatch, UserSort};
use utoipa::{IntoParams, ToSchema};

use crate::agents::present;
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::{ProfileRead, ProfileWrite, UsersManage};
use crate::auth::session::UserView;
use crate::error::{Error, Result};
use crate::events::Note;
use crate::wire::{Body, Envelope, Etag, Id, IfMatch, ListEnvelope, ListQuery, Listed, Query, Reply, words};

/// The most bytes of preferences and the like, as JSON.
const MOST: usize = 64 * 1024;

/// A user, as answered.
pub(super) fn shown(user: User) -> Reply<UserView> {
    let etag = Etag(user.updated_at);
    Reply::ok(user.into()).tagged(etag)
}

/// An error, if that is too long to be kept of a user.
pub(super) fn short_enough(field: &str, value: &Value) -> Result<()> {
    if value.to_string().len() <= MOST {
        return Ok(());
    }
    Err(Error::field(field, "too_big", format!("must have at most {MOST} bytes as JSON")))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct UserFilters {
    /// Those with this role.
    #[param(inline)]
    role: Option<words::UserRole>,
    /// Those who may sign in, or may not.
    is_active: Option<bool>,
    /// Those with this in their address or name, whatever the case.
    #[param(max_length = 255)]
    search: Option<String>,
}

/// All users, for administrators.
#[utoipa::path(get, path = "/users", tag = "users", params(ListQuery, UserFilters), responses(
    (status = 200, description = "A page of users", body = ListEnvelope<UserView>),
))]
pub(super) async fn list(
    State(api): State<Api>,
    _: Caller<UsersManage>,
    Query(page): Query<ListQuery>,
    Query(filters): Query<UserFilters>,
) -> Result<Listed<UserView>> {
    let filter = UserFilter {
        role: filters.role.map(|role| role.0),
        is_active: filters.is_active,
        search: filters.search,
    };
    let page = api.platform().users().list(&filter, page.request(UserSort::of_word)).await?;
    Ok(Listed::of(page, UserView::from))
}

/// Who one is.
#[utoipa::path(get, path = "/users/me", tag = "users", responses(
    (status = 200, description = "The caller", body = Envelope<UserView>),
))]
pub(super) async fn me(caller: Caller<ProfileRead>) -> Reply<UserView> {
    shown(caller.user.clone())
}

/// A user, for administrators.
#[utoipa::path(get, path = "/users/{id}", tag = "users", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The user", body = Envelope<UserView>),
))]
pub(super) async fn read(
    State(api): State<Api>,
    _: Caller<UsersManage>,
    Id(id): Id,
) -> Result<Reply<UserView>> {
    let user = api.platform().users().get(id).await?;
    user.map(shown).ok_or_else(|| Error::not_found("user"))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(min_properties = 1)]
pub(super) struct ProfileUpdate {
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255, pattern = r"\S", example = "Ann Lee")]
    full_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = "uri", max_length = 2048, pattern = "^(?i:https?)://")]
    avatar_url: Option<Option<String>>,
    /// Replaces what was there.
    preferences: Option<Map<String, Value>>,
}

/// Changes who one is.
#[utoipa::path(patch, path = "/users/me", tag = "users", request_body = ProfileUpdate, responses(
    (status = 200, description = "The caller", body = Envelope<UserView>),
))]
pub(super) async fn update_me(
    State(api): State<Api>,
    caller: Caller<ProfileWrite>,
    version: IfMatch,
    Body(given): Body<ProfileUpdate>,
) -> Result<Reply<UserView>> {
    let preferences = given.preferences.map(Value::Object);
    preferences.as_ref().map_or(Ok(()), |value| short_enough("preferences", value))?;
    let patch = UserPatch {
        full_name: given.full_name.map(|name| name.map(|name| name.trim().to_owned())),
        avatar_url: given.avatar_url,
        preferences,
        ..UserPatch::default()
    };
    if patch == UserPatch::default() {
        return Err(Error::bad_request("there is nothing to change"));
    }
    let id = caller.id();
    let changed = api.platform().users().update(id, patch, version.0).await;
    let user = changed.map_err(|error| version.explain(error.into()))?;
    api.events().note(Note::change("user", "updated", id, id, id)).await;
    Ok(shown(user))
}
