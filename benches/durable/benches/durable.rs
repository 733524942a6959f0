//! `cargo bench --bench durable`: what a durable step costs, as Markdown tables. `--help` tells the flags.
#![expect(clippy::print_stdout, reason = "printing tables is what it is for")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use turbocat_durable::cluster::Cluster;
use turbocat_durable::contestant::{Can, Contestant, Result};
use turbocat_durable::measure::{Pace, Site, measure};
use turbocat_durable::process::can_count_syncs;
use turbocat_durable::turn::{Act, Window, serve};
use turbocat_durable::workload::{Case, Database, cases};
use turbocat_durable::{floors, peers, turbocat};

const HELP: &str = "cargo bench --bench durable [-- [--quick | --test] [--filter TEXT] [--only TEXT]]

  --quick        one round and short ones, to see that everything works
  --test         everything in its smallest size, no accounts; fails if a contestant fails
  --filter TEXT  only cases whose title contains TEXT, for instance `SQLite, chain` or `map`
  --only TEXT    beside the floors, only contestants whose name contains TEXT, for instance `dbos`

Stores are made in $TURBOCAT_BENCH_DIR, else in /var/tmp: it should be on the disk that matters, not in memory.
PostgreSQL is started from $TURBOCAT_PG_BIN, else from the PATH, else from /usr/lib/postgresql.";

/// For contestants; PostgreSQL takes what is left.
const WORKERS: usize = 2;

/// A turn that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(60);

/// As `LIMIT`, for the smallest size.
const TEST_LIMIT: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, Default, PartialEq)]
enum Size {
    #[default]
    Full,
    Quick,
    Test,
}

impl Size {
    fn pace(self) -> Pace {
        let full = Pace {
            case: Duration::from_secs(20),
            fewest_rounds: 3,
            most_rounds: 9,
            patience: Duration::from_secs(12),
            accounts: true,
        };
        match self {
            Self::Full => full,
            Self::Quick => Pace { fewest_rounds: 1, most_rounds: 1, ..full },
            Self::Test => Pace { fewest_rounds: 1, most_rounds: 1, accounts: false, ..full },
        }
    }

    fn window(self) -> Window {
        let (millis, jobs) = match self {
            Self::Full => (1500, 40_000),
            Self::Quick => (300, 10_000),
            Self::Test => (10, 120),
        };
        Window { executions: Duration::from_millis(millis), jobs }
    }

    fn flags(self) -> Vec<&'static str> {
        match self {
            Self::Full => Vec::new(),
            Self::Quick => vec!["--quick"],
            Self::Test => vec!["--test"],
        }
    }
}

#[derive(Default)]
struct Arguments {
    size: Size,
    filter: String,
    only: String,
    /// Set in the process of one contestant, whose name it is; `filter` then is the title of the case.
    serve: Option<String>,
    place: String,
    act: String,
}

fn main() -> Result<()> {
    let mut arguments = Arguments::default();
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        let mut text = || given.next().ok_or_else(|| format!("`{argument}` needs a text"));
        match argument.as_str() {
            "--quick" => arguments.size = Size::Quick,
            "--test" => arguments.size = Size::Test,
            "--filter" => arguments.filter = text()?,
            "--only" => arguments.only = text()?,
            "--serve" => arguments.serve = Some(text()?),
            "--place" => arguments.place = text()?,
            "--act" => arguments.act = text()?,
            "--bench" => {} // what cargo says to every benchmark
            "--help" => {
                println!("{HELP}");
                return Ok(());
            }
            other => return Err(format!("unknown argument `{other}`; help: see `--help`").into()),
        }
    }
    let runtime = Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    match &arguments.serve {
        Some(name) => {
            if let Err(error) = serve_one(&arguments, name, &runtime) {
                println!("failed {}", in_one_line(&*error));
            }
            runtime.shutdown_background();
            Ok(())
        }
        None => measure_all(&arguments, &runtime),
    }
}

/// The side of a contestant's process.
fn serve_one(arguments: &Arguments, name: &str, runtime: &Runtime) -> Result<()> {
    let titled = |case: &Case| case.to_string() == arguments.filter;
    let mut case = cases().into_iter().find(titled).ok_or("no such case")?;
    if arguments.size == Size::Test {
        case.workload = case.workload.tiny();
    }
    let mut contestants = everybody("").into_iter();
    let contestant = contestants.find(|one| one.name() == name && one.database() == case.database);
    let contestant = contestant.ok_or("no such contestant")?;
    let act = Act::named(&arguments.act).ok_or("no such act")?;
    let (place, window) = (arguments.place.clone(), arguments.size.window());
    // On a worker, not in `block_on`: what is spawned from there goes to the worker's own queue.
    let limit = if arguments.size == Size::Test { TEST_LIMIT } else { LIMIT };
    let turn = runtime.spawn(async move {
        tokio::time::timeout(limit, serve(case, &*contestant, &place, act, window)).await
    });
    runtime.block_on(turn)?.map_err(|_| format!("took longer than {} s", limit.as_secs()))?
}

fn measure_all(arguments: &Arguments, runtime: &Runtime) -> Result<()> {
    let folder = Folder::new()?;
    let cases: Vec<Case> =
        cases().into_iter().filter(|case| case.to_string().contains(&arguments.filter)).collect();
    let needs_server = cases.iter().any(|case| case.database == Database::Postgres);
    let cluster = if needs_server { Cluster::start(&folder.0.join("pg"))? } else { None };

    println!("{}\n", machine(&folder.0)?);
    match &cluster {
        Some(cluster) => println!("PostgreSQL: {}\n", runtime.block_on(cluster.describe())?),
        None if needs_server => println!("PostgreSQL: skipped, no binaries found\n"),
        None => {}
    }
    if arguments.size == Size::Test {
        println!("Everything in its smallest size, whatever the titles say: no figure means anything.\n");
    }
    let strace = can_count_syncs();
    if !strace {
        println!("fsyncs on SQLite: skipped, no `strace` that may trace\n");
    }
    let flags = arguments.size.flags();
    let mut site = Site { folder: &folder.0, cluster, runtime, flags, strace, settings: BTreeMap::new() };
    let contestants = everybody(&arguments.only);
    let mut failed = false;
    for case in cases {
        if case.database == Database::Postgres && site.cluster.is_none() {
            continue;
        }
        let table = measure(case, &contestants, arguments.size.pace(), &mut site)?;
        failed |=
            table.rows.iter().any(|row| match (&row.result, find(&contestants, row.name, case.database)) {
                (Err(_), Some(contestant)) => contestant.can(case.workload) == Can::Yes,
                _ => false,
            });
        println!("{table}");
    }

    println!("### Who promises what\n\n| contestant | settings, read back | remarks |\n|---|---|---|");
    for ((database, name), settings) in &site.settings {
        let remarks = find(&contestants, name, *database).map_or("", |contestant| contestant.remarks());
        println!("| {name}, {database} | {settings} | {remarks} |");
    }
    if failed && arguments.size == Size::Test {
        return Err("a contestant failed, see above".into());
    }
    Ok(())
}

fn find<'a>(
    contestants: &'a [Box<dyn Contestant>],
    name: &str,
    database: Database,
) -> Option<&'a dyn Contestant> {
    contestants.iter().find(|each| each.name() == name && each.database() == database).map(|each| &**each)
}

/// Floors first: ratios refer to the first row. Turbocat is always with them.
fn everybody(only: &str) -> Vec<Box<dyn Contestant>> {
    let engines = peers::contestants().into_iter().filter(|engine| engine.name().contains(only));
    floors::contestants().into_iter().chain(turbocat::contestants()).chain(engines).collect()
}

/// Where stores are made, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let parent = std::env::var_os("TURBOCAT_BENCH_DIR").map_or_else(|| "/var/tmp".into(), PathBuf::from);
        let folder = parent.join(format!("turbocat-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nobody is left to tell if this fails.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn machine(folder: &Path) -> io::Result<String> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpu.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(": ").nth(1));
    let model = model.unwrap_or("unknown processor");
    let (system, arch, compiler) = (std::env::consts::OS, std::env::consts::ARCH, env!("RUSTC_VERSION"));
    let sync = sync_micros(folder)?;
    Ok(format!(
        "{cores} cores ({model}), {system} {arch}, {compiler}, tokio with {WORKERS} workers, \
         SQLite {}, fdatasync of 4 KiB {sync:.0} µs (median)",
        rusqlite::version()
    ))
}

fn sync_micros(folder: &Path) -> io::Result<f64> {
    let path = folder.join("sync");
    let mut file = File::create(&path)?;
    let mut micros = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        micros.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    fs::remove_file(&path)?;
    micros.sort_by(f64::total_cmp);
    Ok(micros[micros.len() / 2])
}

/// With its causes, since most errors of databases hide what matters there.
fn in_one_line(error: &(dyn Error + Send + Sync + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text.replace(['\n', '\r', '|'], " ")
}
