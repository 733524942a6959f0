//! What it costs to start and end an execution.

use std::time::Duration;

use serde_json::Value;
use turbocat_core::{Engine, Plan};

use crate::measure::{Case, ThreadTime, measure};
use crate::table::{figure, print, ratio};
use crate::{Choice, graphs, runtime};

pub(crate) fn tables(choice: &Choice) {
    let title = "executions: starting and ending one";
    if !choice.has(title) {
        return;
    }
    let (engine, runtime) = (graphs::engine(), runtime());
    let plans = [1, 10, 100].map(|steps| (steps, graphs::plan(&engine, &graphs::chain(steps))));
    let mut names = Vec::new();
    let mut cases = Vec::new();
    for (steps, plan) in &plans {
        let (engine, runtime) = (&engine, &runtime);
        names.push(format!("`run`, {steps} steps"));
        cases.push(Case::timed(1, move |times| runtime.block_on(run(engine, plan, times))));
        names.push(format!("`start` and `wait`, {steps} steps, events kept"));
        cases.push(Case::timed(1, move |times| runtime.block_on(start(engine, plan, times))));
    }
    let measured = measure(choice.pace(), cases);
    let rows = names.into_iter().zip(measured.iter().enumerate()).map(|(name, (at, samples))| {
        let floor = &measured[at - at % 2];
        vec![
            name,
            figure(samples.median()),
            figure(samples.best()),
            ratio(samples.ratio(floor)),
            ratio(samples.best_ratio(floor)),
        ]
    });
    let columns = ["execution", "ns (median)", "ns (min)", "ratio to `run` of the same", "ratio of mins"];
    print(title, &columns, rows);
}

async fn run(engine: &Engine, plan: &Plan, times: usize) -> Duration {
    let clock = ThreadTime::now();
    for _ in 0..times {
        drop(graphs::run(engine, plan).await);
    }
    clock.elapsed()
}

async fn start(engine: &Engine, plan: &Plan, times: usize) -> Duration {
    let clock = ThreadTime::now();
    for _ in 0..times {
        let handle = engine.start(plan, Value::Null).expect("the execution starts");
        drop(handle.wait().await.expect("the execution ends"));
    }
    clock.elapsed()
}
