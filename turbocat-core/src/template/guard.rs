//! What an expression may look like before it is parsed: bounds on its size and nesting, so that
//! no recursion of the parser or ours gets deep, and names with hyphens made one word.

use std::borrow::Cow;

use super::error::Fault;
use super::path::name_length;
use super::reference::Names;

const BYTES: usize = 16 * 1024;
const DEPTH: usize = 24;
const PREFIXES: usize = 32;
const OPERATORS: usize = 128;
const MEMBERS: usize = 512;

/// Refuses what is too long or nested too deeply.
pub(super) fn check(source: &str) -> Result<(), Fault> {
    if source.len() > BYTES {
        return Err(Fault::new(format!("the expression is longer than {BYTES} bytes")));
    }
    let (mut depth, mut prefixes, mut operators, mut members) = (0usize, 0usize, 0usize, 0usize);
    let mut words = Words { rest: source };
    while let Some(word) = words.next() {
        match word {
            "(" | "[" | "{" => {
                depth += 1;
                operators += 1;
            }
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            "not" | "else" => prefixes += 1,
            "-" => {
                prefixes += usize::from(words.rest.trim_start().starts_with('-'));
                operators += 1;
            }
            "." => members += 1,
            "and" | "or" | "if" | "is" | "in" => operators += 1,
            _ if word.starts_with(|c: char| c.is_ascii_punctuation()) && !matches!(word, "," | ":" | "=") => {
                operators += usize::from(!word.starts_with(['"', '\'', '_']));
            }
            _ => {}
        }
        if depth > DEPTH || prefixes > PREFIXES {
            return Err(Fault::new("the expression is nested too deeply").help("split it over several steps"));
        }
        if operators > OPERATORS || members > MEMBERS {
            return Err(Fault::new("the expression is too long").help("split it over several steps"));
        }
    }
    Ok(())
}

/// The expression with the hyphens of known names replaced by `_`, so that they are one word and
/// everything stays in its place.
pub(super) fn one_word<'s>(source: &'s str, names: &Names<'_>) -> Cow<'s, str> {
    let mut out: Option<String> = None;
    let mut words = Words { rest: source };
    let mut before = "";
    loop {
        words.rest = words.rest.trim_start();
        let at = source.len() - words.rest.len();
        let known = if matches!(before, "." | "|") { None } else { hyphenated(words.rest, names) };
        if let Some(name) = known {
            out.get_or_insert_with(|| source.to_owned())
                .replace_range(at..at + name.len(), &name.replace('-', "_"));
            words.rest = &words.rest[name.len()..];
            before = name;
            continue;
        }
        match words.next() {
            Some(word) => before = word,
            None => break,
        }
    }
    out.map_or(Cow::Borrowed(source), Cow::Owned)
}

/// The longest known name with a hyphen that the text starts with.
fn hyphenated<'s>(text: &'s str, names: &Names<'_>) -> Option<&'s str> {
    let mut name = &text[..name_length(text)];
    while name.contains('-') {
        if names(name).is_some() {
            return Some(name);
        }
        name = &name[..name.rfind('-')?];
    }
    None
}

/// Splits an expression into words, numbers, whole strings and single signs.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        self.rest = self.rest.trim_start();
        let first = self.rest.chars().next()?;
        let length = match first {
            '"' | '\'' => string_length(self.rest, first),
            c if c.is_ascii_alphanumeric() || c == '_' => {
                self.rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count()
            }
            c => c.len_utf8(),
        };
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(word)
    }
}

fn string_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + c.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}
