//! Configurations from strangers: what fuzzing found, what it starts from, and what chance makes.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::api_config::check;

#[test]
fn any_configuration_is_refused_or_sent() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for folder in ["tests/fuzz-cases/api_config", "../fuzz/seeds/api_config"] {
        // the seeds are not part of the published crate
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else { continue };
        for entry in entries {
            check(&std::fs::read(entry.unwrap().path()).unwrap());
            count += 1;
        }
    }
    assert!(count > 0);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-5_i32..700).prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec![
            "https://example.com/",
            "http://[::1]:0/",
            "http://a@b/",
            "HEAD",
            "post",
            "json",
            "5xx",
            "1m",
            "{{ x }}",
            "bearer",
            "basic",
            "api_key",
            "multipart/form-data",
            "application/x-www-form-urlencoded",
            "a\r\nb",
            "host",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    let known = vec![
        "type",
        "token",
        "username",
        "password",
        "apiKey",
        "apiKeyHeader",
        "apiKeyParam",
        "credentials",
        "filename",
        "base64",
        "text",
        "contentType",
        "Host",
        "X-A",
    ];
    prop_oneof![4 => prop::sample::select(known).prop_map(str::to_owned), 1 => any::<String>()]
}

fn setting() -> impl Strategy<Value = (String, Value)> {
    let schema = turbocat_plugins::api::config_schema();
    let names: Vec<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
    (prop::sample::select(names), value())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn what_the_check_says_is_what_happens(settings in prop::collection::vec(setting(), 0..5), whole in any::<bool>()) {
        let mut config: Map<String, Value> = settings.into_iter().collect();
        if whole {
            config.insert("url".to_owned(), "https://example.com/".into());
        }
        check(Value::Object(config).to_string().as_bytes());
    }
}
