//! What `docs/agents.md` says is so: its workflows compile, its tables are complete.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]
#![cfg_attr(not(feature = "api"), allow(dead_code, unused_imports, reason = "no agent, no table"))]

use std::path::Path;

use serde_json::Value;
use turbocat_core::{AgentExecutor, Engine, Workflow};
use turbocat_plugins::{Builtin, builtin};

/// A part of the document, from its heading to the next of the same rank; `None` if it is not part
/// of the published crate.
fn section(heading: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/agents.md");
    let text = std::fs::read_to_string(path).ok()?;
    let rank = heading.split(' ').next().unwrap();
    let mut lines = text.lines().skip_while(|line| *line != heading);
    assert_eq!(lines.next(), Some(heading), "there is no such heading");
    let next = format!("{rank} ");
    Some(lines.take_while(|line| !line.starts_with(&next)).map(|line| format!("{line}\n")).collect())
}

/// Compiles every workflow of a section.
fn compiles(heading: &str) {
    let Some(text) = section(heading) else { return };
    let engine = builtin(Engine::builder(), &Builtin::new()).build();
    let mut count = 0;
    for block in text.split("```yaml\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let workflow = Workflow::from_yaml(block).unwrap_or_else(|found| panic!("{block}\n{found}"));
        let found = engine.check(&workflow);
        assert!(found.is_empty(), "{block}\n{found}");
        count += 1;
    }
    assert!(count > 0, "there is no workflow under `{heading}`");
}

/// Whether the table of a section has a row for every setting of a schema, and for nothing else.
fn lists(heading: &str, schema: &Value) {
    let Some(text) = section(heading) else { return };
    let rows: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let settings: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(rows, settings);
}

#[test]
fn the_workflow_of_generic_compiles() {
    compiles("## generic");
}

#[cfg(feature = "api")]
#[test]
fn the_section_of_api_is_true() {
    compiles("## api");
    let agent = turbocat_plugins::api::ApiAgent::default();
    lists("### Settings", &agent.describe().config.unwrap());
}
