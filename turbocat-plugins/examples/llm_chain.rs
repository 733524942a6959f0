//! How do I chain language models, with tools, answers by schema and a model to fall back on?
//!
//! The first step answers by schema, and may ask a tool, which is an ordinary agent; the second
//! works on what the first one found. Without a key the provider `mock` answers, the same every
//! time. With `OPENAI_API_KEY` or `ANTHROPIC_API_KEY` in the environment real models do, the other
//! one if one is overloaded.
//!
//! ```text
//! cargo run -p turbocat-plugins --example llm_chain
//! ```
//!
//! Prints:
//! ```text
//! tool: weather({"city":"Lisbon"})
//! facts: {"city":"Lisbon","sky":"clear","degrees":24}
//! text: Lisbon is clear today, at 24 degrees.
//! by mock/mock, 45 tokens, $0.000000
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use turbocat_core::{Engine, Workflow, agent_fn};
use turbocat_plugins::{Builtin, builtin};

const WORKFLOW: &str = r#"
agents:
  writer: { type: llm, config: { systemPrompt: "You report on the weather." } }
budget: { tokens: 20000, costUsd: 0.05 }
steps:
  facts:
    agent: writer
    config:
      promptTemplate: "How is the weather in {{ inputs.city }}?"
      tools: [{ agent: weather }]
      outputSchema:
        type: object
        properties: { city: { type: string }, sky: { type: string }, degrees: { type: number } }
        required: [city, sky, degrees]
        additionalProperties: false
  text:
    agent: writer
    config:
      promptTemplate: "In one sentence: {{ facts.parsedJson | tojson }}"
outputs:
  tools: "{{ facts.toolCalls }}"
  facts: "{{ facts.parsedJson }}"
  text: "{{ text.content }}"
  by: "{{ text.provider }}/{{ text.model }}"
"#;

/// What the tool is asked for: models are told so, because the agent takes it.
#[derive(Deserialize, JsonSchema)]
struct Place {
    city: String,
}

/// Who answers: real models if there is a key, the mock otherwise.
fn models() -> Value {
    let has = |name: &str| std::env::var(name).is_ok_and(|key: String| !key.is_empty());
    let real = [("OPENAI_API_KEY", "openai/gpt-4o-mini"), ("ANTHROPIC_API_KEY", "anthropic/claude-haiku")];
    let real: Vec<&str> = real.into_iter().filter(|(key, _)| has(key)).map(|(_, model)| model).collect();
    if real.is_empty() { json!(["mock/mock"]) } else { json!(real) }
}

/// What the mock answers in a step.
fn answers(step: &str) -> Value {
    match step {
        "facts" => json!({ "replies": [
            { "toolCalls": [{ "name": "weather", "arguments": { "city": "Lisbon" } }] },
            { "content": { "city": "Lisbon", "sky": "clear", "degrees": 24 } },
        ] }),
        _ => json!({ "replies": ["Lisbon is clear today, at 24 degrees."] }),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = builtin(Engine::builder(), &Builtin::new())
        .agent(
            "weather",
            agent_fn(|place: Place| async move { Ok(format!("{}: clear, 24 degrees", place.city)) }),
        )
        .build();
    let mut workflow = serde_json::to_value(Workflow::from_yaml(WORKFLOW)?)?;
    for step in ["facts", "text"] {
        let config = &mut workflow["steps"][step]["config"];
        config["models"] = models();
        config["mock"] = answers(step);
    }
    let workflow = Workflow::from_json(&workflow.to_string())?;

    let execution = engine.run(&workflow, json!({ "city": "Lisbon" })).await?;
    let output = execution.output();
    for call in output["tools"].as_array().into_iter().flatten() {
        println!("tool: {}({})", call["name"].as_str().unwrap_or_default(), call["arguments"]);
    }
    println!("facts: {}", output["facts"]);
    println!("text: {}", output["text"].as_str().unwrap_or_default());
    let usage = execution.usage();
    println!(
        "by {}, {} tokens, ${:.6}",
        output["by"].as_str().unwrap_or_default(),
        usage.tokens(),
        usage.cost_usd
    );
    Ok(())
}
