//! What a step does, checked and compiled, type by type.

use serde_json::Value;

use super::bind::{Binder, View, Wanted};
use super::fit::{Taker, check_config, check_inputs};
use super::layout::check_name;
use super::plan::{Bound, Kind, LoopPlan, Moment, ParallelPlan};
use crate::definition::{
    AgentStep, Join, LoopStep, NamedAgent, OnError, OnLost, OnTimeout, ParallelStep, Step, StepKind, Wait,
};
use crate::diagnostic::{Code, Diagnostic, Pointer};
use crate::failure::FailureKind;
use crate::template::Template;

pub(crate) fn check_policy(binder: &mut Binder<'_>, index: u32, step: &Step) {
    if step.on_error != OnError::Retry {
        return;
    }
    let retry = &step.retry;
    // a reader says the same with more to it; this is for workflows that were made in code
    let wrong = if !retry.factor.is_finite() || retry.factor < 1.0 {
        Some(("factor", "`factor` must be at least 1, or pauses would shrink".to_owned()))
    } else if !(0.0..=1.0).contains(&retry.jitter) {
        Some(("jitter", "`jitter` must be between 0 and 1".to_owned()))
    } else if retry.max_delay < retry.delay {
        Some(("maxDelay", "`maxDelay` is shorter than `delay`".to_owned()))
    } else if retry.on.iter().any(String::is_empty) {
        Some(("on", "`on` names an empty kind of failure".to_owned()))
    } else {
        None
    };
    if let Some((field, message)) = wrong {
        let pointer = binder.layout.pointer(index).join("retry").join(field);
        let message = format!("step `{}`: {message}", step.key);
        let help = "change it, or leave it out: there is a default";
        binder.found.push(Diagnostic::error(Code::BAD_RETRY, pointer, message).help(help));
    }
    if let StepKind::Agent(work) = &step.kind
        && work.on_lost != OnLost::Fail
        && retry.on.iter().any(|kind| kind == FailureKind::LOST.as_str())
    {
        let pointer = binder.layout.pointer(index).join("retry").join("on");
        let message = format!(
            "step `{}` names `lost` in `retry.on`, which has no effect: no policy counts lost attempts",
            step.key
        );
        let help = "write `onLost: fail` too, and they count like failed ones";
        binder.found.push(Diagnostic::warning(Code::BAD_RETRY, pointer, message).help(help));
    }
    if let (Some(deadline), true) = (step.deadline, retry.max > 0)
        && deadline <= retry.delay
    {
        let pointer = binder.layout.pointer(index).join("deadline");
        let message = format!(
            "step `{}` can never be tried again: its `deadline` ends before the first pause",
            step.key
        );
        let help = format!(
            "raise `deadline` over {}, or lower the pause",
            crate::duration::format_duration(retry.delay)
        );
        binder.found.push(Diagnostic::warning(Code::BAD_RETRY, pointer, message).help(help));
    }
}

pub(crate) fn kind(
    binder: &mut Binder<'_>,
    index: u32,
    step: &Step,
    bodies: Vec<u32>,
    name_agent: &mut dyn FnMut(&str) -> u32,
) -> Kind {
    let view = View::Step(index);
    let layout = binder.layout;
    let at = |field: &str| layout.pointer(index).join(field);
    // A step whose template is wrong is reported; what stands in its place is never run.
    match &step.kind {
        StepKind::Agent(work) => agent(binder, index, work, name_agent),
        StepKind::Condition(condition) => {
            match binder.expression(&condition.condition, Wanted::Truth, view, &at("condition")) {
                Some(bound) => Kind::Condition(Box::new(bound)),
                None => Kind::Pass { inputs: None },
            }
        }
        StepKind::Loop(each) => repeat(binder, index, each, &bodies),
        StepKind::Parallel(fork) => parallel(binder, index, step, fork, bodies),
        StepKind::Wait(wait) => {
            let (value, field) = match wait {
                Wait::For(value) => (value, "for"),
                Wait::Until(value) => (value, "until"),
                Wait::Signal { name, .. } => (name, "signal"),
                Wait::Approval { question, .. } => (question, "approval"),
            };
            let Some(bound) = binder.open_template(value, view, &at("wait").join(field)) else {
                return Kind::Pass { inputs: None };
            };
            check_literal_wait(binder, index, wait, &bound.code);
            let bound = Box::new(bound);
            match wait {
                Wait::For(_) => Kind::Timer { at: Moment::After, value: bound },
                Wait::Until(_) => Kind::Timer { at: Moment::At, value: bound },
                Wait::Signal { on_timeout, .. } => {
                    check_on_timeout(binder, index, step, *on_timeout, false);
                    Kind::Signal { name: bound, on_timeout: *on_timeout }
                }
                Wait::Approval { on_timeout, .. } => {
                    check_on_timeout(binder, index, step, *on_timeout, true);
                    Kind::Approval { question: bound, on_timeout: *on_timeout }
                }
            }
        }
        StepKind::Workflow(called) => child(
            binder,
            index,
            Called {
                workflow: &called.workflow,
                at: at("workflow"),
                inputs: called.inputs.as_ref(),
                inputs_at: at("inputs"),
                wait: called.wait_for_completion,
            },
        ),
    }
}

fn agent(
    binder: &mut Binder<'_>,
    index: u32,
    work: &AgentStep,
    name_agent: &mut dyn FnMut(&str) -> u32,
) -> Kind {
    let layout = binder.layout;
    let view = View::Step(index);
    let inputs = work.inputs.as_ref().and_then(|inputs| {
        binder.template(inputs, view, &layout.pointer(index).join("inputs")).map(Box::new)
    });
    let Some(name) = &work.agent else {
        if let Some(bound) = &inputs {
            binder.without_secrets(
                &bound.roots,
                bound.code.references(),
                &layout.pointer(index).join("inputs"),
            );
        }
        return Kind::Pass { inputs };
    };
    let named = binder.shelf.named(name);
    let agent = named.map_or(name.as_str(), |named| &named.agent);
    let mut config = named.map(|named| named.config.clone()).unwrap_or_default();
    config.extend(work.config.clone());
    let config = Value::Object(config);
    let description = binder.catalog.agent(agent);
    if agent == NESTING && description.is_none() {
        return nesting(binder, index, work, &config, named);
    }
    match description {
        Some(description) => {
            if let Some(schema) = &description.input {
                check_inputs(binder, index, Taker::Agent(agent), work.inputs.as_ref(), schema);
            }
            let named = named.map(|named| &*named.name);
            check_config(binder, index, agent, description, &config, &work.config, named);
        }
        // of a named agent this is said once, where it is named
        None if named.is_none() && !binder.found.is_full() => {
            let names = binder.workflow.agents.iter().map(|named| &*named.name);
            let all = binder.catalog.agent_names().into_iter().chain(names);
            let message = format!("agent `{agent}` is not registered");
            let mut diagnostic =
                Diagnostic::error(Code::UNKNOWN_AGENT, layout.pointer(index).join("agent"), message)
                    .suggest(agent, binder.found.comparable(all));
            diagnostic.help.get_or_insert_with(|| "register it with the engine; none is".to_owned());
            binder.found.push(diagnostic);
        }
        None => {}
    }
    let config = match config.as_object() {
        Some(map) if !map.is_empty() => {
            let encoded = description.map_or(&[][..], |description| &description.encoded);
            config_template(binder, index, named, &config).map(|mut bound| {
                bound.code.encode(encoded);
                bound
            })
        }
        _ => None,
    };
    Kind::Agent { agent: name_agent(agent), inputs, config: config.map(Box::new), on_lost: work.on_lost }
}

/// The configuration of a step and what it inherits, whose templates stand in two places.
fn config_template(
    binder: &mut Binder<'_>,
    index: u32,
    named: Option<&NamedAgent>,
    config: &Value,
) -> Option<Bound<Template>> {
    let own = binder.layout.pointer(index).join("config");
    let before = binder.found.len();
    let bound = binder.template(config, View::Config(index), &own);
    if let Some(named) = named
        && let StepKind::Agent(work) = &binder.layout.steps[index as usize].step.kind
    {
        let theirs = Pointer::root().join("agents").join(&*named.name).join("config");
        binder.found.move_since(before, &own, &theirs, |key| !work.config.contains_key(key));
    }
    bound
}

/// The agent that every engine knows, unless it is given one of that name: it has a workflow done.
pub(crate) const NESTING: &str = "workflow";

/// A step that asks the agent `workflow`, which is a nested workflow by another name: agents are
/// rows where workflows are, and one of their types is this.
fn nesting(
    binder: &mut Binder<'_>,
    index: u32,
    work: &AgentStep,
    config: &Value,
    named: Option<&NamedAgent>,
) -> Kind {
    let layout = binder.layout;
    let key = &layout.steps[index as usize].step.key;
    let place = |field: &str| match named {
        Some(named) if !work.config.contains_key(field) && named.config.contains_key(field) => {
            Pointer::root().join("agents").join(&*named.name).join("config").join(field)
        }
        _ => layout.pointer(index).join("config").join(field),
    };
    let mut wrong = |field: &str, message: String, help: &str| {
        let message = format!("step `{key}`: {message}");
        binder.found.push(Diagnostic::error(Code::BAD_CONFIG, place(field), message).help(help));
    };
    let known = ["workflow", "workflowId", "inputs", "waitForCompletion"];
    for unknown in config.as_object().into_iter().flat_map(|map| map.keys()) {
        if !known.contains(&unknown.as_str()) {
            let help = "it has `workflowId`, `inputs`, `waitForCompletion`";
            wrong(unknown, format!("agent `{NESTING}` has no setting `{unknown}`"), help);
        }
    }
    let wait = match config.get("waitForCompletion") {
        None => true,
        Some(Value::Bool(wait)) => *wait,
        Some(_) => {
            wrong(
                "waitForCompletion",
                "`waitForCompletion` must be true or false".to_owned(),
                "default is true",
            );
            true
        }
    };
    let name = ["workflowId", "workflow"].into_iter().find(|field| config.get(field).is_some());
    let workflow = match name.map(|field| (field, config[field].as_str())) {
        Some((_, Some(name))) if !name.is_empty() && !name.contains("{{") => name.to_owned(),
        Some((field, _)) => {
            let help = "name the workflow itself: which one it is must be known before anything begins";
            wrong(field, format!("`{field}` must be the name of a workflow"), help);
            return Kind::Pass { inputs: None };
        }
        None => {
            let message = format!("agent `{NESTING}` needs the setting `workflowId`");
            wrong("workflowId", message, "add `workflowId` under `config`");
            return Kind::Pass { inputs: None };
        }
    };
    if let (Some(Value::Object(given)), true) = (&work.inputs, config.get("inputs").is_some())
        && !given.is_empty()
    {
        let help = "give them in one place: in the step, or in the configuration";
        wrong("inputs", "the step gives inputs, and its configuration has `inputs` too".to_owned(), help);
    }
    let (inputs, at) = match config.get("inputs") {
        Some(inputs) => (Some(inputs), place("inputs")),
        None => (work.inputs.as_ref(), layout.pointer(index).join("inputs")),
    };
    child(
        binder,
        index,
        Called { workflow: &workflow, at: place(name.unwrap_or_default()), inputs, inputs_at: at, wait },
    )
}

fn repeat(binder: &mut Binder<'_>, index: u32, each: &LoopStep, bodies: &[u32]) -> Kind {
    let layout = binder.layout;
    let pointer = layout.pointer(index);
    let items = binder.expression(&each.items, Wanted::List, View::Step(index), &pointer.join("loop"));
    let output = match (&each.output, bodies.first()) {
        (Some(output), Some(&body)) => {
            binder.open_template(output, View::After(body), &pointer.join("output"))
        }
        _ => None,
    };
    if each.max_parallel == 0 {
        let message = "`maxParallel` is 0: no iteration could ever run";
        let diagnostic = Diagnostic::error(Code::BAD_VALUE, pointer.join("maxParallel"), message)
            .help("leave it out to go through the items one by one");
        binder.found.push(diagnostic);
    }
    let (Some(items), Some(&body)) = (items, bodies.first()) else { return Kind::Pass { inputs: None } };
    if let Some(literal) = items.code.as_literal()
        && !literal.is_array()
    {
        let message = "a loop needs a list of items";
        let help = "such as `[1, 2, 3]`, or a template of a list";
        binder.found.push(Diagnostic::error(Code::WRONG_TYPE, pointer.join("loop"), message).help(help));
    }
    Kind::Loop(Box::new(LoopPlan {
        body,
        items,
        max_parallel: each.max_parallel.max(1),
        max_iterations: each.max_iterations,
        output,
    }))
}

fn parallel(binder: &mut Binder<'_>, index: u32, step: &Step, fork: &ParallelStep, bodies: Vec<u32>) -> Kind {
    let layout = binder.layout;
    let pointer = || layout.pointer(index).join("parallel");
    let mut seen: Vec<(&str, usize)> =
        fork.branches.iter().enumerate().map(|(at, branch)| (&*branch.key, at)).collect();
    seen.sort_unstable();
    for (twice, row) in seen.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[1]) {
        let message = format!("step `{}` has two branches named `{twice}`", step.key);
        let at = pointer().join("branches").join(row).join("key");
        let diagnostic = Diagnostic::error(Code::DUPLICATE_KEY, at, message)
            .help("give one of them another name: the output has a field of each");
        binder.found.push(diagnostic);
    }
    for branch in &fork.branches {
        let at = || layout.pointer(index).join("parallel").join("branches").join(&*branch.key);
        check_name(&branch.key, "a branch", at, &mut binder.found);
    }
    if let Some(named) = fork.branches.iter().find(|branch| branch.key == "parallelCompleted") {
        let at = pointer().join("branches").join(&*named.key);
        let message = "a branch cannot be named `parallelCompleted`: the output has a field of that name";
        let help = "give the branch another name";
        binder.found.push(Diagnostic::error(Code::BAD_NAME, at, message).help(help));
    }
    if let Join::Count(count) = fork.join
        && (count == 0 || count as usize > fork.branches.len())
    {
        let message = format!("step `{}` waits for {count} of {} branches", step.key, fork.branches.len());
        let diagnostic = Diagnostic::error(Code::BAD_VALUE, pointer().join("join"), message)
            .help("`join` is `all`, `any` or a number from 1 to the number of branches");
        binder.found.push(diagnostic);
    }
    Kind::Parallel(Box::new(ParallelPlan { bodies, join: fork.join }))
}

/// A workflow that a step starts, and where that is written.
struct Called<'a> {
    workflow: &'a str,
    at: Pointer,
    inputs: Option<&'a Value>,
    inputs_at: Pointer,
    wait: bool,
}

fn child(binder: &mut Binder<'_>, index: u32, called: Called<'_>) -> Kind {
    let Called { workflow, at, inputs, inputs_at, wait } = called;
    let bound =
        inputs.and_then(|inputs| binder.open_template(inputs, View::Step(index), &inputs_at).map(Box::new));
    match binder.catalog.workflow(workflow) {
        None if binder.found.is_full() => {}
        None => {
            let message = format!("workflow `{workflow}` is not registered");
            let mut diagnostic = Diagnostic::error(Code::UNKNOWN_WORKFLOW, at, message)
                .suggest(workflow, binder.found.comparable(binder.catalog.workflow_names()));
            diagnostic.help.get_or_insert_with(|| "register it with the engine; none is".to_owned());
            binder.found.push(diagnostic);
        }
        Some(Some(schema)) => check_inputs(binder, index, Taker::Workflow(workflow), inputs, schema),
        Some(None) => {}
    }
    Kind::Child { workflow: workflow.into(), inputs: bound, wait }
}

/// A wait that is written out can be checked now.
fn check_literal_wait(binder: &mut Binder<'_>, index: u32, wait: &Wait, template: &Template) {
    let Some(value) = template.as_literal() else { return };
    let problem = match wait {
        Wait::For(_) => super::moment::duration(value).err(),
        Wait::Until(_) => super::moment::moment(value).err(),
        Wait::Signal { .. } => match value.as_str() {
            Some("") => Some("the name of a signal is empty".to_owned()),
            Some(_) => None,
            None => Some("the name of a signal must be text".to_owned()),
        },
        Wait::Approval { .. } => None,
    };
    if let Some(problem) = problem {
        let (code, field, help) = match wait {
            Wait::For(_) => (Code::BAD_DURATION, "for", "such as `30s`, `10m` or `24h`"),
            Wait::Until(_) => (Code::BAD_VALUE, "until", "write it as in `2027-01-31T09:00:00Z`"),
            _ => (Code::BAD_VALUE, "signal", "name the signal, such as `paid`"),
        };
        let pointer = binder.layout.pointer(index).join("wait").join(field);
        binder.found.push(Diagnostic::error(code, pointer, problem).help(help));
    }
}

fn check_on_timeout(binder: &mut Binder<'_>, index: u32, step: &Step, on_timeout: OnTimeout, approval: bool) {
    let pointer = || binder.layout.pointer(index).join("wait").join("onTimeout");
    if !approval && matches!(on_timeout, OnTimeout::Approve | OnTimeout::Reject) {
        let message = format!("step `{}` waits for a signal, which cannot be approved or rejected", step.key);
        let diagnostic = Diagnostic::error(Code::BAD_VALUE, pointer(), message)
            .help("`onTimeout` of a signal is `fail` or `continue`");
        binder.found.push(diagnostic);
    } else if step.timeout.is_none() && on_timeout != OnTimeout::Fail {
        let message = format!("step `{}` has `onTimeout` but no `timeout`", step.key);
        let diagnostic = Diagnostic::error(Code::CONFLICT, pointer(), message)
            .help("say how long it may wait: `timeout: 24h`");
        binder.found.push(diagnostic);
    }
}
