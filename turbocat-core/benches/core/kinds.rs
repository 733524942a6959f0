//! What other kinds of steps cost, beside a step that asks an agent.

use std::time::Duration;

use serde_json::json;
use turbocat_core::{Retry, Step, Workflow};

use crate::measure::{Case, ThreadTime, measure};
use crate::table::{figure, print, ratio};
use crate::{Choice, graphs, runtime};

/// In a row, so that the execution itself costs nothing.
const STEPS: usize = 1_000;

pub(crate) fn tables(choice: &Choice) {
    let title = "kinds of steps: cost of one";
    if !choice.has(title) {
        return;
    }
    let (engine, runtime) = (graphs::engine(), runtime());
    let agent = |key: String| Step::agent(key, "same");
    let row = |step: &dyn Fn(String) -> Step| graphs::row(STEPS, step);
    let kinds: Vec<(&str, Workflow)> = vec![
        ("an agent, no inputs", row(&agent)),
        ("an agent that hands on a list of 1,000", row(&|key| agent(key).inputs(json!("{{ inputs }}")))),
        ("an agent, an object of two templates", row(&|key| agent(key).inputs(two()))),
        ("an agent with a guard: `inputs.n >= 3`", row(&|key| agent(key).when("inputs.n >= 3"))),
        (
            "an agent skipped by its guard",
            row(&|key| agent(key).when("inputs.n < 3").needs(turbocat_core::Needs::Finished)),
        ),
        ("an agent that fails once and is tried again", row(&retried)),
        ("hand on an object of two templates", row(&|key| Step::pass(key, two()))),
        ("a condition: `inputs.n >= 3`", row(&|key| Step::condition(key, "inputs.n >= 3"))),
        ("a condition: `inputs.yes`", row(&|key| Step::condition(key, "{{ inputs.yes }}"))),
        ("two branches of one agent each", row(&|key| forked(key, 2))),
        ("ten branches of one agent each", row(&|key| forked(key, 10))),
        ("a loop over one item with one agent", row(&|key| looped(key, 1))),
        ("a loop over ten items with one agent", row(&|key| looped(key, 10))),
    ];
    let plans: Vec<_> =
        kinds.iter().map(|(name, workflow)| (*name, graphs::plan(&engine, workflow))).collect();
    let list: Vec<usize> = (0..1_000).collect();
    let inputs = json!({ "n": 7, "yes": true, "list": list });
    let (engine, runtime, inputs) = (&engine, &runtime, &inputs);
    let cases = plans.iter().map(|(_, plan)| {
        Case::timed(STEPS, move |times| {
            runtime.block_on(async {
                let mut took = Duration::ZERO;
                for _ in 0..times {
                    let inputs = inputs.clone();
                    let clock = ThreadTime::now();
                    drop(engine.run(plan, inputs).await.expect("the execution completes"));
                    took += clock.elapsed();
                }
                took
            })
        })
    });
    let measured = measure(choice.pace(), cases);
    let rows = plans.iter().zip(&measured).map(|((name, _), samples)| {
        vec![
            (*name).to_owned(),
            figure(samples.median()),
            figure(samples.best()),
            ratio(samples.ratio(&measured[0])),
            ratio(samples.best_ratio(&measured[0])),
            figure(samples.beyond(&measured[0])),
        ]
    });
    let columns =
        ["step", "ns (median)", "ns (min)", "ratio to the first", "ratio of mins", "ns beyond the first"];
    print(title, &columns, rows);
}

fn two() -> serde_json::Value {
    json!({ "a": "{{ inputs.n }}", "b": "{{ inputs.yes }}" })
}

fn retried(key: String) -> Step {
    Step::agent(key, "second-time").retry(Retry::times(1).delay(Duration::ZERO).jitter(0.0))
}

fn forked(key: String, branches: usize) -> Step {
    let names = (0..branches).map(|at| format!("b{at}"));
    names.fold(Step::parallel(key), |fork, name| fork.branch_step(Step::agent(name, "same")))
}

fn looped(key: String, items: usize) -> Step {
    let items: Vec<usize> = (0..items).collect();
    Step::for_each(key, json!(items), [Step::agent("one", "same").inputs(json!("{{ item }}"))])
}
