//! Every call of the port fails once, or is done and said to have failed.

use std::sync::Arc;

use turbocat_core::testing::{Calls, Fault, FaultyJournal};

use super::agent::Obedient;
use super::flows::Flow;
use super::live::{PATIENCE, Way, begin, count, engine, live, most, runtime, side_by_side};
use super::look;
use super::quick::QuickClock;
use super::stage::{Open, Stage};

/// Runs a flow over a journal that does one of its calls wrong. Gives how it ended, how often it
/// did what, and how many calls there were; `None` if it never began. The engine has the clock of
/// the store: pauses are the store's, and on SQLite nobody looks for what is due before it is.
async fn run(
    open: &Open,
    clock: &QuickClock,
    flow: &Flow,
    way: Way,
    (fault, wrong): (Fault, u32),
) -> Option<(look::Ends, super::live::Counted, u32)> {
    let agent = Obedient::default();
    let journal = Arc::new(FaultyJournal::failing(
        open.journal.clone(),
        Calls::All,
        fault,
        wrong..wrong.saturating_add(1),
    ));
    let engine = engine(journal.clone(), agent.clone(), clock);
    let (id, handle) = begin(&engine, flow, way);
    let began = live(&engine, flow, id, handle, &open.journal).await;
    assert!(engine.shutdown(PATIENCE).await);
    let family = look::family(&open.journal, id).await;
    assert_eq!(began, !family.is_empty());
    assert_eq!(look::complaints(&family), Vec::<String>::new());
    assert_eq!(open.left_behind().await, Vec::<String>::new());
    began.then(|| (look::ends(&family), count(&agent.calls()), journal.calls()))
}

fn fail_everywhere(way: Way) {
    let failed: u32 = side_by_side(|flow| runtime().block_on(fail_everywhere_in(flow, way))).iter().sum();
    assert!(failed > 200, "{failed}");
}

/// Gives how often a call failed.
#[expect(clippy::print_stdout, reason = "it is shown of a test that fails: where it was")]
async fn fail_everywhere_in(flow: &Flow, way: Way) -> u32 {
    let (clock, stage) = (QuickClock::new(), Stage::sqlite());
    let open = stage.open(&clock).await;
    let (ends, calls, number) = run(&open, &clock, flow, way, (Fault::Fails, u32::MAX)).await.unwrap();
    let most = most(&calls);
    let mut failed = 0;
    for fault in [Fault::Fails, Fault::FailsAfterwards] {
        for wrong in 0..number {
            let name = format!("{} {way:?} {fault:?} {wrong}", flow.name);
            println!("{name}");
            let Some((found, counted, _)) = run(&open, &clock, flow, way, (fault, wrong)).await else {
                assert!(way == Way::Started && fault == Fault::Fails, "{name}: it never began");
                continue;
            };
            assert_eq!(found, ends, "{name}");
            for ((_, tag), times) in &counted {
                // Nobody died, so nothing is lost.
                let most = most.get(&**tag).map_or(1, |most| *most);
                assert!(*times <= most, "{name}: {tag} was done {times} times");
            }
            failed += 1;
        }
    }
    open.close().await;
    failed
}

#[test]
fn one_call_that_fails_changes_nothing_whichever_it_is_when_an_engine_starts_it() {
    fail_everywhere(Way::Started);
}

#[test]
fn one_call_that_fails_changes_nothing_whichever_it_is_when_an_engine_works() {
    fail_everywhere(Way::Enqueued);
}
