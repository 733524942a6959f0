//! Any template over any values: it is refused, or it gives a value or a failure, the same twice.
//!
//! A case is a template, a line `====`, and the inputs as JSON.

use serde_json::{Value, json};
use turbocat_core::{AnyAgent, ExecutionId, Scheduler, Timestamp, Workflow, compile};

/// Puts a template wherever templates stand.
pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (template, inputs) = text.split_once("\n====\n").unwrap_or((&text, ""));
    let inputs: Value = serde_json::from_str(inputs).unwrap_or_else(|_| usual());
    let first = json!({ "type": "agent", "inputs": "{{ inputs }}" });
    for steps in places(template) {
        let mut definition = json!({ "steps": { "first": first, "by-hand": first } });
        let Some(all) = definition["steps"].as_object_mut() else { return };
        all.extend(steps.as_object().into_iter().flatten().map(|(key, step)| {
            let mut step = step.clone();
            step["onError"] = json!("continue");
            (key.clone(), step)
        }));
        evaluates(&definition, &inputs);
    }
}

fn places(template: &str) -> [Value; 5] {
    [
        json!({ "whole": { "type": "agent", "inputs": template } }),
        json!({
            "inside": {
                "type": "agent",
                "inputs": { "list": [1, template], "text": format!("<{template}>") },
                "outputs": { "more": template },
            },
        }),
        json!({ "asked": { "condition": template }, "guarded": { "type": "agent", "when": template } }),
        json!({
            "each": {
                "loop": template, "maxIterations": 20,
                "steps": { "of": { "type": "agent", "inputs": { "n": "{{ index }}", "item": template } } },
                "output": "{{ of }}",
            },
        }),
        json!({
            "for": { "wait": { "for": template } },
            "until": { "wait": { "until": template } },
            "signal": { "wait": { "signal": template } },
            "person": { "wait": { "approval": template } },
            "child": { "workflow": "other", "inputs": { "of": template } },
        }),
    ]
}

fn evaluates(definition: &Value, inputs: &Value) {
    let workflow = match Workflow::from_value(definition) {
        Ok(workflow) => workflow,
        Err(mistakes) => return assert!(!mistakes.to_string().is_empty()),
    };
    let plan = match compile(&workflow, &AnyAgent) {
        Ok(plan) => plan,
        Err(mistakes) => return assert!(!mistakes.to_string().is_empty()),
    };
    let start = || {
        let id = ExecutionId::from_uuid(uuid::Uuid::nil());
        let started = Scheduler::start(&plan, id, Timestamp::from_millis(0), 7, inputs.clone());
        started.unwrap_or_else(|mistakes| panic!("nothing is declared, and yet: {mistakes}"))
    };
    let (scheduler, turn) = start();
    let (again, same) = start();
    assert_eq!(turn, same, "the second evaluation differs");
    assert!(scheduler.stands_like(&again));
    for event in &turn.events {
        let written = plan.encode(event);
        assert_eq!(plan.decode(&written).as_ref(), Ok(event), "{written}");
    }
    for step in scheduler.steps() {
        if let Some(explanation) = scheduler.explain(&step.path) {
            assert!(!explanation.to_string().is_empty());
        }
    }
}

/// One value of every kind.
fn usual() -> Value {
    json!({
        "n": 3, "f": 2.5, "neg": -7, "big": u64::MAX, "t": "text", "e": "", "u": "žluťoučký 🐈", "yes": true,
        "no": null, "list": [3, 1, 2], "words": ["b", "a"], "mixed": [1, "x", null, { "k": 1 }, [2]],
        "rows": [{ "k": 1, "v": "a" }, { "k": 2, "v": "b" }, { "k": 1 }], "o": { "a": { "b": [{ "c": 1 }] }, "k-e-y": 0 },
        "json": "[1, {\"a\": 2}]", "at": "2026-01-31T08:00:00Z", "pause": "1h30m",
    })
}
