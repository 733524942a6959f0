//! Time limits, pauses and waits, with a clock that is turned by the test.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::testing::{CallEnd, ManualClock, ScriptedAgent, check_journal};
use turbocat_core::{Engine, Event, Execution, ExecutionStatus, Fact, FailureKind, StepStatus, Workflow};

struct Course {
    execution: Execution,
    events: Vec<Event>,
    took: Duration,
}

impl Course {
    /// When each attempt of anything began, in seconds since the start.
    fn attempts(&self) -> Vec<f64> {
        let began = self.events.iter().filter(|event| matches!(event.fact, Fact::AttemptStarted { .. }));
        began.map(|event| event.at.since(self.events[0].at).as_secs_f64()).collect()
    }

    fn step(&self, key: &str) -> turbocat_core::StepReport {
        self.execution.steps().find(|step| step.path == key).unwrap()
    }
}

/// Runs a workflow to its end, the clock turning by itself.
fn course(yaml: &str, agent: &ScriptedAgent) -> Course {
    let clock = ManualClock::new();
    let engine = Engine::builder().agent("a", agent.clone()).clock(clock.clone()).build();
    let plan = engine.compile(&Workflow::from_yaml(yaml).unwrap()).unwrap();
    let (execution, events) = clock.block_on(async {
        let handle = engine.start(&plan, json!({})).unwrap();
        let mut events = handle.events();
        let mut seen = Vec::new();
        while let Some(event) = events.next().await {
            seen.push(event);
        }
        (handle.wait().await.unwrap(), seen)
    });
    assert_eq!(check_journal(&plan, &events), Vec::<String>::new());
    Course { execution, events, took: clock.elapsed() }
}

#[test]
fn an_attempt_that_times_out_is_dropped_and_tried_again() {
    let agent = ScriptedAgent::new().then_hang().then("second time lucky");
    let yaml = "steps: { s: { agent: a, timeout: 30s, retry: { max: 2, delay: 1s, jitter: 0 } } }";
    let course = course(yaml, &agent);
    assert_eq!(course.execution.output()["s"], "second time lucky");
    let ends: Vec<CallEnd> = agent.calls().into_iter().map(|call| call.end).collect();
    assert_eq!(ends, [CallEnd::Dropped, CallEnd::Answered]);
    assert_eq!(course.attempts(), [0.0, 31.0]);
}

#[test]
fn a_step_whose_attempts_all_time_out_ends_as_timeout() {
    let agent = ScriptedAgent::new().then_hang().then_hang();
    let yaml =
        "steps: { s: { agent: a, timeout: 30s, retry: { max: 1, delay: 1s, jitter: 0, then: fail } } }";
    let course = course(yaml, &agent);
    assert_eq!(course.step("s").status, StepStatus::Timeout);
    let failure = course.step("s").failure.unwrap();
    assert_eq!((failure.kind, &*failure.message), (FailureKind::TIMEOUT, "the attempt timed out after 30s"));
    assert_eq!(course.took, Duration::from_secs(61));
    assert_eq!(agent.hanging(), 0);
}

#[test]
fn a_retry_only_for_timeouts_is_not_for_other_failures() {
    let agent = ScriptedAgent::new().then_hang().then_fail("no").then("never");
    let yaml = "steps: { s: { agent: a, timeout: 1s, retry: { max: 5, delay: 1s, on: [timeout] } } }";
    let course = course(yaml, &agent);
    assert_eq!(course.step("s").attempts, 2);
    assert_eq!(agent.answers_left(), 1);
}

#[test]
fn a_deadline_bounds_all_attempts_and_the_pauses_between_them() {
    let agent = ScriptedAgent::new().then_hang().then_fail("no").then_hang();
    let yaml = "
steps:
  s: { agent: a, timeout: 10s, deadline: 25s, retry: { max: 9, delay: 5s, factor: 1, jitter: 0 } }
  t: { agent: a, dependsOn: s, needs: finished }
";
    let agent = agent.step("t").then("went on");
    let course = course(yaml, &agent);
    assert_eq!(course.attempts(), [0.0, 15.0, 20.0, 25.0]);
    let step = course.step("s");
    assert_eq!(step.status, StepStatus::Timeout);
    assert_eq!(step.failure.unwrap().message, "step `s` did not end within its deadline of 25s");
    assert_eq!(step.ended.unwrap().since(step.started.unwrap()), Duration::from_secs(25));
    let ends: Vec<CallEnd> = agent.calls_of("s").into_iter().map(|call| call.end).collect();
    assert_eq!(ends, [CallEnd::Dropped, CallEnd::Answered, CallEnd::Dropped]);
    assert_eq!(agent.calls_of("t")[0].end, CallEnd::Answered);
}

#[test]
fn pauses_grow_by_the_factor_to_the_cap() {
    let agent = (0..5).fold(ScriptedAgent::new(), |agent, _| agent.then_fail("no")).then("yes");
    let yaml =
        "steps: { s: { agent: a, retry: { max: 5, delay: 2s, factor: 3, maxDelay: 20s, jitter: 0 } } }";
    let course = course(yaml, &agent);
    assert!(course.execution.is_completed());
    assert_eq!(course.attempts(), [0.0, 2.0, 8.0, 26.0, 46.0, 66.0]);
}

#[test]
fn a_pause_is_as_long_as_the_other_side_says_at_least() {
    let failure = turbocat_core::StepFailure::error("429").retry_after(Duration::from_mins(5));
    let agent = ScriptedAgent::new().then_fail(failure).then_fail("no").then("yes");
    let course = course("steps: { s: { agent: a, retry: { delay: 1s, factor: 1, jitter: 0 } } }", &agent);
    assert_eq!(course.attempts(), [0.0, 300.0, 301.0]);
}

#[test]
fn an_execution_that_works_too_long_ends_as_timeout_and_stops_its_work() {
    let agent = ScriptedAgent::new().step("s").then_hang().step("other").then("done");
    let yaml = "
timeout: 10m
steps:
  other: { agent: a }
  s: { agent: a }
  later: { agent: a, dependsOn: s }
";
    let course = course(yaml, &agent);
    assert_eq!(course.execution.status(), ExecutionStatus::Timeout);
    assert_eq!(course.took, Duration::from_mins(10));
    assert_eq!(course.step("s").status, StepStatus::Cancelled);
    assert_eq!(course.step("later").status, StepStatus::Skipped);
    assert_eq!(course.step("other").status, StepStatus::Completed);
    assert_eq!(agent.calls_of("s")[0].end, CallEnd::Dropped);
}

#[test]
fn a_time_of_mere_waiting_is_no_work() {
    let agent = ScriptedAgent::new().otherwise(Value::Null);
    let yaml = "
timeout: 10m
steps: { a: { agent: a }, w: { wait: 24h, dependsOn: a }, b: { agent: a, dependsOn: w } }
";
    let course = course(yaml, &agent);
    assert!(course.execution.is_completed(), "{:?}", course.execution);
    assert_eq!(course.took, Duration::from_hours(24));
}

#[test]
fn a_wait_for_a_signal_gives_up_as_it_was_told() {
    let yaml = "
steps:
  go: { wait: { signal: go, timeout: 1h, onTimeout: continue } }
  ok: { wait: { approval: 'Sure?', timeout: 2h, onTimeout: reject }, onError: continue }
";
    let course = course(yaml, &ScriptedAgent::new());
    assert_eq!(course.execution.output()["go"]["timedOut"], true);
    assert_eq!(course.step("ok").failure.unwrap().kind, FailureKind::REJECTED);
    assert_eq!(course.took, Duration::from_hours(2));
}

#[test]
fn an_attempt_that_answers_in_time_is_not_disturbed_by_its_limit() {
    let clock = ManualClock::new();
    let agent = ScriptedAgent::new().then_held("in time");
    let engine = Engine::builder().agent("a", agent.clone()).clock(clock.clone()).build();
    let workflow = Workflow::from_yaml("steps: { s: { agent: a, timeout: 30s } }").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let handle = engine.start(&workflow, json!({})).unwrap();
        agent.until_hanging(1).await;
        clock.until_sleeping(1).await;
        clock.advance(Duration::from_millis(29_999));
        agent.release();
        let execution = handle.wait().await.unwrap();
        assert_eq!(execution.output()["s"], "in time");
    });
    assert_eq!(clock.sleeping(), 0, "the limit is forgotten");
}
