//! Any text as the JSON of a model: it is JSON, is mended, or is none.

use serde_json::Value;
use turbocat_plugins::llm::repair::repair;

/// Mends a text.
pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let found = repair(&text);
    match (serde_json::from_str::<Value>(&text), found) {
        (Ok(value), Some(found)) => assert!(!found.repaired && found.value == value, "{text}"),
        (Ok(_), None) => panic!("JSON is not found in {text}"),
        (Err(_), None) => {}
        (Err(_), Some(found)) => {
            assert!(found.repaired && (found.value.is_array() || found.value.is_object()), "{text}");
            let again = repair(&found.value.to_string());
            assert!(again.is_some_and(|again| !again.repaired && again.value == found.value), "{text}");
        }
    }
}
