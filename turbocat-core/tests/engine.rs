//! The engine as a user sees it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::{
    Approval, Engine, ErrorKind, ExecutionStatus, StepFailure, StepStatus, Workflow, agent_fn,
};

fn engine() -> Engine {
    Engine::builder()
        .agent("echo", agent_fn(|input: Value| async move { Ok(input) }))
        .agent("fail", agent_fn(|_: Value| async move { Err::<Value, _>(StepFailure::error("no luck")) }))
        .agent(
            "panic",
            agent_fn(|_: Value| async move {
                if true {
                    panic!("oh no")
                }
                Ok(Value::Null)
            }),
        )
        .agent(
            "slow",
            agent_fn(|input: Value| async move {
                tokio::time::sleep(Duration::from_millis(input["ms"].as_u64().unwrap_or(20))).await;
                Ok(input)
            }),
        )
        .build()
}

async fn check(yaml: &str, inputs: Value, expected: Value) {
    let workflow = Workflow::from_yaml(yaml).unwrap();
    let engine = engine();
    let execution = engine.start(&workflow, inputs).unwrap().wait().await.unwrap();
    let mut found = json!({ "status": execution.status().word(), "output": execution.output() });
    if let Some(failure) = execution.failure() {
        found["failure"] = failure.message.clone().into();
    }
    assert_eq!(found, expected, "{yaml}");
}

#[tokio::test]
async fn a_chain_passes_values_on() {
    check(
        "steps: { a: { agent: echo, inputs: { n: '{{ inputs.n }}' } }, b: { agent: echo, inputs: { m: '{{ a.n + 1 }}' } } }",
        json!({ "n": 1 }),
        json!({ "status": "completed", "output": { "a": { "n": 1 }, "b": { "m": 2 } } }),
    )
    .await;
}

#[tokio::test]
async fn a_failed_step_stops_the_execution_and_says_why() {
    check(
        "steps: { a: { agent: fail }, b: { agent: echo, dependsOn: a } }",
        json!({}),
        json!({ "status": "failed", "output": { "a": null }, "failure": "step `a` failed: no luck" }),
    )
    .await;
}

#[tokio::test]
async fn a_panic_is_a_failure_like_any_other() {
    check(
        "steps: { a: { agent: panic, onError: continue }, b: { agent: echo } }",
        json!({}),
        json!({ "status": "failed", "output": { "a": null, "b": {} }, "failure": "step `a` failed, and the others went on" }),
    )
    .await;
}

#[tokio::test]
async fn loops_branches_and_conditions_nest() {
    check(
        "
steps:
  each:
    loop: '{{ inputs.list }}'
    as: item
    maxParallel: 2
    steps:
      odd: { condition: '{{ item % 2 == 1 }}', then: [up], else: [down] }
      up: { agent: echo, inputs: { n: '{{ item * 10 }}' } }
      down: { agent: echo, inputs: { n: '{{ -item }}' } }
      both: { agent: echo, needs: any, dependsOn: [up, down], inputs: { up: '{{ up }}', down: '{{ down }}' } }
    output: '{{ both }}'
  fork:
    parallel:
      branches:
        a: { agent: slow, inputs: { ms: 5 } }
        b: { steps: { x: { agent: echo }, y: { agent: echo, inputs: { x: '{{ x }}' } } } }
    dependsOn: each
outputs: { each: '{{ each.results }}', fork: '{{ fork }}' }
",
        json!({ "list": [1, 2] }),
        json!({ "status": "completed", "output": {
            "each": [{ "up": { "n": 10 }, "down": null }, { "up": null, "down": { "n": -2 } }],
            "fork": { "a": { "ms": 5 }, "b": { "x": {}, "y": { "x": {} } }, "parallelCompleted": true },
        } }),
    )
    .await;
}

#[tokio::test]
async fn an_execution_is_watched_steered_and_explained() {
    let workflow = Workflow::from_yaml(
        "
steps:
  ask: { wait: { approval: 'Send {{ inputs.n }}?' } }
  go: { wait: { signal: go }, dependsOn: ask }
  send: { agent: echo, inputs: { by: '{{ ask.by }}', what: '{{ go.payload }}' } }
",
    )
    .unwrap();
    let handle = engine().start(&workflow, json!({ "n": 3 })).unwrap();
    handle.signal("go", json!("now")).await.unwrap();
    let explained = handle.explain("ask").await.unwrap();
    assert_eq!(explained.cause, "it waits for a person: Send 3?");
    let wrong = handle.approve("go", Approval::default()).await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::NotWaiting);
    let yes = Approval { approved: true, by: Some("ada".into()), comment: None };
    handle.approve("ask", yes).await.unwrap();
    let mut events = handle.events();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        seen.push(event.seq);
    }
    assert_eq!(seen, (1..=seen.len() as u64).collect::<Vec<_>>());
    let execution = handle.wait().await.unwrap();
    assert_eq!(execution.output()["send"], json!({ "by": "ada", "what": "now" }));
}

#[tokio::test]
async fn cancelling_stops_the_work() {
    let alive = Arc::new(AtomicU32::new(0));
    struct Guard(Arc<AtomicU32>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let count = alive.clone();
    let engine = Engine::builder()
        .agent(
            "forever",
            agent_fn(move |_: Value| {
                count.fetch_add(1, Ordering::SeqCst);
                let guard = Guard(count.clone());
                async move {
                    std::future::pending::<()>().await;
                    drop(guard);
                    Ok(Value::Null)
                }
            }),
        )
        .build();
    let workflow = Workflow::from_yaml("steps: { a: { agent: forever }, b: { agent: forever } }").unwrap();
    let handle = engine.start(&workflow, json!({})).unwrap();
    while alive.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    handle.cancel("enough").await.unwrap();
    let execution = handle.wait().await.unwrap();
    assert_eq!(execution.status(), ExecutionStatus::Cancelled);
    assert!(execution.steps().all(|step| step.status == StepStatus::Cancelled));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_nested_workflow_gives_its_output_and_its_failure() {
    let child =
        Workflow::from_yaml("steps: { e: { agent: echo, inputs: { n: '{{ inputs.n }}' } } }").unwrap();
    let bad = Workflow::from_yaml("steps: { e: { agent: fail } }").unwrap();
    let engine = Engine::builder()
        .agent("echo", agent_fn(|input: Value| async move { Ok(input) }))
        .agent("fail", agent_fn(|_: Value| async move { Err::<Value, _>(StepFailure::error("no luck")) }))
        .workflow("child", child)
        .workflow("bad", bad)
        .workflow("self", Workflow::from_yaml("steps: { again: { workflow: self } }").unwrap())
        .build();
    let parent = Workflow::from_yaml("steps: { c: { workflow: child, inputs: { n: 7 } } }").unwrap();
    let execution = engine.run(&parent, json!({})).await.unwrap();
    assert_eq!(execution.output(), &json!({ "c": { "e": { "n": 7 } } }));
    let parent = Workflow::from_yaml("steps: { c: { workflow: bad } }").unwrap();
    let error = engine.run(&parent, json!({})).await.unwrap_err();
    let message = &error.execution().unwrap().failure().unwrap().message;
    assert_eq!(message, "step `c` failed: the nested workflow ended as failed: step `e` failed: no luck");
    let error = engine.run("self", json!({})).await.unwrap_err();
    assert!(error.to_string().contains("would be nested in itself"), "{error}");
}
