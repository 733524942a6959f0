//! Methods: seven of them, in any case.

use http::Method;
use turbocat_core::BadConfig;

use super::reader::Reader;

/// Every method there is.
pub(crate) const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

pub(crate) fn method(reader: &mut Reader<'_>) -> Method {
    let Some(text) = reader.text("method") else { return Method::GET };
    let upper = text.trim().to_ascii_uppercase();
    match upper.as_str() {
        "GET" => Method::GET,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        "HEAD" => Method::HEAD,
        "OPTIONS" => Method::OPTIONS,
        _ => {
            let bad = BadConfig::at(reader.at("method"), format!("invalid method `{text}`"));
            reader.report(bad.suggest(&upper, METHODS));
            Method::GET
        }
    }
}

/// Whether a request of that method carries a body.
pub(crate) fn takes_body(method: &Method) -> bool {
    *method != Method::GET && *method != Method::HEAD
}

/// Whether two requests may do more than one.
pub(crate) fn may_act_twice(method: &Method) -> bool {
    *method == Method::POST || *method == Method::PATCH
}
