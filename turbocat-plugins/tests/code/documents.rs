//! What `docs/code-agent.md` shows is what the agent does: every workflow is compiled and executed.

use std::path::Path;

use serde_json::{Value, json};
use turbocat_core::{AgentExecutor, Engine, ExecutionStatus, Workflow};
use turbocat_plugins::code::CodeAgent;

use crate::subject::{agent, plugins};

/// The document; `None` if it is not part of the published crate.
fn document() -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/code-agent.md");
    std::fs::read_to_string(path).ok()
}

/// Its blocks: language and text.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    text.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n')).collect()
}

#[tokio::test]
async fn every_workflow_does_what_stands_under_it() {
    let Some(text) = document() else { return };
    let engine = Engine::builder().agent("code", CodeAgent::new(plugins().await).await.unwrap()).build();
    let blocks = blocks(&text);
    let mut count = 0;
    for pair in blocks.windows(2) {
        let [("yaml", yaml), (kind, expected)] = pair else { continue };
        let workflow = Workflow::from_yaml(yaml).unwrap_or_else(|found| panic!("{yaml}\n{found}"));
        let found = engine.check(&workflow).to_string();
        count += 1;
        if *kind == "diagnostic" {
            assert!(found.contains(expected.trim()), "{yaml}\n{found}");
            continue;
        }
        assert_eq!(found, "", "{yaml}");
        let execution = engine.start(&workflow, json!({})).unwrap().wait().await.unwrap();
        match *kind {
            "json" => {
                let expected: Value = serde_json::from_str(expected).unwrap();
                assert_eq!(execution.status(), ExecutionStatus::Completed, "{yaml}");
                assert_eq!(*execution.output(), expected, "{yaml}");
            }
            "failure" => {
                let failure = execution.failure().unwrap();
                assert!(failure.message.contains(expected.trim()), "{yaml}\n{}", failure.message);
            }
            other => panic!("nobody knows what `{other}` is"),
        }
    }
    assert!(count >= 8, "{count} workflows");
}

#[tokio::test]
async fn every_setting_is_in_the_table() {
    let Some(text) = document() else { return };
    let section = text.split("\n## ").find(|section| section.starts_with("Settings\n")).unwrap();
    let names = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let mut listed: Vec<&str> =
        names.flat_map(|names| names.split(", ")).map(|name| name.trim_matches('`')).collect();
    let schema = agent().await.describe().config.unwrap();
    let mut known: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    listed.sort_unstable();
    known.sort_unstable();
    assert_eq!(listed, known);
}
