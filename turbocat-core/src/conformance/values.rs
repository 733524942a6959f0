//! Values come back as they were, whatever they are: in inputs, events and letters.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::complaint::Found;
use super::subject::{Subject, event, execution, output, signal};
use crate::definition::Definition;
use crate::runtime::{Commit, WorkerId};

/// Levels of a value that an execution may record.
const LEVELS: usize = 100;

/// Writes a value wherever there may be one, and reads it back.
async fn comes_back(s: &Subject, value: Value) -> Found {
    let mut new = execution();
    new.held_by = Some(WorkerId::generate());
    new.inputs = Arc::new(value.clone());
    let started = json!({ "seq": 1, "at": 0, "type": "executionStarted",
        "execution": new.execution.to_string(), "seed": u64::MAX, "inputs": value });
    let events = [started, output(2, &value)];
    s.journal().commit(Commit::new(new.execution, 0, &events).begins(&new)).await?;
    let letter = signal(new.execution, value.clone());
    s.journal().send(&letter).await?;
    let recorded = s.load(new.execution).await?;
    same!(recorded.inputs, value, "the inputs");
    same!(recorded.events, events, "the events");
    same!(recorded.events[1].to_string(), events[1].to_string(), "the text of an event");
    same!(s.journal().letters(new.execution).await?, [letter], "the letter");
    Ok(())
}

pub(super) async fn large(s: Subject) -> Found {
    let text = "ab\u{e9}\"\\\n".repeat(150_000);
    comes_back(&s, json!({ "text": text })).await?;
    comes_back(&s, json!({ "numbers": (0..150_000).collect::<Vec<u32>>() })).await?;
    // The same once more, and one that differs in its last letter.
    comes_back(&s, json!({ "text": text })).await?;
    comes_back(&s, json!({ "text": format!("{text}.") })).await
}

pub(super) async fn large_definition(s: Subject) -> Found {
    let workflow = json!({ "name": "large", "steps": {}, "metadata": { "text": "x".repeat(1 << 20) } });
    for _ in 0..2 {
        let mut new = execution();
        new.definition = Definition::new(&workflow);
        s.journal().create(std::slice::from_ref(&new)).await?;
        same!(s.load(new.execution).await?.definition.workflow(), workflow, "the definition");
    }
    Ok(())
}

pub(super) async fn odd_text(s: Subject) -> Found {
    let odd = [
        "\u{0}",
        "before\u{0}after",
        "\u{1}\u{8}\t\n\r\u{1f}\u{7f}",
        "\u{d7ff}\u{e000}\u{fffe}\u{ffff}",
        "\u{1F600}\u{10FFFF}",
        "\u{2028}\u{2029}\u{feff}",
        "\\u0000 \\ \" ' `",
        "e\u{301} \u{202e}right to left",
        "{{ inputs.n }}",
        "$1 :name ? % --",
        "",
    ];
    comes_back(&s, json!(odd)).await?;
    for text in odd {
        comes_back(&s, json!({ "text": text })).await?;
        comes_back(&s, json!(text)).await?;
    }
    Ok(())
}

pub(super) async fn numbers(s: Subject) -> Found {
    let numbers = json!([
        0,
        -0.0,
        0.0,
        1.0,
        1e308,
        -1e308,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        0.1,
        1.0 / 3.0,
        9_007_199_254_740_993_i64,
        i64::MAX,
        i64::MIN,
        9_223_372_036_854_775_808_u64,
        u64::MAX,
    ]);
    comes_back(&s, numbers.clone()).await?;
    for number in numbers.as_array().into_iter().flatten() {
        comes_back(&s, number.clone()).await?;
    }
    Ok(())
}

pub(super) async fn deep(s: Subject) -> Found {
    let nested = |inner: fn(Value) -> Value| (0..LEVELS).fold(Value::Null, |value, _| inner(value));
    comes_back(&s, nested(|value| json!([value]))).await?;
    comes_back(&s, nested(|value| json!({ "k": value }))).await?;
    comes_back(&s, nested(|value| json!({ "": [value] }).get("").cloned().unwrap_or_default())).await?;
    // Deep and large: it may be kept elsewhere.
    let large = "x".repeat(10_000);
    let value = (1..LEVELS).fold(json!([large]), |value, _| json!([value]));
    comes_back(&s, value).await
}

pub(super) async fn keys(s: Subject) -> Found {
    let names =
        ["", " ", ".", "a.b", "#", "blobs", "output", "seq", "type", "__proto__", "\u{0}", "\u{1F600}"];
    let members: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), json!(name))).collect();
    comes_back(&s, Value::Object(members.clone())).await?;
    // The same around something large.
    let mut large = members;
    large.insert("large".to_owned(), json!("x".repeat(10_000)));
    comes_back(&s, Value::Object(large.clone())).await?;
    comes_back(&s, json!({ "blobs": { "output": "abc" }, "output": large })).await?;
    for empty in [json!({}), json!([]), json!(null), json!([[], {}]), json!(false)] {
        comes_back(&s, empty).await?;
    }
    Ok(())
}

pub(super) async fn events_with_large_parts(s: Subject) -> Found {
    let large = json!({ "text": "x".repeat(20_000), "blobs": {} });
    let events = [
        event(1),
        json!({ "seq": 2, "at": 0, "type": "stepStarted", "step": "a",
            "work": { "kind": "loop", "items": [large] } }),
        json!({ "seq": 3, "at": 0, "type": "frameClosed", "frame": 1,
            "outcome": { "outcome": "completed", "output": large } }),
        json!({ "seq": 4, "at": 0, "type": "attemptFailed", "step": "a", "attempt": 1,
            "failure": { "kind": "x", "message": "x".repeat(20_000), "detail": large } }),
        json!({ "seq": 5, "at": 0, "type": "signalReceived", "name": "go", "payload": large }),
        json!({ "seq": 6, "at": 0, "type": "executionEnded", "status": "completed",
            "output": large, "more": large }),
    ];
    let id = s.held(WorkerId::generate()).await?;
    s.journal().commit(Commit::new(id, 0, &events)).await?;
    same!(s.load(id).await?.events, events, "the events");
    Ok(())
}
