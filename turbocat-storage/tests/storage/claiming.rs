//! Which executions a worker is given, as the store decides it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::testing::ManualClock;
use turbocat_core::{
    Claim, Claimed, Commit, Definition, ExecutionId, Hint, Job, Journal, NewExecution, Release, Standing,
    WorkerId,
};
use turbocat_storage::Store;
use turbocat_storage::queue::{LimitKind, RateLimit};
use turbocat_storage::testing::on_each_store_with;

/// A body on each store with a clock that is turned by hand; leases are 30 s.
async fn on_each(body: impl AsyncFn(Store, &ManualClock)) {
    let clock = ManualClock::new();
    on_each_store_with(|settings| settings.clock(clock.clone()), async |store| body(store, &clock).await)
        .await;
}

/// An execution of a workflow that stands at its beginning, the n-th.
pub(crate) fn execution(n: u128) -> NewExecution {
    let id = ExecutionId::from_uuid(uuid::Uuid::from_u128(n));
    let definition = Definition::new(&json!({ "steps": { "nap": { "wait": "1ms" } } }));
    NewExecution::new(id, definition, Arc::new(Value::Null))
}

fn of(name: &str, n: u128) -> NewExecution {
    let mut new = execution(n);
    new.name = Some(name.into());
    new
}

fn claim(worker: WorkerId, limit: usize) -> Claim {
    Claim { worker, limit, only: None, take_over: false }
}

fn numbers(claimed: &Claimed) -> Vec<u128> {
    claimed.jobs.iter().map(|job| job.execution.as_uuid().as_u128()).collect()
}

async fn claims(store: &Store, limit: usize) -> Vec<u128> {
    numbers(&store.claim(claim(WorkerId::generate(), limit)).await.unwrap())
}

#[tokio::test]
async fn the_smallest_priority_goes_first_and_then_who_waited_longest() {
    on_each(async |store, clock| {
        for (n, priority) in [(4, 0), (3, 0), (2, -5), (1, 7)] {
            let mut new = execution(n);
            new.priority = priority;
            store.create(&[new]).await.unwrap();
            clock.advance(Duration::from_millis(1));
        }
        assert_eq!(claims(&store, 1).await, [2]);
        assert_eq!(claims(&store, 1).await, [4]);
        assert_eq!(claims(&store, 9).await, [3, 1]);
    })
    .await;
}

#[tokio::test]
async fn what_is_delayed_is_given_when_its_time_has_come() {
    on_each(async |store, clock| {
        let mut new = execution(1);
        new.not_before = Some(clock.now().after(Duration::from_secs(60)));
        let due = new.not_before;
        store.create(&[new]).await.unwrap();
        let claimed = store.claim(claim(WorkerId::generate(), 9)).await.unwrap();
        assert_eq!((numbers(&claimed), claimed.next_at), (vec![], due));
        clock.advance(Duration::from_millis(59_999));
        assert!(claims(&store, 9).await.is_empty());
        clock.advance(Duration::from_millis(1));
        assert_eq!(claims(&store, 9).await, [1]);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_given_from_a_paused_queue_and_what_is_held_goes_on() {
    on_each(async |store, _| {
        store.create(&[execution(1), execution(2)]).await.unwrap();
        let worker = WorkerId::generate();
        let held = store.claim(claim(worker, 1)).await.unwrap().jobs[0].execution;
        store.queue().pause().await.unwrap();
        assert!(store.queue().is_paused().await.unwrap());
        assert!(claims(&store, 9).await.is_empty());
        assert_eq!(store.renew(worker, &[held]).await.unwrap().lost, []);
        assert!(store.release(worker, held, Release::Ready).await.unwrap());
        let mut hints = store.hints();
        store.queue().resume().await.unwrap();
        assert_eq!(hints.recv().await.unwrap(), Hint::Ready, "workers are woken");
        assert_eq!(claims(&store, 9).await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn no_more_executions_of_a_workflow_are_held_than_its_limit() {
    on_each(async |store, _| {
        store.queue().set_limit(LimitKind::Workflow, "narrow", 2).await.unwrap();
        let all: Vec<_> = (1..=4).map(|n| of("narrow", n)).chain([of("wide", 5), execution(6)]).collect();
        store.create(&all).await.unwrap();
        let worker = WorkerId::generate();
        let mut first = numbers(&store.claim(claim(worker, 9)).await.unwrap());
        first.sort_unstable();
        assert_eq!((first.len(), &first[2..]), (4, &[5, 6][..]));
        assert!(claims(&store, 9).await.is_empty());
        let limits = store.queue().limits().await.unwrap();
        assert_eq!((limits.len(), &*limits[0].name, limits[0].places, limits[0].taken), (1, "narrow", 2, 2));

        let done = ExecutionId::from_uuid(uuid::Uuid::from_u128(first[0]));
        let mut hints = store.hints();
        let standing = Standing { status: turbocat_core::ExecutionStatus::Completed, ..Standing::default() };
        store.commit(Commit::new(done, 0, &[]).standing(standing)).await.unwrap();
        assert_eq!(hints.recv().await.unwrap(), Hint::Ready, "an end makes room for another");
        assert_eq!(claims(&store, 9).await.len(), 1);

        store.queue().set_limit(LimitKind::Workflow, "narrow", 0).await.unwrap();
        assert!(claims(&store, 9).await.is_empty());
        assert!(store.queue().remove_limit(LimitKind::Workflow, "narrow").await.unwrap());
        assert!(!store.queue().remove_limit(LimitKind::Workflow, "narrow").await.unwrap());
        assert_eq!(claims(&store, 9).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn no_more_executions_are_claimed_in_a_time_than_the_rate() {
    on_each(async |store, clock| {
        let queue = store.queue();
        let rate = RateLimit { jobs: 3, window: Duration::from_secs(60) };
        queue.set_rate_limit(Some(rate)).await.unwrap();
        assert_eq!(queue.rate_limit().await.unwrap(), Some(rate));
        let mut later = execution(10);
        later.not_before = Some(clock.now().after(Duration::from_secs(3600)));
        store.create(&[later]).await.unwrap();
        store.create(&(1..=8).map(execution).collect::<Vec<_>>()).await.unwrap();
        assert_eq!(claims(&store, 2).await.len(), 2);
        clock.advance(Duration::from_secs(10));
        assert_eq!(claims(&store, 2).await.len(), 1);
        let claimed = store.claim(claim(WorkerId::generate(), 9)).await.unwrap();
        let again = clock.now().after(Duration::from_secs(50)).min(claimed.next_at.unwrap());
        assert_eq!((claimed.jobs.len(), claimed.next_at), (0, Some(again)));
        assert!(again > clock.now(), "not before a lease or the window is over");
        clock.advance(Duration::from_secs(50));
        // Leases of PostgreSQL have ended meanwhile, so that those are due again as well.
        assert_eq!(claims(&store, 9).await.len(), 3);
        queue.set_rate_limit(None).await.unwrap();
        assert_eq!(queue.rate_limit().await.unwrap(), None);
        assert!(claims(&store, 20).await.len() >= 2);
        assert!(queue.set_rate_limit(Some(RateLimit { jobs: 0, ..rate })).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_worker_is_told_when_the_rate_allows_more_before_anything_else_is_due() {
    on_each(async |store, clock| {
        let rate = RateLimit { jobs: 1, window: Duration::from_secs(5) };
        store.queue().set_rate_limit(Some(rate)).await.unwrap();
        let mut later = execution(3);
        later.not_before = Some(clock.now().after(Duration::from_secs(3600)));
        store.create(&[execution(1), execution(2), later]).await.unwrap();
        let claimed = store.claim(claim(WorkerId::generate(), 9)).await.unwrap();
        assert_eq!(claimed.jobs.len(), 1);
        assert_eq!(claimed.next_at, Some(clock.now().after(Duration::from_secs(5))));
    })
    .await;
}

#[tokio::test]
async fn an_execution_whose_lease_has_ended_is_given_to_another_and_the_stall_is_counted() {
    on_each(async |store, clock| {
        let Some(lease) = store.lease() else { return };
        store.create(&[execution(1)]).await.unwrap();
        let (lost, next) = (WorkerId::generate(), WorkerId::generate());
        let id = store.claim(claim(lost, 1)).await.unwrap().jobs[0].execution;
        clock.advance(lease / 2);
        assert_eq!(store.renew(lost, &[id]).await.unwrap().lost, []);
        clock.advance(lease - Duration::from_millis(1));
        let claimed = store.claim(claim(next, 1)).await.unwrap();
        assert_eq!(
            (claimed.jobs.len(), claimed.next_at),
            (0, Some(clock.now().after(Duration::from_millis(1))))
        );
        clock.advance(Duration::from_millis(1));
        let job = |failures, stalls| vec![Job { execution: id, failures, stalls }];
        assert_eq!(store.claim(claim(next, 1)).await.unwrap().jobs, job(0, 1));
        assert_eq!(store.renew(lost, &[id]).await.unwrap().lost, [id]);
        assert!(!store.release(lost, id, Release::Ready).await.unwrap(), "it is not theirs any more");
        clock.advance(lease);
        assert_eq!(store.claim(claim(lost, 1)).await.unwrap().jobs, job(0, 2));
        // It got somewhere, so that what was before does not count any more.
        let event = json!({ "seq": 1, "at": 0, "type": "made up" });
        store.commit(Commit::new(id, 0, &[event])).await.unwrap();
        clock.advance(lease);
        assert_eq!(store.claim(claim(next, 1)).await.unwrap().jobs, job(0, 0));
    })
    .await;
}

#[tokio::test]
async fn failures_count_until_it_is_given_up_and_then_nobody_is_given_it() {
    on_each(async |store, clock| {
        store.create(&[execution(1)]).await.unwrap();
        let worker = WorkerId::generate();
        let id = store.claim(claim(worker, 1)).await.unwrap().jobs[0].execution;
        let retry_in = Some(Duration::from_secs(1));
        let release = Release::Failed { error: "no agent".to_owned(), retry_in };
        assert!(store.release(worker, id, release).await.unwrap());
        assert!(claims(&store, 1).await.is_empty());
        clock.advance(Duration::from_secs(1));
        let job = store.claim(claim(worker, 1)).await.unwrap().jobs[0];
        assert_eq!((job.failures, job.stalls), (1, 0));
        let release = Release::Failed { error: "no agent".to_owned(), retry_in: None };
        assert!(store.release(worker, id, release).await.unwrap());
        clock.advance(Duration::from_secs(3600));
        let claimed = store.claim(claim(worker, 1)).await.unwrap();
        assert_eq!((claimed.jobs.len(), claimed.next_at), (0, None));
        let only = Claim { only: Some(id), ..claim(worker, 1) };
        assert_eq!(store.claim(only).await.unwrap().jobs[0].failures, 2, "unless it is asked for by name");
    })
    .await;
}
