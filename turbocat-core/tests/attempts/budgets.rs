//! Budgets: what becomes of executions that use more than they may.

use std::sync::Arc;

use serde_json::json;
use turbocat_core::testing::ScriptedAgent;
use turbocat_core::{
    Engine, EngineBuilder, Error, ExecutionStatus, Fact, FailureKind, MemoryJournal, StepStatus,
};

use crate::usage::Spender;
use crate::workflow;

fn engine() -> EngineBuilder {
    Engine::builder().agent("spender", Spender).agent("hang", ScriptedAgent::new().otherwise_hang())
}

const CHAIN: &str = "
steps:
  a: { agent: spender }
  b: { agent: spender, dependsOn: a }
  c: { agent: spender, dependsOn: b }
  d: { agent: spender, dependsOn: c }
";

fn failed(error: Error) -> turbocat_core::Execution {
    error.into_execution().unwrap()
}

#[tokio::test]
async fn an_execution_over_its_budget_fails_and_keeps_what_it_paid_for() {
    for budget in ["{ tokens: 15 }", "{ costUsd: 0.015 }", "{ apiCalls: 1 }"] {
        let text = format!("budget: {budget}\n{CHAIN}");
        let execution = failed(engine().build().run(&workflow(&text), json!({})).await.unwrap_err());
        assert_eq!(execution.status(), ExecutionStatus::Failed, "{budget}");
        let failure = execution.failure().unwrap();
        assert_eq!(failure.kind, FailureKind::BUDGET);
        assert!(failure.message.contains("its budget is"), "{}", failure.message);
        assert!(execution.step_output("b").is_some(), "the step that went over it had completed");
        let c = execution.steps().find(|step| step.path == "c").unwrap();
        assert_eq!(c.status, StepStatus::Skipped);
        let why = execution.explain("c").unwrap().to_string();
        assert!(why.contains("the execution used more than its budget"), "{why}");
    }
}

#[tokio::test]
async fn a_budget_that_is_just_used_up_is_not_exceeded() {
    let text = format!("budget: {{ tokens: 40 }}\n{CHAIN}");
    let execution = engine().build().run(&workflow(&text), json!({})).await.unwrap();
    assert_eq!(execution.usage().tokens(), 40);
}

#[tokio::test]
async fn work_that_goes_on_is_stopped_when_the_budget_is_exceeded() {
    let text = "{ budget: { tokens: 5 }, steps: { a: { agent: spender }, z: { agent: hang } } }";
    let execution = failed(engine().build().run(&workflow(text), json!({})).await.unwrap_err());
    let z = execution.steps().find(|step| step.path == "z").unwrap();
    assert_eq!(z.status, StepStatus::Cancelled);
}

#[tokio::test]
async fn an_execution_that_has_nothing_left_to_do_completes_over_its_budget() {
    let text = "{ budget: { tokens: 5 }, steps: { a: { agent: spender } } }";
    let execution = engine().build().run(&workflow(text), json!({})).await.unwrap();
    assert_eq!(execution.status(), ExecutionStatus::Completed);
}

#[tokio::test]
async fn a_paused_execution_goes_on_with_the_same_budget_again() {
    let text = format!("budget: {{ tokens: 15, then: pause }}\n{CHAIN}");
    let journal = Arc::new(MemoryJournal::new());
    let engine = engine().shared_store(journal).build();
    let handle = engine.start(workflow(&text), json!({})).unwrap();
    let mut events = handle.events();
    let mut paused = 0;
    while let Some(event) = events.next().await {
        if let Fact::ExecutionPaused { reason } = &event.fact {
            assert_eq!(&**reason, "it used 20 tokens, and its budget is 15");
            paused += 1;
            handle.resume().await.unwrap();
        }
    }
    // 20 tokens, then 20 more: the fourth step was the last one
    assert_eq!(paused, 1);
    let execution = handle.wait().await.unwrap();
    assert_eq!((execution.status(), execution.usage().tokens()), (ExecutionStatus::Completed, 40));
}

#[test]
fn a_budget_is_read_and_written() {
    let text = format!("budget: {{ tokens: 15, costUsd: 0.5, apiCalls: 3, then: pause }}\n{CHAIN}");
    let read = workflow(&text);
    assert_eq!(
        read.to_value()["budget"],
        json!({ "tokens": 15, "costUsd": 0.5, "apiCalls": 3, "then": "pause" })
    );
    assert_eq!(workflow(&read.to_yaml()).budget, read.budget);
    let mistakes =
        |text: &str| turbocat_core::Workflow::from_yaml(&format!("{text}\n{CHAIN}")).unwrap_err().to_string();
    assert!(mistakes("budget: {}").contains("`budget` limits nothing"));
    assert!(mistakes("budget: { tokens: 0 }").contains("`tokens` must be a whole number of at least 1"));
    assert!(mistakes("budget: { costUsd: -1 }").contains("`costUsd` must be more than 0"));
    assert!(mistakes("budget: { cost: 1 }").contains("did you mean `costUsd`?"));
    assert!(mistakes("budget: { tokens: 1, then: stop }").contains("`then` cannot be `stop`"));
}

#[tokio::test]
async fn a_pause_of_somebody_else_grants_nothing() {
    let text = "
budget: { tokens: 15 }
steps:
  a: { agent: spender }
  go: { wait: { signal: go }, dependsOn: a }
  b: { agent: spender, dependsOn: go }
  c: { agent: spender, dependsOn: b }
";
    let handle = engine().build().start(workflow(text), json!({})).unwrap();
    while handle.usage().await.tokens() == 0 {
        tokio::task::yield_now().await;
    }
    handle.pause("lunch").await.unwrap();
    handle.resume().await.unwrap();
    handle.signal("go", json!(null)).await.unwrap();
    let execution = handle.wait().await.unwrap();
    assert_eq!(execution.failure().unwrap().kind, FailureKind::BUDGET);
    assert!(execution.step_output("c").is_none());
}

#[tokio::test]
async fn what_nobody_can_resume_is_cancelled_and_not_waited_for() {
    let text = format!("budget: {{ tokens: 15, then: pause }}\n{CHAIN}");
    let execution = failed(engine().build().run(&workflow(&text), json!({})).await.unwrap_err());
    assert_eq!(execution.status(), ExecutionStatus::Cancelled);
    let why = execution.explain("c").unwrap().to_string();
    assert!(why.contains("nobody can resume it"), "{why}");
}
