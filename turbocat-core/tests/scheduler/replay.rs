//! Logs that cannot have happened are refused, with the number of the event and the reason.

use serde_json::{Value, json};
use turbocat_core::{AnyAgent, Event, ExecutionId, Input, Scheduler, Timestamp, Workflow, compile};

/// Written down: begin, loop starts, a frame opens, its step starts and completes, the frame
/// closes, the loop completes, `z` starts and fails once, and begins again.
fn log() -> (turbocat_core::Plan, Vec<Value>) {
    let yaml = "
steps:
  each: { loop: [1], steps: { do: { agent: x } } }
  z: { agent: x, dependsOn: each, onError: retry, retry: { max: 2, delay: 1ms, jitter: 0, on: [lost] }, onLost: fail }
";
    let plan = compile(&Workflow::from_yaml(yaml).unwrap(), &AnyAgent).unwrap();
    let id: ExecutionId = "019a0000-0000-7000-8000-000000000001".parse().unwrap();
    let at = Timestamp::from_millis;
    let (mut scheduler, turn) = Scheduler::start(&plan, id, at(0), 7, json!({})).unwrap();
    let mut events: Vec<Event> = turn.events;
    let (step, attempt) = scheduler.in_flight()[0];
    let done = Input::AttemptCompleted { step, attempt, output: json!(1).into() };
    events.extend(scheduler.apply(at(1), done).events);
    let (step, attempt) = scheduler.in_flight()[0];
    events.extend(scheduler.apply(at(2), Input::AttemptLost { step, attempt }).events);
    events.extend(scheduler.apply(at(3), Input::Timer).events);
    let written = events.iter().map(|event| plan.encode(event)).collect();
    (plan, written)
}

fn check(change: impl FnOnce(&mut Vec<Value>), expected: Result<(), &str>) {
    let (plan, mut written) = log();
    change(&mut written);
    let events: Vec<Event> = written.iter().map(|value| plan.decode(value).unwrap()).collect();
    let found = Scheduler::replay(&plan, &events).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(found, expected.map_err(str::to_owned));
}

/// Takes events out, puts others in, and numbers them again.
fn splice(written: &mut Vec<Value>, at: usize, out: usize, put: &[Value]) {
    written.splice(at..at + out, put.iter().cloned());
    for (number, event) in written.iter_mut().enumerate() {
        event["seq"] = json!(number + 1);
    }
}

#[test]
fn a_log_is_believed_up_to_any_of_its_events() {
    let (_, written) = log();
    let words: Vec<&str> = written.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        words,
        [
            "executionStarted",
            "stepStarted",
            "frameOpened",
            "attemptStarted",
            "stepCompleted",
            "frameClosed",
            "stepCompleted",
            "attemptStarted",
            "attemptFailed",
            "attemptStarted",
        ]
    );
    for length in 1..=written.len() {
        check(|written| written.truncate(length), Ok(()));
    }
}

#[test]
fn a_log_that_cannot_have_happened_is_refused_with_the_reason() {
    let started = |step: &str, attempt: u32| json!({ "at": 3, "type": "attemptStarted", "step": step, "attempt": attempt });
    check(Vec::clear, Err("event 1 does not fit: there are no events"));
    check(|log| drop(log.remove(0)), Err("event 2 does not fit: its number should be 1"));
    check(|log| drop(log.remove(4)), Err("event 6 does not fit: its number should be 5"));
    check(|log| splice(log, 0, 1, &[]), Err("event 1 does not fit: an execution starts once, first of all"));
    check(
        |log| splice(log, 1, 0, &[log[0].clone()]),
        Err("event 2 does not fit: an execution starts once, first of all"),
    );
    check(
        |log| splice(log, 9, 1, &[started("z", 3)]),
        Err("event 10 does not fit: attempts are counted one by one"),
    );
    check(|log| splice(log, 10, 0, &[started("z", 3)]), Err("event 11 does not fit: the step is running"));
    check(|log| splice(log, 3, 0, &[started("z", 1)]), Err("event 4 does not fit: the step is pending"));
    check(|log| splice(log, 3, 0, &[started("each", 2)]), Err("event 4 does not fit: the step is running"));
    check(
        |log| splice(log, 1, 1, &[started("each", 1)]),
        Err("event 2 does not fit: the step asks no agent"),
    );
    check(|log| splice(log, 4, 1, &[]), Err("event 5 does not fit: the frame has unfinished steps"));
    check(|log| splice(log, 5, 1, &[]), Err("event 6 does not fit: the step has open frames"));
    check(|log| splice(log, 2, 1, &[]), Err("event 3 does not fit: its step is not in an open frame"));
    check(|log| splice(log, 6, 0, &[log[5].clone()]), Err("event 7 does not fit: the frame is not open"));
    check(|log| splice(log, 7, 0, &[log[6].clone()]), Err("event 8 does not fit: the step is completed"));
    check(|log| log[2]["frame"] = json!(9), Err("event 3 does not fit: its frame should be 1"));
    check(|log| log[2]["index"] = json!(1), Err("event 3 does not fit: its owner opens no such frame"));
    check(
        |log| log[1]["work"] = json!({ "kind": "parallel", "required": 1 }),
        Err("event 2 does not fit: the step does other work"),
    );
    let taken = json!({ "at": 3, "type": "signalTaken", "step": "z", "name": "go" });
    check(|log| splice(log, 9, 0, &[taken]), Err("event 10 does not fit: the step does not wait for it"));
    let ended = json!({ "at": 3, "type": "executionEnded", "status": "failed" });
    check(
        |log| splice(log, 9, 0, &[ended]),
        Err("event 10 does not fit: the execution has unfinished steps"),
    );
}
