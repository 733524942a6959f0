//! Who the request says it is: four kinds, and the form of the specification.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, HeaderName, header};
use turbocat_core::BadConfig;

use super::headers::{header_name, header_value};
use super::reader::{Reader, word};

/// Every kind there is; `apikey` is the specification's way to write `api_key`.
pub(crate) const KINDS: [&str; 5] = ["none", "bearer", "basic", "api_key", "apikey"];

/// The settings of `auth`.
pub(crate) const SETTINGS: [&str; 8] =
    ["type", "token", "username", "password", "apiKey", "apiKeyHeader", "apiKeyParam", "credentials"];

/// What `auth` adds to a request.
#[derive(Debug, Default)]
pub(crate) struct Auth {
    pub(crate) headers: HeaderMap,
    /// A part of the query, which is not shown.
    pub(crate) param: Option<(String, String)>,
    /// A secret in another dress, which must not be seen when a server echoes it.
    pub(crate) disguised: Option<String>,
}

pub(crate) fn auth(outer: &mut Reader<'_>) -> Auth {
    let Some(settings) = outer.object("auth") else { return Auth::default() };
    let mut reader = Reader::new(settings, outer.at("auth"), outer.stage);
    let auth = read(&mut reader);
    outer.found.append(&mut reader.found);
    auth
}

fn read(reader: &mut Reader<'_>) -> Auth {
    let mut auth = Auth::default();
    reader.only(&SETTINGS);
    let kind = match reader.text("type") {
        Some(kind) => kind,
        // unknown yet, or no text
        None if reader.has("type") => return auth,
        None => {
            reader.misshapen("type", "`auth` needs a `type`");
            return auth;
        }
    };
    match kind {
        "none" => {}
        "bearer" => {
            if let Some(token) = credential(reader, kind, "token") {
                set(reader, &mut auth, "token", header::AUTHORIZATION, &format!("Bearer {token}"));
            }
        }
        "basic" => basic(reader, &mut auth),
        "api_key" | "apikey" => api_key(reader, &mut auth),
        other => {
            let bad = BadConfig::at(reader.at("type"), format!("unknown kind of auth `{other}`"));
            reader.report(bad.suggest(other, KINDS.into_iter().take(4)));
        }
    }
    auth
}

/// User name and password apart, or as one text `name:password`.
fn basic(reader: &mut Reader<'_>, auth: &mut Auth) {
    let pair = if reader.has("credentials") {
        let Some(text) = credential(reader, "basic", "credentials") else { return };
        if !text.contains(':') {
            reader.wrong(
                "credentials",
                "`credentials` of kind `basic` are a user name, a colon and a password",
            );
            return;
        }
        text.to_owned()
    } else {
        let name = credential(reader, "basic", "username");
        let password = credential(reader, "basic", "password");
        let (Some(name), Some(password)) = (name, password) else { return };
        if name.contains(':') {
            reader.wrong("username", "a user name has no colon");
            return;
        }
        format!("{name}:{password}")
    };
    let text = BASE64_STANDARD.encode(pair);
    auth.disguised = Some(text.clone());
    let text = format!("Basic {text}");
    set(reader, auth, "password", header::AUTHORIZATION, &text);
}

fn api_key(reader: &mut Reader<'_>, auth: &mut Auth) {
    let setting = if reader.has("credentials") { "credentials" } else { "apiKey" };
    let key = credential(reader, "api_key", setting);
    if let Some(name) = reader.text("apiKeyParam") {
        if reader.has("apiKeyHeader") {
            reader.wrong("apiKeyParam", "the key is sent as a header or in the query, not both").help =
                Some("keep one of `apiKeyHeader` and `apiKeyParam`".to_owned());
        }
        auth.param = key.map(|key| (name.to_owned(), key.to_owned()));
        return;
    }
    let name = reader.text("apiKeyHeader").unwrap_or("X-API-Key");
    let at = reader.at("apiKeyHeader");
    if let (Some(header), Some(key)) = (header_name(reader, &at, name), key) {
        set(reader, auth, setting, header, key);
    }
}

/// A text that must be there and not be empty.
fn credential<'a>(reader: &mut Reader<'a>, kind: &str, name: &str) -> Option<&'a str> {
    // the specification has one name for all of them
    let name =
        if kind == "bearer" && !reader.has(name) && reader.has("credentials") { "credentials" } else { name };
    if !reader.has(name) {
        reader.wrong(name, format!("auth of kind `{kind}` needs `{name}`"));
        return None;
    }
    let value = reader.value(name)?;
    match value.as_str() {
        Some("") => {
            reader.wrong(name, format!("`{name}` is empty"));
            None
        }
        Some(text) => Some(text),
        None => {
            reader.misshapen(name, format!("`{name}` is a text, not {}", word(value)));
            None
        }
    }
}

fn set(reader: &mut Reader<'_>, auth: &mut Auth, setting: &str, header: HeaderName, text: &str) {
    let at = reader.at(setting);
    if let Some(mut value) = header_value(reader, &at, header.as_str(), text) {
        value.set_sensitive(true);
        auth.headers.insert(header, value);
    }
}
