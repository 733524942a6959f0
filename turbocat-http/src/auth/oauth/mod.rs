//! Signing in elsewhere: a user is sent to a provider and comes back with a code, which is changed
//! for who they are there.
//!
//! - What is begun in one browser is ended in the same one: the verifier of the code (PKCE) is only
//!   in a cookie of that browser, and the state that comes back is good once.
//! - An account is known by the provider and its id there. An e-mail address never leads to an account
//!   that somebody else made.
//! - No token is in a URL: the page gets a code that is good for a minute, and once.

mod provider;
mod ask;
mod keys;
mod id_token;
mod profile;
mod account;
mod cookie;
mod begin;
mod callback;
mod exchange;

use std::time::Duration;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{Api, SetupError};
use crate::error::{Error, Result};
use crate::settings::OAuthClient;
use provider::Provider;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(begin::begin))
        .routes(routes!(callback::callback))
        .routes(routes!(exchange::exchange))
        .routes(routes!(exchange::google))
}

/// How long a user has to sign in elsewhere.
const STATE_LIFE: Duration = Duration::from_secs(600);

/// What asks the providers, and what is remembered of their answers.
#[derive(Debug)]
pub(crate) struct Providers {
    http: reqwest::Client,
    google: keys::Keys,
}

impl Providers {
    pub(crate) fn new() -> std::result::Result<Self, SetupError> {
        Ok(Self { http: ask::client().map_err(SetupError::new)?, google: keys::Keys::default() })
    }
}

/// The client at a provider, if signing in there is on.
fn client(api: &Api, provider: Provider) -> Result<&OAuthClient> {
    let settings = api.settings();
    if !settings.oauth {
        return Err(Error::unavailable("signing in elsewhere is off"));
    }
    let client = match provider {
        Provider::Google => &settings.google,
        Provider::GitHub => &settings.github,
        Provider::Microsoft => &settings.microsoft,
    };
    let off = || Error::unavailable(format!("signing in with {} is not set up", provider.word()));
    client.as_ref().ok_or_else(off)
}
