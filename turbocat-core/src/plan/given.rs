//! What is known of the values that names stand for: the schema of a step's output, of the inputs,
//! of a loop's item.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::schema::{Verdict, kinds_of, walk};
use crate::catalog::Catalog;
use crate::definition::{NamedAgent, Step, StepKind, Wait, Workflow};
use crate::template::PathSegment;

/// The schema of a value, and who gives it.
#[derive(Clone)]
pub(crate) struct Given<'a> {
    schema: Schema<'a>,
    /// Who gives it, as in `hn-search@1 gives { … }`.
    pub(crate) giver: Cow<'a, str>,
    /// Names that are laid over it.
    also: Option<&'a Map<String, Value>>,
}

#[derive(Clone)]
enum Schema<'a> {
    Lent(&'a Value),
    Made(Rc<Value>),
}

/// A value whose schema may be known, by where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    Inputs,
    Metadata,
    Step(u32),
    /// An item of that loop.
    Item(u32),
    /// The index of an item.
    Index,
}

/// A path that leads nowhere.
pub(crate) struct DeadEnd {
    /// Which segment of the path is not there.
    pub(crate) at: usize,
    /// The names that are.
    pub(crate) offered: Vec<String>,
    /// What stands there, in a line.
    pub(crate) shape: String,
    /// Whether a list stands there.
    pub(crate) is_list: bool,
}

impl<'a> Given<'a> {
    pub(crate) fn lent(schema: &'a Value, giver: impl Into<Cow<'a, str>>) -> Self {
        Self { schema: Schema::Lent(schema), giver: giver.into(), also: None }
    }

    fn made(schema: Value, giver: &'static str) -> Self {
        Self { schema: Schema::Made(Rc::new(schema)), giver: giver.into(), also: None }
    }

    fn schema(&self) -> &Value {
        match &self.schema {
            Schema::Lent(schema) => schema,
            Schema::Made(schema) => schema,
        }
    }

    /// Where a path ends that leads nowhere. `output` at its beginning is a name of all of it.
    pub(crate) fn dead_end(&self, path: &[PathSegment], is_step: bool) -> Option<DeadEnd> {
        let (path, skipped) = self.without_output(path, is_step);
        if let (Some(PathSegment::Key(first)), Some(also)) = (path.first(), self.also)
            && also.contains_key(&**first)
        {
            return None;
        }
        let Verdict::Missing { at, offered, shape, is_list } = walk(self.schema(), path) else { return None };
        let mut offered: Vec<String> = offered.into_iter().map(str::to_owned).collect();
        if at == 0 {
            offered.extend(self.also.iter().flat_map(|also| also.keys().cloned()));
        }
        Some(DeadEnd { at: at + skipped, offered, shape, is_list })
    }

    /// What is laid over it, for messages.
    pub(crate) fn additions(&self) -> String {
        match self.also {
            Some(also) => {
                let names: Vec<&str> = also.keys().take(8).map(String::as_str).collect();
                format!(", and `outputs` adds {{ {} }}", names.join(", "))
            }
            None => String::new(),
        }
    }

    /// The types a path's value certainly has one of, if that is known. Null is not among them:
    /// everything of a step that was skipped is null.
    pub(crate) fn kinds(&self, path: &[PathSegment], is_step: bool) -> Option<Vec<String>> {
        let (path, _) = self.without_output(path, is_step);
        if path.is_empty() && self.also.is_some() {
            return None;
        }
        if let (Some(PathSegment::Key(first)), Some(also)) = (path.first(), self.also)
            && also.contains_key(&**first)
        {
            return None;
        }
        match walk(self.schema(), path) {
            Verdict::Known(schema) => kinds_of(self.schema(), schema),
            _ => None,
        }
    }

    fn without_output<'p>(&self, path: &'p [PathSegment], is_step: bool) -> (&'p [PathSegment], usize) {
        let alias = is_step
            && matches!(path.first(), Some(PathSegment::Key(key)) if &**key == "output")
            && self.also.is_none_or(|also| !also.contains_key("output"))
            && matches!(walk(self.schema(), &path[..1]), Verdict::Missing { .. });
        if alias { (&path[1..], 1) } else { (path, 0) }
    }
}

/// Knows what steps give; asks each only once.
pub(crate) struct Shelf<'a> {
    workflow: &'a Workflow,
    catalog: &'a dyn Catalog,
    named: HashMap<&'a str, &'a NamedAgent>,
    metadata: Given<'a>,
    index: Given<'a>,
    steps: HashMap<u32, Option<Given<'a>>>,
    /// Where the items of a loop come from, if that is a plain path.
    items: HashMap<u32, (Origin, Vec<PathSegment>)>,
}

impl<'a> Shelf<'a> {
    pub(crate) fn new(workflow: &'a Workflow, catalog: &'a dyn Catalog) -> Self {
        let mut named = HashMap::new();
        for agent in &workflow.agents {
            named.entry(&*agent.name).or_insert(agent);
        }
        Self {
            workflow,
            catalog,
            named,
            metadata: Given::made(fields(["executionId", "workflow", "startedAt"]), "`metadata`"),
            index: Given::made(json!({ "type": "integer" }), "an index"),
            steps: HashMap::new(),
            items: HashMap::new(),
        }
    }

    /// The workflow's own agent of that name.
    pub(crate) fn named(&self, name: &str) -> Option<&'a NamedAgent> {
        self.named.get(name).copied()
    }

    /// Notes where the items of a loop come from.
    pub(crate) fn note_items(&mut self, of: u32, origin: Origin, path: &[PathSegment]) {
        self.items.insert(of, (origin, path.to_vec()));
    }

    /// What is known of a value, the path to go from there, and how many of its segments stand
    /// for the way to an item.
    pub(crate) fn find(
        &mut self,
        origin: Origin,
        path: &[PathSegment],
        step: impl Fn(u32) -> &'a Step,
    ) -> Option<(Given<'a>, Vec<PathSegment>, usize, bool)> {
        let mut origin = origin;
        let mut path = path.to_vec();
        let mut before = 0;
        // an item of an item of an item: as deep as bodies may be
        for _ in 0..64 {
            let Origin::Item(of) = origin else { break };
            let (from, way) = self.items.get(&of)?;
            before += way.len() + 1;
            path = way.iter().cloned().chain([PathSegment::Index(0)]).chain(path).collect();
            origin = *from;
        }
        let given = match origin {
            Origin::Inputs => Given::lent(&self.workflow.inputs.as_ref()?.schema, "the workflow"),
            Origin::Metadata => self.metadata.clone(),
            Origin::Index => self.index.clone(),
            Origin::Step(index) => match self.steps.get(&index) {
                Some(known) => known.clone()?,
                None => {
                    let given = self.output(step(index));
                    self.steps.insert(index, given.clone());
                    given?
                }
            },
            Origin::Item(_) => return None,
        };
        Some((given, path, before, matches!(origin, Origin::Step(_))))
    }

    /// What a step gives.
    fn output(&self, step: &'a Step) -> Option<Given<'a>> {
        let mut given = match &step.kind {
            StepKind::Agent(work) => match work.agent.as_deref() {
                Some(name) => {
                    let agent = self.named(name).map_or(name, |named| &named.agent);
                    Given::lent(self.catalog.agent(agent)?.output.as_ref()?, agent)
                }
                None => {
                    let empty = Value::Object(Map::new());
                    Given::made(written(work.inputs.as_ref().unwrap_or(&empty)), "a step without agent")
                }
            },
            StepKind::Condition(_) => Given::made(
                json!({ "type": "object", "properties": {
                    "conditionResult": { "type": "boolean" }, "branch": { "type": "string" }, "evaluated": { "type": "boolean" },
                } }),
                "a condition",
            ),
            StepKind::Loop(each) => {
                let item = match &each.output {
                    Some(output) => written(output),
                    None => fields(each.steps.iter().map(|step| &*step.key)),
                };
                Given::made(
                    json!({ "type": "object", "properties": {
                        "results": { "type": "array", "items": item },
                        "itemCount": { "type": "integer" }, "loopCompleted": { "type": "boolean" },
                    } }),
                    "a loop",
                )
            }
            StepKind::Parallel(fork) => {
                let names = fork.branches.iter().map(|branch| &*branch.key);
                Given::made(fields(names.chain(["parallelCompleted"])), "this parallel step")
            }
            StepKind::Wait(wait) => {
                let names: &[&str] = match wait {
                    Wait::For(_) => &["waited", "waitMs"],
                    Wait::Until(_) => &["waited", "until"],
                    Wait::Signal { .. } => &["waited", "signal", "payload", "timedOut"],
                    Wait::Approval { .. } => &["waited", "approved", "by", "comment", "at", "timedOut"],
                };
                Given::made(fields(names.iter().copied()), "this wait")
            }
            StepKind::Workflow(child) if !child.wait_for_completion => {
                Given::made(fields(["executionId", "status"]), "a workflow that is not waited for")
            }
            StepKind::Workflow(_) => return None,
        };
        given.also = (!step.outputs.is_empty()).then_some(&step.outputs);
        Some(given)
    }
}

fn fields<'n>(names: impl IntoIterator<Item = &'n str>) -> Value {
    let properties: Map<String, Value> = names.into_iter().map(|name| (name.to_owned(), json!({}))).collect();
    json!({ "type": "object", "properties": properties })
}

/// The schema of a value as it is written: a template may become anything.
fn written(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let properties: Map<String, Value> =
                map.iter().map(|(key, value)| (key.clone(), written(value))).collect();
            json!({ "type": "object", "properties": properties })
        }
        Value::Array(_) => json!({ "type": "array" }),
        Value::String(text) if text.contains("{{") => json!({}),
        Value::String(_) => json!({ "type": "string" }),
        Value::Number(_) => json!({ "type": "number" }),
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::Null => json!({}),
    }
}
