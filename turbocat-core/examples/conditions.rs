//! How do I decide what runs, and find out why something did not?
//!
//! A condition has a branch for yes and one for no; `when` guards any single step; `needs: any`
//! joins branches of which one was not taken. Whatever was decided can be explained afterwards.
//!
//! ```text
//! cargo run --example conditions
//! ```
//!
//! Prints:
//! ```text
//! 250 ->
//!   review       completed  {"by":"a person"}
//!   automatic    skipped    because its only way in, large/else, was not taken
//!   gift         skipped    because its `when` said no
//!   ship         completed  {"after":"a person"}
//! 50 ->
//!   review       skipped    because its only way in, large/then, was not taken
//!   automatic    completed  {"by":"a rule"}
//!   gift         completed  {"with":"a ribbon"}
//!   ship         completed  {"after":"a rule"}
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use serde_json::json;
use turbocat_core::{Engine, StepStatus, Workflow};

// A step without an agent hands its inputs on.
const WORKFLOW: &str = "
steps:
  large: { condition: '{{ inputs.amount > 100 }}', then: [review], else: [automatic] }
  review:    { type: agent, inputs: { by: a person } }
  automatic: { type: agent, inputs: { by: a rule } }
  gift:      { type: agent, inputs: { with: a ribbon }, when: '{{ inputs.amount < 60 }}' }
  ship:
    type: agent
    needs: any
    inputs: { after: '{{ review.by if review else automatic.by }}' }
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::builder().build();
    let plan = engine.compile(&Workflow::from_yaml(WORKFLOW)?)?;

    for amount in [250, 50] {
        let execution = engine.run(&plan, json!({ "amount": amount })).await?;
        println!("{amount} ->");
        for step in ["review", "automatic", "gift", "ship"] {
            let Some(explained) = execution.explain(step) else { continue };
            let status = explained.report.status;
            let how = match execution.step_output(step) {
                Some(output) if status == StepStatus::Completed => output.to_string(),
                _ => format!("because {}", explained.cause),
            };
            println!("  {step:<12} {:<10} {how}", status.word());
        }
    }
    Ok(())
}
