//! Attempts of which nobody knows whether they acted, where a script would be too long or does
//! not see the events as they are written.

use serde_json::{Value, json};
use turbocat_core::{
    AnyAgent, Approval, Event, ExecutionId, ExecutionStatus, Input, Plan, Scheduler, StepRef, StepStatus,
    Timestamp, Workflow, compile,
};

const NOW: Timestamp = Timestamp::from_millis(0);

struct Life {
    plan: Plan,
    scheduler: Scheduler,
    events: Vec<Event>,
}

impl Life {
    fn start(yaml: &str) -> Self {
        let plan = compile(&Workflow::from_yaml(yaml).unwrap(), &AnyAgent).unwrap();
        let id: ExecutionId = "019a0000-0000-7000-8000-000000000001".parse().unwrap();
        let (scheduler, turn) = Scheduler::start(&plan, id, NOW, 7, json!({})).unwrap();
        Self { plan, scheduler, events: turn.events }
    }

    fn tell(&mut self, input: Input) {
        self.events.extend(self.scheduler.apply(NOW, input).events);
    }

    /// Whoever did the only attempt went away.
    fn lose(&mut self) {
        let (step, attempt) = self.scheduler.in_flight()[0];
        self.tell(Input::AttemptLost { step, attempt });
    }

    fn written(&self) -> Vec<Value> {
        self.events.iter().map(|event| self.plan.encode(event)).collect()
    }
}

const A: StepRef = StepRef { frame: 0, step: 0 };

#[test]
fn a_step_that_ends_its_own_process_fails_after_a_hundred_lost_attempts() {
    let mut life = Life::start("steps: { a: { agent: x, onError: continue } }");
    for lost in 1..100 {
        life.lose();
        assert_eq!(life.scheduler.in_flight(), [(A, lost + 1)]);
    }
    life.lose();
    assert_eq!(life.scheduler.status(), ExecutionStatus::Failed);
    let last = &life.written()[life.events.len() - 2];
    assert_eq!(
        *last,
        json!({
            "seq": 201, "at": 0, "type": "stepFailed", "step": "a", "effect": "continue",
            "failure": {
                "kind": "lost", "retryable": false,
                "message": "whoever did this attempt went away; it may or may not have acted",
            },
            "because": "100 attempts were lost",
        })
    );
}

#[test]
fn a_person_may_begin_a_step_again_as_often_as_they_like() {
    let mut life = Life::start("steps: { a: { agent: x, onLost: ask } }");
    for lost in 1..=150 {
        life.lose();
        assert_eq!(life.scheduler.in_flight(), []);
        life.tell(Input::Approval { step: A, approval: Approval::yes() });
        assert_eq!(life.scheduler.in_flight(), [(A, lost + 1)]);
    }
}

#[test]
fn every_iteration_counts_its_own_lost_attempts() {
    let mut life = Life::start("steps: { each: { loop: [1, 2], agent: x } }");
    for _ in 0..2 {
        (0..99).for_each(|_| life.lose());
        let (step, attempt) = life.scheduler.in_flight()[0];
        life.tell(Input::AttemptCompleted { step, attempt, output: json!(1).into() });
    }
    assert_eq!(life.scheduler.status(), ExecutionStatus::Completed);
}

#[test]
fn a_loss_is_written_down_and_the_answer_with_it() {
    let mut life = Life::start("steps: { a: { agent: x, onLost: ask } }");
    life.lose();
    life.tell(Input::Approval { step: A, approval: Approval::yes().by("ada").comment("not paid") });
    assert_eq!(
        life.written()[2..4],
        [
            json!({
                "seq": 3, "at": 0, "type": "attemptLost", "step": "a", "attempt": 1,
                "question": "Attempt 1 of step `a` was lost: it may or may not have acted. Begin another?",
            }),
            json!({
                "seq": 4, "at": 0, "type": "attemptFailed", "step": "a", "attempt": 1, "retryAt": 0, "counts": false,
                "failure": {
                    "kind": "lost",
                    "message": "whoever did this attempt went away; it may or may not have acted; \
                                another was approved by ada: not paid",
                    "detail": {
                        "approved": true, "at": "1970-01-01T00:00:00.000Z", "by": "ada", "comment": "not paid",
                        "timedOut": false, "waited": true,
                    },
                },
            }),
        ]
    );
}

/// Before attempts were told apart, every failed one counted.
#[test]
fn an_attempt_in_an_older_journal_counts() {
    let yaml = "steps: { a: { agent: x, retry: { max: 1, delay: 1s, jitter: 0, then: fail } } }";
    let life = Life::start(yaml);
    let mut written = life.written();
    let failure = json!({ "kind": "lost", "message": "gone" });
    written.extend([
        json!({ "seq": 3, "at": 5, "type": "attemptFailed", "step": "a", "attempt": 1, "failure": failure, "retryAt": 1005 }),
        json!({ "seq": 4, "at": 1005, "type": "attemptStarted", "step": "a", "attempt": 2 }),
    ]);
    let events: Vec<Event> = written.iter().map(|value| life.plan.decode(value).unwrap()).collect();
    let mut scheduler = Scheduler::replay(&life.plan, &events).unwrap();
    let failure = turbocat_core::StepFailure::error("no");
    drop(scheduler.apply(NOW, Input::AttemptFailed { step: A, attempt: 2, failure }));
    let told = scheduler.explain("a").unwrap();
    assert_eq!(told.cause, "no; no other attempt, because all 2 attempts failed");
}

#[test]
fn a_loss_that_cannot_have_happened_is_refused_with_the_reason() {
    let check = |more: &[Value], expected: &str| {
        let life = Life::start("steps: { a: { agent: x, onLost: ask }, b: { wait: { approval: 'Go?' } } }");
        let mut written = life.written();
        written.extend_from_slice(more);
        for (at, event) in written.iter_mut().enumerate() {
            (event["seq"], event["at"]) = (json!(at + 1), json!(0));
        }
        let events: Vec<Event> = written.iter().map(|value| life.plan.decode(value).unwrap()).collect();
        let found = Scheduler::replay(&life.plan, &events).map(|told| told.step_status(A));
        assert_eq!(found.map_err(|error| error.to_string()), Err(expected.to_owned()));
    };
    let lost = |step: &str, attempt: u32| json!({ "type": "attemptLost", "step": step, "attempt": attempt, "question": "?" });
    let failure = json!({ "kind": "lost", "message": "gone" });
    check(&[lost("a", 2)], "event 4 does not fit: another attempt is being done");
    check(&[lost("a", 1), lost("a", 1)], "event 5 does not fit: the step is waiting");
    check(&[lost("b", 1)], "event 4 does not fit: the step is waiting");
    let again = json!({ "type": "attemptFailed", "step": "b", "attempt": 1, "failure": failure, "retryAt": 0, "counts": false });
    check(&[again], "event 4 does not fit: the step asks no agent");
    let done = json!({ "type": "stepCompleted", "step": "a", "output": 1 });
    check(&[lost("a", 1), done], "event 5 does not fit: the step asks a person");
}

#[test]
fn an_answer_that_comes_twice_begins_one_attempt() {
    let mut life = Life::start("steps: { a: { agent: x, onLost: ask } }");
    let approval = || Input::Approval { step: A, approval: Approval::yes() };
    life.tell(approval());
    life.lose();
    assert_eq!(life.scheduler.step_status(A), Some(StepStatus::Waiting));
    assert!(life.scheduler.is_waiting_for_approval(A));
    life.tell(approval());
    let known = life.events.len();
    life.tell(approval());
    assert_eq!((life.events.len(), life.scheduler.in_flight()), (known, vec![(A, 2)]));
}
