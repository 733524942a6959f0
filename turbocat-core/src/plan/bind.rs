//! Compiles the templates of a step, resolves their roots, and checks every reference: that the
//! name exists, that it can be seen from here, and that the path exists in what is given there.

use serde_json::{Map, Value, json};

use super::layout::Layout;
use super::plan::{Bound, Root};
use super::schema::{Verdict, walk};
use crate::catalog::Catalog;
use crate::definition::{NamedAgent, Step, StepKind, Wait, Workflow};
use crate::diagnostic::{Code, Diagnostic, Pointer, Segment};
use crate::template::{Expression, PathSegment, Reference, RootKind, Template, TemplateError};

/// A finding, and the piece of text it is about.
pub(crate) struct Finding {
    pub(crate) diagnostic: Diagnostic,
    /// A piece of the text at the pointer.
    pub(crate) needle: Option<String>,
    /// A piece of the needle to mark instead of all of it.
    pub(crate) part: Option<String>,
}

impl From<Diagnostic> for Finding {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostic, needle: None, part: None }
    }
}

impl Finding {
    fn about(diagnostic: Diagnostic, needle: impl Into<String>) -> Self {
        Self { diagnostic, needle: Some(needle.into()), part: None }
    }
}

/// Names that stand for something in every template.
const BUILT_IN: [&str; 4] = ["inputs", "secrets", "metadata", "execution"];

/// Compiles and checks the templates of one workflow.
pub(crate) struct Binder<'a> {
    pub(crate) workflow: &'a Workflow,
    pub(crate) catalog: &'a dyn Catalog,
    pub(crate) layout: &'a Layout<'a>,
    pub(crate) found: Vec<Finding>,
    /// A dependent step and the step it refers to, both of one body.
    pub(crate) inferred: Vec<(u32, u32)>,
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
}

impl<'a> Binder<'a> {
    pub(crate) fn template(
        &mut self,
        value: &Value,
        view: View,
        pointer: &Pointer,
    ) -> Option<Bound<Template>> {
        let compiled = Template::compile(value, &|name| self.kind_of(name, view));
        let code = self.report(compiled, pointer)?;
        let roots = self.bind(code.roots(), code.references(), view, pointer)?;
        Some(Bound { secret: roots.contains(&Root::Secrets), code, roots })
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
        self.without_secrets(bound, pointer)
    }

    pub(crate) fn expression(
        &mut self,
        value: &Value,
        view: View,
        pointer: &Pointer,
    ) -> Option<Bound<Expression>> {
        let compiled = Expression::compile(value, &|name| self.kind_of(name, view));
        let code = self.report(compiled, pointer)?;
        let roots = self.bind(code.roots(), code.references(), view, pointer)?;
        let bound = Bound { secret: roots.contains(&Root::Secrets), code, roots };
        self.without_secrets(bound, pointer)
    }

    fn without_secrets<T>(&mut self, bound: Bound<T>, pointer: &Pointer) -> Option<Bound<T>> {
        if !bound.secret {
            return Some(bound);
        }
        let diagnostic = Diagnostic::error(
            Code::OUT_OF_SCOPE,
            pointer.clone(),
            "`secrets` can be used in the inputs and the configuration of agents only",
        )
        .help("what is decided or computed here is written down, and a secret must not be");
        self.found.push(Finding::about(diagnostic, "secrets"));
        None
    }

    fn report<T>(&mut self, compiled: Result<T, Vec<TemplateError>>, pointer: &Pointer) -> Option<T> {
        match compiled {
            Ok(code) => Some(code),
            Err(errors) => {
                for error in errors {
                    let mut diagnostic =
                        Diagnostic::error(Code::BAD_TEMPLATE, extend(pointer, &error.pointer), error.message);
                    diagnostic.help = error.help;
                    let needle = (!error.token.is_empty()).then_some(error.token);
                    self.found.push(Finding { diagnostic, needle, part: None });
                }
                None
            }
        }
    }

    fn kind_of(&self, name: &str, view: View) -> Option<RootKind> {
        match self.resolve(name, view)? {
            Root::Step { .. } => Some(RootKind::Step),
            _ => Some(RootKind::Plain),
        }
    }

    /// What a name stands for, seen from there: the innermost wins.
    fn resolve(&self, name: &str, view: View) -> Option<Root> {
        let mut body = match view {
            View::Result(_) if matches!(name, "result" | "response") => return Some(Root::Result),
            View::Step(step) | View::Result(step) => self.layout.steps[step as usize].body,
            View::After(body) => body,
        };
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
        let mut roots = Vec::with_capacity(names.len());
        let mut sound = true;
        for (at, name) in names.iter().enumerate() {
            let place = references.iter().find(|reference| reference.root == at);
            let pointer = place.map_or_else(|| pointer.clone(), |r| extend(pointer, &r.pointer));
            let Some(root) = self.resolve(name, view) else {
                self.unknown(name, view, pointer);
                sound = false;
                continue;
            };
            if let Root::Step { up, step } = root {
                sound &= self.infer(step, up, view, pointer);
            }
            roots.push(root);
        }
        if !sound {
            return None;
        }
        for reference in references {
            self.check_path(reference, roots[reference.root], pointer);
        }
        Some(roots.into())
    }

    fn unknown(&mut self, name: &str, view: View, pointer: Pointer) {
        let inside = self.layout.steps.iter().position(|laid| laid.step.key == name);
        let mut diagnostic =
            Diagnostic::error(Code::UNKNOWN_NAME, pointer, format!("`{name}` is not known here"));
        if let Some(inside) = inside {
            let owner = self.layout.bodies[self.layout.steps[inside].body as usize].owner;
            let owner = owner.map_or("the workflow", |owner| &*self.layout.steps[owner as usize].step.key);
            diagnostic.help = Some(format!(
                "step `{name}` is inside `{owner}`; outside, only the output of `{owner}` is seen"
            ));
        } else {
            let mut names: Vec<&str> = BUILT_IN.to_vec();
            let mut body = match view {
                View::Step(step) | View::Result(step) => self.layout.steps[step as usize].body,
                View::After(body) => body,
            };
            loop {
                names.extend(self.layout.keys(body));
                let laid = &self.layout.bodies[body as usize];
                names.extend(laid.names.iter().flat_map(|(item, index)| [*item, *index]));
                let Some(owner) = laid.owner else { break };
                body = self.layout.steps[owner as usize].body;
            }
            if let View::Step(step) | View::Result(step) = view {
                let own = &*self.layout.steps[step as usize].step.key;
                names.retain(|known| *known != own);
            }
            diagnostic = diagnostic.suggest(name, names);
        }
        self.found.push(Finding::about(diagnostic, name));
    }

    /// Notes that what looks from here must wait for `step`; false if it cannot.
    fn infer(&mut self, step: u32, up: u8, view: View, pointer: Pointer) -> bool {
        let mut from = match view {
            View::Result(own) if own == step => return true,
            View::Step(own) | View::Result(own) => own,
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
        let key = &self.layout.steps[step as usize].step.key;
        if from == step {
            let inside = !matches!(view, View::Step(own) if own == step);
            let message = if inside {
                format!("`{key}` is not finished while its own steps are being done")
            } else {
                format!("step `{key}` refers to its own output")
            };
            let diagnostic = Diagnostic::error(Code::NOT_UPSTREAM, pointer, message)
                .help("refer to a step that ends before this one begins");
            self.found.push(Finding::about(diagnostic, &**key));
            return false;
        }
        self.inferred.push((from, step));
        true
    }

    fn check_path(&mut self, reference: &Reference, root: Root, pointer: &Pointer) {
        if reference.optional {
            return;
        }
        let (schema, owner) = match root {
            Root::Inputs => {
                let Some(inputs) = &self.workflow.inputs else { return };
                (inputs.schema.clone(), "the workflow's inputs".to_owned())
            }
            Root::Step { step, .. } => {
                let laid = self.layout.steps[step as usize].step;
                let Some((schema, giver)) = self.output_schema(laid) else { return };
                (schema, giver)
            }
            Root::Metadata => (metadata_schema(), "`metadata`".to_owned()),
            _ => return,
        };
        let is_step = matches!(root, Root::Step { .. });
        let mut path = &reference.path[..];
        if is_step
            && matches!(path.first(), Some(PathSegment::Key(key)) if &**key == "output")
            && matches!(walk(&schema, &path[..1]), Verdict::Missing { .. })
        {
            path = &path[1..];
        }
        let Verdict::Missing { at, offered, shape } = walk(&schema, path) else { return };
        let wanted = match &path[at] {
            PathSegment::Key(key) => key.to_string(),
            PathSegment::Index(index) => index.to_string(),
        };
        let message = match root {
            Root::Inputs if at == 0 => format!("input `{wanted}` is not declared by the workflow"),
            Root::Inputs => format!("`{wanted}` does not exist in `{}`", reference.text),
            Root::Step { step, .. } => {
                format!("`{wanted}` is not produced by step `{}`", self.layout.steps[step as usize].step.key)
            }
            _ => format!("`{wanted}` does not exist in {owner}"),
        };
        let diagnostic = Diagnostic::error(Code::UNKNOWN_PATH, extend(pointer, &reference.pointer), message)
            .label(format!("{owner} gives {shape}"))
            .suggest(&wanted, offered);
        let needle = Some(reference.text.clone());
        self.found.push(Finding { diagnostic, needle, part: Some(wanted) });
    }

    /// The schema of what a step gives, and who gives it.
    fn output_schema(&self, step: &Step) -> Option<(Value, String)> {
        let (mut schema, giver) = match &step.kind {
            StepKind::Agent(work) => {
                let name = work.agent.as_deref()?;
                let agent = self.named(name).map_or(name, |named| &named.agent);
                (self.catalog.agent(agent)?.output.clone()?, agent.to_owned())
            }
            StepKind::Condition(_) => {
                (fields(&["conditionResult", "branch", "evaluated"]), "a condition".to_owned())
            }
            StepKind::Loop(each) => {
                let mut schema = fields(&["results", "itemCount", "loopCompleted"]);
                let output = if each.output.is_none() {
                    let properties: Map<String, Value> =
                        each.steps.iter().map(|step| (step.key.clone(), json!({}))).collect();
                    json!({ "type": "object", "properties": properties })
                } else {
                    json!({})
                };
                schema["properties"]["results"] = json!({ "type": "array", "items": output });
                (schema, "a loop".to_owned())
            }
            StepKind::Parallel(fork) => {
                let mut names: Vec<&str> = fork.branches.iter().map(|branch| &*branch.key).collect();
                names.push("parallelCompleted");
                (fields(&names), "a parallel step".to_owned())
            }
            StepKind::Wait(wait) => {
                let names: &[&str] = match wait {
                    Wait::For(_) => &["waited", "waitMs"],
                    Wait::Until(_) => &["waited", "until"],
                    Wait::Signal { .. } => &["waited", "signal", "payload", "timedOut"],
                    Wait::Approval { .. } => &["waited", "approved", "by", "comment", "at", "timedOut"],
                };
                (fields(names), "a wait".to_owned())
            }
            StepKind::Workflow(child) if !child.wait_for_completion => {
                (fields(&["executionId", "status"]), "a nested workflow that is not waited for".to_owned())
            }
            StepKind::Workflow(_) => return None,
        };
        if !step.outputs.is_empty() {
            let properties = schema.get_mut("properties").and_then(Value::as_object_mut)?;
            properties.extend(step.outputs.keys().map(|key| (key.clone(), json!({}))));
        }
        Some((schema, giver))
    }

    /// The workflow's own agent of that name.
    pub(crate) fn named(&self, name: &str) -> Option<&'a NamedAgent> {
        self.workflow.agents.iter().find(|named| named.name == name)
    }
}

fn fields(names: &[&str]) -> Value {
    let properties: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
    json!({ "type": "object", "properties": properties })
}

fn metadata_schema() -> Value {
    fields(&["executionId", "workflow", "startedAt"])
}

/// A pointer into a value that itself stands at a pointer.
pub(crate) fn extend(outer: &Pointer, inner: &Pointer) -> Pointer {
    let segments: Vec<Segment> = outer.0.iter().chain(&inner.0).cloned().collect();
    Pointer(segments)
}
