//! Agents that have other agents and workflows do something for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::testing::{ManualClock, ScriptedAgent};
use turbocat_core::{
    AttemptRequest, Engine, EngineBuilder, Enqueue, ExecutionStatus, FailureKind, MemoryJournal, StepFailure,
    WorkOptions, agent_fn, agent_fn_with,
};

use crate::usage::Spender;
use crate::workflow;

async fn ask(input: Value, request: AttemptRequest) -> Result<Value, StepFailure> {
    let agent = input["agent"].as_str().unwrap_or_default();
    let output = request.call(agent, input["give"].clone(), json!({ "loud": true }), "first").await?;
    Ok(json!({ "answer": *output.value }))
}

async fn nest(input: Value, request: AttemptRequest) -> Result<Value, StepFailure> {
    let workflow = input["workflow"].as_str().unwrap_or_default();
    let output = request.run_workflow(workflow, input["give"].clone(), "tool-1").await?;
    let calls = output.usage.as_ref().map_or(0, |usage| usage.api_calls);
    Ok(json!({ "answer": *output.value, "calls": calls }))
}

fn engine() -> EngineBuilder {
    let told = agent_fn_with(|input: Value, request| async move {
        Ok(json!({ "got": input, "config": request.config(), "key": request.idempotency_key() }))
    });
    Engine::builder()
        .agent("ask", agent_fn_with(ask))
        .agent("nest", agent_fn_with(nest))
        .agent("told", told)
        .agent("spender", Spender)
        .workflow("double", workflow("inputs: { n: integer }\nsteps: { d: { agent: told, inputs: { n: '{{ inputs.n * 2 }}' } }, s: { agent: spender } }\noutputs: '{{ d.got.n }}'"))
        .workflow("around", workflow("steps: { n: { agent: nest, inputs: { workflow: around, give: {} } } }"))
        .workflow("broken", workflow("steps: { b: { agent: ask, inputs: { agent: nobody } } }"))
}

fn step(agent: &str, inputs: &Value) -> turbocat_core::Workflow {
    turbocat_core::Workflow::from_value(&json!({
        "name": "main", "steps": { "s": { "agent": agent, "inputs": inputs } }
    }))
    .unwrap()
}

async fn failure(engine: Engine, agent: &str, inputs: Value) -> StepFailure {
    let error = engine.run(&step(agent, &inputs), json!({})).await.unwrap_err();
    let execution = error.into_execution().unwrap();
    execution.steps().find_map(|step| step.failure).unwrap()
}

#[tokio::test]
async fn an_agent_has_another_do_something_under_a_key_of_its_own() {
    let inputs = json!({ "agent": "told", "give": { "x": 1 } });
    let execution = engine().build().run(&step("ask", &inputs), json!({})).await.unwrap();
    let answer = &execution.output()["s"]["answer"];
    assert_eq!((&answer["got"], &answer["config"]), (&json!({ "x": 1 }), &json!({ "loud": true })));
    assert_eq!(answer["key"], format!("{}/s/first", execution.id()));
}

#[tokio::test]
async fn agents_that_ask_themselves_or_nobody_fail() {
    let nobody = failure(engine().build(), "ask", json!({ "agent": "nobody", "give": {} })).await;
    assert_eq!((nobody.kind, &*nobody.message), (FailureKind::UNKNOWN, "agent `nobody` is not registered"));
    let inputs = json!({ "agent": "ask", "give": { "agent": "told" } });
    let itself = failure(engine().build(), "ask", inputs).await;
    assert_eq!(itself.kind, FailureKind::RECURSION);
    assert!(!itself.retryable);
}

#[tokio::test]
async fn a_limited_agent_is_limited_for_those_who_ask_it_too() {
    let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let narrow = {
        let (now, most) = (now.clone(), most.clone());
        agent_fn(move |_: Value| {
            let (now, most) = (now.clone(), most.clone());
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
                Ok(Value::Null)
            }
        })
        .max_concurrent(1)
    };
    let text = "steps: { each: { loop: '{{ range(8) }}', maxParallel: 8, agent: ask, inputs: { agent: narrow, give: {} } } }";
    engine().agent("narrow", narrow).build().run(&workflow(text), json!({})).await.unwrap();
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_agent_has_a_workflow_done_with_and_without_a_journal() {
    let inputs = json!({ "workflow": "double", "give": { "n": 21 } });
    for durable in [false, true] {
        let engine = engine();
        let engine = if durable { engine.store(MemoryJournal::new()) } else { engine }.build();
        let execution = engine.run(&step("nest", &inputs), json!({})).await.unwrap();
        assert_eq!(execution.output()["s"], json!({ "answer": 42, "calls": 1 }), "durable: {durable}");
        let misfit =
            failure(engine.clone(), "nest", json!({ "workflow": "double", "give": { "n": "x" } })).await;
        assert_eq!(misfit.kind, FailureKind::INPUT, "{misfit}");
        let unknown = failure(engine.clone(), "nest", json!({ "workflow": "none", "give": {} })).await;
        assert_eq!(unknown.kind, FailureKind::UNKNOWN, "{unknown}");
        let broken = failure(engine.clone(), "nest", json!({ "workflow": "broken", "give": {} })).await;
        assert_eq!(broken.kind, FailureKind::NESTED, "{broken}");
        let around = failure(engine, "nest", json!({ "workflow": "around", "give": {} })).await;
        assert!(around.message.contains("nested in itself"), "{around}");
    }
}

#[tokio::test]
async fn another_attempt_finds_the_workflow_that_the_first_began() {
    let agent = agent_fn_with(|_: Value, request: AttemptRequest| async move {
        let output = request.run_workflow("inner", json!({}), "tool").await?;
        match request.attempt {
            1 => Err(StepFailure::error("after it was done")),
            _ => Ok(json!(*output.value)),
        }
    });
    let counted = ScriptedAgent::new().otherwise(json!("done"));
    let engine = Engine::builder()
        .agent("outer", agent)
        .agent("counted", counted.clone())
        .workflow("inner", workflow("steps: { c: { agent: counted } }"))
        .store(MemoryJournal::new())
        .build();
    let text = "steps: { s: { agent: outer, retry: { max: 2, delay: 0s } } }";
    let execution = engine.run(&workflow(text), json!({})).await.unwrap();
    assert_eq!(execution.output()["s"], json!({ "c": "done" }));
    assert_eq!(counted.calls().len(), 1);
}

#[tokio::test]
async fn a_workflow_that_failed_is_begun_anew_by_another_attempt() {
    let agent = agent_fn_with(|_: Value, request: AttemptRequest| async move {
        Ok(json!(*request.run_workflow("inner", json!({}), "tool").await?.value))
    });
    let flaky = ScriptedAgent::new().step("c").then_fail("busy").then(json!("done"));
    let engine = Engine::builder()
        .agent("outer", agent)
        .agent("flaky", flaky)
        .workflow("inner", workflow("steps: { c: { agent: flaky } }"))
        .store(MemoryJournal::new())
        .build();
    let text = "steps: { s: { agent: outer, retry: { max: 2, delay: 0s } } }";
    let execution = engine.run(&workflow(text), json!({})).await.unwrap();
    assert_eq!(execution.output()["s"], json!({ "c": "done" }));
}

#[tokio::test]
async fn a_workflow_that_an_attempt_waits_for_is_cancelled_with_it() {
    let hang = ScriptedAgent::new().otherwise_hang();
    let journal = Arc::new(MemoryJournal::new());
    for durable in [false, true] {
        let engine = engine()
            .agent("hang", hang.clone())
            .workflow("endless", workflow("steps: { h: { agent: hang } }"));
        let engine = if durable { engine.shared_store(journal.clone()) } else { engine }.build();
        let inputs = json!({ "workflow": "endless", "give": {} });
        let handle = engine.start(step("nest", &inputs), json!({})).unwrap();
        while hang.hanging() == 0 {
            tokio::task::yield_now().await;
        }
        handle.cancel("enough").await.unwrap();
        assert_eq!(handle.wait().await.unwrap().status(), ExecutionStatus::Cancelled);
        while hang.hanging() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(engine.shutdown(std::time::Duration::from_secs(10)).await);
        assert!(engine.unfinished().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_worker_with_one_place_does_not_wait_for_itself() {
    let clock = ManualClock::new();
    let engine = engine()
        .workflow("napping", workflow("steps: { nap: { wait: 1m } }"))
        .store(MemoryJournal::new())
        .clock(clock.clone())
        .build();
    engine.work(WorkOptions::new().slots(1)).unwrap();
    let inputs = json!({ "workflow": "napping", "give": {} });
    let id = engine.enqueue(step("nest", &inputs), json!({}), Enqueue::new()).await.unwrap();
    let ended = tokio::spawn({
        let engine = engine.clone();
        async move { engine.wait(id).await }
    });
    while !ended.is_finished() {
        // Long enough for a nested workflow that waits to be parked, if it could be.
        clock.advance(Duration::from_secs(3));
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(ended.await.unwrap().unwrap().status(), ExecutionStatus::Completed);
}

#[tokio::test]
async fn a_nested_workflow_that_failed_for_good_is_not_begun_again() {
    let hopeless = ScriptedAgent::new();
    let hopeless =
        (0..3).fold(hopeless.step("h"), |agent, _| agent.then_fail(StepFailure::error("no").permanent()));
    let engine = Engine::builder()
        .agent("hopeless", hopeless.clone())
        .workflow("inner", workflow("steps: { h: { agent: hopeless } }"))
        .build();
    let text = "steps: { s: { workflow: inner, retry: { max: 2, delay: 0s } } }";
    engine.run(&workflow(text), json!({})).await.unwrap_err();
    assert_eq!(hopeless.calls().len(), 1);
}

#[tokio::test]
async fn a_secret_is_not_handed_to_a_workflow_where_it_would_be_written_down() {
    struct Vault;
    #[async_trait::async_trait]
    impl turbocat_core::Secrets for Vault {
        async fn secret(&self, _: &str) -> Option<String> {
            Some("hunter2".to_owned())
        }
    }
    let engine = engine().secrets(Vault).build();
    let inputs = json!({ "workflow": "double", "give": { "n": 1, "key": "Bearer {{ secrets.KEY }}" } });
    let refused = failure(engine, "nest", inputs).await;
    assert_eq!(refused.kind.as_str(), "secret");
    assert!(!refused.message.contains("hunter2"), "{refused}");
}

#[tokio::test]
async fn a_workflow_outlives_an_engine_that_goes_away_and_is_waited_for_again() {
    let journal = Arc::new(MemoryJournal::new());
    let held = ScriptedAgent::new().step("h").then_hang().then(json!("done"));
    let made = || {
        engine()
            .agent("held", held.clone())
            .workflow("inner", workflow("steps: { h: { agent: held } }"))
            .shared_store(journal.clone())
            .build()
    };
    let first = made();
    let inputs = json!({ "workflow": "inner", "give": {} });
    let parent = {
        let workflow = step("nest", &inputs);
        let mut driven = Box::pin(first.run(&workflow, json!({})));
        while held.hanging() == 0 {
            tokio::select! {
                biased;
                ended = &mut driven => panic!("{ended:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
        first.unfinished().await.unwrap()[0]
    };
    assert!(!first.shutdown(Duration::ZERO).await);
    let second = made();
    for execution in second.unfinished().await.unwrap() {
        if execution == parent {
            let ended = second.resume(parent).await.unwrap().wait().await.unwrap();
            assert_eq!(ended.output()["s"]["answer"], json!({ "h": "done" }));
        }
    }
    assert_eq!(held.calls().len(), 2, "once for each engine, and no second workflow");
}

#[tokio::test]
async fn a_workflow_is_cancelled_when_the_attempt_that_waits_for_it_takes_too_long() {
    let hang = ScriptedAgent::new().otherwise_hang();
    let clock = ManualClock::new();
    let engine = engine()
        .agent("hang", hang.clone())
        .workflow("endless", workflow("steps: { h: { agent: hang } }"))
        .store(MemoryJournal::new())
        .clock(clock.clone())
        .build();
    let inputs = json!({ "workflow": "endless", "give": {} });
    let mut limited = step("nest", &inputs);
    limited.steps[0].timeout = Some(Duration::from_secs(5));
    let handle = engine.start(limited, json!({})).unwrap();
    while hang.hanging() == 0 {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_secs(6));
    let ended = handle.wait().await.unwrap();
    assert_eq!(ended.failure().unwrap().detail.as_ref().unwrap()["kind"], "timeout");
    while hang.hanging() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(engine.shutdown(Duration::from_secs(10)).await);
    assert!(engine.unfinished().await.unwrap().is_empty());
}
