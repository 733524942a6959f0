//! Where users sign in elsewhere.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use crate::api::Api;
use crate::error::Error;
use crate::settings::OAuthEndpoints;

/// A provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provider {
    Google,
    GitHub,
    Microsoft,
}

impl Provider {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::GitHub => "github",
            Self::Microsoft => "microsoft",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        let all = [Self::Google, Self::GitHub, Self::Microsoft];
        all.into_iter().find(|one| one.word().eq_ignore_ascii_case(word))
    }

    /// Where users are sent.
    pub(super) fn authorize(self, endpoints: &OAuthEndpoints) -> &str {
        match self {
            Self::Google => &endpoints.google.authorize,
            Self::GitHub => &endpoints.github.authorize,
            Self::Microsoft => &endpoints.microsoft.authorize,
        }
    }

    /// Where a code is changed for tokens.
    pub(super) fn token(self, endpoints: &OAuthEndpoints) -> &str {
        match self {
            Self::Google => &endpoints.google.token,
            Self::GitHub => &endpoints.github.token,
            Self::Microsoft => &endpoints.microsoft.token,
        }
    }

    /// What is asked for.
    pub(super) const fn scope(self) -> &'static str {
        match self {
            Self::Google | Self::Microsoft => "openid profile email",
            Self::GitHub => "read:user user:email",
        }
    }

    /// What else it wants to be told.
    pub(super) const fn more(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Google => &[("access_type", "offline"), ("prompt", "consent")],
            Self::GitHub => &[],
            Self::Microsoft => &[("response_mode", "query")],
        }
    }
}

impl FromRequestParts<Api> for Provider {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        let bad = || Error::field("provider", "invalid_value", "must be one of google, github, microsoft");
        let params =
            RawPathParams::from_request_parts(parts, api).await.map_err(|_| bad().into_response())?;
        let word = params.iter().find(|(name, _)| *name == "provider").map(|(_, word)| word);
        word.and_then(Self::of_word).ok_or_else(|| bad().into_response())
    }
}
