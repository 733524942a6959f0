//! Secrets: given to agents, and to nobody else.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};
use turbocat_core::testing::{ManualClock, ScriptedAgent};
use turbocat_core::{
    Engine, Execution, FailureKind, Secrets, StepFailure, Workflow, agent_fn, agent_fn_with,
};

struct Vault(BTreeMap<&'static str, &'static str>);

#[async_trait]
impl Secrets for Vault {
    async fn secret(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|secret| (*secret).to_owned())
    }
}

const SECRET: &str = "hunter2";

fn vault() -> Vault {
    Vault(BTreeMap::from([("KEY", SECRET), ("LONG", "hunter2-and-more")]))
}

/// Runs it and gives its end and all it recorded.
async fn course(engine: &Engine, yaml: &str) -> (Execution, String) {
    let plan = engine.compile(&Workflow::from_yaml(yaml).unwrap()).unwrap();
    let handle = engine.start(&plan, json!({})).unwrap();
    let mut events = handle.events();
    let mut recorded = String::new();
    while let Some(event) = events.next().await {
        recorded.push_str(&plan.encode(&event).to_string());
        recorded.push('\n');
    }
    (handle.wait().await.unwrap(), recorded)
}

#[tokio::test]
async fn a_secret_reaches_the_agent_and_never_the_record() {
    let agent = ScriptedAgent::new().echo();
    let engine = Engine::builder().agent("a", agent.clone()).secrets(vault()).build();
    let yaml = "
steps:
  s:
    agent: a
    inputs: { header: 'Bearer {{ secrets.KEY }}', list: ['{{ secrets.LONG }}'] }
    config: { token: '{{ secrets.KEY }}' }
  t: { agent: a, inputs: { got: '{{ s.header }}' } }
";
    let (execution, recorded) = course(&engine, yaml).await;
    let call = &agent.calls_of("s")[0];
    assert_eq!(call.inputs, json!({ "header": "Bearer hunter2", "list": ["hunter2-and-more"] }));
    assert_eq!(call.config, json!({ "token": "hunter2" }));
    assert_eq!(execution.output()["s"], json!({ "header": "Bearer [secret]", "list": ["[secret]"] }));
    assert_eq!(agent.calls_of("t")[0].inputs, json!({ "got": "Bearer [secret]" }));
    assert!(!recorded.contains(SECRET), "{recorded}");
}

#[tokio::test]
async fn a_secret_is_blacked_out_of_failures_and_panics() {
    let engine = Engine::builder()
        .agent(
            "fail",
            agent_fn(|input: Value| async move {
                let failure = StepFailure::error(format!("401 for {}", input["key"].as_str().unwrap()));
                Err::<Value, _>(failure.detail(input))
            }),
        )
        .agent(
            "panic",
            agent_fn(|input: Value| async move {
                assert!(input["key"].is_null(), "what is {}?", input["key"]);
                Ok(Value::Null)
            }),
        )
        .agent(
            "begin",
            agent_fn_with(|input: Value, request| {
                assert!(request.attempt > 1, "what is {}?", input["key"]);
                async { Ok(Value::Null) }
            }),
        )
        .secrets(vault())
        .build();
    for agent in ["fail", "panic", "begin"] {
        let yaml =
            format!("steps: {{ s: {{ agent: {agent}, inputs: {{ key: '{{{{ secrets.KEY }}}}' }} }} }}");
        let (execution, recorded) = course(&engine, &yaml).await;
        let message = &execution.failure().unwrap().message;
        assert!(message.contains("[secret]"), "{agent}: {message}");
        assert!(!recorded.contains(SECRET), "{agent}: {recorded}");
    }
}

#[tokio::test]
async fn a_secret_in_a_template_that_fails_is_not_told() {
    let engine = Engine::builder().agent("a", ScriptedAgent::new().echo()).secrets(vault()).build();
    let yaml = "steps: { s: { agent: a, inputs: { n: '{{ secrets.KEY.no.such.thing }}' } } }";
    let workflow = Workflow::from_yaml(yaml).unwrap();
    // Whether it is refused or fails: it is not told.
    match engine.compile(&workflow) {
        Err(error) => assert!(!error.to_string().contains(SECRET)),
        Ok(_) => {
            let (execution, recorded) = course(&engine, yaml).await;
            assert_eq!(execution.steps().next().unwrap().failure.unwrap().kind, FailureKind::TEMPLATE);
            assert!(!recorded.contains(SECRET), "{recorded}");
        }
    }
}

#[tokio::test]
async fn a_missing_secret_fails_the_step_by_name_and_is_not_tried_again() {
    let agent = ScriptedAgent::new();
    let check = async |engine: Engine| {
        let yaml = "steps: { s: { agent: a, retry: { max: 3 }, inputs: { key: '{{ secrets.NONE }}' } } }";
        let (execution, _) = course(&engine, yaml).await;
        let step = execution.steps().next().unwrap();
        assert_eq!(step.attempts, 1);
        assert_eq!(step.failure.unwrap().message, "the secret `NONE` does not exist");
        assert!(agent.calls().is_empty());
    };
    check(Engine::builder().agent("a", agent.clone()).secrets(vault()).build()).await;
    check(Engine::builder().agent("a", agent.clone()).build()).await;
}

/// A vault that never answers.
struct Deaf;

#[async_trait]
impl Secrets for Deaf {
    async fn secret(&self, _: &str) -> Option<String> {
        std::future::pending().await
    }
}

#[test]
fn the_time_limit_of_an_attempt_bounds_the_fetching_of_its_secrets() {
    let clock = ManualClock::new();
    let agent = ScriptedAgent::new();
    let engine = Engine::builder().agent("a", agent).secrets(Deaf).clock(clock.clone()).build();
    let yaml = "steps: { s: { agent: a, timeout: 5s, inputs: { key: '{{ secrets.KEY }}' } } }";
    let workflow = Workflow::from_yaml(yaml).unwrap();
    let error = clock.block_on(engine.run(&workflow, json!({}))).unwrap_err();
    assert!(error.to_string().ends_with("the attempt timed out after 5s"), "{error}");
}
