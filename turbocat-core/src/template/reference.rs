//! Names, and what a template refers to.

use std::sync::Arc;

use serde_json::Value;

use crate::Pointer;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RootKind {
    /// A step: `step.output.a` means `step.a`.
    Step,
    /// Anything else: inputs, a loop's item, secrets.
    Plain,
}

/// The names known where a template stands.
pub(crate) type Names<'a> = dyn Fn(&str) -> Option<RootKind> + 'a;

/// A root's value. `None` when the step was skipped or failed: every path into it is null.
pub(crate) type RootValue<'v> = Option<&'v Arc<Value>>;

/// A path that a template uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Which root, as an index into the list of roots.
    pub(crate) root: usize,
    /// The way from the root, as written: a step's `output` is still in it.
    pub(crate) path: Vec<PathSegment>,
    /// Where inside the compiled value it stands.
    pub(crate) pointer: Pointer,
    /// The reference as written, such as `fetch.stories`.
    pub(crate) text: String,
    /// Whether it may be missing: it stands under `default(…)`, `is defined` or `truthy`.
    pub(crate) optional: bool,
}

/// One segment of a [`Reference`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathSegment {
    /// A key, and `length` of a list.
    Key(Box<str>),
    /// An index, written `.0` or `[0]`. On an object it is the key `0`.
    Index(usize),
}

/// Roots and references, gathered while compiling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Uses {
    pub(super) roots: Vec<Box<str>>,
    pub(super) references: Vec<Reference>,
}

impl Uses {
    /// Gives back the room for more: a plan keeps these for as long as it lives, most often with one
    /// of each.
    pub(super) fn shrink(&mut self) {
        self.roots.shrink_to_fit();
        self.references.shrink_to_fit();
    }

    /// The index of a root, which is added when it is new.
    pub(super) fn root(&mut self, name: &str) -> usize {
        self.roots.iter().position(|known| &**known == name).unwrap_or_else(|| {
            self.roots.push(name.into());
            self.roots.len() - 1
        })
    }
}
