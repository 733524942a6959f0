//! Signing in: a session, and the two tokens of it.

use serde::Serialize;
use serde_json::Value;
use turbocat_storage::platform::{Hidden, NewSession, User};
use utoipa::ToSchema;
use uuid::Uuid;

use super::tokens::Signed;
use crate::api::Api;
use crate::edge::context;
use crate::error::Result;
use crate::secure;
use crate::wire::{Time, Word, words};

/// A user, without anything secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
pub(crate) struct UserView {
    pub(crate) id: Uuid,
    email: String,
    full_name: Option<String>,
    avatar_url: Option<String>,
    role: words::UserRole,
    is_active: bool,
    email_verified: bool,
    #[schema(value_type = Object)]
    preferences: Value,
    email_verified_at: Option<Time>,
    last_login_at: Option<Time>,
    created_at: Time,
    updated_at: Time,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            email: user.email,
            full_name: user.full_name,
            avatar_url: user.avatar_url,
            role: Word(user.role),
            is_active: user.is_active,
            email_verified: user.email_verified,
            preferences: user.preferences,
            email_verified_at: user.email_verified_at.map(Time),
            last_login_at: user.last_login_at.map(Time),
            created_at: user.created_at.into(),
            updated_at: user.updated_at.into(),
        }
    }
}

/// The two tokens of a session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tokens {
    access_token: String,
    refresh_token: String,
    /// For how many seconds the access token is good.
    expires_in: u64,
    access_token_expires_at: Time,
    refresh_token_expires_at: Time,
    #[schema(example = "Bearer")]
    token_type: &'static str,
}

impl Tokens {
    pub(crate) fn of(api: &Api, access: Signed, refresh: Signed) -> Self {
        Self {
            expires_in: api.tokens().access_seconds(),
            access_token_expires_at: access.expires_at.into(),
            refresh_token_expires_at: refresh.expires_at.into(),
            access_token: access.text,
            refresh_token: refresh.text,
            token_type: "Bearer",
        }
    }
}

/// Who signed in, and their tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignedIn {
    pub(crate) user: UserView,
    pub(crate) tokens: Tokens,
}

/// Opens a session for a user.
pub(crate) async fn open(api: &Api, user: User) -> Result<SignedIn> {
    let (id, now) = (Uuid::new_v4(), api.now());
    let access = api.tokens().access(&user, id, now)?;
    let refresh = api.tokens().refresh(user.id, id, now)?;
    let context = context::current();
    let session = NewSession {
        id,
        user_id: user.id,
        refresh_hash: Hidden::new(secure::digest(&refresh.text)),
        ip_address: context.as_ref().and_then(|context| context.ip).map(|ip| ip.to_string()),
        user_agent: context.and_then(|context| context.user_agent),
    };
    api.platform().sessions().open(session, api.settings().session_life).await?;
    Ok(SignedIn { user: user.into(), tokens: Tokens::of(api, access, refresh) })
}
