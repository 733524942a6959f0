//! Everything that comes to nothing, and in which words.

use serde_json::{Value, json};
use turbocat_core::{AgentExecutor, AttemptRequest};
use turbocat_plugins::api::ApiAgent;

use super::failure;
use super::server::{Reply, Server};

#[tokio::test]
async fn a_configuration_that_cannot_be_used_is_refused_before_anything_is_sent() {
    let check = async |config: Value, expected: &str| {
        let failure = failure(config.clone()).await;
        assert_eq!(failure.to_string(), format!("{expected} (input)"), "{config}");
        assert!(!failure.retryable);
    };
    let url = "http://127.0.0.1:1/";
    check(json!({}), "`url` is required").await;
    check(json!({ "url": null }), "`url` is required").await;
    check(json!({ "url": 7 }), "`url` is a text, not a number").await;
    check(json!([]), "the configuration is an object, not a list").await;
    check(json!("x"), "the configuration is an object, not a text").await;
    let whole = "help: write it whole, such as `https://example.com/path`";
    check(json!({ "url": "not a url" }), &format!("invalid URL: relative URL without a base; {whole}")).await;
    check(json!({ "url": "/path" }), &format!("invalid URL: relative URL without a base; {whole}")).await;
    check(json!({ "url": "" }), &format!("invalid URL: relative URL without a base; {whole}")).await;
    check(json!({ "url": "http://" }), &format!("invalid URL: empty host; {whole}")).await;
    check(
        json!({ "url": "htp://x/" }),
        "invalid URL: scheme `htp` is not one of `http` and `https`; help: did you mean `http`?",
    )
    .await;
    check(
        json!({ "url": "http://ada:s3cret@x/" }),
        "the URL holds a user name or a password; help: give them as `auth: { type: basic, username, password }`",
    )
    .await;
    check(json!({ "url": url, "method": "GTE" }), "invalid method `GTE`; help: did you mean `GET`?").await;
    check(json!({ "url": url, "method": 1 }), "`method` is a text, not a number").await;
    check(json!({ "url": url, "metod": "GET" }), "there is no setting `metod`; help: did you mean `method`?")
        .await;
    check(json!({ "url": url, "headers": [] }), "`headers` is an object, not a list").await;
    check(json!({ "url": url, "headers": { "a": {} } }), "header `a` is a text, not an object").await;
    let many: serde_json::Map<_, _> = (0..91).map(|n| (format!("x-{n}"), json!(n))).collect();
    check(
        json!({ "url": url, "headers": many }),
        "a request has at most 90 headers; help: send the rest in the body",
    )
    .await;
    check(
        json!({ "url": url, "headers": { "a": "x\r\nHost: evil" } }),
        "header `a` holds a line break or another control character; help: take it out of the value",
    )
    .await;
    check(
        json!({ "url": url, "headers": { "a\nb": "x" } }),
        "`a\\nb` is no name of a header; help: use letters, digits and `-`",
    )
    .await;
    check(
        json!({ "url": url, "headers": { "": "x" } }),
        "`` is no name of a header; help: use letters, digits and `-`",
    )
    .await;
    check(
        json!({ "url": url, "headers": { "Host": "evil" } }),
        "header `Host` follows from the request and cannot be set; help: take it out",
    )
    .await;
    check(
        json!({ "url": url, "headers": { "Transfer-Encoding": "chunked" } }),
        "header `Transfer-Encoding` follows from the request and cannot be set; help: take it out",
    )
    .await;
    check(
        json!({ "url": url, "queryParams": { "a": { "b": 1 } } }),
        "`a` holds an object, which has no place in a query or a form; help: use a text, a number, true, false or a list of them",
    )
    .await;
    check(json!({ "url": url, "queryParams": "a=b" }), "`queryParams` is an object, not a text").await;
    check(
        json!({ "url": url, "method": "POST", "body": "x", "contentType": "a\r\nb" }),
        "`contentType` holds a line break or another control character",
    )
    .await;
    let form = "application/x-www-form-urlencoded";
    check(
        json!({ "url": url, "method": "POST", "body": [1], "contentType": form }),
        "a form is an object of its fields, not a list",
    )
    .await;
    let parts = |body: Value| json!({ "url": url, "method": "POST", "contentType": "multipart/form-data", "body": body });
    check(parts(json!({ "f": {} })), "a file has either `text` or `base64`").await;
    check(parts(json!({ "f": { "base64": "?" } })), "`base64` holds no base64").await;
    check(
        parts(json!({ "f": { "text": "", "filname": "x" } })),
        "a file has no `filname`; help: did you mean `filename`?",
    )
    .await;
    check(
        parts(json!({ "f": [[]] })),
        "part `f` holds a list; help: use a text, a number, true, false or a file",
    )
    .await;
    check(parts(json!({ "f": { "text": "", "contentType": "a\nb" } })), "`contentType` holds a line break")
        .await;
    check(json!({ "url": url, "requestTimeoutMs": 0 }), "a request without any time cannot succeed").await;
    check(
        json!({ "url": url, "requestTimeoutMs": -1 }),
        "`requestTimeoutMs` is a duration, such as 500 or `30s`",
    )
    .await;
    check(json!({ "url": url, "timeout": 1e9 }), "`timeout` is longer than a year").await;
    check(json!({ "url": url, "timeout": "400d" }), "`timeout` is longer than a year").await;
    check(
        json!({ "url": url, "requestTimeoutMs": "soon" }),
        "`soon` is not a duration such as `500ms`, `30s`, `10m`, `24h` or `1h30m`",
    )
    .await;
    check(
        json!({ "url": url, "requestTimeoutMs": 1, "timeout": 1 }),
        "`requestTimeoutMs` and `timeout` are the same setting; help: keep `requestTimeoutMs`",
    )
    .await;
    check(
        json!({ "url": url, "retryCount": 1, "retries": 1 }),
        "`retryCount` and `retries` are the same setting; help: keep `retryCount`",
    )
    .await;
    check(json!({ "url": url, "retryCount": 1.5 }), "`retryCount` is a whole number from 0 to 100").await;
    check(json!({ "url": url, "retryCount": 101 }), "`retryCount` is a whole number from 0 to 100").await;
    check(
        json!({ "url": url, "retryDelayMs": 2000, "maxRetryDelayMs": 1000 }),
        "the longest delay, 1000 ms, is shorter than the first, 2000 ms",
    )
    .await;
    check(json!({ "url": url, "followRedirects": "yes" }), "`followRedirects` is true or false, not a text")
        .await;
    check(json!({ "url": url, "maxRedirects": 51 }), "`maxRedirects` is a whole number from 0 to 50").await;
    check(
        json!({ "url": url, "maxResponseBytes": 0 }),
        "`maxResponseBytes` is a whole number from 1 to 1073741824",
    )
    .await;
    check(
        json!({ "url": url, "responseType": "jsn" }),
        "unknown response type `jsn`; help: did you mean `json`?",
    )
    .await;
    let status = "help: use a number from 100 to 599, or `4xx`";
    check(json!({ "url": url, "failOnStatus": [99] }), &format!("99 is no status; {status}")).await;
    check(json!({ "url": url, "failOnStatus": "9xx" }), &format!("\"9xx\" is no status; {status}")).await;
    check(json!({ "url": url, "retryOnStatusCodes": [{}] }), "{} is no status").await;
    let auth = |auth: Value| json!({ "url": url, "auth": auth });
    check(auth(json!({})), "`auth` needs a `type`").await;
    check(auth(json!("bearer")), "`auth` is an object, not a text").await;
    check(auth(json!({ "type": "baerer" })), "unknown kind of auth `baerer`; help: did you mean `bearer`?")
        .await;
    check(auth(json!({ "type": "bearer" })), "auth of kind `bearer` needs `token`").await;
    check(auth(json!({ "type": "bearer", "token": "" })), "`token` is empty").await;
    check(auth(json!({ "type": "bearer", "token": 7 })), "`token` is a text, not a number").await;
    check(
        auth(json!({ "type": "bearer", "token": "a\nb" })),
        "header `authorization` holds a line break or another control character; help: take it out of the value",
    )
    .await;
    check(auth(json!({ "type": "basic", "username": "a" })), "auth of kind `basic` needs `password`").await;
    check(auth(json!({ "type": "basic", "username": "", "password": "x" })), "`username` is empty").await;
    check(auth(json!({ "type": "basic", "username": "a:b", "password": "x" })), "a user name has no colon")
        .await;
    check(
        auth(json!({ "type": "basic", "credentials": "ab" })),
        "`credentials` of kind `basic` are a user name, a colon and a password",
    )
    .await;
    check(auth(json!({ "type": "api_key" })), "auth of kind `api_key` needs `apiKey`").await;
    check(
        auth(json!({ "type": "api_key", "apiKey": "k", "apiKeyHeader": "a b" })),
        "`a b` is no name of a header; help: use letters, digits and `-`",
    )
    .await;
    check(
        auth(json!({ "type": "api_key", "apiKey": "k", "apiKeyHeader": "a", "apiKeyParam": "b" })),
        "the key is sent as a header or in the query, not both; help: keep one of `apiKeyHeader` and `apiKeyParam`",
    )
    .await;
    check(
        auth(json!({ "type": "bearer", "tokn": "x" })),
        "there is no setting `tokn`; help: did you mean `token`?",
    )
    .await;
}

#[tokio::test]
async fn a_failure_names_the_setting_it_is_about() {
    let failure = failure(json!({ "url": "http://127.0.0.1/", "headers": { "a/b": "x", "c": "\n" } })).await;
    assert_eq!(*failure.detail.unwrap(), json!({ "setting": "/headers/a~1b" }));
}

#[tokio::test]
async fn a_request_that_takes_too_long_says_how_long() {
    let server = Server::start(|_, _| Reply::hang()).await;
    for limit in [json!({ "requestTimeoutMs": 60 }), json!({ "timeout": 0.06 }), json!({ "timeout": "60ms" })]
    {
        let mut config = limit;
        config["url"] = server.url("/").into();
        let failure = failure(config).await;
        assert_eq!(failure.to_string(), "timed out after 60 ms (timeout)");
        assert!(failure.retryable);
        assert_eq!(failure.usage.unwrap().api_calls, 1);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_network_failure() {
    let port = Server::start(|_, _| Reply::ok("")).await.port;
    let failure = failure(json!({ "url": format!("http://127.0.0.1:{port}/s3cret?key=s3cret"), "retryCount": 1, "retryDelayMs": 0 })).await;
    assert_eq!(failure.kind.as_str(), "network");
    assert!(
        failure.message.starts_with(&format!("`http://127.0.0.1:{port}` cannot be reached")),
        "{failure}"
    );
    assert!(failure.retryable && !failure.message.contains("s3cret"));
    assert_eq!(failure.usage.unwrap().api_calls, 2);
}

#[tokio::test]
async fn the_inside_is_refused() {
    for url in ["http://127.0.0.1/", "http://localhost/", "http://169.254.169.254/", "http://[::1]/"] {
        let request = AttemptRequest::new(Value::Null).with_config(json!({ "url": url, "retryCount": 9 }));
        let failure = ApiAgent::default().execute(request).await.unwrap_err();
        assert_eq!(failure.kind.as_str(), "network.refused", "{failure}");
        assert!(!failure.retryable);
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_a_limit() {
    let server = Server::start(|_, _| Reply::ok("123456")).await;
    let failure = failure(json!({ "url": server.url("/"), "maxResponseBytes": 5 })).await;
    assert_eq!(failure.to_string(), "the answer is larger than 5 bytes (limit)");
}
