//! Tokens in the text of a URL: percent-encoded, and kept to the segment of the path they stand in.

use super::error::{EvalError, Fault};
use super::reference::RootValue;
use super::token::Token;

/// Tokens that became parts of a URL, and where.
#[derive(Default)]
pub(super) struct Laid<'a>(Vec<(usize, usize, &'a Token)>);

impl<'a> Laid<'a> {
    /// Puts a token into the text, percent-encoded.
    pub(super) fn write(
        &mut self,
        token: &'a Token,
        roots: &[RootValue<'_>],
        text: &mut String,
    ) -> Result<(), EvalError> {
        let mut plain = String::new();
        token.write(roots, &mut plain)?;
        let start = text.len();
        percent_encode(&plain, text);
        self.0.push((start, text.len(), token));
        Ok(())
    }

    /// Judges the whole text: `.` and `..` survive every encoding, and whoever reads the URL
    /// takes them, also as `%2e`, for a way to another path.
    pub(super) fn judge(&self, text: &str) -> Result<(), EvalError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let path = &text[..text.find(['?', '#']).unwrap_or(text.len())];
        let mut start = 0;
        for segment in path.split(['/', '\\']) {
            let end = start + segment.len();
            let touched = self.0.iter().find(|(from, to, _)| start <= *from && *to <= end);
            if let Some((.., token)) = touched
                && let Some(dots) = dots(segment)
            {
                let message =
                    format!("a value makes `{dots}` of a part of the URL's path, which leads elsewhere");
                let fault =
                    Fault::new(message).help("check the value before the step, or send it in the query");
                return Err(fault.within(&token.raw));
            }
            start = end + 1;
        }
        Ok(())
    }
}

/// The way up or the way nowhere that a segment is, read as URLs are: white space around and line
/// ends inside are nothing.
fn dots(segment: &str) -> Option<&'static str> {
    let plain = segment.replace("%2e", ".").replace("%2E", ".");
    let plain: String = plain.chars().filter(|c| *c > ' ').collect();
    match &*plain {
        "." => Some("."),
        ".." => Some(".."),
        _ => None,
    }
}

/// Text as a part of a URL: all but letters, digits and `-._~` as `%` and two digits a byte.
fn percent_encode(plain: &str, text: &mut String) {
    for byte in plain.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(byte as char);
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
}
