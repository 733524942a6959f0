//! What a request carries.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::encode::{form, pairs};
use super::multipart::multipart;
use super::reader::{Reader, word};

/// The kind of body that is assumed.
pub(crate) const JSON: &str = "application/json";

/// Reads `body`, and adds the header that tells its type, unless `headers` has one.
///
/// A text is sent as it is; anything else as JSON, or as a form if that is its type.
pub(crate) fn body(reader: &mut Reader<'_>, given: &str, headers: &mut HeaderMap) -> Option<Vec<u8>> {
    let value = reader.value("body")?;
    let named = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let kind = named.as_deref().unwrap_or(given);
    let at = reader.at("body");
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut told = kind.to_owned();
    let content = match (essence.as_str(), value) {
        (_, Value::String(text)) => text.clone().into_bytes(),
        ("application/x-www-form-urlencoded", Value::Object(object)) => {
            form(&pairs(reader, &at, object)).into_bytes()
        }
        ("multipart/form-data", Value::Object(object)) => {
            let (kind, content) = multipart(reader, &at, object);
            // only the whole header has the line between the parts
            headers.remove(CONTENT_TYPE);
            told = kind;
            content
        }
        ("application/x-www-form-urlencoded" | "multipart/form-data", other) => {
            reader.wrong("body", format!("a form is an object of its fields, not {}", word(other)));
            return None;
        }
        (_, other) => other.to_string().into_bytes(),
    };
    if !headers.contains_key(CONTENT_TYPE) {
        match HeaderValue::from_str(&told) {
            Ok(value) => {
                headers.insert(CONTENT_TYPE, value);
            }
            Err(_) => {
                reader.wrong("contentType", "`contentType` holds a line break or another control character");
            }
        }
    }
    Some(content)
}
