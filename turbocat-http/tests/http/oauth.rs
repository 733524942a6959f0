//! Signing in elsewhere.

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

#[tokio::test(flavor = "multi_thread")]
async fn it_is_off_unless_it_is_on_and_set_up() {
    on_each(async |stage| {
        let anybody = stage.anybody();
        anybody.get("/auth/oauth/google").await.bad(503, "SERVICE_UNAVAILABLE");
        anybody.get("/auth/oauth/google/callback?code=a&state=b").await.bad(503, "SERVICE_UNAVAILABLE");
        anybody.post("/auth/google", json!({ "googleToken": "a" })).await.bad(503, "SERVICE_UNAVAILABLE");
        exchange(stage, "a").await.bad(503, "SERVICE_UNAVAILABLE");
        assert_eq!(anybody.get("/auth/oauth/facebook").await.wrong_fields()[0].0, "provider");
    })
    .await;
    on_each_with(
        |settings| settings.oauth = true,
        |builder| builder,
        async |stage| {
            stage.anybody().get("/auth/oauth/github").await.bad(503, "SERVICE_UNAVAILABLE");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_sent_to_the_provider_bound_to_their_browser() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        let google = begin(stage, &at, "google").await;
        let told = |name: &str| google.told[name].as_str();
        assert_eq!(told("client_id"), CLIENT);
        assert_eq!(told("redirect_uri"), "http://localhost:3001/api/v1/auth/oauth/google/callback");
        assert_eq!((told("response_type"), told("scope")), ("code", "openid profile email"));
        assert_eq!((told("access_type"), told("prompt")), ("offline", "consent"));
        assert_eq!(told("code_challenge_method"), "S256");
        assert!(told("state").len() >= 32 && told("nonce").len() >= 20);
        for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"] {
            assert!(google.cookie.contains(part), "{}", google.cookie);
        }
        assert!(!google.told.values().any(|value| google.cookie.contains(value.as_str())));
        let github = begin(stage, &at, "github").await;
        assert_eq!(github.told["scope"], "read:user user:email");
        assert_ne!(github.told["state"], google.told["state"]);
        assert_eq!(begin(stage, &at, "microsoft").await.told["response_mode"], "query");
    })
    .await;
    on_each_with(
        |settings| {
            at.set(settings);
            settings.backend_url = "https://api.example.com".to_owned();
        },
        |builder| builder,
        async |stage| {
            let cookie = begin(stage, &at, "google").await.cookie;
            assert!(cookie.starts_with("__Host-") && cookie.ends_with("; Secure"), "{cookie}");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_comes_back_gets_a_session_and_the_same_account_again() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        let begun = begin(stage, &at, "google").await;
        at.say(|says| says.id_token = Some(Signer::one().sign(&begun.claims("g-1", "Ann@Example.com"))));
        let code = code_of(&begun.end(stage).await);
        let answer = exchange(stage, &code).await;
        let first = user(stage, &answer).await;
        assert_eq!((first.email.as_str(), first.email_verified), ("ann@example.com", true));
        assert_eq!(answer.good(200)["user"]["fullName"], "Ann Lee");
        assert!(first.email_verified_at.is_some() && first.last_login_at.is_some());
        let client = stage.client(answer.good(200));
        client.get("/users/me").await.good(200);
        assert_eq!(client.get("/users/me/sessions").await.good(200).as_array().unwrap().len(), 1);
        // Neither code nor state is good twice.
        exchange(stage, &code).await.bad(401, "UNAUTHORIZED");
        assert_eq!(begun.end(stage).await, error("invalid_state"));
        // Who it is does not hang on the address.
        let again = user(stage, &google(stage, &at, "g-1", "other@example.com").await).await;
        assert_eq!((again.id, again.email.as_str()), (first.id, "ann@example.com"));
        let other = user(stage, &google(stage, &at, "g-2", "bob@example.com").await).await;
        assert_ne!(other.id, first.id);
        // What opens the account there is kept sealed.
        let kept = |column| (Place::new("users", column, first.id), keyring());
        let sealed = again.oauth_access_token.unwrap();
        assert!(!sealed.reveal().contains(ACCESS));
        let (place, keys) = kept("oauth_access_token");
        assert_eq!(keys.open(&place, sealed.reveal()).unwrap(), ACCESS);
        let (place, keys) = kept("oauth_refresh_token");
        assert_eq!(keys.open(&place, again.oauth_refresh_token.unwrap().reveal()).unwrap(), REFRESH);
        assert!(!answer.text.contains(ACCESS) && !answer.text.contains(REFRESH));
        // There is no password to sign in with.
        let login = json!({ "email": "ann@example.com", "password": PASSWORD });
        stage.anybody().post("/auth/login", login).await.bad(401, "UNAUTHORIZED");
        stage.api.flush().await;
        let filter = turbocat_storage::platform::AuditFilter {
            action: Some("oauth_login".to_owned()),
            ..Default::default()
        };
        let noted = stage.api.platform().audit().list(&filter, Default::default()).await.unwrap();
        assert_eq!(noted.total, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_in_one_browser_is_not_ended_in_another_or_elsewhere() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        let mut begun = begin(stage, &at, "google").await;
        at.say(|says| says.id_token = Some(Signer::one().sign(&begun.claims("g-1", "ann@example.com"))));
        let cookie = std::mem::replace(&mut begun.cookie, "none=1".to_owned());
        assert_eq!(begun.end(stage).await, error("invalid_state"));
        // Who tried it took the state with them.
        begun.cookie = cookie;
        assert_eq!(begun.end(stage).await, error("invalid_state"));
        let mut begun = begin(stage, &at, "google").await;
        let name = begun.cookie.split('=').next().unwrap().to_owned();
        begun.cookie = format!("{name}=made-up");
        assert_eq!(begun.end(stage).await, error("invalid_state"));
        let begun = begin(stage, &at, "google").await;
        let pairs = [("code", CODE), ("state", begun.told["state"].as_str())];
        assert_eq!(begun.back_to(stage, "github", &pairs).await, error("invalid_state"));
        let begun = begin(stage, &at, "google").await;
        assert_eq!(begun.back(stage, &[("code", CODE), ("state", "unknown")]).await, error("invalid_state"));
        assert_eq!(begun.back(stage, &[("code", CODE)]).await, error("validation_failed"));
        let long = "x".repeat(300);
        assert_eq!(begun.back(stage, &[("state", &long)]).await, error("validation_failed"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_do_not_disturb_each_other() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        let (first, second) = (begin(stage, &at, "google").await, begin(stage, &at, "google").await);
        let both =
            [&first, &second].map(|begun| begun.cookie.split(';').next().unwrap().to_owned()).join("; ");
        at.say(|says| {
            says.challenge.clone_from(&first.told["code_challenge"]);
            says.id_token = Some(Signer::one().sign(&first.claims("g-1", "ann@example.com")));
        });
        let url = format!("{}/api/v1/auth/oauth/google/callback", stage.url);
        let pairs = [("code", CODE), ("state", first.told["state"].as_str())];
        let url = reqwest::Url::parse_with_params(&url, pairs).unwrap();
        let answer = first.http.get(url).header(COOKIE, both).send().await.unwrap();
        code_of(answer.headers()[LOCATION].to_str().unwrap());
        assert!(answer.headers()[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_refuses_or_breaks_ends_on_the_page_of_errors() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        at.say(|says| says.broken = false);
        let begun = begin(stage, &at, "google").await;
        let state = begun.told["state"].as_str();
        let denied = begun.back(stage, &[("error", "access_denied"), ("state", state)]).await;
        assert_eq!(denied, error("access_denied"));
        let begun = begin(stage, &at, "google").await;
        let failed = begun.back(stage, &[("error", "<script>"), ("state", &begun.told["state"])]).await;
        assert_eq!(failed, error("oauth_failed"));
        let begun = begin(stage, &at, "google").await;
        let none = begun.back(stage, &[("state", &begun.told["state"])]).await;
        assert_eq!(none, error("validation_failed"));
        let begun = begin(stage, &at, "github").await;
        let wrong = begun.back(stage, &[("code", "wrong"), ("state", &begun.told["state"])]).await;
        assert_eq!(wrong, error("oauth_failed"));
        // A verifier that does not fit the challenge.
        let begun = begin(stage, &at, "google").await;
        at.say(|says| {
            says.id_token = Some(Signer::one().sign(&begun.claims("g-1", "ann@example.com")));
            says.challenge = "another".to_owned();
        });
        assert_eq!(begun.end(stage).await, error("oauth_failed"));
        let begun = begin(stage, &at, "google").await;
        at.say(|says| says.broken = true);
        assert_eq!(begun.end(stage).await, error("oauth_failed"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_google_is_believed_only_if_all_of_it_is_right() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        let check = async |change: &dyn Fn(&mut Value), signer: &Signer| {
            let begun = begin(stage, &at, "google").await;
            let mut claims = begun.claims("g-1", "ann@example.com");
            change(&mut claims);
            at.say(|says| says.id_token = Some(signer.sign(&claims)));
            begun.end(stage).await
        };
        let one = Signer::one();
        let wrong: [(&str, Value); 8] = [
            ("nonce", json!("another")),
            ("nonce", Value::Null),
            ("aud", json!("another-client")),
            ("iss", json!("https://evil.example")),
            ("exp", json!(1_600_000_000)),
            ("iat", json!(4_000_000_000_u64)),
            ("email_verified", json!(false)),
            ("email", Value::Null),
        ];
        for (claim, value) in wrong {
            let location = check(&|claims| claims[claim] = value.clone(), &one).await;
            assert_eq!(location, error("oauth_failed"), "{claim}");
        }
        // Another key under the name of the right one.
        let forged = Signer::other().named("one");
        assert_eq!(check(&|_| {}, &forged).await, error("oauth_failed"));
        code_of(&check(&|claims| claims["email_verified"] = json!("true"), &one).await);
        let begun = begin(stage, &at, "google").await;
        at.say(|says| says.id_token = None);
        assert_eq!(begun.end(stage).await, error("oauth_failed"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_fetched_once_and_again_when_one_is_not_known() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        at.keys(&[Signer::one()]);
        at.say(|says| says.asked = 0);
        let enter = async |signer: &Signer| {
            let token = signer.sign(&claims("g-1", "ann@example.com"));
            stage.anybody().post("/auth/google", json!({ "googleToken": token })).await
        };
        enter(&Signer::one()).await.good(200);
        enter(&Signer::one()).await.good(200);
        assert_eq!(at.say(|says| says.asked), 1);
        at.keys(&[Signer::one(), Signer::other()]);
        enter(&Signer::other()).await.good(200);
        assert_eq!(at.say(|says| says.asked), 2);
        // Made-up names do not make it ask again and again.
        let unknown = Signer::one().named("unknown");
        enter(&unknown).await.bad(401, "UNAUTHORIZED");
        enter(&unknown).await.bad(401, "UNAUTHORIZED");
        assert_eq!(at.say(|says| says.asked), 3);
        enter(&Signer::other()).await.good(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_never_leads_to_an_account_that_was_made_in_another_way() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        let register = json!({ "email": "ann@example.com", "password": PASSWORD });
        let answer = stage.anybody().post("/auth/register", register).await;
        let ann = stage.client(answer.good(201));
        let begun = begin(stage, &at, "google").await;
        at.say(|says| says.id_token = Some(Signer::one().sign(&begun.claims("g-1", "ANN@example.com"))));
        assert_eq!(begun.end(stage).await, error("email_taken"));
        let token = Signer::one().sign(&claims("g-1", "ann@example.com"));
        let answer = stage.anybody().post("/auth/google", json!({ "googleToken": token })).await;
        answer.bad(409, "CONFLICT");
        let kept = stage.api.platform().users().get(ann.id).await.unwrap().unwrap();
        assert_eq!((kept.oauth_id, kept.google_id, kept.email_verified), (None, None, false));
        // Nor does the one of another provider.
        google(stage, &at, "g-2", "bob@example.com").await.good(200);
        at.say(|says| {
            says.user = json!({ "id": 7, "login": "bob" });
            says.emails = json!([{ "email": "bob@example.com", "primary": true, "verified": true }]);
        });
        assert_eq!(begin(stage, &at, "github").await.end(stage).await, error("email_taken"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_deactivated_or_deleted_does_not_come_in_that_way() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        let ann = user(stage, &google(stage, &at, "g-1", "ann@example.com").await).await;
        let begun = begin(stage, &at, "google").await;
        at.say(|says| says.id_token = Some(Signer::one().sign(&begun.claims("g-1", "ann@example.com"))));
        let code = code_of(&begun.end(stage).await);
        let patch = UserPatch { is_active: Some(false), ..UserPatch::default() };
        stage.api.platform().users().update(ann.id, patch, None).await.unwrap();
        exchange(stage, &code).await.bad(403, "FORBIDDEN");
        let enter = async || {
            let begun = begin(stage, &at, "google").await;
            at.say(|says| says.id_token = Some(Signer::one().sign(&begun.claims("g-1", "ann@example.com"))));
            begun.end(stage).await
        };
        assert_eq!(enter().await, error("account_deactivated"));
        let token = Signer::one().sign(&claims("g-1", "ann@example.com"));
        let answer = stage.anybody().post("/auth/google", json!({ "googleToken": token })).await;
        answer.bad(403, "FORBIDDEN");
        stage.api.platform().users().delete(ann.id).await.unwrap();
        assert_eq!(enter().await, error("email_taken"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn github_is_asked_for_a_proven_address_and_a_name() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        let enter = async |emails: Value| {
            at.say(|says| {
                says.user =
                    json!({ "id": 42, "login": "annlee", "name": null, "email": "shown@example.com" });
                says.emails = emails;
            });
            begin(stage, &at, "github").await.end(stage).await
        };
        let unproven = json!([{ "email": "ann@example.com", "primary": true, "verified": false }]);
        assert_eq!(enter(unproven).await, error("oauth_failed"));
        assert_eq!(enter(json!([])).await, error("oauth_failed"));
        let emails = json!([
            { "email": "second@example.com", "primary": false, "verified": true },
            { "email": "ann@example.com", "primary": true, "verified": true },
        ]);
        let location = enter(emails).await;
        let ann = user(stage, &exchange(stage, &code_of(&location)).await).await;
        assert_eq!((ann.email.as_str(), ann.full_name.as_deref()), ("ann@example.com", Some("annlee")));
        assert_eq!(ann.oauth_provider.as_deref(), Some("github"));
        assert_eq!((ann.oauth_id.as_deref(), ann.email_verified), (Some("42"), true));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_from_microsoft_proves_nothing() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        at.say(|says| {
            says.user = json!({
                "id": "m-1", "mail": null, "userPrincipalName": "ann@corp.example", "displayName": "Ann",
            });
        });
        let location = begin(stage, &at, "microsoft").await.end(stage).await;
        let ann = user(stage, &exchange(stage, &code_of(&location)).await).await;
        assert_eq!((ann.email.as_str(), ann.email_verified), ("ann@corp.example", false));
        assert_eq!(ann.email_verified_at, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_a_token_of_google_signs_in_and_what_it_says_besides_is_not_believed() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        at.say(|says| says.broken = false);
        let enter = async |token: &str| {
            let said = json!({ "googleId": "g-9", "email": "victim@example.com", "name": "x" });
            let body = json!({ "googleToken": token, "userData": said });
            stage.anybody().post("/auth/google", body).await
        };
        let answer = enter(&Signer::one().sign(&claims("g-1", "ann@example.com"))).await;
        assert_eq!(answer.good(200)["user"]["email"], "ann@example.com");
        stage.client(answer.good(200)).get("/users/me").await.good(200);
        let again = enter(&Signer::one().sign(&claims("g-1", "ann@example.com"))).await;
        assert_eq!(again.good(200)["user"]["id"], answer.good(200)["user"]["id"]);
        let forged = Signer::other().named("one");
        enter(&forged.sign(&claims("g-1", "ann@example.com"))).await.bad(401, "UNAUTHORIZED");
        let mut other = claims("g-1", "ann@example.com");
        other["aud"] = json!("another-client");
        enter(&Signer::one().sign(&other)).await.bad(401, "UNAUTHORIZED");
        for nonsense in ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
            enter(nonsense).await.bad(401, "UNAUTHORIZED");
        }
        at.say(|says| says.broken = true);
        let unknown = Signer::one().named("unknown");
        enter(&unknown.sign(&claims("g-1", "ann@example.com"))).await.bad(502, "EXTERNAL_SERVICE_ERROR");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_elsewhere_are_not_begun_without_end() {
    let at = Provider::open().await;
    on_each_with(
        |settings| {
            at.set(settings);
            settings.limits = Some(Limits { oauth: 1, anonymous: 1000, ..Limits::default() });
        },
        |builder| builder,
        async |stage| {
            begin(stage, &at, "google").await;
            stage.anybody().get("/auth/oauth/google").await.bad(429, "TOO_MANY_REQUESTS");
        },
    )
    .await;
}
