//! How much is done at once: limits of agents over executions, of executions, of threads.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use turbocat_core::testing::{CallEnd, ManualClock, ScriptedAgent};
use turbocat_core::{Engine, Secrets, StepFailure, Workflow, agent_fn};

fn workflow(yaml: &str) -> Workflow {
    Workflow::from_yaml(yaml).unwrap()
}

/// Lets everything go on that can.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_agent_is_at_no_more_attempts_than_it_allows_over_all_executions() {
    let agent = ScriptedAgent::new().otherwise_hang().max_concurrent(2);
    let engine = Engine::builder().agent("a", agent.clone()).build();
    let plan = engine.compile(&workflow("steps: { x: { agent: a }, y: { agent: a } }")).unwrap();
    let handles: Vec<_> = (0..3).map(|_| engine.start(&plan, json!({})).unwrap()).collect();
    for done in [2, 4, 6] {
        agent.until_called(done).await;
        settle().await;
        assert_eq!(agent.calls().len(), done, "no more are asked while two are at it");
        agent.release();
    }
    for handle in handles {
        assert!(handle.wait().await.unwrap().is_completed());
    }
}

#[tokio::test]
async fn a_cancelled_attempt_in_the_queue_is_never_begun_and_gives_its_place_away() {
    let agent = ScriptedAgent::new().then_hang().otherwise(1).max_concurrent(1);
    let engine = Engine::builder().agent("a", agent.clone()).build();
    let plan = engine.compile(&workflow("steps: { x: { agent: a } }")).unwrap();
    let first = engine.start(&plan, json!({})).unwrap();
    agent.until_hanging(1).await;
    let second = engine.start(&plan, json!({})).unwrap();
    let third = engine.start(&plan, json!({})).unwrap();
    settle().await;
    second.cancel("not needed").await.unwrap();
    agent.release();
    assert!(first.wait().await.unwrap().is_completed());
    assert!(third.wait().await.unwrap().is_completed());
    assert_eq!(agent.calls().len(), 2);
}

struct Vault;

#[async_trait]
impl Secrets for Vault {
    async fn secret(&self, _: &str) -> Option<String> {
        Some("hunter2".to_owned())
    }
}

async fn queued(inputs: &str) {
    let clock = ManualClock::new();
    let agent = ScriptedAgent::new().otherwise_hang().max_concurrent(1);
    let engine = Engine::builder().agent("a", agent.clone()).clock(clock.clone()).secrets(Vault).build();
    let yaml = format!("steps: {{ x: {{ agent: a, timeout: 10s, inputs: {inputs} }} }}");
    let plan = engine.compile(&workflow(&yaml)).unwrap();
    let first = engine.start(&plan, json!({})).unwrap();
    agent.until_hanging(1).await;
    let second = engine.start(&plan, json!({})).unwrap();
    settle().await;
    clock.advance(Duration::from_secs(9));
    settle().await;
    agent.release();
    assert!(first.wait().await.unwrap().is_completed());
    agent.until_called(2).await;
    settle().await;
    clock.advance(Duration::from_secs(9));
    settle().await;
    assert_eq!(agent.calls()[1].end, CallEnd::Open, "its time began when it did, 9 s ago");
    clock.advance(Duration::from_secs(1));
    let execution = second.wait().await.unwrap();
    assert_eq!(execution.failure().unwrap().message, "step `x` failed: the attempt timed out after 10s");
    assert_eq!(agent.calls()[1].end, CallEnd::Dropped);
}

#[tokio::test]
async fn the_time_limit_of_an_attempt_does_not_count_the_queue() {
    queued("{}").await;
}

#[tokio::test]
async fn the_time_limit_of_an_attempt_with_secrets_does_not_count_the_queue_either() {
    queued("{ key: '{{ secrets.KEY }}' }").await;
}

#[tokio::test]
async fn an_execution_does_no_more_at_once_than_it_may() {
    let agent = ScriptedAgent::new().otherwise_hang();
    let engine = Engine::builder().agent("a", agent.clone()).build();
    let yaml = "
maxParallel: 2
steps: { v: { agent: a }, w: { agent: a }, x: { agent: a }, y: { agent: a }, z: { agent: a } }
";
    let handle = engine.start(workflow(yaml), json!({})).unwrap();
    agent.until_hanging(2).await;
    settle().await;
    assert_eq!(agent.calls().len(), 2);
    for step in ["v", "w", "x", "y", "z"] {
        agent.until_called(agent.calls().len()).await;
        agent.release_step(step);
        settle().await;
        assert!(agent.hanging() <= 2);
    }
    assert!(handle.wait().await.unwrap().is_completed());
}

/// Busy for longer than anything the engine does by itself: it learns that the agent is slow.
fn spin() {
    let until = std::time::Instant::now() + Duration::from_millis(5);
    while std::time::Instant::now() < until {
        std::hint::spin_loop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_that_keep_a_thread_busy_use_all_threads() {
    let barrier = Arc::new(Barrier::new(2));
    let engine = Engine::builder()
        .agent(
            "busy",
            agent_fn(move |input: Value| {
                let barrier = barrier.clone();
                async move {
                    spin();
                    if input["meet"] == true {
                        // Ends only if another attempt is here at the same time.
                        barrier.wait();
                    }
                    Ok(Value::Null)
                }
            }),
        )
        .build();
    let yaml = "
steps:
  first: { agent: busy }
  second: { agent: busy, dependsOn: first }
  left: { agent: busy, dependsOn: second, inputs: { meet: true } }
  right: { agent: busy, dependsOn: second, inputs: { meet: true } }
";
    let handle = engine.start(workflow(yaml), json!({})).unwrap();
    assert!(handle.wait().await.unwrap().is_completed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_do_agents_that_are_busy_before_they_give_their_future() {
    let barrier = Arc::new(Barrier::new(2));
    let engine = Engine::builder()
        .agent(
            "busy",
            agent_fn(move |input: Value| {
                spin();
                if input["meet"] == true {
                    barrier.wait();
                }
                async { Ok(Value::Null) }
            }),
        )
        .build();
    let yaml = "
steps:
  first: { agent: busy }
  second: { agent: busy, dependsOn: first }
  left: { agent: busy, dependsOn: second, inputs: { meet: true } }
  right: { agent: busy, dependsOn: second, inputs: { meet: true } }
";
    let handle = engine.start(workflow(yaml), json!({})).unwrap();
    assert!(handle.wait().await.unwrap().is_completed());
}

#[tokio::test]
async fn a_panic_is_the_failure_of_its_step_wherever_it_happens() {
    let engine = Engine::builder()
        .agent(
            "before",
            agent_fn(|_: Value| {
                if true {
                    panic!("no future")
                }
                async { Ok(Value::Null) }
            }),
        )
        .agent(
            "inside",
            agent_fn(|_: Value| async {
                if true {
                    panic!("in {}", "the middle")
                }
                Ok(Value::Null)
            }),
        )
        .agent(
            "later",
            agent_fn(|_: Value| async {
                tokio::task::yield_now().await;
                if true {
                    std::panic::panic_any(7);
                }
                Ok(Value::Null)
            }),
        )
        .agent("scripted", ScriptedAgent::new().then_panic("by the script").max_concurrent(1))
        .agent("fine", agent_fn(|_: Value| async { Ok(Value::Null) }))
        .build();
    let check = async |agent: &str, expected: &str| {
        let yaml = format!("steps: {{ s: {{ agent: {agent}, onError: continue }}, t: {{ agent: fine }} }}");
        let execution = engine.start(workflow(&yaml), json!({})).unwrap().wait().await.unwrap();
        let step = execution.steps().next().unwrap();
        let failure: StepFailure = step.failure.unwrap();
        assert_eq!((failure.kind.as_str(), &*failure.message), ("panic", expected));
        assert!(!failure.retryable);
    };
    check("before", "the agent panicked: no future").await;
    check("inside", "the agent panicked: in the middle").await;
    check("later", "the agent panicked: no message").await;
    check("scripted", "the agent panicked: by the script").await;
}

#[tokio::test]
async fn an_agent_of_one_execution_leaves_another_in_peace_after_a_panic() {
    let first = Arc::new(AtomicBool::new(true));
    let engine = Engine::builder()
        .agent(
            "once",
            agent_fn(move |_: Value| {
                assert!(!first.swap(false, Ordering::SeqCst), "the first call");
                async { Ok(Value::Null) }
            })
            .max_concurrent(1),
        )
        .build();
    let plan = engine.compile(&workflow("steps: { s: { agent: once } }")).unwrap();
    assert!(engine.run(&plan, json!({})).await.is_err());
    assert!(engine.run(&plan, json!({})).await.is_ok(), "its place was given back");
}
