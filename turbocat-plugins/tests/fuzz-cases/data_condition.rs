//! A condition, a line `====`, and an item as JSON.
//!
//! Promised: the condition is refused with a place inside of it, or holds, or does not, or fails
//! for one of the reasons it has; a second time it does the same; and its negation does the
//! opposite.

use serde_json::{Value, json};

use super::data::{ask, mistakes};

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (condition, item) = text.split_once("\n====\n").unwrap_or((text, "{}"));
    // A template is not looked at before it is evaluated.
    if condition.contains("{{") {
        return;
    }
    let item: Value = serde_json::from_str(item).unwrap_or_else(|_| json!({ "a": [1, "x"], "b": item }));
    let config =
        |condition: &str| json!({ "operation": "filter", "operationConfig": { "condition": condition } });
    let found = mistakes(&config(condition));
    let inputs = json!({ "data": [item] });
    let first = ask(inputs.clone(), config(condition));
    match (&first, found.as_slice()) {
        (Ok(output), []) => {
            let kept = output["outputCount"] == 1;
            let negated = ask(inputs.clone(), config(&format!("not ({condition})")));
            if let Ok(negated) = negated {
                assert_eq!(negated["outputCount"] == 0, kept, "`not` is the opposite");
            }
        }
        (Err(failure), []) => {
            let known = ["true or false", "takes a", "a pattern", "nested more than", "would have more"];
            assert!(known.iter().any(|known| failure.message.contains(known)), "{failure}");
        }
        (Err(failure), found) => {
            assert!(failure.message.contains(&found[0].message), "{failure} as compiled");
            let column = found[0].message.rsplit("in column ").next().and_then(|column| column.parse().ok());
            assert!(column.is_none_or(|column: usize| column <= condition.chars().count() + 1), "{failure}");
        }
        (Ok(_), found) => panic!("it was refused: {found:?}"),
    }
    assert_eq!(
        first.map_err(|failure| failure.message),
        ask(inputs, config(condition)).map_err(|failure| failure.message)
    );
}
