//! The queue as those see it who look after it.

use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::testing::{ManualClock, ScriptedAgent};
use turbocat_core::{
    Claim, Commit, Engine, Enqueue, ErrorKind, ExecutionId, ExecutionStatus, Journal, Release, Standing,
    WorkOptions, WorkerId, Workflow,
};
use turbocat_storage::platform::{Direction, PageRequest};
use turbocat_storage::queue::{Counts, HealthStatus, JobState, LimitKind};
use turbocat_storage::testing::{on_each_store, on_each_store_with};
use turbocat_storage::{Store, args};

use crate::claiming::execution;

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn id(n: u128) -> ExecutionId {
    ExecutionId::from_uuid(uuid::Uuid::from_u128(n))
}

/// Has an execution claimed and given up.
async fn give_up(store: &Store, execution: ExecutionId, error: &str) {
    let worker = WorkerId::generate();
    let only = Claim { worker, limit: 1, only: Some(execution), take_over: false };
    assert_eq!(store.claim(only).await.unwrap().jobs.len(), 1);
    let release = Release::Failed { error: error.to_owned(), retry_in: None };
    assert!(store.release(worker, execution, release).await.unwrap());
}

pub(crate) async fn end(store: &Store, execution: ExecutionId, status: ExecutionStatus, took: u64) {
    let now = store.now();
    let began = turbocat_core::Timestamp::from_millis(now.as_millis() - i64::try_from(took).unwrap());
    let standing = Standing { status, started_at: Some(began), ended_at: Some(now), ..Standing::default() };
    store.commit(Commit::new(execution, 0, &[]).standing(standing)).await.unwrap();
}

#[tokio::test]
async fn every_execution_is_counted_once_as_what_it_is() {
    on_each_store(async |store| {
        let queue = store.queue();
        assert_eq!(queue.counts().await.unwrap(), Counts::default());
        let mut all: Vec<_> = (1..=12).map(execution).collect();
        all[0].priority = 3;
        all[1].not_before = Some(store.now().after(Duration::from_secs(60)));
        (all[11].parent, all[11].awaited) = (Some(id(5)), true);
        store.create(&all).await.unwrap();
        let worker = WorkerId::generate();
        for n in [3, 4, 5] {
            let only = Claim { worker, limit: 1, only: Some(id(n)), take_over: false };
            store.claim(only).await.unwrap();
        }
        for n in [4, 5] {
            assert!(store.release(worker, id(n), Release::Park { until: None, seq: 0 }).await.unwrap());
        }
        give_up(&store, id(6), "no").await;
        for (n, status) in [
            (7, ExecutionStatus::Completed),
            (8, ExecutionStatus::Failed),
            (9, ExecutionStatus::Timeout),
            (10, ExecutionStatus::Cancelled),
        ] {
            end(&store, id(n), status, 40).await;
        }
        let counts = queue.counts().await.unwrap();
        let shown = serde_json::to_value(counts).unwrap();
        assert_eq!(
            shown,
            json!({ "waiting": 2, "active": 1, "completed": 1, "failed": 2, "delayed": 1, "paused": 0,
                "prioritized": 1, "waitingChildren": 1, "parked": 1, "dead": 1, "total": 11 })
        );
        queue.pause().await.unwrap();
        let paused = queue.counts().await.unwrap();
        assert_eq!((paused.waiting, paused.prioritized, paused.paused), (0, 0, 3));
        let speed = queue.throughput().await.unwrap();
        assert_eq!((speed.completed, speed.failed, speed.avg_processing_time_ms), (1, 2, 40));
        assert!(
            (speed.success_rate - 1.0 / 3.0).abs() < 1e-9
                && (speed.throughput_per_minute - 0.05).abs() < 1e-9
        );
    })
    .await;
}

#[tokio::test]
async fn what_ended_long_ago_is_not_counted() {
    let clock = ManualClock::new();
    on_each_store_with(
        |settings| settings.clock(clock.clone()),
        async |store| {
            store.create(&[execution(1), execution(2)]).await.unwrap();
            end(&store, id(1), ExecutionStatus::Completed, 1).await;
            end(&store, id(2), ExecutionStatus::Failed, 1).await;
            let counts = async || {
                let (counts, speed) =
                    (store.queue().counts().await.unwrap(), store.queue().throughput().await.unwrap());
                (counts.completed, counts.failed, speed.completed, speed.failed)
            };
            assert_eq!(counts().await, (1, 1, 1, 1));
            clock.advance(Duration::from_secs(60 * 60));
            assert_eq!(counts().await, (1, 1, 0, 0));
            assert!((store.queue().throughput().await.unwrap().success_rate - 1.0).abs() < 1e-9);
            clock.advance(Duration::from_secs(23 * 60 * 60));
            assert_eq!(counts().await, (0, 1, 0, 0));
            clock.advance(Duration::from_secs(6 * 24 * 60 * 60));
            assert_eq!(counts().await, (0, 0, 0, 0));
        },
    )
    .await;
}

#[tokio::test]
async fn counting_what_ended_reads_an_index_and_not_the_history() {
    on_each_store(async |store| {
        let explain = match store.lease() {
            None => {
                "explain query plan select 1 as one from executions
                where status in ('failed', 'timeout') and completed_at > $1
                order by completed_at desc limit 5"
            }
            Some(_) => return,
        };
        let rows = store.database().fetch_all(explain, args![store.now()]).await.unwrap();
        let plan: String = rows.iter().map(|row| row.get::<String>("detail").unwrap()).collect();
        assert!(plan.contains("executions_failed"), "{plan}");
        let explain = "explain query plan select status, count(*) as n, min(completed_at) as oldest from (
                select status, completed_at from executions
                where completed_at > $1 and completed_at is not null
                order by completed_at desc limit $2) as e
            group by status";
        let rows = store.database().fetch_all(explain, args![store.now(), 5]).await.unwrap();
        let plan: String = rows.iter().map(|row| row.get::<String>("detail").unwrap()).collect();
        assert!(plan.contains("COVERING INDEX executions_completed"), "{plan}");
    })
    .await;
}

#[tokio::test]
async fn the_health_knows_who_works() {
    on_each_store(async |store| {
        let health = async || {
            let health = store.queue().health().await;
            (health.status, health.has_worker, health.worker_running, health.issues)
        };
        assert_eq!(
            health().await,
            (HealthStatus::Degraded, false, false, vec!["there is no worker".to_owned()])
        );
        let engine = Engine::builder().store(store.clone()).build();
        engine.work(WorkOptions::new()).unwrap();
        assert!(engine.is_working());
        while store.workers().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(health().await, (HealthStatus::Healthy, true, true, vec![]));
        engine.shutdown(PATIENCE).await;
        assert!(!engine.is_working());
        let stopped = vec!["no worker is running".to_owned()];
        assert_eq!(health().await, (HealthStatus::Degraded, true, false, stopped));
        store.close().await;
        let (status, .., issues) = health().await;
        assert_eq!((status, issues.len()), (HealthStatus::Unknown, 1));
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_was_not_heard_of_for_a_lease_does_not_run() {
    let clock = ManualClock::new();
    on_each_store_with(
        |settings| settings.clock(clock.clone()),
        async |store| {
            let Some(lease) = store.lease() else { return };
            let worker = WorkerId::generate();
            store.at_work(worker, true).await.unwrap();
            clock.advance(lease - Duration::from_millis(1));
            assert!(store.workers().await.unwrap()[0].is_running);
            clock.advance(Duration::from_millis(1));
            assert!(!store.workers().await.unwrap()[0].is_running);
            clock.advance(Duration::from_secs(3601));
            store.at_work(WorkerId::generate(), true).await.unwrap();
            assert!(store.workers().await.unwrap().iter().all(|known| known.id != worker), "it is forgotten");
        },
    )
    .await;
}

#[tokio::test]
async fn what_was_given_up_is_listed_and_tried_again() {
    on_each_store(async |store| {
        let mut all: Vec<_> = (1..=3).map(execution).collect();
        all[0].inputs = std::sync::Arc::new(json!({ "n": 1, "text": "x".repeat(9000) }));
        all[0].name = Some("main".into());
        all[0].trigger_data = json!({ "why": "because" });
        store.create(&all).await.unwrap();
        for n in 1..=3 {
            give_up(&store, id(n), &format!("no agent {n}")).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let queue = store.queue();
        let page = PageRequest { page_size: 2, direction: Direction::Ascending, ..PageRequest::default() };
        let first = queue.dead_letters(page).await.unwrap();
        assert_eq!((first.total, first.items.len()), (3, 2));
        let letter = &first.items[0];
        assert_eq!((letter.execution, &*letter.error, letter.attempts), (id(1), "no agent 1", 1));
        assert_eq!((letter.workflow_name.as_deref(), &letter.inputs), (Some("main"), &*all[0].inputs));
        assert_eq!((letter.origin, &*letter.trigger_type), ("agent-execution", "manual"));
        assert_eq!(letter.trigger_data, json!({ "why": "because" }));
        assert!(letter.failed_at >= letter.created_at);
        let last = queue.dead_letters(PageRequest { page: 2, ..page }).await.unwrap();
        assert_eq!(last.items.iter().map(|letter| letter.execution).collect::<Vec<_>>(), [id(3)]);
        assert!(queue.dead_letters(PageRequest { page: 0, ..page }).await.is_err());

        assert!(queue.requeue(id(2)).await.unwrap());
        assert!(!queue.requeue(id(2)).await.unwrap(), "it is not there any more");
        let worker = WorkerId::generate();
        let claim = Claim { worker, limit: 9, only: None, take_over: false };
        let job = store.claim(claim).await.unwrap().jobs[0];
        assert_eq!((job.execution, job.failures, job.stalls), (id(2), 0, 0), "as often as a new one");
        assert_eq!(queue.requeue_all().await.unwrap(), 2);
        assert_eq!(store.claim(claim).await.unwrap().jobs.len(), 2);
        assert_eq!(queue.dead_letters(page).await.unwrap().total, 0);
    })
    .await;
}

const PARENT: &str = "
name: parent
steps:
  child: { workflow: child, onError: continue }
  last: { agent: a, dependsOn: child, needs: finished, inputs: { n: 1 } }
";
const CHILD: &str = "
name: child
steps:
  grandchild: { workflow: grandchild }
";
const GRANDCHILD: &str = "
name: grandchild
steps: { go: { wait: { signal: go } } }
";

fn family(agent: &ScriptedAgent, store: &Store) -> Engine {
    let read = |yaml| Workflow::from_yaml(yaml).unwrap();
    let builder = Engine::builder().agent("a", agent.clone()).store(store.clone());
    let builder = builder.workflow("parent", read(PARENT)).workflow("child", read(CHILD));
    builder.workflow("grandchild", read(GRANDCHILD)).build()
}

/// The one execution of a workflow, when it is there.
async fn find(store: &Store, workflow: &str, status: &str) -> ExecutionId {
    let text = "select x.id from executions as x where workflow_name = $1 and status = $2";
    loop {
        let row = store.database().fetch_optional(text, args![workflow, status]).await.unwrap();
        if let Some(row) = row {
            return row.get("id").unwrap();
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_purged_execution_ends_as_failed_and_its_parent_does_not_wait_for_ever() {
    on_each_store(async |store| {
        let agent = ScriptedAgent::new().echo();
        let engine = family(&agent, &store);
        let parent = engine.enqueue("parent", Value::Null, Enqueue::new()).await.unwrap();
        engine.work(WorkOptions::new()).unwrap();
        let grandchild = find(&store, "grandchild", "running").await;
        let child = find(&store, "child", "running").await;
        // Its worker gives it up: nobody could drive it.
        engine.shutdown(Duration::ZERO).await;
        give_up(&store, child, "it kills its workers").await;
        assert!(!store.queue().purge(parent).await.unwrap(), "it was not given up");
        assert!(store.queue().purge(child).await.unwrap());
        assert!(!store.queue().purge(child).await.unwrap());
        let engine = family(&agent, &store);
        engine.work(WorkOptions::new()).unwrap();

        let execution = engine.wait(parent).await.unwrap();
        assert_eq!(execution.step_output("last"), Some(&json!({ "n": 1 })), "it went on without its child");
        assert_eq!(execution.step_output("child"), None);
        let execution = engine.wait(child).await.unwrap();
        assert_eq!(execution.status(), ExecutionStatus::Failed);
        assert_eq!(execution.failure().unwrap().message, "it was given up: it kills its workers");
        let error = engine.resume(child).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotWaiting);
        assert!(error.to_string().contains("was ended as failed: it was given up"), "{error}");
        // What it waited for is not needed any more.
        assert_eq!(engine.wait(grandchild).await.unwrap().status(), ExecutionStatus::Cancelled);
        assert_eq!(engine.unfinished().await.unwrap(), []);
        engine.shutdown(PATIENCE).await;
    })
    .await;
}

#[tokio::test]
async fn all_that_were_given_up_are_purged_and_nothing_else() {
    on_each_store(async |store| {
        store.create(&(1..=150).map(execution).collect::<Vec<_>>()).await.unwrap();
        for n in 1..=140 {
            give_up(&store, id(n), "no").await;
        }
        assert_eq!(store.queue().purge_all().await.unwrap(), 140);
        assert_eq!(store.queue().purge_all().await.unwrap(), 0);
        let counts = store.queue().counts().await.unwrap();
        assert_eq!((counts.dead, counts.failed, counts.waiting), (0, 140, 10));
    })
    .await;
}

#[tokio::test]
async fn what_waits_and_was_not_begun_can_be_discarded() {
    on_each_store(async |store| {
        let mut all: Vec<_> = (1..=5).map(execution).collect();
        all[0].not_before = Some(store.now().after(Duration::from_secs(60)));
        store.create(&all).await.unwrap();
        let worker = WorkerId::generate();
        let only = |n| Claim { worker, limit: 1, only: Some(id(n)), take_over: false };
        store.claim(only(2)).await.unwrap();
        store.claim(only(3)).await.unwrap();
        let event = json!({ "seq": 1, "at": 0, "type": "made up" });
        store.commit(Commit::new(id(3), 0, &[event])).await.unwrap();
        assert!(store.release(worker, id(3), Release::Ready).await.unwrap());
        assert_eq!(store.queue().discard_waiting(false, "a clean table").await.unwrap(), 2);
        let recorded = store.load(id(4)).await.unwrap().unwrap();
        assert_eq!(
            (recorded.status, recorded.error.as_deref()),
            (ExecutionStatus::Cancelled, Some("a clean table"))
        );
        let counts = store.queue().counts().await.unwrap();
        assert_eq!((counts.waiting, counts.active, counts.delayed), (1, 1, 1));
        assert_eq!(store.queue().discard_waiting(true, "a clean table").await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_job_says_where_its_execution_is() {
    let clock = ManualClock::new();
    let body = async |store: Store| {
        let now = clock.now();
        let later = now.after(Duration::from_secs(60));
        let mut all: Vec<_> = (1..=5).map(execution).collect();
        all[0].not_before = Some(later);
        all[1].priority = -3;
        store.create(&all).await.unwrap();
        let worker = WorkerId::generate();
        for n in [3, 4] {
            let only = Claim { worker, limit: 1, only: Some(id(n)), take_over: false };
            store.claim(only).await.unwrap();
        }
        assert!(store.release(worker, id(4), Release::Park { until: Some(later), seq: 0 }).await.unwrap());
        give_up(&store, id(5), "no agent").await;
        let queue = store.queue();
        let mut states = Vec::new();
        for n in 1..=5 {
            states.push(queue.job(id(n)).await.unwrap().unwrap().state);
        }
        use JobState::{Active, Dead, Delayed, Parked, Waiting};
        let expected = [Delayed(later), Waiting(now), Active(worker), Parked(Some(later)), Dead(now)];
        assert_eq!(states, expected);
        let job = queue.job(id(5)).await.unwrap().unwrap();
        assert_eq!((job.failures, job.error.as_deref(), job.created_at), (1, Some("no agent"), now));
        assert_eq!(queue.job(id(2)).await.unwrap().unwrap().priority, -3);
        assert_eq!(queue.job(id(6)).await.unwrap(), None);

        for (n, gone) in [(1, true), (2, true), (3, false), (4, false), (5, true)] {
            assert_eq!(queue.discard(id(n), "not needed").await.unwrap(), gone, "{n}");
            assert_eq!(queue.job(id(n)).await.unwrap().is_none(), gone, "{n}");
        }
        assert_eq!(store.load(id(5)).await.unwrap().unwrap().status, ExecutionStatus::Cancelled);
    };
    on_each_store_with(|settings| settings.clock(clock.clone()), body).await;
}

#[tokio::test]
async fn a_drained_queue_holds_nothing_and_keeps_what_waits() {
    on_each_store(async |store| {
        let agent = ScriptedAgent::new().any_step().then_held(1);
        let workflow = Workflow::from_yaml("steps: { a: { agent: a } }").unwrap();
        let engine = Engine::builder().agent("a", agent.clone()).store(store.clone()).build();
        let held = engine.enqueue(&workflow, json!({}), Enqueue::new()).await.unwrap();
        engine.work(WorkOptions::new()).unwrap();
        agent.until_called(1).await;
        assert!(!store.queue().drain(Duration::from_millis(20)).await.unwrap());
        let waiting = engine.enqueue(&workflow, json!({}), Enqueue::new()).await.unwrap();
        let draining = {
            let store = store.clone();
            tokio::spawn(async move { store.queue().drain(PATIENCE).await })
        };
        agent.release();
        assert!(draining.await.unwrap().unwrap());
        assert!(engine.wait(held).await.unwrap().is_completed());
        let counts = store.queue().counts().await.unwrap();
        assert_eq!((counts.active, counts.paused), (0, 1));
        assert_eq!(store.load(waiting).await.unwrap().unwrap().status, ExecutionStatus::Pending);
        store.queue().resume().await.unwrap();
        agent.until_called(2).await;
        agent.release();
        engine.shutdown(Duration::ZERO).await;
    })
    .await;
}

#[tokio::test]
async fn a_place_of_a_workflow_that_becomes_free_is_taken_by_the_next() {
    on_each_store(async |store| {
        store.queue().set_limit(LimitKind::Workflow, "one", 1).await.unwrap();
        let agent = ScriptedAgent::new().step("a").then_held(1).any_step().otherwise(1);
        let workflow = Workflow::from_yaml("name: one\nsteps: { a: { agent: a } }").unwrap();
        let engine = Engine::builder().agent("a", agent.clone()).store(store.clone()).build();
        // Not claimed, but started here: it takes the place all the same.
        let started = engine.start(&workflow, json!({})).unwrap();
        agent.until_called(1).await;
        let next = engine.enqueue(&workflow, json!({}), Enqueue::new()).await.unwrap();
        engine.work(WorkOptions::new()).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(agent.calls().len(), 1);
        agent.release();
        assert!(started.wait().await.unwrap().is_completed());
        assert!(engine.wait(next).await.unwrap().is_completed());
        engine.shutdown(PATIENCE).await;
    })
    .await;
}
