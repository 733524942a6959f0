//! `cargo bench -p turbocat-core --bench memory`: what plans, executions and loops hold, and how
//! often they ask the allocator. Counted, not timed: the figures do not depend on the machine's
//! mood. Bytes are those that were asked for, without what the allocator adds.
//!
//! A program of its own, because its allocator counts and would slow down what `core` times.

#[path = "core/graphs.rs"]
#[expect(dead_code, reason = "`core` measures more graphs")]
mod graphs;
#[path = "core/table.rs"]
#[expect(dead_code, reason = "`core` prints more")]
mod table;

use allocation_counter::{AllocationInfo, measure};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use turbocat_core::{Engine, ExecutionHandle, Step, StepStatus, Workflow};

use table::{count, figure, print, ratio};

fn main() {
    let mut given = std::env::args().skip(1);
    let mut filter = String::new();
    let mut most = usize::MAX;
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--quick" => most = 10_000,
            "--filter" => filter = given.next().unwrap_or_default(),
            _ => {}
        }
    }
    type Table = (&'static str, fn(&str, usize));
    let tables: [Table; 4] = [
        ("memory of a plan", plans),
        ("memory of an execution that waits", executions),
        ("memory of a loop", loops),
        ("allocations of a step", allocations),
    ];
    for (title, table) in tables {
        if title.contains(&filter) {
            table(title, most);
        }
    }
}

/// What is held beyond what was before; what it is stays alive meanwhile.
fn held<T>(make: impl FnOnce() -> T) -> (T, AllocationInfo) {
    let mut made = None;
    let info = measure(|| made = Some(make()));
    (made.expect("it was made"), info)
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime can be made")
}

type Shape = (&'static str, fn(usize) -> Workflow);

const SHAPES: [Shape; 2] = [("chain", graphs::chain), ("fan-out", graphs::fan_out)];

fn plans(title: &str, most: usize) {
    let engine = graphs::engine();
    let mut rows = Vec::new();
    for (shape, workflow) in SHAPES {
        for steps in [1_000, 100_000].into_iter().filter(|steps| *steps <= most) {
            let (workflow, definition) = held(|| workflow(steps));
            let (plan, info) = held(|| graphs::plan(&engine, &workflow));
            drop(plan);
            let each = |bytes: i64| figure(bytes as f64 / steps as f64);
            rows.push(vec![
                format!("{shape} of {}", count(steps)),
                each(definition.bytes_current),
                each(info.bytes_current),
                each(info.bytes_max as i64),
                figure(info.count_total as f64 / steps as f64),
            ]);
        }
    }
    let columns = [
        "steps, each with one template",
        "definition: bytes a step",
        "plan: bytes a step",
        "most while compiling: bytes a step",
        "allocations a step",
    ];
    print(title, &columns, rows);
}

/// Steps that wait for an answer, and steps that are finished, of an execution that goes on.
fn executions(title: &str, most: usize) {
    let engine = graphs::engine();
    let mut rows = Vec::new();
    for steps in [1, 1_000, 100_000].into_iter().filter(|steps| *steps <= most) {
        let first = Step::signal("ask", "answer");
        let others = (0..steps).map(|at| Step::agent(graphs::key(at), "same").depends_on(["ask"]));
        let waiting = Workflow::builder("before").step(first).steps(others).build();
        let done = (0..steps).map(|at| Step::agent(graphs::key(at), "same"));
        let last = Step::signal("wait", "answer").depends_on((0..steps).map(graphs::key));
        let finished = Workflow::builder("after").steps(done).step(last).build();
        for (name, workflow, asking) in [("to come", waiting, "ask"), ("finished", finished, "wait")] {
            let plan = graphs::plan(&engine, &workflow);
            let runtime = runtime();
            drop(runtime.block_on(graphs::run(&engine, &graphs::plan(&engine, &graphs::chain(1)))));
            let (handle, info) = held(|| runtime.block_on(parked(&engine, &plan, asking)));
            runtime.block_on(handle.cancel("measured")).expect("it was waiting");
            drop(runtime.block_on(handle.wait()));
            rows.push(vec![
                format!("{} steps {name}", count(steps)),
                count(info.bytes_current as usize),
                figure(info.bytes_current as f64 / steps as f64),
            ]);
        }
    }
    let columns =
        ["an execution that was started and waits for a signal", "bytes", "bytes a step, events included"];
    print(title, &columns, rows);
}

async fn parked(engine: &Engine, plan: &turbocat_core::Plan, asking: &str) -> ExecutionHandle {
    let handle = engine.start(plan, Value::Null).expect("the execution starts");
    while handle.explain(asking).await.is_none_or(|asked| asked.report.status != StepStatus::Waiting) {
        tokio::task::yield_now().await;
    }
    handle
}

fn loops(title: &str, most: usize) {
    let (engine, runtime) = (graphs::engine(), runtime());
    let mut rows = Vec::new();
    let mut first = None;
    for items in [100, 1_000, 10_000, 100_000].into_iter().filter(|items| *items <= most) {
        let plan = graphs::plan(&engine, &graphs::repeat(items));
        let (ended, info) = held(|| runtime.block_on(graphs::run(&engine, &plan)));
        drop(ended);
        let each = |bytes: f64| bytes / items as f64;
        let highest = each(info.bytes_max as f64);
        rows.push(vec![
            count(items),
            figure(highest),
            ratio(highest / *first.get_or_insert(highest)),
            figure(each(info.bytes_current as f64)),
            figure(each(info.count_total as f64)),
        ]);
    }
    let columns = [
        "items, objects of one number",
        "high-water mark: bytes an item",
        "ratio to the first",
        "held at the end: bytes an item",
        "allocations an item",
    ];
    print(title, &columns, rows);
}

fn allocations(title: &str, most: usize) {
    let (engine, runtime) = (graphs::engine(), runtime());
    let mut rows = Vec::new();
    for (shape, workflow) in SHAPES {
        for steps in [1, 1_000, 100_000].into_iter().filter(|steps| *steps <= most) {
            let plan = graphs::plan(&engine, &workflow(steps));
            let (ended, info) = held(|| runtime.block_on(graphs::run(&engine, &plan)));
            drop(ended);
            let each = |number: f64| figure(number / steps as f64);
            rows.push(vec![
                format!("{shape} of {}", count(steps)),
                each(info.count_total as f64),
                each(info.bytes_total as f64),
                each(info.bytes_max as f64),
                each(info.bytes_current as f64),
            ]);
        }
    }
    let columns = [
        "execution",
        "allocations a step",
        "bytes asked for a step",
        "high-water mark: bytes a step",
        "held at the end: bytes a step",
    ];
    print(title, &columns, rows);
}
