//! Google's tokens that say who somebody is: believed if Google signed them, for us, and lately.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

use super::ask::AskError;
use super::profile::Profile;
use crate::api::Api;
use crate::secure;

/// How much clocks may differ, in seconds.
const LEEWAY: i64 = 60;

#[derive(Debug, Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
    iat: i64,
    email: Option<String>,
    /// `true`, or the word.
    #[serde(default)]
    email_verified: Value,
    name: Option<String>,
    picture: Option<String>,
    nonce: Option<String>,
}

/// Who a token is of. With a nonce it must be the answer to that very question.
pub(super) async fn verify(
    api: &Api,
    client: &str,
    token: &str,
    nonce: Option<&str>,
) -> Result<Profile, AskError> {
    let bad = || AskError::Refused("the token is not good");
    let endpoints = &api.settings().oauth_endpoints.google;
    let header = decode_header(token).map_err(|_| bad())?;
    let name = header.kid.filter(|_| header.alg == Algorithm::RS256).ok_or_else(bad)?;
    let providers = api.providers();
    let key = providers.google.find(&providers.http, &endpoints.keys, &name).await?.ok_or_else(bad)?;
    let key = DecodingKey::from_jwk(&key).map_err(|_| bad())?;
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_audience(&[client]);
    rules.set_issuer(&endpoints.issuers);
    rules.set_required_spec_claims(&["exp", "sub", "aud", "iss"]);
    // By the time of all nodes, below.
    rules.validate_exp = false;
    let claims = decode::<Claims>(token, &key, &rules).map_err(|_| bad())?.claims;
    let now = api.now().as_millis().div_euclid(1000);
    if claims.exp.saturating_add(LEEWAY) <= now || claims.iat > now.saturating_add(LEEWAY) {
        return Err(bad());
    }
    if let Some(nonce) = nonce
        && !claims.nonce.is_some_and(|given| secure::same(&given, nonce))
    {
        return Err(bad());
    }
    let verified = claims.email_verified == true || claims.email_verified == "true";
    let email = claims.email.filter(|_| verified);
    let email = email.ok_or(AskError::Refused("the account has no address that was proven"))?;
    Ok(Profile { id: claims.sub, email, proven: true, name: claims.name, picture: claims.picture })
}
