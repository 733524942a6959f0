//! How do I run my first workflow?
//!
//! A closure becomes an agent, a line of YAML becomes a workflow, and the engine runs it. Its
//! inputs and outputs are types of your own. No server and no database are needed.
//!
//! ```text
//! cargo run --example hello
//! ```
//!
//! Prints:
//! ```text
//! "Hello Ada"
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use turbocat_core::{Engine, Workflow, agent_fn};

#[derive(Deserialize, JsonSchema)]
struct Hello {
    name: String,
}

#[derive(Serialize, JsonSchema)]
struct Greeting {
    text: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::builder()
        .agent(
            "greet",
            agent_fn(|hi: Hello| async move { Ok(Greeting { text: format!("Hello {}", hi.name) }) }),
        )
        .build();
    let workflow =
        Workflow::from_yaml("steps: { hi: { agent: greet, inputs: { name: '{{ inputs.name }}' } } }")?;
    let execution = engine.run(&workflow, json!({ "name": "Ada" })).await?;
    println!("{}", execution.output()["hi"]["text"]);
    Ok(())
}
