//! What stands in the data of a template: read leniently, because old templates have other names for
//! the same things.

use serde_json::{Map, Value, json};
use turbocat_storage::platform::{AgentType, ErrorHandling, NewStep, StepType};
use uuid::Uuid;

use crate::error::{Code, Error, Result};

/// An agent as a template describes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AgentShape {
    pub(super) name: Option<String>,
    pub(super) kind: AgentType,
    pub(super) config: Map<String, Value>,
    pub(super) parameters: Value,
    pub(super) capabilities: Value,
    pub(super) system_prompt: Option<String>,
    pub(super) tools: Value,
}

/// Who does a step.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Doer {
    /// Nobody: the step does itself what it does.
    Nobody,
    /// An agent that there is.
    There(Uuid),
    /// An agent that is made with the workflow.
    New(Box<AgentShape>),
}

/// A step as a template describes it.
#[derive(Debug)]
pub(super) struct StepShape {
    pub(super) step: NewStep,
    pub(super) doer: Doer,
}

/// A template whose data cannot be used.
pub(super) fn broken(what: impl std::fmt::Display) -> Error {
    Error::new(Code::Unprocessable, format!("nothing can be made of this template: {what}"))
}

/// The agent of a template.
pub(super) fn agent(data: &Value) -> Result<AgentShape> {
    let word = text(data, &["type", "agentType"]).ok_or_else(|| broken("it names no type of agent"))?;
    let kind = AgentType::of_word(&word).ok_or_else(|| broken(format!("no agent has the type `{word}`")))?;
    Ok(AgentShape {
        name: text(data, &["name"]),
        kind,
        config: map(data, "config"),
        parameters: object(data, "parameters"),
        capabilities: list(data, "capabilities"),
        system_prompt: text(data, &["systemPrompt"]),
        tools: list(data, "tools"),
    })
}

/// The definition of a template of a workflow, without its steps.
pub(super) fn definition(data: &Value) -> Map<String, Value> {
    let mut definition = map(data, "definition");
    definition.remove("steps");
    // What is said of the inputs besides is said more fully.
    if data["inputs"].as_object().is_some_and(|inputs| !inputs.is_empty()) {
        definition.insert("inputs".to_owned(), data["inputs"].clone());
    }
    definition
}

/// The steps of a template of a workflow, wherever they stand.
pub(super) fn steps(data: &Value) -> Result<Vec<StepShape>> {
    let found = [&data["steps"], &data["definition"]["steps"]];
    let rows = found.into_iter().find_map(|rows| rows.as_array().filter(|rows| !rows.is_empty()));
    let rows = rows.ok_or_else(|| broken("it has no steps"))?;
    let mut steps: Vec<StepShape> = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        let before = steps.last().map(|step| step.step.step_key.clone());
        let step = step(row, at, before)?;
        if steps.iter().any(|other| other.step.step_key == step.step.step_key) {
            return Err(broken(format!("two steps have the key `{}`", step.step.step_key)));
        }
        steps.push(step);
    }
    for step in &steps {
        for needed in &step.step.depends_on {
            if !steps.iter().any(|other| other.step.step_key == *needed) {
                let message =
                    format!("step `{}` depends on `{needed}`, which is not there", step.step.step_key);
                return Err(broken(message));
            }
        }
    }
    Ok(steps)
}

fn step(row: &Value, at: usize, before: Option<String>) -> Result<StepShape> {
    let key = text(row, &["stepKey", "key", "id"]).ok_or_else(|| broken(format!("step {at} has no key")))?;
    let doer = doer(row)?;
    let word = text(row, &["stepType"]).or_else(|| text(row, &["type"]));
    let kind = match word.as_deref() {
        None => StepType::Agent,
        // In the old form the type may be that of the agent.
        Some(word) => match (StepType::of_word(word), AgentType::of_word(word)) {
            (Some(kind), _) => kind,
            (None, Some(_)) => StepType::Agent,
            (None, None) => return Err(broken(format!("step `{key}` has the unknown type `{word}`"))),
        },
    };
    let position = row["position"].as_i64().and_then(|at| i32::try_from(at).ok());
    let mut step = NewStep::new(key, kind, position.unwrap_or_else(|| i32::try_from(at).unwrap_or(i32::MAX)));
    if let Some(name) = text(row, &["stepName", "name"]) {
        step.step_name = name;
    }
    step.config = object(row, "config");
    step.inputs = object(row, "inputs");
    step.outputs = object(row, "outputs");
    step.depends_on = match row["dependsOn"].as_array() {
        Some(keys) => keys.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        // The old form is a chain: one step after the other.
        None if row["stepKey"].is_null() => before.into_iter().collect(),
        None => Vec::new(),
    };
    let number = |name: &str, default: i32| -> i32 {
        row[name]
            .as_i64()
            .and_then(|number| i32::try_from(number).ok())
            .filter(|n| *n >= 0)
            .unwrap_or(default)
    };
    step.retry_count = number("retryCount", step.retry_count);
    step.retry_delay_ms = number("retryDelayMs", step.retry_delay_ms);
    step.timeout_ms = number("timeoutMs", step.timeout_ms);
    if let Some(word) = text(row, &["onError"]) {
        step.on_error = ErrorHandling::of_word(&word)
            .ok_or_else(|| broken(format!("step `{}` has the unknown `onError` `{word}`", step.step_key)))?;
    }
    Ok(StepShape { step, doer })
}

fn doer(row: &Value) -> Result<Doer> {
    if let Some(id) = text(row, &["agentId"]) {
        let id = id.parse().map_err(|_| broken(format!("`{id}` is the id of no agent")))?;
        return Ok(Doer::There(id));
    }
    if row["agent"].is_object() {
        return agent(&row["agent"]).map(|shape| Doer::New(Box::new(shape)));
    }
    let word = text(row, &["agentType"]);
    let word = word.or_else(|| text(row, &["type"]).filter(|word| AgentType::of_word(word).is_some()));
    let Some(kind) = word else { return Ok(Doer::Nobody) };
    // The old form: only the type; what the agent needs stands with the step.
    let described = json!({ "type": kind, "config": row["agentConfig"], "name": row["agentName"] });
    agent(&described).map(|shape| Doer::New(Box::new(shape)))
}

fn text(value: &Value, names: &[&str]) -> Option<String> {
    let found = names.iter().find_map(|name| value[*name].as_str());
    found.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn map(value: &Value, name: &str) -> Map<String, Value> {
    value[name].as_object().cloned().unwrap_or_default()
}

fn object(value: &Value, name: &str) -> Value {
    Value::Object(map(value, name))
}

fn list(value: &Value, name: &str) -> Value {
    if value[name].is_array() { value[name].clone() } else { json!([]) }
}

/// Lays a value over another: maps are merged, everything else takes the place of what was there.
pub(super) fn lay_over(below: &mut Map<String, Value>, above: Map<String, Value>) {
    for (name, value) in above {
        match (below.get_mut(&name), value) {
            (Some(Value::Object(below)), Value::Object(above)) => lay_over(below, above),
            (_, value) => {
                below.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_in_the_old_form_are_a_chain_with_agents_of_their_own() {
        let data = json!({ "definition": { "version": "1.0", "steps": [
            { "key": "fetch", "type": "agent", "agentType": "API" },
            { "key": "load", "type": "DATA" },
        ] } });
        let steps = steps(&data).unwrap();
        assert_eq!(steps[1].step.depends_on, ["fetch"]);
        assert_eq!(steps[1].step.step_type, StepType::Agent);
        let kinds: Vec<AgentType> = steps
            .iter()
            .map(|step| match &step.doer {
                Doer::New(agent) => agent.kind,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(kinds, [AgentType::Api, AgentType::Data]);
        assert!(!definition(&data).contains_key("steps"));
    }

    #[test]
    fn a_broken_template_says_what_is_broken() {
        for (data, word) in [
            (json!({}), "no steps"),
            (json!({ "steps": [{ "stepKey": "a" }, { "stepKey": "a" }] }), "two steps"),
            (json!({ "steps": [{ "stepKey": "a", "dependsOn": ["b"] }] }), "depends on `b`"),
            (json!({ "steps": [{ "stepKey": "a", "stepType": "dance" }] }), "`dance`"),
            (json!({ "steps": [{ "stepKey": "a", "agentId": "7" }] }), "`7`"),
        ] {
            let error = format!("{:?}", steps(&data).unwrap_err());
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn what_is_laid_over_changes_only_what_it_names() {
        let mut below = map(&json!({ "m": { "a": { "b": 1, "c": 2 }, "d": [1] } }), "m");
        lay_over(&mut below, map(&json!({ "m": { "a": { "b": 3 }, "d": [2] } }), "m"));
        assert_eq!(Value::Object(below), json!({ "a": { "b": 3, "c": 2 }, "d": [2] }));
    }
}
