//! An execution is begun, told what there is to tell, and driven until nothing is left to do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use turbocat_core::{Engine, Enqueue, ErrorKind, ExecutionHandle, ExecutionId, Journal, WorkOptions};

use super::agent::{Call, Obedient, Place};
use super::flows::{FLOWS, Flow, register};
use super::look::{self, Family};
use super::quick::QuickClock;
use super::tell::tell_all;

/// How an execution begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It is started and driven right there, by an engine that takes nothing up by itself.
    Started,
    /// It is enqueued, and taken up by an engine that works.
    Enqueued,
}

/// How often each step was done.
pub(super) type Counted = BTreeMap<Place, usize>;

/// How long anything takes at most.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn engine(journal: Arc<dyn Journal>, agent: Obedient, clock: &QuickClock) -> Engine {
    let builder = Engine::builder().agent("a", agent.clone()).agent("scarce", agent);
    register(builder.shared_store(journal).clock(clock.clone())).build()
}

/// A runtime of its own for each life: with it everything of that life is gone.
pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Does something with each flow, some at a time: most of the time they wait. Gives all results.
pub(super) fn side_by_side<T: Send>(done: impl Fn(&'static Flow) -> T + Sync) -> Vec<T> {
    let left = Mutex::new(FLOWS.iter());
    let results = Mutex::new(Vec::new());
    let work = || {
        while let Some(flow) = { left.lock().unwrap().next() } {
            let result = done(flow);
            results.lock().unwrap().push(result);
        }
    };
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(work))));
    results.into_inner().unwrap()
}

/// Starts an execution, or has the engine work, for one that will be enqueued.
pub(super) fn begin(engine: &Engine, flow: &Flow, way: Way) -> (ExecutionId, Option<ExecutionHandle>) {
    match way {
        Way::Enqueued => {
            engine.work(WorkOptions::new()).unwrap();
            (ExecutionId::generate(), None)
        }
        Way::Started => {
            let handle = engine.start(flow.workflow(), (flow.inputs)()).unwrap();
            (handle.id(), Some(handle))
        }
    }
}

/// Tells the execution what there is to tell, and waits until nothing is to be done any more. An
/// execution that was not started is enqueued until it is there. False if a started one never began.
pub(super) async fn live(
    engine: &Engine,
    flow: &Flow,
    id: ExecutionId,
    handle: Option<ExecutionHandle>,
    journal: &Arc<dyn Journal>,
) -> bool {
    let all = async {
        let told = tell_all(flow.tells, engine, id, journal);
        match handle {
            None => {
                enqueue(engine, flow, id, journal).await;
                tokio::select! {
                    () = told => {}
                    () = ended(engine, id) => {}
                }
            }
            Some(handle) => {
                let ended = tokio::select! {
                    ended = handle.wait() => ended,
                    ended = async { told.await; std::future::pending().await } => ended,
                };
                assert!(ended.is_ok() || journal.load(id).await.unwrap().is_none(), "{ended:?}");
            }
        }
        if journal.load(id).await.is_ok_and(|recorded| recorded.is_none()) {
            return false;
        }
        ended(engine, id).await;
        while engine.active() > 0 || !journal.unfinished().await.is_ok_and(|open| open.is_empty()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        true
    };
    match tokio::time::timeout(PATIENCE, all).await {
        Ok(began) => began,
        Err(_) => panic!("it does not end:{}", look::tell(&look::family(journal, id).await)),
    }
}

/// Asks again, under the same name, until it is there.
async fn enqueue(engine: &Engine, flow: &Flow, id: ExecutionId, journal: &Arc<dyn Journal>) {
    while !journal.load(id).await.is_ok_and(|recorded| recorded.is_some()) {
        match engine.enqueue(flow.workflow(), (flow.inputs)(), Enqueue::new().id(id)).await {
            Ok(_) => return,
            Err(error) if matches!(error.kind(), ErrorKind::Journal | ErrorKind::Conflict) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Waits for its end, whatever the journal says meanwhile; for ever if it is not there.
async fn ended(engine: &Engine, id: ExecutionId) {
    while engine.wait(id).await.is_err() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What an agent was asked was written down before.
pub(super) fn recorded_before_done(before: &Family, calls: &[Call]) {
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
pub(super) fn not_again(completed: &BTreeSet<Place>, calls: &[Call]) {
    for call in calls {
        assert!(!completed.contains(&call.place), "{call:?} had completed");
    }
}

/// How often each step was done, by its tag in a workflow; no attempt twice.
pub(super) fn count(calls: &[Call]) -> Counted {
    let attempts: BTreeSet<_> = calls.iter().map(|call| (&call.key, call.attempt)).collect();
    assert_eq!(attempts.len(), calls.len(), "an attempt was begun twice: {calls:#?}");
    let mut counted = BTreeMap::new();
    for call in calls {
        *counted.entry(call.place.clone()).or_default() += 1;
    }
    counted
}

/// How often each tag was done at most, whatever the executions are called.
pub(super) fn most(calls: &Counted) -> BTreeMap<&str, usize> {
    let mut most = BTreeMap::new();
    for ((_, tag), times) in calls {
        let known: &mut usize = most.entry(&**tag).or_default();
        *known = (*known).max(*times);
    }
    most
}
