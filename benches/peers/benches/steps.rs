//! `cargo bench`: what a step costs, as Markdown tables of ratios. `--help` tells the flags.
#![expect(clippy::print_stdout, reason = "printing tables is what it is for")]

use std::io;
use std::process::Command;

use tokio::runtime::Builder;
use turbocat_peers::contestant::{Case, Contestant};
use turbocat_peers::graph::Graph;
use turbocat_peers::measure::{Pace, measure};
use turbocat_peers::process::{Remote, Start, serve};
use turbocat_peers::step::Work;
use turbocat_peers::{contestants, floors, peers};

const HELP: &str = "cargo bench [-- [--quick] [--filter TEXT] [--only TEXT]]

  --quick        few rounds, to see that everything works
  --filter TEXT  only cases whose title contains TEXT, for instance `chain of 10,` or `passed on`
  --only TEXT    beside the floors, only contestants whose name contains TEXT, for instance `dagx`";

/// As many as the floors are defined with; the measured work is driven from one of them.
const WORKERS: usize = 2;

#[derive(Default)]
struct Arguments {
    quick: bool,
    filter: String,
    only: String,
    /// Set in the process of one contestant, whose name it is; `filter` then is the title of the case.
    serve: Option<String>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = Arguments::default();
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--quick" => arguments.quick = true,
            "--filter" => arguments.filter = given.next().ok_or("`--filter` needs a text")?,
            "--only" => arguments.only = given.next().ok_or("`--only` needs a text")?,
            "--serve" => arguments.serve = given.next(),
            "--bench" => {} // what cargo says to every benchmark
            "--help" => {
                println!("{HELP}");
                return Ok(());
            }
            other => return Err(format!("unknown argument `{other}`; help: see `--help`").into()),
        }
    }
    let pace = if arguments.quick { Pace::QUICK } else { Pace::FULL };
    if let Some(name) = &arguments.serve {
        return serve_one(&arguments.filter, name, pace);
    }

    println!("{}\n", machine());
    for case in cases().iter().filter(|case| case.to_string().contains(&arguments.filter)) {
        let names = everybody(&arguments.only).into_iter().map(|contestant| contestant.name());
        let starts: io::Result<_> =
            names.map(|name| Ok((name, start(case, name, arguments.quick)?))).collect();
        println!("{}", measure(case, starts?, pace)?);
    }
    Ok(())
}

fn start(case: &Case, name: &str, quick: bool) -> io::Result<Start> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--serve", name, "--filter", &case.to_string()]);
    if quick {
        command.arg("--quick");
    }
    Remote::start(&mut command)
}

fn serve_one(title: &str, name: &str, pace: Pace) -> Result<(), Box<dyn std::error::Error>> {
    let case = cases().into_iter().find(|case| case.to_string() == title).ok_or("no such case")?;
    let contestant = everybody("").into_iter().find(|one| one.name() == name).ok_or("no such contestant")?;
    let runtime = Builder::new_multi_thread().worker_threads(WORKERS).enable_time().build()?;
    Ok(serve(&case, &*contestant, pace.turn, &runtime)?)
}

/// Floors first: ratios refer to the first row.
fn everybody(only: &str) -> Vec<Box<dyn Contestant>> {
    let engines = contestants::contestants().into_iter().chain(peers::contestants());
    floors::contestants().into_iter().chain(engines.filter(|engine| engine.name().contains(only))).collect()
}

fn cases() -> Vec<Case> {
    let alone = [
        Graph::chain(10),
        Graph::chain(100),
        Graph::chain(1_000),
        Graph::chain(10_000),
        Graph::fan_out(1_000),
        Graph::fan_out(10_000),
        Graph::layers(100, 10),
        Graph::diamonds(1_000),
    ];
    let cases = alone.into_iter().map(|graph| (graph, 1)).chain([(Graph::chain(10), 1_000)]);
    cases
        .flat_map(|(graph, executions)| {
            [Work::PassOn, Work::Anew].map(|work| Case { graph: graph.clone(), work, executions })
        })
        .collect()
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpu.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(": ").nth(1));
    let compiler = env!("RUSTC_VERSION");
    let (system, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let model = model.unwrap_or("unknown processor");
    format!("{cores} cores ({model}), {system} {arch}, {compiler}, tokio with {WORKERS} workers")
}
