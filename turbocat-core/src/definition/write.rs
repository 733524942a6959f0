//! Writing a workflow: the modern form, with what is default left out.
//!
//! The order of keys is that of the documentation, so that a written definition reads like one
//! by hand. What is written is read back as the same workflow, its source aside.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::duration::format_duration;

use super::budget::THEN;
use super::retry::{FALLBACK, ON_ERROR, ON_LOST};
use super::step::NEEDS;
use super::wait::ON_TIMEOUT;
use super::workflow::{
    AgentStep, Branch, Budget, Fallback, Inputs, Join, LoopStep, NamedAgent, NamedWorkflow, OnError, OnLost,
    OnTimeout, OverBudget, Retry, Step, StepKind, Wait, Workflow,
};

impl Workflow {
    /// The workflow as a JSON value, in the form of the documentation.
    pub fn to_value(&self) -> Value {
        let mut map = Fields::default();
        map.put("name", self.name.clone());
        map.put("description", self.description.clone());
        map.put("inputs", self.inputs.as_ref().map(write_inputs));
        map.put_filled(
            "agents",
            self.agents.iter().map(|agent| (agent.name.clone(), write_agent(agent))).collect(),
        );
        map.put_filled(
            "workflows",
            self.workflows.iter().map(|one| (one.name.clone(), one.workflow.to_value())).collect(),
        );
        map.put("timeout", self.timeout.map(format_duration));
        map.put("maxParallel", self.max_parallel);
        map.put("budget", self.budget.as_ref().map(write_budget));
        map.put("steps", Some(body(&self.steps)));
        map.put("outputs", self.outputs.clone());
        map.put_filled("metadata", self.metadata.clone());
        Value::Object(map.0)
    }

    /// The workflow as JSON text.
    pub fn to_json(&self) -> String {
        format!("{:#}", self.to_value())
    }

    /// The workflow as YAML text.
    pub fn to_yaml(&self) -> String {
        let value = self.to_value();
        // JSON is YAML too, should the writer refuse a value
        serde_saphyr::to_string(&value).unwrap_or_else(|_| format!("{value:#}\n"))
    }

    /// Without metadata, anywhere.
    fn bare(&self) -> Self {
        let named =
            |one: &NamedWorkflow| NamedWorkflow { name: one.name.clone(), workflow: one.workflow.bare() };
        Self {
            metadata: Map::new(),
            steps: self.steps.iter().map(without_metadata).collect(),
            workflows: self.workflows.iter().map(named).collect(),
            source: None,
            ..self.clone()
        }
    }

    /// The SHA-256 of what the workflow means, as hexadecimal digits: not of its layout, its
    /// metadata, or the form it was written in.
    pub fn digest(&self) -> String {
        let mut text = String::new();
        sorted(&self.bare().to_value(), &mut text);
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Serialize for Workflow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Workflow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_value(&value).map_err(D::Error::custom)
    }
}

/// A mapping that leaves out what is not there.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.0.insert(key.to_owned(), value.into());
        }
    }

    fn put_filled(&mut self, key: &str, map: Map<String, Value>) {
        self.put(key, (!map.is_empty()).then_some(map));
    }

    fn put_texts(&mut self, key: &str, texts: &[String]) {
        self.put(key, (!texts.is_empty()).then(|| texts.to_vec()));
    }

    fn put_other_than<T: PartialEq + Into<Value> + Clone>(&mut self, key: &str, value: &T, default: &T) {
        self.put(key, (value != default).then(|| value.clone()));
    }
}

fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> Option<&'static str> {
    words.iter().find(|(_, known)| known == value).map(|(word, _)| *word)
}

fn write_budget(budget: &Budget) -> Value {
    let mut map = Fields::default();
    map.put("tokens", budget.tokens);
    map.put("costUsd", budget.cost_usd.map(number));
    map.put("apiCalls", budget.api_calls);
    if budget.then != OverBudget::default() {
        map.put("then", word(&THEN, &budget.then));
    }
    Value::Object(map.0)
}

/// A number without a fraction that says nothing.
fn number(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked just before")]
    if number.fract() == 0.0 && number.abs() < 1e15 {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}

/// The short form, if nothing is lost by it.
fn write_inputs(inputs: &Inputs) -> Value {
    short_inputs(&inputs.schema).unwrap_or_else(|| inputs.schema.clone())
}

fn short_inputs(schema: &Value) -> Option<Value> {
    let schema = schema.as_object()?;
    let plain = schema.len() == 4
        && schema.get("type") == Some(&json!("object"))
        && schema.get("additionalProperties") == Some(&json!(false));
    let properties = schema.get("properties")?.as_object().filter(|_| plain)?;
    let required: Vec<&str> =
        schema.get("required")?.as_array()?.iter().map(Value::as_str).collect::<Option<_>>()?;
    let expected = properties.keys().filter(|name| required.contains(&name.as_str()));
    if !expected.eq(required.iter().copied()) || properties.get("type").is_some() {
        return None;
    }
    let mut short = Map::new();
    for (name, property) in properties {
        let mut property = property.as_object()?.clone();
        let needed = required.contains(&name.as_str());
        if needed == property.contains_key("default") {
            // a schema of an object has a list of its own under that key
            if property.contains_key("required") {
                return None;
            }
            property.insert("required".to_owned(), json!(needed));
        }
        let only_type = match (property.len(), property.get("type")) {
            (0, _) => Some(json!("any")),
            (1, Some(name @ Value::String(_))) => Some(name.clone()),
            _ => None,
        };
        short.insert(name.clone(), only_type.unwrap_or(Value::Object(property)));
    }
    Some(Value::Object(short))
}

fn write_agent(agent: &NamedAgent) -> Value {
    let mut map = Fields::default();
    map.put("type", Some(agent.agent.clone()));
    map.put_filled("config", agent.config.clone());
    Value::Object(map.0)
}

/// A mapping by key, or a list if two steps have one key, which a mapping would lose.
fn body(steps: &[Step]) -> Value {
    let mut map = Map::new();
    for step in steps {
        if map.insert(step.key.clone(), Value::Object(write_step(step))).is_some() {
            let listed = steps.iter().map(|step| with_key(&step.key, write_step(step)));
            return Value::Array(listed.collect());
        }
    }
    Value::Object(map)
}

fn with_key(key: &str, fields: Map<String, Value>) -> Value {
    let mut map = Map::from_iter([("key".to_owned(), Value::from(key))]);
    map.extend(fields);
    Value::Object(map)
}

fn write_step(step: &Step) -> Map<String, Value> {
    let mut map = Fields::default();
    map.put("name", step.name.clone());
    write_kind(&step.kind, &mut map);
    map.put_texts("dependsOn", &step.depends_on);
    map.put("when", step.when.clone());
    map.put("needs", step.needs.and_then(|needs| word(&NEEDS, &needs)));
    if step.on_error != OnError::Fail {
        map.put("onError", word(&ON_ERROR, &step.on_error));
    }
    if step.on_error == OnError::Retry && step.retry != Retry::default() {
        map.put("retry", Some(write_retry(&step.retry)));
    }
    map.put("timeout", step.timeout.map(format_duration));
    map.put("deadline", step.deadline.map(format_duration));
    map.put_filled("outputs", step.outputs.clone());
    map.put_filled("metadata", step.metadata.clone());
    map.0
}

fn write_kind(kind: &StepKind, map: &mut Fields) {
    match kind {
        StepKind::Agent(step) => write_agent_step(step, map),
        StepKind::Condition(step) => {
            map.put("condition", Some(step.condition.clone()));
            map.put_texts("then", &step.then);
            map.put_texts("else", &step.otherwise);
        }
        StepKind::Loop(step) => write_loop(step, map),
        StepKind::Parallel(step) => {
            let join = match step.join {
                Join::All => None,
                Join::Any => Some(Value::from("any")),
                Join::Count(count) => Some(Value::from(count)),
            };
            let mut inner = Fields::default();
            inner.put("join", join);
            inner.put("branches", Some(write_branches(&step.branches)));
            map.put("parallel", Some(inner.0));
        }
        StepKind::Wait(wait) => map.put("wait", Some(write_wait(wait))),
        StepKind::Workflow(step) => {
            map.put("workflow", Some(step.workflow.clone()));
            map.put("inputs", step.inputs.clone());
            map.put_other_than("waitForCompletion", &step.wait_for_completion, &true);
        }
    }
}

fn write_agent_step(step: &AgentStep, map: &mut Fields) {
    match &step.agent {
        Some(agent) => map.put("agent", Some(agent.clone())),
        None => map.put("type", Some("agent")),
    }
    map.put("inputs", step.inputs.clone());
    map.put_filled("config", step.config.clone());
    if step.agent.is_some() && step.on_lost != OnLost::default() {
        map.put("onLost", word(&ON_LOST, &step.on_lost));
    }
}

fn write_loop(step: &LoopStep, map: &mut Fields) {
    map.put("loop", Some(step.items.clone()));
    map.put_other_than("as", &step.item_name, &"item".to_owned());
    map.put_other_than("indexAs", &step.index_name, &"index".to_owned());
    map.put_other_than("maxParallel", &step.max_parallel, &1);
    map.put_other_than("maxIterations", &step.max_iterations, &LoopStep::DEFAULT_MAX_ITERATIONS);
    map.put("steps", Some(body(&step.steps)));
    map.put("output", step.output.clone());
}

fn write_branches(branches: &[Branch]) -> Value {
    let mut map = Map::new();
    for branch in branches {
        if map.insert(branch.key.clone(), Value::Object(write_branch(branch))).is_some() {
            let listed = branches.iter().map(|branch| with_key(&branch.key, write_branch(branch)));
            return Value::Array(listed.collect());
        }
    }
    Value::Object(map)
}

fn write_branch(branch: &Branch) -> Map<String, Value> {
    match &branch.steps[..] {
        [step] if branch.single => write_step(step),
        steps => Map::from_iter([("steps".to_owned(), body(steps))]),
    }
}

fn write_wait(wait: &Wait) -> Value {
    let answered = |way: &str, value: &Value, on_timeout: &OnTimeout| {
        let mut map = Fields::default();
        map.put(way, Some(value.clone()));
        if *on_timeout != OnTimeout::default() {
            map.put("onTimeout", word(&ON_TIMEOUT, on_timeout));
        }
        Value::Object(map.0)
    };
    match wait {
        Wait::For(pause) => pause.clone(),
        Wait::Until(moment) => json!({ "until": moment }),
        Wait::Signal { name, on_timeout } => answered("signal", name, on_timeout),
        Wait::Approval { question, on_timeout } => answered("approval", question, on_timeout),
    }
}

fn write_retry(retry: &Retry) -> Value {
    let standard = Retry::default();
    let mut map = Fields::default();
    let duration = |value: Duration, default: Duration| (value != default).then(|| format_duration(value));
    map.put_other_than("max", &retry.max, &standard.max);
    map.put("delay", duration(retry.delay, standard.delay));
    map.put("factor", (retry.factor != standard.factor).then(|| number(retry.factor)));
    map.put("maxDelay", duration(retry.max_delay, standard.max_delay));
    map.put("jitter", (retry.jitter != standard.jitter).then(|| number(retry.jitter)));
    map.put_texts("on", &retry.on);
    if retry.then != Fallback::default() {
        map.put("then", word(&FALLBACK, &retry.then));
    }
    Value::Object(map.0)
}

fn without_metadata(step: &Step) -> Step {
    let mut step = Step { metadata: Map::new(), ..step.clone() };
    match &mut step.kind {
        StepKind::Loop(body) => {
            body.steps.iter_mut().for_each(|nested| *nested = without_metadata(nested));
        }
        StepKind::Parallel(parallel) => {
            let nested = parallel.branches.iter_mut().flat_map(|branch| &mut branch.steps);
            nested.for_each(|nested| *nested = without_metadata(nested));
        }
        _ => {}
    }
    step
}

/// JSON with sorted keys and without blanks.
fn sorted(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                sorted(item, text);
            }
            text.push(']');
        }
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            text.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                sorted(&map[key], text);
            }
            text.push('}');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}
