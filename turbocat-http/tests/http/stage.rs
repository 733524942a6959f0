//! A served platform, and clients of it.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Notify;
use turbocat_core::WorkOptions;
use turbocat_http::{Api, ApiBuilder, Server, Settings, router};
use turbocat_storage::Store;
use turbocat_storage::platform::{UserPatch, UserRole};
use turbocat_storage::testing::on_each_store;
use uuid::Uuid;

/// A password that is good enough.
pub(crate) const PASSWORD: &str = "Correct-Horse-7";

/// A platform that is served on a port of its own.
pub(crate) struct Stage {
    pub(crate) api: Api,
    pub(crate) url: String,
    stop: Arc<Notify>,
    served: tokio::task::JoinHandle<()>,
}

/// Settings for tests: nothing is done too often.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::development();
    settings.limits = None;
    settings.lockout_after = u32::MAX;
    settings
}

/// Runs a test on a served platform, on each database.
pub(crate) async fn on_each(body: impl AsyncFn(&Stage)) {
    on_each_with(|_| {}, |builder| builder, body).await;
}

/// With other settings, or put together in another way.
pub(crate) async fn on_each_with(
    change: impl Fn(&mut Settings),
    build: impl Fn(ApiBuilder) -> ApiBuilder,
    body: impl AsyncFn(&Stage),
) {
    // Only the first of a process is taken.
    let _ = rustls::crypto::ring::default_provider().install_default();
    on_each_store(async |store| {
        let mut settings = settings();
        change(&mut settings);
        let stage = Stage::open(store, settings, &build).await;
        body(&stage).await;
        stage.close().await;
    })
    .await;
}

impl Stage {
    pub(crate) async fn open(
        store: Store,
        settings: Settings,
        build: impl Fn(ApiBuilder) -> ApiBuilder,
    ) -> Self {
        let api = build(Api::builder(store).settings(settings)).build().unwrap();
        api.engine().work(WorkOptions::new()).unwrap();
        let server = Server::bind(([127, 0, 0, 1], 0).into(), router(&api)).await.unwrap();
        let url = format!("http://{}", server.address().unwrap());
        let stop = Arc::new(Notify::new());
        let stopped = stop.clone();
        let served = tokio::spawn(async move {
            server.run(async move { stopped.notified().await }, Duration::from_secs(5)).await;
        });
        Self { api, url, stop, served }
    }

    pub(crate) async fn close(self) {
        self.api.hang_up();
        self.stop.notify_one();
        self.served.await.unwrap();
        self.api.shutdown(Duration::from_secs(10)).await;
    }

    /// Somebody who has not signed in.
    pub(crate) fn anybody(&self) -> Client {
        Client { url: self.url.clone(), http: reqwest::Client::new(), credential: None, id: Uuid::nil() }
    }

    /// Somebody new, signed in.
    pub(crate) async fn somebody(&self) -> Client {
        let email = format!("{}@example.com", Uuid::new_v4().simple());
        let answer =
            self.anybody().post("/auth/register", json!({ "email": email, "password": PASSWORD })).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        self.client(&answer.body["data"])
    }

    /// Somebody of that role, signed in.
    pub(crate) async fn of_role(&self, role: UserRole) -> Client {
        let client = self.somebody().await;
        let patch = UserPatch { role: Some(role), ..UserPatch::default() };
        self.api.platform().users().update(client.id, patch, None).await.unwrap();
        client
    }

    /// Who signed in, from the answer's data.
    pub(crate) fn client(&self, data: &Value) -> Client {
        let token = data["tokens"]["accessToken"].as_str().unwrap();
        let id = data["user"]["id"].as_str().unwrap().parse().unwrap();
        Client { credential: Some(("authorization", format!("Bearer {token}"))), id, ..self.anybody() }
    }
}

/// Somebody who asks.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    url: String,
    http: reqwest::Client,
    credential: Option<(&'static str, String)>,
    pub(crate) id: Uuid,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Client {
    /// The same with another credential.
    pub(crate) fn with(&self, header: &'static str, value: impl Into<String>) -> Self {
        Self { credential: Some((header, value.into())), ..self.clone() }
    }

    /// A request to a path under `/api/v1`, or to one of `/health`.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let base = if path.starts_with("/health") { "" } else { "/api/v1" };
        let request = self.http.request(method, format!("{}{base}{path}", self.url));
        match &self.credential {
            Some((name, value)) => request.header(*name, value),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::PATCH, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }
}

impl Answer {
    /// Sends a request.
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self { status, headers, body, text }
    }

    /// The data of an answer that must be good.
    #[track_caller]
    pub(crate) fn good(&self, status: u16) -> &Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.body["success"], true, "{self:?}");
        assert_eq!(self.body["meta"]["requestId"], self.headers["x-request-id"].to_str().unwrap());
        assert!(self.body["meta"]["timestamp"].as_str().unwrap().ends_with('Z'));
        &self.body["data"]
    }

    /// Checks that an answer is that error; gives the error.
    #[track_caller]
    pub(crate) fn bad(&self, status: u16, code: &str) -> &Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.body["success"], false, "{self:?}");
        assert_eq!(self.body["error"]["code"], code, "{self:?}");
        assert!(self.body["error"]["message"].is_string());
        assert_eq!(self.body["meta"]["requestId"], self.headers["x-request-id"].to_str().unwrap());
        &self.body["error"]
    }

    /// The fields that are wrong, sorted, of a validation error.
    #[track_caller]
    pub(crate) fn wrong_fields(&self) -> Vec<(String, String)> {
        let error = self.bad(400, "VALIDATION_ERROR");
        let mut fields: Vec<_> = error["details"]
            .as_array()
            .unwrap()
            .iter()
            .map(|detail| {
                let text = |name: &str| detail[name].as_str().unwrap().to_owned();
                assert!(!text("message").is_empty());
                (text("field"), text("code"))
            })
            .collect();
        fields.sort();
        fields
    }
}

/// Pairs of texts, for comparing with [`Answer::wrong_fields`].
pub(crate) fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(field, code)| ((*field).to_owned(), (*code).to_owned())).collect()
}
