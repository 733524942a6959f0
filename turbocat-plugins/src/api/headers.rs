//! The headers a configuration gives, and those it must not.

use http::{HeaderMap, HeaderName, HeaderValue};
use turbocat_core::BadConfig;

use super::encode::plain;
use super::reader::{Reader, pointer, word};
use crate::net::{self, is_reserved};

/// The most headers a configuration gives. What is added to them, of `auth` and the like, has room
/// below the limit of the way out.
pub(crate) const MOST_HEADERS: usize = net::MOST_HEADERS - 10;

/// Reads `headers`: values are texts, numbers or flags; null is no header.
pub(crate) fn headers(reader: &mut Reader<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let at = reader.at("headers");
    let given = reader.object("headers");
    if given.is_some_and(|given| given.len() > MOST_HEADERS) {
        let message = format!("a request has at most {MOST_HEADERS} headers");
        reader.report(BadConfig::at(&at, message).help("send the rest in the body"));
        return headers;
    }
    for (name, value) in given.into_iter().flatten() {
        let at = pointer(&at, name);
        let Some(header) = header_name(reader, &at, name) else { continue };
        if value.is_null() || reader.is_open(value) {
            continue;
        }
        let Some(text) = plain(value) else {
            reader.misshapen_at(&at, format!("header `{name}` is a text, not {}", word(value)));
            continue;
        };
        if let Some(value) = header_value(reader, &at, name, &text) {
            headers.append(header, value);
        }
    }
    headers
}

/// A name of a header that may be set.
pub(crate) fn header_name(reader: &mut Reader<'_>, at: &str, name: &str) -> Option<HeaderName> {
    let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
        let message = format!("`{}` is no name of a header", name.escape_debug());
        reader.report(BadConfig::at(at, message).help("use letters, digits and `-`"));
        return None;
    };
    if is_reserved(&header) {
        let message = format!("header `{name}` follows from the request and cannot be set");
        reader.report(BadConfig::at(at, message).help("take it out"));
        return None;
    }
    Some(header)
}

/// A value of a header: one line.
pub(crate) fn header_value(reader: &mut Reader<'_>, at: &str, name: &str, text: &str) -> Option<HeaderValue> {
    let Ok(mut value) = HeaderValue::from_bytes(text.as_bytes()) else {
        let message = format!("header `{name}` holds a line break or another control character");
        reader.report(BadConfig::at(at, message).help("take it out of the value"));
        return None;
    };
    value.set_sensitive(is_secret(name));
    Some(value)
}

/// Marks the headers whose values hold a secret, whatever they are called: another origin must not
/// see them. `redact` takes secrets out of a text.
pub(crate) fn guard(headers: &mut HeaderMap, redact: impl Fn(&str) -> String) {
    for value in headers.values_mut() {
        let text = String::from_utf8_lossy(value.as_bytes());
        if redact(&text) != text {
            value.set_sensitive(true);
        }
    }
}

/// Whether a header sounds like one that another origin must not see.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // it tells who asks again, not who asks
    if name == "idempotency-key" {
        return false;
    }
    ["auth", "cookie", "key", "token", "secret", "session", "password", "signature", "credential"]
        .iter()
        .any(|word| name.contains(word))
}
