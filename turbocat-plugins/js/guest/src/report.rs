//! What a call answers, as JSON: written here and not by the engine, where the code could have
//! changed what JSON is.

use std::fmt::Write as _;

use crate::capture::Capture;

/// Why there is no value.
#[derive(Default)]
pub(crate) struct Fault {
    /// `thrown`, `rejected`, `exit`, `pending`, `output` or `limit`.
    pub(crate) kind: &'static str,
    /// The name of what was thrown, such as `TypeError`; empty if it is no error.
    pub(crate) name: String,
    pub(crate) message: String,
    pub(crate) stack: String,
    /// What caused it, if it says so.
    pub(crate) cause: String,
    /// Whether what was thrown says that another attempt might, or could not, do better.
    pub(crate) retryable: Option<bool>,
}

impl Fault {
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), ..Self::default() }
    }
}

/// The report of a call.
pub(crate) fn report(
    outcome: Result<String, Fault>,
    exit_code: i32,
    capture: &Capture,
    memory: u64,
) -> String {
    let mut json = String::with_capacity(128);
    json.push('{');
    match outcome {
        // The value first, so that it is never copied.
        Ok(value) => {
            json.push_str("\"value\":");
            json.push_str(&value);
        }
        Err(fault) => {
            json.push_str("\"fault\":{\"kind\":");
            quote(&mut json, fault.kind);
            for (name, text) in [
                ("name", &fault.name),
                ("message", &fault.message),
                ("stack", &fault.stack),
                ("cause", &fault.cause),
            ] {
                let _ = write!(json, ",\"{name}\":");
                quote(&mut json, text);
            }
            if let Some(retryable) = fault.retryable {
                let _ = write!(json, ",\"retryable\":{retryable}");
            }
            json.push('}');
        }
    }
    json.push_str(",\"stdout\":");
    quote(&mut json, &capture.stdout.text());
    json.push_str(",\"stderr\":");
    quote(&mut json, &capture.stderr.text());
    let _ = write!(json, ",\"exitCode\":{exit_code},\"memory\":{memory}}}");
    json
}

fn quote(json: &mut String, text: &str) {
    json.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        json.push_str(&text[plain..at]);
        if escape.is_empty() {
            let _ = write!(json, "\\u{byte:04x}");
        } else {
            json.push_str(escape);
        }
        plain = at + 1;
    }
    json.push_str(&text[plain..]);
    json.push('"');
}

/// Whether a JSON text of QuickJS holds half of a surrogate pair, which no other program reads.
pub(crate) fn has_lone_surrogate(json: &str) -> bool {
    // `JSON.stringify` writes `\ud…` for these alone; `\\ud…` is an escaped backslash.
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let escape = &rest[at + 1..];
        if escape.starts_with("ud") {
            return true;
        }
        rest = escape.get(1..).unwrap_or_default();
    }
    false
}
