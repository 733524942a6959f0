//! Any journal, read back and gone on with: it is refused, or the execution it tells of can be
//! told more and can be ended.
//!
//! A case is the text of a JSON list of events, or a recipe for spoiling a good journal: bytes
//! that choose one, and what becomes of its events.

use std::sync::{Arc, OnceLock};

use arbitrary::{Result, Unstructured};
use serde_json::{Value, json};
use turbocat_core::{
    Action, AnyAgent, Approval, ChildOutcome, Event, ExecutionId, ExecutionStatus, Input, Plan, Scheduler,
    StepFailure, StepRef, Timestamp, Workflow, compile,
};

/// Reads a journal that was made out of bytes.
pub(crate) fn check(data: &[u8]) {
    let text = std::str::from_utf8(data).ok().and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(Value::Array(events)) = text {
        for good in good_journals() {
            read(&good.plan, &events, &mut Unstructured::new(&[]));
        }
        return;
    }
    // what runs out of bytes goes on with zeroes
    let _ = spoil(&mut Unstructured::new(data));
}

fn spoil(bytes: &mut Unstructured<'_>) -> Result<()> {
    let good = bytes.choose(good_journals())?;
    let mut events = good.events.clone();
    if bytes.arbitrary()? {
        events.truncate(bytes.int_in_range(1..=events.len())?);
    }
    let renumber = bytes.ratio(9, 10)?;
    for _ in 0..bytes.int_in_range(0..=6)? {
        spoil_one(bytes, good, &mut events)?;
    }
    if renumber {
        for (at, event) in events.iter_mut().enumerate() {
            event["seq"] = json!(at + 1);
        }
    }
    read(&good.plan, &events, bytes);
    Ok(())
}

fn spoil_one(bytes: &mut Unstructured<'_>, good: &Good, events: &mut Vec<Value>) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let at = bytes.choose_index(events.len())?;
    match bytes.int_in_range(0..=9)? {
        0 => drop(events.remove(at)),
        1 => events.insert(at, events[at].clone()),
        2 => {
            let other = bytes.choose_index(events.len())?;
            events.swap(at, other);
        }
        3 => {
            let other = bytes.choose(good_journals())?;
            events.insert(at, bytes.choose(&other.events)?.clone());
        }
        4 => events.insert(at, bytes.choose(&good.strange)?.clone()),
        5 => {
            let event = events.remove(at);
            events.insert(bytes.choose_index(events.len() + 1)?, event);
        }
        _ => {
            let mut leaves = Vec::new();
            gather(&events[at], &mut String::new(), &mut leaves);
            if leaves.is_empty() {
                return Ok(());
            }
            let leaf = bytes.choose(&leaves)?;
            let known = good.leaves.iter().filter(|(path, _)| path == leaf).map(|(_, value)| value);
            let known: Vec<&Value> = known.collect();
            let value = match bytes.int_in_range(0..=9)? {
                0..=5 if !known.is_empty() => (*bytes.choose(&known)?).clone(),
                6 => bytes.choose(&good.leaves)?.1.clone(),
                7 => json!(bytes.arbitrary::<i64>()?),
                8 => json!(bytes.int_in_range(0..=4)?),
                _ => bytes
                    .choose(&[json!(null), json!([]), json!({}), json!(""), json!(u64::MAX), json!(1.5)])?
                    .clone(),
            };
            if let Some(place) = events[at].pointer_mut(leaf) {
                *place = value;
            }
        }
    }
    Ok(())
}

/// The pointers of everything in a value that holds nothing else.
fn gather(value: &Value, at: &mut String, found: &mut Vec<String>) {
    let mut inside = |key: &str, value: &Value, at: &mut String| {
        let length = at.len();
        at.push('/');
        at.push_str(key);
        found.push(at.clone());
        if value.is_array() || value.is_object() {
            gather(value, at, found);
        }
        at.truncate(length);
    };
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(key, value)| inside(&key.to_string(), value, at))
        }
        Value::Object(map) => map.iter().for_each(|(key, value)| inside(key, value, at)),
        _ => {}
    }
}

fn read(plan: &Plan, written: &[Value], bytes: &mut Unstructured<'_>) {
    let mut events: Vec<Event> = Vec::new();
    for event in written {
        match plan.decode(event) {
            Ok(event) => events.push(event),
            Err(why) => return assert!(!why.is_empty()),
        }
    }
    // an event that does not fit hides the ones after it
    let scheduler = loop {
        match Scheduler::replay(plan, &events) {
            Ok(scheduler) => break scheduler,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                let Some(at) = events.iter().position(|event| event.seq == error.seq()) else { return };
                events.truncate(at);
            }
        }
        if events.is_empty() {
            return;
        }
    };
    go_on(scheduler, &events, bytes);
}

fn go_on(mut scheduler: Scheduler, events: &[Event], bytes: &mut Unstructured<'_>) {
    let mut now = events.last().map_or(0, |event| event.at.as_millis());
    look(&scheduler);
    let mut children: Vec<ExecutionId> = Vec::new();
    for round in 0..40_u32 {
        let in_flight = scheduler.in_flight();
        let input = match bytes.int_in_range(0..=9).unwrap_or((round % 10) as u8) {
            0..=2 if !in_flight.is_empty() => {
                let (step, attempt) = in_flight[round as usize % in_flight.len()];
                let _ = scheduler.attempt(step, None);
                Input::AttemptCompleted {
                    step,
                    attempt,
                    output: Arc::new(json!({ "ok": true, "items": [1] })),
                }
            }
            3 if !in_flight.is_empty() => {
                let (step, attempt) = in_flight[round as usize % in_flight.len()];
                Input::AttemptFailed { step, attempt, failure: StepFailure::error("it broke") }
            }
            4 if !in_flight.is_empty() => {
                let (step, attempt) = in_flight[0];
                Input::AttemptLost { step, attempt }
            }
            5 => Input::Signal { name: "go".into(), payload: Arc::new(json!(1)) },
            6 => {
                let step = StepRef { frame: round % 4, step: round % 16 };
                Input::Approval {
                    step,
                    approval: Approval { approved: round % 3 > 0, ..Approval::default() },
                }
            }
            7 => {
                let outcome = ChildOutcome {
                    status: ExecutionStatus::Completed,
                    output: Arc::new(json!({})),
                    failure: None,
                    usage: None,
                };
                Input::ChildEnded { execution: children.pop().unwrap_or_else(|| id(7)), outcome }
            }
            8 => Input::Resume,
            _ => Input::Timer,
        };
        let turn = scheduler.apply(Timestamp::from_millis(now), input);
        now = turn.wake_at.map_or(now, |at| at.as_millis().max(now));
        children.extend(turn.actions.iter().filter_map(|action| match action {
            Action::StartChild { execution, .. } => Some(*execution),
            _ => None,
        }));
    }
    look(&scheduler);
    let _ = scheduler.apply(Timestamp::from_millis(now), Input::Cancel { reason: "enough".into() });
    assert!(scheduler.status().is_ended(), "it goes on when it is cancelled");
    assert_eq!(scheduler.in_flight(), []);
    look(&scheduler);
}

/// Asks all there is to ask.
fn look(scheduler: &Scheduler) {
    let _ = (scheduler.output(), scheduler.failure(), scheduler.is_paused(), scheduler.inputs());
    for step in scheduler.steps() {
        if let Some(told) = scheduler.explain(&step.path) {
            assert!(!told.to_string().is_empty());
        }
        let _ = scheduler.step_output(&step.path);
    }
}

fn id(number: u128) -> ExecutionId {
    ExecutionId::from_uuid(uuid::Uuid::from_u128(number))
}

/// A journal as it should be.
struct Good {
    plan: Plan,
    events: Vec<Value>,
    /// Events that happened in another life of the same workflow.
    strange: Vec<Value>,
    /// Everything that stands anywhere, by where it stands.
    leaves: Vec<(String, Value)>,
}

fn good_journals() -> &'static [Good] {
    static GOOD: OnceLock<Vec<Good>> = OnceLock::new();
    GOOD.get_or_init(|| WORKFLOWS.iter().flat_map(|text| record(text)).collect())
}

const WORKFLOWS: [&str; 5] = [
    "
timeout: 1h
maxParallel: 2
steps:
  fetch: { agent: echo, retry: { max: 2, delay: 1s }, deadline: 10m }
  check: { condition: '{{ fetch.ok }}', then: [yes, both], else: [no, both] }
  yes: { agent: echo, when: '{{ fetch.items | length > 0 }}', onError: continue }
  no: { agent: echo }
  both: { type: agent, inputs: '{{ fetch }}', outputs: { n: '{{ result.items }}' }, dependsOn: [yes], needs: any }
outputs: { of: '{{ both }}' }
",
    "
steps:
  each:
    loop: '{{ inputs.items }}'
    maxParallel: 2
    steps:
      ask: { agent: echo, inputs: { item: '{{ item }}', at: '{{ index }}' } }
      inner:
        loop: '{{ [item, 2] }}'
        steps: { deep: { agent: echo, inputs: { n: '{{ item }}', of: '{{ ask }}' }, onError: continue } }
    output: '{{ inner.results }}'
  after: { agent: echo, inputs: '{{ each }}' }
",
    "
timeout: 1h
steps:
  fan:
    timeout: 10m
    parallel:
      join: 2
      branches:
        one: { agent: echo }
        two: { steps: { a: { agent: echo }, b: { agent: echo, dependsOn: [a] } } }
        three: { loop: [1, 2], steps: { c: { agent: echo, onError: continue } } }
  last: { agent: echo, inputs: '{{ fan }}' }
",
    "
steps:
  nap: { wait: 5s }
  until: { wait: { until: 2000000 } }
  signal: { wait: { signal: go }, retry: { max: 1, delay: 0s }, timeout: 1h }
  person: { wait: { approval: 'May I?', onTimeout: reject }, timeout: 1h, onError: continue }
  child: { workflow: other, inputs: { n: 1 }, retry: 1 }
  forgotten: { workflow: other, waitForCompletion: false }
  end: { agent: echo, dependsOn: [nap, until, signal, person, child, forgotten], needs: finished }
",
    "
maxParallel: 2
steps:
  again: { agent: echo }
  person: { agent: echo, onLost: ask, deadline: 1h }
  counted: { agent: echo, onLost: fail, retry: { max: 1, delay: 0s, on: [lost] } }
  last: { agent: echo, onLost: fail, onError: continue }
",
];

/// What happens in two lives of a workflow: one in which all goes well, one in which little does.
fn record(text: &str) -> Vec<Good> {
    let workflow = Workflow::from_yaml(text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let plan = compile(&workflow, &AnyAgent).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let lives: Vec<Vec<Value>> = (0..4).map(|kind| life(&plan, kind)).collect();
    let strange: Vec<Value> = lives.concat();
    let mut leaves = Vec::new();
    for event in &strange {
        let mut paths = Vec::new();
        gather(event, &mut String::new(), &mut paths);
        leaves.extend(
            paths.into_iter().filter_map(|path| event.pointer(&path).cloned().map(|value| (path, value))),
        );
    }
    let good = |events| Good { plan: plan.clone(), events, strange: strange.clone(), leaves: leaves.clone() };
    lives.into_iter().map(good).collect()
}

fn life(plan: &Plan, kind: usize) -> Vec<Value> {
    let mut now = 1_000_000;
    let inputs = json!({ "items": [1, 2, 3] });
    let (mut scheduler, turn) = Scheduler::start(plan, id(1), Timestamp::from_millis(now), 7, inputs)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let mut events: Vec<Value> = turn.events.iter().map(|event| plan.encode(event)).collect();
    let (mut actions, mut wake_at) = (turn.actions, turn.wake_at);
    for round in 0..60_usize {
        let in_flight = scheduler.in_flight();
        let child = actions.iter().position(|action| matches!(action, Action::StartChild { wait: true, .. }));
        let input = match (in_flight.get(round % in_flight.len().max(1)), child) {
            (Some(&(step, attempt)), _) if round % (kind + 3) == 1 => Input::AttemptLost { step, attempt },
            (Some(&(step, attempt)), _) if kind > 0 && round % (kind + 1) == 0 => Input::AttemptFailed {
                step,
                attempt,
                failure: StepFailure::error("it broke").detail(json!({ "n": 1 })),
            },
            (Some(&(step, attempt)), _) => Input::AttemptCompleted {
                step,
                attempt,
                output: Arc::new(json!({ "ok": kind < 2, "items": [1, 2.5] })),
            },
            (None, Some(at)) => {
                let Action::StartChild { execution, .. } = actions.remove(at) else { continue };
                let status = if kind == 0 { ExecutionStatus::Completed } else { ExecutionStatus::Failed };
                Input::ChildEnded {
                    execution,
                    outcome: ChildOutcome { status, output: Arc::new(json!({})), failure: None, usage: None },
                }
            }
            _ if round % 5 == 0 => Input::Signal { name: "go".into(), payload: Arc::new(json!({ "n": 1 })) },
            _ if round % 5 == 1 => Input::Pause { reason: "wait".into() },
            _ if round % 5 == 2 => Input::Resume,
            _ if round % 5 == 3 && kind < 3 => {
                let step = scheduler.find("person").unwrap_or(StepRef { frame: 0, step: 0 });
                let approval = Approval { approved: kind == 0, by: Some("ada".to_owned()), comment: None };
                Input::Approval { step, approval }
            }
            _ if kind == 3 && round > 40 => Input::Cancel { reason: "enough".into() },
            _ => {
                now = wake_at.map_or(now, |at: Timestamp| at.as_millis().max(now));
                Input::Timer
            }
        };
        now += 10;
        let turn = scheduler.apply(Timestamp::from_millis(now), input);
        events.extend(turn.events.iter().map(|event| plan.encode(event)));
        actions.extend(turn.actions);
        wake_at = turn.wake_at;
    }
    events
}
