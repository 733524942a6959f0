//! From rows to a plan: the definition that rows make, with the agents it uses in it.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use turbocat_core::{Plan, Timestamp};
use turbocat_storage::platform::{Agent, NewStep, Workflow, WorkflowStatus};
use uuid::Uuid;

use super::agents;
use super::finding::{Finding, Places, findings, refusal};
use crate::api::Api;
use crate::error::{Error, Result};
use crate::plans::Made;

/// A workflow as it shall be compiled: its row, its steps, and where those were given.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) workflow: &'a Workflow,
    pub(super) steps: &'a [NewStep],
    pub(super) places: &'a Places,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Compiled {
    /// If nothing is wrong.
    pub(super) plan: Option<Plan>,
    pub(super) findings: Vec<Finding>,
    agents: Vec<(Uuid, Timestamp)>,
}

impl Source<'_> {
    /// Whether there is anything to be done at all.
    pub(super) fn is_empty(&self) -> bool {
        let has = |name: &str| match self.workflow.definition.get(name) {
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(map)) => !map.is_empty(),
            _ => false,
        };
        self.steps.is_empty() && !has("steps") && !has("nodes")
    }

    /// Everything that is wrong with it, warnings too, and the plan if it can be executed.
    pub(super) async fn compile(&self, api: &Api) -> Result<Compiled> {
        let nothing = |findings| Compiled { plan: None, findings, agents: Vec::new() };
        if self.is_empty() {
            return Ok(nothing(vec![Finding::error("G107", "steps", NO_STEPS)]));
        }
        let mut definition = self.workflow.compose_as(self.steps);
        let mut read = match turbocat_core::Workflow::from_value(&definition) {
            Ok(read) => read,
            Err(diagnostics) => return Ok(nothing(findings(&diagnostics, self.places))),
        };
        let uses = agents::uses(&mut read);
        let mut found = Vec::new();
        let mut rows: HashMap<Uuid, Agent> = HashMap::new();
        if !uses.is_empty() {
            let ids = uses.iter().map(|one| one.agent).collect::<std::collections::BTreeSet<_>>();
            let all = api.platform().agents().get_many(ids.into_iter().collect()).await?;
            rows = all.into_iter().map(|agent| (agent.id, agent)).collect();
            found = agents::check(&uses, &rows, self.workflow.user_id, self.places);
            // What is somebody else's own is not looked into.
            rows.retain(|_, agent| agent.user_id == self.workflow.user_id || agent.is_public);
            lay(&mut definition, agents::section(rows.values()));
            read = match turbocat_core::Workflow::from_value(&definition) {
                Ok(read) => read,
                Err(diagnostics) => {
                    found.extend(findings(&diagnostics, self.places));
                    return Ok(nothing(found));
                }
            };
            agents::bind(&mut read, &rows);
        }
        found.extend(findings(&api.engine().check(&read), self.places));
        let sound = !found.iter().any(Finding::is_error);
        let plan = if sound { Some(api.engine().compile(&read).map_err(Error::internal)?) } else { None };
        let mut agents: Vec<_> = rows.values().map(|agent| (agent.id, agent.updated_at)).collect();
        agents.sort_unstable();
        Ok(Compiled { plan, findings: found, agents })
    }
}

/// What is answered where there is nothing to execute.
pub(super) const NO_STEPS: &str = "the workflow has no steps";

/// Adds to the agents that a definition names itself.
fn lay(definition: &mut Value, section: Map<String, Value>) {
    let Value::Object(definition) = definition else { return };
    let agents = definition.entry("agents").or_insert_with(|| Value::Object(Map::new()));
    match agents {
        Value::Object(agents) => agents.extend(section),
        Value::Null => *agents = Value::Object(section),
        // It is reported when it is read.
        _ => {}
    }
}

/// The plan of a workflow as it is, kept from the last time if nothing has changed since.
///
/// # Errors
/// If the workflow is not active, has no steps or cannot be compiled; all that is wrong is told.
pub(crate) async fn plan(api: &Api, workflow: &Workflow) -> Result<Plan> {
    if workflow.status != WorkflowStatus::Active {
        let message = format!("the workflow is not active: it is {}", state(workflow.status));
        return Err(Error::bad_request(message));
    }
    if let Some(ids) = api.plans().agents(workflow.id, workflow.updated_at) {
        let rows =
            if ids.is_empty() { Vec::new() } else { api.platform().agents().get_many(ids.clone()).await? };
        let agents = rows.iter().map(|agent| (agent.id, agent.updated_at)).collect();
        let of = Made { workflow: workflow.updated_at, agents };
        if let Some(plan) = api.plans().get(workflow.id, &of) {
            return Ok(plan);
        }
    }
    let rows = api.platform().workflows().steps(workflow.id).await?;
    let steps: Vec<NewStep> = rows.into_iter().map(NewStep::from).collect();
    let source = Source { workflow, steps: &steps, places: &places(&steps) };
    if source.is_empty() {
        return Err(Error::bad_request(NO_STEPS));
    }
    let compiled = source.compile(api).await?;
    let Some(plan) = compiled.plan else {
        return Err(refusal("the workflow cannot be executed", &compiled.findings));
    };
    let of = Made { workflow: workflow.updated_at, agents: compiled.agents };
    api.plans().keep(workflow.id, of, plan.clone());
    Ok(plan)
}

/// The plan of a single step that has an agent answer: it is given what the execution is given, and
/// gives what the agent gives.
///
/// # Errors
/// If the agent cannot be used as it is; all that is wrong is told.
pub(crate) async fn plan_of_agent(api: &Api, agent: &Agent) -> Result<Plan> {
    let mut definition = json!({
        "name": agent.name,
        "steps": { "answer": { "agent": agent.id, "inputs": "{{ inputs }}" } },
        "outputs": "{{ answer }}",
    });
    // Nobody gave its step: what is wrong is the agent's.
    let places: &Places = &[];
    let read = |definition: &Value, found: &mut Vec<Finding>| {
        let read = turbocat_core::Workflow::from_value(definition);
        read.map_err(|diagnostics| found.extend(findings(&diagnostics, places))).ok()
    };
    let (mut found, message) = (Vec::new(), "the agent cannot be executed");
    let Some(mut first) = read(&definition, &mut found) else { return Err(refusal(message, &found)) };
    let rows = HashMap::from([(agent.id, agent.clone())]);
    found.extend(agents::check(&agents::uses(&mut first), &rows, agent.user_id, places));
    lay(&mut definition, agents::section(rows.values()));
    let Some(mut whole) = read(&definition, &mut found) else { return Err(refusal(message, &found)) };
    agents::bind(&mut whole, &rows);
    found.extend(findings(&api.engine().check(&whole), places));
    if found.iter().any(Finding::is_error) {
        return Err(refusal(message, &found));
    }
    api.engine().compile(&whole).map_err(Error::internal)
}

fn state(status: WorkflowStatus) -> &'static str {
    match status {
        WorkflowStatus::Draft => "a draft",
        other => other.word(),
    }
}

/// The places of steps that are there already, in their order.
pub(super) fn places(steps: &[NewStep]) -> Vec<(String, String)> {
    steps.iter().enumerate().map(|(at, step)| (step.step_key.clone(), format!("steps.{at}"))).collect()
}
