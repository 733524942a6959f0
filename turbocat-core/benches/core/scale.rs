//! What a step costs in executions from ten steps to a million, and an item in loops.
//!
//! Each figure comes from a process of its own, since an execution of a million steps leaves the
//! heap in pieces, and the next small one would pay for it. The processes take turns.

use std::io;
use std::process::Command;

use turbocat_core::Workflow;

use crate::measure::{Case, Pace, Samples, ThreadTime, measure};
use crate::table::{count, figure, print, ratio};
use crate::{Choice, graphs, runtime};

const STEPS: [usize; 6] = [10, 100, 1_000, 10_000, 100_000, 1_000_000];
const ITEMS: [usize; 4] = [100, 1_000, 10_000, 100_000];

/// A table: its title, what is counted, the counts, and the workflow of a count.
type Scale = (&'static str, &'static str, &'static [usize], fn(usize) -> Workflow);

const SCALES: [Scale; 3] = [
    ("chain: cost a step by length", "steps", &STEPS, graphs::chain),
    ("fan-out: cost a step by width", "steps", &STEPS, graphs::fan_out),
    ("loop of one step: cost an item by number of items", "items", &ITEMS, graphs::repeat),
];

pub(crate) fn tables(choice: &Choice) -> io::Result<()> {
    for (title, unit, sizes, _) in SCALES.iter().filter(|(title, ..)| choice.has(title)) {
        table(choice, title, unit, choice.sizes(sizes))?;
    }
    Ok(())
}

/// The first size also pays for the execution itself; beside the first, ratios refer to the size
/// at which that is spread over a thousand.
fn table(choice: &Choice, title: &str, unit: &str, sizes: &[usize]) -> io::Result<()> {
    let rounds = if choice.quick { 3 } else { 9 };
    let mut measured: Vec<Samples> = sizes.iter().map(|_| Samples::default()).collect();
    for round in 0..rounds {
        for turn in 0..sizes.len() {
            let at = (turn + round) % sizes.len();
            measured[at].push(in_a_process(title, sizes[at])?);
        }
    }
    let thousand = sizes.iter().position(|size| *size == 1_000).unwrap_or_default();
    let first = count(sizes[0]);
    let columns = [
        unit,
        "ns each (median)",
        "ns each (min)",
        &format!("ratio to {first}"),
        &format!("ratio of mins to {first}"),
        "ratio to 1,000",
        "ratio of mins to 1,000",
    ];
    let rows = sizes.iter().zip(&measured).map(|(size, samples)| {
        vec![
            count(*size),
            figure(samples.median()),
            figure(samples.best()),
            ratio(samples.ratio(&measured[0])),
            ratio(samples.best_ratio(&measured[0])),
            ratio(samples.ratio(&measured[thousand])),
            ratio(samples.best_ratio(&measured[thousand])),
        ]
    });
    print(title, &columns, rows);
    Ok(())
}

fn in_a_process(title: &str, size: usize) -> io::Result<f64> {
    let output = Command::new(std::env::current_exe()?).args(["--one", title, &size.to_string()]).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| io::Error::other(format!("no figure in `{text}`")))
}

/// What the process of one figure does: nanoseconds each, the median of a few rounds.
pub(crate) fn one(title: &str, size: usize) -> Option<f64> {
    let (.., workflow) = SCALES.iter().find(|(known, ..)| *known == title)?;
    let (engine, runtime) = (graphs::engine(), runtime());
    let plan = graphs::plan(&engine, &workflow(size));
    let case = Case::timed(size, |times| {
        runtime.block_on(async {
            let clock = ThreadTime::now();
            for _ in 0..times {
                drop(graphs::run(&engine, &plan).await);
            }
            clock.elapsed()
        })
    });
    measure(Pace::QUICK, [case]).first().map(Samples::median)
}
