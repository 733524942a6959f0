//! The check of journals: what each complaint is about.

use super::*;

const EVERYTHING: &str = "
maxParallel: 3
steps:
  a: { agent: echo }
  b: { agent: flaky, dependsOn: a, retry: { max: 2, delay: 1s } }
  ask: { condition: '{{ inputs.n > 1 }}', then: [yes], else: [no] }
  yes: { agent: echo }
  no: { agent: echo }
  each:
    loop: '{{ [1, 2, 3] }}'
    maxParallel: 2
    steps:
      one: { agent: echo, inputs: { n: '{{ item }}' } }
      two: { agent: echo, dependsOn: one }
  fork:
    parallel:
      join: any
      branches:
        quick: { agent: echo }
        slow: { wait: 1h }
  bell: { wait: { signal: bell }, dependsOn: b }
outputs: '{{ each.itemCount }}'
";

fn recorded() -> (Plan, Vec<Event>) {
    let clock = ManualClock::new();
    let echo = ScriptedAgent::new().echo();
    let flaky = ScriptedAgent::new().then_fail("no").then("yes");
    let engine = Engine::builder().agent("echo", echo).agent("flaky", flaky).clock(clock.clone()).build();
    let plan = engine.compile(&Workflow::from_yaml(EVERYTHING).unwrap()).unwrap();
    let events = clock.block_on(async {
        let handle = engine.start(&plan, json!({ "n": 2 })).unwrap();
        handle.signal("bell", json!("ding")).await.unwrap();
        let mut events = handle.events();
        let mut recorded = Vec::new();
        while let Some(event) = events.next().await {
            recorded.push(event);
        }
        assert!(handle.wait().await.unwrap().is_completed());
        recorded
    });
    (plan, events)
}

#[test]
fn a_journal_without_fault_has_no_violations_wherever_it_ends() {
    let (plan, events) = recorded();
    for end in 1..=events.len() {
        assert_eq!(check_journal(&plan, &events[..end]), Vec::<String>::new(), "the first {end} events");
    }
    let encoded: Vec<Value> = events.iter().map(|event| plan.encode(event)).collect();
    assert_eq!(check_recorded(&plan, &encoded), Vec::<String>::new());
}

/// Changes the good journal and expects a sentence about it.
fn check(spoil: impl FnOnce(&mut Vec<Event>, &Plan), expected: &str) {
    let (plan, mut events) = recorded();
    spoil(&mut events, &plan);
    let found = check_journal(&plan, &events);
    assert!(found.iter().any(|sentence| sentence.contains(expected)), "{expected}: {found:#?}");
}

/// The index of the first event of a type about a step.
fn at(events: &[Event], plan: &Plan, kind: &str, step: &str) -> usize {
    let named = |event: &Event| {
        let event = plan.encode(event);
        let path = event["step"].as_str().or_else(|| event["owner"].as_str()).unwrap_or("");
        event["type"] == kind && path.split('#').next() == Some(step)
    };
    events.iter().position(named).unwrap_or_else(|| panic!("no {kind} of {step}"))
}

fn renumber(events: &mut [Event]) {
    for (at, event) in events.iter_mut().enumerate() {
        event.seq = at as u64 + 1;
    }
}

/// Changes the good journal without leaving a gap in the numbers.
fn check_renumbered(spoil: impl FnOnce(&mut Vec<Event>, &Plan), expected: &str) {
    check(
        |events, plan| {
            spoil(events, plan);
            renumber(events);
        },
        expected,
    );
}

#[test]
fn an_empty_journal_is_a_violation() {
    assert_eq!(check_journal(&recorded().0, &[]), ["there are no events"]);
}

#[test]
fn a_gap_in_the_numbers_is_a_violation() {
    check(|events, _| drop(events.remove(4)), "event 6 follows event 4");
    check(|events, _| drop(events.remove(0)), "the first event has number 2, not 1");
    check(|events, _| events[3].seq = 3, "event 3 follows event 3");
}

#[test]
fn an_execution_starts_once_and_first() {
    check_renumbered(|events, _| drop(events.remove(0)), "event 1: something comes before start");
    check_renumbered(|events, _| events.insert(1, events[0].clone()), "event 2: this is a second start");
}

#[test]
fn nothing_comes_after_the_end() {
    check_renumbered(
        |events, _| {
            let end = events.len() - 1;
            events.swap(end, end - 1);
        },
        "comes after the end of the execution",
    );
}

#[test]
fn a_step_that_begins_before_another_has_ended_is_a_violation() {
    check_renumbered(
        |events, plan| {
            let (before, after) =
                (at(events, plan, "stepCompleted", "a"), at(events, plan, "attemptStarted", "b"));
            let early = events.remove(after);
            events.insert(before, early);
        },
        "it is the turn of step `b` before `a` has ended",
    );
}

#[test]
fn a_step_that_ends_twice_is_a_violation() {
    check_renumbered(
        |events, plan| {
            let end = at(events, plan, "stepCompleted", "a");
            events.insert(end + 1, events[end].clone());
        },
        "step `a` completes, but has completed",
    );
}

#[test]
fn attempts_are_counted_limited_and_paused() {
    fn second(events: &[Event], plan: &Plan) -> usize {
        let failed = at(events, plan, "attemptFailed", "b");
        failed + 1 + at(&events[failed + 1..], plan, "attemptStarted", "b")
    }
    check(
        |events, plan| {
            let second = second(events, plan);
            let Fact::AttemptStarted { attempt, .. } = &mut events[second].fact else { panic!() };
            *attempt = 3;
        },
        "attempt 3 of step `b` follows attempt 1",
    );
    check(
        |events, plan| {
            let second = second(events, plan);
            events[second].at = Timestamp::from_millis(0);
        },
        "attempt 2 of step `b` begins before its pause is over",
    );
    check(
        |events, plan| {
            let failed = at(events, plan, "attemptFailed", "b");
            let Fact::AttemptFailed { attempt, .. } = &mut events[failed].fact else { panic!() };
            *attempt = 2;
        },
        "attempt 2 of step `b` fails, but attempt 1 is being done",
    );
    check(
        |events, plan| {
            let end = at(events, plan, "stepCompleted", "a");
            let Fact::StepCompleted { step, .. } = events[end].fact else { panic!() };
            let failure = Box::new(StepFailure::error("no"));
            events[end].fact =
                Fact::AttemptFailed { step, attempt: 1, failure, retry_at: events[end].at, counts: true };
        },
        "step `a` is to be tried again, and has no policy for that",
    );
}

/// Three steps that lost attempts: one that goes on by itself twice, one that asks and is told to
/// go on, one that counts it.
fn recorded_with_losses() -> (Plan, Vec<Event>) {
    let workflow = Workflow::from_yaml(
        "
steps:
  again: { agent: echo }
  ask: { agent: echo, onLost: ask }
  count: { agent: echo, onLost: fail, retry: { max: 1, delay: 0s, on: [lost] } }
",
    );
    let plan = compile(&workflow.unwrap(), &AnyAgent).unwrap();
    let (id, now) = (ExecutionId::from_uuid(uuid::Uuid::nil()), Timestamp::from_millis(0));
    let (mut scheduler, turn) = Scheduler::start(&plan, id, now, 7, json!({})).unwrap();
    let mut events = turn.events;
    for (key, attempt) in [("again", 1), ("again", 2), ("ask", 1), ("count", 1)] {
        let step = scheduler.find(key).unwrap();
        events.extend(scheduler.apply(now, Input::AttemptLost { step, attempt }).events);
    }
    let (step, approval) = (scheduler.find("ask").unwrap(), Approval::yes());
    events.extend(scheduler.apply(now, Input::Approval { step, approval }).events);
    for (step, attempt) in scheduler.in_flight() {
        let output = Arc::new(json!(1));
        events.extend(scheduler.apply(now, Input::AttemptCompleted { step, attempt, output }).events);
    }
    (plan, events)
}

#[test]
fn lost_attempts_count_for_no_policy_and_only_where_the_step_says_so() {
    let check = |spoil: &dyn Fn(&mut Vec<Event>, &Plan), expected: Option<&str>| {
        let (plan, mut events) = recorded_with_losses();
        spoil(&mut events, &plan);
        renumber(&mut events);
        let found = check_journal(&plan, &events);
        match expected {
            None => assert_eq!(found, Vec::<String>::new()),
            Some(expected) => {
                assert!(found.iter().any(|one| one.contains(expected)), "{expected}: {found:#?}")
            }
        }
    };
    fn failed<'e>(events: &'e mut [Event], plan: &Plan, step: &str) -> &'e mut Fact {
        let at = at(events, plan, "attemptFailed", step);
        &mut events[at].fact
    }
    check(&|_, _| {}, None);
    check(
        &|events, plan| {
            let Fact::AttemptFailed { counts, .. } = failed(events, plan, "count") else { panic!() };
            *counts = false;
        },
        Some("an attempt of step `count` fails and does not count"),
    );
    check(
        &|events, plan| {
            let Fact::AttemptFailed { counts, .. } = failed(events, plan, "again") else { panic!() };
            *counts = true;
        },
        Some("step `again` is to be tried again, and has no policy for that"),
    );
    check(
        &|events, plan| {
            let Fact::AttemptFailed { failure, .. } = failed(events, plan, "again") else { panic!() };
            **failure = StepFailure::error("no");
        },
        Some("an attempt of step `again` does not count, and was not lost"),
    );
    check(
        &|events, plan| {
            let Fact::AttemptFailed { retry_at, .. } = failed(events, plan, "again") else { panic!() };
            *retry_at = Timestamp::from_millis(1);
        },
        Some("the attempt of step `again` after a lost one does not begin at once"),
    );
    check(
        &|events, plan| drop(events.remove(at(events, plan, "attemptLost", "ask"))),
        Some("step `ask` goes on after a loss, but is being done"),
    );
    check(
        &|events, plan| {
            let Fact::AttemptFailed { step: other, .. } = *failed(events, plan, "count") else { panic!() };
            let asked = at(events, plan, "attemptLost", "ask");
            let Fact::AttemptLost { step, .. } = &mut events[asked].fact else { panic!() };
            *step = other;
        },
        Some("step `count` asks about an attempt it lost, and is not to ask"),
    );
    check(
        &|events, plan| {
            let done = at(events, plan, "stepCompleted", "ask");
            let done = events.remove(done);
            events.insert(at(events, plan, "attemptLost", "ask") + 1, done);
        },
        Some("step `ask` completes, but asks about an attempt it lost"),
    );
    check(
        &|events, plan| {
            let again = at(events, plan, "attemptFailed", "again");
            let one = events[again].clone();
            let Fact::AttemptFailed { step, failure, retry_at, .. } = one.fact.clone() else { panic!() };
            events.truncate(again);
            for attempt in 1..=100 {
                let (failure, counts) = (failure.clone(), false);
                let lost = Fact::AttemptFailed { step, attempt, failure, retry_at, counts };
                let next = Fact::AttemptStarted { step, attempt: attempt + 1, why: None };
                events.extend([lost, next].map(|fact| Event { fact, ..one.clone() }));
            }
        },
        Some("step `again` goes on after 100 attempts were lost"),
    );
}

#[test]
fn a_skipped_step_has_a_reason_that_is_true() {
    check(
        |events, plan| {
            let skipped = at(events, plan, "stepSkipped", "no");
            let Fact::StepSkipped { reason, .. } = &mut events[skipped].fact else { panic!() };
            let SkipReason::BranchNotTaken { branch, .. } = &mut **reason else { panic!() };
            *branch = true;
        },
        "step `no` is skipped because of step `ask`, which has completed",
    );
}

#[test]
fn bodies_are_opened_in_order_within_the_limit_and_closed_when_done() {
    check_renumbered(
        |events, plan| {
            let end = at(events, plan, "stepCompleted", "each.two");
            events.remove(end);
        },
        "is closed before step `each.two` has ended",
    );
    check(
        |events, plan| {
            let opened = at(events, plan, "frameOpened", "each");
            let Fact::FrameOpened { index, .. } = &mut events[opened].fact else { panic!() };
            *index = 1;
        },
        "step `each` opens body number 1 after 0 of 3",
    );
    check_renumbered(
        |events, _| {
            let closed = events.iter().position(|event| matches!(event.fact, Fact::FrameClosed { .. }));
            events.remove(closed.unwrap());
        },
        "bodies open at once",
    );
}

#[test]
fn nothing_begins_while_paused_or_after_a_cancellation() {
    let insert = |fact: Fact| {
        move |events: &mut Vec<Event>, _: &Plan| {
            let at = events[0].at;
            events.insert(1, Event { seq: 2, at, fact });
        }
    };
    check_renumbered(
        insert(Fact::ExecutionPaused { reason: "x".into() }),
        "begins while the execution is paused",
    );
    check_renumbered(
        insert(Fact::CancelRequested { reason: "x".into() }),
        "begins after the execution was cancelled",
    );
    check_renumbered(insert(Fact::ExecutionResumed), "it is not paused");
}

#[test]
fn a_signal_is_taken_after_it_was_sent() {
    check_renumbered(
        |events, _| {
            let sent = events.iter().position(|event| matches!(event.fact, Fact::SignalReceived { .. }));
            events.remove(sent.unwrap());
        },
        "step `bell` takes a signal `bell` that nobody sent",
    );
}

#[test]
fn an_execution_ends_when_its_steps_have_and_says_so() {
    check_renumbered(
        |events, plan| {
            let end = at(events, plan, "stepCompleted", "bell");
            events.remove(end);
        },
        "the execution ends before step `bell` has ended",
    );
    check(
        |events, plan| {
            let end = at(events, plan, "stepCompleted", "bell");
            let Fact::StepCompleted { step, .. } = events[end].fact else { panic!() };
            let failure = Box::new(StepFailure::error("no"));
            events[end].fact =
                Fact::StepFailed { step, failure, effect: Effect::Continue, because: "x".into() };
        },
        "the execution completes, but a step failed",
    );
}

#[test]
fn a_step_the_plan_does_not_have_is_a_violation_and_no_panic() {
    check(
        |events, plan| {
            let end = at(events, plan, "stepCompleted", "a");
            let Fact::StepCompleted { step, .. } = &mut events[end].fact else { panic!() };
            *step = StepRef { frame: 0, step: 1_000 };
        },
        "the plan has no step number 1000",
    );
    check(
        |events, plan| {
            let end = at(events, plan, "stepCompleted", "each.one");
            let Fact::StepCompleted { step, .. } = &mut events[end].fact else { panic!() };
            step.frame = 99;
        },
        "is in a body that is not open",
    );
}

#[test]
fn more_attempts_at_once_than_the_limit_are_a_violation() {
    let (_, events) = recorded();
    let engine =
        Engine::builder().agent("echo", ScriptedAgent::new()).agent("flaky", ScriptedAgent::new()).build();
    let stricter = Workflow::from_yaml(&EVERYTHING.replace("maxParallel: 3", "maxParallel: 1")).unwrap();
    let found = check_journal(&engine.compile(&stricter).unwrap(), &events);
    assert!(
        found.iter().any(|found| found.contains("more than 1 attempts are being done at once")),
        "{found:#?}"
    );
}

#[test]
fn an_event_that_cannot_be_read_is_a_violation() {
    let (plan, events) = recorded();
    let mut encoded: Vec<Value> = events.iter().map(|event| plan.encode(event)).collect();
    encoded[1]["step"] = json!("nobody");
    let found = check_recorded(&plan, &encoded);
    assert_eq!(found, ["event 2 cannot be read: step `nobody` does not exist in this workflow"]);
}
