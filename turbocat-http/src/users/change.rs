//! PATCH `/users/{id}`: the grave changes. Address and password by whom they are of, role and
//! activity by administrators.

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use turbocat_storage::platform::{Hidden, TokenPurpose, User, UserPatch, UserRole};
use utoipa::ToSchema;
use uuid::Uuid;

use super::confirm::confirm;
use super::profile::{short_enough, shown};
use crate::agents::present;
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::password;
use crate::auth::permission::ProfileWrite;
use crate::auth::session::UserView;
use crate::error::{Error, Result};
use crate::events::Note;
use crate::wire::{Body, Envelope, Id, IfMatch, Reply, words};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(min_properties = 1)]
pub(super) struct UserChange {
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255, pattern = r"\S", example = "Ann Lee")]
    full_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = "uri", max_length = 2048, pattern = "^(?i:https?)://")]
    avatar_url: Option<Option<String>>,
    /// Replaces what was there.
    preferences: Option<Map<String, Value>>,
    /// A new address, which is to be proven anew.
    #[schema(format = "email", max_length = 255, example = "ann@example.com")]
    email: Option<String>,
    /// A new password; all sessions end.
    #[schema(max_length = 1024, format = "password", example = "Correct-Horse-8")]
    password: Option<String>,
    /// The password so far, for a new one.
    #[schema(max_length = 1024, format = "password", example = "Correct-Horse-7")]
    current_password: Option<String>,
    /// Whether they may sign in; for administrators. If not, all sessions end.
    is_active: Option<bool>,
    /// What they may do; for administrators.
    role: Option<words::UserRole>,
}

/// Changes a user: oneself, or anybody as an administrator.
#[utoipa::path(patch, path = "/users/{id}", tag = "users", params(("id" = Uuid, Path)),
    request_body = UserChange, responses(
    (status = 200, description = "The user", body = Envelope<UserView>),
))]
pub(super) async fn change(
    State(api): State<Api>,
    caller: Caller<ProfileWrite>,
    Id(id): Id,
    version: IfMatch,
    Body(given): Body<UserChange>,
) -> Result<Reply<UserView>> {
    if !caller.owns(id) {
        return Err(Error::forbidden("only they themselves may change that user"));
    }
    may(&caller, id, &given)?;
    let before = api.platform().users().get(id).await?.ok_or_else(|| Error::not_found("user"))?;
    let preferences = given.preferences.clone().map(Value::Object);
    preferences.as_ref().map_or(Ok(()), |value| short_enough("preferences", value))?;
    let mut patch = UserPatch {
        full_name: given.full_name.clone().map(|name| name.map(|name| name.trim().to_owned())),
        avatar_url: given.avatar_url.clone(),
        preferences,
        is_active: given.is_active,
        role: given.role.map(|role| role.0),
        ..UserPatch::default()
    };
    if let Some(new) = &given.password {
        let hash = new_password(&api, &before, new, given.current_password.as_deref()).await?;
        patch.password_hash = Some(Some(hash));
    }
    let email = given.email.as_deref().map(|email| email.trim().to_lowercase());
    if let Some(email) = email.filter(|email| *email != before.email) {
        if api.platform().users().email_taken(&email).await? {
            return Err(taken());
        }
        patch.email = Some(email);
        patch.email_verified = Some(false);
        patch.email_verified_at = Some(None);
        patch.verification_token = Some(None);
        patch.verification_token_expiry = Some(None);
    }
    if patch == UserPatch::default() {
        // The address may be what it was.
        if given.email.is_some() {
            return Ok(shown(before));
        }
        return Err(Error::bad_request("there is nothing to change"));
    }
    let made = patch.clone();
    let changed = api.platform().users().update(id, patch, version.0).await;
    let user = changed.map_err(|error| match Error::from(error) {
        error if error.is_conflict() && version.0.is_none() => taken(),
        error => version.explain(error),
    })?;
    follow(&api, &before, &user, &made).await?;
    tell(&api, &user, &made, caller.id()).await;
    Ok(shown(user))
}

fn taken() -> Error {
    Error::conflict("somebody has that e-mail address already")
}

/// Who may change what: the rights of others are an administrator's, a password is one's own.
fn may(caller: &Caller<ProfileWrite>, id: Uuid, given: &UserChange) -> Result<()> {
    let own = caller.id() == id;
    if (given.is_active.is_some() || given.role.is_some()) && !caller.is_admin() {
        return Err(Error::forbidden("only administrators change roles and who may sign in"));
    }
    let loses = given.is_active == Some(false) || given.role.is_some_and(|role| role.0 != UserRole::Admin);
    if own && loses {
        // So that there is always one left.
        return Err(Error::bad_request("another administrator must take your rights away"));
    }
    if given.password.is_some() && !own {
        return Err(Error::forbidden("only they themselves may set their password"));
    }
    Ok(())
}

async fn new_password(api: &Api, user: &User, new: &str, current: Option<&str>) -> Result<Hidden> {
    if user.password_hash.is_none() {
        let message = "there is no password to change: the account signs in elsewhere";
        return Err(Error::bad_request(message));
    }
    let name = user.full_name.as_deref().unwrap_or_default();
    let mut wrong = password::judge(new, "password", &[&user.email, name]);
    if current.is_none() {
        wrong.push(crate::error::Detail::new("currentPassword", "invalid_type", "is required"));
    }
    if !wrong.is_empty() {
        return Err(Error::invalid(wrong));
    }
    confirm(api, user, current.unwrap_or_default()).await?;
    Ok(Hidden::new(password::hash(new).await?))
}

/// What follows from a change: sessions end, mails that are under way are good no more.
async fn follow(api: &Api, before: &User, user: &User, made: &UserPatch) -> Result<()> {
    if made.password_hash.is_some() || made.is_active == Some(false) {
        api.platform().sessions().end_all(user.id, None).await?;
    }
    if made.password_hash.is_some() || made.email.is_some() {
        api.platform().one_time_tokens().forget(user.id, TokenPurpose::PasswordReset).await?;
    }
    if made.email.is_some() {
        let text = format!(
            "The address of your account was changed to {}.\n\nIf it was not you, tell those who look after {}.\n",
            user.email,
            api.settings().frontend_url
        );
        api.mailer().post(&before.email, "Another address", text);
    }
    Ok(())
}

/// Notes what changed, without what it was changed to where that is nobody's business.
async fn tell(api: &Api, user: &User, made: &UserPatch, by: Uuid) {
    let mut changes = Map::new();
    if let Some(active) = made.is_active {
        changes.insert("isActive".to_owned(), active.into());
    }
    if let Some(role) = made.role {
        changes.insert("role".to_owned(), role.word().into());
    }
    let parts = [
        ("fullName", made.full_name.is_some()),
        ("avatarUrl", made.avatar_url.is_some()),
        ("preferences", made.preferences.is_some()),
        ("email", made.email.is_some()),
    ];
    let fields: Vec<&str> = parts.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect();
    if !fields.is_empty() {
        changes.insert("fields".to_owned(), json!(fields));
    }
    let id = user.id;
    if made.password_hash.is_some() {
        api.events().note(Note::action("password_changed", "user", Some(id), Some(by))).await;
    }
    if !changes.is_empty() {
        api.events().note(Note::change("user", "updated", id, id, by).changes(changes.into())).await;
    }
}
