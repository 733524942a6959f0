//! What attempts use is recorded and added up: by step, by execution, over nested workflows.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use turbocat_core::{AgentExecutor, AttemptRequest, Engine, MemoryJournal, StepFailure, StepOutput, Usage};

use crate::workflow;

/// Uses ten tokens and a cent, and fails its first attempt if it is told to.
pub(crate) struct Spender;

pub(crate) fn spent() -> Usage {
    Usage { api_calls: 1, input_tokens: 7, output_tokens: 3, cost_usd: 0.01, ..Usage::default() }
}

#[async_trait]
impl AgentExecutor for Spender {
    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        if request.inputs["fail"] == true && request.attempt == 1 {
            return Err(StepFailure::error("busy").used(spent()));
        }
        tokio::task::yield_now().await;
        Ok(StepOutput::from(json!({ "n": request.inputs["n"] })).used(spent()))
    }
}

const TEXT: &str = "
name: spend
steps:
  each: { loop: '{{ [1, 2, 3] }}', agent: spender, inputs: { n: '{{ item }}' } }
  again: { agent: spender, inputs: { fail: true }, retry: { max: 1, delay: 0s } }
  free: { agent: echo }
  inner: { workflow: inner }
";

fn engine() -> turbocat_core::EngineBuilder {
    Engine::builder()
        .agent("spender", Spender)
        .agent("echo", turbocat_core::agent_fn(|input: serde_json::Value| async move { Ok(input) }))
        .workflow("inner", workflow("steps: { one: { agent: spender } }"))
}

#[tokio::test]
async fn usage_is_added_up_by_step_and_by_execution_failed_attempts_and_nested_workflows_included() {
    let execution = engine().build().run(&workflow(TEXT), json!({})).await.unwrap();
    assert_eq!(execution.usage().api_calls, 6);
    assert_eq!(execution.usage().tokens(), 60);
    assert!((execution.usage().cost_usd - 0.06).abs() < 1e-9);
    let of = |step: &str| execution.usage_of(step).map(|usage| usage.api_calls);
    assert_eq!((of("each"), of("again"), of("inner"), of("free")), (Some(3), Some(2), Some(1), None));
}

#[tokio::test]
async fn usage_is_the_same_when_it_is_read_back_from_a_journal() {
    let journal = Arc::new(MemoryJournal::new());
    let live = {
        let engine = engine().shared_store(journal.clone()).build();
        engine.run(&workflow(TEXT), json!({})).await.unwrap()
    };
    let engine = engine().shared_store(journal.clone()).build();
    let read = engine.wait(live.id()).await.unwrap();
    assert_eq!(read.usage(), live.usage());
    assert_eq!(read.usage().api_calls, 6);
    let recorded = turbocat_core::Journal::load(&*journal, live.id()).await.unwrap().unwrap();
    let used: Vec<_> = recorded.events.iter().filter(|event| event["type"] == "usageRecorded").collect();
    assert_eq!(used.len(), 6);
    assert_eq!(
        used[0]["usage"],
        json!({ "apiCalls": 1, "inputTokens": 7, "outputTokens": 3, "costUsd": 0.01 })
    );
    let problems = turbocat_core::testing::check_recorded(read_plan(&engine), &recorded.events);
    assert!(problems.is_empty(), "{problems:?}");
}

fn read_plan(engine: &Engine) -> &'static turbocat_core::Plan {
    Box::leak(Box::new(engine.compile(&workflow(TEXT)).unwrap()))
}
