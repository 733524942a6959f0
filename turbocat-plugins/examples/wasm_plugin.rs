//! How do I use a plugin?
//!
//! Load its file, look at what it asks for, grant what you like, and give its agents to an engine.
//! It runs in a sandbox: what was not granted ends its call with a failure that names the grant.
//!
//! ```text
//! cargo run -p turbocat-plugins --example wasm_plugin
//! ```
//!
//! Prints:
//! ```text
//! greet 1.2.0 asks for state, http GET directory.example.com, secret DIRECTORY_KEY
//!   greet: Greets guests by name and counts how often.
//!   look-up: Finds a person in the directory.
//! once: Guten Tag, Ada!
//! once: Guten Tag, Grace!
//! twice: Guten Tag, Ada! (again)
//! step `once` failed: plugin `greet` may not keep state; grant it `state`
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use serde_json::json;
use turbocat_core::{Engine, Workflow};
use turbocat_plugins::wasm::{Capability, Grants, Plugins, Source};

const WORKFLOW: &str = "
agents: { greet: { type: greet, config: { loud: true } } }
steps:
  once:  { agent: greet, inputs: { names: '{{ inputs.guests }}', language: de } }
  twice: { agent: greet, inputs: { names: ['{{ inputs.guests[0] }}'], language: de }, dependsOn: once }
outputs: { once: '{{ once.greetings }}', twice: '{{ twice.greetings[0] }}' }
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let plugins = Plugins::builder().build()?;
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins/built/greet.wasm");
    let plugin = plugins.load(Source::file(file), Grants::parse(["state"])?).await?;

    let asked: Vec<String> = plugin.capabilities().iter().map(Capability::to_string).collect();
    println!("{} {} asks for {}", plugin.name(), plugin.version(), asked.join(", "));
    for agent in plugin.manifest().agents {
        println!("  {}: {}", agent.name, agent.description.unwrap_or_default());
    }

    let engine = plugin.register(Engine::builder()).build();
    let workflow = Workflow::from_yaml(WORKFLOW)?;
    let guests = json!({ "guests": ["Ada", "Grace"] });
    let execution = engine.run(&workflow, guests.clone()).await?;
    for greeting in execution.output()["once"].as_array().into_iter().flatten() {
        println!("once: {}", greeting["text"].as_str().unwrap_or_default());
    }
    let twice = &execution.output()["twice"];
    let again = if twice["times"] == 2 { " (again)" } else { "" };
    println!("twice: {}{again}", twice["text"].as_str().unwrap_or_default());

    // Grants can be taken back at any time; calls that go on end as they began.
    plugin.grant(Grants::none())?;
    let handle = engine.start(&workflow, guests)?;
    if let Some(failure) = handle.wait().await?.failure() {
        println!("{}", failure.message);
    }
    Ok(())
}
