//! GET `/auth/oauth/{provider}`: a user is sent to a provider.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};
use turbocat_storage::platform::{Hidden, NewToken, TokenPurpose};

use super::provider::Provider;
use super::{STATE_LIFE, client, cookie, profile};
use crate::api::Api;
use crate::auth::routes::{ip, limit};
use crate::error::Result;
use crate::secure;

/// Sends a user to a provider to sign in there.
#[utoipa::path(get, path = "/auth/oauth/{provider}", tag = "auth", security(()),
    params(("provider" = String, Path, description = "`google`, `github` or `microsoft`")), responses(
    (status = 302, description = "On to the provider"),
    (status = 503, description = "Off, or not set up"),
))]
pub(super) async fn begin(State(api): State<Api>, provider: Provider) -> Result<Response> {
    let client = client(&api, provider)?;
    limit(&api, "oauth", &ip(), |limits| limits.oauth).await?;
    let (state, verifier) = (secure::random_url_safe::<32>(), secure::random_url_safe::<32>());
    let nonce = secure::random_url_safe::<16>();
    // The verifier itself is only in the browser: who reads the table cannot end what was begun.
    let kept = NewToken {
        hash: Hidden::new(secure::digest(&state)),
        purpose: TokenPurpose::OauthState,
        user_id: None,
        data: json!({
            "provider": provider.word(), "browser": secure::digest(&verifier), "nonce": nonce, "ip": ip(),
        }),
    };
    api.platform().one_time_tokens().keep(kept, STATE_LIFE).await?;
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let redirect = profile::redirect_uri(&api, provider);
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs([
        ("client_id", client.id.as_str()),
        ("redirect_uri", &redirect),
        ("response_type", "code"),
        ("scope", provider.scope()),
        ("state", &state),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    if provider == Provider::Google {
        query.append_pair("nonce", &nonce);
    }
    query.extend_pairs(provider.more());
    let location = format!("{}?{}", provider.authorize(&api.settings().oauth_endpoints), query.finish());
    let headers = [(header::LOCATION, location), (header::SET_COOKIE, cookie::set(&api, &state, &verifier))];
    Ok((StatusCode::FOUND, headers).into_response())
}
