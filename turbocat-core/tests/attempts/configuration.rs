//! What configurations see, where their mistakes are shown, and the agent that every engine knows.

use async_trait::async_trait;
use serde_json::{Value, json};
use turbocat_core::{
    AgentDescription, AgentExecutor, AttemptRequest, BadConfig, Engine, ExecutionStatus, StepFailure,
    StepOutput, agent_fn,
};

use crate::workflow;

/// Gives its configuration back. One of its settings is a URL.
struct Mirror;

#[async_trait]
impl AgentExecutor for Mirror {
    fn describe(&self) -> AgentDescription {
        let mut description = AgentDescription::default();
        description.encoded = vec!["url".to_owned()];
        description
    }

    fn check(&self, config: &Value) -> Vec<BadConfig> {
        let rules = config["rules"].as_array().into_iter().flatten().enumerate();
        rules
            .filter(|(_, rule)| rule["op"] == "gtt")
            .map(|(at, _)| {
                BadConfig::at(format!("/rules/{at}/op"), "unknown operator `gtt`")
                    .suggest("gtt", ["gt", "lt"])
            })
            .collect()
    }

    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        Ok(request.config().clone().into())
    }
}

fn engine() -> Engine {
    Engine::builder()
        .agent("mirror", Mirror)
        .agent("echo", agent_fn(|input: Value| async move { Ok(input) }))
        .workflow("inner", workflow("{ inputs: { n: integer }, steps: { e: { agent: echo, inputs: '{{ inputs.n }}' } }, outputs: '{{ e }}' }"))
        .build()
}

async fn given(text: &str, inputs: Value) -> Value {
    engine().run(&workflow(text), inputs).await.unwrap().output().clone()
}

#[tokio::test]
async fn a_configuration_sees_the_inputs_of_its_step_before_all_else() {
    let text = "
agents: { m: { type: mirror, config: { named: '{{ inputs.topic }}', bare: 'on {{ topic }}', all: '{{ inputs }}' } } }
steps:
  topic: { agent: echo, inputs: outer }
  s:
    agent: m
    inputs: { topic: '{{ topic }}!', n: 1 }
    config: { number: '{{ n + 1 }}', theirs: '{{ inputs.mine }}' }
";
    let output = given(text, json!({ "mine": true, "topic": "hidden" })).await;
    let laid = json!({ "mine": true, "topic": "outer!", "n": 1 });
    assert_eq!(
        output["s"],
        json!({ "named": "outer!", "bare": "on outer!", "all": laid, "number": 2, "theirs": true })
    );
}

#[tokio::test]
async fn a_configuration_of_a_step_without_inputs_sees_those_of_the_execution() {
    let text = "steps: { s: { agent: mirror, config: { a: '{{ inputs.topic }}' } } }";
    assert_eq!(given(text, json!({ "topic": "x" })).await["s"], json!({ "a": "x" }));
}

#[test]
fn a_name_that_no_step_or_input_has_is_a_mistake_of_the_configuration() {
    let text = "steps: { s: { agent: mirror, inputs: { topic: x }, config: { a: '{{ topik }}' } } }";
    let found = engine().check(&workflow(text)).to_string();
    assert!(
        found.contains("`topik` is not known here") && found.contains("did you mean `topic`?"),
        "{found}"
    );
}

#[tokio::test]
async fn values_in_a_url_are_percent_encoded_but_not_its_beginning() {
    let text = "
steps:
  s:
    agent: mirror
    inputs: { base: 'https://x.example/a b', id: 'ä/&?=1', n: 7 }
    config:
      url: '{{ base }}/{{ id }}?n={{ n }}&q={{ id }}'
      other: 'x/{{ id }}'
  whole: { agent: mirror, inputs: { base: 'https://x.example/?q=1' }, config: { url: '{{ base }}' } }
";
    let output = given(text, json!({})).await;
    let id = "%C3%A4%2F%26%3F%3D1";
    assert_eq!(output["s"]["url"], format!("https://x.example/a b/{id}?n=7&q={id}"));
    assert_eq!(output["s"]["other"], "x/ä/&?=1");
    assert_eq!(output["whole"]["url"], "https://x.example/?q=1");
}

#[tokio::test]
async fn a_value_in_a_url_does_not_lead_to_another_path() {
    let check = async |url: &str, id: &str, expected: Result<&str, &str>| {
        let text = format!("steps: {{ s: {{ agent: mirror, config: {{ url: '{url}' }} }} }}");
        let execution = match engine().run(&workflow(&text), json!({ "id": id })).await {
            Ok(execution) => execution,
            Err(error) => error.into_execution().unwrap(),
        };
        let failure = execution.steps().next().unwrap().failure;
        let got = match &failure {
            None => Ok(execution.output()["s"]["url"].as_str().unwrap()),
            Some(failure) => Err((failure.kind.as_str(), &*failure.message)),
        };
        match expected {
            Ok(expected) => assert_eq!(got, Ok(expected), "{url} {id}"),
            Err(dots) => {
                let (kind, message) = got.unwrap_err();
                assert_eq!(kind, "template", "{url} {id}: {message}");
                let expected = format!("makes `{dots}` of a part of the URL's path");
                assert!(message.contains(&expected) && message.contains("{{ inputs.id }}"), "{message}");
            }
        }
    };
    let posts = "https://x.example/users/{{ inputs.id }}/posts";
    check(posts, "..", Err("..")).await;
    check(posts, ".", Err(".")).await;
    check(posts, "...", Ok("https://x.example/users/.../posts")).await;
    check(posts, "a..", Ok("https://x.example/users/a../posts")).await;
    check(posts, "../..", Ok("https://x.example/users/..%2F../posts")).await;
    check(posts, "%2e", Ok("https://x.example/users/%252e/posts")).await;
    check("https://x.example/users/{{ inputs.id }}", "..", Err("..")).await;
    check("https://x.example/users/{{ inputs.id }}?q=1", "..", Err("..")).await;
    check("https://x.example/users/{{ inputs.id }}#top", "..", Err("..")).await;
    check("https://x.example/users/.{{ inputs.id }}/posts", ".", Err("..")).await;
    check("https://x.example/users/.{{ inputs.id }}/posts", "", Err(".")).await;
    check("https://x.example/users/%2E{{ inputs.id }}/posts", ".", Err("..")).await;
    check("https://x.example/users/{{ inputs.id }}{{ inputs.id }}", ".", Err("..")).await;
    check("https://x.example/users/{{ inputs.id }}\\posts", "..", Err("..")).await;
    check("https://x.example/users/{{ inputs.id }} ", "..", Err("..")).await;
    check("https://x.example/../a?q={{ inputs.id }}", "..", Ok("https://x.example/../a?q=..")).await;
    check("https://x.example/?q=/{{ inputs.id }}/", "..", Ok("https://x.example/?q=/../")).await;
}

#[test]
fn a_mistake_of_a_configuration_is_shown_where_it_stands() {
    let text = "\
agents:
  m:
    type: mirror
    config:
      rules:
        - { op: gt }
        - { op: gtt }
steps: { s: { agent: m } }
";
    let found = engine().check(&workflow(text)).to_string();
    assert!(found.contains("refuses its configuration: unknown operator `gtt`"), "{found}");
    assert!(found.contains(":7:") && found.contains("did you mean `gt`?"), "{found}");
}

#[tokio::test]
async fn the_agent_workflow_nests_one() {
    let text = "
name: outer
agents: { nested: { type: workflow, config: { workflowId: inner } } }
steps:
  a: { agent: nested, inputs: { n: 5 } }
  b: { agent: workflow, config: { workflow: inner, inputs: { n: 6 } } }
  c: { agent: nested, config: { inputs: { n: 7 }, waitForCompletion: false } }
";
    let output = given(text, json!({})).await;
    assert_eq!((&output["a"], &output["b"]), (&json!(5), &json!(6)));
    assert!(output["c"]["executionId"].is_string(), "{output}");
    let failed = engine()
        .run(&workflow("{ name: inner, steps: { a: { agent: workflow, config: { workflowId: inner, inputs: { n: 1 } } } } }"), json!({}))
        .await
        .unwrap_err()
        .into_execution()
        .unwrap();
    assert_eq!(failed.status(), ExecutionStatus::Failed);
    assert!(failed.failure().unwrap().message.contains("nested in itself"));
}

#[test]
fn mistakes_about_the_agent_workflow_are_found_before_it_begins() {
    let check = |config: &str, expected: &str| {
        let text = format!("steps: {{ a: {{ agent: workflow, config: {config} }} }}");
        let found = engine().check(&workflow(&text)).to_string();
        assert!(found.contains(expected), "{config}: {found}");
    };
    check("{}", "needs the setting `workflowId`");
    check("{ workflowId: inne, inputs: { n: 1 } }", "did you mean `inner`?");
    check("{ workflowId: '{{ inputs.which }}' }", "must be the name of a workflow");
    check("{ workflowId: inner, inputs: { n: 1 }, wait: true }", "has no setting `wait`");
    check("{ workflowId: inner, inputs: { n: 1 }, waitForCompletion: maybe }", "must be true or false");
    check("{ workflowId: inner, inputs: { n: many } }", "does not fit workflow `inner`");
}
