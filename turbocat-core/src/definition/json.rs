//! JSON text to a tree with places.
//!
//! serde_json decides whether the text is JSON and words what is wrong with it; the scan below
//! only finds out where things stand in a text that is known to be right.

use serde_json::Value;

use crate::diagnostic::{Code, Diagnostic, Place, Pointer};

use super::limits::Limits;
use super::tree::{Entry, Node, Shape, Tree, duplicate_key, too_deep, too_many_values, within};

/// Reads JSON.
pub(crate) fn read(text: &str, limits: &Limits) -> Result<Tree, Box<Diagnostic>> {
    // a byte order mark is no JSON, but editors leave it there
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str::<Value>(body).map_err(|error| Box::new(syntax(body, &error)))?;
    let mut scan = Scan { text: body, at: 0, line: 1, column: 1, values: 0, limits, diagnostics: Vec::new() };
    let root = scan.node(0)?;
    Ok(Tree { root, diagnostics: scan.diagnostics })
}

fn syntax(text: &str, error: &serde_json::Error) -> Diagnostic {
    let line = u32::try_from(error.line()).unwrap_or(u32::MAX).max(1);
    // serde_json counts bytes
    let source = text.lines().nth(line as usize - 1).unwrap_or("");
    let bytes = error.column().saturating_sub(1).min(source.len());
    let column = source.char_indices().take_while(|(at, _)| *at < bytes).count();
    let place = Place { line, column: u32::try_from(column).unwrap_or(u32::MAX - 1) + 1, length: 1 };
    let place = within(text, place);
    let shown = error.to_string();
    if shown.starts_with("recursion limit exceeded") {
        return too_deep(Some(place));
    }
    let what = shown.split(" at line ").next().unwrap_or("unknown mistake");
    let help = if what.starts_with("trailing comma") {
        "remove the comma before the closing bracket"
    } else if source.get(bytes..).is_some_and(|rest| rest.starts_with(['/', '#'])) {
        "JSON has no comments; remove it, or write YAML"
    } else if what.starts_with("key must be a string") {
        "write keys in double quotes"
    } else if what.starts_with("EOF") {
        "the text ends too early: a bracket or a quote is not closed"
    } else if what.starts_with("trailing characters") {
        "a definition is one JSON object; remove what follows it"
    } else {
        "JSON wants double quotes, commas between entries and no comments; YAML is accepted too"
    };
    let what = what.replace("EOF while", "end of text while");
    Diagnostic::error(Code::SYNTAX, Pointer::root(), format!("not JSON: {what}")).at(Some(place)).help(help)
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    column: u32,
    values: usize,
    limits: &'t Limits,
    diagnostics: Vec<Diagnostic>,
}

impl<'t> Scan<'t> {
    fn node(&mut self, depth: usize) -> Result<Node, Box<Diagnostic>> {
        self.space();
        self.values += 1;
        let here = self.place(1);
        if depth > Limits::MAX_TEXT_DEPTH {
            return Err(Box::new(too_deep(Some(here))));
        }
        if self.values > self.limits.max_values {
            return Err(Box::new(too_many_values(self.limits.max_values, here)));
        }
        match self.peek() {
            b'{' => self.mapping(depth, here),
            b'[' => self.list(depth, here),
            _ => {
                let (raw, place) = self.scalar();
                let shape = match serde_json::from_str(raw) {
                    Ok(Value::Bool(bool)) => Shape::Bool(bool),
                    Ok(Value::Number(number)) => Shape::Number(number),
                    Ok(Value::String(text)) => Shape::Text(text),
                    _ => Shape::Null,
                };
                Ok(Node { shape, place: Some(place) })
            }
        }
    }

    fn mapping(&mut self, depth: usize, here: Place) -> Result<Node, Box<Diagnostic>> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        self.advance(1);
        loop {
            self.space();
            if self.peek() == b'}' {
                self.advance(1);
                return Ok(Node { shape: Shape::Mapping(entries), place: Some(here) });
            }
            let (raw, place) = self.scalar();
            let key: String = serde_json::from_str(raw).unwrap_or_default();
            self.space();
            self.advance(1); // the colon
            let value = self.node(depth + 1)?;
            if seen.insert(key.clone()) {
                entries.push(Entry::new(key, Some(place), value));
            } else if self.diagnostics.len() < self.limits.max_diagnostics {
                self.diagnostics.push(duplicate_key(&key, Some(place)));
            }
            self.separator();
        }
    }

    fn list(&mut self, depth: usize, here: Place) -> Result<Node, Box<Diagnostic>> {
        let mut items = Vec::new();
        self.advance(1);
        loop {
            self.space();
            if self.peek() == b']' {
                self.advance(1);
                return Ok(Node { shape: Shape::List(items), place: Some(here) });
            }
            items.push(self.node(depth + 1)?);
            self.separator();
        }
    }

    fn separator(&mut self) {
        self.space();
        if self.peek() == b',' {
            self.advance(1);
        }
    }

    /// A string with its quotes, a number or a word.
    fn scalar(&mut self) -> (&'t str, Place) {
        let rest = &self.text[self.at..];
        let bytes = rest.as_bytes();
        let mut end = 1;
        if bytes.first() == Some(&b'"') {
            while end < bytes.len() && bytes[end] != b'"' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            end += 1;
        } else {
            while end < bytes.len()
                && !matches!(bytes[end], b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t')
            {
                end += 1;
            }
        }
        let raw = &rest[..end.min(rest.len())];
        let start = self.place(1);
        self.advance(raw.len());
        let length = self.column - start.column;
        (raw, Place { length, ..start })
    }

    fn space(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        let blank = rest.iter().take_while(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t')).count();
        self.advance(blank);
    }

    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(b'}')
    }

    fn advance(&mut self, bytes: usize) {
        for char in self.text[self.at..self.at + bytes].chars() {
            if char == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.at += bytes;
    }

    const fn place(&self, length: u32) -> Place {
        Place { line: self.line, column: self.column, length }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_read_with_the_place_of_every_value() {
        let text = "{\n  \"é\": [1, \"a\\\"b\", {\"x\": null}],\n  \"y\": -1.5e3 , \"z\":true}";
        let tree = read(text, &Limits::default()).unwrap();
        assert_eq!(tree.root.to_value(), json!({ "é": [1, "a\"b", { "x": null }], "y": -1500.0, "z": true }));
        let place = |line, column, length| Some(Place { line, column, length });
        let Shape::List(items) = &tree.root.get("é").unwrap().shape else { panic!() };
        assert_eq!(tree.root.get("é").unwrap().place, place(2, 3, 3));
        assert_eq!(items[1].place, place(2, 12, 6));
        assert_eq!(items[2].get("x").unwrap().place, place(2, 21, 3));
        assert_eq!(tree.root.get("y").unwrap().place, place(3, 8, 6));
        assert_eq!(tree.root.get("z").unwrap().place, place(3, 21, 4));
    }

    #[test]
    fn hostile_json_is_refused() {
        let check = |text: &str, expected: &str| {
            let diagnostic = read(text, &Limits::default()).unwrap_err();
            assert_eq!(format!("{}: {}", diagnostic.code, diagnostic.message), expected);
        };
        check(&"[".repeat(5_000), "D007: the definition is nested deeper than 120 levels");
        check(
            &format!("{}{}", "[".repeat(125), "]".repeat(125)),
            "D007: the definition is nested deeper than 120 levels",
        );
        check("{'a': 1}", "D001: not JSON: key must be a string");
        check("a: 1", "D001: not JSON: expected value");
    }
}
