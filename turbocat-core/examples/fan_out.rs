//! How do I do things side by side?
//!
//! Three ways: steps that do not depend on each other run at once by themselves; a loop does its
//! steps once per item, so many at a time; a parallel step has branches and says how many must
//! complete.
//!
//! ```text
//! cargo run --example fan_out
//! ```
//!
//! Prints:
//! ```text
//! sum of squares: 30
//! in the order of the items: [1,4,9,16]
//! the first mirror that answered: {"fast":"from fast","slow":null,"parallelCompleted":true}
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use serde_json::{Value, json};
use turbocat_core::{Engine, Workflow, agent_fn};

const WORKFLOW: &str = "
steps:
  squares:
    loop: '{{ inputs.numbers }}'
    as: number
    maxParallel: 3
    agent: square
    inputs: { n: '{{ number }}' }

  download:
    parallel:
      join: any                 # the first one; the others are stopped
      branches:
        fast: { agent: fast }
        slow: { agent: slow }

  total: { agent: sum, inputs: { list: '{{ squares.results }}' } }

outputs:
  total: '{{ total }}'
  squares: '{{ squares.results }}'
  download: '{{ download }}'
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::builder()
        .agent(
            "square",
            agent_fn(|input: Value| async move { Ok(number(&input["n"]) * number(&input["n"])) }),
        )
        .agent(
            "sum",
            agent_fn(|input: Value| async move {
                Ok(input["list"].as_array().into_iter().flatten().map(number).sum::<i64>())
            }),
        )
        .agent("fast", agent_fn(|_: Value| async { Ok("from fast") }))
        .agent(
            "slow",
            agent_fn(|_: Value| async {
                // Never answers: once the other branch has, this future is dropped.
                std::future::pending::<()>().await;
                Ok("from slow")
            }),
        )
        .build();

    let execution = engine.run(&Workflow::from_yaml(WORKFLOW)?, json!({ "numbers": [1, 2, 3, 4] })).await?;

    println!("sum of squares: {}", execution.output()["total"]);
    println!("in the order of the items: {}", execution.output()["squares"]);
    println!("the first mirror that answered: {}", execution.output()["download"]);
    Ok(())
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}
