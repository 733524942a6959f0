//! An execution from outside: paused, watched, dropped; and the engine shut down.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use turbocat_core::testing::{CallEnd, ManualClock, ScriptedAgent, check_journal};
use turbocat_core::{
    Engine, ErrorKind, Event, Events, ExecutionStatus, Fact, Journal, MemoryJournal, StepStatus, WorkOptions,
    Workflow,
};

fn workflow(yaml: &str) -> Workflow {
    Workflow::from_yaml(yaml).unwrap()
}

async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

async fn rest(mut events: Events) -> Vec<Event> {
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        seen.push(event);
    }
    seen
}

#[tokio::test]
async fn a_paused_execution_finishes_what_it_does_and_begins_nothing() {
    let clock = ManualClock::new();
    let agent = ScriptedAgent::new().step("a").then_held(1).any_step().otherwise(2).step("r").then_fail("no");
    let engine = Engine::builder().agent("a", agent.clone()).clock(clock.clone()).build();
    let yaml = "
steps:
  a: { agent: a }
  b: { agent: a, dependsOn: a }
  r: { agent: a, retry: { max: 1, delay: 5s, jitter: 0 } }
";
    let handle = engine.start(workflow(yaml), json!({})).unwrap();
    let plan = handle.plan().clone();
    let events = handle.events();
    agent.until_called(2).await;
    handle.pause("lunch").await.unwrap();
    assert_eq!(handle.pause("again").await.unwrap_err().kind(), ErrorKind::NotWaiting);
    agent.release();
    settle().await;
    clock.advance(Duration::from_mins(1));
    settle().await;
    let steps = handle.steps().await;
    let stands: Vec<StepStatus> = steps.iter().map(|step| step.status).collect();
    assert_eq!(stands, [StepStatus::Completed, StepStatus::Ready, StepStatus::Retrying]);
    assert_eq!(handle.explain("b").await.unwrap().cause, "the execution is paused");
    assert_eq!(agent.calls().len(), 2);
    handle.resume().await.unwrap();
    let execution = handle.wait().await.unwrap();
    assert!(execution.is_completed());
    assert_eq!(agent.calls().len(), 4);
    assert_eq!(check_journal(&plan, &rest(events).await), Vec::<String>::new());
}

#[tokio::test]
async fn an_ended_execution_cannot_be_steered() {
    let engine = Engine::builder().build();
    let handle = engine.start(workflow("steps: { a: { type: agent } }"), json!({})).unwrap();
    rest(handle.events()).await;
    for told in [
        handle.pause("x").await,
        handle.resume().await,
        handle.cancel("x").await,
        handle.signal("x", 1).await,
    ] {
        assert_eq!(told.unwrap_err().kind(), ErrorKind::NotWaiting);
    }
    assert!(handle.steps().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_who_watches_sees_every_event_once_from_where_they_asked() {
    let agent = ScriptedAgent::new().step("last").then_held(1).any_step().otherwise(1);
    let engine = Engine::builder().agent("a", agent.clone()).build();
    let yaml = "
steps:
  each: { loop: '{{ range(50) | list }}', maxParallel: 7, steps: { s: { agent: a } } }
  last: { agent: a, dependsOn: each }
";
    let handle = engine.start(workflow(yaml), json!({})).unwrap();
    let plan = handle.plan().clone();
    let early: Vec<_> =
        [0, 0, 3, 100, 100_000].map(|seq| (seq, tokio::spawn(rest(handle.events_after(seq))))).into();
    agent.until_hanging(1).await;
    let middle = tokio::spawn(rest(handle.events()));
    agent.release();
    let late = handle.events();
    assert!(handle.wait().await.unwrap().is_completed());
    let all = rest(late).await;
    assert_eq!(check_journal(&plan, &all), Vec::<String>::new());
    assert_eq!(middle.await.unwrap(), all);
    for (seq, seen) in early {
        let from = all.len().min(seq as usize);
        assert_eq!(seen.await.unwrap(), all[from..], "after {seq}");
    }
}

#[tokio::test]
async fn an_execution_goes_on_without_its_handle() {
    let agent = ScriptedAgent::new().then_held(1).otherwise(2);
    let engine = Engine::builder().agent("a", agent.clone()).build();
    let handle =
        engine.start(workflow("steps: { a: { agent: a }, b: { agent: a, dependsOn: a } }"), json!({}));
    let events = handle.unwrap().events();
    agent.until_hanging(1).await;
    agent.release();
    let last = rest(events).await.pop().unwrap();
    assert!(matches!(last.fact, Fact::ExecutionEnded { status: ExecutionStatus::Completed, .. }));
}

#[tokio::test]
async fn dropping_a_run_stops_its_work_and_that_of_its_nested_workflows() {
    let agent = ScriptedAgent::new().otherwise_hang();
    let engine = Engine::builder()
        .agent("a", agent.clone())
        .workflow("child", workflow("steps: { inner: { agent: a } }"))
        .build();
    let parent = workflow("steps: { a: { agent: a }, c: { workflow: child } }");
    let mut run = Box::pin(engine.run(&parent, json!({})));
    tokio::select! {
        _ = &mut run => unreachable!(),
        () = agent.until_hanging(2) => {}
    }
    drop(run);
    agent.until_hanging(0).await;
    assert!(agent.calls().iter().all(|call| call.end == CallEnd::Dropped));
    settle().await;
    assert_eq!(engine.active(), 0);
}

#[tokio::test]
async fn a_shutdown_waits_for_executions_and_what_they_still_start_and_takes_no_others() {
    let agent = ScriptedAgent::new().then_held(1).otherwise(2);
    let engine = Engine::builder()
        .agent("a", agent.clone())
        .workflow("child", workflow("steps: { inner: { agent: a } }"))
        .clock(ManualClock::new())
        .build();
    let parent = workflow("steps: { a: { agent: a }, c: { workflow: child, dependsOn: a } }");
    let handle = engine.start(&parent, json!({})).unwrap();
    agent.until_hanging(1).await;
    let shutdown = tokio::spawn({
        let engine = engine.clone();
        async move { engine.shutdown(Duration::from_secs(10)).await }
    });
    settle().await;
    assert_eq!(engine.start(&parent, json!({})).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(engine.run(&parent, json!({})).await.unwrap_err().kind(), ErrorKind::Closed);
    assert!(!shutdown.is_finished());
    agent.release();
    let execution = handle.wait().await.unwrap();
    assert!(execution.is_completed(), "{execution:?}");
    assert!(shutdown.await.unwrap(), "nothing had to be stopped");
}

#[tokio::test]
async fn a_shutdown_that_loses_patience_cancels_what_is_in_memory() {
    let clock = ManualClock::new();
    let agent = ScriptedAgent::new().otherwise_hang();
    let engine = Engine::builder().agent("a", agent.clone()).clock(clock.clone()).build();
    let handle = engine.start(workflow("steps: { a: { agent: a } }"), json!({})).unwrap();
    agent.until_hanging(1).await;
    let shutdown = tokio::spawn({
        let engine = engine.clone();
        async move { engine.shutdown(Duration::from_secs(10)).await }
    });
    clock.until_sleeping(1).await;
    clock.advance(Duration::from_secs(9));
    settle().await;
    assert!(!shutdown.is_finished());
    clock.advance(Duration::from_secs(1));
    assert!(!shutdown.await.unwrap(), "something had to be stopped");
    assert_eq!(handle.wait().await.unwrap().status(), ExecutionStatus::Cancelled);
    assert_eq!(agent.hanging(), 0);
}

#[test]
fn a_shutdown_stops_an_execution_that_never_waits() {
    let clock = ManualClock::new();
    let engine = Engine::builder().agent("a", ScriptedAgent::new().otherwise(1)).clock(clock.clone()).build();
    let yaml =
        "steps: { each: { loop: '{{ range(50000) | list }}', maxParallel: 4, steps: { s: { agent: a } } } }";
    let status = clock.block_on(async {
        let handle = engine.start(workflow(yaml), json!({})).unwrap();
        let mut events = handle.events();
        while events.next().await.unwrap().seq < 1_000 {}
        engine.shutdown(Duration::ZERO).await;
        handle.wait().await.unwrap().status()
    });
    assert_eq!(status, ExecutionStatus::Cancelled);
}

#[tokio::test]
async fn a_shutdown_leaves_durable_executions_for_the_next_engine() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let agent = ScriptedAgent::new().then_hang().otherwise("done");
    let build = || {
        let engine = Engine::builder().agent("a", agent.clone()).shared_store(journal.clone());
        engine
            .workflow(
                "child",
                workflow("steps: { inner: { agent: a, onLost: fail, retry: { max: 1, on: [lost] } } }"),
            )
            .clock(ManualClock::new())
    };
    let engine = build().build();
    let parent = workflow("steps: { c: { workflow: child } }");
    let handle = engine.start(&parent, json!({})).unwrap();
    let id = handle.id();
    agent.until_hanging(1).await;
    assert!(!engine.shutdown(Duration::ZERO).await);
    assert_eq!(handle.wait().await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(engine.resume(id).await.unwrap_err().kind(), ErrorKind::Closed);

    let clock = ManualClock::new();
    let next = build().clock(clock.clone()).build();
    assert_eq!(next.unfinished().await.unwrap(), [id]);
    let handle = next.resume(id).await.unwrap();
    clock.until_sleeping(1).await;
    clock.advance_to_next();
    assert_eq!(handle.wait().await.unwrap().output(), &json!({ "c": { "inner": "done" } }));
}

#[tokio::test]
async fn a_waiting_execution_is_parked_when_there_is_somebody_to_take_it_up_and_nobody_watches() {
    let clock = ManualClock::new();
    let agent = ScriptedAgent::new().any_step().otherwise(1);
    let engine = Engine::builder()
        .agent("a", agent)
        .store(MemoryJournal::with_clock(clock.clone()))
        .clock(clock.clone())
        .build();
    let yaml = "steps: { ask: { wait: { signal: go } }, last: { agent: a, dependsOn: ask } }";
    let handle = engine.start(workflow(yaml), json!({})).unwrap();
    let id = handle.id();
    let stays = async || {
        settle().await;
        clock.advance(Duration::from_secs(3));
        settle().await;
        engine.active()
    };
    assert_eq!(stays().await, 1, "nobody would take it up");
    engine.work(WorkOptions::new()).unwrap();
    assert_eq!(stays().await, 1, "it is watched");
    let mut events = handle.events();
    drop(handle);
    assert_eq!(stays().await, 1, "its events are read");
    events.next().await.unwrap();
    drop(events);
    assert_eq!(stays().await, 0);
    engine.signal(id, "go", json!(1)).await.unwrap();
    assert!(engine.wait(id).await.unwrap().is_completed());
    let unwatched = engine.start(workflow(yaml), json!({})).unwrap().id();
    assert_eq!(stays().await, 0, "nobody ever watched it");
    engine.cancel(unwatched, "enough").await.unwrap();
    assert_eq!(engine.wait(unwatched).await.unwrap().status(), ExecutionStatus::Cancelled);
}
