//! What an attempt may use.

use std::sync::Arc;

use serde_json::{Value, json};
use turbocat_core::{StepFailure, StepOutput, Usage};

use crate::kit::{Around, agent, ask_in, builder, calls, says, script};

/// Two rounds of tools, then an answer: 110 tokens each.
async fn with(budget: Value, tool_cost: f64) -> (Result<StepOutput, StepFailure>, usize) {
    let server = script(vec![calls(&[("t", "{}")]), calls(&[("t", "{}")]), says("done")]).await;
    let around = Around::default().agent("t", json!({ "type": "object" }), move |_| {
        Ok(StepOutput::from(json!(1)).used(Usage { cost_usd: tool_cost, ..Usage::default() }))
    });
    let config =
        json!({ "model": "gpt-4o-mini", "stream": false, "tools": [{ "agent": "t" }], "budget": budget });
    let done = ask_in(&Arc::new(around), &agent(&server), config).await;
    (done, server.seen().len())
}

#[tokio::test]
async fn a_budget_is_looked_at_between_calls() {
    let check = async |budget: Value, tool_cost: f64, asked: usize, expected: Option<&str>| {
        let (done, calls) = with(budget.clone(), tool_cost).await;
        assert_eq!(calls, asked, "{budget}");
        let failure = done.err();
        assert_eq!(failure.as_ref().map(ToString::to_string).as_deref(), expected);
        if let Some(failure) = failure {
            assert!(!failure.retryable);
            assert_eq!(failure.usage.unwrap().tokens(), 110 * asked as u64);
        }
    };
    check(json!({ "tokens": 1000, "costUsd": 1 }), 0.0, 3, None).await;
    check(json!({ "tokens": 221 }), 0.0, 3, None).await;
    check(
        json!({ "tokens": 220 }),
        0.0,
        2,
        Some("it used 220 tokens and needs more, and its budget is 220 (budget)"),
    )
    .await;
    check(
        json!({ "tokens": 1 }),
        0.0,
        1,
        Some("it used 110 tokens and needs more, and its budget is 1 (budget)"),
    )
    .await;
    // 100 * 0.15 + 10 * 0.6 = 21 millionths of a dollar a call
    check(
        json!({ "costUsd": 0.000_04 }),
        0.0,
        2,
        Some("it cost $0.000042 and needs more, and its budget is $0.00004 (budget)"),
    )
    .await;
    // what tools cost counts
    check(
        json!({ "costUsd": 0.5 }),
        0.3,
        2,
        Some("it cost $0.600042 and needs more, and its budget is $0.5 (budget)"),
    )
    .await;
}

#[tokio::test]
async fn an_answer_that_is_there_is_not_thrown_away() {
    let server = script(vec![says("done")]).await;
    let config = json!({ "model": "gpt-4o-mini", "stream": false, "budget": { "tokens": 5 } });
    assert_eq!(
        ask_in(&Arc::new(Around::default()), &agent(&server), config).await.unwrap().value["content"],
        "done"
    );
}

#[tokio::test]
async fn asking_again_is_paid_from_the_budget_too() {
    let server = script(vec![says("no")]).await;
    let config = json!({ "model": "gpt-4o-mini", "stream": false, "outputSchema": { "type": "array" }, "budget": { "tokens": 110 } });
    let failure = ask_in(&Arc::new(Around::default()), &agent(&server), config).await.unwrap_err();
    assert_eq!((failure.kind.as_str(), server.seen().len()), ("budget", 1));
}

#[tokio::test]
async fn a_cost_that_is_not_known_cannot_be_limited() {
    let server = script(vec![says("done")]).await;
    let around = Arc::new(Around::default());
    let config = json!({ "model": "cat-7b", "stream": false, "budget": { "costUsd": 1 } });
    let failure = ask_in(&around, &agent(&server), config.clone()).await.unwrap_err();
    assert_eq!(
        failure.message,
        "the price of `openai/cat-7b` is not known, so `budget.costUsd` cannot be kept; say its `price`"
    );
    assert_eq!(server.seen().len(), 0);
    // unless somebody says it: the configuration, or whoever set the agent up
    let mut priced = config.clone();
    priced["price"] = json!({ "input": 10, "output": 100 });
    let output = ask_in(&around, &agent(&server), priced).await.unwrap();
    assert_eq!(output.value["costUsd"], (100.0 * 10.0 + 10.0 * 100.0) / 1e6);
    let price = turbocat_plugins::llm::Price::per_million(1.0, 1.0);
    let told = builder(&server).price("openai/cat-7b", price).build();
    assert_eq!(ask_in(&around, &told, config).await.unwrap().value["costUsd"], 110.0 / 1e6);
}
