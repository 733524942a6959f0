//! There and back: bound to a browser, good once.

use super::*;

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
        // A browser keeps one cookie of a name, the last.
        let pair = |begun: &Begun| {
            let pair = begun.cookie.split(';').next().unwrap();
            pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap()
        };
        let kept = HashMap::from([pair(&first), pair(&second)]);
        let both: Vec<String> = kept.iter().map(|(name, value)| format!("{name}={value}")).collect();
        at.say(|says| {
            says.challenge.clone_from(&first.told["code_challenge"]);
            says.id_token = Some(Signer::one().sign(&first.claims("g-1", "ann@example.com")));
        });
        let url = format!("{}/api/v1/auth/oauth/google/callback", stage.url);
        let pairs = [("code", CODE), ("state", first.told["state"].as_str())];
        let url = reqwest::Url::parse_with_params(&url, pairs).unwrap();
        let answer = first.http.get(url).header(COOKIE, both.join("; ")).send().await.unwrap();
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

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_too_long_begins_anew() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        let expire = async || {
            let sql = "update one_time_tokens set expires_at = created_at";
            assert_eq!(stage.api.database().execute(sql, turbocat_storage::args![]).await.unwrap(), 1);
        };
        let begun = begin(stage, &at, "google").await;
        expire().await;
        assert_eq!(begun.end(stage).await, error("invalid_state"));
        let begun = begin(stage, &at, "google").await;
        at.say(|says| says.id_token = Some(Signer::one().sign(&begun.claims("g-1", "ann@example.com"))));
        let code = code_of(&begun.end(stage).await);
        expire().await;
        exchange(stage, &code).await.bad(401, "UNAUTHORIZED");
    })
    .await;
}
