//! What is old goes, what is needed stays, copies are whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::testing::{ManualClock, ScriptedAgent};
use turbocat_core::{
    Engine, Enqueue, ExecutionId, ExecutionStatus, Journal, NewExecution, WorkOptions, Workflow,
};
use turbocat_storage::platform::{LogLevel, NewExecutionLog, NewUser, NewWorkflow, Platform};
use turbocat_storage::testing::{TempFolder, on_each_store, on_each_store_with};
use turbocat_storage::{Caretaker, Kind, StorageErrorKind, Store, args};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const PATIENCE: Duration = Duration::from_secs(10);

async fn rows(store: &Store, table: &'static str) -> i64 {
    let mut sql = turbocat_storage::Sql::new("select count(*) as n from ");
    sql.push(table);
    store.database().fetch_one(sql, args![]).await.unwrap().get("n").unwrap()
}

/// What is left in all tables that executions write to.
async fn left(store: &Store) -> [i64; 7] {
    let mut counts = [0; 7];
    let tables = [
        "executions",
        "execution_events",
        "execution_blobs",
        "blobs",
        "definitions",
        "execution_logs",
        "jobs",
    ];
    for (count, table) in counts.iter_mut().zip(tables) {
        *count = rows(store, table).await;
    }
    counts
}

fn echo(name: &str) -> Workflow {
    let yaml =
        format!("name: {name}\nsteps: {{ a: {{ agent: a, inputs: {{ text: '{{{{ inputs.text }}}}' }} }} }}");
    Workflow::from_yaml(&yaml).unwrap()
}

#[tokio::test]
async fn what_ended_long_ago_goes_with_all_that_is_its_own() {
    let clock = ManualClock::new();
    let body = async |store: Store| {
        let agent = ScriptedAgent::new().echo();
        let engine = Engine::builder()
            .agent("a", agent)
            .workflow("child", echo("child"))
            .clock(clock.clone())
            .store(store.clone())
            .build();
        let (shared, own) = ("shared ".repeat(2000), "own ".repeat(2000));
        let old = engine.run(&echo("old"), json!({ "text": own })).await.unwrap().id();
        engine.run(&echo("both"), json!({ "text": shared })).await.unwrap();
        let platform = Platform::new(store.database().clone());
        let log = NewExecutionLog::new(old, LogLevel::Info, "said");
        platform.execution_logs().append(vec![log]).await.unwrap();
        let parent =
            "steps: { child: { workflow: child, inputs: { text: small } }, go: { wait: { signal: go } } }";
        let parent = engine.start(Workflow::from_yaml(parent).unwrap(), json!({})).unwrap();
        while parent.steps().await[0].status != turbocat_core::StepStatus::Completed {
            tokio::task::yield_now().await;
        }
        clock.advance(DAY);
        let young = engine.run(&echo("both"), json!({ "text": shared })).await.unwrap().id();
        let before = left(&store).await;
        assert_eq!((before[0], before[3], before[4], before[5]), (5, 4, 4, 1));

        assert_eq!(store.prune(DAY + DAY).await.unwrap().executions, 0);
        clock.advance(Duration::from_millis(1));
        let cleared = store.prune(DAY).await.unwrap();
        assert_eq!((cleared.executions, cleared.values, cleared.definitions), (2, 2, 1));
        let after = left(&store).await;
        assert_eq!(
            (after[0], after[3], after[4], after[5]),
            (3, 2, 3, 0),
            "the child of a parent that goes on stays"
        );
        assert_eq!(store.load(old).await.unwrap(), None);
        assert_eq!(store.output(young).await.unwrap(), Some(json!({ "a": { "text": shared } })));

        parent.signal("go", json!(1)).await.unwrap();
        assert!(parent.wait().await.unwrap().is_completed());
        clock.advance(DAY + DAY);
        let cleared = store.prune(DAY).await.unwrap();
        assert_eq!((cleared.executions, cleared.values, cleared.definitions), (3, 2, 3));
        assert_eq!(left(&store).await, [0; 7]);
    };
    on_each_store_with(|settings| settings.clock(clock.clone()), body).await;
}

#[tokio::test]
async fn an_execution_with_many_events_goes_in_parts() {
    on_each_store(async |store| {
        let agent = ScriptedAgent::new().echo();
        let engine = Engine::builder().agent("a", agent).store(store.clone()).build();
        let yaml = "
steps:
  each: { loop: '{{ inputs.items }}', steps: { one: { agent: a, inputs: { n: 1 } } } }
";
        let items: Vec<u32> = (0..2500).collect();
        engine.run(&Workflow::from_yaml(yaml).unwrap(), json!({ "items": items })).await.unwrap();
        assert!(rows(&store, "execution_events").await > 2000);
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert_eq!(store.prune(Duration::ZERO).await.unwrap().executions, 1);
        assert_eq!(left(&store).await, [0; 7]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prune_while_executions_go_on_loses_nothing() {
    on_each_store(async |store| {
        let agent = ScriptedAgent::new().echo();
        let engine = Engine::builder().agent("a", agent).store(store.clone()).build();
        let yaml = "
steps:
  a: { agent: a, inputs: { text: '{{ inputs.text }}' } }
  nap: { wait: 3ms, dependsOn: a }
  b: { agent: a, dependsOn: nap, inputs: { text: '{{ a.text }}' } }
";
        let workflow = Workflow::from_yaml(yaml).unwrap();
        let text = |n: usize| format!("{} ", n % 3).repeat(4000);
        let waiting = Workflow::from_yaml(&format!("{yaml}  go: {{ wait: {{ signal: go }} }}")).unwrap();
        let mut waiters = Vec::new();
        let done = Arc::new(AtomicBool::new(false));
        let pruning = {
            let (store, done) = (store.clone(), done.clone());
            tokio::spawn(async move {
                let mut executions = 0;
                while !done.load(Ordering::Acquire) {
                    executions += store.prune(Duration::ZERO).await.unwrap().executions;
                }
                executions
            })
        };
        for n in 0..40 {
            let runs = (0..4).map(|more| {
                let (engine, workflow, text) = (engine.clone(), workflow.clone(), text(n + more));
                tokio::spawn(async move { engine.run(&workflow, json!({ "text": text })).await })
            });
            let runs: Vec<_> = runs.collect();
            if n % 8 == 0 {
                waiters.push(engine.start(&waiting, json!({ "text": text(n) })).unwrap());
            }
            for (more, run) in runs.into_iter().enumerate() {
                let execution = run.await.unwrap().unwrap();
                assert_eq!(execution.output()["b"]["text"], text(n + more));
            }
        }
        done.store(true, Ordering::Release);
        assert!(pruning.await.unwrap() > 0);
        for broken in [
            "select count(*) as n from execution_blobs as u
                where not exists (select 1 from blobs as b where b.digest = u.digest)",
            "select count(*) as n from executions as x
                where not exists (select 1 from definitions as d where d.digest = x.definition)",
        ] {
            let n: i64 = store.database().fetch_one(broken, args![]).await.unwrap().get("n").unwrap();
            assert_eq!(n, 0, "{broken}");
        }
        for (n, waiter) in waiters.into_iter().enumerate() {
            assert!(!store.load(waiter.id()).await.unwrap().unwrap().events.is_empty());
            waiter.signal("go", json!(1)).await.unwrap();
            assert_eq!(waiter.wait().await.unwrap().output()["b"]["text"], text(n * 8));
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_about_to_be_referred_to_again_is_not_deleted() {
    on_each_store(async |store| {
        let digest: &[u8] = &[7; 32];
        let (define, value) = (
            "insert into definitions (digest, body) values ($1, '{}') on conflict do nothing",
            "insert into blobs (digest, body) values ($1, '1') on conflict do nothing",
        );
        for unused in [define, value] {
            store.database().execute(unused, args![digest]).await.unwrap();
        }
        // As whoever commits does: it is there already, and is referred to from now on.
        let mut writing = store.database().begin().await.unwrap();
        writing.execute(define, args![digest]).await.unwrap();
        writing.execute(value, args![digest]).await.unwrap();
        let id = uuid::Uuid::from_u128(1);
        let text = "insert into executions (id, definition) values ($1, $2)";
        writing.execute(text, args![id, digest]).await.unwrap();
        let text = "insert into execution_blobs (execution_id, digest) values ($1, $2)";
        writing.execute(text, args![id, digest]).await.unwrap();
        let pruning = {
            let store = store.clone();
            tokio::spawn(async move { store.prune(Duration::ZERO).await })
        };
        tokio::time::sleep(Duration::from_millis(100)).await;
        writing.commit().await.unwrap();
        let cleared = pruning.await.unwrap().unwrap();
        assert_eq!((cleared.values, cleared.definitions), (0, 0));
        store.database().execute("delete from executions", args![]).await.unwrap();
        let cleared = store.prune(Duration::ZERO).await.unwrap();
        assert_eq!((cleared.values, cleared.definitions), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_workflow_that_is_deleted_for_good_takes_its_executions_with_it() {
    let clock = ManualClock::new();
    let body = async |store: Store| {
        let time = clock.clone();
        let platform = Platform::new(store.database().clone()).with_clock(move || time.now());
        let user = platform.users().create(NewUser::new("ada@example.org")).await.unwrap();
        let (workflow, _) =
            platform.workflows().create(NewWorkflow::new(user.id, "flow"), vec![]).await.unwrap();
        let engine = Engine::builder()
            .agent("a", ScriptedAgent::new().echo())
            .clock(clock.clone())
            .store(store.clone())
            .build();
        let how = || Enqueue::new().belongs_to(Some(workflow.id), Some(user.id));
        let text = "long ".repeat(2000);
        let ended = engine.enqueue(&echo("flow"), json!({ "text": text }), how()).await.unwrap();
        engine.resume(ended).await.unwrap().wait().await.unwrap();
        let waits = engine.enqueue(&echo("flow"), json!({ "text": text }), how()).await.unwrap();
        platform.workflows().delete(workflow.id).await.unwrap();
        let caretaker = Caretaker::new(store.clone()).executions(None);
        let tended = caretaker.tend().await.unwrap();
        assert_eq!((tended.counted, tended.executions.executions, tended.platform.deleted), (1, 0, 0));
        clock.advance(91 * DAY);
        let tended = caretaker.tend().await.unwrap();
        assert_eq!((tended.executions.executions, tended.platform.deleted), (1, 0), "one has not ended");
        assert!(store.queue().discard(waits, "its workflow is gone").await.unwrap());
        let tended = caretaker.tend().await.unwrap();
        assert_eq!(tended.platform.deleted, 1);
        caretaker.tend().await.unwrap();
        assert_eq!(left(&store).await, [0; 7]);
    };
    on_each_store_with(|settings| settings.clock(clock.clone()), body).await;
}

#[tokio::test]
async fn executions_are_counted_once_in_the_row_of_their_workflow() {
    on_each_store(async |store| {
        let platform = Platform::new(store.database().clone());
        let user = platform.users().create(NewUser::new("ada@example.org")).await.unwrap();
        let (workflow, _) =
            platform.workflows().create(NewWorkflow::new(user.id, "flow"), vec![]).await.unwrap();
        let mut all: Vec<NewExecution> = (1..=5).map(crate::claiming::execution).collect();
        for new in &mut all[..4] {
            new.workflow_id = Some(workflow.id);
        }
        store.create(&all).await.unwrap();
        let statuses = [ExecutionStatus::Completed, ExecutionStatus::Failed, ExecutionStatus::Cancelled];
        for (n, status) in (1..).zip(statuses) {
            crate::queue::end(&store, crate::queue::id(n), status, 100 * n as u64).await;
        }
        crate::queue::end(&store, crate::queue::id(5), ExecutionStatus::Completed, 7).await;
        let (one, two) = tokio::join!(store.count_ended(), store.count_ended());
        assert_eq!(one.unwrap() + two.unwrap(), 3);
        let row = platform.workflows().get(workflow.id).await.unwrap().unwrap();
        let counts = (row.total_executions, row.successful_executions, row.failed_executions);
        assert_eq!((counts, row.avg_execution_time_ms), ((3, 1, 1), 200));
        let last = row.last_execution_at.unwrap();
        crate::queue::end(&store, crate::queue::id(4), ExecutionStatus::Timeout, 600).await;
        assert_eq!((store.count_ended().await.unwrap(), store.count_ended().await.unwrap()), (1, 0));
        let row = platform.workflows().get(workflow.id).await.unwrap().unwrap();
        assert_eq!((row.total_executions, row.failed_executions, row.avg_execution_time_ms), (4, 2, 300));
        assert!(row.last_execution_at.unwrap() >= last);
    })
    .await;
}

#[tokio::test]
async fn a_caretaker_counts_what_ends_while_it_is_there() {
    on_each_store(async |store| {
        let platform = Platform::new(store.database().clone());
        let user = platform.users().create(NewUser::new("ada@example.org")).await.unwrap();
        let (workflow, _) =
            platform.workflows().create(NewWorkflow::new(user.id, "flow"), vec![]).await.unwrap();
        let caretaker = Caretaker::new(store.clone());
        let caring = tokio::spawn(async move { caretaker.run().await });
        let engine = Engine::builder().agent("a", ScriptedAgent::new().echo()).store(store.clone()).build();
        let how = Enqueue::new().belongs_to(Some(workflow.id), None);
        engine.enqueue(&echo("flow"), json!({ "text": "short" }), how).await.unwrap();
        engine.work(WorkOptions::new()).unwrap();
        let counted = async {
            while platform.workflows().get(workflow.id).await.unwrap().unwrap().total_executions == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, counted).await.expect("it is counted within seconds");
        caring.abort();
        engine.shutdown(PATIENCE).await;
    })
    .await;
}

#[tokio::test]
async fn a_file_gets_smaller_when_much_was_deleted() {
    on_each_store(async |store| {
        if store.database().kind() == Kind::Postgres {
            assert_eq!(store.vacuum().await.unwrap(), 0);
            return;
        }
        let agent = ScriptedAgent::new().echo();
        let engine = Engine::builder().agent("a", agent).store(store.clone()).build();
        for n in 0..40 {
            let text = format!("{n} ").repeat(50_000);
            engine.run(&echo("large"), json!({ "text": text })).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert_eq!(store.prune(Duration::ZERO).await.unwrap().values, 40);
        let pages = async || {
            let rows = store.database().fetch_all("pragma page_count", args![]).await.unwrap();
            rows[0].get::<i64>("page_count").unwrap()
        };
        let before = pages().await;
        let freed = store.vacuum().await.unwrap();
        let after = pages().await;
        assert_eq!(freed, u64::try_from(before - after).unwrap() * 4096);
        assert!(after * 5 < before, "{before} pages, then {after}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn executions_go_on_from_a_copy_that_was_made_while_they_went_on() {
    let folder = TempFolder::new();
    let url = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    let store = Store::open(&url("app.db")).await.unwrap();
    let yaml = "
name: long
steps:
  a: { agent: a, inputs: { text: '{{ inputs.text }}' } }
  each: { loop: '{{ [1, 2, 3, 4] }}', steps: { one: { agent: a, inputs: { n: '{{ item }}' } }, nap: { wait: 2ms, dependsOn: one } } }
  b: { agent: a, dependsOn: each, inputs: { text: '{{ a.text }}' } }
  go: { wait: { signal: go }, dependsOn: b }
";
    let workflow = Workflow::from_yaml(yaml).unwrap();
    let engine = |store: &Store| {
        let agent = ScriptedAgent::new().echo();
        Engine::builder().agent("a", agent).store(store.clone()).build()
    };
    let first = engine(&store);
    first.work(WorkOptions::new()).unwrap();
    let text = |n: usize| format!("{n} ").repeat(3000);
    let mut ids = Vec::new();
    let mut copies = Vec::new();
    for n in 0..30 {
        ids.push(first.enqueue(&workflow, json!({ "text": text(n) }), Enqueue::new()).await.unwrap());
        if n % 10 == 9 {
            let copy = format!("copy{n}.db");
            store.backup(folder.path().join(&copy)).await.unwrap();
            copies.push((copy, n + 1));
        }
    }
    let error = store.backup(folder.path().join("copy9.db")).await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Conflict);
    assert!(store.backup(folder.path().join("nowhere/copy.db")).await.is_err());
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let partial: Vec<_> = names.filter(|name| name.to_string_lossy().contains("partial")).collect();
    assert!(partial.is_empty(), "{partial:?}");
    first.shutdown(Duration::ZERO).await;
    store.close().await;

    for (copy, count) in copies {
        let store = Store::open(&url(&copy)).await.unwrap();
        let again = engine(&store);
        let mut unfinished = again.unfinished().await.unwrap();
        unfinished.sort_unstable();
        let mut known: Vec<ExecutionId> = ids[..count].to_vec();
        known.sort_unstable();
        assert_eq!(unfinished, known, "what was taken in before the copy is in it, and waits");
        again.work(WorkOptions::new()).unwrap();
        for (n, id) in ids[..count].iter().enumerate() {
            again.signal(*id, "go", Value::Null).await.unwrap();
            let execution = again.wait(*id).await.unwrap();
            assert!(execution.is_completed(), "{execution:?}");
            assert_eq!(execution.output()["b"]["text"], text(n));
        }
        assert_eq!(again.unfinished().await.unwrap(), []);
        again.shutdown(PATIENCE).await;
        store.close().await;
    }
}

#[tokio::test]
async fn a_copy_of_postgresql_is_made_by_its_own_tools() {
    on_each_store(async |store| {
        if store.database().kind() == Kind::Sqlite {
            return;
        }
        let folder = TempFolder::new();
        let error = store.backup(folder.path().join("copy.db")).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Invalid);
        assert!(error.to_string().contains("pg_dump"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_database_in_memory_can_be_copied_into_a_file() {
    let folder = TempFolder::new();
    let store = Store::open("sqlite::memory:").await.unwrap();
    let engine = Engine::builder().agent("a", ScriptedAgent::new().echo()).store(store.clone()).build();
    let id = engine.run(&echo("kept"), json!({ "text": "kept" })).await.unwrap().id();
    let path = folder.path().join("kept.db");
    store.backup(&path).await.unwrap();
    let kept = Store::open(&format!("sqlite:{}", path.display())).await.unwrap();
    assert_eq!(kept.output(id).await.unwrap(), Some(json!({ "a": { "text": "kept" } })));
}
