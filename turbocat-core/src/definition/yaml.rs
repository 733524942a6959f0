//! YAML text to a tree with places.
//!
//! Built from serde-saphyr's parser events rather than through serde: so every duplicate key is
//! found and not only the first, aliases are counted before they are copied, and depth costs no
//! stack.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::Number;
use serde_saphyr::granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, Tag};

use crate::diagnostic::{Code, Diagnostic, Place, Pointer};

use super::limits::Limits;
use super::tree::{Entry, Node, Shape, Tree, duplicate_key, too_deep, too_many_values, within};

/// Reads YAML.
pub(crate) fn read(text: &str, limits: &Limits) -> Result<Tree, Box<Diagnostic>> {
    let mut options = Options::default();
    options.emit_comments = false;
    options.emit_unresolved_aliases = true;
    // one more than is allowed, so that the tree says it in its own words
    options.flow_nesting_limit = Limits::MAX_TEXT_DEPTH + 2;
    options.block_nesting_limit = Limits::MAX_TEXT_DEPTH + 2;
    let mut grower = Grower::new(text, limits);
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| Box::new(syntax(text, &error)))?;
        grower.take(event, span)?;
    }
    let root = grower.root.unwrap_or(Node { shape: Shape::Null, place: None });
    Ok(Tree { root, diagnostics: grower.diagnostics })
}

/// The text with every carriage return that ends a line by itself as a line feed: YAML counts it as
/// a line, nothing else here does.
pub(crate) fn with_line_feeds(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let alone = |(at, _): &(usize, &str)| bytes.get(at + 1) != Some(&b'\n');
    let mut alone = text.match_indices('\r').filter(alone).peekable();
    if alone.peek().is_none() {
        return Cow::Borrowed(text);
    }
    let mut fed = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in alone {
        fed.push_str(&text[from..at]);
        fed.push('\n');
        from = at + 1;
    }
    fed.push_str(&text[from..]);
    Cow::Owned(fed)
}

/// A mapping or list whose end has not come yet.
struct Open {
    node: Node,
    /// The key that waits for its value.
    key: Option<Key>,
    seen: HashSet<String>,
    merges: Vec<Node>,
    anchor: usize,
    /// How many values there were before it.
    values_before: usize,
}

struct Key {
    text: String,
    place: Place,
    /// Whether it is a bare `<<`, which lays other mappings under this one.
    merge: bool,
}

struct Anchored {
    node: Node,
    values: usize,
    depth: usize,
}

struct Grower<'t> {
    text: &'t str,
    limits: &'t Limits,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    values: usize,
    documents: usize,
    root: Option<Node>,
    diagnostics: Vec<Diagnostic>,
}

impl<'t> Grower<'t> {
    fn new(text: &'t str, limits: &'t Limits) -> Self {
        Self {
            text,
            limits,
            open: Vec::new(),
            anchors: HashMap::new(),
            values: 0,
            documents: 0,
            root: None,
            diagnostics: Vec::new(),
        }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Box<Diagnostic>> {
        let place = place(span);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(mistake("a second document begins here", place)
                        .help("a definition is one document; remove the `---` or make two files")
                        .into());
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                if self.wants_key() {
                    let merge = style == ScalarStyle::Plain && text == "<<";
                    self.key(Key { text: text.into_owned(), place, merge });
                } else {
                    let shape = self.scalar(text, style, tag.as_deref(), place);
                    let node = Node { shape, place: Some(place) };
                    self.count(1, place)?;
                    self.anchor(anchor, &node, 1);
                    self.put(node);
                }
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.container(Shape::List(Vec::new()), anchor, tag.as_deref(), place)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.container(Shape::Mapping(Vec::new()), anchor, tag.as_deref(), place)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(id) => self.alias(id, place)?,
            Event::UnresolvedAlias(name) => {
                return Err(mistake(format!("the alias `*{name}` has no anchor"), place)
                    .help(format!("define it above with `&{name}`, or put the text in quotes"))
                    .into());
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether what comes next is a key.
    fn wants_key(&self) -> bool {
        self.open
            .last()
            .is_some_and(|open| matches!(open.node.shape, Shape::Mapping(_)) && open.key.is_none())
    }

    fn key(&mut self, key: Key) {
        if let Some(open) = self.open.last_mut() {
            open.key = Some(key);
        }
    }

    fn count(&mut self, values: usize, place: Place) -> Result<(), Box<Diagnostic>> {
        self.values = self.values.saturating_add(values);
        if self.values > self.limits.max_values {
            return Err(too_many_values(self.limits.max_values, place).into());
        }
        Ok(())
    }

    fn container(
        &mut self,
        shape: Shape,
        anchor: usize,
        tag: Option<&Tag>,
        place: Place,
    ) -> Result<(), Box<Diagnostic>> {
        if self.wants_key() {
            return Err(match self.bare_template(place) {
                Some(place) => mistake("a template needs quotes", place).help(QUOTE).into(),
                None => {
                    mistake("a mapping or list cannot be a key", place).help("put the key in quotes").into()
                }
            });
        }
        if self.open.len() >= Limits::MAX_TEXT_DEPTH {
            return Err(too_deep(Some(place)).into());
        }
        self.custom_tag(tag, place);
        let values_before = self.values;
        self.count(1, place)?;
        let place = Place { length: 1, ..place };
        self.open.push(Open {
            node: Node { shape, place: Some(place) },
            key: None,
            seen: HashSet::new(),
            merges: Vec::new(),
            anchor,
            values_before,
        });
        Ok(())
    }

    fn close(&mut self) {
        let Some(mut open) = self.open.pop() else { return };
        if let Shape::Mapping(entries) = &mut open.node.shape {
            for merged in open.merges {
                merge(entries, &mut open.seen, merged);
            }
            // a mapping in a list has no key of its own: mark its first one
            let begins = |place: &Place| (place.line, place.column);
            let start = open.node.place.as_ref().map(begins);
            if let Some(first) = entries.first().filter(|first| first.place.as_ref().map(begins) == start) {
                open.node.place = first.place;
            }
        }
        let values = self.values - open.values_before;
        self.anchor(open.anchor, &open.node, values);
        self.put(open.node);
    }

    fn alias(&mut self, id: usize, place: Place) -> Result<(), Box<Diagnostic>> {
        if self.wants_key() {
            return Err(mistake("an alias cannot be a key", place).help("write the key out").into());
        }
        let Some(anchored) = self.anchors.get(&id) else {
            return Err(mistake("the alias stands inside what it refers to", place)
                .help("write the value out, or move the anchor")
                .into());
        };
        if self.open.len() + anchored.depth > Limits::MAX_TEXT_DEPTH {
            return Err(too_deep(Some(place)).into());
        }
        let values = anchored.values;
        self.count(values, place)?;
        let Some(anchored) = self.anchors.get(&id) else { return Ok(()) };
        let mut node = anchored.node.clone();
        node.place = Some(place);
        self.put(node);
        Ok(())
    }

    fn anchor(&mut self, id: usize, node: &Node, values: usize) {
        if id != 0 {
            // the copy is memory too
            self.values = self.values.saturating_add(values);
            self.anchors.insert(id, Anchored { node: node.clone(), values, depth: node.depth() });
        }
    }

    /// Puts a finished value where it belongs.
    fn put(&mut self, node: Node) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut open.node.shape {
            Shape::List(items) => items.push(node),
            Shape::Mapping(entries) => {
                let Some(key) = open.key.take() else { return };
                if key.merge && node.is_container() {
                    open.merges.push(node);
                } else if open.seen.insert(key.text.clone()) {
                    entries.push(Entry::new(key.text, Some(key.place), node));
                } else if self.diagnostics.len() < self.limits.max_diagnostics {
                    self.diagnostics.push(duplicate_key(&key.text, Some(key.place)));
                }
            }
            _ => {}
        }
    }

    fn scalar(&mut self, text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Shape {
        match tag {
            Some(tag) if tag.is_yaml_core_schema_tag("str") => Shape::Text(text.into_owned()),
            Some(tag) if is_core(tag) => plain(text),
            Some(_) => {
                self.custom_tag(tag, place);
                Shape::Text(text.into_owned())
            }
            None if style == ScalarStyle::Plain => plain(text),
            None => Shape::Text(text.into_owned()),
        }
    }

    fn custom_tag(&mut self, tag: Option<&Tag>, place: Place) {
        let Some(tag) = tag.filter(|tag| !is_core(tag)) else { return };
        let diagnostic = mistake(format!("the tag `{tag}` has no meaning here"), place);
        if self.diagnostics.len() < self.limits.max_diagnostics {
            self.diagnostics.push(diagnostic.help("remove it, or put the text in quotes"));
        }
    }

    /// The place of a template whose second brace stands here.
    fn bare_template(&self, brace: Place) -> Option<Place> {
        let start = (brace.column as usize).checked_sub(2)?;
        let line = self.text.lines().nth(brace.line as usize - 1)?;
        let (at, _) = line.char_indices().nth(start)?;
        let template = line[at..].strip_prefix("{{")?;
        let length = template.find("}}").map_or(2, |end| 4 + template[..end].chars().count());
        Some(Place { column: brace.column - 1, length: u32::try_from(length).ok()?, ..brace })
    }
}

const QUOTE: &str =
    "YAML takes bare braces for a mapping; write \"{{ … }}\", with any text around it inside the quotes";

fn is_core(tag: &Tag) -> bool {
    ["str", "int", "float", "bool", "null", "map", "seq"].iter().any(|name| tag.is_yaml_core_schema_tag(name))
}

/// Lays a merged mapping (`<<`), or a list of them, under what is there.
fn merge(entries: &mut Vec<Entry>, seen: &mut HashSet<String>, merged: Node) {
    match merged.shape {
        Shape::Mapping(others) => {
            entries.extend(others.into_iter().filter(|other| seen.insert(other.key.clone())));
        }
        Shape::List(items) => items.into_iter().for_each(|item| merge(entries, seen, item)),
        _ => {}
    }
}

/// What an unquoted word means: the core schema of YAML 1.2, where `yes` and `on` are text.
fn plain(text: Cow<'_, str>) -> Shape {
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => return Shape::Null,
        "true" | "True" | "TRUE" => return Shape::Bool(true),
        "false" | "False" | "FALSE" => return Shape::Bool(false),
        _ => {}
    }
    match number(&text) {
        Some(number) => Shape::Number(number),
        None => Shape::Text(text.into_owned()),
    }
}

fn number(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return u64::from_str_radix(digits, radix).ok().map(Number::from);
        }
    }
    let is_number = unsigned.bytes().any(|b| b.is_ascii_digit())
        && unsigned.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if !is_number {
        return None;
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Ok(number) = text.parse::<i64>() {
        return Some(number.into());
    }
    if let Ok(number) = text.parse::<u64>() {
        return Some(number.into());
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}

fn place(span: Span) -> Place {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place {
        line: number(span.start.line()).max(1),
        column: number(span.start.col()).saturating_add(1),
        length: number(span.len()).max(1),
    }
}

fn mistake(message: impl Into<String>, place: Place) -> Diagnostic {
    Diagnostic::error(Code::SYNTAX, Pointer::root(), message).at(Some(place))
}

fn syntax(text: &str, error: &ScanError) -> Diagnostic {
    let place = within(text, place(Span::empty(*error.marker())));
    let what = error.info();
    if what.contains("nesting") || what.contains("recursion") {
        return too_deep(Some(place));
    }
    let line = text.lines().nth(place.line as usize - 1).unwrap_or("");
    let diagnostic = mistake(format!("not YAML: {what}"), place);
    let value = line.trim_start().trim_start_matches("- ");
    let value = value.split_once(": ").map_or(value, |(_, value)| value.trim_start());
    if value.starts_with("{{") {
        diagnostic.help(QUOTE)
    } else if line.starts_with('\t') || line.trim_start_matches(' ').starts_with('\t') {
        diagnostic.help("indent with spaces; YAML does not allow tabs there")
    } else if value.contains(": ") && !value.starts_with(['"', '\'', '{', '[', '|', '>']) {
        diagnostic.help("text with `: ` in it needs quotes")
    } else if value.starts_with(['@', '`', '%', '*', '&', '!']) {
        diagnostic.help("text that begins with a special character needs quotes")
    } else {
        diagnostic.help("check the indentation, quotes and brackets of this line and the one above")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn yaml_is_read_as_version_1_2_and_every_value_has_its_place() {
        let check = |text: &str, expected: serde_json::Value| {
            let tree = read(text, &Limits::default()).unwrap();
            assert_eq!(tree.root.to_value(), expected, "{text}");
            assert_eq!(tree.diagnostics, [], "{text}");
        };
        check("", json!(null));
        check("a: 1\nb: [x, -2, 1.5, true, ~]\n", json!({ "a": 1, "b": ["x", -2, 1.5, true, null] }));
        check("on: off\nyes: 0x10\n", json!({ "on": "off", "yes": 16 }));
        check(
            "a: 1.2.3\nb: 30s\nc: .\nd: 1e3\ne: '1'\nf: +1\n",
            json!({ "a": "1.2.3", "b": "30s", "c": ".", "d": 1000.0, "e": "1", "f": 1 }),
        );
        check(
            "a: &x { p: 1 }\nb: *x\nc: { <<: *x, q: 2 }\nd: { <<: *x, p: 3 }",
            json!({
            "a": { "p": 1 }, "b": { "p": 1 }, "c": { "q": 2, "p": 1 }, "d": { "p": 3 } }),
        );
        check(
            "a: |\n  one\n  two\nb: >-\n  three\n  four\n",
            json!({ "a": "one\ntwo\n", "b": "three four" }),
        );
        check("18446744073709551615: 18446744073709551615", json!({ "18446744073709551615": u64::MAX }));

        let tree = read("a:\n  - b: 'xyz'\n    c: \"é\"\n", &Limits::default()).unwrap();
        let Shape::List(items) = &tree.root.get("a").unwrap().shape else { panic!() };
        let place = |line, column, length| Some(Place { line, column, length });
        assert_eq!(tree.root.get("a").unwrap().place, place(1, 1, 1));
        assert_eq!(items[0].place, place(2, 5, 1));
        assert_eq!(items[0].get("b").unwrap().place, place(2, 8, 5));
        assert_eq!(items[0].get("c").unwrap().place, place(3, 8, 3));
    }

    #[test]
    fn hostile_yaml_is_refused() {
        let check = |text: &str, expected: &str| {
            let shown = match read(text, &Limits::default()) {
                Ok(_) => "read".to_owned(),
                Err(diagnostic) => format!("{}: {}", diagnostic.code, diagnostic.message),
            };
            assert_eq!(shown, expected);
        };
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let alias = format!("*a{}, ", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{alias}]\n"));
        }
        check(&bomb, "D007: the definition has more than 4000000 values");
        check(&"[".repeat(5_000), "D007: the definition is nested deeper than 120 levels");
        check(&"{a: ".repeat(5_000), "D007: the definition is nested deeper than 120 levels");
        let block: String = (0..5_000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
        check(&block, "D007: the definition is nested deeper than 120 levels");
        check("a: &a [*a]", "D001: the alias stands inside what it refers to");
        check("a: *b", "D001: the alias `*b` has no anchor");
        check("--- 1\n--- 2", "D001: a second document begins here");
    }
}
