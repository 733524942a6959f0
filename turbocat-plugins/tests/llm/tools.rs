//! Tools: other agents and workflows that a model calls.

use std::sync::Arc;

use serde_json::{Value, json};
use turbocat_core::{AgentExecutor, AttemptRequest, FailureKind, Level, StepFailure, StepOutput, Usage};

use crate::kit::{Around, agent, ask_in, bodies, calls, says, script};
use crate::server::Server;

#[expect(clippy::needless_pass_by_value, reason = "reads better where it is called")]
fn config(tools: Value) -> Value {
    json!({ "model": "gpt-4o-mini", "stream": false, "tools": tools })
}

fn adder() -> Around {
    let takes = json!({
        "type": "object",
        "properties": { "a": { "type": "number" }, "b": { "type": "number" } },
        "required": ["a", "b"],
        "additionalProperties": false,
    });
    Around::default().agent("add", takes, |inputs| {
        let sum = inputs["a"].as_f64().unwrap() + inputs["b"].as_f64().unwrap();
        let used = Usage { api_calls: 1, cost_usd: 0.5, ..Usage::default() };
        Ok(StepOutput::from(json!(sum)).used(used))
    })
}

/// What the model was told by its tools, in the last request.
fn told(server: &Server) -> Vec<String> {
    let last = bodies(server).pop().unwrap();
    let said = last["messages"].as_array().unwrap();
    let results = said.iter().filter(|message| message["role"] == "tool");
    results.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_model_calls_tools_until_it_answers() {
    let server = script(vec![
        calls(&[("add", r#"{"a":1,"b":2}"#)]),
        calls(&[("add", r#"{"a":3,"b":4}"#)]),
        says("ten"),
    ])
    .await;
    let around = Arc::new(adder());
    let output = ask_in(&around, &agent(&server), config(json!([{ "agent": "add" }]))).await.unwrap();
    assert_eq!(output.value["content"], "ten");
    let expected = json!([
        { "id": "c0", "name": "add", "arguments": { "a": 1, "b": 2 }, "result": 3.0 },
        { "id": "c0", "name": "add", "arguments": { "a": 3, "b": 4 }, "result": 7.0 },
    ]);
    assert_eq!(output.value["toolCalls"], expected);
    assert_eq!(told(&server), ["3.0", "7.0"]);
    // the models' tokens in the output, everything in what the engine is told
    assert_eq!(output.value["usage"]["totalTokens"], 330);
    let usage = output.usage.unwrap();
    assert_eq!((usage.api_calls, usage.input_tokens, usage.output_tokens), (5, 300, 30));
    assert!(usage.cost_usd > 1.0 && output.value["costUsd"].as_f64().unwrap() < 0.01);
    let shown: Vec<Value> =
        around.progress().into_iter().map(|shown| shown["toolCall"]["name"].clone()).collect();
    assert_eq!(shown, ["add", "add"]);
}

#[tokio::test]
async fn tools_of_one_message_are_done_at_once_and_told_in_order() {
    let together = Arc::new(tokio::sync::Barrier::new(2));
    // Each waits for the other: one after the other they would wait for ever.
    struct Waits(Arc<tokio::sync::Barrier>);
    #[async_trait::async_trait]
    impl turbocat_core::Surroundings for Waits {
        async fn call(&self, _: &str, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
            self.0.wait().await;
            Ok(request.inputs["n"].clone().into())
        }
        fn describe_agent(&self, _: &str) -> Option<turbocat_core::AgentDescription> {
            Some(turbocat_core::AgentDescription::default())
        }
    }
    let server = script(vec![calls(&[("wait", r#"{"n":1}"#), ("wait", r#"{"n":2}"#)]), says("done")]).await;
    let request =
        AttemptRequest::new(json!({ "prompt": "p" })).with_config(config(json!([{ "agent": "wait" }])));
    let agent = agent(&server);
    let done = agent.execute(request.with_surroundings(Arc::new(Waits(together))));
    let done = tokio::time::timeout(std::time::Duration::from_secs(30), done).await;
    assert!(done.is_ok_and(|done| done.is_ok()), "one tool waits for the other");
    assert_eq!(told(&server), ["1", "2"]);
}

#[tokio::test]
async fn a_model_that_never_answers_is_stopped() {
    let server = script(vec![calls(&[("add", r#"{"a":1,"b":2}"#)])]).await;
    let mut config = config(json!([{ "agent": "add" }]));
    let failure = ask_in(&Arc::new(adder()), &agent(&server), config.clone()).await.unwrap_err();
    assert_eq!((failure.kind.as_str(), failure.retryable), ("llm.tools", false));
    assert_eq!(server.seen().len(), 9, "eight rounds, and the message that wants a ninth");
    assert_eq!(failure.detail.unwrap()["toolCalls"].as_array().unwrap().len(), 8);
    assert_eq!(failure.usage.unwrap().input_tokens, 900);
    config["maxToolRounds"] = json!(1);
    let server = script(vec![calls(&[("add", r#"{"a":1,"b":2}"#)])]).await;
    let failure = ask_in(&Arc::new(adder()), &agent(&server), config).await.unwrap_err();
    assert_eq!(failure.message, "the model called tools 1 times and wants more; `maxToolRounds` is 1");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn what_goes_wrong_with_a_tool_is_told_to_the_model() {
    let around = adder().agent("fails", json!({ "type": "object" }), |_| {
        let failure = StepFailure::new(FailureKind::new("http.404"), "not found");
        Err(failure.used(Usage { api_calls: 7, ..Usage::default() }))
    });
    let asked = calls(&[
        ("fails", "{}"),
        ("sub", "{}"),
        ("add", r#"{"a":1,"#),
        ("add", r#"{"a":"x","b":2}"#),
        ("add", "[1]"),
        ("add", ""),
    ]);
    let server = script(vec![asked, says("sorry")]).await;
    let around = Arc::new(around);
    let output = ask_in(&around, &agent(&server), config(json!([{ "agent": "fails" }, { "agent": "add" }])))
        .await
        .unwrap();
    let told = told(&server);
    assert_eq!(told[0], r#"{"error":"not found"}"#);
    assert_eq!(told[1], r#"{"error":"there is no tool `sub`; there are: fails, add"}"#);
    assert!(told[2].starts_with(r#"{"error":"the arguments are not JSON"#), "{}", told[2]);
    assert_eq!(told[3], r#"{"error":"the arguments do not fit: at `/a`: \"x\" is not of type \"number\""}"#);
    assert!(told[4].contains("is not of type") && told[5].contains("is a required property"), "{told:?}");
    let traced = &output.value["toolCalls"][0];
    assert_eq!(traced["error"], json!({ "kind": "http.404", "message": "not found" }));
    assert_eq!(output.usage.unwrap().api_calls, 2 + 7);
    assert_eq!(around.logged(Level::Warn).len(), 6);
    assert_eq!(around.asked.lock().unwrap().len(), 1, "only one call could be made");
}

#[tokio::test]
async fn a_workflow_is_a_tool_too() {
    let takes =
        json!({ "type": "object", "properties": { "topic": { "type": "string" } }, "required": ["topic"] });
    let around = Arc::new(Around::default().workflow("research", Some(takes.clone()), |inputs| {
        Ok(json!({ "report": format!("all about {}", inputs["topic"].as_str().unwrap()) }).into())
    }));
    let server = script(vec![calls(&[("research", r#"{"topic":"cats"}"#)]), says("done")]).await;
    let output = ask_in(&around, &agent(&server), config(json!([{ "workflow": "research" }]))).await.unwrap();
    assert_eq!(output.value["toolCalls"][0]["result"], json!({ "report": "all about cats" }));
    let spec = &bodies(&server)[0]["tools"][0]["function"];
    assert_eq!((&spec["name"], &spec["parameters"]), (&json!("research"), &takes));
    assert_eq!(told(&server), [r#"{"report":"all about cats"}"#]);
}

#[tokio::test]
async fn a_tool_has_its_own_name_words_inputs_and_configuration() {
    let tool = json!({
        "name": "plus_two", "description": "Adds two.", "agent": "add",
        "inputs": { "b": 2 }, "config": { "exact": true },
    });
    let server = script(vec![calls(&[("plus_two", r#"{"a":5}"#)]), says("seven")]).await;
    let around = Arc::new(adder());
    ask_in(&around, &agent(&server), config(json!([tool]))).await.unwrap();
    let spec = &bodies(&server)[0]["tools"][0]["function"];
    let expected = json!({
        "name": "plus_two", "description": "Adds two.",
        "parameters": { "type": "object", "properties": { "a": { "type": "number" } }, "required": ["a"], "additionalProperties": false },
    });
    assert_eq!(*spec, expected);
    let asked = around.asked.lock().unwrap();
    let (agent, inputs, config, _) = &asked[0];
    assert_eq!((&**agent, inputs, config), ("add", &json!({ "a": 5, "b": 2 }), &json!({ "exact": true })));
}

#[tokio::test]
async fn a_model_cannot_overrule_the_inputs_of_a_tool() {
    let takes = json!({ "type": "object", "properties": { "path": {}, "root": {} } });
    let around = Arc::new(Around::default().agent("read", takes, |_| Ok(json!("text").into())));
    let server = script(vec![calls(&[("read", r#"{"path":"a","root":"/etc"}"#)]), says("done")]).await;
    ask_in(&around, &agent(&server), config(json!([{ "agent": "read", "inputs": { "root": "/data" } }])))
        .await
        .unwrap();
    assert_eq!(around.asked.lock().unwrap()[0].1, json!({ "path": "a", "root": "/data" }));
}

#[tokio::test]
async fn the_same_call_has_the_same_key_in_another_attempt_and_another_has_not() {
    let keys = async |arguments: &'static str| {
        let server = script(vec![calls(&[("add", arguments), ("add", arguments)]), says("done")]).await;
        let around = Arc::new(adder());
        ask_in(&around, &agent(&server), config(json!([{ "agent": "add" }]))).await.unwrap();
        let asked = around.asked.lock().unwrap();
        asked.iter().map(|(.., key)| key.clone()).collect::<Vec<_>>()
    };
    let first = keys(r#"{"a":1,"b":2}"#).await;
    let again = keys(r#"{ "b": 2, "a": 1 }"#).await;
    let other = keys(r#"{"a":1,"b":3}"#).await;
    assert_eq!(first, again);
    assert_ne!(first[0], first[1], "two calls are two deeds");
    assert!(!first.contains(&other[0]));
}

#[tokio::test]
async fn calls_that_nobody_here_answers_are_the_output() {
    let parameters = json!({ "type": "object", "properties": { "to": { "type": "string" } } });
    let tools = json!([{ "name": "send_mail", "description": "Sends.", "parameters": parameters }, { "agent": "add" }]);
    let server = script(vec![calls(&[("send_mail", r#"{"to":"ada"}"#), ("add", r#"{"a":1,"b":2}"#)])]).await;
    let around = Arc::new(adder());
    let output = ask_in(&around, &agent(&server), config(tools)).await.unwrap();
    assert_eq!(server.seen().len(), 1);
    let expected = json!([
        { "id": "c0", "name": "send_mail", "arguments": { "to": "ada" } },
        { "id": "c1", "name": "add", "arguments": { "a": 1, "b": 2 } },
    ]);
    assert_eq!(
        (&output.value["toolCalls"], &output.value["finishReason"]),
        (&expected, &json!("tool_calls"))
    );
    assert_eq!(around.asked.lock().unwrap().len(), 0, "half of a message must not be done");
}

#[tokio::test]
async fn a_tool_that_cannot_be_is_said_before_anybody_is_asked() {
    let check = async |tools: Value, expected: &str| {
        let server = script(vec![says("no")]).await;
        let around =
            Arc::new(Around::default().agent("text", json!({ "type": "string" }), |_| Ok(json!(1).into())));
        let failure = ask_in(&around, &agent(&server), config(tools)).await.unwrap_err();
        assert_eq!((failure.to_string().as_str(), failure.retryable), (expected, false));
        assert_eq!(server.seen().len(), 0);
    };
    check(json!([{ "agent": "nobody" }]), "tool `nobody`: agent `nobody` is not known (unknown)").await;
    check(json!([{ "name": "t", "workflow": "none" }]), "tool `t`: workflow `none` is not known (unknown)")
        .await;
    check(
        json!([{ "agent": "text" }]),
        "tool `text`: what answers it takes no object; say its `parameters` (input)",
    )
    .await;
}

#[tokio::test]
async fn a_secret_of_the_step_is_not_told_to_a_provider() {
    let around = Around::default()
        .agent("leaks", json!({ "type": "object" }), |_| Ok(json!("the token is s3cr3t-value").into()));
    let server = script(vec![calls(&[("leaks", "{}")]), says("done")]).await;
    let request = AttemptRequest::new(json!({ "prompt": "p" }))
        .with_config(config(json!([{ "agent": "leaks" }])))
        .with_surroundings(Arc::new(around))
        .with_secrets(Arc::new(json!({ "TOKEN": "s3cr3t-value" })));
    agent(&server).execute(request).await.unwrap();
    assert!(
        told(&server)[0].starts_with("the token is ") && !told(&server)[0].contains("s3cr3t"),
        "{:?}",
        told(&server)
    );
}

#[tokio::test]
async fn a_secret_that_json_would_escape_is_not_told_to_a_provider() {
    let secret = "quo\"te\nline";
    let result = json!({ "it": ["is", secret], "pin": 4711, "other": 14711 });
    let around = Around::default()
        .agent("leaks", json!({ "type": "object" }), move |_| Ok(result.clone().into()))
        .agent("fails", json!({ "type": "object" }), move |_| {
            Err(StepFailure::error(format!("bad {secret}")))
        });
    let server = script(vec![calls(&[("leaks", "{}"), ("fails", "{}")]), says("done")]).await;
    let request = AttemptRequest::new(json!({ "prompt": "p" }))
        .with_config(config(json!([{ "agent": "leaks" }, { "agent": "fails" }])))
        .with_surroundings(Arc::new(around))
        .with_secrets(Arc::new(json!({ "TOKEN": secret, "PIN": "4711" })));
    agent(&server).execute(request).await.unwrap();
    let whole = r#"{"it":["is","[secret]"],"pin":"[secret]","other":14711}"#;
    assert_eq!(told(&server), [whole, r#"{"error":"bad [secret]"}"#]);
}

#[tokio::test]
async fn a_long_result_is_cut_for_the_model_and_for_the_output() {
    let around = Around::default()
        .agent("long", json!({ "type": "object" }), |_| Ok(json!(["x".repeat(100_000)]).into()))
        .agent("short", json!({ "type": "object" }), |_| Ok(json!(["x"]).into()))
        .agent("fails", json!({ "type": "object" }), |_| Err(StepFailure::error("y".repeat(100_000))));
    let asked = calls(&[("long", "{}"), ("short", "{}"), ("fails", "{}")]);
    let server = script(vec![asked, says("done")]).await;
    let config = config(json!([{ "agent": "long" }, { "agent": "short" }, { "agent": "fails" }]));
    let output = ask_in(&Arc::new(around), &agent(&server), config).await.unwrap();
    let traces = output.value["toolCalls"].as_array().unwrap();
    let told = told(&server);
    assert_eq!((&traces[0]["result"], &traces[0]["cut"]), (&json!(told[0]), &json!(true)));
    assert!(told[0].len() < 66_000 && told[0].ends_with("(cut off: it has 100004 bytes)"));
    assert_eq!((&traces[1]["result"], traces[1].get("cut")), (&json!(["x"]), None));
    let error = traces[2]["error"]["message"].as_str().unwrap();
    assert!(error.len() < 66_000 && error.ends_with("(cut off: it has 100000 bytes)"));
}
