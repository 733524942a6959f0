//! Access and refresh tokens: signed, of two kinds that cannot be taken for each other.

use std::fmt;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use turbocat_core::Timestamp;
use turbocat_storage::platform::User;
use uuid::Uuid;

use crate::error::{Code, Error, Result};
use crate::settings::Settings;

/// Makes and reads tokens.
pub(crate) struct Tokens {
    access: (EncodingKey, DecodingKey),
    refresh: (EncodingKey, DecodingKey),
    access_life: u64,
    refresh_life: u64,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

/// What an access token says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Access {
    sub: Uuid,
    user_id: Uuid,
    email: String,
    role: String,
    sid: Uuid,
    session_id: Uuid,
    r#type: String,
    jti: Uuid,
    iat: i64,
    exp: i64,
}

/// What a refresh token says.
#[derive(Debug, Serialize, Deserialize)]
struct Refresh {
    sub: Uuid,
    sid: Uuid,
    r#type: String,
    jti: Uuid,
    iat: i64,
    exp: i64,
}

/// Whose session a token is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) user: Uuid,
    pub(crate) session: Uuid,
}

/// A token and when it ends.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) text: String,
    pub(crate) expires_at: Timestamp,
}

impl Tokens {
    pub(crate) fn new(settings: &Settings) -> Self {
        let pair = |secret: &str| {
            (EncodingKey::from_secret(secret.as_bytes()), DecodingKey::from_secret(secret.as_bytes()))
        };
        Self {
            access: pair(settings.access_secret.reveal()),
            refresh: pair(settings.refresh_secret.reveal()),
            access_life: settings.access_life.as_secs(),
            refresh_life: settings.refresh_life.as_secs(),
        }
    }

    /// For how many seconds access tokens are good.
    pub(crate) const fn access_seconds(&self) -> u64 {
        self.access_life
    }

    /// A new access token of a session.
    pub(crate) fn access(&self, user: &User, session: Uuid, now: Timestamp) -> Result<Signed> {
        let (iat, exp) = span(now, self.access_life);
        let claims = Access {
            sub: user.id,
            user_id: user.id,
            email: user.email.clone(),
            role: user.role.word().to_owned(),
            sid: session,
            session_id: session,
            r#type: "access".to_owned(),
            jti: Uuid::new_v4(),
            iat,
            exp,
        };
        sign(&claims, &self.access.0, exp)
    }

    /// A new refresh token of a session.
    pub(crate) fn refresh(&self, user: Uuid, session: Uuid, now: Timestamp) -> Result<Signed> {
        let (iat, exp) = span(now, self.refresh_life);
        let (r#type, jti) = ("refresh".to_owned(), Uuid::new_v4());
        sign(&Refresh { sub: user, sid: session, r#type, jti, iat, exp }, &self.refresh.0, exp)
    }

    /// Whose access token that is.
    pub(crate) fn read_access(&self, text: &str, now: Timestamp) -> Result<Claim> {
        let claims: Access = read(text, &self.access.1)?;
        check(&claims.r#type, "access", claims.exp, now)?;
        Ok(Claim { user: claims.sub, session: claims.sid })
    }

    /// Whose refresh token that is.
    pub(crate) fn read_refresh(&self, text: &str, now: Timestamp) -> Result<Claim> {
        let claims: Refresh = read(text, &self.refresh.1)?;
        check(&claims.r#type, "refresh", claims.exp, now)?;
        Ok(Claim { user: claims.sub, session: claims.sid })
    }
}

fn span(now: Timestamp, life: u64) -> (i64, i64) {
    let now = now.as_millis().div_euclid(1000);
    (now, now.saturating_add_unsigned(life))
}

fn sign(claims: &impl Serialize, key: &EncodingKey, exp: i64) -> Result<Signed> {
    let text = encode(&Header::new(Algorithm::HS256), claims, key).map_err(Error::internal)?;
    Ok(Signed { text, expires_at: Timestamp::from_millis(exp.saturating_mul(1000)) })
}

fn read<C: DeserializeOwned>(text: &str, key: &DecodingKey) -> Result<C> {
    let mut rules = Validation::new(Algorithm::HS256);
    // By the time of all nodes, below.
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules.set_required_spec_claims(&["exp", "sub"]);
    match decode::<C>(text, key, &rules) {
        Ok(token) => Ok(token.claims),
        Err(error) if *error.kind() == ErrorKind::ExpiredSignature => Err(expired()),
        Err(_) => Err(Error::unauthorized("the token is not valid")),
    }
}

fn check(kind: &str, wanted: &str, exp: i64, now: Timestamp) -> Result<()> {
    if kind != wanted {
        return Err(Error::unauthorized("the token is not valid"));
    }
    if exp <= now.as_millis().div_euclid(1000) { Err(expired()) } else { Ok(()) }
}

fn expired() -> Error {
    Error::new(Code::TokenExpired, "the token has expired")
}
