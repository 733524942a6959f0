//! How do I use a workflow inside another one?
//!
//! Register it under a name and name it in a step. It is an execution of its own: its inputs are
//! checked, its failure is the failure of the step, and cancelling the parent cancels it.
//!
//! ```text
//! cargo run --example sub_workflow
//! ```
//!
//! Prints:
//! ```text
//! {"ada":"Dear Ada!","bob":"Dear Bob!"}
//! step `ada` failed: the nested workflow ended as failed: step `polite` failed: nobody is called that
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use serde_json::{Value, json};
use turbocat_core::{Engine, StepFailure, Workflow, agent_fn};

const LETTER: &str = "
name: letter
inputs: { name: { type: string, minLength: 1 } }
steps:
  polite: { agent: capital, inputs: { name: '{{ inputs.name }}' } }
outputs: 'Dear {{ polite.name }}!'
";

const MAILING: &str = "
steps:
  ada: { workflow: letter, inputs: { name: '{{ inputs.first }}' } }
  bob: { workflow: letter, inputs: { name: bob } }
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let capital = agent_fn(|input: Value| async move {
        let mut letters = input["name"].as_str().unwrap_or_default().chars();
        match letters.next() {
            Some(first) if first.is_alphabetic() => {
                Ok(json!({ "name": first.to_uppercase().chain(letters).collect::<String>() }))
            }
            _ => Err(StepFailure::error("nobody is called that").permanent()),
        }
    });
    let engine =
        Engine::builder().agent("capital", capital).workflow("letter", Workflow::from_yaml(LETTER)?).build();
    let mailing = engine.compile(&Workflow::from_yaml(MAILING)?)?;

    let execution = engine.run(&mailing, json!({ "first": "ada" })).await?;
    println!("{}", execution.output());

    match engine.run(&mailing, json!({ "first": "42" })).await {
        Ok(_) => println!("somebody is called 42"),
        Err(error) => match error.execution().and_then(|execution| execution.failure()) {
            Some(failure) => println!("{}", failure.message),
            None => println!("{error}"),
        },
    }
    Ok(())
}
