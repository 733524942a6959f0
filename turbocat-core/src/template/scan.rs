//! Finds tokens in text. Knows quotes and escapes, not what a token means.

use super::error::Fault;

/// A stretch of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Text that stands for itself, escapes resolved.
    Literal(String),
    /// A token: all of it as written, and what stands between the braces, trimmed.
    Token { raw: &'a str, body: &'a str },
}

/// Why a text cannot be split, and the part of it to mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken<'a> {
    pub(super) raw: &'a str,
    pub(super) fault: Fault,
}

/// Splits a text into literals and tokens. Literals are never empty and never stand side by side.
pub(super) fn scan(text: &str) -> Result<Vec<Piece<'_>>, Broken<'_>> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        if let Some(before) = rest[..at].strip_suffix('\\') {
            literal.push_str(before);
            literal.push_str("{{");
            rest = &rest[at + 2..];
            continue;
        }
        literal.push_str(&rest[..at]);
        let open = &rest[at..];
        let Some(end) = close(&open[2..]) else {
            let line = open.lines().next().unwrap_or(open);
            return Err(Broken {
                raw: line,
                fault: Fault::new("`{{` is never closed")
                    .help("close it with `}}`, or write `\\{{` for the text"),
            });
        };
        let (raw, after) = open.split_at(end + 4);
        let body = raw[2..raw.len() - 2].trim();
        if body.is_empty() {
            return Err(Broken {
                raw,
                fault: Fault::new("the token is empty").help("name a value, such as `{{ inputs.topic }}`"),
            });
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Token { raw, body });
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

/// Where the `}}` stands that ends a token, outside of quotes and of the braces of objects.
fn close(body: &str) -> Option<usize> {
    let bytes = body.as_bytes();
    let mut quote = None;
    let mut depth = 0usize;
    let mut at = 0;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), b) if b == open => quote = None,
            (Some(_), _) => {}
            (None, b @ (b'"' | b'\'')) => quote = Some(b),
            (None, b'{') => depth += 1,
            (None, b'}') if depth > 0 => depth -= 1,
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}
