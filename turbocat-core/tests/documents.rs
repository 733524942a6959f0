//! The documents say what is so: their YAML compiles, their expressions give what stands beside
//! them, and every code of a diagnostic is listed.
//!
//! The Rust samples of the documents are compiled as tests of the crate's documentation.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use turbocat_core::{AnyAgent, Code, Engine, StepFailure, Workflow, agent_fn, compile};

fn read(document: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(document)).unwrap()
}

/// The code blocks of a language.
fn blocks<'a>(document: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    document.split(&fence).skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect()
}

/// The rows of the table after a mark: two cells of code, or one of code and one of text.
fn rows(document: &str, mark: &str) -> Vec<(String, String)> {
    let rest = document.split(&format!("<!-- {mark} -->\n")).nth(1).unwrap();
    let rows = rest.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cell = |cell: &str| cell.trim().trim_matches('`').replace('\u{0}', "|");
    rows.map(|row| {
        let row = row.replace("\\|", "\u{0}");
        let mut cells = row.trim_matches('|').split('|');
        (cell(cells.next().unwrap()), cell(cells.next().unwrap()))
    })
    .collect()
}

fn evaluate(expression: &str) -> Result<Value, String> {
    let value = json!({ "v": format!("{{{{ {expression} }}}}") });
    let step = json!({ "type": "agent", "inputs": value });
    let workflow = Workflow::from_value(&json!({ "steps": { "s": step } })).unwrap();
    let inputs = json!({
        "n": 7, "who": "Ada", "none": null, "tags": ["b", "a"],
        "rows": [{ "k": "x", "v": 1 }, { "k": "y", "v": 2 }],
    });
    let run = async { Engine::builder().build().run(&workflow, inputs).await };
    let execution = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run);
    execution.map(|ended| ended.output()["s"]["v"].clone()).map_err(|error| error.to_string())
}

#[test]
fn every_workflow_in_the_documents_compiles() {
    let mut seen = 0;
    for document in ["README.md", "docs/definition.md", "docs/embedding.md"] {
        let text = read(document);
        for block in blocks(&text, "yaml")
            .into_iter()
            .filter(|block| block.contains("steps:") || block.contains("nodes:"))
        {
            let compiled = Workflow::from_yaml(block).and_then(|workflow| compile(&workflow, &AnyAgent));
            assert!(compiled.is_ok(), "{document}:\n{block}\n{}", compiled.unwrap_err());
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn every_expression_in_the_documents_gives_what_they_say() {
    for (expression, expected) in rows(&read("docs/definition.md"), "expressions") {
        let expected: Value = serde_json::from_str(&expected).unwrap();
        assert_eq!(evaluate(&expression), Ok(expected), "{expression}");
    }
    for (expression, message) in rows(&read("docs/definition.md"), "errors") {
        let error = evaluate(&expression).unwrap_err();
        assert!(error.contains(&message), "{expression}: {error}");
    }
}

#[test]
fn every_code_of_a_diagnostic_is_in_the_documents() {
    let text = read("docs/definition.md");
    for code in Code::ALL {
        assert!(text.contains(&format!("| `{code}` | ")), "{code}");
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Found {
    stories: Vec<String>,
    took_ms: u64,
}

#[tokio::test]
async fn every_message_in_the_readme_is_what_the_code_says() {
    let readme = read("README.md");
    let says = |message: &str| assert!(readme.contains(message.trim_end()), "{message}");
    let echo = || agent_fn(|input: Value| async move { Ok(input) });
    let search =
        agent_fn(|_: Value| async move { Ok(Found { stories: vec!["a".into(), "b".into()], took_ms: 3 }) });
    let fail = agent_fn(|_: Value| async move { Err::<Value, _>(StepFailure::error("no luck")) });
    let engine = Engine::builder().agent("search", search).agent("fail", fail);
    let engine = engine.agent("llm", echo()).agent("mail", echo()).agent("chat", echo()).build();

    let brief = blocks(&readme, "yaml")[0];
    let wrong = brief.replace("fetch.stories |", "fetch.stores |").replace("[notifyLow]", "[notfyLow]");
    says(&engine.check(&Workflow::parse("daily-brief.yaml", &wrong).unwrap()).to_string());
    let brief = engine.run(&Workflow::from_yaml(brief).unwrap(), json!({})).await.unwrap();
    says(&brief.explain("perStory").unwrap().to_string());

    let workflow =
        Workflow::from_yaml("steps: { charge: { agent: fail, retry: { max: 1, delay: 1ms } } }").unwrap();
    let bad = engine.start(&workflow, json!({})).unwrap().wait().await.unwrap();
    says(bad.explain("charge").unwrap().to_string().split(" (").next().unwrap());

    let text = "steps: { a: { agent: chat, inputs: { items: [] } }, b: { agent: chat, inputs: { x: '{{ a.item }}' } } }";
    let missing = engine.start(Workflow::from_yaml(text).unwrap(), json!({})).unwrap().wait().await.unwrap();
    says(missing.failure().unwrap().message.strip_prefix("step `b` failed: ").unwrap());
}

#[test]
fn the_readme_shows_the_first_example_as_it_is() {
    let example = read("turbocat-core/examples/hello.rs");
    let code = &example[example.find("use schemars").unwrap()..];
    assert!(read("README.md").contains(code));
}
