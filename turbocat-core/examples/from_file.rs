//! How do I run a workflow that is written in a file?
//!
//! Reads `examples/daily-brief.yaml`, checks it against the agents there are, and runs it. The
//! agents are scripted and the clock turns itself, as in a test: the first search fails, the
//! pause before the second takes no real time, and a person agrees to what is sent.
//!
//! ```text
//! cargo run --example from_file --features testing
//! ```
//!
//! Prints:
//! ```text
//! a name that does not exist is found before anything runs:
//!   did you mean `search`?
//! search: attempt 1 of fetch
//! search: attempt 2 of fetch
//! asked: Send 3 summaries?
//! sent to mail: ["On Rust 2.0.","On cats.","On both."]
//! sent to slack: ["On Rust 2.0.","On cats.","On both."]
//! completed, approved by "ada"
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use serde_json::json;
use turbocat_core::testing::{ManualClock, ScriptedAgent};
use turbocat_core::{Approval, Engine, Fact, FailureKind, StepFailure, Work, Workflow};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/daily-brief.yaml");
    let text = std::fs::read_to_string(path)?;
    let workflow = Workflow::parse("daily-brief.yaml", &text)?;

    let stories = json!({ "stories": [{ "title": "Rust 2.0" }, { "title": "cats" }, { "title": "both" }] });
    let search = ScriptedAgent::new()
        .then_fail(StepFailure::new(FailureKind::new("http.503"), "the search is down"))
        .then(stories);
    let writer = ["On Rust 2.0.", "On cats.", "On both."]
        .iter()
        .fold(ScriptedAgent::new(), |writer, text| writer.then(json!({ "text": text })));
    let post = ScriptedAgent::new().echo();
    let clock = ManualClock::new();
    let engine = Engine::builder()
        .agent("search", search.clone())
        .agent("llm", writer)
        .agent("post", post.clone())
        .clock(clock.clone())
        .build();

    // A slip of the pen: every mistake comes with a place and, if there is one, a suggestion.
    let slip = Workflow::parse("daily-brief.yaml", &text.replace("agent: search", "agent: serach"))?;
    println!("a name that does not exist is found before anything runs:");
    for diagnostic in engine.check(&slip).iter() {
        println!("  {}", diagnostic.help.as_deref().unwrap_or("no advice"));
    }

    clock.block_on(async {
        let handle = engine.start(&workflow, json!({ "topic": "rust" }))?;
        let mut events = handle.events();
        let question = loop {
            let Some(event) = events.next().await else { return Err("nobody was asked".into()) };
            if let Fact::StepStarted { work, .. } = event.fact
                && let Work::Approval { question } = *work
            {
                break question;
            }
        };
        for call in search.calls() {
            println!("search: attempt {} of {}", call.attempt, call.path);
        }
        println!("asked: {question}");
        let yes = Approval { approved: true, by: Some("ada".to_owned()), comment: None };
        handle.approve("approve", yes).await?;

        let execution = handle.wait().await?;
        for call in post.calls() {
            println!("sent to {}: {}", call.inputs["to"].as_str().unwrap_or("?"), call.inputs["body"]);
        }
        println!("{}, approved by {}", execution.status().word(), execution.output()["approvedBy"]);
        Ok(())
    })
}
