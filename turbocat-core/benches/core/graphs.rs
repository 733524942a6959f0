//! The workflows that are measured, and an engine with agents that do nothing.

use std::sync::Arc;

use serde_json::{Value, json};
use turbocat_core::{
    Engine, Execution, FailureKind, Plan, Step, StepFailure, Workflow, agent_fn, agent_fn_with,
};

/// An engine whose agents answer at once.
pub(crate) fn engine() -> Engine {
    Engine::builder()
        .agent("same", agent_fn(|input: Arc<Value>| async move { Ok(input) }))
        .agent("list", agent_fn(|input: Arc<Value>| async move { Ok(items(input["count"].as_u64())) }))
        .agent(
            "second-time",
            agent_fn_with(|input: Arc<Value>, request| async move {
                if request.attempt > 1 { Ok(input) } else { Err(StepFailure::new(FailureKind::ERROR, "no")) }
            }),
        )
        .build()
}

fn items(count: Option<u64>) -> Value {
    (0..count.unwrap_or_default()).map(|n| json!({ "n": n })).collect()
}

/// The n-th key of a body; keys in order of their numbers.
pub(crate) fn key(number: usize) -> String {
    format!("s{number:07}")
}

fn token(number: usize) -> Value {
    Value::String(format!("{{{{ {} }}}}", key(number)))
}

/// Steps one after the other, each handing on the value before it.
pub(crate) fn chain(steps: usize) -> Workflow {
    let first = Step::agent(key(0), "same").inputs(json!({ "n": 7 }));
    let others = (1..steps).map(|at| Step::agent(key(at), "same").inputs(token(at - 1)));
    Workflow::builder("chain").step(first).steps(others).build()
}

/// One step, then all others at once, each handing on the first one's value.
pub(crate) fn fan_out(steps: usize) -> Workflow {
    let first = Step::agent(key(0), "same").inputs(json!({ "n": 7 }));
    let others = (1..steps).map(|at| Step::agent(key(at), "same").inputs(token(0)));
    Workflow::builder("fan-out").step(first).steps(others).build()
}

/// A loop of one step over that many items, which an agent makes.
pub(crate) fn repeat(items: usize) -> Workflow {
    let list = Step::agent("list", "list").inputs(json!({ "count": items }));
    let body = [Step::agent("one", "same").inputs(json!("{{ item }}"))];
    let each = Step::for_each("each", "{{ list }}", body).max_iterations(u32::MAX);
    Workflow::builder("loop").step(list).step(each).build()
}

/// A chain of steps that wait for each other without handing anything on.
pub(crate) fn row(steps: usize, step: impl Fn(String) -> Step) -> Workflow {
    let steps = (0..steps).map(|at| {
        let step = step(key(at));
        if at == 0 { step } else { step.depends_on([key(at - 1)]) }
    });
    Workflow::builder("row").steps(steps).build()
}

/// The plan of a workflow.
pub(crate) fn plan(engine: &Engine, workflow: &Workflow) -> Plan {
    engine.compile(workflow).expect("the graph is a workflow")
}

/// Runs a plan.
pub(crate) async fn run(engine: &Engine, plan: &Plan) -> Execution {
    engine.run(plan, Value::Null).await.expect("the execution completes")
}
