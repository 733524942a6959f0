//! A filter of jq, a line `====`, and its input as JSON.
//!
//! Promised: whatever the filter is, it is refused with a place inside of it, or ends within its
//! limits: with a value, or with a failure that says why. The stack, the memory and the clock of
//! the machine hold.

use serde_json::{Value, json};

use super::data::{ask, mistakes};

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (filter, input) =
        text.split_once("\n====\n").unwrap_or((text, r#"{"a":[1,2.5,"x",null,{"b":true}]}"#));
    if filter.contains("{{") {
        return;
    }
    let input: Value = serde_json::from_str(input).unwrap_or_else(|_| json!(input));
    let settings = json!({ "filter": filter, "args": { "x": 1 }, "outputs": "first", "timeoutMs": 200, "maxMemoryMb": 16 });
    let config = json!({ "operation": "jq", "operationConfig": settings });
    let found = mistakes(&config);
    match (ask(json!({ "data": input }), config), found.as_slice()) {
        (Ok(_), []) => {}
        (Err(failure), []) => {
            assert!(["input", "output", "limit"].contains(&failure.kind.as_str()), "{failure}");
            assert!(failure.message.len() < 1_000, "{failure}");
        }
        (Err(failure), found) => {
            assert!(failure.message.contains(&found[0].message), "{failure} as compiled");
            let column = found[0].message.rsplit("in column ").next().and_then(|column| column.parse().ok());
            assert!(column.is_none_or(|column: usize| column <= filter.chars().count() + 1), "{failure}");
        }
        (Ok(_), found) => panic!("it was refused: {found:?}"),
    }
}
