//! Who somebody is at a provider: a code is changed for tokens, and those for a profile.

use serde::Deserialize;

use super::ask::{self, AskError};
use super::id_token;
use super::provider::Provider;
use crate::api::Api;
use crate::settings::OAuthClient;

/// Who somebody is there.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) id: String,
    pub(super) email: String,
    /// Whether the provider says that the address is theirs.
    pub(super) proven: bool,
    pub(super) name: Option<String>,
    pub(super) picture: Option<String>,
}

/// What opens an account there.
#[derive(Deserialize)]
pub(super) struct Granted {
    pub(super) access_token: String,
    pub(super) refresh_token: Option<String>,
    id_token: Option<String>,
}

/// Changes a code for tokens.
pub(super) async fn grant(
    api: &Api,
    provider: Provider,
    client: &OAuthClient,
    code: &str,
    verifier: &str,
) -> Result<Granted, AskError> {
    let url = provider.token(&api.settings().oauth_endpoints);
    let redirect = redirect_uri(api, provider);
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", &client.id),
        ("client_secret", client.secret.reveal()),
        ("code", code),
        ("redirect_uri", &redirect),
        ("code_verifier", verifier),
    ];
    ask::post(&api.providers().http, url, &fields).await
}

/// Where providers send users back to.
pub(super) fn redirect_uri(api: &Api, provider: Provider) -> String {
    let settings = api.settings();
    format!("{}/api/{}/auth/oauth/{}/callback", settings.backend_url, settings.api_version, provider.word())
}

/// Who it is that the tokens are of.
pub(super) async fn profile(
    api: &Api,
    provider: Provider,
    client: &OAuthClient,
    granted: &Granted,
    nonce: &str,
) -> Result<Profile, AskError> {
    match provider {
        Provider::Google => {
            let token = granted.id_token.as_deref().ok_or(AskError::Refused("there is no id token"))?;
            id_token::verify(api, &client.id, token, Some(nonce)).await
        }
        Provider::GitHub => github(api, &granted.access_token).await,
        Provider::Microsoft => microsoft(api, &granted.access_token).await,
    }
}

#[derive(Deserialize)]
struct GitHubUser {
    id: u64,
    login: String,
    name: Option<String>,
    avatar_url: Option<String>,
}

#[derive(Deserialize)]
struct GitHubEmail {
    email: String,
    primary: bool,
    verified: bool,
}

async fn github(api: &Api, token: &str) -> Result<Profile, AskError> {
    let endpoints = &api.settings().oauth_endpoints.github;
    let http = &api.providers().http;
    let user: GitHubUser = ask::get(http, &endpoints.user, Some(token)).await?;
    // The one in the profile may be anything; of these GitHub knows whether they were proven.
    let emails: Vec<GitHubEmail> = ask::get(http, &endpoints.emails, Some(token)).await?;
    let email = emails.into_iter().find(|email| email.primary && email.verified);
    let email = email.ok_or(AskError::Refused("the account has no address that was proven"))?.email;
    let name = user.name.filter(|name| !name.trim().is_empty()).unwrap_or(user.login);
    Ok(Profile { id: user.id.to_string(), email, proven: true, name: Some(name), picture: user.avatar_url })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MicrosoftUser {
    id: String,
    mail: Option<String>,
    user_principal_name: Option<String>,
    display_name: Option<String>,
}

async fn microsoft(api: &Api, token: &str) -> Result<Profile, AskError> {
    let endpoints = &api.settings().oauth_endpoints.microsoft;
    let user: MicrosoftUser = ask::get(&api.providers().http, &endpoints.user, Some(token)).await?;
    let email = user.mail.filter(|mail| !mail.is_empty()).or(user.user_principal_name);
    let email = email.ok_or(AskError::Refused("the account has no address"))?;
    // An organisation writes into it what it likes, so it proves nothing.
    Ok(Profile { id: user.id, email, proven: false, name: user.display_name, picture: None })
}
