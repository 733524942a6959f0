//! Asking a provider: bounded in time and size, and following nobody elsewhere.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, RequestBuilder};
use rustls::{ClientConfig, RootCertStore};
use serde::de::DeserializeOwned;

/// The most bytes of an answer.
const MOST: usize = 1 << 20;

/// What asks. The cryptography is named here and not installed for the whole program.
pub(super) fn client() -> Result<Client, Box<dyn std::error::Error>> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Client::builder()
        .tls_backend_preconfigured(config)
        .redirect(reqwest::redirect::Policy::none())
        // GitHub answers nobody without a name.
        .user_agent(concat!("turbocat/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(10))
        .build()?)
}

/// Why a provider did not answer as it should: for the log, without anything that was sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("the provider cannot be reached: {0}")]
    Unreachable(String),
    #[error("the provider answered with {0}")]
    Status(u16),
    #[error("the provider's answer is too long")]
    TooLong,
    #[error("the provider's answer cannot be read: {0}")]
    Unreadable(String),
    #[error("{0}")]
    Refused(&'static str),
}

/// Posts a form.
pub(super) async fn post<T: DeserializeOwned>(
    http: &Client,
    url: &str,
    fields: &[(&str, &str)],
) -> Result<T, AskError> {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    send(http.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form)).await
}

/// Gets something with a token, or without.
pub(super) async fn get<T: DeserializeOwned>(
    http: &Client,
    url: &str,
    token: Option<&str>,
) -> Result<T, AskError> {
    let request = http.get(url);
    send(match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    })
    .await
}

async fn send<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, AskError> {
    // Without its URL: nobody knows what is in it.
    let unreachable = |error: reqwest::Error| AskError::Unreachable(error.without_url().to_string());
    let mut response = request.header(ACCEPT, "application/json").send().await.map_err(unreachable)?;
    if !response.status().is_success() {
        return Err(AskError::Status(response.status().as_u16()));
    }
    let mut text = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if text.len() + chunk.len() > MOST {
            return Err(AskError::TooLong);
        }
        text.extend_from_slice(&chunk);
    }
    // What is wrong and where, not what was there: there are tokens in it.
    serde_json::from_slice(&text)
        .map_err(|error| AskError::Unreadable(format!("line {}, column {}", error.line(), error.column())))
}
