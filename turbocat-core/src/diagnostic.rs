//! Mistakes of a definition's author, as data: what is wrong, where, and what to do about it.
//!
//! Knows text and places; knows nothing of what a workflow is.

use std::fmt;
use std::sync::Arc;

/// A stable name of a kind of mistake, such as `T102`. The letter says who speaks:
/// `D` the definition's form, `G` its graph, `A` agents, `T` templates and expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(&'static str);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        impl Code {
            $($(#[$doc])* pub const $name: Self = Self($text);)*

            /// Every code, in order, for documentation and completeness tests.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

codes! {
    /// The text is not YAML or JSON.
    SYNTAX = "D001";
    /// A key that the format does not have.
    UNKNOWN_KEY = "D002";
    /// A value of the wrong type, such as text where a number must stand.
    WRONG_TYPE = "D003";
    /// A key that must be there is missing.
    MISSING_KEY = "D004";
    /// A duration that cannot be read.
    BAD_DURATION = "D005";
    /// A retry policy that contradicts itself.
    BAD_RETRY = "D006";
    /// A limit on size, depth or number was exceeded.
    LIMIT = "D007";
    /// A step with the fields of two step types, or of none.
    STEP_TYPE = "D008";
    /// A value outside its allowed set.
    BAD_VALUE = "D009";
    /// A key that cannot be a name.
    BAD_NAME = "D010";
    /// Two keys that exclude each other.
    CONFLICT = "D011";
    /// The same key twice in one mapping.
    DUPLICATE_KEY = "D012";
    /// The declaration of an input is not a valid schema.
    BAD_SCHEMA = "D013";
    /// Two steps with one key.
    DUPLICATE_STEP = "G101";
    /// A dependency on a step that does not exist.
    UNKNOWN_DEPENDENCY = "G102";
    /// A step that depends on itself.
    SELF_DEPENDENCY = "G103";
    /// Steps that wait for each other in a circle.
    CYCLE = "G104";
    /// A step that can never be reached.
    UNREACHABLE = "G105";
    /// A branch that names a step that does not exist.
    UNKNOWN_BRANCH = "G106";
    /// A workflow or a body without steps.
    NO_STEPS = "G107";
    /// An agent that nobody registered.
    UNKNOWN_AGENT = "A101";
    /// An input that the agent requires is missing.
    MISSING_INPUT = "A102";
    /// An input that the agent does not take.
    UNKNOWN_INPUT = "A103";
    /// A configuration the agent refuses.
    BAD_CONFIG = "A104";
    /// A nested workflow that nobody registered.
    UNKNOWN_WORKFLOW = "A105";
    /// An input whose literal value the schema refuses.
    BAD_INPUT = "A106";
    /// A name that is no root: no step, no loop item, nothing built in.
    UNKNOWN_NAME = "T101";
    /// A path that the producing schema does not have.
    UNKNOWN_PATH = "T102";
    /// A step that is referred to but does not come before.
    NOT_UPSTREAM = "T103";
    /// A token or expression that cannot be parsed.
    BAD_TEMPLATE = "T104";
    /// A name that is hidden from here, such as a secret in a condition.
    OUT_OF_SCOPE = "T105";
    /// An expression whose result can never be what is needed: true or false, a list.
    WRONG_RESULT = "T106";
}

impl Code {
    /// The code as text, such as `T102`.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Whether a diagnostic stops the definition from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The definition cannot run.
    Error,
    /// The definition runs, but probably not as meant.
    Warning,
}

/// One step of a [`Pointer`]: a key of a mapping or an index of a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// A key of a mapping.
    Key(Box<str>),
    /// An index of a list.
    Index(usize),
}

impl From<&str> for Segment {
    fn from(key: &str) -> Self {
        Self::Key(key.into())
    }
}

impl From<usize> for Segment {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// Where in a document something stands: the keys and indices that lead to it from the root,
/// such as `steps.fetch.inputs.query`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pointer(pub Vec<Segment>);

impl Pointer {
    /// The root of the document.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// This pointer with one more segment.
    #[must_use]
    pub fn join(&self, segment: impl Into<Segment>) -> Self {
        let mut segments = Vec::with_capacity(self.0.len() + 1);
        segments.extend_from_slice(&self.0);
        segments.push(segment.into());
        Self(segments)
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if at == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// A place in a text. Lines and columns count from one, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Line, from one.
    pub line: u32,
    /// Column, from one, in characters.
    pub column: u32,
    /// How many characters belong to it; at least one.
    pub length: u32,
}

/// A text a definition was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What to call it in messages: a file name, usually.
    pub name: Box<str>,
    /// The text itself.
    pub text: Box<str>,
}

/// One mistake: what is wrong, where, and the next action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The kind of mistake.
    pub code: Code,
    /// Whether it stops the definition from being used.
    pub severity: Severity,
    /// What is wrong, naming the thing in backticks.
    pub message: String,
    /// Where in the document.
    pub pointer: Pointer,
    /// Where in the text, when there is a text.
    pub place: Option<Place>,
    /// What stands under the marked place, such as what a schema offers.
    pub label: Option<String>,
    /// The next action.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error without place, label or help.
    pub fn error(code: Code, pointer: Pointer, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            pointer,
            place: None,
            label: None,
            help: None,
        }
    }

    /// A warning without place, label or help.
    pub fn warning(code: Code, pointer: Pointer, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, pointer, message) }
    }

    /// The same with a next action.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with `did you mean` when `wanted` is close to one of `offered`; otherwise with a
    /// short list of what there is.
    #[must_use]
    pub fn suggest<'a>(mut self, wanted: &str, offered: impl IntoIterator<Item = &'a str>) -> Self {
        self.help = suggest(wanted, offered);
        self
    }

    /// The same with what stands under the marked place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The same at a place of the text.
    #[must_use]
    pub fn at(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }
}

/// All mistakes found in one definition, with the text they were found in.
///
/// `Display` shows them the way rustc does: message, place, excerpt, help.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    source: Option<Arc<Source>>,
}

impl Diagnostics {
    /// The mistakes of a text, or of a definition without one.
    pub fn new(mut list: Vec<Diagnostic>, source: Option<Arc<Source>>) -> Self {
        list.sort_by_key(|d| d.place.map_or((u32::MAX, 0), |p| (p.line, p.column)));
        Self { list, source }
    }

    /// The mistakes, in the order of the text.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// The text they were found in.
    pub fn source_text(&self) -> Option<&Source> {
        self.source.as_deref()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|d| d.severity == Severity::Error)
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl std::error::Error for Diagnostics {}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, diagnostic) in self.list.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            show(f, diagnostic, self.source.as_deref())?;
        }
        Ok(())
    }
}

fn show(f: &mut fmt::Formatter<'_>, d: &Diagnostic, source: Option<&Source>) -> fmt::Result {
    let severity = match d.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    writeln!(f, "{severity}[{}]: {}", d.code, d.message)?;
    let line = d.place.zip(source).and_then(|(place, source)| {
        let text = source.text.lines().nth(place.line as usize - 1)?;
        Some((place, &source.name, text))
    });
    let gutter = if let Some((place, name, text)) = line {
        let number = place.line.to_string();
        let gutter = " ".repeat(number.len());
        let indent: String =
            text.chars().take(place.column as usize - 1).map(|c| if c == '\t' { c } else { ' ' }).collect();
        let room = text.chars().count().saturating_sub(place.column as usize - 1).max(1);
        let marks = "^".repeat((place.length as usize).clamp(1, room));
        writeln!(f, "{gutter}--> {name}:{}:{}", place.line, place.column)?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{number} | {text}")?;
        write!(f, "{gutter} | {indent}{marks}")?;
        match &d.label {
            Some(label) => writeln!(f, " {label}")?,
            None => writeln!(f)?,
        }
        gutter
    } else {
        if !d.pointer.0.is_empty() {
            writeln!(f, " --> {}", d.pointer)?;
        }
        if let Some(label) = &d.label {
            writeln!(f, "  = note: {label}")?;
        }
        " ".to_owned()
    };
    if let Some(help) = &d.help {
        writeln!(f, "{gutter} = help: {help}")?;
    }
    Ok(())
}

/// `did you mean …?` when a name is close, a short list of the names otherwise.
pub(crate) fn suggest<'a>(wanted: &str, offered: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut offered: Vec<&str> = offered.into_iter().collect();
    if let Some(near) = nearest(wanted, offered.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    offered.sort_unstable();
    offered.dedup();
    match offered.len() {
        0 => None,
        1 => Some(format!("there is only `{}`", offered[0])),
        2..=8 => Some(format!("there are `{}`", offered.join("`, `"))),
        n => Some(format!("there are {n}, such as `{}`", offered[..8].join("`, `"))),
    }
}

/// The offered name that is closest, if it is close enough to be a slip of the keyboard.
pub(crate) fn nearest<'a>(wanted: &str, offered: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = match wanted.chars().count() {
        0 => return None,
        1..=2 => 1,
        3..=5 => 2,
        n => n / 3,
    };
    offered
        .into_iter()
        .filter(|name| *name != wanted)
        .map(|name| (distance(wanted, name), name))
        .filter(|(d, name)| *d <= limit && *d < name.chars().count().max(2))
        .min_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.cmp(b.1)))
        .map(|(_, name)| name)
}

/// Edits between two names, where a swap of neighbours counts once and case does not count.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().flat_map(char::to_lowercase).collect();
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    if a.len().abs_diff(b.len()) > a.len().max(b.len()) / 2 + 1 {
        return usize::MAX;
    }
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if swap {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_is_suggested_and_a_stranger_is_not() {
        let names = ["build", "test", "publish"];
        assert_eq!(nearest("bulid", names), Some("build"));
        assert_eq!(nearest("Publish", names), Some("publish"));
        assert_eq!(nearest("deploy", names), None);
        assert_eq!(suggest("deploy", names).as_deref(), Some("there are `build`, `publish`, `test`"));
        assert_eq!(suggest("x", []), None);
    }

    #[test]
    fn a_diagnostic_shows_message_place_excerpt_and_help() {
        let source = Source { name: "brief.yaml".into(), text: "steps:\n  a: { agnet: echo }\n".into() };
        let diagnostic = Diagnostic::error(Code::UNKNOWN_KEY, Pointer::root(), "unknown key `agnet`")
            .at(Some(Place { line: 2, column: 8, length: 5 }))
            .suggest("agnet", ["agent", "inputs"]);
        let shown = Diagnostics::new(vec![diagnostic], Some(Arc::new(source))).to_string();
        let expected = "error[D002]: unknown key `agnet`\n --> brief.yaml:2:8\n  |\n\
                        2 |   a: { agnet: echo }\n  |        ^^^^^\n  = help: did you mean `agent`?\n";
        assert_eq!(shown, expected);
    }
}
