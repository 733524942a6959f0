//! Compiles the templates of a step, resolves their roots, and checks every reference: that the
//! name exists, that it can be seen from here, and that the path exists in what is given there.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::Value;

use super::finding::{Finding, Findings, Mark};
use super::given::{Origin, Shelf};
use super::inputs::Validators;
use super::layout::Layout;
use super::plan::{Bound, Root};
use crate::catalog::Catalog;
use crate::definition::{AgentStep, StepKind, Workflow};
use crate::diagnostic::{Code, Diagnostic, Pointer, Segment, suggest};
use crate::template::{Expression, PathSegment, Reference, RootKind, Template, TemplateError};

/// Names that stand for something in every template.
const BUILT_IN: [&str; 4] = ["inputs", "secrets", "metadata", "execution"];

/// Compiles and checks the templates of one workflow.
pub(crate) struct Binder<'a> {
    pub(crate) workflow: &'a Workflow,
    pub(crate) catalog: &'a dyn Catalog,
    pub(crate) layout: &'a Layout<'a>,
    pub(crate) shelf: Shelf<'a>,
    pub(crate) validators: Validators,
    pub(crate) found: Findings,
    /// A dependent step and the step it refers to, both of one body.
    pub(crate) inferred: Vec<(u32, u32)>,
    /// Pairs of which one wants to know where the reference stands.
    pub(crate) traced: HashMap<(u32, u32), Option<(Pointer, Mark)>>,
}

/// From where a template looks.
#[derive(Clone, Copy)]
pub(crate) enum View {
    /// From a step.
    Step(u32),
    /// From inside a body, after all its steps: the output of an iteration, of the execution.
    After(u32),
    /// From a step, at its own output.
    Result(u32),
    /// From the configuration of a step: the step's own inputs are known too, before all else.
    Config(u32),
}

/// What an expression must give.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Truth,
    List,
}

impl<'a> Binder<'a> {
    pub(crate) fn new(workflow: &'a Workflow, catalog: &'a dyn Catalog, layout: &'a Layout<'a>) -> Self {
        Self {
            workflow,
            catalog,
            layout,
            shelf: Shelf::new(workflow, catalog),
            validators: Validators::new(),
            found: Findings::default(),
            inferred: Vec::new(),
            traced: HashMap::new(),
        }
    }

    pub(crate) fn template(
        &mut self,
        value: &Value,
        view: View,
        pointer: &Pointer,
    ) -> Option<Bound<Template>> {
        let compiled = Template::compile(value, &|name| self.kind_of(name, view));
        if let Err(errors) = &compiled {
            // each of the rest is compared with all of these
            const FEW: usize = 32;
            let broken: Vec<&[Segment]> = errors.iter().take(FEW).map(|error| &*error.pointer.0).collect();
            if errors.len() < FEW {
                self.check_rest(value, &broken, view, pointer);
            }
        }
        let code = self.report(compiled, pointer)?;
        let roots = self.bind(code.roots(), code.references(), view, pointer)?;
        self.check_texts(value, code.references(), &roots, view, pointer);
        let given = self.given(view).into_iter().map(Into::into).collect();
        Some(Bound { secret: roots.contains(&Root::Secrets), code, roots, given })
    }

    /// Checks what is sound of a value with mistakes in it.
    fn check_rest(&mut self, value: &Value, broken: &[&[Segment]], view: View, pointer: &Pointer) {
        if broken.is_empty() {
            self.template(value, view, pointer);
            return;
        }
        let children: Vec<(Segment, &Value)> = match value {
            Value::Object(map) => map.iter().map(|(key, value)| (Segment::from(&**key), value)).collect(),
            Value::Array(list) => list.iter().enumerate().map(|(at, value)| (at.into(), value)).collect(),
            _ => return,
        };
        for (segment, child) in children {
            if self.found.is_full() {
                return;
            }
            let below = broken.iter().filter(|path| path.first() == Some(&segment));
            let below: Vec<&[Segment]> = below.map(|path| &path[1..]).collect();
            self.check_rest(child, &below, view, &pointer.join(segment));
        }
    }

    /// Reports lists and objects in the middle of text, which can never be put there.
    fn check_texts(
        &mut self,
        value: &Value,
        references: &[Reference],
        roots: &[Root],
        view: View,
        pointer: &Pointer,
    ) {
        for (at, reference) in references.iter().enumerate() {
            let Some(text) = within(value, &reference.pointer).and_then(Value::as_str) else { continue };
            if !stands_in_text(text, &reference.text) || self.found.is_full() {
                continue;
            }
            let Some(origin) = self.origin(roots[reference.root], view) else { continue };
            let layout = self.layout;
            let found = self.shelf.find(origin, &reference.path, |step| layout.steps[step as usize].step);
            let Some((given, path, _, is_step)) = found else { continue };
            let Some(kinds) = given.kinds(&path, is_step) else { continue };
            if !kinds.iter().all(|kind| matches!(&**kind, "array" | "object")) {
                continue;
            }
            let name = &reference.text;
            let message = format!("`{name}` cannot stand in the middle of text");
            let help = match &*kinds[0] {
                "array" => format!("join it, such as `{name} | join(', ')`, or write `{name} | tojson`"),
                _ => format!("name a field of it, or write `{name} | tojson`"),
            };
            self.about(references, at, None, pointer, |at| {
                Diagnostic::error(Code::WRONG_RESULT, at, message)
                    .label(format!("it is {}", with_article(&kinds.join(" or "))))
                    .help(help)
            });
        }
    }

    /// As [`template`](Self::template), where secrets must not appear: what is evaluated here is
    /// written down.
    pub(crate) fn open_template(
        &mut self,
        value: &Value,
        view: View,
        pointer: &Pointer,
    ) -> Option<Bound<Template>> {
        let bound = self.template(value, view, pointer)?;
        let open = self.without_secrets(&bound.roots, bound.code.references(), pointer);
        open.then_some(bound)
    }

    pub(crate) fn expression(
        &mut self,
        value: &Value,
        wanted: Wanted,
        view: View,
        pointer: &Pointer,
    ) -> Option<Bound<Expression>> {
        let compiled = Expression::compile(value, &|name| self.kind_of(name, view));
        let code = self.report(compiled, pointer)?;
        let roots = self.bind(code.roots(), code.references(), view, pointer)?;
        if !self.without_secrets(&roots, code.references(), pointer) {
            return None;
        }
        if let [reference] = code.references()
            && *reference.text == *code.text()
        {
            self.check_result(reference, roots[reference.root], wanted, view, pointer);
        }
        Some(Bound { secret: false, code, roots, given: Box::default() })
    }

    /// Whether none of the references is to a secret; the first that is gets reported.
    pub(crate) fn without_secrets(
        &mut self,
        roots: &[Root],
        references: &[Reference],
        pointer: &Pointer,
    ) -> bool {
        let Some(at) = references.iter().position(|reference| roots[reference.root] == Root::Secrets) else {
            return true;
        };
        let message = "`secrets` can be used in the inputs and the configuration of agents only";
        let help = "what is decided or computed here is written down, and a secret must not be; \
                    let an agent use it";
        self.about(references, at, None, pointer, |at| {
            Diagnostic::error(Code::OUT_OF_SCOPE, at, message).help(help)
        });
        false
    }

    fn report<T>(&mut self, compiled: Result<T, Vec<TemplateError>>, pointer: &Pointer) -> Option<T> {
        let errors = match compiled {
            Ok(code) => return Some(code),
            Err(errors) => errors,
        };
        for (at, error) in errors.iter().enumerate() {
            if self.found.is_full() {
                break;
            }
            let before = errors[..=at].iter().filter(|other| other.pointer == error.pointer);
            let pieces: Vec<Box<str>> = before.map(|error| error.token.trim().into()).collect();
            let mark = match error.token.trim() {
                "" => Mark::Whole,
                token => Mark::Piece { pieces, part: named_part(&error.message, token) },
            };
            let mut diagnostic =
                Diagnostic::error(Code::BAD_TEMPLATE, extend(pointer, &error.pointer), &*error.message);
            diagnostic.help = error.help.clone().or_else(|| {
                Some(
                    "a token is a path such as `fetch.items[0]`, or an expression such as `fetch.count > 3`"
                        .into(),
                )
            });
            self.found.push(Finding { diagnostic, mark });
        }
        None
    }

    /// Reports something about a reference, or about a part of it.
    fn about(
        &mut self,
        references: &[Reference],
        at: usize,
        part: Option<Range<usize>>,
        pointer: &Pointer,
        diagnostic: impl FnOnce(Pointer) -> Diagnostic,
    ) {
        if self.found.is_full() {
            return;
        }
        let diagnostic = diagnostic(extend(pointer, &references[at].pointer));
        self.found.push(Finding { diagnostic, mark: mark(references, at, part) });
    }

    fn kind_of(&self, name: &str, view: View) -> Option<RootKind> {
        match self.resolve(name, view)? {
            Root::Step { .. } => Some(RootKind::Step),
            _ => Some(RootKind::Plain),
        }
    }

    /// The body from which one looks.
    fn body_of(&self, view: View) -> u32 {
        match view {
            View::Step(step) | View::Result(step) | View::Config(step) => {
                self.layout.steps[step as usize].body
            }
            View::After(body) => body,
        }
    }

    /// What a name stands for, seen from there: the innermost wins.
    fn resolve(&self, name: &str, view: View) -> Option<Root> {
        if matches!(view, View::Result(_)) && matches!(name, "result" | "response") {
            return Some(Root::Result);
        }
        if let Some(given) = self.given(view).iter().position(|given| *given == name) {
            return u16::try_from(given).ok().map(Root::Given);
        }
        let mut body = self.body_of(view);
        let mut up = 0;
        loop {
            if let Some(step) = self.layout.find(body, name) {
                return Some(Root::Step { up, step });
            }
            let laid = &self.layout.bodies[body as usize];
            match laid.names {
                Some((item, _)) if item == name => return Some(Root::Item { up }),
                Some((_, index)) if index == name => return Some(Root::Index { up }),
                _ => {}
            }
            let Some(owner) = laid.owner else { break };
            body = self.layout.steps[owner as usize].body;
            up += 1;
        }
        match name {
            "inputs" => Some(Root::Inputs),
            "metadata" | "execution" => Some(Root::Metadata),
            "secrets" => Some(Root::Secrets),
            _ => None,
        }
    }

    fn bind(
        &mut self,
        names: &[Box<str>],
        references: &[Reference],
        view: View,
        pointer: &Pointer,
    ) -> Option<Box<[Root]>> {
        let mut first = vec![None; names.len()];
        for (at, reference) in references.iter().enumerate() {
            first[reference.root].get_or_insert(at);
        }
        // what cannot be resolved is reported, and the rest is checked all the same
        let mut roots: Vec<Option<Root>> = Vec::with_capacity(names.len());
        for (name, at) in names.iter().zip(first) {
            let at = at.unwrap_or_default();
            let Some(root) = self.resolve(name, view) else {
                self.unknown(name, view, references, at, pointer);
                roots.push(None);
                continue;
            };
            let root = match root {
                Root::Inputs => self.inputs_seen(name, names, references, view),
                root => root,
            };
            let seen = match root {
                Root::Step { up, step } => self.infer(step, up, view, references, at, pointer),
                _ => true,
            };
            roots.push(seen.then_some(root));
        }
        for (at, reference) in references.iter().enumerate() {
            if let Some(root) = roots[reference.root] {
                self.check_path(references, at, root, view, pointer);
            }
        }
        roots.into_iter().collect()
    }

    /// The names of the step's own inputs, where they are known.
    fn given(&self, view: View) -> Vec<&'a str> {
        let View::Config(step) = view else { return Vec::new() };
        let layout: &'a Layout<'a> = self.layout;
        match &layout.steps[step as usize].step.kind {
            StepKind::Agent(AgentStep { inputs: Some(Value::Object(inputs)), .. }) => {
                inputs.keys().map(String::as_str).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What `inputs` stands for: in a configuration the step's own hide those of the execution.
    fn inputs_seen(&self, name: &str, names: &[Box<str>], references: &[Reference], view: View) -> Root {
        let given = self.given(view);
        let own = |reference: &&Reference| matches!(reference.path.first(), Some(PathSegment::Key(key)) if given.contains(&&**key));
        let mut used = references.iter().filter(|reference| *names[reference.root] == *name).peekable();
        if given.is_empty() || used.peek().is_none() {
            return Root::Inputs;
        }
        let (theirs, others): (Vec<_>, Vec<_>) = used.partition(own);
        match (theirs.is_empty(), others.is_empty()) {
            (true, _) => Root::Inputs,
            (false, true) => Root::AllGiven,
            (false, false) => Root::Laid,
        }
    }

    fn unknown(&mut self, name: &str, view: View, references: &[Reference], at: usize, pointer: &Pointer) {
        if self.found.is_full() {
            return;
        }
        let help = self.why_unknown(name, view, &references[at]);
        self.about(references, at, Some(0..name.len()), pointer, |at| {
            let mut diagnostic =
                Diagnostic::error(Code::UNKNOWN_NAME, at, format!("`{name}` is not known here"));
            diagnostic.help = help;
            diagnostic
        });
    }

    /// What the author may have meant by a name that nobody knows here.
    fn why_unknown(&mut self, name: &str, view: View, reference: &Reference) -> Option<String> {
        let layout = self.layout;
        let key = |step: u32| &*layout.steps[step as usize].step.key;
        let mut names: Vec<&str> = BUILT_IN.to_vec();
        let mut body = self.body_of(view);
        loop {
            names.extend(self.layout.keys(body));
            let laid = &self.layout.bodies[body as usize];
            names.extend(laid.names.iter().flat_map(|(item, index)| [*item, *index]));
            let Some(owner) = laid.owner else { break };
            body = self.layout.steps[owner as usize].body;
        }
        names.extend(self.given(view));
        if let View::Step(step) | View::Result(step) | View::Config(step) = view {
            names.retain(|known| *known != key(step));
        }
        if name == "steps"
            && let Some(PathSegment::Key(first)) = reference.path.first()
            && names.contains(&&**first)
        {
            return Some(format!("steps are named without `steps.`: `{first}`"));
        }
        if let Some(inside) = self.layout.steps.iter().position(|laid| laid.step.key == name) {
            let owner = self.layout.bodies[self.layout.steps[inside].body as usize].owner.map_or("", key);
            return Some(format!(
                "step `{name}` is inside `{owner}`; outside, only the output of `{owner}` is seen"
            ));
        }
        if matches!(name, "result" | "response") {
            return Some(format!(
                "`{name}` is known under the `outputs` of a step; elsewhere use the step's key"
            ));
        }
        let of_loop = self.layout.bodies.iter().find_map(|body| {
            let (item, index) = body.names?;
            let what = match name {
                _ if name == item => "item",
                _ if name == index => "index",
                _ => return None,
            };
            Some((what, key(body.owner?)))
        });
        if let Some((what, owner)) = of_loop {
            return Some(format!("`{name}` is the {what} of loop `{owner}`; it is known only inside of it"));
        }
        let help = suggest(name, self.found.comparable(names));
        if self.shelf.named(name).is_some() && !help.as_ref().is_some_and(|help| help.starts_with("did you"))
        {
            return Some(format!("`{name}` is an agent; refer to the step that asks it"));
        }
        help
    }

    /// Notes that what looks from here must wait for `step`; false if it cannot.
    fn infer(
        &mut self,
        step: u32,
        up: u8,
        view: View,
        references: &[Reference],
        at: usize,
        pointer: &Pointer,
    ) -> bool {
        let mut from = match view {
            View::Result(own) if own == step => return true,
            View::Step(own) | View::Result(own) | View::Config(own) => own,
            View::After(_) if up == 0 => return true,
            View::After(body) => match self.layout.bodies[body as usize].owner {
                Some(owner) => owner,
                None => return true,
            },
        };
        let mut up = if matches!(view, View::After(_)) { up - 1 } else { up };
        while up > 0 {
            let body = self.layout.steps[from as usize].body;
            let Some(owner) = self.layout.bodies[body as usize].owner else { break };
            from = owner;
            up -= 1;
        }
        if from == step {
            let key = &self.layout.steps[step as usize].step.key;
            let own = matches!(view, View::Step(own) | View::Config(own) if own == step);
            let (message, help) = if own {
                (
                    format!("step `{key}` refers to its own output"),
                    "refer to a step that ends before this one begins",
                )
            } else {
                (
                    format!("`{key}` is not finished while its own steps are being done"),
                    "refer to a step beside this one, or to one that ends before the outer one begins",
                )
            };
            self.about(references, at, Some(0..key.len()), pointer, |at| {
                Diagnostic::error(Code::NOT_UPSTREAM, at, message).help(help)
            });
            return false;
        }
        if let Some(traced @ None) = self.traced.get_mut(&(from, step)) {
            *traced = Some((extend(pointer, &references[at].pointer), mark(references, at, None)));
        }
        self.inferred.push((from, step));
        true
    }

    /// What is known of a root's value.
    fn origin(&self, root: Root, view: View) -> Option<Origin> {
        Some(match root {
            Root::Inputs => Origin::Inputs,
            Root::Metadata => Origin::Metadata,
            Root::Step { step, .. } => Origin::Step(step),
            Root::Index { .. } => Origin::Index,
            Root::Item { up } => {
                let mut body = self.body_of(view);
                for _ in 0..up {
                    let owner = self.layout.bodies[body as usize].owner?;
                    body = self.layout.steps[owner as usize].body;
                }
                Origin::Item(self.layout.bodies[body as usize].owner?)
            }
            // What is not the step's own is looked for among the declared ones when it is executed.
            Root::Secrets | Root::Result | Root::Given(_) | Root::AllGiven | Root::Laid => return None,
        })
    }

    fn check_path(&mut self, references: &[Reference], at: usize, root: Root, view: View, pointer: &Pointer) {
        let reference = &references[at];
        if root == Root::Secrets && !matches!(reference.path.first(), Some(PathSegment::Key(_))) {
            return self.about(references, at, None, pointer, |at| {
                Diagnostic::error(
                    Code::OUT_OF_SCOPE,
                    at,
                    "a secret must be named, so that only that one is read",
                )
                .help("write `secrets.NAME`")
            });
        }
        if reference.optional || reference.path.is_empty() || self.found.is_full() {
            return;
        }
        let Some(origin) = self.origin(root, view) else { return };
        let layout = self.layout;
        let step_of = |step: u32| layout.steps[step as usize].step;
        let Some((given, path, before, is_step)) = self.shelf.find(origin, &reference.path, step_of) else {
            return;
        };
        let Some(end) = given.dead_end(&path, is_step) else { return };
        let Some(dead) = end.at.checked_sub(before) else { return };
        let wanted = match &reference.path[dead] {
            PathSegment::Key(key) => key.to_string(),
            PathSegment::Index(index) => index.to_string(),
        };
        let part = segment(reference, dead);
        // what stands before the segment that is missing, as written
        let ahead = part
            .as_ref()
            .map_or("", |part| reference.text[..part.start].trim_end_matches(['.', '[', '"', '\'', ' ']));
        let ahead = ahead.replace(" .", ".");
        let (message, label) = match root {
            Root::Inputs if dead == 0 => (
                format!("input `{wanted}` is not declared by the workflow"),
                format!("declared are {}", end.shape),
            ),
            Root::Step { step, .. }
                if dead == 0
                    || (dead == 1 && end.at == 1 && path[0] == PathSegment::Key("output".into())) =>
            {
                (
                    format!("`{wanted}` is not produced by step `{}`", step_of(step).key),
                    format!("{} gives {}", given.giver, end.shape) + &given.additions(),
                )
            }
            Root::Metadata if dead == 0 => {
                (format!("`{ahead}` has no `{wanted}`"), format!("it has {}", end.shape))
            }
            _ => {
                (format!("`{ahead}` has no `{wanted}`"), format!("`{ahead}` is {}", with_article(&end.shape)))
            }
        };
        let help = if end.is_list {
            Some(format!(
                "it is a list: take one item with `{ahead}[0]`, or go through all of them in a loop"
            ))
        } else if end.offered.is_empty() {
            Some(format!("write `{ahead}`"))
        } else {
            suggest(&wanted, end.offered.iter().map(String::as_str))
        };
        let help = match root {
            Root::Inputs if dead == 0 && end.offered.is_empty() => {
                Some(format!("add `{wanted}` under `inputs`"))
            }
            _ => help,
        };
        self.about(references, at, part, pointer, |at| {
            let mut diagnostic = Diagnostic::error(Code::UNKNOWN_PATH, at, message).label(label);
            diagnostic.help = help;
            diagnostic
        });
    }

    /// Whether a plain path can be what an expression must give.
    fn check_result(
        &mut self,
        reference: &Reference,
        root: Root,
        wanted: Wanted,
        view: View,
        pointer: &Pointer,
    ) {
        let Some(origin) = self.origin(root, view) else { return };
        let layout = self.layout;
        let found = self.shelf.find(origin, &reference.path, |step| layout.steps[step as usize].step);
        let Some((given, path, _, is_step)) = found else { return };
        if let (Wanted::List, View::Step(step)) = (wanted, view) {
            self.shelf.note_items(step, origin, &reference.path);
        }
        let Some(kinds) = given.kinds(&path, is_step) else { return };
        let fits = match wanted {
            Wanted::Truth => "boolean",
            Wanted::List => "array",
        };
        if kinds.iter().any(|kind| kind == fits) {
            return;
        }
        let text = &reference.text;
        let (message, help) = match wanted {
            Wanted::Truth => {
                let compared = match &*kinds[0] {
                    "array" => format!("{text} | length > 0"),
                    "number" | "integer" => format!("{text} > 0"),
                    "string" => format!("{text} == '…'"),
                    _ => format!("{text} | truthy"),
                };
                (format!("`{text}` is neither true nor false"), format!("compare it, such as `{compared}`"))
            }
            Wanted::List => (
                format!("`{text}` is not a list to go through"),
                "refer to something that is a list".to_owned(),
            ),
        };
        let label = format!("it is {}", with_article(&kinds.join(" or ")));
        self.about(std::slice::from_ref(reference), 0, None, pointer, |at| {
            Diagnostic::error(Code::WRONG_RESULT, at, message).label(label).help(help)
        });
    }
}

/// A pointer into a value that itself stands at a pointer.
pub(crate) fn extend(outer: &Pointer, inner: &Pointer) -> Pointer {
    let segments: Vec<Segment> = outer.0.iter().chain(&inner.0).cloned().collect();
    Pointer(segments)
}

/// Marks a reference: references to one text stand in the order in which they were read.
fn mark(references: &[Reference], at: usize, part: Option<Range<usize>>) -> Mark {
    let here = &references[at].pointer;
    let before = references[..=at].iter().filter(|reference| reference.pointer == *here);
    Mark::Piece { pieces: before.map(|reference| reference.text.as_str().into()).collect(), part }
}

/// The value a pointer leads to.
fn within<'v>(value: &'v Value, pointer: &Pointer) -> Option<&'v Value> {
    pointer.0.iter().try_fold(value, |value, segment| match segment {
        Segment::Key(key) => value.get(&**key),
        Segment::Index(index) => value.get(index),
    })
}

/// Whether a plain path is a token of its own in a text that has more than this token.
fn stands_in_text(text: &str, path: &str) -> bool {
    let is_token = |at: usize| {
        let before = text[..at].trim_end().strip_suffix("{{");
        let after = text[at + path.len()..].trim_start().strip_prefix("}}");
        before.zip(after).is_some_and(|(before, after)| !before.is_empty() || !after.is_empty())
    };
    text.match_indices(path).any(|(at, _)| is_token(at))
}

fn with_article(shape: &str) -> String {
    match shape.chars().next() {
        Some('{') => shape.to_owned(),
        Some('a' | 'i' | 'o') if shape != "any" && shape != "anything" => format!("an {shape}"),
        _ => format!("a {shape}"),
    }
}

/// Where a segment of a path stands in its text.
fn segment(reference: &Reference, at: usize) -> Option<Range<usize>> {
    let text = &reference.text;
    let mut from = text.find(['.', '[', ' ']).unwrap_or(text.len());
    let mut found = None;
    for segment in &reference.path[..=at] {
        let key = match segment {
            PathSegment::Key(key) => key.to_string(),
            PathSegment::Index(index) => index.to_string(),
        };
        let start = from + text[from..].find(&key)?;
        from = start + key.len();
        found = Some(start..from);
    }
    found
}

/// The part of a token that a message names first, if it stands there only once.
fn named_part(message: &str, token: &str) -> Option<Range<usize>> {
    let name = message.split('`').nth(1).filter(|name| !name.is_empty())?;
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let mut places = token
        .match_indices(name)
        .filter(|(at, _)| !token[..*at].ends_with(part) && !token[at + name.len()..].starts_with(part));
    let (at, _) = places.next()?;
    places.next().is_none().then_some(at..at + name.len())
}

/// What a step is, for messages about steps that own others.
pub(crate) const fn owner_word(kind: &StepKind) -> &'static str {
    match kind {
        StepKind::Loop(_) => "loop",
        _ => "parallel step",
    }
}
