//! A provider of sign-ins that is none: it stands on a port of its own and says what it is told to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use turbocat_http::Server;
use turbocat_http::settings::{
    GitHubEndpoints, GoogleEndpoints, MicrosoftEndpoints, OAuthClient, OAuthEndpoints, Secret, Settings,
};

/// The client, as it is known to the provider.
pub(crate) const CLIENT: &str = "client-1";
const SECRET: &str = "client-secret-1";
/// The code that is changed for tokens.
pub(crate) const CODE: &str = "good/code+1";
/// What opens an account there.
pub(crate) const ACCESS: &str = "provider-access-1";
pub(crate) const REFRESH: &str = "provider-refresh-1";

/// A key that signs, and its name.
pub(crate) struct Signer {
    name: &'static str,
    key: EncodingKey,
}

impl Signer {
    pub(crate) fn one() -> Self {
        Self { name: "one", key: EncodingKey::from_rsa_der(include_bytes!("keys/one.der")) }
    }

    pub(crate) fn other() -> Self {
        Self { name: "other", key: EncodingKey::from_rsa_der(include_bytes!("keys/other.der")) }
    }

    /// The same key under another name.
    pub(crate) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// A token of these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.name.to_owned()), ..Header::new(Algorithm::RS256) };
        encode(&header, claims, &self.key).unwrap()
    }

    fn public(&self) -> Jwk {
        let mut key = Jwk::from_encoding_key(&self.key, Algorithm::RS256).unwrap();
        key.common.key_id = Some(self.name.to_owned());
        key
    }
}

/// What the provider says when it is asked.
#[derive(Default)]
pub(crate) struct Says {
    /// The challenge that the verifier must fit.
    pub(crate) challenge: String,
    /// The token that says who somebody is.
    pub(crate) id_token: Option<String>,
    /// Who somebody is.
    pub(crate) user: Value,
    pub(crate) emails: Value,
    /// Its keys, and how often they were asked for.
    pub(crate) keys: Vec<Jwk>,
    pub(crate) asked: u32,
    /// Whether it answers at all.
    pub(crate) broken: bool,
}

type Shared = Arc<Mutex<Says>>;

/// The provider.
pub(crate) struct Provider {
    pub(crate) url: String,
    says: Shared,
}

impl Provider {
    pub(crate) async fn open() -> Self {
        let says = Shared::default();
        says.lock().unwrap().keys = vec![Signer::one().public()];
        let pages = Router::new()
            .route("/token", post(token))
            .route("/keys", get(keys))
            .route("/user", get(user))
            .route("/user/emails", get(emails))
            .with_state(says.clone());
        let server = Server::bind(([127, 0, 0, 1], 0).into(), pages).await.unwrap();
        let url = format!("http://{}", server.address().unwrap());
        // It goes with the test.
        tokio::spawn(async move { server.run(std::future::pending(), Duration::ZERO).await });
        Self { url, says }
    }

    /// Tells it what to say.
    pub(crate) fn say<T>(&self, change: impl FnOnce(&mut Says) -> T) -> T {
        change(&mut self.says.lock().unwrap())
    }

    /// From now on it has these keys.
    pub(crate) fn keys(&self, signers: &[Signer]) {
        self.say(|says| says.keys = signers.iter().map(Signer::public).collect());
    }

    /// Settings under which users sign in here.
    pub(crate) fn set(&self, settings: &mut Settings) {
        let client = Some(OAuthClient { id: CLIENT.to_owned(), secret: Secret::new(SECRET) });
        settings.oauth = true;
        settings.google = client.clone();
        settings.github = client.clone();
        settings.microsoft = client;
        let at = |path: &str| format!("{}{path}", self.url);
        settings.oauth_endpoints = OAuthEndpoints {
            google: GoogleEndpoints {
                authorize: at("/authorize"),
                token: at("/token"),
                keys: at("/keys"),
                issuers: vec!["https://accounts.example".to_owned()],
            },
            github: GitHubEndpoints {
                authorize: at("/authorize"),
                token: at("/token"),
                user: at("/user"),
                emails: at("/user/emails"),
            },
            microsoft: MicrosoftEndpoints {
                authorize: at("/authorize"),
                token: at("/token"),
                user: at("/user"),
            },
        };
    }
}

async fn token(State(says): State<Shared>, body: String) -> (StatusCode, Json<Value>) {
    // A query has the form of a form.
    let url = reqwest::Url::parse(&format!("http://x/?{body}")).unwrap();
    let form: HashMap<String, String> = url.query_pairs().into_owned().collect();
    let says = says.lock().unwrap();
    if says.broken {
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({})));
    }
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier").as_bytes()));
    let good = field("grant_type") == "authorization_code"
        && field("client_id") == CLIENT
        && field("client_secret") == SECRET
        && field("code") == CODE
        && field("redirect_uri").starts_with("http")
        && challenge == says.challenge;
    if !good {
        // As GitHub does: an error that is none by its status.
        return (StatusCode::OK, Json(json!({ "error": "bad_verification_code" })));
    }
    let tokens = json!({
        "access_token": ACCESS, "refresh_token": REFRESH, "token_type": "Bearer", "id_token": says.id_token,
    });
    (StatusCode::OK, Json(tokens))
}

async fn keys(State(says): State<Shared>) -> (StatusCode, Json<Value>) {
    let mut says = says.lock().unwrap();
    says.asked += 1;
    if says.broken {
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({})));
    }
    (StatusCode::OK, Json(json!(JwkSet { keys: says.keys.clone() })))
}

fn known(headers: &HeaderMap) -> bool {
    headers.get("authorization").is_some_and(|value| value == &format!("Bearer {ACCESS}"))
        && headers.contains_key("user-agent")
}

async fn user(State(says): State<Shared>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    let status = if known(&headers) { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
    (status, Json(says.lock().unwrap().user.clone()))
}

async fn emails(State(says): State<Shared>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    let status = if known(&headers) { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
    (status, Json(says.lock().unwrap().emails.clone()))
}
