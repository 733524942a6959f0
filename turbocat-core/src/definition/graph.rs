//! Reading the form of nodes and edges, as canvas editors write it.
//!
//! A node becomes a step with the defaults of rows. An edge becomes a dependency. The condition
//! of an edge means: leaving a condition node, `true` and `false` choose the branch; anything
//! else must hold for its target to be done, together with the conditions of the target's other
//! edges.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::diagnostic::Code;

use super::cursor::At;
use super::decode::Decoder;
use super::retry::ON_ERROR;
use super::tree::{Entry, Node, Shape};
use super::workflow::{OnError, Step, StepKind, Workflow};

/// What the metadata of a graph says for all of its nodes.
#[derive(Default)]
struct Defaults {
    on_error: Option<OnError>,
    max_retries: Option<u32>,
    timeout: Option<Duration>,
}

impl Decoder<'_> {
    /// The steps of nodes and edges, into the workflow.
    pub(super) fn graph(
        &mut self,
        nodes: &At<'_>,
        edges: Option<&At<'_>>,
        metadata: Option<&At<'_>>,
        workflow: &mut Workflow,
    ) {
        let defaults = metadata.map(|at| self.graph_defaults(at, &mut workflow.metadata)).unwrap_or_default();
        workflow.timeout = workflow.timeout.or(defaults.timeout);
        if !matches!(nodes.node.shape, Shape::List(_)) {
            let message = format!("{} must be a list, not {}", nodes.label(), nodes.node.word());
            self.report(nodes.error(Code::WRONG_TYPE, message).help("such as `[{ id: a, type: agent }]`"));
            return;
        }
        if !self.has_room(nodes, nodes.items().count()) {
            return;
        }
        for item in nodes.items() {
            let step = self.node(&item, &defaults);
            workflow.steps.push(step);
        }
        if let Some(edges) = edges {
            self.edges(edges, &mut workflow.steps);
        }
    }

    fn graph_defaults(&mut self, at: &At<'_>, kept: &mut Map<String, Value>) -> Defaults {
        let mut fields = self.fields(at, "a mapping").empty_is_absent();
        let mut defaults = Defaults::default();
        if let Some(at) = fields.take("timeout") {
            defaults.timeout = match &at.node.shape {
                Shape::Number(_) => self.millis(&at),
                _ => self.duration(&mut fields, "timeout", "timeoutMs", false),
            }
            .filter(|timeout| !timeout.is_zero());
        }
        defaults.max_retries = fields.take("maxRetries").and_then(|at| self.count(&at, 0));
        defaults.on_error = fields.take("onError").and_then(|at| self.word(&at, &ON_ERROR));
        for key in ["timeout", "maxRetries", "onError"] {
            kept.shift_remove(key);
        }
        defaults
    }

    /// A node is a row under other names.
    fn node(&mut self, at: &At<'_>, defaults: &Defaults) -> Step {
        let entry = at.node.entry("id");
        let key = entry.and_then(|entry| self.text(&at.child(entry))).unwrap_or_default();
        match entry {
            None => {
                self.missing(at, "id", "a node has no `id`", "edges and templates refer to it by that name");
            }
            Some(entry) => {
                self.name(&key, "a step", true, |code, message| at.child(entry).error(code, message));
            }
        }
        let mut entries: Vec<Entry> = Vec::new();
        for entry in at.entries() {
            let key = match &*entry.key {
                "id" => "stepKey",
                "type" => "stepType",
                "name" | "label" => "stepName",
                other => other,
            };
            entries.push(Entry { key: key.to_owned(), ..entry.clone() });
        }
        if at.node.get("type").is_none() && !entries.is_empty() {
            let help = "say what it does, such as `agent` or `condition`";
            self.missing(at, "type", format!("node `{key}` has no `type`"), help);
            let value = Node { shape: Shape::Text("agent".to_owned()), place: None };
            entries.push(Entry { key: "stepType".to_owned(), place: None, value });
        }
        let shape = match at.node.shape {
            Shape::Mapping(_) => Shape::Mapping(entries),
            _ => at.node.shape.clone(),
        };
        let node = Node { shape, place: at.node.place };
        let said_on_error = node.get("onError").is_some();
        let said_retries = node.get("retryCount").is_some();
        let at = At { node: &node, path: at.path };
        let mut step = self.row(&key, &at, 0);
        if let Some(on_error) = defaults.on_error.filter(|_| !said_on_error) {
            step.on_error = on_error;
            step.tolerate();
        }
        if let Some(max) = defaults.max_retries.filter(|_| !said_retries && step.on_error == OnError::Retry) {
            step.retry.max = max;
        }
        step
    }

    fn edges(&mut self, at: &At<'_>, steps: &mut [Step]) {
        if !matches!(at.node.shape, Shape::List(_) | Shape::Null) {
            let message = format!("{} must be a list, not {}", at.label(), at.node.word());
            self.report(at.error(Code::WRONG_TYPE, message).help("such as `[{ source: a, target: b }]`"));
            return;
        }
        let places: HashMap<String, usize> =
            steps.iter().enumerate().map(|(index, step)| (step.key.clone(), index)).collect();
        let mut conditions: Vec<Vec<Value>> = vec![Vec::new(); steps.len()];
        for item in at.items() {
            let mut fields = self.fields(&item, "a mapping with `source` and `target`").empty_is_absent();
            fields.ignore(&["id", "label", "type", "sourceHandle", "targetHandle"]);
            let source = fields.take("source").map(|at| (at, self.text(&at).unwrap_or_default()));
            let target = fields.take("target").map(|at| (at, self.text(&at).unwrap_or_default()));
            let condition = fields.take("condition").map(|at| self.row_condition(&at));
            self.finish(&fields, |_| None, None);
            let (Some((source_at, source)), Some((target_at, target))) = (source, target) else {
                let key = if item.node.get("source").is_none() { "source" } else { "target" };
                self.missing(
                    &item,
                    key,
                    format!("an edge has no `{key}`"),
                    "an edge leads from `source` to `target`",
                );
                continue;
            };
            for (at, name) in [(source_at, &source), (target_at, &target)] {
                if !places.contains_key(name) && !self.is_full() {
                    let diagnostic = at.error(Code::UNKNOWN_DEPENDENCY, format!("there is no node `{name}`"));
                    self.report(diagnostic.suggest(name, places.keys().map(String::as_str).take(1_000)));
                }
            }
            let (Some(&from), Some(&to)) = (places.get(&source), places.get(&target)) else { continue };
            match (&mut steps[from].kind, condition) {
                (StepKind::Condition(step), Some(Value::Bool(true))) => step.then.push(target),
                (StepKind::Condition(step), Some(Value::Bool(false))) => step.otherwise.push(target),
                (_, condition) => {
                    conditions[to].extend(condition.filter(|condition| *condition != Value::Bool(true)));
                    if !steps[to].depends_on.contains(&source) {
                        steps[to].depends_on.push(source);
                    }
                }
            }
        }
        for (step, mut conditions) in steps.iter_mut().zip(conditions) {
            conditions.extend(step.when.take());
            if !conditions.is_empty() {
                step.when = Some(super::translate::all(&conditions));
            }
        }
    }
}
