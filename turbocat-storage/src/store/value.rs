//! Large values of events are kept apart, once, under the SHA-256 of their text.
//!
//! An event that had some says where they were: `"blobs": {"output": "<digest>"}`. No event has a
//! member of that name, so no value of a user's can be taken for it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::error::StorageError;

/// Values whose text is about this long or longer are kept apart: a page of the database.
const LARGE: usize = 4096;

/// Where events have values that may be large.
const PLACES: [&str; 8] = [
    "inputs",
    "output",
    "payload",
    "work.items",
    "work.inputs",
    "outcome.output",
    "failure.detail",
    "decision",
];

const BLOBS: &str = "blobs";

/// A text that is kept under its digest.
#[derive(Clone, Debug)]
pub(super) struct Blob {
    pub(super) digest: [u8; 32],
    pub(super) text: String,
}

impl Blob {
    fn new(value: &Value) -> Self {
        let text = value.to_string();
        Self { digest: Sha256::digest(text.as_bytes()).into(), text }
    }
}

/// A value as it is written: in its place, or apart.
pub(super) enum Written {
    Here(String),
    Apart(Blob),
}

pub(super) fn write(value: &Value) -> Written {
    if is_large(value) { Written::Apart(Blob::new(value)) } else { Written::Here(value.to_string()) }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Appends the text of an event; its large values go to `blobs`.
pub(super) fn write_event(event: &Value, out: &mut String, blobs: &mut Vec<Blob>) {
    let Some(members) = event.as_object().filter(|_| is_large(event)) else {
        out.push_str(&event.to_string());
        return;
    };
    let mut apart = Map::new();
    let small = without_large(members, "", &mut apart, blobs);
    let mut small = Value::Object(small);
    if let Some(members) = small.as_object_mut().filter(|_| !apart.is_empty()) {
        members.insert(BLOBS.to_owned(), Value::Object(apart));
    }
    out.push_str(&small.to_string());
}

fn without_large(
    members: &Map<String, Value>,
    above: &str,
    apart: &mut Map<String, Value>,
    blobs: &mut Vec<Blob>,
) -> Map<String, Value> {
    let mut small = Map::new();
    for (key, value) in members {
        let place = format!("{above}{key}");
        if PLACES.contains(&&*place) && is_large(value) {
            let blob = Blob::new(value);
            apart.insert(place, Value::String(hex(&blob.digest)));
            blobs.push(blob);
            continue;
        }
        let holds_places = above.is_empty() && matches!(&**key, "work" | "outcome" | "failure");
        let value = match value.as_object().filter(|_| holds_places) {
            Some(members) => Value::Object(without_large(members, &format!("{key}."), apart, blobs)),
            None => value.clone(),
        };
        small.insert(key.clone(), value);
    }
    small
}

/// The digests of the values that events have apart.
pub(super) fn digests(events: &[Value]) -> Vec<String> {
    let apart = events.iter().filter_map(|event| event.get(BLOBS)?.as_object());
    let mut digests: Vec<String> =
        apart.flat_map(Map::values).filter_map(|digest| digest.as_str().map(str::to_owned)).collect();
    digests.sort_unstable();
    digests.dedup();
    digests
}

/// Puts the values that events had apart back into their places.
pub(super) fn restore(events: &mut [Value], texts: &BTreeMap<String, String>) -> Result<(), StorageError> {
    for event in events {
        let Some(members) = event.as_object_mut() else { continue };
        let Some(Value::Object(apart)) = members.shift_remove(BLOBS) else { continue };
        for (place, digest) in apart {
            let digest = digest.as_str().unwrap_or_default();
            let text = texts.get(digest);
            let text =
                text.ok_or_else(|| StorageError::corrupt(format!("the value {digest} of an event is gone")))?;
            let value = serde_json::from_str(text).map_err(|error| {
                StorageError::corrupt(format!("the value {digest} of an event cannot be read")).because(error)
            })?;
            match place.split_once('.') {
                None => drop(members.insert(place, value)),
                Some((outer, inner)) => {
                    if let Some(outer) = members.get_mut(outer).and_then(Value::as_object_mut) {
                        outer.insert(inner.to_owned(), value);
                    }
                }
            }
        }
    }
    Ok(())
}

fn is_large(value: &Value) -> bool {
    let mut left = LARGE;
    spend(value, &mut left).is_none()
}

/// Takes about the length of a value's text off what is left; `None` if that is not enough.
fn spend(value: &Value, left: &mut usize) -> Option<()> {
    let own = match value {
        Value::String(text) => text.len() + 2,
        Value::Object(members) => members.keys().map(|key| key.len() + 4).sum::<usize>() + 2,
        _ => 4,
    };
    *left = left.checked_sub(own)?;
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| spend(item, left)),
        Value::Object(members) => members.values().try_for_each(|member| spend(member, left)),
        _ => Some(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_large_is_kept_apart_once_and_comes_back() {
        let large = json!({ "text": "x".repeat(5000), "blobs": { "output": "mine" } });
        let events = [
            json!({ "seq": 1, "type": "stepCompleted", "output": large, "step": "a" }),
            json!({ "seq": 2, "type": "stepStarted", "work": { "kind": "loop", "items": large } }),
            json!({ "seq": 3, "type": "frameClosed", "outcome": { "outcome": "completed", "output": large } }),
            json!({ "seq": 4, "type": "attemptFailed", "failure": { "kind": "x", "detail": large, "message": "m" } }),
            json!({ "seq": 5, "type": "stepCompleted", "output": { "small": true } }),
        ];
        let mut blobs = Vec::new();
        let mut read: Vec<Value> = Vec::new();
        for event in &events {
            let mut text = String::new();
            write_event(event, &mut text, &mut blobs);
            assert!(text.len() < 300, "{text}");
            read.push(serde_json::from_str(&text).unwrap());
        }
        let digests = digests(&read);
        assert_eq!((blobs.len(), digests.len()), (4, 1));
        let texts = blobs.into_iter().map(|blob| (hex(&blob.digest), blob.text)).collect();
        restore(&mut read, &texts).unwrap();
        assert_eq!(read, events);
        let lost = restore(&mut [json!({ "blobs": { "output": "ab" } })], &BTreeMap::new());
        assert_eq!(lost.unwrap_err().to_string(), "the value ab of an event is gone");
    }
}
