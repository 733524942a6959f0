//! The agent in a workflow: what the engine makes of what it says.

use async_trait::async_trait;
use serde_json::json;
use turbocat_core::{Engine, ExecutionStatus, FailureKind, Secrets, Workflow, agent_fn};
use turbocat_plugins::llm::Provider;

use crate::kit::{agent, bodies, calls, reply, says, script};
use crate::server::Reply;

#[tokio::test]
async fn a_workflow_asks_models_and_knows_what_it_cost() {
    let server = script(vec![
        reply(Provider::OpenAi, "", true),
        Reply::status(503),
        reply(Provider::Anthropic, "", true),
    ])
    .await;
    let engine = Engine::builder().agent("llm", agent(&server)).build();
    let workflow = Workflow::from_yaml(
        "
agents:
  writer: { type: llm, config: { models: [openai/gpt-4o-mini, anthropic/claude-haiku], temperature: 0.3 } }
steps:
  draft: { agent: writer, inputs: { prompt: 'On {{ inputs.topic }}' } }
  polish: { agent: writer, inputs: { text: '{{ draft.content }}' }, config: { promptTemplate: 'Polish: {{ text }}' } }
outputs: { text: '{{ polish.content }}', by: '{{ polish.provider }}', tokens: '{{ draft.usage.totalTokens }}' }
",
    )
    .unwrap();
    let execution = engine.run(&workflow, json!({ "topic": "cats" })).await.unwrap();
    assert_eq!(*execution.output(), json!({ "text": "Hello, Ada! ☀", "by": "anthropic", "tokens": 29 }));
    let usage = execution.usage();
    assert_eq!((usage.api_calls, usage.tokens()), (3, 58));
    assert!(usage.cost_usd > 0.0);
    let asked = bodies(&server);
    assert_eq!(asked[0]["messages"][0]["content"], "On cats");
    assert_eq!(asked[2]["messages"][0]["content"], "Polish: Hello, Ada! ☀");
    assert_eq!(asked[2]["temperature"], 0.3);
}

struct Vault;

#[async_trait]
impl Secrets for Vault {
    async fn secret(&self, name: &str) -> Option<String> {
        (name == "OPENAI").then(|| "sk-from-the-vault".to_owned())
    }
}

#[tokio::test]
async fn a_secret_is_a_key_and_is_in_no_record() {
    let server = script(vec![Reply::new(401, &[], "bad key sk-from-the-vault")]).await;
    let engine = Engine::builder().agent("llm", agent(&server)).secrets(Vault).build();
    let workflow = Workflow::from_yaml(
        "steps: { ask: { agent: llm, config: { model: gpt-4o-mini, apiKey: '{{ secrets.OPENAI }}', promptTemplate: hi } } }",
    )
    .unwrap();
    let plan = engine.compile(&workflow).unwrap();
    let handle = engine.start(&plan, json!({})).unwrap();
    let mut events = handle.events();
    let mut recorded = String::new();
    while let Some(event) = events.next().await {
        recorded.push_str(&plan.encode(&event).to_string());
    }
    let execution = handle.wait().await.unwrap();
    assert_eq!(server.only().header("authorization"), Some("Bearer sk-from-the-vault"));
    let failure = execution.failure().unwrap().to_string();
    assert!(failure.contains("bad key ***") && !failure.contains("sk-from"), "{failure}");
    assert!(recorded.contains("http.401") && !recorded.contains("sk-from-the-vault"), "{recorded}");
}

#[tokio::test]
async fn agents_and_workflows_of_the_engine_are_tools() {
    let server =
        script(vec![calls(&[("double", r#"{"n":4}"#), ("halve", r#"{"n":10}"#)]), says("8 and 5")]).await;
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Number {
        n: i64,
    }
    let halve = Workflow::from_yaml(
        "{ name: halve, inputs: { n: { type: integer } }, steps: { h: { agent: half, inputs: { n: '{{ inputs.n }}' } } }, outputs: { half: '{{ h }}' } }",
    )
    .unwrap();
    let engine = Engine::builder()
        .agent("llm", agent(&server))
        .agent("double", agent_fn(|number: Number| async move { Ok(number.n * 2) }))
        .agent("half", agent_fn(|number: Number| async move { Ok(number.n / 2) }))
        .workflow("halve", halve)
        .build();
    let workflow = Workflow::from_yaml(
        "steps: { ask: { agent: llm, config: { model: gpt-4o-mini, stream: false, promptTemplate: go, tools: [{ agent: double }, { workflow: halve }] } } }",
    )
    .unwrap();
    let execution = engine.run(&workflow, json!({})).await.unwrap();
    assert_eq!(execution.status(), ExecutionStatus::Completed, "{:?}", execution.failure());
    let called = &execution.output()["ask"]["toolCalls"];
    assert_eq!((&called[0]["result"], &called[1]["result"]), (&json!(8), &json!({ "half": 5 })));
}

#[tokio::test]
async fn a_budget_of_the_workflow_is_kept() {
    let server = script(vec![says("done")]).await;
    let engine = Engine::builder().agent("llm", agent(&server)).build();
    let workflow = Workflow::from_yaml(
        "
budget: { tokens: 150 }
steps:
  one: { agent: llm, config: { model: gpt-4o-mini, stream: false, promptTemplate: a } }
  two: { agent: llm, config: { model: gpt-4o-mini, stream: false, promptTemplate: 'b {{ one.content }}' } }
  three: { agent: llm, config: { model: gpt-4o-mini, stream: false, promptTemplate: 'c {{ two.content }}' } }
",
    )
    .unwrap();
    let handle = engine.start(engine.compile(&workflow).unwrap(), json!({})).unwrap();
    let execution = handle.wait().await.unwrap();
    assert_eq!(execution.failure().unwrap().kind, FailureKind::BUDGET);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn mistakes_are_found_when_a_workflow_is_compiled_each_of_them_once() {
    let server = script(vec![says("done")]).await;
    let engine = Engine::builder().agent("llm", agent(&server)).build();
    let check = |config: &str, expected: &[&str]| {
        let workflow =
            Workflow::from_yaml(&format!("steps: {{ ask: {{ agent: llm, config: {config} }} }}")).unwrap();
        let found: Vec<String> = engine.check(&workflow).iter().map(|found| found.message.clone()).collect();
        assert_eq!(found, expected, "{config}");
    };
    check("{ model: gpt-4o, promptTemplate: hi }", &[]);
    check(
        "{ models: [openai/gpt-4o, { provider: google, model: gemini-2.5-pro }], budget: { costUsd: 1 } }",
        &[],
    );
    check("{ model: gpt-4o, temprature: 1 }", &["step `ask`: agent `llm` has no setting `temprature`"]);
    check("{}", &["step `ask`: agent `llm` refuses its configuration: `model` is missing"]);
    check(
        "{ models: [gpt-4o] }",
        &["step `ask`: agent `llm` refuses its configuration: `gpt-4o` does not say whose model it is"],
    );
    check(
        "{ model: x, budget: { token: 5 } }",
        &["step `ask`: agent `llm` refuses its configuration: unknown setting `token`"],
    );
    check(
        "{ model: x, maxTokens: many }",
        &["step `ask`: `maxTokens` does not fit agent `llm`: it must be of type integer, not a text"],
    );
}
