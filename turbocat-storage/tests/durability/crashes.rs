//! An engine dies at every call that writes something; another one goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use turbocat_core::{Engine, Enqueue, ExecutionId, Journal, WorkOptions};

use super::agent::{Obedient, Place};
use super::flows::{FLOWS, Flow, register};
use super::look::{self, Family};
use super::mortal::{Death, MortalJournal};
use super::quick::QuickClock;
use super::stage::{LEASE, Stage};
use super::tell::tell_all;

/// How the execution begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It is started and driven right there, by an engine that takes nothing up by itself.
    Started,
    /// It is enqueued, and taken up by an engine that works.
    Enqueued,
}

/// How long a run takes at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// What became of an execution, and what it took.
struct Run {
    family: Family,
    calls: BTreeMap<Place, usize>,
    /// How many calls of the journal that write there were in the first life.
    writes: u32,
    died: bool,
}

fn engine(journal: Arc<dyn Journal>, agent: Obedient, clock: &QuickClock) -> Engine {
    register(Engine::builder().agent("a", agent).shared_store(journal).clock(clock.clone())).build()
}

/// A runtime of its own for each life: with it everything of that life is gone.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs a flow with an engine that dies, and then with another.
fn run(stage: &Stage, flow: &Flow, way: Way, death: Death, clock: &QuickClock) -> Run {
    let agent = Obedient::default();
    let id = ExecutionId::generate();
    let first = runtime();
    let (id, writes, died) = first.block_on(async {
        let open = stage.open(clock).await;
        let journal = Arc::new(MortalJournal::new(open.journal.clone(), death));
        let engine = engine(journal.clone(), agent.in_life(1), clock);
        let (id, handle) = match way {
            Way::Enqueued => {
                engine.work(WorkOptions::new()).unwrap();
                (id, None)
            }
            Way::Started => {
                let handle = engine.start(flow.workflow(), (flow.inputs)()).unwrap();
                (handle.id(), Some(handle))
            }
        };
        let lived = live(&engine, flow, id, way, &open.journal);
        let died = tokio::select! {
            biased;
            () = journal.died() => true,
            () = lived => false,
        };
        drop(handle);
        if !died {
            assert!(engine.shutdown(PATIENCE).await);
        }
        (id, journal.calls(), died)
    });
    drop(first);
    if died {
        clock.skip(LEASE + LEASE / 10);
    }
    let second = runtime();
    second.block_on(async {
        let open = stage.open(clock).await;
        let before = look::family(&open.journal, id).await;
        let told = agent.calls();
        recorded_before_done(&before, &told);
        if died && (way == Way::Enqueued || !before.is_empty()) {
            let engine = engine(open.journal.clone(), agent.in_life(2), clock);
            engine.work(WorkOptions::new()).unwrap();
            live(&engine, flow, id, Way::Enqueued, &open.journal).await;
            assert!(engine.shutdown(PATIENCE).await);
        }
        let family = look::family(&open.journal, id).await;
        assert_eq!(look::complaints(&family), Vec::<String>::new());
        assert_eq!(open.left_behind().await, Vec::<String>::new());
        let calls = agent.calls();
        not_again(&look::completed(&before), &calls[told.len()..]);
        open.close().await;
        Run { family, calls: count(&calls), writes, died }
    })
}

/// Tells the execution what there is to tell, and waits until nothing is to be done any more.
async fn live(engine: &Engine, flow: &Flow, id: ExecutionId, way: Way, journal: &Arc<dyn Journal>) {
    let all = async {
        if way == Way::Enqueued && journal.load(id).await.unwrap().is_none() {
            let how = Enqueue::new().id(id);
            engine.enqueue(flow.workflow(), (flow.inputs)(), how).await.unwrap();
        }
        tell_all(flow.tells, engine, id, journal).await;
        while journal.load(id).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        engine.wait(id).await.unwrap();
        while engine.active() > 0 || !journal.unfinished().await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, all).await.is_err() {
        panic!("it does not end:{}", look::tell(&look::family(journal, id).await));
    }
}

/// What an agent was asked was written down before.
fn recorded_before_done(before: &Family, calls: &[super::agent::Call]) {
    let recorded = look::attempts(before);
    let mut asked: BTreeMap<ExecutionId, usize> = BTreeMap::new();
    for call in calls {
        *asked.entry(call.place.0).or_default() += 1;
    }
    for (id, asked) in asked {
        let recorded = recorded.get(&id).copied().unwrap_or_default();
        assert!(asked <= recorded, "{id}: {asked} attempts were begun, {recorded} were written down");
    }
}

/// What had completed was not done again.
fn not_again(completed: &BTreeSet<Place>, calls: &[super::agent::Call]) {
    for call in calls {
        assert!(!completed.contains(&call.place), "{call:?} had completed");
    }
}

/// How often each step was done, by its tag in a workflow; no attempt twice.
fn count(calls: &[super::agent::Call]) -> BTreeMap<Place, usize> {
    let attempts: BTreeSet<_> = calls.iter().map(|call| (&call.key, call.attempt)).collect();
    assert_eq!(attempts.len(), calls.len(), "an attempt was begun twice: {calls:#?}");
    let mut counted = BTreeMap::new();
    for call in calls {
        *counted.entry(call.place.clone()).or_default() += 1;
    }
    counted
}

/// How often each tag was done at most, whatever the executions are called.
fn most(run: &Run) -> BTreeMap<&str, usize> {
    let mut most = BTreeMap::new();
    for ((_, tag), times) in &run.calls {
        let known: &mut usize = most.entry(&**tag).or_default();
        *known = (*known).max(*times);
    }
    most
}

/// Runs every flow with a death at every call that writes, `at_once` flows at a time.
fn die_everywhere(stage: impl Fn(&QuickClock) -> Stage + Sync, ways: &[Way], at_once: usize) {
    let deaths = Mutex::new((0, 0));
    let mut cases: Vec<_> = FLOWS.iter().flat_map(|flow| ways.iter().map(move |way| (flow, *way))).collect();
    cases.reverse();
    let cases = Mutex::new(cases);
    let work = || {
        while let Some((flow, way)) = { cases.lock().unwrap().pop() } {
            let (tried, died) = die_everywhere_in(flow, way, &stage);
            let mut deaths = deaths.lock().unwrap();
            *deaths = (deaths.0 + tried, deaths.1 + died);
        }
    };
    std::thread::scope(|scope| (0..at_once).for_each(|_| drop(scope.spawn(work))));
    let (tried, died) = *deaths.lock().unwrap();
    assert!(tried > 200 && died * 10 > tried * 8, "of {tried} engines that should die {died} did");
}

/// Gives how many should have died, and how many did: how often something is written is left to
/// chance to some degree.
fn die_everywhere_in(flow: &Flow, way: Way, stage: impl Fn(&QuickClock) -> Stage) -> (u32, u32) {
    let clock = QuickClock::new();
    let stage = stage(&clock);
    let whole = run(&stage, flow, way, Death::Never, &clock);
    let (mut tried, mut died) = (0, 0);
    for death in (0..whole.writes).flat_map(|n| [Death::Before(n), Death::After(n)]) {
        let name = format!("{} {way:?} {death:?}", flow.name);
        let ran = catch_unwind(AssertUnwindSafe(|| run(&stage, flow, way, death, &clock)));
        let Ok(ran) = ran else { panic!("{name}") };
        (tried, died) = (tried + 1, died + u32::from(ran.died));
        if ran.family.is_empty() {
            assert!(death == Death::Before(0) && way == Way::Started, "{name}: it is gone");
            continue;
        }
        assert_eq!(look::ends(&ran.family), look::ends(&whole.family), "{name}");
        let most = most(&whole);
        for ((_, tag), times) in &ran.calls {
            // What was in flight is done again, once.
            let most = most.get(&**tag).map_or(1, |most| *most) + 1;
            assert!(*times <= most, "{name}: {tag} was done {times} times");
        }
    }
    (tried, died)
}

#[test]
fn an_execution_in_memory_survives_the_death_of_its_engine_at_every_write() {
    die_everywhere(Stage::memory, &[Way::Started, Way::Enqueued], 4);
}

#[test]
fn an_execution_on_sqlite_survives_the_death_of_its_engine_at_every_write() {
    die_everywhere(|_| Stage::sqlite(), &[Way::Started, Way::Enqueued], 4);
}

#[test]
fn an_execution_on_postgres_survives_the_death_of_its_engine_at_every_write() {
    if runtime().block_on(Stage::postgres()).is_some() {
        // Opening connections takes its time, so it is one way only.
        die_everywhere(|_| runtime().block_on(Stage::postgres()).unwrap(), &[Way::Enqueued], 6);
    }
}
