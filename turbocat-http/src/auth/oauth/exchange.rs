//! What the page does: it changes its code, or a token of Google, for a session.

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use turbocat_storage::platform::{TokenPurpose, User};
use utoipa::ToSchema;

use super::account::{Found, account};
use super::ask::AskError;
use super::provider::Provider;
use super::{client, id_token};
use crate::api::Api;
use crate::auth::routes::{ip, limit};
use crate::auth::session::{self, SignedIn};
use crate::error::{Code, Error, Result};
use crate::events::Note;
use crate::secure;
use crate::wire::{Body, Envelope, Reply};

#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct OAuthExchange {
    /// The code that the page was given.
    #[schema(min_length = 1, max_length = 200)]
    code: String,
}

/// Changes the code of a sign-in elsewhere for a session. It is good for a minute, and once.
#[utoipa::path(post, path = "/auth/oauth/exchange", tag = "auth", security(()), request_body = OAuthExchange,
    responses(
    (status = 200, description = "The account and its tokens", body = Envelope<SignedIn>),
    (status = 503, description = "Off"),
))]
pub(super) async fn exchange(
    State(api): State<Api>,
    Body(given): Body<OAuthExchange>,
) -> Result<Reply<SignedIn>> {
    if !api.settings().oauth {
        return Err(Error::unavailable("signing in elsewhere is off"));
    }
    let bad = || Error::unauthorized("the code is not good, or not any more; sign in once more");
    let hash = secure::digest(&given.code);
    let kept = api.platform().one_time_tokens().take(TokenPurpose::SignIn, &hash).await?.ok_or_else(bad)?;
    let id = kept.user_id.ok_or_else(bad)?;
    let user = api.platform().users().get(id).await?.ok_or_else(bad)?;
    let provider = kept.data["provider"].as_str().unwrap_or_default().to_owned();
    open(&api, user, &provider).await
}

async fn open(api: &Api, user: User, provider: &str) -> Result<Reply<SignedIn>> {
    if !user.is_active {
        return Err(Error::forbidden("the account is deactivated"));
    }
    let id = user.id;
    let signed_in = session::open(api, user).await?;
    let note = Note::action("oauth_login", "user", Some(id), Some(id));
    api.events().note(note.changes(json!({ "provider": provider }))).await;
    Ok(Reply::ok(signed_in))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct GoogleSignIn {
    /// The token that Google gave the page, for this client.
    #[schema(min_length = 1, max_length = 8192)]
    google_token: String,
    /// Taken and not believed: who somebody is stands in the token.
    #[serde(default)]
    #[expect(dead_code, reason = "pages send it, and nothing in it may count")]
    user_data: Option<Map<String, Value>>,
}

/// Signs in with a token of Google that a page has.
#[utoipa::path(post, path = "/auth/google", tag = "auth", security(()), request_body = GoogleSignIn, responses(
    (status = 200, description = "The account and its tokens", body = Envelope<SignedIn>),
    (status = 503, description = "Off, or not set up"),
))]
pub(super) async fn google(
    State(api): State<Api>,
    Body(given): Body<GoogleSignIn>,
) -> Result<Reply<SignedIn>> {
    let client = client(&api, Provider::Google)?;
    limit(&api, "oauth", &ip(), |limits| limits.oauth).await?;
    let profile = id_token::verify(&api, &client.id, &given.google_token, None).await;
    let profile = profile.map_err(|error| match error {
        AskError::Refused(_) => Error::unauthorized("the token is not good"),
        error => {
            tracing::error!(%error, "Google did not answer");
            Error::new(Code::External, "Google cannot be asked now")
        }
    })?;
    match account(&api, Provider::Google, profile, None).await? {
        Found::User(user) => open(&api, *user, Provider::Google.word()).await,
        Found::EmailTaken => {
            Err(Error::conflict("somebody has that e-mail address already; sign in as before"))
        }
        Found::Deactivated => Err(Error::forbidden("the account is deactivated")),
        Found::Unusable => Err(Error::unauthorized("the account there cannot be used here")),
    }
}
