//! Signing in elsewhere: a provider that is none, and a browser that goes there and back.

mod flow;
mod google;
mod accounts;

use std::collections::HashMap;

use reqwest::StatusCode;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use serde_json::{Value, json};
use turbocat_http::settings::Limits;
use turbocat_storage::platform::{User, UserPatch};
use turbocat_storage::vault::{Keyring, Place};
use uuid::Uuid;

use crate::provider::{ACCESS, CLIENT, CODE, Provider, REFRESH, Signer};
use crate::stage::{Answer, PASSWORD, Stage, on_each, on_each_with};

/// A browser in which a sign-in was begun.
struct Begun {
    provider: &'static str,
    http: reqwest::Client,
    /// What the provider was told.
    told: HashMap<String, String>,
    cookie: String,
}

/// The settings of a stage that signs in at a provider.
async fn on_each_at(provider: &Provider, body: impl AsyncFn(&Stage)) {
    on_each_with(|settings| provider.set(settings), |builder| builder.keyring(keyring()), body).await;
}

fn keyring() -> Keyring {
    Keyring::new("k1", &"ab".repeat(32)).unwrap()
}

fn browser() -> reqwest::Client {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

fn query(url: &str) -> HashMap<String, String> {
    reqwest::Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

/// Begins to sign in; the provider learns what to expect.
async fn begin(stage: &Stage, at: &Provider, provider: &'static str) -> Begun {
    let http = browser();
    let answer = http.get(format!("{}/api/v1/auth/oauth/{provider}", stage.url)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND);
    let location = answer.headers()[LOCATION].to_str().unwrap();
    assert!(location.starts_with(&format!("{}/authorize?", at.url)), "{location}");
    let told = query(location);
    at.say(|says| says.challenge.clone_from(&told["code_challenge"]));
    let cookie = answer.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    Begun { provider, http, told, cookie }
}

impl Begun {
    /// Comes back with a query; gives where the browser is sent.
    async fn back(&self, stage: &Stage, pairs: &[(&str, &str)]) -> String {
        self.back_to(stage, self.provider, pairs).await
    }

    async fn back_to(&self, stage: &Stage, provider: &str, pairs: &[(&str, &str)]) -> String {
        let url = format!("{}/api/v1/auth/oauth/{provider}/callback", stage.url);
        let url = reqwest::Url::parse_with_params(&url, pairs).unwrap();
        let cookie = self.cookie.split(';').next().unwrap();
        let answer = self.http.get(url).header(COOKIE, format!("a=b; {cookie}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FOUND);
        answer.headers()[LOCATION].to_str().unwrap().to_owned()
    }

    /// Comes back as a provider sends one back.
    async fn end(&self, stage: &Stage) -> String {
        self.back(stage, &[("code", CODE), ("state", &self.told["state"])]).await
    }

    /// The claims of somebody, as Google puts them into a token for this sign-in.
    fn claims(&self, id: &str, email: &str) -> Value {
        let mut claims = claims(id, email);
        claims["nonce"] = self.told["nonce"].clone().into();
        claims
    }
}

fn claims(id: &str, email: &str) -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    json!({
        "iss": "https://accounts.example", "aud": CLIENT, "sub": id, "email": email, "email_verified": true,
        "name": "Ann Lee", "picture": "https://example.com/ann.png", "iat": now, "exp": now + 3600,
    })
}

fn error(word: &str) -> String {
    format!("http://localhost:3000/auth/oauth/error?error={word}")
}

#[track_caller]
fn code_of(location: &str) -> String {
    let code = location.strip_prefix("http://localhost:3000/auth/oauth/success?code=");
    code.unwrap_or_else(|| panic!("{location}")).to_owned()
}

async fn exchange(stage: &Stage, code: &str) -> Answer {
    stage.anybody().post("/auth/oauth/exchange", json!({ "code": code })).await
}

/// Signs in with Google as somebody; gives what was answered.
async fn google(stage: &Stage, at: &Provider, id: &str, email: &str) -> Answer {
    let begun = begin(stage, at, "google").await;
    at.say(|says| says.id_token = Some(Signer::one().sign(&begun.claims(id, email))));
    exchange(stage, &code_of(&begun.end(stage).await)).await
}

async fn user(stage: &Stage, answer: &Answer) -> User {
    let id: Uuid = answer.good(200)["user"]["id"].as_str().unwrap().parse().unwrap();
    stage.api.platform().users().get(id).await.unwrap().unwrap()
}
