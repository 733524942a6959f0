//! Workflows within workflows.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use serde_json::json;
use turbocat_core::testing::{CallEnd, ManualClock, ScriptedAgent};
use turbocat_core::{Engine, EngineBuilder, ExecutionStatus, FailureKind, StepStatus, Workflow};

fn workflow(yaml: &str) -> Workflow {
    Workflow::from_yaml(yaml).unwrap()
}

fn builder(agent: &ScriptedAgent) -> EngineBuilder {
    let child = "
name: child
inputs: { n: { type: integer, minimum: 1 } }
steps: { inner: { agent: a, inputs: { n: '{{ inputs.n }}' } } }
outputs: '{{ inner }}'
";
    Engine::builder().agent("a", agent.clone()).workflow("child", workflow(child))
}

#[tokio::test]
async fn the_inputs_of_a_nested_workflow_are_checked() {
    let agent = ScriptedAgent::new().echo();
    let engine = builder(&agent).build();
    let parent = workflow("steps: { c: { workflow: child, inputs: { n: '{{ inputs.n }}' } } }");
    let execution = engine.run(&parent, json!({ "n": 1 })).await.unwrap();
    assert_eq!(execution.output(), &json!({ "c": { "n": 1 } }));
    let error = engine.run(&parent, json!({ "n": 0 })).await.unwrap_err();
    let execution = error.execution().unwrap();
    let message = &execution.failure().unwrap().message;
    assert!(message.contains("the inputs do not fit"), "{message}");
    assert!(message.contains("`n`") || message.contains("minimum"), "{message}");
    assert_eq!(agent.calls().len(), 1);
}

#[tokio::test]
async fn cancelling_a_parent_cancels_what_is_nested_however_deep() {
    let agent = ScriptedAgent::new().otherwise_hang();
    let engine = builder(&agent)
        .workflow("middle", workflow("steps: { c: { workflow: child, inputs: { n: 1 } } }"))
        .build();
    let handle = engine.start(workflow("steps: { m: { workflow: middle } }"), json!({})).unwrap();
    agent.until_hanging(1).await;
    handle.cancel("enough").await.unwrap();
    let execution = handle.wait().await.unwrap();
    assert_eq!(execution.status(), ExecutionStatus::Cancelled);
    agent.until_hanging(0).await;
    assert_eq!(agent.calls()[0].end, CallEnd::Dropped);
    while engine.active() > 0 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_nested_workflow_that_takes_too_long_is_cancelled_and_started_anew() {
    let clock = ManualClock::new();
    let agent = ScriptedAgent::new().then_hang().then("in time");
    let engine = builder(&agent).clock(clock.clone()).build();
    let yaml = "
steps:
  c: { workflow: child, inputs: { n: 1 }, timeout: 1h, retry: { max: 1, delay: 1m, jitter: 0 } }
";
    let execution = clock.block_on(engine.run(&workflow(yaml), json!({}))).unwrap();
    assert_eq!(execution.output(), &json!({ "c": "in time" }));
    assert_eq!(clock.elapsed().as_secs(), 3_660);
    let calls = agent.calls();
    assert_eq!((calls[0].end, calls[1].end), (CallEnd::Dropped, CallEnd::Answered));
    assert_ne!(calls[0].execution, calls[1].execution, "each attempt is an execution of its own");
}

#[test]
fn a_nested_workflow_that_times_out_for_good_is_the_timeout_of_its_step() {
    let clock = ManualClock::new();
    let agent = ScriptedAgent::new().then_hang();
    let engine = builder(&agent).clock(clock.clone()).build();
    let parent = workflow("steps: { c: { workflow: child, inputs: { n: 1 }, timeout: 1h } }");
    let error = clock.block_on(engine.run(&parent, json!({}))).unwrap_err();
    let step = error.execution().unwrap().steps().next().unwrap();
    assert_eq!(step.status, StepStatus::Timeout);
    assert_eq!(step.failure.unwrap().message, "step `c` timed out after 1h");
}

#[tokio::test]
async fn a_nested_workflow_nobody_waits_for_goes_on_by_itself() {
    let agent = ScriptedAgent::new().then_held("late");
    let engine = builder(&agent).build();
    let parent = workflow("steps: { c: { workflow: child, inputs: { n: 1 }, waitForCompletion: false } }");
    let execution = engine.run(&parent, json!({})).await.unwrap();
    assert_eq!(execution.output()["c"]["status"], "running");
    agent.until_hanging(1).await;
    assert_eq!(engine.active(), 1);
    assert_eq!(execution.output()["c"]["executionId"], agent.calls()[0].execution.to_string());
    agent.release();
    while engine.active() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(agent.calls()[0].end, CallEnd::Answered);
}

#[tokio::test]
async fn workflows_are_nested_no_deeper_than_allowed_and_never_in_themselves() {
    let agent = ScriptedAgent::new().echo();
    let check = async |engine: Engine, expected: &str| {
        let error = engine.run("one", json!({})).await.unwrap_err();
        let failure = error.execution().unwrap().steps().next().unwrap().failure.unwrap();
        assert_eq!(failure.kind, FailureKind::NESTED);
        assert!(failure.message.contains(expected), "{}", failure.message);
    };
    let nest = |name: &str| workflow(&format!("steps: {{ s: {{ workflow: {name} }} }}"));
    let deep = builder(&agent).workflow("one", nest("two")).workflow("two", nest("three"));
    let deep = deep.workflow("three", workflow("steps: { s: { agent: a } }"));
    check(deep.max_nesting(1).build(), "workflows are nested more than 1 deep").await;
    let round = builder(&agent).workflow("one", nest("two")).workflow("two", nest("one"));
    check(round.build(), "workflow `one` would be nested in itself").await;
    assert!(agent.calls().is_empty());
}

/// A workflow that brings two along, one of which nests the other.
const LIBRARY: &str = "
workflows:
  invoice for a day:
    inputs: { n: { type: integer, minimum: 1 } }
    steps: { line: { workflow: line, inputs: { n: '{{ inputs.n }}' } } }
    outputs: '{{ line }}'
  line:
    steps: { inner: { agent: a, inputs: { n: '{{ inputs.n }}' } } }
    outputs: '{{ inner }}'
steps: { c: { workflow: invoice for a day, inputs: { n: '{{ inputs.n }}' } } }
";

#[tokio::test]
async fn workflows_that_a_definition_brings_along_are_nested_by_name_and_see_each_other() {
    let agent = ScriptedAgent::new().echo();
    let engine = Engine::builder().agent("a", agent.clone()).build();
    let parent = workflow(LIBRARY);
    assert_eq!(engine.compile(&parent).unwrap().library().collect::<Vec<_>>(), ["invoice for a day", "line"]);
    let execution = engine.run(&parent, json!({ "n": 7 })).await.unwrap();
    assert_eq!(execution.output(), &json!({ "c": { "n": 7 } }));
    let error = engine.run(&parent, json!({ "n": 0 })).await.unwrap_err();
    assert!(error.execution().unwrap().failure().unwrap().message.contains("the inputs do not fit"));
}

#[tokio::test]
async fn what_a_definition_brings_along_is_found_before_what_is_registered() {
    let agent = ScriptedAgent::new().echo();
    let other = workflow("steps: { x: { agent: a, inputs: { other: true } } }");
    let engine = Engine::builder().agent("a", agent).workflow("line", other).build();
    let execution = engine.run(&workflow(LIBRARY), json!({ "n": 7 })).await.unwrap();
    assert_eq!(execution.output(), &json!({ "c": { "n": 7 } }));
}

#[tokio::test]
async fn a_workflow_that_is_brought_along_cannot_be_nested_in_itself() {
    let engine = Engine::builder().build();
    let parent = workflow(
        "workflows: { a: { steps: { b: { workflow: b } } }, b: { steps: { a: { workflow: a } } } }\nsteps: { a: { workflow: a } }",
    );
    let error = engine.run(&parent, json!({})).await.unwrap_err();
    let failure = error.execution().unwrap().failure().unwrap();
    assert!(failure.message.contains("would be nested in itself"), "{failure}");
}

#[tokio::test]
async fn what_is_wrong_with_a_workflow_that_is_brought_along_is_found_in_its_place() {
    let engine = Engine::builder().agent("a", ScriptedAgent::new().echo()).build();
    let yaml = "workflows:\n  one:\n    steps:\n      x: { agent: b }\n  two:\n    inputs: { n: integer }\n    steps: { y: { workflow: tow } }\nsteps:\n  s: { workflow: two, inputs: { n: many } }\n";
    let error = engine.compile(&workflow(yaml)).unwrap_err();
    let found: Vec<(String, u32)> = error
        .diagnostics()
        .unwrap()
        .iter()
        .map(|found| (found.pointer.to_string(), found.place.unwrap().line))
        .collect();
    let expected = [
        ("steps.s.inputs.n".to_owned(), 9),
        ("workflows.one.steps.x.agent".to_owned(), 4),
        ("workflows.two.steps.y.workflow".to_owned(), 7),
    ];
    let mut found = found;
    found.sort();
    assert_eq!(found, expected, "{error}");
}
