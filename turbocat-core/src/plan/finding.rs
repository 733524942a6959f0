//! Findings: diagnostics that know which piece of a text they are about, and the search for its
//! place. Knows how text is written in YAML and JSON, nothing of what it means.

use std::ops::Range;

use crate::definition::{Places, Workflow};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, Pointer, Segment, Severity};

/// A finding, and the piece of text it is about.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) diagnostic: Diagnostic,
    pub(crate) mark: Mark,
}

/// What to mark of the value that a pointer names.
#[derive(Debug)]
pub(crate) enum Mark {
    /// All of it.
    Whole,
    /// The key it stands under.
    Key(Box<str>),
    /// The last of these pieces, which stand in its text one after the other; of it that part.
    Piece { pieces: Vec<Box<str>>, part: Option<Range<usize>> },
}

impl From<Diagnostic> for Finding {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostic, mark: Mark::Whole }
    }
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Finding>,
    /// How many names were compared with one that nobody knows.
    compared: usize,
}

impl Findings {
    /// As many as a reader of a definition reports. Nobody reads more, and each costs a search for
    /// similar names.
    const MOST: usize = 200;

    /// Whether nothing more is reported: then nothing more has to be found out.
    pub(crate) const fn is_full(&self) -> bool {
        self.list.len() >= Self::MOST
    }

    pub(crate) fn push(&mut self, finding: impl Into<Finding>) {
        if !self.is_full() {
            self.list.push(finding.into());
        }
    }

    /// All of it, as it was found.
    pub(crate) fn into_list(self) -> Vec<Finding> {
        self.list
    }

    pub(crate) const fn len(&self) -> usize {
        self.list.len()
    }

    /// The names to compare an unknown one with. In a workflow of a hundred thousand steps that is
    /// work, so it is done for the first mistakes only.
    pub(crate) fn comparable<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
        const MOST: usize = 300_000;
        let names: Vec<&str> = names.into_iter().take(MOST - self.compared).collect();
        self.compared += names.len();
        names
    }

    /// What was found lately below one pointer is about another, for the keys that are not there.
    pub(crate) fn move_since(
        &mut self,
        before: usize,
        from: &Pointer,
        to: &Pointer,
        is_other: impl Fn(&str) -> bool,
    ) {
        for finding in &mut self.list[before..] {
            let pointer = &mut finding.diagnostic.pointer;
            let Some(rest) = pointer.0.strip_prefix(&*from.0) else { continue };
            if let Some(Segment::Key(key)) = rest.first()
                && is_other(key)
            {
                *pointer = Pointer(to.0.iter().chain(rest).cloned().collect());
            }
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.list.iter().any(|finding| finding.diagnostic.severity == Severity::Error)
    }

    /// Looks the places up in the text.
    pub(crate) fn place(self, workflow: &Workflow) -> Diagnostics {
        let source = workflow.source.as_deref().filter(|_| !self.list.is_empty());
        let text = source.map(|source| (Places::of(source), Lines::of(&source.text)));
        let list = self.list.into_iter().map(|Finding { mut diagnostic, mark }| {
            if let (Some((places, lines)), None) = (&text, diagnostic.place) {
                let whole = places.locate(&diagnostic.pointer);
                diagnostic.place = whole.map(|place| mark.within(lines, place).unwrap_or(place));
            }
            diagnostic
        });
        Diagnostics::new(list.collect(), workflow.source.clone())
    }
}

impl Mark {
    /// The place of what is marked, if it is found in the text of the whole.
    fn within(&self, lines: &Lines<'_>, whole: Place) -> Option<Place> {
        let start = lines.offset(whole)?;
        match self {
            Self::Whole => None,
            Self::Key(key) => {
                let before = lines.text[..start].trim_end().strip_suffix(':')?.trim_end();
                let before = before.strip_suffix(['"', '\'']).unwrap_or(before);
                let at = before.strip_suffix(&**key)?.len();
                Some(lines.place(at, key.chars().count()))
            }
            Self::Piece { pieces, part } => {
                let rest = &lines.text[start..];
                let end = rest.char_indices().nth(whole.length as usize).map_or(rest.len(), |(at, _)| at);
                let raw = &rest[..end];
                let mut from = 0;
                let mut found = None;
                for piece in pieces {
                    found = find(raw, piece, from).or_else(|| find(raw, piece, 0));
                    from = found.as_ref().map_or(from, |offsets| offsets.end);
                }
                let found = found?;
                let part = part.clone().unwrap_or(0..found.starts.len());
                let first = *found.starts.get(part.start)?;
                let last = found.starts.get(part.end).copied().unwrap_or(found.end);
                Some(lines.place(start + first, raw[first..last].chars().count()))
            }
        }
    }
}

/// Where a piece stands in raw text: the start of each of its bytes, and the end.
struct Match {
    starts: Vec<usize>,
    end: usize,
}

/// Looks for a piece as a word of its own inside of tokens; anywhere, if it stands in none.
fn find(raw: &str, piece: &str, from: usize) -> Option<Match> {
    let mut loose = None;
    for (at, _) in raw[from..].char_indices() {
        let at = from + at;
        let Some(found) = match_at(raw, at, piece) else { continue };
        if is_word(raw, at, found.end) && is_in_token(raw, at) {
            return Some(found);
        }
        loose.get_or_insert(found);
    }
    loose
}

fn is_word(raw: &str, start: usize, end: usize) -> bool {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let opens = |c: char| matches!(c, '"' | '\'') && start > 1;
    let before = raw[..start].chars().next_back();
    let after = raw[end..].chars().next();
    !before.is_some_and(|c| part(c) || c == '.' || opens(c)) && !after.is_some_and(part)
}

/// Whether braces are open there. A text without any is an expression from end to end.
fn is_in_token(raw: &str, at: usize) -> bool {
    if !raw.contains("{{") {
        return true;
    }
    // the piece may be a token with its braces
    let open = raw[..at].rfind("{{").or_else(|| raw[at..].starts_with("{{").then_some(at));
    open.is_some_and(|open| raw[..at].rfind("}}").is_none_or(|close| close < open))
}

/// Compares a piece with the text as it is written: with escapes, and with lines that were folded.
fn match_at(raw: &str, at: usize, piece: &str) -> Option<Match> {
    let mut starts = Vec::with_capacity(piece.len());
    let mut here = at;
    let mut wanted = piece.chars().peekable();
    while let Some(c) = wanted.next() {
        let rest = &raw[here..];
        let length = if c.is_whitespace() {
            while wanted.next_if(|c| c.is_whitespace()).is_some() {
                starts.push(here);
            }
            rest.len() - rest.trim_start().len()
        } else if rest.starts_with(c) {
            // in single quotes a quote stands twice
            if c == '\'' && rest.starts_with("''") { 2 } else { c.len_utf8() }
        } else if rest.starts_with('\\') && rest[1..].starts_with(c) {
            1 + c.len_utf8()
        } else {
            0
        };
        if length == 0 {
            return None;
        }
        starts.extend(std::iter::repeat_n(here, c.len_utf8()));
        here += length;
    }
    (!starts.is_empty()).then_some(Match { starts, end: here })
}

/// A text and where its lines begin.
struct Lines<'s> {
    text: &'s str,
    starts: Vec<usize>,
}

impl<'s> Lines<'s> {
    fn of(text: &'s str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    fn offset(&self, place: Place) -> Option<usize> {
        let start = *self.starts.get(place.line as usize - 1)?;
        let line = &self.text[start..];
        line.char_indices().nth(place.column as usize - 1).map(|(at, _)| start + at)
    }

    fn place(&self, offset: usize, length: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset);
        let column = self.text[self.starts[line - 1]..offset].chars().count() + 1;
        Place { line: line as u32, column: column as u32, length: (length as u32).max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, pieces: &[&str], expected: &str) {
        let lines = Lines::of(raw);
        let whole = Place { line: 1, column: 1, length: raw.chars().count() as u32 };
        let pieces = pieces.iter().map(|piece| (*piece).into()).collect();
        let place = Mark::Piece { pieces, part: None }.within(&lines, whole);
        let shown = place.map(|place| {
            let start = lines.offset(place).unwrap();
            let marked: String = raw[start..].chars().take(place.length as usize).collect();
            format!("{}:{} {marked}", place.line, place.column)
        });
        assert_eq!(shown.as_deref(), Some(expected), "{raw}");
    }

    #[test]
    fn a_piece_is_found_where_it_is_meant() {
        check("\"{{ a.x }}\"", &["a.x"], "1:5 a.x");
        // not in the text around a token, not as a key of something else
        check("\"x {{ a.x }} {{ x }}\"", &["x"], "1:17 x");
        // the second of two that look alike
        check("\"{{ a.x }} {{ a.x }}\"", &["a.x", "a.x"], "1:15 a.x");
        check("\"{{ a.xy }} {{ a.x }}\"", &["a.x"], "1:16 a.x");
        // not inside of a string
        check("{{ 'x' ~ x }}", &["x"], "1:10 x");
        check("x > 3", &["x"], "1:1 x");
        check("'x > 3'", &["x"], "1:2 x");
        // as it is written in JSON, in single quotes, over several lines
        check(r#""{{ a[\"b-c\"] }}""#, &[r#"a["b-c"]"#], r#"1:5 a[\"b-c\"]"#);
        check("'{{ a[''b''] }}'", &["a['b']"], "1:5 a[''b'']");
        check(">\n  {{ a\n  ~ b.c }}", &["b.c"], "3:5 b.c");
        check(">\n  {{ a ==\n     b }}", &["a == b"], "2:6 a ==\n     b");
        check("\"{{ ünï }} {{ b }}\"", &["b"], "1:15 b");
    }

    #[test]
    fn a_key_stands_before_its_value() {
        let check = |text: &str, value: &str, key: &str, expected: Option<u32>| {
            let lines = Lines::of(text);
            let column = text[..text.find(value).unwrap()].chars().count() as u32 + 1;
            let whole = Place { line: 1, column, length: 1 };
            let place = Mark::Key(key.into()).within(&lines, whole);
            assert_eq!(place.map(|place| place.column), expected, "{text}");
        };
        check("a: { key: 1 }", "1", "key", Some(6));
        check("{ \"key\" : 1 }", "1", "key", Some(4));
        check("{ other: 1 }", "1", "key", None);
    }
}
