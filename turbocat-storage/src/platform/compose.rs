//! A workflow's row and the rows of its steps, put together as a definition that can be read.

use serde_json::{Map, Value, json};

use super::steps::{NewStep, WorkflowStep};
use super::workflows::Workflow;

/// The keys of a definition that are not its steps. Everything else in the column is an editor's
/// layout.
const KEPT: [&str; 9] =
    ["inputs", "agents", "timeout", "timeoutMs", "maxParallel", "budget", "outputs", "metadata", "version"];

impl Workflow {
    /// The definition of this workflow, for [`turbocat_core::Workflow::from_value`]. Rows of steps come
    /// before steps in the column; without rows the column is the definition. Agents are named by
    /// their ids.
    pub fn compose(&self, steps: &[WorkflowStep]) -> Value {
        let steps: Vec<NewStep> = steps.iter().cloned().map(NewStep::from).collect();
        self.compose_as(&steps)
    }

    /// The definition this workflow would have with other steps: before they are written.
    pub fn compose_as(&self, steps: &[NewStep]) -> Value {
        let mut definition = match &self.definition {
            Value::Object(map) => map.clone(),
            _ => Map::new(),
        };
        if !steps.is_empty() {
            definition.retain(|key, _| KEPT.contains(&key.as_str()));
            definition.insert("steps".to_owned(), steps.iter().map(row).collect());
        }
        definition.insert("name".to_owned(), self.name.clone().into());
        Value::Object(definition)
    }
}

fn row(step: &NewStep) -> Value {
    let mut row = json!({
        "stepKey": step.step_key,
        "stepName": step.step_name,
        "stepType": step.step_type.word(),
        "position": step.position,
        "config": step.config,
        "inputs": step.inputs,
        "outputs": step.outputs,
        "dependsOn": step.depends_on,
        "retryCount": step.retry_count,
        "retryDelayMs": step.retry_delay_ms,
        "timeoutMs": step.timeout_ms,
        "onError": step.on_error.word(),
    });
    if let Some(agent) = step.agent_id {
        row["agentId"] = agent.to_string().into();
    }
    row
}
