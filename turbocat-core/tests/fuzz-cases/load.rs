//! Any text, read as a definition: it is refused with places inside the text, or it survives being
//! written, and whatever compiles can be started.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use turbocat_core::{
    Action, AgentDescription, BadConfig, Catalog, Diagnostics, ExecutionId, Input, Plan, Scheduler, Step,
    StepKind, Timestamp, Workflow,
};

/// Reads a text in every way there is.
pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    read(&text, Workflow::from_yaml(&text));
    read(&text, Workflow::from_json(&text));
    if let Ok(value) = serde_json::from_str::<Value>(&text) {
        read(&text, Workflow::from_value(&value));
    }
}

fn read(text: &str, read: Result<Workflow, Diagnostics>) {
    match read {
        Ok(workflow) => {
            survives_writing(&workflow);
            compiles_or_explains(text, &workflow);
        }
        Err(mistakes) => {
            assert!(mistakes.has_errors(), "refused without a mistake");
            are_shown(text, &mistakes);
        }
    }
}

/// Every mistake stands inside the text and can be shown.
fn are_shown(text: &str, mistakes: &Diagnostics) {
    let text = mistakes.source_text().map_or(text, |source| &source.text);
    let lines: Vec<&str> = text.split('\n').collect();
    for mistake in mistakes {
        assert!(!mistake.message.is_empty());
        let Some(place) = mistake.place else { continue };
        let at = format!("{place:?} of {mistake:?} in {text:?}");
        assert!(place.line >= 1 && place.column >= 1 && place.length >= 1, "{at}");
        let line = lines.get(place.line as usize - 1).unwrap_or_else(|| panic!("no such line: {at}"));
        let width = line.chars().count();
        assert!(place.column as usize <= width + 1, "no such column: {at}");
        let rest: usize = lines[place.line as usize..].iter().map(|line| line.chars().count() + 1).sum();
        let left = width + 1 - (place.column as usize - 1) + rest;
        assert!(place.length as usize <= left.max(1), "it is longer than the text: {at}");
    }
    assert!(!mistakes.to_string().is_empty());
    let _ = format!("{mistakes:?}");
}

/// What is written is read back as the same.
fn survives_writing(workflow: &Workflow) {
    let bare = without_source(workflow.clone());
    let back = |what: &str, read: Result<Workflow, Diagnostics>| {
        let read = read.unwrap_or_else(|mistakes| panic!("written {what} is refused: {mistakes}"));
        assert_eq!(without_source(read), bare, "written {what} reads differently");
    };
    back("json", Workflow::from_json(&workflow.to_json()));
    back("value", Workflow::from_value(&workflow.to_value()));
    back("yaml", Workflow::from_yaml(&workflow.to_yaml()));
    assert_eq!(workflow.digest(), bare.digest());
}

fn without_source(mut workflow: Workflow) -> Workflow {
    workflow.source = None;
    workflow
}

fn compiles_or_explains(text: &str, workflow: &Workflow) {
    let (plan, mistakes) = turbocat_core::check(workflow, &Few);
    if !mistakes.is_empty() {
        are_shown(text, &mistakes);
    }
    assert_eq!(plan.is_some(), !mistakes.has_errors());
    let Some(plan) = plan else { return };
    assert!(!plan.is_empty());
    assert!(plan.order().len() <= plan.len());
    let mut tame = workflow.clone();
    tame.steps.iter_mut().for_each(|step| calm(step, 8));
    let tamed = turbocat_core::compile(&tame, &Few);
    starts(&tamed.unwrap_or_else(|mistakes| panic!("smaller loops are refused: {mistakes}")));
}

/// Loops and retries multiply; a few of each show as much as a million.
fn calm(step: &mut Step, most: u32) {
    step.retry.max = step.retry.max.min(most / 4);
    match &mut step.kind {
        StepKind::Loop(each) => {
            each.max_iterations = each.max_iterations.min(most);
            each.steps.iter_mut().for_each(|step| calm(step, most / 2));
        }
        StepKind::Parallel(fork) => {
            let steps = fork.branches.iter_mut().flat_map(|branch| &mut branch.steps);
            steps.for_each(|step| calm(step, most / 2));
        }
        _ => {}
    }
}

fn starts(plan: &Plan) {
    let given = plan.input_schema().map_or_else(|| json!({}), sample);
    for inputs in [json!({}), given] {
        let id = ExecutionId::from_uuid(uuid::Uuid::nil());
        match Scheduler::start(plan, id, Timestamp::from_millis(0), 7, inputs) {
            Ok((scheduler, turn)) => return goes_on(scheduler, turn.actions),
            Err(mistakes) => assert!(!mistakes.to_string().is_empty()),
        }
    }
}

/// Answers what is asked for a while, then cancels.
fn goes_on(mut scheduler: Scheduler, mut actions: Vec<Action>) {
    let now = Timestamp::from_millis(1);
    for _ in 0..32 {
        let Some(action) = actions.pop() else { break };
        let Action::Launch { step, attempt } = action else { continue };
        if !scheduler.in_flight().contains(&(step, attempt)) {
            continue;
        }
        let input = match scheduler.attempt(step, Some(&Arc::new(json!({ "KEY": "s3cret" })))) {
            Ok(parts) => Input::AttemptCompleted { step, attempt, output: parts.inputs },
            Err(failure) => Input::AttemptFailed { step, attempt, failure },
        };
        actions.extend(scheduler.apply(now, input).actions);
    }
    let _ = scheduler.apply(now, Input::Cancel { reason: "enough".into() });
    assert!(scheduler.status().is_ended());
    assert!(scheduler.in_flight().is_empty());
}

/// Something that may fit a schema.
fn sample(schema: &Value) -> Value {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return json!({}) };
    let value = |property: &Value| match property.get("type").and_then(Value::as_str) {
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([1]),
        Some("object") => json!({}),
        Some("null") => Value::Null,
        _ => json!("text"),
    };
    Value::Object(
        properties.iter().map(|(name, property)| (name.clone(), value(property))).collect::<Map<_, _>>(),
    )
}

/// A few agents, some of which say what they take and give.
struct Few;

fn fetch() -> &'static AgentDescription {
    static FETCH: std::sync::OnceLock<AgentDescription> = std::sync::OnceLock::new();
    FETCH.get_or_init(|| {
        let mut agent = AgentDescription::default();
        agent.input = Some(json!({
            "type": "object", "required": ["query"], "additionalProperties": false,
            "properties": { "query": { "type": "string" }, "limit": { "type": "integer" } },
        }));
        agent.output = Some(json!({
            "type": "object",
            "properties": {
                "stories": { "type": "array", "items": { "$ref": "#/$defs/Story" } },
                "count": { "type": "integer" },
                "self": { "$ref": "#" },
            },
            "$defs": { "Story": { "type": "object", "properties": { "title": { "type": "string" } } } },
        }));
        agent
    })
}

fn anything() -> &'static AgentDescription {
    static ANYTHING: std::sync::OnceLock<AgentDescription> = std::sync::OnceLock::new();
    ANYTHING.get_or_init(AgentDescription::default)
}

impl Catalog for Few {
    fn agent(&self, name: &str) -> Option<&AgentDescription> {
        match name {
            "fetch" => Some(fetch()),
            "echo" | "api" | "llm" | "a" => Some(anything()),
            _ => None,
        }
    }

    fn agent_names(&self) -> Vec<&str> {
        vec!["fetch", "echo", "api", "llm", "a"]
    }

    fn check_config(&self, agent: &str, config: &Value) -> Vec<BadConfig> {
        if agent == "llm" && config.get("model").is_none() {
            return vec![BadConfig::at("", "`model` is missing")];
        }
        Vec::new()
    }

    fn workflow(&self, name: &str) -> Option<Option<&Value>> {
        match name {
            "other" => Some(fetch().input.as_ref()),
            "any" => Some(None),
            _ => None,
        }
    }

    fn workflow_names(&self) -> Vec<&str> {
        vec!["other", "any"]
    }
}
