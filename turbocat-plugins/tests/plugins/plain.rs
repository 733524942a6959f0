//! A plugin that was made with the kit of Extism and knows nothing of Turbocat.

use serde_json::{Value, json};
use turbocat_core::Workflow;
use turbocat_plugins::wasm::{Manifest, ManifestAgent, Source, StateKind};

use crate::called::{Called, file, host};
use crate::directory::Directory;

const PAGE: &str = "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nconnection: close\r\n\r\nnone";

#[tokio::test]
async fn its_exports_are_its_agents() {
    let called = Called::new(host(), "plain", &[]).await;
    let manifest = called.plugin.manifest();
    assert_eq!((&*manifest.name, &*manifest.version), ("plain", "0.0.0"));
    let mut agents: Vec<&str> = manifest.agents.iter().map(|agent| &*agent.name).collect();
    agents.sort_unstable();
    assert_eq!(agents, ["count_vowels", "echo", "fail", "fetch", "nothing"]);
    assert!(manifest.capabilities.is_empty());
}

#[tokio::test]
async fn it_reads_the_inputs_as_json_and_settings_that_are_texts() {
    let called = Called::new(host(), "plain", &[]).await;
    let inputs = json!({ "text": "Hello, ü" });
    assert_eq!(called.output("echo", inputs.clone()).await, inputs);
    // The name of the input counts too.
    let output = called.output("count_vowels", inputs.clone()).await;
    assert_eq!(output, json!({ "count": 3, "total": 3, "vowels": "aeiouAEIOU" }));
    assert_eq!(called.said(), ["info: counted 3"]);
    let output = called.with("count_vowels", inputs, json!({ "vowels": "ü", "other": 7 })).await.unwrap();
    assert_eq!(
        output,
        json!({ "count": 1, "total": 1, "vowels": "ü" }),
        "and nothing is left of the first call"
    );
    assert_eq!(called.output("nothing", json!({})).await, Value::Null);
}

#[tokio::test]
async fn its_plain_text_is_the_message_of_a_failure() {
    let called = Called::new(host(), "plain", &[]).await;
    let failure = called.failure("fail", json!({ "n": 1 })).await;
    assert_eq!(failure.kind.as_str(), "error");
    assert_eq!(failure.message, "no luck with {\"n\":1}");
    assert!(failure.retryable);
}

#[tokio::test]
async fn it_fetches_from_where_it_was_granted_and_from_nowhere_else() {
    let directory = Directory::answering(PAGE).await;
    let url = json!({ "url": format!("http://{}/x", directory.address) });
    let called = Called::new(host(), "plain", &[&format!("http * {}", directory.address)]).await;
    let page = called.output("fetch", url.clone()).await;
    assert_eq!(page, json!({ "status": 404, "body": "none", "kind": "text/plain" }));
    assert!(directory.asked()[0].contains("x-asked-by: plain"));

    let called = Called::new(host(), "plain", &["http * *.example.com"]).await;
    let failure = called.failure("fetch", url).await;
    assert_eq!(failure.kind.as_str(), "denied");
    assert_eq!(failure.detail.unwrap()["grant"], json!(format!("http GET {}", directory.address)));
    assert_eq!(directory.asked().len(), 1);
}

#[tokio::test]
async fn a_program_may_say_what_it_is_and_that_its_memory_lives_as_long_as_an_execution() {
    let mut manifest = Manifest::new("vowels", "2.1.0");
    let mut agent = ManifestAgent::default();
    (agent.name, agent.function) = ("count".to_owned(), Some("count_vowels".to_owned()));
    manifest.agents.push(agent);
    manifest.state = StateKind::Execution;
    let called = Called::of(host(), Source::file(file("plain")).manifest(manifest), &[]).await;

    let workflow = json!({
        "steps": {
            "first": { "agent": "count", "inputs": { "x": "aei" } },
            "second": { "agent": "count@2", "inputs": { "x": "ou" }, "dependsOn": "first" },
        },
        "outputs": { "totals": ["{{ first.total }}", "{{ second.total }}"] },
    });
    let workflow = Workflow::from_yaml(&workflow.to_string()).unwrap();
    // What the first step left, the second finds; no other execution does.
    for _ in 0..2 {
        let execution = called.engine.run(&workflow, json!({})).await.unwrap();
        assert_eq!(execution.output()["totals"], json!([3, 5]));
    }
}
