//! Turns a definition into a plan, or into everything that is wrong with it.
//!
//! Four passes: lay the steps out, bind the templates of each, link them into graphs, and look
//! for what can never happen.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use super::bind::{Binder, Finding, View};
use super::graph::find_cycle;
use super::inputs::InputRules;
use super::layout::Layout;
use super::plan::{Body, Edge, Gate, Kind, LoopPlan, Moment, Owner, ParallelPlan, Parts, Plan, PlanStep};
use super::reach::unreachable;
use crate::catalog::Catalog;
use crate::definition::{
    AgentStep, Join, LoopStep, OnError, OnTimeout, ParallelStep, Step, StepKind, Wait, Workflow, WorkflowStep,
};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Pointer};
use crate::template::Template;

/// Checks a workflow against the agents there are and makes it ready to run.
///
/// # Errors
/// Every mistake in it, at once.
pub fn compile(workflow: &Workflow, catalog: &dyn Catalog) -> Result<Plan, Diagnostics> {
    let (plan, diagnostics) = check(workflow, catalog);
    match plan {
        Some(plan) if !diagnostics.has_errors() => Ok(plan),
        _ => Err(diagnostics),
    }
}

/// As [`compile`], with the warnings even of a workflow that is right.
pub fn check(workflow: &Workflow, catalog: &dyn Catalog) -> (Option<Plan>, Diagnostics) {
    let mut early = Vec::new();
    let layout = Layout::new(workflow, &mut early);
    let mut binder = Binder {
        workflow,
        catalog,
        layout: &layout,
        found: early.into_iter().map(Finding::from).collect(),
        inferred: Vec::new(),
    };
    let (parts, edges) = build(&mut binder);
    let Binder { mut found, .. } = binder;
    found.extend(unreachable(&parts, &layout, &edges).into_iter().map(Finding::from));
    let diagnostics = place(found, workflow);
    let plan = (!diagnostics.has_errors()).then(|| Plan(Arc::new(parts)));
    (plan, diagnostics)
}

/// Looks the places of findings up in the text.
fn place(found: Vec<Finding>, workflow: &Workflow) -> Diagnostics {
    let places =
        if found.is_empty() { None } else { workflow.source.as_deref().map(crate::definition::Places::of) };
    let list = found.into_iter().map(|Finding { mut diagnostic, needle, part }| {
        if let (Some(places), None) = (&places, diagnostic.place) {
            diagnostic.place = match &needle {
                Some(needle) => places.locate_in(&diagnostic.pointer, needle),
                None => places.locate(&diagnostic.pointer),
            };
            if let (Some(place), Some(needle), Some(part)) = (&mut diagnostic.place, &needle, &part)
                && place.length as usize == needle.chars().count()
                && let Some(at) = needle.rfind(&**part)
            {
                place.column += needle[..at].chars().count() as u32;
                place.length = part.chars().count() as u32;
            }
        }
        diagnostic
    });
    Diagnostics::new(list.collect(), workflow.source.clone())
}

/// A dependency: the dependent, what it depends on, and the branch it stands for.
type Link = (u32, u32, Gate);

fn build(binder: &mut Binder<'_>) -> (Parts, Vec<Link>) {
    let layout = binder.layout;
    let workflow = binder.workflow;
    let mut agents: Vec<Box<str>> = Vec::new();
    let mut agent_numbers: HashMap<String, u32> = HashMap::new();
    let mut links: Vec<Link> = Vec::new();
    let mut bodies_of: HashMap<u32, Vec<u32>> = HashMap::new();
    for (number, body) in layout.bodies.iter().enumerate() {
        if let Some(owner) = body.owner {
            bodies_of.entry(owner).or_default().push(number as u32);
        }
    }
    let mut steps = Vec::with_capacity(layout.steps.len());
    for (index, laid) in layout.steps.iter().enumerate() {
        let index = index as u32;
        let step = laid.step;
        check_names(binder, index, step);
        explicit_links(binder, index, step, &mut links);
        check_policy(binder, index, step);
        let nested = bodies_of.remove(&index).unwrap_or_default();
        let mut name_agent = |name: &str| {
            *agent_numbers.entry(name.to_owned()).or_insert_with(|| {
                agents.push(name.into());
                agents.len() as u32 - 1
            })
        };
        let kind = kind(binder, index, step, nested, &mut name_agent);
        // Deep in the row a pointer costs memory; it is made only when there is something to place.
        let guard = step.when.as_ref().and_then(|when| {
            let pointer = layout.pointer(index).join("when");
            binder.expression(when, View::Step(index), &pointer).map(Box::new)
        });
        let projection = (!step.outputs.is_empty())
            .then(|| {
                let pointer = layout.pointer(index).join("outputs");
                let value = Value::Object(step.outputs.clone());
                binder.open_template(&value, View::Result(index), &pointer).map(Box::new)
            })
            .flatten();
        steps.push(PlanStep {
            key: step.key.as_str().into(),
            body: laid.body,
            dependents: 0..0,
            dependencies: 0..0,
            gated: false,
            needs: step.needs,
            on_error: step.on_error,
            retry: (step.on_error == OnError::Retry).then(|| Box::new(step.retry.clone())),
            timeout: step.timeout,
            deadline: step.deadline,
            guard,
            projection,
            kind,
        });
    }
    let outputs = workflow
        .outputs
        .as_ref()
        .and_then(|outputs| binder.open_template(outputs, View::After(0), &Pointer::root().join("outputs")));
    let inputs = match &workflow.inputs {
        None => InputRules::anything(),
        Some(inputs) => InputRules::new(&inputs.schema).unwrap_or_else(|message| {
            let pointer = Pointer::root().join("inputs");
            let message = format!("the declared inputs are not a valid schema: {message}");
            binder.found.push(Diagnostic::error(Code::BAD_SCHEMA, pointer, message).into());
            InputRules::anything()
        }),
    };
    if workflow.max_parallel == Some(0) {
        let pointer = Pointer::root().join("maxParallel");
        binder.found.push(
            Diagnostic::error(Code::BAD_VALUE, pointer, "`maxParallel` is 0: nothing could ever run")
                .help("leave it out for no limit")
                .into(),
        );
    }
    links.extend(binder.inferred.drain(..).map(|(from, to)| (from, to, Gate::None)));
    let (edges, dependencies) = link(binder, &mut steps, &mut links);
    let bodies = bodies(layout, &steps);
    let parts = Parts {
        name: workflow.name.as_deref().map(Into::into),
        steps,
        bodies,
        edges,
        dependencies,
        agents,
        inputs,
        outputs,
        timeout: workflow.timeout,
        max_parallel: workflow.max_parallel.unwrap_or(u32::MAX).max(1),
        empty: Arc::new(Value::Object(Map::new())),
        paths: OnceLock::new(),
        definition: OnceLock::new(),
    };
    (parts, links)
}

/// Journals name a step by its path, so that a key must not look like a path. Who writes a
/// workflow as text has been told already; who builds one in code has not.
fn check_names(binder: &mut Binder<'_>, index: u32, step: &Step) {
    let branches: &[_] = match &step.kind {
        StepKind::Parallel(fork) => &fork.branches,
        _ => &[],
    };
    let names =
        std::iter::once(("a step", &step.key)).chain(branches.iter().map(|one| ("a branch", &one.key)));
    for (what, name) in names {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || !name.chars().all(fits) {
            let message = format!("`{name}` cannot be the name of {what}");
            let diagnostic = Diagnostic::error(Code::BAD_NAME, binder.layout.pointer(index), message);
            binder.found.push(diagnostic.help("names have letters, digits, `_` and `-`").into());
        }
    }
}

/// The dependencies a step or a condition names.
fn explicit_links(binder: &mut Binder<'_>, index: u32, step: &Step, links: &mut Vec<Link>) {
    let layout = binder.layout;
    let body = layout.steps[index as usize].body;
    for (at, key) in step.depends_on.iter().enumerate() {
        let pointer = || layout.pointer(index).join("dependsOn").join(at);
        match layout.find(body, key) {
            Some(to) if to == index => binder.found.push(
                Diagnostic::error(
                    Code::SELF_DEPENDENCY,
                    pointer(),
                    format!("step `{key}` cannot depend on itself"),
                )
                .into(),
            ),
            Some(to) => links.push((index, to, Gate::None)),
            None => {
                let message = format!("step `{}` depends on `{key}`, which does not exist", step.key);
                let others = layout.keys(body).filter(|other| *other != step.key);
                let diagnostic =
                    Diagnostic::error(Code::UNKNOWN_DEPENDENCY, pointer(), message).suggest(key, others);
                binder.found.push(diagnostic.into());
            }
        }
    }
    let StepKind::Condition(condition) = &step.kind else { return };
    for (word, keys, gate) in
        [("then", &condition.then, Gate::Then), ("else", &condition.otherwise, Gate::Else)]
    {
        for (at, key) in keys.iter().enumerate() {
            let pointer = || layout.pointer(index).join(word).join(at);
            match layout.find(body, key) {
                Some(to) if to == index => binder.found.push(
                    Diagnostic::error(
                        Code::SELF_DEPENDENCY,
                        pointer(),
                        format!("condition `{key}` cannot lead to itself"),
                    )
                    .into(),
                ),
                Some(to) => links.push((to, index, gate)),
                None => {
                    let message = format!("condition `{}` leads to `{key}`, which does not exist", step.key);
                    let others = layout.keys(body).filter(|other| *other != step.key);
                    let diagnostic =
                        Diagnostic::error(Code::UNKNOWN_BRANCH, pointer(), message).suggest(key, others);
                    binder.found.push(diagnostic.into());
                }
            }
        }
    }
}

fn check_policy(binder: &mut Binder<'_>, index: u32, step: &Step) {
    if step.on_error != OnError::Retry {
        return;
    }
    let retry = &step.retry;
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
        binder.found.push(Diagnostic::error(Code::BAD_RETRY, pointer, message).into());
    }
    if let (Some(deadline), true) = (step.deadline, retry.max > 0)
        && deadline <= retry.delay
    {
        let pointer = binder.layout.pointer(index).join("deadline");
        let message = format!(
            "step `{}` can never be tried again: its `deadline` ends before the first pause",
            step.key
        );
        binder.found.push(Diagnostic::warning(Code::BAD_RETRY, pointer, message).into());
    }
}

fn kind(
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
        StepKind::Agent(work) => agent(binder, index, step, work, name_agent),
        StepKind::Condition(condition) => {
            match binder.expression(&condition.condition, view, &at("condition")) {
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
        StepKind::Workflow(child) => nested(binder, index, child),
    }
}

fn agent(
    binder: &mut Binder<'_>,
    index: u32,
    step: &Step,
    work: &AgentStep,
    name_agent: &mut dyn FnMut(&str) -> u32,
) -> Kind {
    let layout = binder.layout;
    let view = View::Step(index);
    let inputs = work.inputs.as_ref().and_then(|inputs| {
        binder.template(inputs, view, &layout.pointer(index).join("inputs")).map(Box::new)
    });
    let Some(name) = &work.agent else {
        if let Some(bound) = &inputs
            && bound.secret
        {
            let pointer = layout.pointer(index).join("inputs");
            let message = format!(
                "step `{}` has no agent, so its inputs are its output, and `secrets` would be written down",
                step.key
            );
            binder.found.push(Diagnostic::error(Code::OUT_OF_SCOPE, pointer, message).into());
        }
        return Kind::Pass { inputs };
    };
    let named = binder.named(name);
    let agent = named.map_or(name.as_str(), |named| &named.agent);
    let Some(description) = binder.catalog.agent(agent) else {
        let at = match named {
            Some(named) => Pointer::root().join("agents").join(&*named.name),
            None => layout.pointer(index).join("agent"),
        };
        let names = binder.workflow.agents.iter().map(|named| &*named.name);
        let all = binder.catalog.agent_names().into_iter().chain(names);
        let message = format!("agent `{agent}` is not registered");
        let diagnostic = Diagnostic::error(Code::UNKNOWN_AGENT, at, message).suggest(agent, all);
        binder.found.push(diagnostic.into());
        return Kind::Pass { inputs };
    };
    if let Some(schema) = &description.input {
        check_inputs(binder, index, agent, work.inputs.as_ref(), schema);
    }
    let mut config = named.map(|named| named.config.clone()).unwrap_or_default();
    config.extend(work.config.clone());
    let mut bound = None;
    let pointer = layout.pointer(index).join("config");
    if !config.is_empty() {
        let config = Value::Object(config);
        for problem in binder.catalog.check_config(agent, &config) {
            let message = format!("step `{}`: {problem}", step.key);
            binder.found.push(Diagnostic::error(Code::BAD_CONFIG, pointer.clone(), message).into());
        }
        bound = binder.template(&config, view, &pointer).map(Box::new);
    } else {
        for problem in binder.catalog.check_config(agent, &Value::Object(config)) {
            let message = format!("step `{}`: {problem}", step.key);
            binder.found.push(Diagnostic::error(Code::BAD_CONFIG, pointer.clone(), message).into());
        }
    }
    Kind::Agent { agent: name_agent(agent), inputs, config: bound }
}

/// Whether what a step gives has what the agent requires, as far as it can be seen.
fn check_inputs(binder: &mut Binder<'_>, index: u32, agent: &str, inputs: Option<&Value>, schema: &Value) {
    let given = match inputs {
        None => &Map::new(),
        Some(Value::Object(given)) => given,
        Some(_) => return,
    };
    let pointer = binder.layout.pointer(index);
    let key = &binder.layout.steps[index as usize].step.key;
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if !given.contains_key(name) {
            let message = format!("step `{key}` does not give `{name}`, which agent `{agent}` requires");
            let shape = super::schema::shape(schema, schema);
            let at = if inputs.is_some() { pointer.join("inputs") } else { pointer.clone() };
            let diagnostic = Diagnostic::error(Code::MISSING_INPUT, at, message)
                .label(format!("{agent} takes {shape}"))
                .help(format!("add `{name}` under `inputs`"));
            binder.found.push(diagnostic.into());
        }
    }
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    if let (Some(properties), true) = (properties, closed) {
        for name in given.keys().filter(|name| !properties.contains_key(*name)) {
            let message = format!("agent `{agent}` does not take `{name}`");
            let at = pointer.join("inputs").join(&**name);
            let diagnostic = Diagnostic::error(Code::UNKNOWN_INPUT, at, message)
                .suggest(name, properties.keys().map(String::as_str));
            binder.found.push(diagnostic.into());
        }
    }
}

fn repeat(binder: &mut Binder<'_>, index: u32, each: &LoopStep, bodies: &[u32]) -> Kind {
    let layout = binder.layout;
    let pointer = layout.pointer(index);
    let items = binder.expression(&each.items, View::Step(index), &pointer.join("loop"));
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
        binder.found.push(diagnostic.into());
    }
    let (Some(items), Some(&body)) = (items, bodies.first()) else { return Kind::Pass { inputs: None } };
    if let Some(literal) = items.code.as_literal()
        && !literal.is_array()
    {
        let message = "a loop needs a list of items";
        binder.found.push(Diagnostic::error(Code::WRONG_TYPE, pointer.join("loop"), message).into());
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
    let pointer = || binder.layout.pointer(index).join("parallel");
    let mut seen: Vec<&str> = fork.branches.iter().map(|branch| &*branch.key).collect();
    seen.sort_unstable();
    let twice = seen.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].to_owned());
    if let Some(twice) = twice {
        let message = format!("step `{}` has two branches named `{twice}`", step.key);
        let diagnostic = Diagnostic::error(Code::DUPLICATE_KEY, pointer().join("branches"), message);
        binder.found.push(diagnostic.into());
    }
    if let Some(named) = fork.branches.iter().find(|branch| branch.key == "parallelCompleted") {
        let at = pointer().join("branches").join(&*named.key);
        let message = "a branch cannot be named `parallelCompleted`: the output has a field of that name";
        binder.found.push(Diagnostic::error(Code::BAD_NAME, at, message).into());
    }
    if let Join::Count(count) = fork.join
        && (count == 0 || count as usize > fork.branches.len())
    {
        let message = format!("step `{}` waits for {count} of {} branches", step.key, fork.branches.len());
        let diagnostic = Diagnostic::error(Code::BAD_VALUE, pointer().join("join"), message)
            .help("`join` is `all`, `any` or a number from 1 to the number of branches");
        binder.found.push(diagnostic.into());
    }
    Kind::Parallel(Box::new(ParallelPlan { bodies, join: fork.join }))
}

fn nested(binder: &mut Binder<'_>, index: u32, child: &WorkflowStep) -> Kind {
    let layout = binder.layout;
    let pointer = layout.pointer(index);
    let inputs = child.inputs.as_ref().and_then(|inputs| {
        binder.open_template(inputs, View::Step(index), &pointer.join("inputs")).map(Box::new)
    });
    match binder.catalog.workflow(&child.workflow) {
        None => {
            let message = format!("workflow `{}` is not registered", child.workflow);
            let diagnostic = Diagnostic::error(Code::UNKNOWN_WORKFLOW, pointer.join("workflow"), message)
                .suggest(&child.workflow, binder.catalog.workflow_names());
            binder.found.push(diagnostic.into());
        }
        Some(Some(schema)) => {
            let schema = schema.clone();
            let name = child.workflow.clone();
            check_inputs(binder, index, &name, child.inputs.as_ref(), &schema);
        }
        Some(None) => {}
    }
    Kind::Child { workflow: child.workflow.as_str().into(), inputs, wait: child.wait_for_completion }
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
        let code = if matches!(wait, Wait::For(_)) { Code::BAD_DURATION } else { Code::BAD_VALUE };
        let pointer = binder.layout.pointer(index).join("wait");
        binder.found.push(Diagnostic::error(code, pointer, problem).into());
    }
}

fn check_on_timeout(binder: &mut Binder<'_>, index: u32, step: &Step, on_timeout: OnTimeout, approval: bool) {
    let pointer = || binder.layout.pointer(index).join("wait").join("onTimeout");
    if !approval && matches!(on_timeout, OnTimeout::Approve | OnTimeout::Reject) {
        let message = format!("step `{}` waits for a signal, which cannot be approved or rejected", step.key);
        let diagnostic = Diagnostic::error(Code::BAD_VALUE, pointer(), message)
            .help("`onTimeout` of a signal is `fail` or `continue`");
        binder.found.push(diagnostic.into());
    } else if step.timeout.is_none() && on_timeout != OnTimeout::Fail {
        let message = format!("step `{}` has `onTimeout` but no `timeout`", step.key);
        let diagnostic = Diagnostic::error(Code::CONFLICT, pointer(), message)
            .help("say how long it may wait: `timeout: 24h`");
        binder.found.push(diagnostic.into());
    }
}

/// Sorts the links into the rows of the plan and finds circles.
fn link(binder: &mut Binder<'_>, steps: &mut [PlanStep], links: &mut Vec<Link>) -> (Vec<Edge>, Vec<u32>) {
    let rank = |gate: &Gate| match gate {
        Gate::None => 0,
        Gate::Then => 1,
        Gate::Else => 2,
        Gate::Both => 3,
    };
    links.sort_unstable_by_key(|(from, to, gate)| (*to, *from, rank(gate)));
    // Of several links between two steps one stays: the branches they stand for together.
    links.dedup_by(|later, kept| {
        let same = (later.0, later.1) == (kept.0, kept.1);
        if same {
            kept.2 = match (kept.2, later.2) {
                (Gate::None, gate) => gate,
                (gate, other) if gate == other => gate,
                _ => Gate::Both,
            };
        }
        same
    });
    let mut edges = Vec::with_capacity(links.len());
    let mut targets = Vec::with_capacity(links.len());
    for (from, to, gate) in links.iter() {
        let row = &mut steps[*to as usize].dependents;
        if row.start == row.end {
            *row = edges.len() as u32..edges.len() as u32;
        }
        row.end += 1;
        edges.push(Edge { to: *from, gate: *gate });
        targets.push(*from);
        steps[*from as usize].gated |= *gate != Gate::None;
    }
    let mut by_dependent: Vec<(u32, u32)> = links.iter().map(|(from, to, _)| (*from, *to)).collect();
    by_dependent.sort_unstable();
    let mut dependencies = Vec::with_capacity(links.len());
    for (from, to) in by_dependent {
        let row = &mut steps[from as usize].dependencies;
        if row.start == row.end {
            *row = dependencies.len() as u32..dependencies.len() as u32;
        }
        row.end += 1;
        dependencies.push(to);
    }
    let row = |step: u32| {
        let row = &steps[step as usize].dependents;
        &targets[row.start as usize..row.end as usize]
    };
    if let Some(circle) = find_cycle(0..steps.len() as u32, steps.len(), row) {
        let names: Vec<&str> = circle.iter().map(|step| &*steps[*step as usize].key).collect();
        let path = names.join(" -> ");
        let pointer = binder.layout.pointer(circle[0]);
        let diagnostic = Diagnostic::error(Code::CYCLE, pointer, format!("Cycle detected: {path}"))
            .help("each of these steps waits for the one before it; take one dependency or reference out");
        binder.found.push(diagnostic.into());
    }
    (edges, dependencies)
}

fn bodies(layout: &Layout<'_>, steps: &[PlanStep]) -> Vec<Body> {
    let build = |laid: &super::layout::LaidBody<'_>| {
        let range = laid.steps.start as usize..laid.steps.end as usize;
        let blocked: Vec<u32> = steps[range].iter().map(|step| step.dependencies.len() as u32).collect();
        let ready = blocked.iter().enumerate().filter(|(_, blocked)| **blocked == 0);
        Body {
            first: ready.map(|(at, _)| laid.steps.start + at as u32).collect(),
            blocked,
            steps: laid.steps.clone(),
            owner: laid.owner.map(|step| Owner { step, branch: laid.branch.map(Into::into) }),
            single: laid.single,
        }
    };
    layout.bodies.iter().map(build).collect()
}
