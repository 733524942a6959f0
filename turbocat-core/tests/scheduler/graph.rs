//! What comes before what in a body, found the slow way: by reading the definition.

use serde_json::Value;
use turbocat_core::{Step, StepKind, Wait};

/// A step before another, and the branch of it that leads there, if it is a condition that says so.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Before {
    pub(crate) key: String,
    pub(crate) leads: Vec<bool>,
}

/// The steps before a step, by key.
pub(crate) fn before(body: &[Step], step: &Step) -> Vec<Before> {
    let mut names = Vec::new();
    names_in_step(step, &mut names);
    let mut found: Vec<Before> = Vec::new();
    for other in body.iter().filter(|other| other.key != step.key) {
        let mut leads = Vec::new();
        if let StepKind::Condition(condition) = &other.kind {
            if condition.then.contains(&step.key) {
                leads.push(true);
            }
            if condition.otherwise.contains(&step.key) {
                leads.push(false);
            }
        }
        if !leads.is_empty() || step.depends_on.contains(&other.key) || names.contains(&other.key) {
            found.push(Before { key: other.key.clone(), leads });
        }
    }
    found.sort_by(|a, b| a.key.cmp(&b.key));
    found
}

/// All names in the templates of a step and of the steps inside it. Nested keys must differ from
/// outer ones.
fn names_in_step(step: &Step, names: &mut Vec<String>) {
    names_in(step.when.as_ref(), names);
    match &step.kind {
        StepKind::Agent(work) => names_in(work.inputs.as_ref(), names),
        StepKind::Condition(condition) => names_in(Some(&condition.condition), names),
        StepKind::Loop(each) => {
            names_in(Some(&each.items), names);
            each.steps.iter().for_each(|step| names_in_step(step, names));
        }
        StepKind::Parallel(fork) => {
            fork.branches.iter().flat_map(|branch| &branch.steps).for_each(|step| names_in_step(step, names));
        }
        StepKind::Wait(Wait::For(value) | Wait::Until(value)) => names_in(Some(value), names),
        StepKind::Workflow(child) => names_in(child.inputs.as_ref(), names),
        _ => {}
    }
}

fn names_in(value: Option<&Value>, names: &mut Vec<String>) {
    match value {
        Some(Value::String(text)) if text.contains("{{") => {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric());
            names.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
        }
        Some(Value::Array(list)) => list.iter().for_each(|item| names_in(Some(item), names)),
        Some(Value::Object(map)) => map.values().for_each(|item| names_in(Some(item), names)),
        _ => {}
    }
}
