//! Names and values as queries and forms have them: `a=1&b=2`.

use reqwest::Url;
use serde_json::{Map, Value};
use turbocat_core::BadConfig;

use super::reader::{Reader, pointer, word};

/// Names with values, in the order of the configuration.
pub(crate) type Pairs = Vec<(String, String)>;

/// Reads an object: texts, numbers and flags as they are, a list as its name many times, null not
/// at all.
pub(crate) fn pairs(reader: &mut Reader<'_>, at: &str, object: &Map<String, Value>) -> Pairs {
    let mut pairs = Vec::new();
    for (name, value) in object {
        let at = pointer(at, name);
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    push(reader, &mut pairs, &pointer(&at, &index.to_string()), name, item);
                }
            }
            one => push(reader, &mut pairs, &at, name, one),
        }
    }
    pairs
}

fn push(reader: &mut Reader<'_>, pairs: &mut Pairs, at: &str, name: &str, value: &Value) {
    match plain(value) {
        Some(text) if !reader.is_open(value) => pairs.push((name.to_owned(), text)),
        // not known yet
        Some(_) => {}
        None if value.is_null() => {}
        None => {
            let message = format!("`{name}` holds {}, which has no place in a query or a form", word(value));
            reader.report(
                BadConfig::at(at, message).help("use a text, a number, true, false or a list of them"),
            );
        }
    }
}

/// A text, number or flag as text.
pub(crate) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Adds to the query of an address.
pub(crate) fn extend(url: &mut Url, pairs: &[(String, String)]) {
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
}

/// The body of a form.
pub(crate) fn form(pairs: &[(String, String)]) -> String {
    // the standard's way of writing it is behind an address only
    let Ok(mut url) = Url::parse("form:///") else { return String::new() };
    extend(&mut url, pairs);
    url.query().unwrap_or_default().to_owned()
}
