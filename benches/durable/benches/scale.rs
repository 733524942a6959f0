//! `cargo bench --bench scale`: what stays the same however much there is, on SQLite. `--help` tells
//! the flags.
#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use turbocat_core::{Engine, Enqueue, ExecutionId, Plan, WorkOptions, Workflow, agent_fn};
use turbocat_durable::contestant::Result;
use turbocat_storage::{Store, args};

const HELP: &str = "cargo bench --bench scale [-- [--test] [--only ended|parked|memory]]

  --test       everything in its smallest size, to see that it works
  --only WHAT  one of the three

Stores are made in $TURBOCAT_BENCH_DIR, else in /var/tmp; a million ended executions take about 4 GiB.";

/// Executions at a time.
const CONCURRENCY: usize = 50;

#[derive(Clone, Copy)]
struct Size {
    ended: i64,
    parked: i64,
    active: usize,
    rounds: usize,
    window: Duration,
}

const FULL: Size =
    Size { ended: 1_000_000, parked: 100_000, active: 10_000, rounds: 7, window: Duration::from_secs(2) };
const TEST: Size =
    Size { ended: 1000, parked: 200, active: 100, rounds: 1, window: Duration::from_millis(50) };

fn main() -> Result<()> {
    let (mut size, mut only) = (FULL, String::new());
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--test" => size = TEST,
            "--only" => only = given.next().ok_or("`--only` needs a word")?,
            "--bench" => {} // what cargo says to every benchmark
            "--help" => {
                println!("{HELP}");
                return Ok(());
            }
            other => return Err(format!("unknown argument `{other}`; help: see `--help`").into()),
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let folder = Folder::new()?;
    let wanted = |what| only.is_empty() || only == what;
    if wanted("ended") {
        runtime.block_on(ended(&folder.0, size))?;
    }
    if wanted("parked") {
        runtime.block_on(parked(&folder.0, size))?;
    }
    if wanted("memory") {
        runtime.block_on(memory(&folder.0, size))?;
    }
    Ok(())
}

fn engine(store: &Store) -> Engine {
    Engine::builder()
        .agent("add", agent_fn(|input: Value| async move { Ok(input["n"].as_i64().unwrap_or_default() + 1) }))
        .store(store.clone())
        .build()
}

fn compiled(engine: &Engine, yaml: &str) -> Result<Plan> {
    Ok(engine.compile(&Workflow::from_yaml(yaml)?)?)
}

/// Executions a second beside many that have ended, and beside none.
async fn ended(folder: &Path, size: Size) -> Result<()> {
    let open = async |name: &str| {
        let store = Store::open(&format!("sqlite:{}", folder.join(name).display())).await?;
        let engine = engine(&store);
        let plan = compiled(
            &engine,
            "{ name: chain, steps: {
                a: { agent: add, inputs: { n: '{{ inputs.n }}' } }, b: { agent: add, inputs: { n: '{{ a }}' } },
                c: { agent: add, inputs: { n: '{{ b }}' } }, d: { agent: add, inputs: { n: '{{ c }}' } },
                e: { agent: add, inputs: { n: '{{ d }}' } } } }",
        )?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((store, engine, plan))
    };
    let (empty, full) = (open("empty.db").await?, open("full.db").await?);
    let model = full.1.run(&full.2, json!({ "n": 1 })).await?.id();
    let begun = Instant::now();
    copies(&full.0, model, size.ended).await?;
    println!("{} ended executions of 5 steps made in {:.0} s", size.ended, begun.elapsed().as_secs_f64());
    let mut ratios = Vec::new();
    for round in 0..size.rounds {
        let mut rates = [0.0; 2];
        // Who begins changes.
        for place in [round % 2, (round + 1) % 2] {
            let (_, engine, plan) = if place == 0 { &empty } else { &full };
            rates[place] = rate(engine, plan, size.window).await?;
        }
        println!("  empty {:.0}/s, full {:.0}/s", rates[0], rates[1]);
        ratios.push(rates[1] / rates[0]);
    }
    println!(
        "5-step executions, {CONCURRENCY} at once, beside {} ended ones: {:.2} times as many a second as on \
         an empty store (median of {})\n",
        size.ended,
        median(&mut ratios),
        size.rounds
    );
    empty.0.close().await;
    full.0.close().await;
    Ok(())
}

/// Executions a second.
async fn rate(engine: &Engine, plan: &Plan, window: Duration) -> Result<f64> {
    let (next, over) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicBool::new(false)));
    let begun = Instant::now();
    let mut tasks: JoinSet<Result<()>> = JoinSet::new();
    for _ in 0..CONCURRENCY {
        let (engine, plan, next, over) = (engine.clone(), plan.clone(), next.clone(), over.clone());
        tasks.spawn(async move {
            while !over.load(Relaxed) {
                let n = next.fetch_add(1, Relaxed);
                let execution = engine.run(&plan, json!({ "n": n })).await?;
                if execution.output()["e"] != n + 5 {
                    return Err("a wrong sum".into());
                }
            }
            Ok(())
        });
    }
    tokio::time::sleep(window).await;
    over.store(true, Relaxed);
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(next.load(Relaxed) as f64 / begun.elapsed().as_secs_f64())
}

/// How long it takes until many executions that waited for the same moment have ended.
async fn parked(folder: &Path, size: Size) -> Result<()> {
    let store = Store::open(&format!("sqlite:{}", folder.join("parked.db").display())).await?;
    let first = engine(&store);
    let plan = compiled(
        &first,
        "{ name: nap, steps: { nap: { wait: 5s }, then: { agent: add, inputs: { n: '{{ inputs.n }}' }, dependsOn: nap } } }",
    )?;
    let model = first.enqueue(&plan, json!({ "n": 1 }), Enqueue::new()).await?;
    first.work(WorkOptions::new())?;
    let parked = "select count(*) as jobs from jobs where state = 2";
    while count(&store, parked).await? == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    first.shutdown(Duration::ZERO).await;
    let moment: i64 = store.database().fetch_one("select due_ms from jobs", args![]).await?.get("due_ms")?;
    let before = bytes(folder)?;
    copies(&store, model, size.parked).await?;
    let jobs = "insert into jobs (execution_id, workflow_name, state, due_ms, seen, created_ms)
        with recursive n(i) as (select 1 union all select i + 1 from n where i < $2)
        select unhex(printf('01900000000070008000%012x', i)), j.workflow_name, 2, j.due_ms, j.seen, j.created_ms
        from n, jobs as j where j.execution_id = $1";
    store.database().execute(jobs, args![model, size.parked]).await?;
    let bytes = (bytes(folder)? - before) as f64 / size.parked as f64;
    let now = store.now().as_millis();
    tokio::time::sleep(Duration::from_millis(u64::try_from(moment - now).unwrap_or_default())).await;
    let begun = Instant::now();
    let second = engine(&store);
    second.work(WorkOptions::new())?;
    while count(&store, "select exists (select 1 from jobs) as jobs").await? > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let done = count(&store, "select count(*) as jobs from executions where status = 'completed'").await?;
    if done != size.parked + 1 {
        return Err(format!("{done} executions completed in place of {}", size.parked + 1).into());
    }
    println!(
        "{} parked executions that are due at once: all have ended {seconds:.1} s after a new engine \
         began, {:.0}/s; {bytes:.0} bytes of disk each\n",
        size.parked,
        size.parked as f64 / seconds
    );
    second.shutdown(Duration::from_secs(5)).await;
    store.close().await;
    Ok(())
}

/// What executions that wait cost in memory: while they are driven, and when they are parked.
async fn memory(folder: &Path, size: Size) -> Result<()> {
    let store = Store::open(&format!("sqlite:{}", folder.join("memory.db").display())).await?;
    let engine = engine(&store);
    let plan = compiled(
        &engine,
        "{ name: ask, steps: { ask: { wait: { signal: go } }, then: { agent: add, inputs: { n: '{{ inputs.n }}' }, dependsOn: ask } } }",
    )?;
    let text = "x".repeat(1000);
    engine.run(&compiled(&engine, "steps: { nap: { wait: 1ms } }")?, json!({})).await?;
    let before = resident()?;
    let mut begun = Vec::with_capacity(size.active);
    for n in 0..size.active {
        let handle = engine.start(&plan, json!({ "n": n, "text": format!("{text}{n}") }))?;
        begun.push(handle.id());
    }
    let waiting = "select count(*) as jobs from executions where status = 'running'";
    while count(&store, waiting).await? < i64::try_from(size.active)? {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let active = resident()?;
    engine.work(WorkOptions::new())?;
    let parked = "select count(*) as jobs from jobs where state = 2";
    while count(&store, parked).await? < i64::try_from(size.active)? {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mib = |bytes: i64| bytes as f64 / f64::from(1 << 20);
    println!(
        "{} executions that wait, with 1,000 bytes of inputs each: {:.1} MiB in memory while they are \
         driven, {:.0} bytes each; {:.1} MiB when they are parked; the process has {:.1} MiB without them\n",
        size.active,
        mib(active - before),
        (active - before) as f64 / size.active as f64,
        mib(resident()? - before),
        mib(before),
    );
    engine.shutdown(Duration::ZERO).await;
    store.close().await;
    Ok(())
}

async fn count(store: &Store, sql: &'static str) -> Result<i64> {
    Ok(store.database().fetch_one(sql, args![]).await?.get("jobs")?)
}

/// An execution once more, so many times, under other names.
async fn copies(store: &Store, model: ExecutionId, copies: i64) -> Result<()> {
    let executions = "insert into executions (id, workflow_name, definition, status, trigger_type, seq, started_at,
            completed_at, duration_ms, input_data, output_data, steps_total, steps_completed, created_at, updated_at)
        with recursive n(i) as (select $2 union all select i + 1 from n where i < $3)
        select unhex(printf('01900000000070008000%012x', i)), x.workflow_name, x.definition, x.status,
            x.trigger_type, x.seq, x.started_at, x.completed_at, x.duration_ms, x.input_data, x.output_data,
            x.steps_total, x.steps_completed, x.created_at - i, x.updated_at
        from n, executions as x where x.id = $1";
    let events = "insert into execution_events (execution_id, seq, events)
        with recursive n(i) as (select $2 union all select i + 1 from n where i < $3)
        select unhex(printf('01900000000070008000%012x', i)), e.seq,
            replace(e.events, $4, printf('01900000-0000-7000-8000-%012x', i))
        from n, execution_events as e where e.execution_id = $1";
    const PART: i64 = 20_000;
    for first in (1..=copies).step_by(PART as usize) {
        let last = (first + PART - 1).min(copies);
        store.database().execute(executions, args![model, first, last]).await?;
        store.database().execute(events, args![model, first, last, model.to_string()]).await?;
    }
    Ok(())
}

fn bytes(folder: &Path) -> Result<u64> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.metadata()?.len())).sum()
}

/// Bytes of this process that are in memory.
fn resident() -> Result<i64> {
    let text = fs::read_to_string("/proc/self/statm")?;
    let pages: i64 = text.split(' ').nth(1).ok_or("no figure of memory")?.parse()?;
    Ok(pages * 4096)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Where stores are made, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let parent = std::env::var_os("TURBOCAT_BENCH_DIR").map_or_else(|| "/var/tmp".into(), PathBuf::from);
        let folder = parent.join(format!("turbocat-scale-{}", std::process::id()));
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
