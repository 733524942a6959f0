//! The agents that a definition names by the ids of their rows, put into it: so an execution keeps
//! the agents it was started with. Their secrets are only named.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use turbocat_core::{Step, StepKind, Workflow};
use turbocat_storage::platform::{Agent, AgentStatus, AgentType};
use uuid::Uuid;

use super::finding::{Finding, Places};
use crate::sealed;

/// What the agents of rows are called within a definition; names begin with a letter.
const PREFIX: &str = "agent-";

/// The settings of language models that rows keep among their parameters.
const MODEL: [&str; 12] = [
    "provider",
    "model",
    "temperature",
    "maxTokens",
    "topP",
    "frequencyPenalty",
    "presencePenalty",
    "stopSequences",
    "responseFormat",
    "outputSchema",
    "promptTemplate",
    "messages",
];

fn name_of(id: Uuid) -> String {
    format!("{PREFIX}{id}")
}

/// The row that a name within a definition stands for.
pub(crate) fn id_of(name: &str) -> Option<Uuid> {
    name.strip_prefix(PREFIX)?.parse().ok()
}

/// A step, wherever it stands, that has the agent of a row do something.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) agent: Uuid,
    /// The outermost step it stands in.
    within: String,
    /// Whether it lays a configuration of its own over that of the agent.
    configured: bool,
}

/// All of them.
pub(super) fn uses(workflow: &mut Workflow) -> Vec<Use> {
    let mut found = Vec::new();
    each(&mut workflow.steps, None, &mut |within, step| {
        if let StepKind::Agent(work) = &step.kind
            && let Some(agent) = work.agent.as_deref().and_then(|name| name.parse().ok())
        {
            found.push(Use { agent, within: within.to_owned(), configured: !work.config.is_empty() });
        }
    });
    found
}

fn each(steps: &mut [Step], within: Option<&str>, visit: &mut dyn FnMut(&str, &mut Step)) {
    for step in steps {
        let key = step.key.clone();
        let within = within.unwrap_or(&key);
        visit(within, step);
        match &mut step.kind {
            StepKind::Loop(each_item) => each(&mut each_item.steps, Some(within), visit),
            StepKind::Parallel(parallel) => {
                parallel.branches.iter_mut().for_each(|branch| each(&mut branch.steps, Some(within), visit));
            }
            _ => {}
        }
    }
}

/// What is wrong with the agents that are used in the workflow of that owner.
pub(super) fn check(
    uses: &[Use],
    agents: &HashMap<Uuid, Agent>,
    owner: Uuid,
    places: &Places,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for one in uses {
        let key = &one.within;
        let place = places.iter().find(|(known, _)| known == key);
        let field = place.map_or_else(|| format!("steps.{key}.agent"), |(_, at)| format!("{at}.agentId"));
        let seen = agents.get(&one.agent).filter(|agent| agent.user_id == owner || agent.is_public);
        let Some(agent) = seen else {
            let message = format!("step `{key}`: there is no agent {} that you may use", one.agent);
            findings.push(Finding::error("A101", field, message));
            continue;
        };
        let (name, own) = (&agent.name, agent.user_id == owner);
        match agent.status {
            AgentStatus::Inactive | AgentStatus::Archived => {
                let message = format!("step `{key}`: the agent `{name}` is {}", agent.status.word());
                findings.push(Finding::error("A101", field.clone(), message));
            }
            AgentStatus::Draft if !own => {
                let message = format!("step `{key}`: the agent `{name}` is a draft of somebody else");
                findings.push(Finding::error("A101", field.clone(), message));
            }
            _ => {}
        }
        if agent.kind == AgentType::Workflow {
            let message = "nested workflows of the platform cannot be executed yet";
            findings.push(Finding::error("A105", field.clone(), format!("step `{key}`: {message}")));
        }
        // It could send them elsewhere.
        if !own && one.configured && sealed::has_secrets(&agent.config) {
            let message = format!(
                "step `{key}`: the agent `{name}` of somebody else holds secrets, so that its configuration cannot be changed"
            );
            findings.push(Finding::error("A104", field, message));
        }
    }
    findings
}

/// The section `agents` of a definition.
pub(super) fn section<'a>(agents: impl Iterator<Item = &'a Agent>) -> Map<String, Value> {
    agents
        .map(|agent| {
            let entry = json!({ "type": agent.kind.word(), "config": config(agent) });
            (name_of(agent.id), entry)
        })
        .collect()
}

fn config(agent: &Agent) -> Map<String, Value> {
    let mut config = agent.config.clone();
    sealed::named(agent.id, &mut config);
    let Value::Object(mut config) = config else { return Map::new() };
    if agent.kind != AgentType::Llm {
        return config;
    }
    let mut lay_under = |names: &[&str], value: Value| {
        if !names.iter().any(|name| config.contains_key(*name)) {
            config.insert(names[0].to_owned(), value);
        }
    };
    if let Some(prompt) = &agent.system_prompt {
        lay_under(&["systemPrompt", "system"], prompt.as_str().into());
    }
    if agent.tools.as_array().is_some_and(|tools| !tools.is_empty()) {
        lay_under(&["tools"], agent.tools.clone());
    }
    for name in MODEL {
        // A schema of what it is given stands there as well.
        if let Some(value) = agent.parameters.get(name).filter(|value| is_setting(value)) {
            lay_under(&[name], value.clone());
        }
    }
    config
}

fn is_setting(value: &Value) -> bool {
    !value.is_null() && value.get("type").is_none()
}

/// Has the steps of a definition use the agents of its section, none longer than it may. A step whose
/// agent is not there hands its inputs on, so that the rest of it can be checked.
pub(super) fn bind(workflow: &mut Workflow, agents: &HashMap<Uuid, Agent>) {
    each(&mut workflow.steps, None, &mut |_, step| {
        let StepKind::Agent(work) = &mut step.kind else { return };
        let Some(id) = work.agent.as_deref().and_then(|name| name.parse::<Uuid>().ok()) else { return };
        let usable = agents.get(&id).filter(|agent| agent.kind != AgentType::Workflow);
        let Some(agent) = usable else {
            work.agent = None;
            work.config.clear();
            return;
        };
        work.agent = Some(name_of(id));
        let most = agent.max_execution_time.and_then(|seconds| u64::try_from(seconds).ok());
        if let Some(most) = most.map(Duration::from_secs) {
            step.timeout = Some(step.timeout.map_or(most, |timeout| timeout.min(most)));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_found_wherever_they_stand() {
        let agent = "8a1f4a0e-63c5-4a8e-9a9f-0d2f6f0e4c11";
        let definition = json!({ "steps": {
            "a": { "agent": agent },
            "b": { "loop": [1], "steps": { "c": { "agent": agent, "config": { "x": 1 } } } },
            "d": { "parallel": { "branches": { "e": { "agent": agent } } } },
            "f": { "agent": "echo" },
        } });
        let mut workflow = Workflow::from_value(&definition).unwrap();
        let found: Vec<_> = uses(&mut workflow).into_iter().map(|one| (one.within, one.configured)).collect();
        assert_eq!(found, [("a".to_owned(), false), ("b".to_owned(), true), ("d".to_owned(), false)]);
    }
}
