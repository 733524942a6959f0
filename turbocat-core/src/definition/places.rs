//! From a pointer back to the text: which characters a diagnostic means.
//!
//! Pointers name things as the modern form does (`steps.fetch.retry.max`); the text may be in
//! another form. What has no place of its own is found at the nearest thing around it.

use crate::diagnostic::{Place, Pointer, Segment, Source};

use super::limits::Limits;
use super::read::is_json;
use super::tree::{Node, Shape};
use super::workflow::Workflow;
use super::{json, yaml};

/// The places of a text, for as long as somebody asks for them.
///
/// ```
/// use turbocat_core::{Places, Pointer, Workflow};
///
/// let workflow = Workflow::from_yaml("steps:\n  hi: { agent: greet }\n")?;
/// let places = Places::of(workflow.source.as_deref().expect("read from a text"));
/// let pointer = Pointer::root().join("steps").join("hi").join("agent");
/// let place = places.locate(&pointer).expect("it stands there");
/// assert_eq!((place.line, place.column, place.length), (2, 16, 5));
/// # Ok::<(), turbocat_core::Diagnostics>(())
/// ```
#[derive(Debug)]
pub struct Places<'s> {
    text: &'s str,
    root: Option<Node>,
}

/// Names of one thing in the modern form and in others, as paths from the thing that has it.
const OTHER_NAMES: &[(&[&str], &[&[&str]])] = &[
    (&["retry", "max"], &[&["retryCount"]]),
    (&["retry", "delay"], &[&["retry", "delayMs"], &["retryDelayMs"]]),
    (&["retry", "maxDelay"], &[&["retry", "maxDelayMs"]]),
    (&["retry"], &[&["retryCount"], &["onError"]]),
    (&["timeout"], &[&["timeoutMs"], &["wait", "timeout"], &["wait", "timeoutMs"]]),
    (&["deadline"], &[&["deadlineMs"]]),
    (&["branches"], &[&["parallel", "branches"], &["config", "branches"]]),
    (&["join"], &[&["parallel", "join"], &["config", "join"]]),
    (&["parallel"], &[&["config"]]),
    (&["agent"], &[&["agentId"], &["config", "agentId"]]),
    (&["condition"], &[&["config", "condition"]]),
    (&["then"], &[&["config", "trueBranch"]]),
    (&["else"], &[&["config", "falseBranch"]]),
    (&["otherwise"], &[&["else"], &["config", "falseBranch"]]),
    (&["loop"], &[&["inputs", "items"], &["config", "items"]]),
    (&["items"], &[&["loop"], &["inputs", "items"], &["config", "items"]]),
    (&["maxParallel"], &[&["config", "concurrency"]]),
    (&["maxIterations"], &[&["config", "maxIterations"]]),
    (&["steps", "do"], &[&[]]),
    (&["steps"], &[&["config", "steps"], &["nodes"]]),
    (&["wait", "for"], &[&["wait", "duration"], &["wait"], &["config", "waitMs"], &["config", "durationMs"]]),
    (&["wait"], &[&["config"]]),
    (&["workflow"], &[&["config", "workflowId"]]),
    (&["inputs"], &[&["config", "inputs"]]),
    (&["waitForCompletion"], &[&["config", "waitForCompletion"]]),
    (&["name"], &[&["stepName"], &["label"]]),
    (&["type"], &[&["stepType"]]),
];

impl<'s> Places<'s> {
    /// Reads the text again for its places. Cheap enough to do once there is something to show;
    /// not meant to be kept.
    pub fn of(source: &'s Source) -> Self {
        let limits = Limits { max_bytes: usize::MAX, max_values: usize::MAX, ..Limits::default() };
        let json = || json::read(&source.text, &limits);
        let yaml = || yaml::read(&source.text, &limits);
        // names are only a habit: what is not the one may be the other
        let tree =
            if is_json(&source.name) { json().or_else(|_| yaml()) } else { yaml().or_else(|_| json()) };
        let root = tree.ok().map(|tree| tree.root);
        Self { text: &source.text, root }
    }

    /// The place of what a pointer names, or of the nearest thing around it. `None` for the
    /// whole document.
    pub fn locate(&self, pointer: &Pointer) -> Option<Place> {
        self.find(pointer)?.place
    }

    /// The place of a piece of text inside the scalar that a pointer names, such as one name of
    /// a template; the place of the scalar if the piece is not found in it.
    pub fn locate_in(&self, pointer: &Pointer, piece: &str) -> Option<Place> {
        let place = self.locate(pointer)?;
        Some(self.piece(place, piece).unwrap_or(place))
    }

    fn find(&self, pointer: &Pointer) -> Option<&Node> {
        let mut node = self.root.as_ref()?;
        let mut found = None;
        let mut rest = &pointer.0[..];
        while !rest.is_empty() {
            let Some((next, used)) = step(node, rest) else { break };
            node = next;
            found = Some(node);
            rest = &rest[used..];
        }
        found
    }

    /// Looks for a piece of text in the source, from the start of a scalar to its end.
    fn piece(&self, place: Place, piece: &str) -> Option<Place> {
        let start = self.offset(place)?;
        let rest = &self.text[start..];
        let end = rest.char_indices().nth(place.length as usize).map_or(rest.len(), |(at, _)| at);
        let scalar = &rest[..end];
        let at = whole_word(scalar, piece).or_else(|| scalar.find(piece))?;
        let before = &scalar[..at];
        let (line, column) = match before.rfind('\n') {
            Some(newline) => {
                let lines = before.bytes().filter(|b| *b == b'\n').count();
                (place.line + u32::try_from(lines).ok()?, before[newline + 1..].chars().count() + 1)
            }
            None => (place.line, place.column as usize + before.chars().count()),
        };
        let length = u32::try_from(piece.chars().count()).ok()?.max(1);
        Some(Place { line, column: u32::try_from(column).ok()?, length })
    }

    fn offset(&self, place: Place) -> Option<usize> {
        let mut start = 0;
        for _ in 1..place.line {
            start += self.text[start..].find('\n')? + 1;
        }
        let line = &self.text[start..];
        line.char_indices().nth(place.column as usize - 1).map(|(at, _)| start + at)
    }
}

impl Workflow {
    /// The place of what a pointer names, if the workflow was read from a text; see
    /// [`Places`], which is the way to ask for many.
    pub fn locate(&self, pointer: &Pointer) -> Option<Place> {
        Places::of(self.source.as_deref()?).locate(pointer)
    }

    /// The place of a piece of text inside the scalar that a pointer names.
    pub fn locate_in(&self, pointer: &Pointer, piece: &str) -> Option<Place> {
        Places::of(self.source.as_deref()?).locate_in(pointer, piece)
    }
}

/// One step down a pointer: where it leads, and how many segments that took.
fn step<'n>(node: &'n Node, rest: &[Segment]) -> Option<(&'n Node, usize)> {
    if let Some(child) = child(node, &rest[0]) {
        // a deeper name may be known under another name before its parent is
        let deeper =
            rest.len() > 1 && matches!(rest[1], Segment::Key(_)) && child_is_dead_end(child, &rest[1]);
        if !deeper {
            return Some((child, 1));
        }
        return other(node, rest).or(Some((child, 1)));
    }
    other(node, rest)
        // a branch that is a step has no body of its own
        .or_else(|| passes_through(rest).then_some((node, 2)))
        .or_else(|| short_input(node, rest))
}

fn child<'n>(node: &'n Node, segment: &Segment) -> Option<&'n Node> {
    match (segment, &node.shape) {
        (Segment::Key(key), Shape::List(items)) => items.iter().find(|item| {
            let name = |word| item.get(word).and_then(Node::as_text);
            ["key", "stepKey", "id"].into_iter().any(|word| name(word) == Some(key))
        }),
        (Segment::Key(key), _) => node.get(key),
        (Segment::Index(index), Shape::List(items)) => items.get(*index),
        // text where a list of one might stand
        (Segment::Index(0), Shape::Text(_)) => Some(node),
        _ => None,
    }
}

fn child_is_dead_end(node: &Node, segment: &Segment) -> bool {
    child(node, segment).is_none()
}

fn other<'n>(node: &'n Node, rest: &[Segment]) -> Option<(&'n Node, usize)> {
    let starts = |names: &[&str]| {
        names.len() <= rest.len()
            && names
                .iter()
                .zip(rest)
                .all(|(name, segment)| matches!(segment, Segment::Key(key) if **key == **name))
    };
    for (names, others) in OTHER_NAMES.iter().filter(|(names, _)| starts(names)) {
        for path in *others {
            let target = path.iter().try_fold(node, |node, key| node.get(key));
            let leads_on = |target: &&Node| path.is_empty() || !std::ptr::eq(*target, node);
            if let Some(target) = target.filter(leads_on) {
                return Some((target, names.len()));
            }
        }
    }
    None
}

/// `steps.<key>` below a thing that is that step itself.
fn passes_through(rest: &[Segment]) -> bool {
    rest.len() > 2 && matches!(&rest[0], Segment::Key(key) if &**key == "steps")
}

/// `properties.<name>` of inputs in the short form.
fn short_input<'n>(node: &'n Node, rest: &[Segment]) -> Option<(&'n Node, usize)> {
    let [Segment::Key(properties), name, ..] = rest else { return None };
    let short = &**properties == "properties";
    child(node, name).filter(|_| short).map(|child| (child, 2))
}

/// The first place where a piece stands as a word of its own.
fn whole_word(text: &str, piece: &str) -> Option<usize> {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(piece).map(|(at, _)| at).find(|at| {
        let before = text[..*at].chars().next_back();
        let after = text[at + piece.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}
