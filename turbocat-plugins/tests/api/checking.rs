//! What is told when a workflow is compiled.

use serde_json::{Value, json};
use turbocat_core::AgentExecutor;

use super::agent;

/// Everything that is wrong: place, message, help.
fn wrong(config: &Value) -> Vec<(String, String, Option<String>)> {
    agent().check(config).into_iter().map(|bad| (bad.at, bad.message, bad.help)).collect()
}

#[test]
fn a_good_configuration_is_not_complained_about() {
    for config in [
        json!({ "url": "https://example.com/" }),
        json!({ "url": "{{ inputs.base }}/x", "method": "{{ inputs.method }}", "headers": { "a": "{{ x }}\n" } }),
        json!({ "url": "https://{{ inputs.host }}/x?y={{ inputs.y }}", "body": "{{ inputs.body }}" }),
        json!({
            "url": "https://example.com/", "method": "post", "headers": { "x": 1 }, "queryParams": { "a": ["{{ b }}"] },
            "body": { "a": "{{ b }}" }, "contentType": "application/x-www-form-urlencoded",
            "auth": { "type": "basic", "username": "{{ secrets.USER }}", "password": "{{ secrets.PASSWORD }}" },
            "requestTimeoutMs": "{{ inputs.timeout }}", "retryCount": "{{ inputs.retries }}", "retryDelayMs": "2s",
            "maxRetryDelayMs": "1m", "retryOnStatusCodes": [429, "{{ inputs.status }}"], "failOnStatus": "{{ inputs.fail }}",
            "followRedirects": "{{ inputs.follow }}", "maxRedirects": 3, "maxResponseBytes": 1000, "responseType": "{{ t }}",
        }),
        json!({ "url": "https://example.com/", "auth": "{{ inputs.auth }}", "headers": "{{ inputs.headers }}" }),
        json!({ "url": "https://example.com/", "auth": { "type": "{{ inputs.kind }}", "token": "x" } }),
        json!({ "url": "https://example.com/", "auth": { "type": "bearer", "token": "{{ secrets.TOKEN }}" } }),
        json!({
            "url": "https://example.com/", "method": "POST", "contentType": "multipart/form-data",
            "body": { "file": { "filename": "{{ n }}", "base64": "{{ inputs.file }}" } },
        }),
    ] {
        assert_eq!(wrong(&config), [], "{config}");
    }
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let config = json!({
        "url": "ftp://example.com/{{ inputs.id }}",
        "method": "PSOT",
        "headers": { "Host": "x", "a b": "x", "ok": "a\r\nb" },
        "queryParams": { "f": { "g": 1 } },
        "auth": { "type": "bearer" },
        "requestTimeoutMs": "soon",
        "retryOnStatusCodes": [429, 7],
        "failOnStatus": "6xx",
        "responseType": "yaml",
    });
    let mut places: Vec<String> = wrong(&config).into_iter().map(|(at, ..)| at).collect();
    places.sort();
    assert_eq!(
        places,
        [
            "/auth/token",
            "/failOnStatus",
            "/headers/Host",
            "/headers/a b",
            "/headers/ok",
            "/method",
            "/queryParams/f",
            "/requestTimeoutMs",
            "/responseType",
            "/retryOnStatusCodes/1",
            "/url",
        ]
    );
}

#[test]
fn a_slip_is_answered_with_what_was_meant() {
    let check = |config: Value, message: &str, help: &str| {
        let found = wrong(&config);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].1.as_str(), found[0].2.as_deref()), (message, Some(help)));
    };
    check(
        json!({ "url": "https://x/", "method": "DELTE" }),
        "invalid method `DELTE`",
        "did you mean `DELETE`?",
    );
    check(
        json!({ "url": "htps://x/{{ a }}" }),
        "invalid URL: scheme `htps` is not one of `http` and `https`",
        "did you mean `https`?",
    );
    check(
        json!({ "url": "https://x/", "auth": { "type": "basc", "username": "a" } }),
        "unknown kind of auth `basc`",
        "did you mean `basic`?",
    );
}

#[test]
fn what_the_schema_tells_is_not_told_twice() {
    let validator = jsonschema::validator_for(&agent().describe().config.unwrap()).unwrap();
    for config in [
        json!({}),
        json!({ "url": 7 }),
        json!({ "url": "https://x/", "metod": "GET" }),
        json!({ "url": "https://x/", "method": 7 }),
        json!({ "url": "https://x/", "headers": [] }),
        json!({ "url": "https://x/", "headers": { "a": [] } }),
        json!({ "url": "https://x/", "queryParams": 1 }),
        json!({ "url": "https://x/", "auth": [] }),
        json!({ "url": "https://x/", "auth": {} }),
        json!({ "url": "https://x/", "auth": { "type": "none", "x": 1 } }),
        json!({ "url": "https://x/", "auth": { "type": "bearer", "token": 1 } }),
        json!({ "url": "https://x/", "requestTimeoutMs": [] }),
        json!({ "url": "https://x/", "requestTimeoutMs": -1 }),
        json!({ "url": "https://x/", "retryCount": 1.5 }),
        json!({ "url": "https://x/", "retryCount": 101 }),
        json!({ "url": "https://x/", "retryOnStatusCodes": {} }),
        json!({ "url": "https://x/", "failOnStatus": {} }),
        json!({ "url": "https://x/", "followRedirects": 1 }),
        json!({ "url": "https://x/", "maxRedirects": 51 }),
        json!({ "url": "https://x/", "maxResponseBytes": 0 }),
        json!({ "url": "https://x/", "responseType": 1 }),
    ] {
        assert!(!validator.is_valid(&config), "{config} fits the schema");
        assert_eq!(wrong(&config), [], "{config}");
    }
}
