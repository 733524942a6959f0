//! Reading bodies: the steps of a workflow, of a loop, of the branches of a parallel step.

use crate::diagnostic::Code;

use super::cursor::{At, Fields, Path};
use super::decode::Decoder;
use super::step::KINDS;
use super::tree::{Entry, Shape};
use super::workflow::{Branch, Join, ParallelStep, Step};

impl Decoder<'_> {
    /// The steps of the workflow, of a loop or of a branch: a mapping, or a list of rows.
    pub(super) fn body(&mut self, at: &At<'_>, depth: usize) -> Vec<Step> {
        if depth > self.limits.max_depth {
            let message = format!("steps are nested deeper than {} bodies", self.limits.max_depth);
            self.report(at.error(Code::LIMIT, message).help("move inner steps into a workflow of their own"));
            return Vec::new();
        }
        match &at.node.shape {
            Shape::Null => Vec::new(),
            Shape::Mapping(entries) => {
                if !self.has_room(at, entries.len()) {
                    return Vec::new();
                }
                entries
                    .iter()
                    .map(|entry| {
                        let child = at.child(entry);
                        self.step_name(&child, entry);
                        self.step(&entry.key, &child, depth)
                    })
                    .collect()
            }
            Shape::List(items) => {
                if !self.has_room(at, items.len()) {
                    return Vec::new();
                }
                at.items().enumerate().map(|(index, item)| self.listed(at, index, &item, depth)).collect()
            }
            _ => {
                let message =
                    format!("{} must be a mapping or a list of steps, not {}", at.label(), at.node.word());
                self.report(
                    at.error(Code::WRONG_TYPE, message).help("such as `steps: { hello: { agent: echo } }`"),
                );
                Vec::new()
            }
        }
    }

    pub(super) fn has_room(&mut self, at: &At<'_>, more: usize) -> bool {
        let before = self.steps;
        self.steps = self.steps.saturating_add(more);
        let fits = self.steps <= self.limits.max_steps;
        if !fits && before <= self.limits.max_steps {
            let message = format!("the workflow has more than {} steps", self.limits.max_steps);
            self.report(at.error(Code::LIMIT, message).help("split it, or let a loop do the repetition"));
        }
        fits
    }

    /// A step in a list, which brings its own key: `stepKey` or `key`.
    fn listed(&mut self, body: &At<'_>, index: usize, item: &At<'_>, depth: usize) -> Step {
        let row = item.node.entry("stepKey").is_some() || item.node.entry("stepType").is_some();
        let word = if row { "stepKey" } else { "key" };
        let Some(entry) = item.node.entry(word) else {
            if matches!(item.node.shape, Shape::Mapping(_)) {
                let message = format!("step {} of the list has no `{word}`", index + 1);
                let help = "name the step; templates and `dependsOn` refer to it by that name";
                self.missing(item, word, message, help);
            }
            return if row { self.row("", item, depth) } else { self.step("", item, depth) };
        };
        let Some(key) = self.text(&item.child(entry)) else { return self.step("", item, depth) };
        // pointers name steps, not rows
        let item = At { node: item.node, path: body.path.key(&key) };
        let name = item.child(entry);
        self.name(&key, "a step", true, |code, message| name.error(code, message));
        if row { self.row(&key, &item, depth) } else { self.step(&key, &item, depth) }
    }

    fn step_name(&mut self, at: &At<'_>, entry: &Entry) {
        self.name(&entry.key, "a step", true, |code, message| at.error(code, message).at(entry.place));
    }

    pub(super) fn parallel_step(&mut self, fields: &mut Fields<'_>, depth: usize) -> ParallelStep {
        let Some(at) = fields.take("parallel") else { return ParallelStep::default() };
        if at.node.is_null() {
            return ParallelStep::default();
        }
        let mut fields = self.fields(&at, "a mapping with `branches`");
        let join = fields.take("join").map_or(Join::All, |at| self.join(&at));
        let branches = fields.take("branches");
        let branches = branches.map(|at| self.branches(&at, depth + 1)).unwrap_or_default();
        self.finish(&fields, |_| None, Some("branches stand under `branches`, next to `join`"));
        if let Join::Count(count) = join
            && count as usize > branches.len()
            && let Some(entry) = fields.entry("join")
        {
            let message = format!("`join: {count}` can never be met by {} branches", branches.len());
            let diagnostic = at.error_at(entry, Code::BAD_VALUE, message).at(entry.value.place);
            self.report(diagnostic.help("write `all`, `any`, or at most the number of branches"));
        }
        ParallelStep { branches, join }
    }

    pub(super) fn join(&mut self, at: &At<'_>) -> Join {
        match &at.node.shape {
            Shape::Number(_) => self.count(at, 1).map_or(Join::All, Join::Count),
            Shape::Text(_) => self.word(at, &[("all", Join::All), ("any", Join::Any)]).unwrap_or_default(),
            _ => {
                let message =
                    format!("{} must be `all`, `any` or a number, not {}", at.label(), at.node.word());
                self.report(at.error(Code::WRONG_TYPE, message).help("such as `join: any`"));
                Join::All
            }
        }
    }

    /// Branches: a mapping, or a list whose items bring a `key`.
    pub(super) fn branches(&mut self, at: &At<'_>, depth: usize) -> Vec<Branch> {
        match &at.node.shape {
            Shape::Null => Vec::new(),
            Shape::Mapping(entries) => entries
                .iter()
                .map(|entry| {
                    let child = at.child(entry);
                    self.name(&entry.key, "a branch", false, |code, message| {
                        at.error_at(entry, code, message)
                    });
                    self.branch(&entry.key, &child, depth)
                })
                .collect(),
            Shape::List(_) => at
                .items()
                .enumerate()
                .map(|(index, item)| self.listed_branch(&at.path, index, &item, depth))
                .collect(),
            _ => {
                let message = format!("{} must be a mapping of branches, not {}", at.label(), at.node.word());
                self.report(
                    at.error(Code::WRONG_TYPE, message).help("such as `branches: { mail: { agent: api } }`"),
                );
                Vec::new()
            }
        }
    }

    fn listed_branch(&mut self, branches: &Path<'_>, index: usize, item: &At<'_>, depth: usize) -> Branch {
        let entry = item.node.entry("key").or_else(|| item.node.entry("stepKey"));
        let key = match entry {
            Some(entry) => self.text(&item.child(entry)).unwrap_or_default(),
            None => format!("branch{}", index + 1),
        };
        let item = At { node: item.node, path: branches.key(&key) };
        if let Some(entry) = entry {
            self.name(&key, "a branch", false, |code, message| {
                item.error_at(entry, code, message).at(entry.value.place)
            });
        }
        if matches!(item.node.shape, Shape::List(_)) {
            return Branch { steps: self.body(&item, depth), key, single: false };
        }
        self.branch(&key, &item, depth)
    }

    /// A branch: a step of the same name, or a body under `steps`.
    fn branch(&mut self, key: &str, at: &At<'_>, depth: usize) -> Branch {
        if at.node.get("steps").is_none() || at.node.get("loop").is_some() {
            if depth > self.limits.max_depth {
                return Branch { key: key.to_owned(), steps: self.body(at, depth), single: true };
            }
            self.has_room(at, 1);
            let row = at.node.get("stepKey").is_some() || at.node.get("stepType").is_some();
            let step = if row { self.row(key, at, depth) } else { self.step(key, at, depth) };
            return Branch { key: key.to_owned(), steps: vec![step], single: true };
        }
        let mut fields = self.fields(at, "a step, or a mapping with `steps`");
        fields.ignore(&["key"]);
        let steps = fields.take("steps").map(|at| self.body(&at, depth)).unwrap_or_default();
        let both = "a branch has `steps`, or is a step itself, but not both";
        self.finish(&fields, |key| KINDS.contains(&key).then(|| both.to_owned()), Some(both));
        Branch { key: key.to_owned(), steps, single: false }
    }
}
