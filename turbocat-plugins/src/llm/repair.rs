//! JSON out of what a model wrote: fences, prose around it, trailing commas, single quotes,
//! comments, an end that is missing. What is JSON already stays as it is.

use serde_json::Value;

/// How deep values may be nested: as deep as `serde_json` reads them.
const DEEPEST: usize = 120;

/// JSON that was found in a text.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Repaired {
    /// What it says.
    pub value: Value,
    /// Whether the text had to be mended; what is JSON but for white space around had not.
    pub repaired: bool,
    /// Whether the text ended before it did: of a text that was cut off nobody knows what else it
    /// would have said.
    pub open: bool,
}

/// All the JSON in a text that may be meant, in its order.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    /// What stands in fences, or is all there is.
    pub(crate) fenced: Vec<Repaired>,
    /// What stands anywhere.
    pub(crate) anywhere: Vec<Repaired>,
}

impl Candidates {
    /// The one that is meant if nothing else tells: of what stands in fences, else of all, the last
    /// object, else the last list. Models think first and answer then.
    pub(crate) fn preferred(self) -> Option<Repaired> {
        let mut all = if self.fenced.is_empty() { self.anywhere } else { self.fenced };
        match all.iter().rposition(|found| found.value.is_object()) {
            Some(place) => Some(all.swap_remove(place)),
            None => all.pop(),
        }
    }

    /// Whether the text ended before the last of them did.
    pub(crate) fn is_open(&self) -> bool {
        [&self.fenced, &self.anywhere].into_iter().any(|level| level.last().is_some_and(|found| found.open))
    }
}

/// Finds the JSON in a text, and mends it where it has to: the last, if there are several. `None`
/// if there is nothing that could be meant as a list or an object: a word is no broken JSON.
pub fn repair(text: &str) -> Option<Repaired> {
    candidates(text).preferred()
}

/// Finds all the JSON in a text that may be meant, and mends it where it has to.
pub(crate) fn candidates(text: &str) -> Candidates {
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        // More digits may have been to come; everything else says where it ends.
        let open = value.is_number() && !text.ends_with(char::is_whitespace);
        return Candidates {
            fenced: vec![Repaired { value, repaired: false, open }],
            ..Candidates::default()
        };
    }
    let mut found = Candidates { anywhere: mended(text), ..Candidates::default() };
    for inside in fences(text) {
        match serde_json::from_str(inside.trim()) {
            Ok(value @ (Value::Array(_) | Value::Object(_))) => {
                found.fenced.push(Repaired { value, repaired: true, open: false });
            }
            _ => found.fenced.append(&mut mended(inside)),
        }
    }
    found
}

/// What stands between each fence and the next, or the end. Fences stand at the beginning of a
/// line; what stands inside of one, or of a text, is none.
fn fences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut inside = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let (start, end) = (at, at + line.len());
        at = end;
        let Some(rest) = line.trim_start().strip_prefix("```") else { continue };
        match inside.take() {
            Some(begin) => found.push(&text[begin..start]),
            // What begins in the line of the fence is no name of a language, and may end there.
            None if rest.contains(['{', '[']) => match rest.rfind("```") {
                Some(closes) => found.push(&rest[..closes]),
                None => inside = Some(end - rest.len()),
            },
            None => inside = Some(end),
        }
    }
    found.extend(inside.map(|begin| &text[begin..]));
    found
}

/// The lists and objects in a text, mended.
fn mended(text: &str) -> Vec<Repaired> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut tries = 0;
    while let Some(start) = text[from..].find(['{', '[']).map(|at| from + at) {
        // Prose with a thousand brackets is prose.
        tries += 1;
        if tries > 64 {
            break;
        }
        let mut reader = Reader { text: &text[start..], at: 0, doubts: 0, open: false };
        let value = reader.value(0);
        let length = reader.at.max(1);
        if let Some(value) = value.filter(|_| reader.doubts == 0) {
            found.push(Repaired { value, repaired: true, open: reader.open });
        }
        // On with what follows it; brackets inside are its own.
        from = start + if reader.doubts == 0 { length } else { 1 };
        while !text.is_char_boundary(from) {
            from += 1;
        }
    }
    found
}

/// Reads JSON and what looks like it.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// How often it met something that no model means as JSON.
    doubts: usize,
    /// Whether the text ended before a list or an object did.
    open: bool,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.at += wanted.len_utf8();
        }
        there
    }

    /// White space and comments.
    fn space(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if let Some(comment) = trimmed.strip_prefix("/*") {
                self.at += comment.find("*/").map_or(trimmed.len(), |end| end + 4);
            } else {
                return;
            }
        }
    }

    /// A value; `None` if there is none here, or the text ends.
    fn value(&mut self, depth: usize) -> Option<Value> {
        self.space();
        if depth > DEEPEST {
            self.doubts += 1;
            return None;
        }
        match self.peek()? {
            '{' => Some(self.object(depth)),
            '[' => Some(self.list(depth)),
            quote @ ('"' | '\'' | '“' | '”') => Some(Value::String(self.quoted(quote))),
            _ => self.word(),
        }
    }

    fn list(&mut self, depth: usize) -> Value {
        self.skip('[');
        let mut list = Vec::new();
        loop {
            self.space();
            if self.ends() || self.skip(']') {
                return Value::Array(list);
            }
            if self.skip(',') {
                continue;
            }
            match self.value(depth + 1) {
                Some(value) => list.push(value),
                None => return self.doubtful(Value::Array(list)),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Value {
        self.skip('{');
        let mut map = serde_json::Map::new();
        loop {
            self.space();
            if self.ends() || self.skip('}') {
                return Value::Object(map);
            }
            if self.skip(',') {
                continue;
            }
            let key = match self.peek() {
                Some(quote @ ('"' | '\'' | '“' | '”')) => self.quoted(quote),
                _ => self.bare_key(),
            };
            self.space();
            if !self.skip(':') {
                // A key alone at the end of the text was going to have a value.
                return self.doubtful(Value::Object(map));
            }
            match self.value(depth + 1) {
                Some(value) => drop(map.insert(key, value)),
                None => return self.doubtful(Value::Object(map)),
            }
        }
    }

    /// What is not there is in doubt, unless the text ends: then it was going to be there.
    fn doubtful(&mut self, value: Value) -> Value {
        self.space();
        self.doubts += usize::from(!self.ends());
        value
    }

    /// Whether the text ends here, where something is open.
    fn ends(&mut self) -> bool {
        let ends = self.peek().is_none();
        self.open |= ends;
        ends
    }

    /// A key without quotes.
    fn bare_key(&mut self) -> String {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || "_$-".contains(c))).unwrap_or(rest.len());
        self.doubts += usize::from(end == 0);
        self.at += end;
        rest[..end].to_owned()
    }

    /// A text in quotes: with the escapes of JSON, line ends that should have been escaped, and
    /// quotes inside that should have been.
    fn quoted(&mut self, quote: char) -> String {
        self.skip(quote);
        let close = if quote == '“' { '”' } else { quote };
        let mut text = String::new();
        while let Some(c) = self.peek() {
            self.at += c.len_utf8();
            match c {
                '\\' => self.escape(&mut text),
                c if c == close && self.closes() => return text,
                c => text.push(c),
            }
        }
        text
    }

    /// Whether the quote that was just read ends its text: something of JSON follows, or nothing.
    fn closes(&self) -> bool {
        self.rest().trim_start().chars().next().is_none_or(|c| ",:]}".contains(c))
            || self.rest().trim_start().starts_with("//")
    }

    fn escape(&mut self, text: &mut String) {
        let Some(c) = self.peek() else { return };
        self.at += c.len_utf8();
        match c {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'u' => self.code(text),
            c => text.push(c),
        }
    }

    /// The character of `\uXXXX`, of two of them together if need be.
    fn code(&mut self, text: &mut String) {
        let Some(first) = self.hex() else { return text.push('\u{fffd}') };
        let mark = self.at;
        if (0xd800..0xdc00).contains(&first)
            && self.skip('\\')
            && self.skip('u')
            && let Some(second) = self.hex().filter(|second| (0xdc00..0xe000).contains(second))
        {
            let both = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            return text.push(char::from_u32(both).unwrap_or('\u{fffd}'));
        }
        self.at = mark;
        text.push(char::from_u32(first).unwrap_or('\u{fffd}'));
    }

    fn hex(&mut self) -> Option<u32> {
        let digits =
            self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let code = u32::from_str_radix(digits, 16).ok()?;
        self.at += 4;
        Some(code)
    }

    /// A number, or a word of JSON, Python or JavaScript.
    fn word(&mut self) -> Option<Value> {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || ",:]}[{\"'".contains(c)).unwrap_or(rest.len());
        let word = &rest[..end];
        let cut = end == rest.len();
        let value = match word {
            "true" | "True" | "TRUE" => Some(Value::Bool(true)),
            "false" | "False" | "FALSE" => Some(Value::Bool(false)),
            "null" | "None" | "NULL" | "undefined" | "NaN" => Some(Value::Null),
            word => number(word, cut),
        };
        if value.is_some() || (cut && is_beginning(word)) {
            self.at += end;
        }
        value
    }
}

/// Whether a text that ends here was going to have a word of JSON.
fn is_beginning(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
        || ["true", "false", "null"].iter().any(|whole| whole.starts_with(word))
}

/// A number; at the end of the text one that was cut off too.
fn number(word: &str, cut: bool) -> Option<Value> {
    let plain = word.strip_prefix('+').unwrap_or(word);
    let read = |text: &str| serde_json::from_str::<serde_json::Number>(text).ok().map(Value::Number);
    if let Some(number) = read(plain) {
        return Some(number);
    }
    // 1,000 would be two values; 1_000 and .5 are what some languages write.
    let tidy = plain.replace('_', "");
    let tidy = match tidy.strip_prefix('.') {
        Some(fraction) if tidy != plain || fraction.starts_with(|c: char| c.is_ascii_digit()) => {
            format!("0.{fraction}")
        }
        _ => tidy,
    };
    read(&tidy).or_else(|| if cut { read(tidy.trim_end_matches(['.', 'e', 'E', '-', '+'])) } else { None })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_models_write_is_mended() {
        let check = |text: &str, expected: Value| {
            let found = repair(text).unwrap_or_else(|| panic!("nothing found in {text}"));
            assert_eq!((&found.value, found.repaired), (&expected, true), "{text}");
        };
        let a = || json!({ "a": 1 });
        // fences and prose
        check("```json\n{\"a\": 1}\n```", a());
        check("```\n{\"a\": 1}", a());
        check("``` {\"a\": 1}```", a());
        check("Sure! Here it is:\n\n```json\n{\"a\": 1}\n```\nAnything else?", a());
        check("Here it is: {\"a\": 1}. Good luck!", a());
        check("The set {} of [things]: {\"a\": 1}", a());
        check("{\"b\": \"an example\"} or rather {\"a\": 1}, see [1]", a());
        check("```\n{\"b\": 2}\n```\nor\n```json\n{\"a\": 1}\n```\nbut not {\"c\": 3}", a());
        check("first [1], then [2]", json!([2]));
        check("```json\n{\"a\": \"x ``` y\"}\n```", json!({ "a": "x ``` y" }));
        // commas, quotes, words, comments
        check("{\"a\": 1,}", a());
        check("[1, 2, ]", json!([1, 2]));
        check("{'a': 1}", a());
        check("{a: 1}", a());
        check("{“a”: 1}", a());
        check("{\"a\": 1 // one\n}", a());
        check("{/* one */ \"a\": 1}", a());
        check("{'it': 'it\\'s'}", json!({ "it": "it's" }));
        check("{\"a\": True, \"b\": None, \"c\": .5}", json!({ "a": true, "b": null, "c": 0.5 }));
        check("{\"a\": \"line\nline\"}", json!({ "a": "line\nline" }));
        check("{\"a\": \"say \"hi\" now\"}", json!({ "a": "say \"hi\" now" }));
        check("{\"a\": \"\\u00e9\\ud83d\\ude00\",}", json!({ "a": "é😀" }));
        // an end that is missing
        check("{\"a\": 1", a());
        check("{\"a\": [1, 2", json!({ "a": [1, 2] }));
        check("{\"a\": \"hal", json!({ "a": "hal" }));
        check("{\"a\": 1, \"b", a());
        check("{\"a\": 1, \"b\":", a());
        check("{\"a\": 1, \"b\": 2.", json!({ "a": 1, "b": 2 }));
        check("{\"a\": 1, \"b\": tr", a());
    }

    #[test]
    fn what_is_no_json_stays_none() {
        let check = |text: &str| assert_eq!(repair(text), None, "{text}");
        check("");
        check("I cannot answer that.");
        check("no {json here: at all ?!} in this");
        check("forty-two");
    }

    #[test]
    fn brackets_without_end_end() {
        for text in ["[".repeat(100_000), "{\"a\":".repeat(100_000), "[{".repeat(5000), "\"'".repeat(5000)] {
            let _ = repair(&text);
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((".*", inner), 0..6)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_json_already_stays_as_it_is(value in any_json(), pretty in any::<bool>()) {
            let text = if pretty { format!("{value:#}\n") } else { value.to_string() };
            // of a number nobody knows whether it is whole, unless something follows
            let open = value.is_number() && !pretty;
            prop_assert_eq!(repair(&text), Some(Repaired { value, repaired: false, open }));
        }

        #[test]
        fn json_is_found_in_a_fence(value in any_json()) {
            prop_assume!(value.is_array() || value.is_object());
            let text = format!("Here:\n```json\n{value:#}\n```\nDone.");
            prop_assert_eq!(repair(&text), Some(Repaired { value, repaired: true, open: false }));
        }

        #[test]
        fn a_beginning_of_json_gives_a_beginning_of_its_list(list in prop::collection::vec(any_json(), 0..6), cut in any::<prop::sample::Index>()) {
            let text = serde_json::to_string(&list).unwrap();
            let mut cut = cut.index(text.len()).max(1);
            while !text.is_char_boundary(cut) {
                cut += 1;
            }
            let found = repair(&text[..cut]).map(|found| found.value);
            let Some(Value::Array(found)) = found else { panic!("{found:?} of {text}") };
            prop_assert!(found.len() <= list.len());
            let whole = found.len().saturating_sub(1);
            prop_assert_eq!(&found[..whole], &list[..whole]);
        }

        #[test]
        fn any_text_gives_json_or_nothing(text in ".*", junk in "[\\[\\]{}\"',:\\\\ua0-9.e/* \n`-]*") {
            for text in [text, junk] {
                let _ = repair(&text);
            }
        }
    }
}
