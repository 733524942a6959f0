//! A configuration as JSON, a line `====`, and the inputs as JSON.
//!
//! Promised: nothing panics; mistakes that are found as written are mistakes when it is done, too,
//! and have a place in the configuration; an output has all its parts and its counts are right;
//! the original data are those that were given; and a second time it is the same.

use serde_json::Value;

use super::data::{ask, mistakes};

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (config, inputs) =
        text.split_once("\n====\n").unwrap_or((text, r#"{"data":[{"a":1},{"a":"x","b":[2]},null]}"#));
    let (Ok(config), Ok(inputs)) =
        (serde_json::from_str::<Value>(config), serde_json::from_str::<Value>(inputs))
    else {
        return;
    };
    // Filters have a target of their own, and time is no promise of this one.
    if config.to_string().contains("\"jq\"") {
        return;
    }
    let found = mistakes(&config);
    for bad in &found {
        // A setting that is missing has the place of the object it is missing in, which may be
        // missing as well.
        let parent = bad.at.rsplit_once('/').map_or("", |(parent, _)| parent);
        assert!(config.pointer(&bad.at).or_else(|| config.pointer(parent)).is_some(), "{bad:?}");
        assert!(!bad.message.is_empty());
    }
    let first = ask(inputs.clone(), config.clone());
    let second = ask(inputs.clone(), config.clone());
    match (first, second) {
        (Ok(output), Ok(again)) => {
            assert_eq!(output, again);
            let evaluated = !config.to_string().contains("{{");
            assert!(found.is_empty() || !evaluated, "it was refused: {found:?}");
            assert!(output["inputCount"].is_u64() && output["outputCount"].is_u64());
            assert!(output["operationsPerformed"].is_array());
            if config.get("keepOriginal") != Some(&Value::Bool(false)) {
                let original = &output["originalData"];
                let given = inputs.as_object().into_iter().flat_map(serde_json::Map::values);
                let given = given.chain([&inputs]).chain(config.get("source"));
                assert!(given.into_iter().any(|given| given == original), "the original data were given");
            }
        }
        (Err(failure), Err(again)) => {
            assert_eq!(failure.message, again.message);
            assert!(!failure.retryable);
            assert!(["input", "output", "limit"].contains(&failure.kind.as_str()), "{failure}");
        }
        (first, second) => panic!("{first:?} and then {second:?}"),
    }
}
