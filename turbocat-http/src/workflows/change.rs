//! Steps as they are given: whole ones, and the three verbs of a change: update, create, delete.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::{Map, Value};
use turbocat_storage::platform::{NewStep, WorkflowStep};
use utoipa::ToSchema;
use uuid::Uuid;

use super::graph::Given;
use crate::agents::present;
use crate::error::{Code, Detail, Error, Result};
use crate::wire::words;

/// The most steps of a workflow.
const MOST: usize = 100;

/// The key of a step that comes before.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 100)]
pub(super) struct StepKey(String);

/// A new step.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateStep {
    #[schema(min_length = 1, max_length = 100, pattern = "^[A-Za-z0-9_-]+$", example = "fetch")]
    step_key: String,
    #[schema(min_length = 1, max_length = 255, pattern = r"\S", example = "Fetch the stories")]
    step_name: String,
    step_type: words::StepType,
    #[schema(minimum = 0)]
    position: i32,
    /// Who does it: an agent of yours, or one that is public.
    agent_id: Option<Uuid>,
    #[serde(default)]
    config: Map<String, Value>,
    #[serde(default)]
    inputs: Map<String, Value>,
    #[serde(default)]
    outputs: Map<String, Value>,
    /// The keys of the steps that come before it.
    #[serde(default)]
    #[schema(max_items = 50)]
    depends_on: Vec<StepKey>,
    #[schema(minimum = 0, maximum = 10, default = 0)]
    retry_count: Option<i32>,
    #[schema(minimum = 0, maximum = 300_000, default = 1000)]
    retry_delay_ms: Option<i32>,
    #[schema(minimum = 1000, maximum = 3_600_000, default = 30_000)]
    timeout_ms: Option<i32>,
    on_error: Option<words::ErrorHandling>,
}

/// A change of a step: with an `id` of that one, without of a new one, with `_delete` its end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangeStep {
    id: Option<Uuid>,
    #[serde(rename = "_delete", default)]
    delete: bool,
    #[schema(min_length = 1, max_length = 100, pattern = "^[A-Za-z0-9_-]+$")]
    step_key: Option<String>,
    #[schema(min_length = 1, max_length = 255, pattern = r"\S")]
    step_name: Option<String>,
    step_type: Option<words::StepType>,
    #[schema(minimum = 0)]
    position: Option<i32>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Uuid>)]
    agent_id: Option<Option<Uuid>>,
    config: Option<Map<String, Value>>,
    inputs: Option<Map<String, Value>>,
    outputs: Option<Map<String, Value>>,
    #[schema(max_items = 50)]
    depends_on: Option<Vec<StepKey>>,
    #[schema(minimum = 0, maximum = 10)]
    retry_count: Option<i32>,
    #[schema(minimum = 0, maximum = 300_000)]
    retry_delay_ms: Option<i32>,
    #[schema(minimum = 1000, maximum = 3_600_000)]
    timeout_ms: Option<i32>,
    on_error: Option<words::ErrorHandling>,
}

impl From<CreateStep> for ChangeStep {
    fn from(step: CreateStep) -> Self {
        Self {
            id: None,
            delete: false,
            step_key: Some(step.step_key),
            step_name: Some(step.step_name),
            step_type: Some(step.step_type),
            position: Some(step.position),
            agent_id: Some(step.agent_id),
            config: Some(step.config),
            inputs: Some(step.inputs),
            outputs: Some(step.outputs),
            depends_on: Some(step.depends_on),
            retry_count: step.retry_count,
            retry_delay_ms: step.retry_delay_ms,
            timeout_ms: step.timeout_ms,
            on_error: step.on_error,
        }
    }
}

impl ChangeStep {
    /// What a new step must say, and this does not.
    fn missing(&self, at: &str) -> Vec<Detail> {
        let wants = [
            ("stepKey", self.step_key.is_none()),
            ("stepName", self.step_name.is_none()),
            ("stepType", self.step_type.is_none()),
            ("position", self.position.is_none()),
        ];
        let missing = wants.into_iter().filter(|(_, missing)| *missing);
        missing.map(|(name, _)| Detail::new(format!("{at}.{name}"), "invalid_type", "is required")).collect()
    }

    fn apply(self, step: &mut NewStep) {
        fn set<T>(field: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *field = value;
            }
        }
        set(&mut step.step_key, self.step_key);
        set(&mut step.step_name, self.step_name.map(|name| name.trim().to_owned()));
        set(&mut step.step_type, self.step_type.map(|word| word.0));
        set(&mut step.position, self.position);
        set(&mut step.agent_id, self.agent_id);
        set(&mut step.config, self.config.map(Value::Object));
        set(&mut step.inputs, self.inputs.map(Value::Object));
        set(&mut step.outputs, self.outputs.map(Value::Object));
        let keys = |keys: Vec<StepKey>| keys.into_iter().map(|key| key.0).collect();
        set(&mut step.depends_on, self.depends_on.map(keys));
        set(&mut step.retry_count, self.retry_count);
        set(&mut step.retry_delay_ms, self.retry_delay_ms);
        set(&mut step.timeout_ms, self.timeout_ms);
        set(&mut step.on_error, self.on_error.map(|word| word.0));
    }
}

/// The steps that shall be, and the agents that were named just now, with their places.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) steps: Vec<Given>,
    pub(super) agents: Vec<(String, Uuid)>,
}

impl Changed {
    pub(super) fn steps(&self) -> Vec<NewStep> {
        self.steps.iter().map(|given| given.step.clone()).collect()
    }
}

/// The steps of a workflow after a change; those that it does not mention stay.
pub(super) fn change(before: Vec<WorkflowStep>, changes: Vec<ChangeStep>) -> Result<Changed> {
    let known: HashSet<Uuid> = before.iter().map(|step| step.id).collect();
    let (mut by_id, mut new, mut wrong) = (HashMap::new(), Vec::new(), Vec::new());
    for (at, change) in changes.into_iter().enumerate() {
        let at = format!("steps.{at}");
        match change.id {
            Some(id) if !known.contains(&id) => {
                let message = format!("there is no step {id} in this workflow");
                let detail = Detail::new(format!("{at}.id"), "invalid_value", message.clone());
                return Err(Error::new(Code::NotFound, message).with_details(vec![detail]));
            }
            Some(id) => {
                if by_id.insert(id, (at.clone(), change)).is_some() {
                    wrong.push(Detail::new(format!("{at}.id"), "custom", "names a step for the second time"));
                }
            }
            None if change.delete => {
                wrong.push(Detail::new(format!("{at}.id"), "invalid_type", "is required to delete a step"));
            }
            None => {
                wrong.extend(change.missing(&at));
                new.push((at, change));
            }
        }
    }
    if !wrong.is_empty() {
        return Err(Error::invalid(wrong));
    }
    settle(before, by_id, new)
}

fn settle(
    before: Vec<WorkflowStep>,
    mut by_id: HashMap<Uuid, (String, ChangeStep)>,
    new: Vec<(String, ChangeStep)>,
) -> Result<Changed> {
    let (mut changed, mut renamed, mut says_order) = (Changed::default(), Vec::new(), HashSet::new());
    for row in before {
        let (id, key) = (row.id, row.step_key.clone());
        let mut step = NewStep::from(row);
        let mut place = format!("steps.{key}");
        if let Some((at, change)) = by_id.remove(&id) {
            if change.delete {
                continue;
            }
            if let Some(Some(agent)) = change.agent_id {
                changed.agents.push((format!("{at}.agentId"), agent));
            }
            if change.depends_on.is_some() {
                says_order.insert(changed.steps.len());
            }
            change.apply(&mut step);
            place = at;
        }
        if step.step_key != key {
            renamed.push((key, step.step_key.clone()));
        }
        changed.steps.push(Given { at: place, step });
    }
    for (at, change) in new {
        if let Some(Some(agent)) = change.agent_id {
            changed.agents.push((format!("{at}.agentId"), agent));
        }
        says_order.insert(changed.steps.len());
        let (key, kind) = (change.step_key.clone(), change.step_type);
        let kind = kind.map(|word| word.0).unwrap_or_default();
        let mut step = NewStep::new(key.unwrap_or_default(), kind, change.position.unwrap_or_default());
        change.apply(&mut step);
        changed.steps.push(Given { at, step });
    }
    if changed.steps.len() > MOST {
        let message = format!("a workflow has at most {MOST} steps, not {}", changed.steps.len());
        return Err(Error::field("steps", "too_big", message));
    }
    follow(&mut changed.steps, &renamed, &says_order);
    Ok(changed)
}

/// Those who depend on a step that was renamed depend on it as before, unless they were told anew.
fn follow(steps: &mut [Given], renamed: &[(String, String)], says_order: &HashSet<usize>) {
    for (at, given) in steps.iter_mut().enumerate() {
        if says_order.contains(&at) {
            continue;
        }
        for dependency in &mut given.step.depends_on {
            if let Some((_, key)) = renamed.iter().find(|(before, _)| before == dependency) {
                dependency.clone_from(key);
            }
        }
    }
}
