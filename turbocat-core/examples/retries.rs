//! How do I try again what failed, and give up what takes too long?
//!
//! A policy chooses the kinds of failures that are worth another attempt, the pauses between
//! attempts and what happens after the last. `timeout` bounds one attempt, `deadline` all of
//! them. The clock turns itself, so that the pauses take no real time.
//!
//! ```text
//! cargo run --example retries --features testing
//! ```
//!
//! Prints:
//! ```text
//! after   0s attempt 1 of pay: the bank is busy (http.503)
//! after   2s attempt 2 of pay: the attempt timed out after 10s (timeout)
//! after  16s attempt 3 of pay: answered
//! after  16s attempt 1 of notify: no such address (http.404)
//! pay: it completed at attempt 3
//! notify: no such address; no other attempt, because `http.404` is not among the kinds in `retry.on`
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use serde_json::json;
use turbocat_core::testing::{ManualClock, ScriptedAgent};
use turbocat_core::{Engine, Fact, FailureKind, StepFailure, Workflow};

const WORKFLOW: &str = "
steps:
  pay:
    agent: bank
    timeout: 10s                  # of one attempt
    deadline: 5m                  # of all attempts and pauses
    retry: { max: 3, delay: 2s, factor: 2, maxDelay: 1m, jitter: 0, on: [timeout, http.5xx] }
  notify:
    agent: mail
    dependsOn: pay
    retry: { max: 3, delay: 2s, on: [http.5xx], then: continue }   # a mail is not worth failing for
";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let failed = |kind: &'static str, message| StepFailure::new(FailureKind::new(kind), message);
    let bank = ScriptedAgent::new()
        .then_fail(failed("http.503", "the bank is busy"))
        .then_hang()
        .then(json!({ "paid": true }));
    let mail = ScriptedAgent::new().then_fail(failed("http.404", "no such address"));
    let clock = ManualClock::new();
    let engine = Engine::builder().agent("bank", bank).agent("mail", mail).clock(clock.clone()).build();
    let workflow = Workflow::from_yaml(WORKFLOW)?;

    clock.block_on(async {
        let handle = engine.start(&workflow, json!({}))?;
        let mut events = handle.events();
        let start = clock.now();
        let (mut began, mut attempt) = (start, 0);
        while let Some(event) = events.next().await {
            let how = match &event.fact {
                Fact::AttemptStarted { attempt: number, .. } => {
                    (began, attempt) = (event.at, *number);
                    continue;
                }
                Fact::AttemptFailed { failure, .. } | Fact::StepFailed { failure, .. } => failure.to_string(),
                Fact::StepCompleted { .. } => "answered".to_owned(),
                _ => continue,
            };
            let encoded = handle.plan().encode(&event);
            let step = encoded["step"].as_str().unwrap_or_default();
            println!("after {:>3}s attempt {attempt} of {step}: {how}", began.since(start).as_secs());
        }
        let execution = handle.wait().await?;
        for step in ["pay", "notify"] {
            let Some(explained) = execution.explain(step) else { continue };
            println!("{step}: {}", explained.cause);
        }
        Ok(())
    })
}
