//! docs/agents-data.md: its examples are played, and every operation has one.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use turbocat_core::{AgentExecutor, Engine, Workflow};
use turbocat_plugins::data::DataAgent;

use crate::ask::{ask, failure_of, wrong};

const TEXT: &str = include_str!("../../../docs/agents-data.md");

/// The blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("```{language}\n");
    TEXT.split(opening.as_str()).skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect()
}

#[test]
fn the_examples_of_the_document_do_what_it_says() {
    let mut operations = BTreeSet::new();
    for block in blocks("json") {
        let mut example: Value =
            serde_json::from_str(block).unwrap_or_else(|error| panic!("{error}: {block}"));
        let config = example["config"].take();
        let inputs = json!({ "data": example["data"].take() });
        if let Some(fails) = example.get("fails") {
            assert_eq!(failure_of(inputs, config).1, fails.as_str().unwrap());
            continue;
        }
        operations.extend(config["operation"].as_str().map(str::to_owned));
        assert_eq!(wrong(config.clone()), [], "{block}");
        let output = ask(inputs, config).unwrap_or_else(|failure| panic!("{failure}: {block}"));
        match example.get("output") {
            Some(expected) => assert_eq!(&output, expected, "{block}"),
            None => assert_eq!(output["result"], example["result"], "{block}"),
        }
    }
    let schema = DataAgent::new().describe().config.unwrap();
    let all: BTreeSet<String> = schema["$defs"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(operations, all, "every operation has an example");
    for name in all {
        assert!(TEXT.contains(&format!("\n### {name}\n")), "`{name}` has a section");
        for setting in schema["$defs"][&name]["properties"].as_object().unwrap().keys() {
            assert!(
                TEXT.contains(&format!("`{setting}")) || TEXT.contains(&format!("\"{setting}\"")),
                "`{setting}` of `{name}` is told"
            );
        }
    }
    for setting in schema["properties"].as_object().unwrap().keys().filter(|name| *name != "outputField") {
        assert!(TEXT.contains(&format!("`{setting}")), "`{setting}` is told");
    }
}

#[test]
fn the_workflow_of_the_document_runs() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
    for block in blocks("yaml") {
        let workflow = Workflow::from_yaml(block).unwrap();
        let output = runtime.block_on(async {
            let engine = Engine::builder().agent("data", DataAgent::new()).build();
            let orders = json!([
                { "city": "Ulm", "total": 20 }, { "city": "Bonn", "total": 11 },
                { "city": "Ulm", "total": 5 }, { "city": "Bonn", "total": 30 },
            ]);
            engine.run(&workflow, json!({ "orders": orders })).await.unwrap().output().clone()
        });
        let expected = json!([{ "city": "Bonn", "sum_total": 41 }, { "city": "Ulm", "sum_total": 20 }]);
        assert_eq!(output, expected);
    }
    assert_eq!(blocks("yaml").len(), 1);
}

#[test]
fn mistakes_are_shown_where_they_stand_when_a_workflow_is_compiled() {
    let workflow = Workflow::from_yaml(
        "steps:\n  pick:\n    agent: data\n    config:\n      operation: filter\n      operationConfig:\n        conditions:\n          - { field: a, operator: gtt, value: 1 }\n",
    )
    .unwrap();
    let engine = Engine::builder().agent("data", DataAgent::new()).build();
    let diagnostics = engine.check(&workflow);
    let text = diagnostics.to_string();
    assert!(text.contains("unknown operator `gtt`"), "{text}");
    assert!(text.contains("did you mean `gt`?"), "{text}");
    assert!(text.contains(":8:") || text.contains("line 8") || text.contains("--> 8"), "{text}");
}
