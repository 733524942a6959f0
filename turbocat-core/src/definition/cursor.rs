//! Where the reader stands in a tree: a value, the way to it, the keys it has.
//!
//! Knows nothing of what the keys mean.

use crate::diagnostic::{Code, Diagnostic, Pointer, Segment};

use super::tree::{Entry, Node, Shape};

/// Where the reader stands: a chain of keys on the stack, made into a [`Pointer`] only when there
/// is something to say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path<'a> {
    parent: Option<&'a Self>,
    segment: Option<PathSegment<'a>>,
}

#[derive(Clone, Copy, Debug)]
enum PathSegment<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    pub(super) const ROOT: Path<'static> = Path { parent: None, segment: None };

    pub(super) const fn key(&'a self, key: &'a str) -> Self {
        Path { parent: Some(self), segment: Some(PathSegment::Key(key)) }
    }

    pub(super) const fn index(&'a self, index: usize) -> Self {
        Path { parent: Some(self), segment: Some(PathSegment::Index(index)) }
    }

    pub(super) fn pointer(&self) -> Pointer {
        let mut segments = Vec::new();
        let mut at = Some(self);
        while let Some(path) = at {
            match path.segment {
                Some(PathSegment::Key(key)) => segments.push(Segment::from(key)),
                Some(PathSegment::Index(index)) => segments.push(Segment::from(index)),
                None => {}
            }
            at = path.parent;
        }
        segments.reverse();
        Pointer(segments)
    }

    /// The last part, as messages name it.
    fn label(&self) -> String {
        match self.segment {
            Some(PathSegment::Key(key)) => format!("`{key}`"),
            Some(PathSegment::Index(index)) => match self.parent.and_then(|parent| parent.segment) {
                Some(PathSegment::Key(key)) => format!("item {} of `{key}`", index + 1),
                _ => format!("item {}", index + 1),
            },
            None => "the definition".to_owned(),
        }
    }
}

/// A value and the way to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    pub(super) node: &'a Node,
    pub(super) path: Path<'a>,
}

impl<'a> At<'a> {
    pub(super) fn error(&self, code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, self.path.pointer(), message).at(self.node.place)
    }

    /// An error at a key of this mapping rather than at its value.
    pub(super) fn error_at(&self, entry: &Entry, code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, self.path.key(&entry.key).pointer(), message).at(entry.place)
    }

    pub(super) fn label(&self) -> String {
        self.path.label()
    }

    pub(super) fn items(&'a self) -> impl Iterator<Item = At<'a>> {
        let items: &'a [Node] = match &self.node.shape {
            Shape::List(items) => items,
            _ => &[],
        };
        items.iter().enumerate().map(|(index, node)| At { node, path: self.path.index(index) })
    }

    pub(super) fn entries(&self) -> &'a [Entry] {
        match &self.node.shape {
            Shape::Mapping(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn child(&'a self, entry: &'a Entry) -> Self {
        Self { node: &entry.value, path: self.path.key(&entry.key) }
    }
}

/// The keys of a mapping, taken one after the other; what nobody took is unknown.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    pub(super) at: &'a At<'a>,
    taken: Vec<bool>,
    known: Vec<&'static str>,
    /// Whether an empty value is as good as none, as in rows of a database.
    empty_is_absent: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn of(at: &'a At<'a>) -> Self {
        Self { at, taken: vec![false; at.entries().len()], known: Vec::new(), empty_is_absent: false }
    }

    pub(super) fn empty_is_absent(mut self) -> Self {
        self.empty_is_absent = true;
        self
    }

    /// The value of a key, which becomes one of the known keys.
    pub(super) fn take(&mut self, key: &'static str) -> Option<At<'a>> {
        self.known.push(key);
        let index = self.at.entries().iter().position(|entry| entry.key == key)?;
        if let Some(taken) = self.taken.get_mut(index) {
            *taken = true;
        }
        let entry = &self.at.entries()[index];
        if self.empty_is_absent && entry.value.is_null() {
            return None;
        }
        Some(self.at.child(entry))
    }

    /// Makes keys known that somebody else reads.
    pub(super) fn ignore(&mut self, keys: &[&'static str]) {
        for key in keys {
            self.take(key);
        }
    }

    /// Makes all keys known: their owner is in doubt, and further complaints would be noise.
    pub(super) fn ignore_rest(&mut self) {
        self.taken.fill(true);
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    pub(super) fn entry(&self, key: &str) -> Option<&'a Entry> {
        let entry = self.at.entries().iter().find(|entry| entry.key == key)?;
        (!(self.empty_is_absent && entry.value.is_null())).then_some(entry)
    }

    /// The entries nobody took.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &'a Entry> {
        let entries = self.at.entries().iter().zip(&self.taken);
        entries.filter(|(_, taken)| !**taken).map(|(entry, _)| entry)
    }

    /// The keys somebody asked for, in order.
    pub(super) fn known(&self) -> Vec<&'static str> {
        let mut known = self.known.clone();
        known.sort_unstable();
        known.dedup();
        known
    }
}
