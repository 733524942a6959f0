//! What providers say when they do not answer: four forms of JSON, or some text of a proxy.

use std::time::Duration;

use serde_json::Value;

use crate::llm::answer::{Fault, FaultKind};
use crate::llm::retry_after;

/// What is longer than this is no sentence for people.
const LONGEST: usize = 400;

/// What a reply with a status of failure means.
pub(super) fn read(status: u16, body: &[u8]) -> Fault {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    // Google's compatible endpoint answers with a list of one.
    let json = match json {
        Value::Array(mut list) if !list.is_empty() => list.swap_remove(0),
        json => json,
    };
    let said = said(&json).unwrap_or_else(|| match &json {
        Value::Null => String::from_utf8_lossy(body).trim().to_owned(),
        json => json.to_string(),
    });
    fault(status, &json["error"], &said)
}

/// What an error in the midst of a stream means: it has no status of its own, so its code or its
/// type says one.
pub(super) fn in_stream(error: &Value) -> Fault {
    let wrapped = serde_json::json!({ "error": error });
    let said = said(&wrapped).unwrap_or_else(|| error.to_string());
    let code = error["code"].as_u64().or_else(|| error["code"].as_str()?.parse().ok());
    let status = code.and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code));
    let status = status.unwrap_or_else(|| {
        let word =
            [&error["type"], &error["code"], &error["status"]].map(|word| word.as_str().unwrap_or_default());
        let is = |wanted: &[&str]| word.iter().any(|word| wanted.contains(word));
        if is(&["rate_limit_error", "rate_limit_exceeded", "insufficient_quota", "RESOURCE_EXHAUSTED"]) {
            429
        } else if is(&["overloaded_error"]) {
            529
        } else if is(&["invalid_request_error", "INVALID_ARGUMENT"]) {
            400
        } else if is(&["authentication_error", "UNAUTHENTICATED"]) {
            401
        } else {
            500
        }
    });
    fault(status, error, &said)
}

fn fault(status: u16, error: &Value, said: &str) -> Fault {
    let word = |field: &str| error[field].as_str().unwrap_or_default();
    let words = [word("code"), word("type")];
    let kind = if words.contains(&"insufficient_quota") {
        FaultKind::Quota
    } else if words.contains(&"content_filter") || words.contains(&"content_policy_violation") {
        FaultKind::Refusal
    } else {
        FaultKind::Status(status)
    };
    let said = shorten(said);
    let message =
        if said.is_empty() { format!("answered {status}") } else { format!("answered {status}: {said}") };
    let mut fault = Fault::new(kind, message);
    fault.retry_after = retry_delay(error);
    fault
}

fn said(json: &Value) -> Option<String> {
    let places = ["/error/message", "/error", "/message", "/detail"];
    places.iter().find_map(|place| json.pointer(place)?.as_str()).map(str::to_owned)
}

/// Google says when to come back in the details: `{"retryDelay": "34.5s"}`.
fn retry_delay(error: &Value) -> Option<Duration> {
    let details = error["details"].as_array()?;
    let delay = details.iter().find_map(|detail| detail["retryDelay"].as_str())?;
    let pause = Duration::try_from_secs_f64(delay.strip_suffix('s')?.parse().ok()?).ok()?;
    Some(pause.min(retry_after::LONGEST))
}

/// A text that fits into a message.
pub(super) fn shorten(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match one_line.char_indices().nth(LONGEST) {
        None => one_line,
        Some((end, _)) => format!("{}…", &one_line[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_complaint_is_understood() {
        let check = |status: u16, body: &str, kind: FaultKind, message: &str| {
            let fault = read(status, body.as_bytes());
            assert_eq!((fault.kind, &*fault.message), (kind, message), "{body}");
        };
        let status = FaultKind::Status;
        check(
            401,
            r#"{"error":{"message":"bad key","type":"invalid_request_error"}}"#,
            status(401),
            "answered 401: bad key",
        );
        check(
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            status(529),
            "answered 529: Overloaded",
        );
        check(
            404,
            r#"{"error":"model \"x\" not found"}"#,
            status(404),
            "answered 404: model \"x\" not found",
        );
        check(
            429,
            r#"{"error":{"message":"pay","code":"insufficient_quota"}}"#,
            FaultKind::Quota,
            "answered 429: pay",
        );
        check(
            400,
            r#"{"error":{"message":"no","code":"content_filter"}}"#,
            FaultKind::Refusal,
            "answered 400: no",
        );
        check(400, r#"[{"error":{"code":400,"message":"key"}}]"#, status(400), "answered 400: key");
        check(422, r#"{"detail":"no"}"#, status(422), "answered 422: no");
        check(502, "<html>\n  Bad Gateway</html>", status(502), "answered 502: <html> Bad Gateway</html>");
        check(503, "", status(503), "answered 503");
        check(500, r#"{"odd":1}"#, status(500), r#"answered 500: {"odd":1}"#);
    }

    #[test]
    fn google_says_in_the_details_when_to_come_back() {
        let body =
            br#"{"error":{"code":429,"message":"slow","details":[{"@type":"x"},{"retryDelay":"2.5s"}]}}"#;
        assert_eq!(read(429, body).retry_after, Some(Duration::from_millis(2500)));
        let body = br#"{"error":{"details":[{"retryDelay":"99999999s"}]}}"#;
        assert_eq!(read(429, body).retry_after, Some(retry_after::LONGEST));
        let body = br#"{"error":{"details":[{"retryDelay":"-1s"}]}}"#;
        assert_eq!(read(429, body).retry_after, None);
    }

    #[test]
    fn a_long_complaint_is_cut() {
        let fault = read(500, "é".repeat(1000).as_bytes());
        assert!(fault.message.chars().count() < 450 && fault.message.ends_with('…'));
    }
}
