//! A configuration, read. What is read here is all there is: the schema lists the same names.

use std::time::Duration;

use http::{HeaderMap, Method};
use reqwest::Url;
use serde_json::{Map, Value};
use turbocat_core::BadConfig;

use super::auth::auth;
use super::body::{JSON, body};
use super::encode::{Pairs, extend, pairs};
use super::headers::headers;
use super::method::{method, takes_body};
use super::reader::{Reader, Stage, word};
use super::status::Statuses;

/// Every setting; the last three are other names, of the specification.
pub(crate) const SETTINGS: [&str; 20] = [
    "url",
    "method",
    "headers",
    "queryParams",
    "body",
    "contentType",
    "auth",
    "requestTimeoutMs",
    "retryCount",
    "retryDelayMs",
    "maxRetryDelayMs",
    "retryOnStatusCodes",
    "failOnStatus",
    "followRedirects",
    "maxRedirects",
    "maxResponseBytes",
    "responseType",
    "timeout",
    "retries",
    "retryDelay",
];

/// How the body of an answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseType {
    Json,
    Text,
    Blob,
}

impl ResponseType {
    pub(crate) const NAMES: [&str; 3] = ["json", "text", "blob"];
}

/// What to send, and what to do about the answer.
#[derive(Debug)]
pub(crate) struct Settings {
    /// `None` as long as it is not known.
    pub(crate) url: Option<Url>,
    /// The same without what `auth` added to it.
    pub(crate) shown: String,
    /// What a server may echo and nobody must see.
    pub(crate) disguised: Option<String>,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Vec<u8>>,
    /// A body was given that the method does not send.
    pub(crate) idle_body: bool,
    pub(crate) timeout: Duration,
    pub(crate) retries: Retries,
    pub(crate) fail_on: Statuses,
    pub(crate) redirects: u8,
    pub(crate) max_bytes: u64,
    pub(crate) response_type: ResponseType,
}

/// When to try again.
#[derive(Debug)]
pub(crate) struct Retries {
    pub(crate) count: u32,
    pub(crate) delay: Duration,
    pub(crate) max_delay: Duration,
    pub(crate) on: Statuses,
}

/// Reads a configuration, and tells everything that is wrong with it.
pub(crate) fn read(config: &Value, stage: Stage) -> (Settings, Vec<BadConfig>) {
    let nothing = Map::new();
    let object = config.as_object().unwrap_or(&nothing);
    let mut reader = Reader::new(object, String::new(), stage);
    if !config.is_object() {
        let message = format!("the configuration is an object, not {}", word(config));
        reader.report(BadConfig::at("", message));
    }
    reader.only(&SETTINGS);

    let method = method(&mut reader);
    let mut headers = headers(&mut reader);
    let takes_body = takes_body(&method) || reader.has("method") && reader.value("method").is_none();
    let idle_body = reader.has("body") && !takes_body;
    let content_type = reader.text("contentType").unwrap_or(JSON);
    let body = if takes_body { body(&mut reader, content_type, &mut headers) } else { None };
    let auth = auth(&mut reader);
    // what stands under `headers` wins: it is the more precise word
    for (name, value) in &auth.headers {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    let (url, shown) = address(&mut reader, auth.param);

    let timeout = match reader.either("requestTimeoutMs", "timeout") {
        "timeout" => reader.duration("timeout", Duration::from_secs(1)),
        name => reader.duration(name, Duration::from_millis(1)),
    };
    if timeout == Some(Duration::ZERO) {
        reader.wrong("requestTimeoutMs", "a request without any time cannot succeed");
    }
    let follow = reader.flag("followRedirects", true);
    let redirects = reader.whole("maxRedirects", &(0..=50)).and_then(|most| u8::try_from(most).ok());
    let settings = Settings {
        url,
        shown,
        disguised: auth.disguised,
        method,
        headers,
        body,
        idle_body,
        timeout: timeout.unwrap_or(Duration::from_secs(30)),
        retries: retries(&mut reader),
        fail_on: fail_on(&mut reader),
        redirects: if follow { redirects.unwrap_or(10) } else { 0 },
        max_bytes: reader.whole("maxResponseBytes", &(1..=1 << 30)).unwrap_or(10 << 20),
        response_type: response_type(&mut reader),
    };
    (settings, reader.found)
}

fn address(reader: &mut Reader<'_>, secret: Option<(String, String)>) -> (Option<Url>, String) {
    let query = match reader.object("queryParams") {
        Some(object) => {
            let at = reader.at("queryParams");
            pairs(reader, &at, object)
        }
        None => Pairs::new(),
    };
    if !reader.has("url") {
        reader.misshapen("url", "`url` is required");
        return (None, String::new());
    }
    let Some(text) = reader.text("url") else {
        foresee(reader);
        return (None, String::new());
    };
    let mut url = match Url::parse(text.trim()) {
        Ok(url) => url,
        Err(error) => {
            reader.wrong("url", format!("invalid URL: {error}")).help =
                Some("write it whole, such as `https://example.com/path`".to_owned());
            return (None, String::new());
        }
    };
    if !matches!(url.scheme(), "http" | "https") {
        wrong_scheme(reader, url.scheme());
        return (None, String::new());
    }
    if !url.username().is_empty() || url.password().is_some() {
        reader.wrong("url", "the URL holds a user name or a password").help =
            Some("give them as `auth: { type: basic, username, password }`".to_owned());
        return (None, String::new());
    }
    extend(&mut url, &query);
    let Some((name, key)) = secret else {
        let shown = url.to_string();
        return (Some(url), shown);
    };
    let mut hidden = url.clone();
    extend(&mut hidden, &[(name.clone(), "***".to_owned())]);
    extend(&mut url, &[(name, key)]);
    (Some(url), hidden.into())
}

/// What can be told of an address whose end is still a template.
fn foresee(reader: &mut Reader<'_>) {
    let Some(text) = reader.open_text("url") else { return };
    let known = text.split("{{").next().unwrap_or_default();
    if let Some((scheme, _)) = known.split_once("://")
        && !scheme.trim().eq_ignore_ascii_case("http")
        && !scheme.trim().eq_ignore_ascii_case("https")
    {
        wrong_scheme(reader, scheme);
    }
}

fn wrong_scheme(reader: &mut Reader<'_>, scheme: &str) {
    let bad =
        BadConfig::at("/url", format!("invalid URL: scheme `{scheme}` is not one of `http` and `https`"));
    reader.report(bad.suggest(scheme, ["http", "https"]));
}

fn retries(reader: &mut Reader<'_>) -> Retries {
    let count = reader.either("retryCount", "retries");
    let count = reader.whole(count, &(0..=100)).and_then(|count| u32::try_from(count).ok());
    let delay = reader.either("retryDelayMs", "retryDelay");
    let delay = reader.duration(delay, Duration::from_millis(1)).unwrap_or(Duration::from_secs(1));
    let max_delay = reader.duration("maxRetryDelayMs", Duration::from_millis(1));
    if let Some(max) = max_delay.filter(|max| *max < delay) {
        let (delay, max) = (delay.as_millis(), max.as_millis());
        reader.wrong(
            "maxRetryDelayMs",
            format!("the longest delay, {max} ms, is shorter than the first, {delay} ms"),
        );
    }
    let on = match reader.value("retryOnStatusCodes") {
        None => Statuses::worth_retrying(),
        Some(value) => Statuses::read(reader, "retryOnStatusCodes", value),
    };
    // a minute: longer pauses are the workflow's, which survive a restart
    let max_delay = max_delay.unwrap_or(Duration::from_secs(60)).max(delay);
    Retries { count: count.unwrap_or(0), delay, max_delay, on }
}

fn fail_on(reader: &mut Reader<'_>) -> Statuses {
    match reader.value("failOnStatus") {
        None | Some(Value::Bool(false)) => Statuses::none(),
        Some(Value::Bool(true)) => Statuses::errors(),
        Some(value) => Statuses::read(reader, "failOnStatus", value),
    }
}

fn response_type(reader: &mut Reader<'_>) -> ResponseType {
    match reader.text("responseType") {
        None | Some("json") => ResponseType::Json,
        Some("text") => ResponseType::Text,
        Some("blob") => ResponseType::Blob,
        Some(other) => {
            let bad = BadConfig::at(reader.at("responseType"), format!("unknown response type `{other}`"));
            reader.report(bad.suggest(other, ResponseType::NAMES));
            ResponseType::Json
        }
    }
}
