//! The document and its page: whole, current, and with nothing from elsewhere.

use std::collections::HashSet;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Answer, on_each};

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["responses"].is_object() {
                all.push((path.clone(), method.clone(), operation.clone()));
            }
        }
    }
    all
}

#[test]
fn the_kept_document_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let document = turbocat_http::document();
    if std::env::var_os("TURBOCAT_BLESS").is_some() {
        let text = serde_json::to_string_pretty(&document).unwrap();
        std::fs::write(&path, format!("{text}\n")).unwrap();
    }
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert!(kept == document, "docs/openapi.json is old; help: set TURBOCAT_BLESS=1 and test again");
}

#[test]
fn every_operation_is_described_and_has_an_id_of_its_own() {
    let document = turbocat_http::document();
    let named: HashSet<&str> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut ids = HashSet::new();
    let all = operations(&document);
    assert!(all.len() >= 20, "{}", all.len());
    for (path, method, operation) in all {
        let at = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(ids.insert(id.clone()), "{at}: {id} is there twice");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{at}");
        assert!(named.contains(operation["tags"][0].as_str().unwrap()), "{at}: {}", operation["tags"]);
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(
                response["$ref"].is_string() || response["headers"]["X-Request-ID"].is_object(),
                "{at} {status}"
            );
        }
        if path.starts_with("/api") {
            let responses = &operation["responses"];
            assert_eq!(responses["429"]["$ref"], "#/components/responses/Error429", "{at}");
            if path.contains('{') {
                assert!(responses["404"].is_object() && responses["400"].is_object(), "{at}");
            }
            if operation["security"].is_null() {
                assert!(responses["401"].is_object() && responses["403"].is_object(), "{at}");
            }
            if method == "patch" {
                assert!(responses["412"].is_object(), "{at}");
            }
        }
    }
}

#[test]
fn every_example_of_a_body_fits_its_schema() {
    let document = turbocat_http::document();
    let mut count = 0;
    for (path, method, operation) in operations(&document) {
        let Some(content) = operation["requestBody"]["content"].get("application/json") else { continue };
        let mut schema = content["schema"].clone();
        schema["components"] = document["components"].clone();
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let wrong: Vec<String> =
            validator.iter_errors(&content["example"]).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{method} {path}: {wrong:?} in {}", content["example"]);
        count += 1;
    }
    assert!(count >= 5, "{count}");
}

#[test]
fn whatever_the_document_refers_to_is_in_it() {
    fn check(value: &Value, document: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(path)) = map.get("$ref") {
                    assert!(document.pointer(&path[1..]).is_some(), "{path}");
                }
                map.values().for_each(|inner| check(inner, document));
            }
            Value::Array(items) => items.iter().for_each(|inner| check(inner, document)),
            _ => {}
        }
    }
    let document = turbocat_http::document();
    check(&document, &document);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_has_all_it_needs_from_here() {
    on_each(async |stage| {
        let anybody = stage.anybody();
        let root = anybody.get("/").await;
        assert_eq!(root.body["documentation"], "/api/v1/docs");
        assert!(root.body["name"].as_str().is_some_and(|name| name.contains("Turbocat")));
        let page = anybody.get("/docs").await;
        assert_eq!(page.status.as_u16(), 200);
        assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
        assert!(page.headers["content-security-policy"].to_str().unwrap().contains("script-src 'self';"));
        assert!(!page.text.contains("://") && !page.text.contains("<script>"), "{}", page.text);
        let mut count = 0;
        for quoted in page.text.split(['"', '\'']).filter(|text| text.starts_with("docs/")) {
            let part = anybody.get(&format!("/{quoted}")).await;
            assert_eq!(part.status.as_u16(), 200, "{quoted}");
            assert!(!part.text.is_empty(), "{quoted}");
            let kind = part.headers["content-type"].to_str().unwrap();
            let expected = match quoted.rsplit('.').next().unwrap() {
                "js" => "javascript",
                "css" => "text/css",
                _ => "image/png",
            };
            assert!(kind.contains(expected), "{quoted} is {kind}");
            count += 1;
        }
        assert_eq!(count, 7);
        anybody.get("/docs/swagger-ui.js").await.bad(404, "NOT_FOUND");
        let served = anybody.get("/openapi.json").await;
        assert_eq!(served.body["openapi"].as_str().unwrap().split('.').next(), Some("3"));
        assert_eq!(served.body["paths"], turbocat_http::document()["paths"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_and_options_are_answered() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let head = Answer::of(ann.request(Method::HEAD, "/agents")).await;
        assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
        let ask = ann.request(Method::OPTIONS, "/agents").header("origin", "http://localhost:3000");
        let ask = ask.header("access-control-request-method", "POST");
        let options = Answer::of(ask.header("access-control-request-headers", "idempotency-key")).await;
        assert_eq!(options.status.as_u16(), 200);
        assert!(options.headers["access-control-allow-methods"].to_str().unwrap().contains("POST"));
        assert!(
            options.headers["access-control-allow-headers"].to_str().unwrap().contains("idempotency-key")
        );
        assert_eq!(ann.get("/agents").await.body["pagination"]["totalItems"], json!(0));
    })
    .await;
}
