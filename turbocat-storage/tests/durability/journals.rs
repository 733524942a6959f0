//! Journals that earlier versions wrote: they can be read, replayed and gone on with, for ever.
//!
//! `tests/journals` has them, by the version that wrote them. With `TURBOCAT_BLESS=1` this version
//! adds its own; what is there is never written again. When one of them cannot be read any more,
//! what has to change is the program.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::{
    AnyAgent, Commit, Definition, Event, ExecutionId, ExecutionStatus, Journal, Letter, NewExecution,
    Scheduler, Standing, WorkOptions, Workflow, compile,
};

use super::agent::Obedient;
use super::flows::{FLOWS, Flow};
use super::live::{PATIENCE, Way, begin, engine, live, not_again, runtime};
use super::look::{self, Family};
use super::mortal::{Death, MortalJournal};
use super::quick::QuickClock;
use super::stage::{LEASE, Open, Stage};
use super::tell::tell_all;

/// What is recorded is small.
fn flows() -> impl Iterator<Item = &'static Flow> {
    FLOWS.iter().filter(|flow| flow.name != "large")
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/journals")
}

fn blesses() -> bool {
    std::env::var("TURBOCAT_BLESS").as_deref() == Ok("1")
}

/// Writes a file of this version, if it is not there and that is asked for.
pub(super) async fn bless(name: &str, text: impl AsyncFnOnce() -> String) {
    let path = folder().join(format!("{}-{name}", env!("CARGO_PKG_VERSION")));
    if blesses() && !path.exists() {
        std::fs::create_dir_all(folder()).unwrap();
        std::fs::write(path, text().await).unwrap();
    }
}

/// The files of all versions whose names end like that.
pub(super) fn kept(end: &str) -> Vec<(String, String)> {
    let files = std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    let mut kept: Vec<_> = files
        .filter(|path| path.to_str().unwrap().ends_with(end))
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap())
        })
        .collect();
    kept.sort();
    kept
}

/// A flow as it was recorded: to its end, and as engines left it that died after some writes.
fn record(flow: &Flow) -> Value {
    let (whole, writes) = lived(flow, Death::Never);
    let left = [1, 2, 3].map(|quarter| lived(flow, Death::After(writes * quarter / 4)).0);
    json!({ "flow": flow.name, "ended": whole, "left": left })
}

/// What is recorded of one execution after the life of an engine, and how many writes there were.
fn lived(flow: &Flow, death: Death) -> (Value, u32) {
    let clock = QuickClock::new();
    runtime().block_on(async {
        let open = Stage::memory(&clock).open(&clock).await;
        let journal = Arc::new(MortalJournal::new(open.journal.clone(), death));
        let engine = engine(journal.clone(), Obedient::default(), &clock);
        let (id, _) = begin(&engine, flow, Way::Enqueued);
        tokio::select! {
            biased;
            () = journal.died() => {}
            _ = live(&engine, flow, id, None, &open.journal) => {}
        }
        let mut executions = Vec::new();
        for (id, recorded) in look::family(&open.journal, id).await {
            let letters = open.journal.letters(id).await.unwrap();
            let letters = letters.iter().map(|letter| json!({ "id": letter.id, "message": letter.message }));
            executions.push(json!({
                "execution": id, "workflow": recorded.definition.workflow(), "inputs": recorded.inputs,
                "parent": recorded.parent, "awaited": recorded.awaited, "lineage": recorded.lineage,
                "status": recorded.status, "events": recorded.events,
                "letters": letters.collect::<Vec<_>>(),
            }));
        }
        (Value::from(executions), journal.calls())
    })
}

/// Reads executions that were recorded into a journal. Gives the name of the first that has no
/// parent.
async fn put(journal: &Arc<dyn Journal>, executions: &Value) -> ExecutionId {
    let mut root = None;
    for one in executions.as_array().unwrap() {
        let read = |key: &str| one[key].clone();
        let id = serde_json::from_value(read("execution")).unwrap();
        let mut new = NewExecution::new(id, Definition::new(&one["workflow"]), Arc::new(read("inputs")));
        new.parent = serde_json::from_value(read("parent")).unwrap();
        new.awaited = serde_json::from_value(read("awaited")).unwrap();
        new.lineage = serde_json::from_value(read("lineage")).unwrap();
        if new.parent.is_none() {
            root = Some(id);
        }
        let events = one["events"].as_array().unwrap();
        let status: ExecutionStatus = serde_json::from_value(read("status")).unwrap();
        if status == ExecutionStatus::Pending {
            journal.create(&[new]).await.unwrap();
        } else {
            let standing = Standing { status, ..Standing::default() };
            journal.commit(Commit::new(id, 0, events).begins(&new).standing(standing)).await.unwrap();
        }
    }
    for one in executions.as_array().unwrap() {
        let to = serde_json::from_value(one["execution"].clone()).unwrap();
        for letter in one["letters"].as_array().unwrap() {
            let id = serde_json::from_value(letter["id"].clone()).unwrap();
            let message = serde_json::from_value(letter["message"].clone()).unwrap();
            journal.send(&Letter { id, to, message }).await.unwrap();
        }
    }
    root.unwrap()
}

/// What was recorded is replayed to where it stood.
fn replay(family: &Family) {
    for (id, recorded) in family {
        let workflow = Workflow::from_value(&recorded.definition.workflow()).unwrap();
        let plan = compile(&workflow, &AnyAgent).unwrap();
        let events: Result<Vec<Event>, _> = recorded.events.iter().map(|event| plan.decode(event)).collect();
        let events = events.unwrap();
        for (event, value) in events.iter().zip(&recorded.events) {
            assert_eq!(&plan.encode(event), value, "{id}");
        }
        if !events.is_empty() {
            assert_eq!(Scheduler::replay(&plan, &events).unwrap().status(), recorded.status, "{id}");
        }
    }
}

/// Goes on with what an engine of that time left, and gives what is recorded then.
pub(super) async fn go_on(open: &Open, all: &[(ExecutionId, &Flow)], clock: &QuickClock) -> Vec<Family> {
    let mut completed = BTreeSet::new();
    for (id, _) in all {
        let before = look::family(&open.journal, *id).await;
        replay(&before);
        completed.extend(look::completed(&before));
    }
    let agent = Obedient::default();
    let engine = engine(open.journal.clone(), agent.clone(), clock);
    engine.work(WorkOptions::new()).unwrap();
    let mut families = Vec::new();
    for (id, flow) in all {
        tell_all(flow.tells, &engine, *id, &open.journal).await;
        tokio::time::timeout(PATIENCE, engine.wait(*id)).await.unwrap().unwrap();
    }
    while engine.active() > 0 || !engine.unfinished().await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(engine.shutdown(PATIENCE).await);
    not_again(&completed, &agent.calls());
    for (id, _) in all {
        let family = look::family(&open.journal, *id).await;
        assert_eq!(look::complaints(&family), Vec::<String>::new());
        families.push(family);
    }
    assert_eq!(open.left_behind().await, Vec::<String>::new());
    families
}

#[test]
fn what_earlier_versions_recorded_is_replayed_and_gone_on_with() {
    for flow in flows() {
        runtime().block_on(bless(&format!("{}.json", flow.name), async || {
            let recorded = std::thread::spawn(|| record(flow)).join().unwrap();
            serde_json::to_string(&recorded).unwrap() + "\n"
        }));
    }
    let kept = kept(".json");
    assert!(kept.len() >= flows().count());
    for (name, text) in kept {
        println!("{name}");
        let file: Value = serde_json::from_str(&text).unwrap();
        let flow = Flow::named(file["flow"].as_str().unwrap());
        runtime().block_on(async {
            let (clock, stage) = (QuickClock::new(), Stage::sqlite());
            clock.skip(LEASE);
            let open = stage.open(&clock).await;
            let id = put(&open.journal, &file["ended"]).await;
            let whole = look::family(&open.journal, id).await;
            replay(&whole);
            for left in file["left"].as_array().unwrap() {
                let stage = Stage::sqlite();
                let open = stage.open(&clock).await;
                let id = put(&open.journal, left).await;
                let families = go_on(&open, &[(id, flow)], &clock).await;
                assert_eq!(look::ends(&families[0]), look::ends(&whole), "{name}");
                open.close().await;
            }
            open.close().await;
        });
    }
}
