//! An engine dies at every call that writes something; another one goes on.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use turbocat_core::WorkOptions;

use super::agent::{Obedient, Place};
use super::flows::Flow;
use super::live::{
    PATIENCE, Way, begin, count, engine, live, most, not_again, recorded_before_done, runtime, side_by_side,
};
use super::look::{self, Family};
use super::mortal::{Death, MortalJournal};
use super::quick::QuickClock;
use super::stage::{LEASE, Stage};

/// What became of an execution, and what it took.
struct Run {
    family: Family,
    calls: BTreeMap<Place, usize>,
    /// How many calls of the journal that write there were in the first life.
    writes: u32,
    died: bool,
}

/// Runs a flow with an engine that dies, and then with another.
fn run(stage: &Stage, flow: &Flow, way: Way, death: Death, clock: &QuickClock) -> Run {
    let agent = Obedient::default();
    let first = runtime();
    let (id, writes, died) = first.block_on(async {
        let open = stage.open(clock).await;
        let journal = Arc::new(MortalJournal::new(open.journal.clone(), death));
        let engine = engine(journal.clone(), agent.in_life(1), clock);
        let (id, handle) = begin(&engine, flow, way);
        let lived = live(&engine, flow, id, handle, &open.journal);
        let died = tokio::select! {
            biased;
            () = journal.died() => true,
            began = lived => {
                assert!(began);
                false
            }
        };
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
            live(&engine, flow, id, None, &open.journal).await;
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

/// Which deaths there are at a call that writes.
type Deaths = fn(u32) -> Vec<Death>;

const BOTH: Deaths = |number| vec![Death::Before(number), Death::After(number)];

/// Runs every flow with a death at every call that writes.
fn die_everywhere(stage: impl Fn(&QuickClock) -> Stage + Sync, ways: &[Way], deaths: Deaths) {
    for way in ways {
        let died = side_by_side(|flow| die_everywhere_in(flow, *way, &stage, deaths));
        let (tried, died) = died.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        assert!(tried > 100 && died * 10 > tried * 8, "of {tried} engines that should die {died} did");
    }
}

/// Gives how many should have died, and how many did: how often something is written is left to
/// chance to some degree.
fn die_everywhere_in(
    flow: &Flow,
    way: Way,
    stage: impl Fn(&QuickClock) -> Stage,
    deaths: Deaths,
) -> (u32, u32) {
    let clock = QuickClock::new();
    let stage = stage(&clock);
    let whole = run(&stage, flow, way, Death::Never, &clock);
    let (mut tried, mut died) = (0, 0);
    for death in (0..whole.writes).flat_map(deaths) {
        let name = format!("{} {way:?} {death:?}", flow.name);
        let ran = catch_unwind(AssertUnwindSafe(|| run(&stage, flow, way, death, &clock)));
        let Ok(ran) = ran else { panic!("{name}") };
        (tried, died) = (tried + 1, died + u32::from(ran.died));
        if ran.family.is_empty() {
            assert!(death == Death::Before(0) && way == Way::Started, "{name}: it is gone");
            continue;
        }
        assert_eq!(look::ends(&ran.family), look::ends(&whole.family), "{name}");
        let most = most(&whole.calls);
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
    die_everywhere(Stage::memory, &[Way::Started, Way::Enqueued], BOTH);
}

#[test]
fn an_execution_on_sqlite_survives_the_death_of_its_engine_at_every_write() {
    die_everywhere(|_| Stage::sqlite(), &[Way::Started, Way::Enqueued], BOTH);
}

#[test]
fn an_execution_on_postgres_survives_the_death_of_its_engine_at_every_write() {
    if runtime().block_on(Stage::postgres()).is_some() {
        // Opening connections takes its time, so it is one way only, and one death at a call.
        let deaths: Deaths = |n| vec![if n % 2 == 0 { Death::After(n) } else { Death::Before(n) }];
        die_everywhere(|_| runtime().block_on(Stage::postgres()).unwrap(), &[Way::Enqueued], deaths);
    }
}
