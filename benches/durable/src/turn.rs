//! A contestant's turn, in a process of its own: opens a fresh store, warms up, runs once, says what it saw.
//!
//! Nothing of one contestant, neither its polling nor its connections, is left when another has its turn.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::task::JoinSet;

use crate::contestant::{Contestant, Engine, Result};
use crate::payload::{Digest, value};
use crate::workload::{Case, Database, EXECUTION_STEPS, Workload};

/// What a process is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// To be measured.
    Run,
    /// As `Run`, with an account of the bytes it leaves behind.
    Account,
    /// As `Account` without the work, so that what opening costs can be taken off.
    Idle,
}

impl Act {
    const NAMES: [(Self, &str); 3] = [(Self::Run, "run"), (Self::Account, "account"), (Self::Idle, "idle")];

    /// As written on a command line.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(act, _)| *act == self).map_or("run", |(_, name)| name)
    }

    /// The act of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, each)| *each == name).map(|(act, _)| *act)
    }
}

/// How long a turn measures.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Executions are begun for so long, where executions are counted.
    pub executions: Duration,
    /// Jobs to claim.
    pub jobs: usize,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// Seconds a unit of the workload.
    pub seconds: f64,
    /// How many units there were.
    pub units: usize,
}

/// Does one act and writes what it saw to standard output, a word and its value a line.
///
/// # Errors
/// If the contestant fails, or does not do what it says it does.
pub async fn serve(
    case: Case,
    contestant: &dyn Contestant,
    place: &str,
    act: Act,
    window: Window,
) -> Result<()> {
    let mut answers = io::stdout();
    if act != Act::Run {
        contestant.open(place).await?.close().await?;
    }
    let before = stored(case.database, place).await?;
    let engine = contestant.open(place).await?;
    writeln!(answers, "settings {}", engine.settings().await?)?;
    if act != Act::Idle {
        if act == Act::Run {
            warm_up(&*engine, case.workload).await?;
        }
        let Figure { seconds, units } = run(&engine, case.workload, window).await?;
        writeln!(answers, "seconds {seconds}\nunits {units}")?;
    }
    engine.close().await?;
    drop(engine);
    if act == Act::Account {
        writeln!(answers, "bytes {}", stored(case.database, place).await?.saturating_sub(before))?;
    }
    Ok(())
}

async fn warm_up(engine: &dyn Engine, workload: Workload) -> Result<()> {
    match workload {
        Workload::Chain { .. } => expect(&engine.chain(0, EXECUTION_STEPS).await?, &5),
        Workload::Throughput { .. } => expect(&engine.execution(0).await?, &5),
        Workload::Map { .. } => expect(&engine.map(10).await?, &sum_of_items(10)),
        Workload::Payload { .. } => expect(&engine.payload(100).await?, &Digest::of(&value(100))),
        Workload::Claims { .. } => {
            engine.fill(100).await?;
            expect(&engine.claim(1).await?, &100)
        }
    }
}

async fn run(engine: &Arc<dyn Engine>, workload: Workload, window: Window) -> Result<Figure> {
    let per_unit = |begun: Instant, units: usize| Figure {
        seconds: begun.elapsed().as_secs_f64() / units as f64,
        units,
    };
    let begun = Instant::now();
    match workload {
        Workload::Chain { steps } => {
            let last = engine.chain(7, steps).await?;
            let figure = per_unit(begun, steps);
            expect(&last, &(7 + i64::try_from(steps)?)).map(|()| figure)
        }
        Workload::Throughput { concurrency } => {
            let units = keep_running(engine, concurrency, window.executions).await?;
            Ok(per_unit(begun, units))
        }
        Workload::Map { items } => {
            let sum = engine.map(items).await?;
            let figure = per_unit(begun, items);
            expect(&sum, &sum_of_items(i64::try_from(items)?)).map(|()| figure)
        }
        Workload::Payload { bytes } => {
            let right = Digest::of(&value(bytes));
            let (begun, mut units) = (Instant::now(), 0);
            while units == 0 || begun.elapsed() < window.executions / 4 {
                expect(&engine.payload(bytes).await?, &right)?;
                units += 1;
            }
            Ok(per_unit(begun, units))
        }
        Workload::Claims { connections } => {
            engine.fill(window.jobs).await?;
            let begun = Instant::now();
            let claimed = engine.claim(connections).await?;
            let figure = per_unit(begun, window.jobs);
            expect(&claimed, &window.jobs).map(|()| figure)
        }
    }
}

/// So many tasks that begin an execution as soon as their last one has ended; yields how many ended.
async fn keep_running(engine: &Arc<dyn Engine>, concurrency: usize, window: Duration) -> Result<usize> {
    let next = Arc::new(AtomicI64::new(100));
    let over = Arc::new(AtomicBool::new(false));
    let mut tasks: JoinSet<Result<usize>> = JoinSet::new();
    for _ in 0..concurrency {
        let (engine, next, over) = (Arc::clone(engine), Arc::clone(&next), Arc::clone(&over));
        tasks.spawn(async move {
            let mut ended = 0;
            while ended == 0 || !over.load(Relaxed) {
                let start = next.fetch_add(1, Relaxed);
                expect(&engine.execution(start).await?, &(start + 5))?;
                ended += 1;
            }
            Ok(ended)
        });
    }
    tokio::time::sleep(window).await;
    over.store(true, Relaxed);
    let mut ended = 0;
    while let Some(task) = tasks.join_next().await {
        ended += task??;
    }
    Ok(ended)
}

fn sum_of_items(items: i64) -> i64 {
    items * (items + 1) / 2
}

fn expect<T: PartialEq + std::fmt::Debug>(yielded: &T, right: &T) -> Result<()> {
    if yielded == right { Ok(()) } else { Err(format!("yielded {yielded:?} in place of {right:?}").into()) }
}

/// Bytes of the files in a folder, or of a database.
async fn stored(database: Database, place: &str) -> Result<u64> {
    match database {
        Database::Sqlite => bytes_in(Path::new(place)),
        Database::Postgres => {
            let mut connection = PgConnection::connect(place).await?;
            let size = "select pg_database_size(current_database())";
            let row = sqlx::query(size).fetch_one(&mut connection).await?;
            connection.close().await?;
            Ok(u64::try_from(row.try_get::<i64, _>(0)?)?)
        }
    }
}

/// What is still in a log is brought into its file first, since an engine may leave one behind.
fn bytes_in(folder: &Path) -> Result<u64> {
    let files = || fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()));
    for file in files()?.filter(|file| file.extension().is_some_and(|extension| extension == "db")) {
        let connection = rusqlite::Connection::open(file)?;
        connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
        connection.close().map_err(|(_, error)| error)?;
    }
    files()?.map(|file| Ok(fs::metadata(file)?.len())).sum()
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;

    /// Runs none of its steps, or all but the last.
    struct Lazy;

    #[async_trait]
    impl Engine for Lazy {
        async fn settings(&self) -> Result<String> {
            Ok(String::new())
        }

        async fn chain(&self, start: i64, steps: usize) -> Result<i64> {
            Ok(start + steps as i64 - 1)
        }

        async fn map(&self, _: usize) -> Result<i64> {
            Ok(0)
        }

        async fn payload(&self, bytes: usize) -> Result<Digest> {
            Ok(Digest { length: bytes, sum: 0 })
        }

        async fn fill(&self, _: usize) -> Result<()> {
            Ok(())
        }

        async fn claim(&self, _: usize) -> Result<usize> {
            Ok(0)
        }

        async fn close(&self) -> Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn whoever_does_not_do_the_work_is_caught() {
        let window = Window { executions: Duration::ZERO, jobs: 10 };
        let engine: Arc<dyn Engine> = Arc::new(Lazy);
        for workload in crate::workload::cases().into_iter().map(|case| case.workload.tiny()) {
            let caught = run(&engine, workload, window).await.is_err();
            assert!(caught, "{workload}");
            assert!(warm_up(&*engine, workload).await.is_err(), "{workload}");
        }
    }
}
