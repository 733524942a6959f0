//! GET `/auth/oauth/{provider}/callback`: a user comes back, and is sent on to the page.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use turbocat_storage::platform::{Hidden, NewToken, TokenPurpose};
use utoipa::IntoParams;

use super::account::{Found, account};
use super::ask::AskError;
use super::profile::{grant, profile};
use super::provider::Provider;
use super::{client, cookie};
use crate::api::Api;
use crate::auth::routes::ip;
use crate::error::{Error, Result};
use crate::secure;
use crate::settings::OAuthClient;
use crate::wire::query;

/// How long the page has to change its code for a session.
const CODE_LIFE: Duration = Duration::from_secs(60);

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CallbackQuery {
    #[param(max_length = 4096)]
    code: Option<String>,
    #[param(max_length = 200)]
    state: Option<String>,
    /// Why the provider sent no code.
    #[param(max_length = 4096)]
    error: Option<String>,
}

/// Why somebody is not signed in, as the page is told.
#[derive(Debug)]
enum Refused {
    Validation,
    State,
    Failed,
    Denied,
    EmailTaken,
    Deactivated,
}

impl Refused {
    const fn word(&self) -> &'static str {
        match self {
            Self::Validation => "validation_failed",
            Self::State => "invalid_state",
            Self::Failed => "oauth_failed",
            Self::Denied => "access_denied",
            Self::EmailTaken => "email_taken",
            Self::Deactivated => "account_deactivated",
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        tracing::error!(?error, "a sign-in elsewhere failed");
        Self::Failed
    }
}

impl From<AskError> for Refused {
    fn from(error: AskError) -> Self {
        tracing::warn!(%error, "a sign-in elsewhere failed");
        Self::Failed
    }
}

/// Takes a user back from a provider and sends them on to the page: to
/// `/auth/oauth/success?code=…`, whose code POST `/auth/oauth/exchange` changes for a session, or to
/// `/auth/oauth/error?error=…`.
#[utoipa::path(get, path = "/auth/oauth/{provider}/callback", tag = "auth", security(()),
    params(("provider" = String, Path, description = "`google`, `github` or `microsoft`"), CallbackQuery),
    responses(
    (status = 302, description = "On to the page"),
    (status = 503, description = "Off, or not set up"),
))]
pub(super) async fn callback(
    State(api): State<Api>,
    provider: Provider,
    headers: HeaderMap,
    RawQuery(text): RawQuery,
) -> Result<Response> {
    let client = client(&api, provider)?;
    let given = query::read::<CallbackQuery>(text.as_deref().unwrap_or_default());
    let state = given.as_ref().ok().and_then(|given| given.state.clone());
    let code = match given {
        Ok(given) => back(&api, provider, client, &headers, given).await,
        Err(_) => Err(Refused::Validation),
    };
    let page = &api.settings().frontend_url;
    // Both are of letters, digits, `-` and `_`.
    let location = match code {
        Ok(code) => format!("{page}/auth/oauth/success?code={code}"),
        Err(refused) => format!("{page}/auth/oauth/error?error={}", refused.word()),
    };
    let mut response = (StatusCode::FOUND, [(header::LOCATION, location)]).into_response();
    let cleared = state.and_then(|state| cookie::clear(&api, &state).parse().ok());
    if let Some(cleared) = cleared {
        response.headers_mut().insert(header::SET_COOKIE, cleared);
    }
    Ok(response)
}

/// Whoever came back; gives a code for the page.
async fn back(
    api: &Api,
    provider: Provider,
    client: &OAuthClient,
    headers: &HeaderMap,
    given: CallbackQuery,
) -> std::result::Result<String, Refused> {
    let state = given.state.ok_or(Refused::Validation)?;
    let tokens = api.platform().one_time_tokens();
    // Good once, whatever follows.
    let kept = tokens.take(TokenPurpose::OauthState, &secure::digest(&state)).await.map_err(Error::from)?;
    let kept = kept.ok_or(Refused::State)?.data;
    let text = |name: &str| kept[name].as_str().unwrap_or_default();
    let verifier = cookie::of(api, headers, &state).ok_or(Refused::State)?;
    let same_browser = secure::same(&secure::digest(&verifier), text("browser"));
    if text("provider") != provider.word() || !same_browser {
        return Err(Refused::State);
    }
    if text("ip") != ip() {
        tracing::info!("a sign-in elsewhere was begun at another address");
    }
    if let Some(error) = given.error {
        return Err(if error == "access_denied" { Refused::Denied } else { Refused::Failed });
    }
    let code = given.code.filter(|code| !code.is_empty()).ok_or(Refused::Validation)?;
    let granted = grant(api, provider, client, &code, &verifier).await?;
    let profile = profile(api, provider, client, &granted, text("nonce")).await?;
    let user = match account(api, provider, profile, Some(&granted)).await? {
        Found::User(user) => user,
        Found::EmailTaken => return Err(Refused::EmailTaken),
        Found::Deactivated => return Err(Refused::Deactivated),
        Found::Unusable => return Err(Refused::Failed),
    };
    let code = secure::random_url_safe::<32>();
    let kept = NewToken {
        hash: Hidden::new(secure::digest(&code)),
        purpose: TokenPurpose::SignIn,
        user_id: Some(user.id),
        data: json!({ "provider": provider.word() }),
    };
    tokens.keep(kept, CODE_LIFE).await.map_err(Error::from)?;
    Ok(code)
}
