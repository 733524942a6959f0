//! What `docs/agents-llm.md` says is so: its workflows compile, its tables are complete.

use std::path::Path;

use serde_json::Value;
use turbocat_core::{AgentExecutor, Engine, Workflow};
use turbocat_plugins::llm::{LlmAgent, Provider};
use turbocat_plugins::{Builtin, builtin};

/// The document; `None` if it is not part of the published crate.
fn document() -> Option<String> {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/agents-llm.md")).ok()
}

/// The first column of a table under a heading.
fn rows<'a>(text: &'a str, heading: &str) -> Vec<&'a str> {
    let section = text.split(heading).nth(1).unwrap_or_else(|| panic!("there is no `{heading}`"));
    let section = section.split("\n### ").next().unwrap();
    section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

#[test]
fn every_workflow_of_the_document_compiles() {
    let Some(text) = document() else { return };
    // `api` is another feature: any agent of that name will do
    let engine = builtin(Engine::builder(), &Builtin::new()).build();
    let mut count = 0;
    for block in text.split("```yaml\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let workflow = Workflow::from_yaml(block).unwrap_or_else(|found| panic!("{block}\n{found}"));
        let found = engine.check(&workflow);
        assert!(found.is_empty(), "{block}\n{found}");
        count += 1;
    }
    assert_eq!(count, 4);
}

#[test]
fn every_setting_is_in_the_table_and_nothing_else() {
    let Some(text) = document() else { return };
    let schema = LlmAgent::default().describe().config.unwrap();
    let settings: Vec<&str> = names(&schema);
    assert_eq!(rows(&text, "### Settings of llm"), settings);
}

#[test]
fn every_field_of_the_output_is_in_the_table() {
    let Some(text) = document() else { return };
    let schema = LlmAgent::default().describe().output.unwrap();
    let table = text.split("### Output of llm").nth(1).unwrap().split("\n### ").next().unwrap();
    for field in names(&schema) {
        assert!(table.contains(&format!("`{field}`")), "`{field}` is not in the table");
    }
}

#[test]
fn every_provider_is_in_the_table_with_its_address_and_key() {
    let Some(text) = document() else { return };
    for provider in Provider::ALL.into_iter().filter(|provider| *provider != Provider::Mock) {
        let row = text.lines().find(|line| line.starts_with(&format!("| `{}` | `http", provider.name())));
        let row = row.unwrap_or_else(|| panic!("there is no row of `{}`", provider.name()));
        assert!(row.contains(provider.home()), "{row}");
        assert!(provider.key_names().iter().all(|key| row.contains(key)), "{row}");
    }
}

#[test]
fn the_date_of_the_prices_is_said() {
    let Some(text) = document() else { return };
    let table: Value = serde_json::from_str(include_str!("../../src/llm/prices.json")).unwrap();
    assert_eq!(table["date"], "2026-02");
    assert!(text.contains("a table of February 2026"));
}

fn names(schema: &Value) -> Vec<&str> {
    schema["properties"].as_object().unwrap().keys().map(String::as_str).collect()
}
