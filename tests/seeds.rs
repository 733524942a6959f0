//! The samples of the store against the agents that do them: neither package names the other.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::sync::Arc;

use serde_json::{Value, json};
use turbocat::{AgentExecutor, AttemptRequest};
use turbocat_plugins::api::ApiAgent;
use turbocat_plugins::data::DataAgent;
use turbocat_plugins::llm::LlmAgent;

const AGENTS: &str = include_str!("../turbocat-storage/seeds/agents.json");
const TEMPLATES: &str = include_str!("../turbocat-storage/seeds/templates.json");
const WORKFLOWS: &str = include_str!("../turbocat-storage/seeds/workflows.json");

/// The agent of a type.
fn agent(kind: &str) -> Option<Arc<dyn AgentExecutor>> {
    match kind {
        "data" => Some(Arc::new(DataAgent::new())),
        "api" => Some(Arc::new(ApiAgent::default())),
        "llm" => Some(Arc::new(LlmAgent::builder().build())),
        // The `code` agent is looked after in a test of its own.
        _ => None,
    }
}

/// Every configuration among the samples: its name, the type of its agent, and itself.
fn configurations() -> Vec<(String, String, Value)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let read = |text: &str| serde_json::from_str::<Vec<Value>>(text).unwrap();
    let mut found = Vec::new();
    let agents = read(AGENTS);
    for agent in &agents {
        found.push((text(&agent["name"]), text(&agent["type"]), agent["config"].clone()));
    }
    let templates = read(TEMPLATES);
    for template in templates.iter().filter(|template| template["type"] == "agent") {
        let data = &template["templateData"];
        found.push((text(&template["name"]), text(&data["type"]), data["config"].clone()));
    }
    // A step has the configuration of its agent, with its own over it.
    let workflows = read(WORKFLOWS);
    let steps = workflows.iter().chain(templates.iter().map(|template| &template["templateData"]));
    for step in steps.filter_map(|holder| holder["steps"].as_array()).flatten() {
        let Some(agent) = agents.iter().find(|agent| agent["id"] == step["agentId"]) else { continue };
        let mut config = agent["config"].as_object().unwrap().clone();
        config.extend(step["config"].as_object().cloned().unwrap_or_default());
        found.push((text(&step["stepKey"]), text(&agent["type"]), Value::Object(config)));
    }
    found
}

#[test]
fn the_configurations_of_the_samples_are_those_their_agents_take() {
    let mut checked = 0;
    for (name, kind, config) in configurations() {
        let Some(agent) = agent(&kind) else { continue };
        checked += 1;
        let found: Vec<String> =
            agent.check(&config).iter().map(|bad| format!("{}: {}", bad.at, bad.message)).collect();
        assert_eq!(found, Vec::<String>::new(), "`{name}`");
        let schema = agent.describe().config.unwrap();
        for setting in config.as_object().unwrap().keys() {
            assert!(schema["properties"].get(setting).is_some(), "`{name}` has the setting `{setting}`");
        }
    }
    assert_eq!(checked, 16, "four agents, four templates, eight steps");
}

/// A configuration with values in the places of its templates.
fn evaluated(config: &Value, mapping: &Value, format: &str) -> Value {
    match config {
        Value::String(text) if text.contains("inputs.mapping") => mapping.clone(),
        Value::String(text) if text.contains("inputs.outputFormat") => json!(format),
        Value::Array(items) => items.iter().map(|item| evaluated(item, mapping, format)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), evaluated(value, mapping, format))).collect()
        }
        other => {
            assert!(!other.to_string().contains("{{"), "a template that is not known here: {other}");
            other.clone()
        }
    }
}

#[tokio::test]
async fn the_samples_transform_data() {
    for (name, kind, config) in configurations() {
        if kind != "data" {
            continue;
        }
        let inputs = json!({ "input": [{ "user": { "name": "Ann" }, "age": 30 }, { "age": 20 }] });
        let result = async |mapping: Value, format: &str| {
            let request =
                AttemptRequest::new(inputs.clone()).with_config(evaluated(&config, &mapping, format));
            let output = DataAgent::new().execute(request).await.unwrap();
            assert_eq!(output.value["outputCount"], 2, "`{name}`");
            output.value["result"].clone()
        };
        let mapping = json!({ "who": "user.name", "years": "age" });
        let expected = json!([{ "who": "Ann", "years": 30 }, { "years": 20 }]);
        assert_eq!(result(mapping.clone(), "json").await, expected, "`{name}`");
        assert_eq!(result(mapping, "csv").await, json!("who,years\r\nAnn,30\r\n,20\r\n"), "`{name}`");
        assert_eq!(result(json!({}), "array").await, inputs["input"], "`{name}` without a mapping");
    }
}
