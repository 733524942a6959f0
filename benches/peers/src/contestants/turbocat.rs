//! Turbocat as a contestant: the engine in memory, with everything it does by default.
//!
//! A workflow per graph, compiled once; each step an agent that is a closure, its inputs by template: the
//! value before it, or the list of the values before it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use serde_json::{Value, json};
use turbocat_core::{Engine, Plan, Step, Workflow, agent_fn};

use crate::contestant::{Case, Contestant, Prepared, Unable, at_once};
use crate::step::{Count, Shared, Work};

/// Turbocat's rows.
pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![Box::new(Turbocat)]
}

#[derive(Debug)]
struct Turbocat;

impl Contestant for Turbocat {
    fn name(&self) -> &'static str {
        "**Turbocat**: the engine in memory"
    }

    fn prepare(&self, case: &Case) -> Result<Box<dyn Prepared>, Unable> {
        let work = case.work;
        let engine = Engine::builder()
            .agent("first", agent_fn(move |_: Shared| async move { Ok(work.run(&[])) }))
            .agent("one", agent_fn(move |input: Shared| async move { Ok(work.run_one(input)) }))
            .agent("many", agent_fn(move |inputs: Value| async move { Ok(join(work, inputs)) }))
            .build();
        let plan = engine.compile(&workflow(case)).expect("the graph is a workflow");
        Ok(Box::new(Compiled { engine: Arc::new(engine), plan, case: case.clone() }))
    }
}

/// A step that is given the list of the values before it.
fn join(work: Work, inputs: Value) -> Value {
    let Value::Array(inputs) = inputs else { panic!("the inputs are a list") };
    work.run_owned(inputs)
}

/// The graph as a definition.
fn workflow(case: &Case) -> Workflow {
    let steps = &case.graph.steps;
    let token = |dep: &usize| format!("{{{{ {} }}}}", steps[*dep].key);
    let step = |step: &crate::graph::Step| match &step.deps[..] {
        [] => Step::agent(&step.key, "first"),
        [one] => Step::agent(&step.key, "one").inputs(json!(token(one))),
        many => Step::agent(&step.key, "many").inputs(many.iter().map(token).collect::<Value>()),
    };
    Workflow::builder("bench").steps(steps.iter().map(step)).build()
}

struct Compiled {
    engine: Arc<Engine>,
    plan: Plan,
    case: Case,
}

impl Prepared for Compiled {
    fn count(&self) -> Count {
        self.case.full_count()
    }

    fn run(&mut self, times: usize) -> BoxFuture<'_, Duration> {
        Box::pin(async move {
            let clock = Instant::now();
            for _ in 0..times {
                if self.case.executions == 1 {
                    black_box(execute(&self.engine, &self.plan).await);
                } else {
                    let executions = (0..self.case.executions).map(|_| {
                        let (engine, plan) = (self.engine.clone(), self.plan.clone());
                        async move { execute(&engine, &plan).await }
                    });
                    black_box(at_once(executions).await);
                }
            }
            clock.elapsed()
        })
    }
}

async fn execute(engine: &Engine, plan: &Plan) -> turbocat_core::Execution {
    engine.run(plan, Value::Null).await.expect("the execution completes")
}
