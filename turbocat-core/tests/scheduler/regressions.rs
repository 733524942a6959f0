//! What once went wrong, each as small as it could be made.

use std::sync::Arc;

use serde_json::{Value, json};
use turbocat_core::{
    Action, AnyAgent, Code, Event, ExecutionId, Input, Plan, Scheduler, Step, StepRef, Timestamp, Turn,
    Workflow, compile,
};

fn start(yaml: &str, inputs: Value) -> (Plan, Scheduler, Turn) {
    let plan = compile(&Workflow::from_yaml(yaml).unwrap(), &AnyAgent).unwrap();
    let id: ExecutionId = "019a0000-0000-7000-8000-000000000001".parse().unwrap();
    let (scheduler, turn) = Scheduler::start(&plan, id, now(), 7, inputs).unwrap();
    (plan, scheduler, turn)
}

const fn now() -> Timestamp {
    Timestamp::from_millis(0)
}

fn launched(turn: &Turn) -> Vec<(StepRef, u32)> {
    let launch = |action: &Action| match action {
        Action::Launch { step, attempt } => Some((*step, *attempt)),
        _ => None,
    };
    turn.actions.iter().filter_map(launch).collect()
}

/// What a journal gives back.
fn read_back(plan: &Plan, events: &[Event]) -> Scheduler {
    let read = |event: &Event| {
        let text = plan.encode(event).to_string();
        plan.decode(&serde_json::from_str(&text).unwrap()).unwrap()
    };
    let events: Vec<Event> = events.iter().map(read).collect();
    Scheduler::replay(plan, &events).unwrap()
}

#[test]
fn an_execution_that_was_stopped_stands_like_its_replay() {
    let check = |input: &dyn Fn(StepRef) -> Input| {
        let (plan, mut scheduler, first) =
            start("steps: { a: { loop: [1, 2], steps: { b: { agent: x } } }, c: { agent: x } }", json!({}));
        let (step, _) = *launched(&first).last().unwrap();
        let last = scheduler.apply(now(), input(step));
        assert!(scheduler.status().is_ended());
        let events: Vec<Event> = first.events.into_iter().chain(last.events).collect();
        assert!(scheduler.stands_like(&read_back(&plan, &events)), "{:?}", scheduler.status());
    };
    check(&|_| Input::Cancel { reason: "enough".into() });
    check(&|step| Input::AttemptFailed {
        step,
        attempt: 1,
        failure: turbocat_core::StepFailure::error("no"),
    });
}

#[test]
fn steps_inside_a_branch_that_is_a_single_step_have_paths_of_their_own() {
    let (_, scheduler, turn) = start(
        "
steps:
  fork:
    parallel:
      branches:
        each: { loop: [1, 2], maxParallel: 2, steps: { a: { agent: x }, b: { agent: x } } }
        more: { parallel: { branches: { one: { agent: x }, two: { steps: { c: { agent: x } } } } } }
        lone: { agent: x }
",
        json!({}),
    );
    let steps: Vec<StepRef> = launched(&turn).into_iter().map(|(step, _)| step).collect();
    let paths: Vec<String> = steps.iter().map(|step| scheduler.path(*step)).collect();
    let mut sorted = paths.clone();
    sorted.sort();
    assert_eq!(
        sorted,
        [
            "fork.each[0].a",
            "fork.each[0].b",
            "fork.each[1].a",
            "fork.each[1].b",
            "fork.lone",
            "fork.more.one",
            "fork.more.two.c",
        ]
    );
    let found: Vec<StepRef> = paths.iter().filter_map(|path| scheduler.find(path)).collect();
    assert_eq!(found, steps);
}

#[test]
fn an_output_that_is_null_is_null_when_it_is_read_back() {
    let (plan, mut scheduler, first) = start("steps: { a: { agent: x } }\noutputs: '{{ a }}'", json!({}));
    let (step, attempt) = launched(&first)[0];
    let last =
        scheduler.apply(now(), Input::AttemptCompleted { step, attempt, output: Arc::new(Value::Null) });
    assert_eq!(*scheduler.output(), Value::Null);
    let events: Vec<Event> = first.events.into_iter().chain(last.events).collect();
    assert_eq!(*read_back(&plan, &events).output(), Value::Null);
}

#[test]
fn a_name_that_looks_like_a_path_is_refused_in_code_as_it_is_in_text() {
    let check = |key: &str, branch: &str| {
        let each = Step::for_each("each", json!([1]), [Step::agent("b", "x")]);
        let fork = Step::parallel("fork").branch(branch, [Step::agent("c", "x")]);
        let workflow = Workflow::builder("names").step(Step::agent(key, "x")).step(each).step(fork).build();
        compile(&workflow, &AnyAgent).map(|_| ()).map_err(|found| found.iter().next().unwrap().code)
    };
    assert_eq!(check("a-1_b", "c"), Ok(()));
    for name in ["", "each.b", "a#1", "a b", "a[0]"] {
        assert_eq!(check(name, "c"), Err(Code::BAD_NAME), "step `{name}`");
        assert_eq!(check("a", name), Err(Code::BAD_NAME), "branch `{name}`");
    }
}

#[test]
fn numbers_are_what_they_were_when_they_are_read_back() {
    let mut bits = 1_u64;
    for _ in 0..20_000 {
        bits = bits.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        let any = f64::from_bits(bits);
        let usual = (bits >> 11) as f64 / (1_u64 << 53) as f64 * 100.0;
        for number in [any, usual].into_iter().filter(|number| number.is_finite()) {
            let value = json!({ "number": number, "whole": bits });
            let read: Value = value.to_string().parse().unwrap();
            assert_eq!(read, value);
        }
    }
}

#[test]
fn a_signal_that_is_waited_for_is_heard_however_many_others_are_kept() {
    let (_, mut scheduler, _) = start("steps: { a: { wait: { signal: go } } }", json!({}));
    let mut told = |name: &str| {
        let signal = Input::Signal { name: name.into(), payload: Arc::new(Value::Null) };
        drop(scheduler.apply(now(), signal));
        scheduler.status()
    };
    for _ in 0..10_001 {
        assert!(!told("other").is_ended());
    }
    assert!(told("go").is_ended());
}

#[test]
fn signals_that_nobody_takes_are_kept_up_to_a_limit() {
    let (_, mut scheduler, first) = start(
        "steps: { a: { agent: x }, b: { wait: { signal: go }, dependsOn: a }, c: { agent: x, dependsOn: b } }",
        json!({}),
    );
    let kept = |scheduler: &mut Scheduler| {
        let signal = Input::Signal { name: "go".into(), payload: Arc::new(Value::Null) };
        scheduler.apply(now(), signal).events.len()
    };
    for _ in 0..10_000 {
        assert_eq!(kept(&mut scheduler), 1);
    }
    assert_eq!(kept(&mut scheduler), 0, "there is no room left");
    let (step, attempt) = launched(&first)[0];
    let turn =
        scheduler.apply(now(), Input::AttemptCompleted { step, attempt, output: Arc::new(Value::Null) });
    assert_eq!(launched(&turn).len(), 1, "`b` took one");
    assert_eq!(kept(&mut scheduler), 1, "and left room for another");
    assert_eq!(kept(&mut scheduler), 0);
}
