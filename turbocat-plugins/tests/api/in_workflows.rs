//! The agent in a workflow: templates, retries of the step, secrets.

use async_trait::async_trait;
use serde_json::{Value, json};
use turbocat_core::{Engine, Secrets, Workflow};
use turbocat_plugins::net::Egress;
use turbocat_plugins::{Builtin, builtin};

use super::server::{Reply, Server};

fn engine() -> Engine {
    let egress = Egress::builder().allow("127.0.0.1").build().unwrap();
    builtin(Engine::builder(), &Builtin::new().egress(egress)).build()
}

fn workflow(config: &Value) -> Workflow {
    Workflow::from_json(&json!({ "steps": { "call": { "agent": "api", "config": config } } }).to_string())
        .unwrap()
}

#[tokio::test]
async fn templates_are_evaluated_and_addresses_encoded() {
    let server = Server::start(|_, _| Reply::json("{}")).await;
    let config = json!({
        "url": "{{ inputs.base }}/users/{{ inputs.name }}?x={{ inputs.name }}",
        "method": "{{ inputs.method }}",
        "headers": { "X-Count": "{{ inputs.count }}", "X-Text": "n={{ inputs.count }}" },
        "queryParams": { "name": "{{ inputs.name }}", "many": "{{ inputs.many }}" },
        "body": { "count": "{{ inputs.count }}", "list": "{{ inputs.many }}", "text": "{{ inputs.count }} of {{ inputs.name }}" },
        "requestTimeoutMs": "{{ inputs.timeout }}",
    });
    let inputs = json!({
        "base": server.url(""), "name": "a b/c?d&e", "method": "post", "count": 7, "many": [1, "x y"], "timeout": 5000,
    });
    let execution = engine().run(&workflow(&config), inputs).await.unwrap();
    assert_eq!(execution.output()["call"]["statusCode"], 200, "{:?}", execution.output());
    let seen = server.only();
    assert_eq!(seen.method, "POST");
    assert_eq!(
        seen.target,
        "/users/a%20b%2Fc%3Fd%26e?x=a%20b%2Fc%3Fd%26e&name=a+b%2Fc%3Fd%26e&many=1&many=x+y"
    );
    assert_eq!((seen.header("x-count"), seen.header("x-text")), (Some("7"), Some("n=7")));
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(body, json!({ "count": 7, "list": [1, "x y"], "text": "7 of a b/c?d&e" }));
}

struct Vault;

#[async_trait]
impl Secrets for Vault {
    async fn secret(&self, name: &str) -> Option<String> {
        (name == "KEY").then(|| "hunter 2&".to_owned())
    }
}

/// In clear, percent-encoded in two ways, and as basic auth has it.
fn is_told(text: &str) -> bool {
    ["hunter 2", "hunter%202", "hunter+2", "aHVudGVyIDIm", "YWRhOmh1bnRlciAyJg"]
        .iter()
        .any(|dress| text.contains(dress))
}

#[tokio::test]
async fn a_secret_is_sent_and_never_seen_in_whatever_dress() {
    // a server that says all it was told
    let server = Server::start(|seen, _| {
        let authorization = seen.header("authorization").unwrap_or_default().to_owned();
        let body = json!({ "target": seen.header("x-key"), "authorization": authorization });
        Reply::new(400, &[("x-echo", &authorization)], body.to_string())
    })
    .await;
    let egress = Egress::builder().allow("127.0.0.1").build().unwrap();
    let engine = builtin(Engine::builder().secrets(Vault), &Builtin::new().egress(egress)).build();
    for fails in [false, true] {
        let config = json!({
            "url": format!("{}/bot{{{{ secrets.KEY }}}}/x", server.url("")),
            "queryParams": { "k": "{{ secrets.KEY }}" },
            "headers": { "X-Key": "{{ secrets.KEY }}" },
            "auth": { "type": "basic", "username": "ada", "password": "{{ secrets.KEY }}" },
            "failOnStatus": fails,
        });
        let handle = engine.start(workflow(&config), json!({})).unwrap();
        let mut reports = handle.reports();
        let execution = handle.wait().await.unwrap();
        let failure = execution.steps().next().unwrap().failure;
        let failure = failure.map(|failure| format!("{failure} {:?}", failure.detail));
        assert_eq!(failure.is_some(), fails);
        let mut told = format!("{} {failure:?}", execution.output());
        assert!(told.contains("/bot[secret]/x?k=%5Bsecret%5D"), "{told}");
        assert!(told.contains("Basic [secret]"), "{told}");
        while let Some(report) = reports.next().await {
            told.push_str(&serde_json::to_string(&report).unwrap());
        }
        assert!(told.contains("GET http://127.0.0.1"), "{told}");
        assert!(!is_told(&told), "{told}");
    }
    let seen = server.seen();
    assert_eq!(seen[0].target, "/bothunter%202%26/x?k=hunter+2%26");
    assert_eq!(seen[0].header("authorization"), Some("Basic YWRhOmh1bnRlciAyJg=="));
}

#[tokio::test]
async fn the_keys_of_two_attempts_of_a_step_are_the_same() {
    let server = Server::start(|_, count| Reply::status(if count == 0 { 503 } else { 200 })).await;
    let workflow = Workflow::from_json(
        &json!({ "steps": { "call": {
            "agent": "api",
            "config": { "url": server.url("/"), "method": "POST", "failOnStatus": true },
            "retry": { "max": 1, "delay": "1ms", "on": ["http.5xx"] },
        } } })
        .to_string(),
    )
    .unwrap();
    let execution = engine().run(&workflow, json!({})).await.unwrap();
    assert_eq!(execution.output()["call"]["statusCode"], 200);
    let keys: Vec<_> =
        server.seen().iter().map(|seen| seen.header("idempotency-key").unwrap().to_owned()).collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
    assert!(keys[0].ends_with("/call"), "{}", keys[0]);
}

#[test]
fn mistakes_are_told_when_a_workflow_is_compiled() {
    let diagnostics = |config: &Value| {
        let engine = engine();
        let found = engine.check(&workflow(config));
        found.iter().map(|found| found.message.clone()).collect::<Vec<_>>()
    };
    let found = diagnostics(&json!({ "url": "https://example.com/", "method": "PSOT", "retryCout": 1 }));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found.iter().any(|text| text.contains("invalid method `PSOT`")), "{found:#?}");
    assert!(found.iter().any(|text| text.contains("`retryCout`")), "{found:#?}");
    assert_eq!(diagnostics(&json!({ "url": "https://example.com/" })), Vec::<String>::new());
}

#[test]
fn an_output_that_does_not_exist_is_told_when_a_workflow_is_compiled() {
    let workflow = Workflow::from_json(
        &json!({ "steps": {
            "call": { "agent": "api", "config": { "url": "https://example.com/" } },
            "use": { "agent": "generic", "inputs": { "code": "{{ call.statuscode }}", "fine": "{{ call.data.x }}" } },
        } })
        .to_string(),
    )
    .unwrap();
    let found: Vec<_> = engine().check(&workflow).iter().map(|found| found.message.clone()).collect();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("statuscode"), "{found:#?}");
}

#[tokio::test]
async fn the_generic_agent_gives_back_its_inputs() {
    let workflow = Workflow::from_json(
        &json!({ "steps": { "echo": { "agent": "generic", "inputs": { "a": "{{ inputs.a }}" } } } })
            .to_string(),
    )
    .unwrap();
    let execution = engine().run(&workflow, json!({ "a": [1] })).await.unwrap();
    assert_eq!(execution.output()["echo"], json!({ "executed": true, "inputs": { "a": [1] } }));
}
