//! How do I watch an execution, and steer it?
//!
//! `start` gives a handle. Its events are a stream from any number on, first what was, then what
//! comes, without a gap. Signals and a person's answers go in; an execution can be paused,
//! resumed and cancelled.
//!
//! ```text
//! cargo run --example events
//! ```
//!
//! Prints:
//! ```text
//!  1 executionStarted
//!  2 stepStarted       order
//!  3 signalReceived
//!  4 signalTaken       order
//!  5 stepCompleted     order
//!  6 attemptStarted    cook
//!  7 stepCompleted     cook
//!  8 stepStarted       serve
//! serve is WAITING because it waits for a person: Is the soup hot?
//!  9 stepCompleted     serve
//! 10 executionEnded
//! completed: {"cook":"soup for 2","serve":true}
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use serde_json::{Value, json};
use turbocat_core::{Approval, Engine, Workflow, agent_fn};

const WORKFLOW: &str = "
steps:
  order: { wait: { signal: order } }
  cook:  { agent: cook, inputs: { dish: '{{ order.payload.dish }}', guests: '{{ order.payload.guests }}' } }
  serve: { wait: { approval: 'Is the soup hot?' }, dependsOn: cook }
outputs: { cook: '{{ cook }}', serve: '{{ serve.approved }}' }
";

// One thread, so that the lines below always come in the same order.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cook = agent_fn(|input: Value| async move {
        Ok(format!("{} for {}", input["dish"].as_str().unwrap_or("nothing"), input["guests"]))
    });
    let engine = Engine::builder().agent("cook", cook).build();
    let handle = engine.start(&Workflow::from_yaml(WORKFLOW)?, json!({}))?;

    // Kept until a step waits for it, so it is never too early for a signal.
    handle.signal("order", json!({ "dish": "soup", "guests": 2 })).await?;

    let mut events = handle.events();
    while let Some(event) = events.next().await {
        let json = handle.plan().encode(&event);
        let word = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
        println!("{}", format!("{:>2} {:<17} {}", event.seq, word("type"), word("step")).trim_end());

        if word("type") == "stepStarted" && word("step") == "serve" {
            if let Some(explained) = handle.explain("serve").await {
                print!("{explained}");
            }
            let yes = Approval { approved: true, by: Some("the cook".to_owned()), comment: None };
            handle.approve("serve", yes).await?;
        }
    }

    let execution = handle.wait().await?;
    println!("{}: {}", execution.status().word(), execution.output());
    Ok(())
}
