//! What it costs to compile a workflow and to read one.

use std::fmt::Write;

use turbocat_core::Workflow;

use crate::measure::{Case, measure};
use crate::table::{count, print, ratio};
use crate::{Choice, graphs};

pub(crate) fn tables(choice: &Choice) {
    compile(choice, "compile a chain", graphs::chain);
    compile(choice, "compile a fan-out", graphs::fan_out);
    read(choice, "read YAML");
}

fn compile(choice: &Choice, title: &str, workflow: fn(usize) -> Workflow) {
    if !choice.has(title) {
        return;
    }
    let engine = graphs::engine();
    let sizes = choice.sizes(&[1_000, 10_000, 100_000]);
    let workflows: Vec<Workflow> = sizes.iter().map(|size| workflow(*size)).collect();
    let cases = sizes.iter().zip(&workflows).map(|(size, workflow)| {
        let engine = &engine;
        Case::new(*size, move || graphs::plan(engine, workflow))
    });
    by_size(title, sizes, &measure(choice.pace(), cases));
}

fn read(choice: &Choice, title: &str) {
    if !choice.has(title) {
        return;
    }
    let sizes = [500, 5_000];
    let texts: Vec<String> = sizes.iter().map(|size| text(*size)).collect();
    let cases = sizes.iter().zip(&texts).map(|(size, text)| {
        Case::new(*size, move || Workflow::from_yaml(text).expect("the text is a workflow"))
    });
    by_size(title, &sizes, &measure(choice.pace(), cases));
}

/// A chain as people write it.
fn text(steps: usize) -> String {
    let mut text = "name: chain\nsteps:\n".to_owned();
    for at in 0..steps {
        let before = if at == 0 { "inputs.n".to_owned() } else { format!("{}.n", graphs::key(at - 1)) };
        let key = graphs::key(at);
        write!(text, "  {key}:\n    agent: same\n    inputs:\n      n: \"{{{{ {before} }}}}\"\n")
            .expect("text can be written to");
    }
    text
}

fn by_size(title: &str, sizes: &[usize], measured: &[crate::measure::Samples]) {
    let columns = ["steps", "µs a step (median)", "µs a step (min)", "ratio to the first", "ratio of mins"];
    let rows = sizes.iter().zip(measured).map(|(size, samples)| {
        vec![
            count(*size),
            format!("{:.2}", samples.median() / 1e3),
            format!("{:.2}", samples.best() / 1e3),
            ratio(samples.ratio(&measured[0])),
            ratio(samples.best_ratio(&measured[0])),
        ]
    });
    print(title, &columns, rows);
}
