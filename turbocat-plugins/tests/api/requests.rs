//! Address, method, query and headers.

use serde_json::{Value, json};

use super::server::{Reply, Seen, Server};
use super::{failure, output};

/// What the server sees of a configuration, to which `url` is added with that path.
async fn seen(path: &str, mut config: Value) -> Seen {
    let server = Server::start(|_, _| Reply::json("{}")).await;
    config["url"] = server.url(path).into();
    output(config).await;
    server.only()
}

#[tokio::test]
async fn a_request_is_a_get_unless_it_says_otherwise() {
    let seen = seen("/items?a=1", json!({})).await;
    assert_eq!((seen.method.as_str(), seen.target.as_str(), seen.text()), ("GET", "/items?a=1", ""));
    assert_eq!(seen.header("content-type"), None);
    assert_eq!(seen.header("accept"), Some("*/*"));
    assert_eq!(seen.header("idempotency-key"), None);
}

#[tokio::test]
async fn every_method_is_known_in_any_case() {
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] {
        for spelling in [method.to_owned(), method.to_lowercase(), format!(" {} ", method.to_lowercase())] {
            assert_eq!(seen("/", json!({ "method": spelling })).await.method, method);
        }
    }
}

#[tokio::test]
async fn query_parameters_are_added_and_encoded() {
    let check = async |path: &str, params: Value, expected: &str| {
        assert_eq!(seen(path, json!({ "queryParams": params })).await.target, expected);
    };
    check("/", json!({}), "/").await;
    check("/", json!({ "q": "a b&c=d" }), "/?q=a+b%26c%3Dd").await;
    check("/?z=0#part", json!({ "n": 1, "f": 2.5, "yes": true }), "/?z=0&n=1&f=2.5&yes=true").await;
    check("/", json!({ "tag": ["a", "ü", 3] }), "/?tag=a&tag=%C3%BC&tag=3").await;
    check("/", json!({ "gone": null, "none": [], "empty": "", "some": [null, "x"] }), "/?empty=&some=x")
        .await;
    check("/?a=1&", json!({ "b": 2 }), "/?a=1&&b=2").await;
}

#[tokio::test]
async fn headers_are_sent_as_given() {
    let headers =
        json!({ "X-Text": "t", "X-Number": 7, "x-flag": true, "X-None": null, "Accept": "text/csv" });
    let seen = seen("/", json!({ "headers": headers })).await;
    assert_eq!(seen.header("x-text"), Some("t"));
    assert_eq!(seen.header("x-number"), Some("7"));
    assert_eq!(seen.header("x-flag"), Some("true"));
    assert_eq!(seen.header("x-none"), None);
    assert_eq!(seen.header("accept"), Some("text/csv"));
    assert_eq!(seen.header("user-agent"), Some("turbocat/0.1.0"));
}

#[tokio::test]
async fn a_post_carries_the_key_of_its_attempt() {
    for (method, carries) in
        [("POST", true), ("PATCH", true), ("PUT", false), ("DELETE", false), ("GET", false)]
    {
        let key = seen("/", json!({ "method": method })).await.header("idempotency-key").map(str::to_owned);
        assert_eq!(key, carries.then(|| "00000000-0000-0000-0000-000000000000/test".to_owned()), "{method}");
    }
    let own = seen("/", json!({ "method": "POST", "headers": { "Idempotency-Key": "mine" } })).await;
    assert_eq!(own.header("idempotency-key"), Some("mine"));
}

#[tokio::test]
async fn redirects_are_followed_unless_they_are_not_wanted() {
    let server = Server::start(|seen, _| match seen.target.as_str() {
        "/1" => Reply::redirect(302, "/2"),
        "/2" => Reply::redirect(302, "/3"),
        _ => Reply::json("\"end\""),
    })
    .await;
    let url = server.url("/1");
    let end = output(json!({ "url": url })).await;
    assert_eq!(
        (&end["statusCode"], &end["data"], &end["requestUrl"]),
        (&json!(200), &json!("end"), &json!(url))
    );
    let first = output(json!({ "url": url, "followRedirects": false })).await;
    assert_eq!((&first["statusCode"], &first["headers"]["location"]), (&json!(302), &json!("/2")));
    let end = output(json!({ "url": url, "maxRedirects": 2 })).await;
    assert_eq!(end["statusCode"], 200);
    let failure = failure(json!({ "url": url, "maxRedirects": 1 })).await;
    assert_eq!(failure.to_string(), "more than 1 redirects (network.redirects)");
    assert!(!failure.retryable);
}
