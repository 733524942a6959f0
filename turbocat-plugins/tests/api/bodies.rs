//! What is sent.

use serde_json::{Value, json};

use super::output;
use super::server::{Reply, Seen, Server};

async fn seen(mut config: Value) -> Seen {
    let server = Server::start(|_, _| Reply::ok("")).await;
    config["url"] = server.url("/").into();
    output(config).await;
    server.only()
}

#[tokio::test]
async fn a_body_is_json_unless_it_is_a_text() {
    let check = async |body: Value, expected: &str| {
        let seen = seen(json!({ "method": "POST", "body": body })).await;
        assert_eq!(seen.text(), expected);
        assert_eq!(seen.header("content-type"), Some("application/json"));
    };
    check(json!({ "b": 1, "a": [true, null] }), r#"{"b":1,"a":[true,null]}"#).await;
    check(json!([1, "ü"]), r#"[1,"ü"]"#).await;
    check(json!("as it is"), "as it is").await;
    check(json!(7), "7").await;
    check(json!(false), "false").await;
}

#[tokio::test]
async fn a_request_without_a_body_says_nothing_of_its_type() {
    for body in [json!({ "method": "POST" }), json!({ "method": "POST", "body": null })] {
        let seen = seen(body).await;
        assert_eq!((seen.header("content-type"), seen.text()), (None, ""));
    }
}

#[tokio::test]
async fn only_get_and_head_carry_no_body() {
    for (method, carried) in [
        ("POST", true),
        ("PUT", true),
        ("PATCH", true),
        ("DELETE", true),
        ("OPTIONS", true),
        ("GET", false),
        ("HEAD", false),
    ] {
        let seen = seen(json!({ "method": method, "body": { "a": 1 } })).await;
        assert_eq!(seen.text(), if carried { r#"{"a":1}"# } else { "" }, "{method}");
        assert_eq!(seen.header("content-type").is_some(), carried, "{method}");
    }
}

#[tokio::test]
async fn headers_win_over_the_content_type() {
    let sent = seen(json!({ "method": "PUT", "body": "a,b", "contentType": "text/csv" })).await;
    assert_eq!(sent.header("content-type"), Some("text/csv"));
    let sent = seen(json!({
        "method": "PUT", "body": "a,b", "contentType": "text/csv", "headers": { "Content-Type": "text/x" },
    }))
    .await;
    assert_eq!(sent.header("content-type"), Some("text/x"));
}

#[tokio::test]
async fn a_form_is_encoded() {
    let body = json!({ "name": "Ada & Bob", "age": 7, "tag": ["x", "y=z"], "gone": null });
    for config in [
        json!({ "contentType": "application/x-www-form-urlencoded" }),
        json!({ "headers": { "content-type": "application/x-www-form-urlencoded" } }),
    ] {
        let mut config = config;
        config["method"] = "POST".into();
        config["body"] = body.clone();
        let seen = seen(config).await;
        assert_eq!(seen.text(), "name=Ada+%26+Bob&age=7&tag=x&tag=y%3Dz");
        assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
    }
    let text = json!({ "method": "POST", "contentType": "application/x-www-form-urlencoded", "body": "a=b" });
    assert_eq!(seen(text).await.text(), "a=b");
}

#[tokio::test]
async fn a_form_of_parts_holds_fields_and_files() {
    let body = json!({
        "title": "a \"title\"",
        "tag": ["x", 2],
        "notes": { "filename": "n\r\no.txt", "contentType": "text/plain", "text": "one\ntwo" },
        "raw": { "base64": "AP8=" },
        "gone": null,
    });
    let seen = seen(json!({ "method": "POST", "contentType": "multipart/form-data", "body": body })).await;
    let kind = seen.header("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let mut expected = Vec::new();
    for (head, content) in [
        ("name=\"title\"", &b"a \"title\""[..]),
        ("name=\"tag\"", b"x"),
        ("name=\"tag\"", b"2"),
        ("name=\"notes\"; filename=\"n%0D%0Ao.txt\"\r\ncontent-type: text/plain", b"one\ntwo"),
        ("name=\"raw\"; filename=\"file\"\r\ncontent-type: application/octet-stream", &[0, 255]),
    ] {
        let head = format!("--{boundary}\r\ncontent-disposition: form-data; {head}\r\n\r\n");
        expected.extend_from_slice(head.as_bytes());
        expected.extend_from_slice(content);
        expected.extend_from_slice(b"\r\n");
    }
    expected.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    assert_eq!(String::from_utf8_lossy(&seen.body), String::from_utf8_lossy(&expected));
    assert_eq!(seen.body, expected);
}

#[tokio::test]
async fn a_form_of_parts_tells_where_they_end_whoever_named_its_type() {
    let headers = json!({ "Content-Type": "multipart/form-data" });
    let seen = seen(json!({ "method": "POST", "headers": headers, "body": { "a": "b" } })).await;
    let kind = seen.header("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    assert!(seen.text().ends_with(&format!("--{boundary}--\r\n")));
}
