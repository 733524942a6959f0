//! Turns a definition into a plan, or into everything that is wrong with it.
//!
//! Four passes: lay the steps out, bind the templates of each, link them into graphs, and look
//! for what can never happen.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use super::bind::{Binder, View, Wanted};
use super::finding::Findings;
use super::inputs::InputRules;
use super::kinds::{NESTING, check_policy, kind};
use super::layout::{Layout, check_name};
use super::library::{Library, Within, check_library};
use super::link::{Link, link, named_links, report_circles};
use super::plan::{Body, Owner, Parts, Plan, PlanStep};
use super::reach::unreachable;
use crate::catalog::Catalog;
use crate::definition::{Budget, OnError, Workflow};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Pointer};

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
    let catalog = &Within { own: &workflow.workflows, outside: catalog };
    let (parts, mut found) = sound(workflow, catalog);
    check_library(workflow, catalog, &mut found);
    let plan = (!found.has_errors()).then(|| Plan(Arc::new(parts)));
    (plan, found.place(workflow))
}

/// As [`compile`], for a workflow of which it is known that what it brings along is right.
pub(super) fn compile_known(workflow: &Workflow, catalog: &dyn Catalog) -> Result<Plan, Diagnostics> {
    let (parts, found) = sound(workflow, &Within { own: &workflow.workflows, outside: catalog });
    if found.has_errors() { Err(found.place(workflow)) } else { Ok(Plan(Arc::new(parts))) }
}

/// The parts of a plan, of use if nothing is wrong; and what is, but for what it brings along.
pub(super) fn sound(workflow: &Workflow, catalog: &dyn Catalog) -> (Parts, Findings) {
    let mut found = Findings::default();
    let layout = Layout::new(workflow, &mut found);
    let mut binder = Binder::new(workflow, catalog, &layout);
    binder.found = found;
    check_agents(&mut binder);
    let (mut parts, mut links) = build(&mut binder);
    let (edges, dependencies, circles) = link(&mut parts.steps, &mut links);
    (parts.edges, parts.dependencies) = (edges, dependencies);
    parts.bodies = bodies(&layout, &parts.steps);
    if !circles.is_empty() {
        // only now it is known which references matter; a second look finds their places
        let mut second = Binder::new(workflow, catalog, &layout);
        let pairs = circles.iter().flat_map(|circle| circle.windows(2).map(|pair| (pair[1], pair[0])));
        second.traced = pairs.map(|pair| (pair, None)).collect();
        build(&mut second);
        binder.traced = second.traced;
        report_circles(&mut binder, &circles);
    }
    unreachable(&parts, &layout, &links, &mut binder.found);
    let found = binder.found;
    (parts, found)
}

/// Whether the agents behind the workflow's own names exist.
fn check_agents(binder: &mut Binder<'_>) {
    for named in &binder.workflow.agents {
        let at = Pointer::root().join("agents").join(&*named.name);
        check_name(&named.name, "an agent", || at.clone(), &mut binder.found);
        let known = binder.catalog.agent(&named.agent).is_some() || named.agent == NESTING;
        if !known && !binder.found.is_full() {
            let message = format!("agent `{}` is not registered", named.agent);
            let names = binder.catalog.agent_names();
            let mut diagnostic = Diagnostic::error(Code::UNKNOWN_AGENT, at.join("type"), message)
                .label(format!("what `{}` stands for", named.name))
                .suggest(&named.agent, binder.found.comparable(names));
            diagnostic.help.get_or_insert_with(|| "register it with the engine; none is".to_owned());
            binder.found.push(diagnostic);
        }
    }
}

/// Everything but the graph, and the links to make it from.
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
        named_links(binder, index, step, &mut links);
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
            binder.expression(when, Wanted::Truth, View::Step(index), &pointer).map(Box::new)
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
            binder.found.push(
                Diagnostic::error(Code::BAD_SCHEMA, pointer, message)
                    .help("it must be a JSON Schema of an object"),
            );
            InputRules::anything()
        }),
    };
    if workflow.max_parallel == Some(0) {
        let pointer = Pointer::root().join("maxParallel");
        binder.found.push(
            Diagnostic::error(Code::BAD_VALUE, pointer, "`maxParallel` is 0: nothing could ever run")
                .help("leave it out for no limit"),
        );
    }
    let budget = workflow.budget.clone().filter(|budget| budget_is_sound(&mut binder.found, budget));
    links.extend(binder.inferred.drain(..).map(|(from, to)| (from, to, super::plan::Gate::None)));
    let parts = Parts {
        name: workflow.name.as_deref().map(Into::into),
        steps,
        bodies: Vec::new(),
        edges: Vec::new(),
        dependencies: Vec::new(),
        agents,
        inputs,
        outputs,
        timeout: workflow.timeout,
        max_parallel: workflow.max_parallel.unwrap_or(u32::MAX).max(1),
        budget,
        empty: Arc::new(Value::Object(Map::new())),
        paths: OnceLock::new(),
        library: Library::new(&workflow.workflows),
        definition: OnceLock::new(),
    };
    (parts, links)
}

/// A reader says the same with more to it; this is for workflows that were made in code.
fn budget_is_sound(found: &mut Findings, budget: &Budget) -> bool {
    let wrong = if budget.cost_usd.is_some_and(|cost| !cost.is_finite() || cost <= 0.0) {
        Some(("costUsd", "`costUsd` of the budget must be more than 0"))
    } else if budget.tokens == Some(0) {
        Some(("tokens", "`tokens` of the budget must be at least 1"))
    } else if budget.api_calls == Some(0) {
        Some(("apiCalls", "`apiCalls` of the budget must be at least 1"))
    } else {
        None
    };
    if let Some((field, message)) = wrong {
        let pointer = Pointer::root().join("budget").join(field);
        found.push(Diagnostic::error(Code::BAD_VALUE, pointer, message).help("leave it out for no limit"));
    }
    wrong.is_none()
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
