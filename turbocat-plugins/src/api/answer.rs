//! An answer as the output of a step.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use encoding_rs::{Encoding, UTF_8};
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::settings::ResponseType;
use super::shown::bytes_without_secrets;

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) took: Duration,
}

impl Answer {
    /// Takes a text out of everything that can be read: servers echo what they are sent.
    pub(crate) fn without(mut self, secret: &str) -> Self {
        let inside = |bytes: &[u8]| bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
        if secret.is_empty() {
            return self;
        }
        // some servers escape slashes in JSON
        for dress in [secret.to_owned(), secret.replace('/', "\\/")] {
            self.body = replaced(self.body, dress.as_bytes());
        }
        for value in self.headers.values_mut().filter(|value| inside(value.as_bytes())) {
            *value = HeaderValue::from_bytes(&replaced(value.as_bytes().to_vec(), secret.as_bytes()))
                .unwrap_or(HeaderValue::from_static(BLACK));
        }
        self
    }

    /// What the step gets. The engine takes secrets out of texts; `redact` takes them out of a body
    /// before it becomes a text in which they cannot be found.
    pub(crate) fn output(
        &self,
        kind: ResponseType,
        url: &str,
        retries: u32,
        redact: impl Fn(&str) -> String,
    ) -> Value {
        let body = match kind {
            ResponseType::Blob => bytes_without_secrets(&self.body, redact),
            ResponseType::Json | ResponseType::Text => Cow::Borrowed(&*self.body),
        };
        json!({
            "statusCode": self.status.as_u16(),
            "statusText": self.phrase(),
            "headers": headers(&self.headers),
            "data": data(&self.headers, &body, kind),
            "requestUrl": url,
            "responseTimeMs": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            "retryCount": retries,
        })
    }

    /// The words that belong to the status; none for a status nobody knows.
    pub(crate) fn phrase(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or_default()
    }
}

/// As the engine writes it.
const BLACK: &str = "[secret]";

fn replaced(bytes: Vec<u8>, secret: &[u8]) -> Vec<u8> {
    if !bytes.windows(secret.len()).any(|part| part == secret) {
        return bytes;
    }
    let mut result = Vec::with_capacity(bytes.len());
    let mut rest = &*bytes;
    while let Some(first) = rest.first() {
        match rest.strip_prefix(secret) {
            Some(after) => {
                result.extend_from_slice(BLACK.as_bytes());
                rest = after;
            }
            None => {
                result.push(*first);
                rest = &rest[1..];
            }
        }
    }
    result
}

/// Names are in lower case already. Several values of one name are one text, as HTTP allows;
/// cookies have commas of their own and stand on lines.
fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let mut map = Map::new();
    for name in headers.keys() {
        let values: Vec<String> = headers.get_all(name).iter().map(|value| latin(value.as_bytes())).collect();
        let between = if name == SET_COOKIE { "\n" } else { ", " };
        map.insert(name.to_string(), Value::String(values.join(between)));
    }
    map
}

/// Headers are UTF-8, or else what they were in the beginning.
fn latin(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// What is no JSON is text, so that an error page can be read.
fn data(headers: &HeaderMap, body: &[u8], kind: ResponseType) -> Value {
    match kind {
        ResponseType::Blob => Value::String(BASE64_STANDARD.encode(body)),
        ResponseType::Text => Value::String(text(headers, body)),
        ResponseType::Json => {
            let text = text(headers, body);
            if text.trim().is_empty() {
                return Value::Null;
            }
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
    }
}

/// A mark at the beginning of the text wins over what the header says, as in browsers.
fn text(headers: &HeaderMap, body: &[u8]) -> String {
    let named = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(charset)
        .and_then(|label| Encoding::for_label(label.as_bytes()));
    named.unwrap_or(UTF_8).decode(body).0.into_owned()
}

fn charset(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(content_type: &str, body: &[u8], kind: ResponseType) -> Value {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
        data(&headers, body, kind)
    }

    #[test]
    fn a_body_is_read_as_it_was_asked_for() {
        use ResponseType::{Blob, Json, Text};
        let check = |content_type: &str, body: &[u8], kind, expected: Value| {
            assert_eq!(read(content_type, body, kind), expected, "{content_type} {body:?}");
        };
        check("application/json", b"{\"a\":[1,2.5,null]}", Json, json!({ "a": [1, 2.5, null] }));
        check("text/plain", b"  7 ", Json, json!(7));
        check("application/json", b"\xef\xbb\xbf{}", Json, json!({}));
        check("application/json", b"", Json, Value::Null);
        check("application/json", b" \n", Json, Value::Null);
        check("text/html", b"<p>no</p>", Json, json!("<p>no</p>"));
        check("application/json", b"{\"a\":", Json, json!("{\"a\":"));
        check("application/json", &[b'['; 5000], Json, json!("[".repeat(5000)));
        check("application/json", b"{\"a\":1}", Text, json!("{\"a\":1}"));
        check("text/plain", b"", Text, json!(""));
        check("text/plain; charset=iso-8859-1", b"caf\xe9", Text, json!("café"));
        check("text/plain; Charset=\"windows-1252\"", b"\x80", Text, json!("€"));
        check("application/json;charset=shift_jis", b"\"\x83\x65\"", Json, json!("テ"));
        check("text/plain; charset=klingon", "ä".as_bytes(), Text, json!("ä"));
        check("text/plain; charset=utf-8", b"a\xffb", Text, json!("a\u{fffd}b"));
        check("text/plain", b"\xff\xfea\0b\0", Text, json!("ab"));
        check("image/png", b"\x89PNG", Blob, json!("iVBORw=="));
        check("image/png", b"", Blob, json!(""));
    }

    #[test]
    fn a_secret_is_taken_out_of_an_answer_also_where_slashes_are_escaped() {
        let mut headers = HeaderMap::new();
        headers.insert("x-echo", HeaderValue::from_static("Basic a/b=="));
        let body = br#"{"plain":"a/b==","escaped":"a\/b=="}"#.to_vec();
        let answer = Answer { status: StatusCode::OK, headers, body, took: Duration::ZERO }.without("a/b==");
        let output = answer.output(ResponseType::Json, "", 0, str::to_owned);
        assert_eq!(output["data"], json!({ "plain": "[secret]", "escaped": "[secret]" }));
        assert_eq!(output["headers"], json!({ "x-echo": "Basic [secret]" }));
    }

    #[test]
    fn headers_of_one_name_become_one_text() {
        let mut given = HeaderMap::new();
        given.append("x-many", HeaderValue::from_static("a"));
        given.append("x-many", HeaderValue::from_static("b"));
        given.append("set-cookie", HeaderValue::from_static("a=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT"));
        given.append("set-cookie", HeaderValue::from_static("b=2"));
        given.append("x-latin", HeaderValue::from_bytes(b"caf\xe9").unwrap());
        let expected = json!({
            "x-many": "a, b",
            "set-cookie": "a=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT\nb=2",
            "x-latin": "café",
        });
        assert_eq!(Value::Object(headers(&given)), expected);
    }
}
