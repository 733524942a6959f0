//! Drives an execution through a list of moves, and asks after every turn whether the scheduler
//! still agrees with the model, with its own log, and with everything that must always hold.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};
use turbocat_core::{
    AnyAgent, Approval, ChildOutcome, Code, Event, ExecutionId, ExecutionStatus, FailureKind, Input, Plan,
    Scheduler, Severity, StepFailure, StepRef, StepStatus, Timestamp, Turn, Workflow, compile,
};

use crate::model::{Model, News, Trouble};
use crate::sketch::Sketch;
use crate::witness::Witness;

/// What happens next. Moves that make no sense where they come do what is nearest.
#[derive(Clone, Debug)]
pub(crate) struct Move {
    /// How much time passes first.
    pub(crate) gap: u8,
    /// Which of those it could mean.
    pub(crate) pick: u8,
    pub(crate) act: Act,
}

#[derive(Clone, Debug)]
pub(crate) enum Act {
    Complete(u8),
    Fail { flaky: bool, retryable: bool },
    TakeTooLong,
    Lose,
    Time,
    Signal(u8),
    Answer(bool),
    EndChild(bool),
    Stale(Stale),
    Pause,
    Resume,
    Cancel,
}

/// News that is not news.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stale {
    LaterAttempt,
    EarlierAttempt,
    EndedAttempt,
    LostAfterwards,
    UnknownFrame,
    UnknownStep,
    EarlyTimer,
    NobodyAsks,
    UnknownChild,
    Again,
}

/// A workflow and what happens to it.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) sketch: Sketch,
    pub(crate) moves: Vec<Move>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yaml = self.sketch.workflow().to_yaml();
        writeln!(f, "\n{yaml}---")?;
        for one in &self.moves {
            writeln!(f, "{one:?}")?;
        }
        writeln!(f, "--- to keep it: {:?}", self.sketch)
    }
}

/// More turns than any of these workflows can need.
const ENDLESS: usize = 2_000;

const SEED: u64 = 0xfeed_feed_feed_feed;

fn execution() -> ExecutionId {
    "019a0000-0000-7000-8000-000000000001".parse().unwrap()
}

fn inputs() -> Value {
    json!({ "list": [1, 2, 0], "yes": true })
}

/// How a case went.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) status: ExecutionStatus,
    pub(crate) log: Vec<String>,
}

/// Plays a case twice: once with all questions asked, once without, to see that both went alike.
/// `None` if the workflow contradicts itself and is refused.
pub(crate) fn check(case: &Case) -> Option<Outcome> {
    let workflow = case.sketch.workflow();
    let plan = match compile(&workflow, &AnyAgent) {
        Ok(plan) => plan,
        Err(found) => {
            // A sketch may go through something that is no list, or depend on both branches.
            let expected = [Code::UNREACHABLE, Code::WRONG_RESULT];
            let other =
                found.iter().find(|one| one.severity == Severity::Error && !expected.contains(&one.code));
            assert!(other.is_none(), "a sketch is refused: {found}");
            return None;
        }
    };
    let asked = play(&workflow, &plan, &case.moves);
    let again = compile(&workflow, &AnyAgent).unwrap();
    let mut quiet = Quiet::default();
    retell(&again, &asked.heard, &mut quiet);
    assert_eq!(quiet.log, asked.log, "the same workflow and the same news gave other events");
    #[cfg(feature = "testing")]
    assert_eq!(turbocat_core::testing::check_journal(&plan, &asked.events), Vec::<String>::new());
    Some(Outcome { status: asked.status, log: asked.log })
}

/// How a log can be spoilt.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Damage {
    Loss,
    Repetition,
    Swap,
}

/// Plays a case, spoils its log and reads it back: it may be refused, and must not panic. Says
/// whether it was refused.
pub(crate) fn spoil(case: &Case, damage: Damage, place: usize) -> Option<bool> {
    let workflow = case.sketch.workflow();
    let plan = compile(&workflow, &AnyAgent).ok()?;
    let mut events = play(&workflow, &plan, &case.moves).events;
    let at = 1 + place % (events.len() - 1);
    match damage {
        Damage::Loss => drop(events.remove(at)),
        Damage::Repetition => events.insert(at, events[at].clone()),
        Damage::Swap => events.swap(at, at - 1),
    }
    for (number, event) in events.iter_mut().enumerate() {
        event.seq = number as u64 + 1;
    }
    match Scheduler::replay(&plan, &events) {
        Err(_) => Some(true),
        Ok(mut scheduler) => {
            // Whoever believes it must be able to go on with it.
            let now = Timestamp::from_millis(1_000);
            for (step, attempt) in scheduler.in_flight() {
                drop(scheduler.apply(now, Input::AttemptLost { step, attempt }));
            }
            drop(scheduler.apply(now, Input::Timer));
            drop(scheduler.apply(now, Input::Cancel { reason: "enough".into() }));
            Some(false)
        }
    }
}

/// Everything the scheduler was told, to tell it again.
struct Played {
    status: ExecutionStatus,
    events: Vec<Event>,
    log: Vec<String>,
    heard: Vec<(i64, Input)>,
}

#[derive(Default)]
struct Quiet {
    log: Vec<String>,
}

fn retell(plan: &Plan, heard: &[(i64, Input)], quiet: &mut Quiet) {
    let (mut scheduler, turn) =
        Scheduler::start(plan, execution(), Timestamp::from_millis(0), SEED, inputs()).unwrap();
    let mut keep =
        |turn: &Turn| quiet.log.extend(turn.events.iter().map(|event| plan.encode(event).to_string()));
    keep(&turn);
    for (now, input) in heard {
        keep(&scheduler.apply(Timestamp::from_millis(*now), input.clone()));
    }
}

struct Stage<'w> {
    plan: &'w Plan,
    scheduler: Scheduler,
    model: Model<'w>,
    witness: Witness<'w>,
    now: i64,
    wake: Option<i64>,
    paused: bool,
    events: Vec<Event>,
    read_back: Vec<Event>,
    log: Vec<String>,
    heard: Vec<(i64, Input)>,
    notes: usize,
}

fn play(workflow: &Workflow, plan: &Plan, moves: &[Move]) -> Played {
    let (scheduler, turn) =
        Scheduler::start(plan, execution(), Timestamp::from_millis(0), SEED, inputs()).unwrap();
    let mut stage = Stage {
        plan,
        scheduler,
        model: Model::start(workflow, inputs(), 0),
        witness: Witness::new(workflow),
        now: 0,
        wake: None,
        paused: false,
        events: Vec::new(),
        read_back: Vec::new(),
        log: Vec::new(),
        heard: Vec::new(),
        notes: 0,
    };
    stage.look(&turn, None);
    for one in moves {
        stage.make(one);
    }
    for _ in 0..ENDLESS {
        if stage.witness.ended {
            let late = Input::Signal { name: "go".into(), payload: Arc::new(json!(1)) };
            stage.nothing_happens(late);
            stage.nothing_happens(Input::Cancel { reason: "late".into() });
            stage.nothing_happens(Input::Timer);
            let status = stage.scheduler.status();
            return Played { status, events: stage.events, log: stage.log, heard: stage.heard };
        }
        stage.go_on();
    }
    panic!("it does not end: {:#?}", stage.log);
}

impl Stage<'_> {
    fn make(&mut self, one: &Move) {
        if self.witness.ended {
            return;
        }
        let later = self.now + i64::from(one.gap);
        // Half of the time news overtakes the clock; but the model's work clock is not that exact.
        let punctual = one.pick.is_multiple_of(2) || self.witness.chronicle.workflow.timeout.is_some();
        while let Some(wake) = self.wake.filter(|wake| *wake <= later && punctual) {
            self.now = self.now.max(wake);
            self.time_passes();
            if self.witness.ended {
                return;
            }
        }
        self.now = self.now.max(later);
        let nth = |count: usize| one.pick as usize % count.max(1);
        let running = self.witness.running.iter().nth(nth(self.witness.running.len()));
        let running = running.map(|(path, (step, attempt))| (path.clone(), *step, *attempt));
        match (&one.act, running) {
            (Act::Complete(value), Some((path, step, attempt))) => {
                let output = json!(value % 3);
                let input = Input::AttemptCompleted { step, attempt, output: Arc::new(output.clone()) };
                self.tell(input, News::Completed { path, attempt, output });
            }
            (Act::Fail { flaky, retryable }, Some((path, step, attempt))) => {
                let kind = if *flaky { "flaky" } else { "broken" };
                self.fail(path, step, attempt, Trouble { kind, retryable: *retryable });
            }
            (Act::TakeTooLong, Some((path, step, attempt))) => {
                self.fail(path, step, attempt, Trouble { kind: "timeout", retryable: true });
            }
            (Act::Lose, Some((path, step, attempt))) => {
                self.tell(Input::AttemptLost { step, attempt }, News::Lost { path, attempt });
            }
            (Act::Signal(number), _) => self.signal(["go", "stay"][*number as usize % 2]),
            (Act::Answer(approved), _) if !self.witness.asking.is_empty() => {
                let asking = self.witness.asking.iter().nth(nth(self.witness.asking.len()));
                let (path, step) = asking.map(|(path, step)| (path.clone(), *step)).unwrap();
                self.answer(path, step, *approved);
            }
            (Act::EndChild(completed), _) if !self.witness.children.is_empty() => {
                let child = self.witness.children.iter().nth(nth(self.witness.children.len()));
                let (path, child) = child.map(|(path, child)| (path.clone(), *child)).unwrap();
                self.end_child(path, child, *completed);
            }
            (Act::Stale(stale), _) => self.stale(*stale, one.pick),
            (Act::Pause, _) => {
                self.paused = true;
                self.tell(Input::Pause { reason: "lunch".into() }, News::Pause);
            }
            (Act::Resume, _) => {
                self.paused = false;
                self.tell(Input::Resume, News::Resume);
            }
            (Act::Cancel, _) => self.tell(Input::Cancel { reason: "enough".into() }, News::Cancel),
            _ => {
                if let Some(wake) = self.wake {
                    self.now = self.now.max(wake);
                }
                self.time_passes();
            }
        }
    }

    /// Whatever brings the end nearer.
    fn go_on(&mut self) {
        let first = |map: &std::collections::BTreeMap<String, (StepRef, u32)>| {
            map.iter().next().map(|(path, (step, attempt))| (path.clone(), *step, *attempt))
        };
        if self.paused {
            self.paused = false;
            self.tell(Input::Resume, News::Resume);
        } else if let Some((path, step, attempt)) = first(&self.witness.running) {
            let output = json!(1);
            let input = Input::AttemptCompleted { step, attempt, output: Arc::new(output.clone()) };
            self.tell(input, News::Completed { path, attempt, output });
        } else if let Some((path, child)) = self.witness.children.clone().into_iter().next() {
            self.end_child(path, child, true);
        } else if let Some((path, step)) = self.witness.asking.clone().into_iter().next() {
            self.answer(path, step, true);
        } else if let Some(name) = self.witness.listening.values().next().cloned() {
            self.signal(&name);
        } else if let Some(wake) = self.wake {
            self.now = self.now.max(wake);
            self.time_passes();
        } else {
            panic!("nothing can happen any more, and it has not ended: {:#?}", self.log);
        }
    }

    fn time_passes(&mut self) {
        let (seq, wake) = (self.scheduler.seq(), self.wake);
        self.tell(Input::Timer, News::Timer);
        // It is woken for a reason, or at least does not ask for the same moment again.
        let due = wake.is_some_and(|wake| wake <= self.now);
        assert!(!due || self.scheduler.seq() > seq || self.wake != wake, "woken for nothing at {}", self.now);
    }

    fn fail(&mut self, path: String, step: StepRef, attempt: u32, trouble: Trouble) {
        let mut failure = StepFailure::new(FailureKind::new(trouble.kind), "oh no");
        failure.retryable = trouble.retryable;
        self.tell(Input::AttemptFailed { step, attempt, failure }, News::Failed { path, attempt, trouble });
    }

    fn signal(&mut self, name: &str) {
        let payload = json!({ "at": self.now });
        let input = Input::Signal { name: name.into(), payload: Arc::new(payload.clone()) };
        self.tell(input, News::Signal { name: name.to_owned(), payload });
    }

    fn answer(&mut self, path: String, step: StepRef, approved: bool) {
        assert!(self.scheduler.is_waiting_for_approval(step));
        let approval = Approval { approved, by: None, comment: None };
        self.tell(Input::Approval { step, approval }, News::Answer { path, approved });
    }

    fn end_child(&mut self, path: String, execution: ExecutionId, completed: bool) {
        let status = if completed { ExecutionStatus::Completed } else { ExecutionStatus::Timeout };
        let output = json!({ "from": "child" });
        let outcome = ChildOutcome { status, output: Arc::new(output.clone()), failure: None, usage: None };
        self.tell(Input::ChildEnded { execution, outcome }, News::Child { path, completed, output });
    }

    fn stale(&mut self, stale: Stale, pick: u8) {
        // What is overdue starts with any news, even stale news.
        if self.wake.is_some_and(|wake| wake <= self.now) {
            return;
        }
        let nobody = StepRef { frame: 0, step: 0 };
        let running: Vec<(StepRef, u32)> = self.witness.running.values().copied().collect();
        let ended = &self.witness.ended_attempts;
        let current = running.get(pick as usize % running.len().max(1)).copied();
        let former = ended.get(pick as usize % ended.len().max(1)).copied();
        let output = Arc::new(json!("stale"));
        let completed = |step, attempt| Input::AttemptCompleted { step, attempt, output: output.clone() };
        let input = match (stale, current, former) {
            (Stale::LaterAttempt, Some((step, attempt)), _) => completed(step, attempt + 1),
            (Stale::EarlierAttempt, Some((step, attempt)), _) => {
                Input::AttemptLost { step, attempt: attempt - 1 }
            }
            (Stale::EndedAttempt, _, Some((step, attempt))) => completed(step, attempt),
            (Stale::LostAfterwards, _, Some((step, attempt))) => Input::AttemptLost { step, attempt },
            (Stale::UnknownFrame, ..) => completed(StepRef { frame: 77, step: 0 }, 1),
            (Stale::UnknownStep, ..) => completed(StepRef { frame: 0, step: 999 }, 1),
            (Stale::NobodyAsks, ..) => {
                let step = current.map_or(nobody, |(step, _)| step);
                if self.scheduler.is_waiting_for_approval(step) {
                    return;
                }
                Input::Approval { step, approval: Approval { approved: true, ..Approval::default() } }
            }
            (Stale::UnknownChild, ..) => {
                let outcome =
                    ChildOutcome { status: ExecutionStatus::Completed, output, failure: None, usage: None };
                Input::ChildEnded { execution: execution(), outcome }
            }
            (Stale::Again, ..) if self.paused => Input::Pause { reason: "again".into() },
            (Stale::Again, ..) => Input::Resume,
            _ => Input::Timer,
        };
        if let Input::AttemptCompleted { step, attempt, .. } | Input::AttemptLost { step, attempt } = &input
            && running.contains(&(*step, *attempt))
        {
            return;
        }
        self.nothing_happens(input);
    }

    fn nothing_happens(&mut self, input: Input) {
        let turn = self.scheduler.apply(Timestamp::from_millis(self.now), input.clone());
        assert_eq!((&*turn.events, &*turn.actions), (&[][..], &[][..]), "{input:?} is stale");
        assert_eq!(
            turn.wake_at.map(Timestamp::as_millis),
            self.wake,
            "{input:?} is stale and changed the alarm"
        );
        let told = Scheduler::replay(self.plan, &self.events).unwrap();
        assert!(self.scheduler.stands_like(&told), "{input:?} is stale and changed something");
        self.heard.push((self.now, input));
    }

    fn tell(&mut self, input: Input, news: News) {
        let turn = self.scheduler.apply(Timestamp::from_millis(self.now), input.clone());
        self.model.feed(self.now, news);
        self.look(&turn, Some(&input));
        self.heard.push((self.now, input));
    }

    /// Asks everything there is to ask after a turn.
    fn look(&mut self, turn: &Turn, heard: Option<&Input>) {
        let mut written = Vec::with_capacity(turn.events.len());
        for event in &turn.events {
            let text = self.plan.encode(event).to_string();
            let value: Value = serde_json::from_str(&text).unwrap();
            let read = self.plan.decode(&value).unwrap();
            assert_eq!(read, *event, "read back, an event is what it was");
            self.read_back.push(read);
            self.events.push(event.clone());
            self.log.push(text);
            written.push(value);
        }
        LAST.with(|last| last.replace(self.log.clone()));
        self.witness.watch(turn, &written, self.now, heard);
        self.agrees_with_the_model();
        self.wake = turn.wake_at.map(Timestamp::as_millis);
        assert_eq!(self.wake, self.model.wake(), "when to wake up");

        let told = Scheduler::replay(self.plan, &self.read_back).unwrap();
        assert!(
            self.scheduler.stands_like(&told),
            "replay is not live: {}",
            difference(&self.scheduler, &told)
        );
        assert_eq!(told.in_flight().len(), self.witness.running.len(), "what is in flight");
    }

    fn agrees_with_the_model(&mut self) {
        let told = self.model.notes[self.notes..].to_vec();
        self.notes = self.model.notes.len();
        let seen: Vec<String> = self.witness.lines.iter().map(|line| nameless(line)).collect();
        assert_eq!(seen, told, "left: the scheduler, right: the model");
        assert_eq!(self.scheduler.status(), self.model.status);
        let steps: Vec<_> =
            self.scheduler.steps().map(|step| (step.path, plain(step.status), step.attempts)).collect();
        assert_eq!(steps, self.model.steps());
        let mended = self
            .scheduler
            .steps()
            .find(|step| step.status == StepStatus::Completed && step.failure.is_some());
        assert_eq!(mended, None, "a step that completed has no failure");
        let output = nameless(&self.scheduler.output().to_string());
        assert_eq!(output, self.model.output().to_string());
        for (path, (step, _)) in &self.witness.running {
            assert_eq!(self.scheduler.path(*step), *path);
            assert_eq!(self.scheduler.find(path), Some(*step));
            let parts = self.scheduler.attempt(*step, None).unwrap();
            assert_eq!(nameless(&parts.inputs.to_string()), self.model.inputs(path).to_string());
            assert!(self.scheduler.explain(path).is_some());
        }
    }
}

/// Where two schedulers stand differently.
fn difference(live: &Scheduler, told: &Scheduler) -> String {
    let (live, told) = (format!("{live:#?}"), format!("{told:#?}"));
    let alike = live.lines().zip(told.lines()).take_while(|(a, b)| a == b).count();
    let around =
        |text: &str| text.lines().skip(alike.saturating_sub(8)).take(14).collect::<Vec<_>>().join("\n");
    format!("live\n{}\ntold\n{}", around(&live), around(&told))
}

/// The model does not tell steps that are ready from those that are not yet.
fn plain(status: StepStatus) -> StepStatus {
    match status {
        StepStatus::Ready => StepStatus::Pending,
        other => other,
    }
}

/// The model does not know the names of children.
fn nameless(text: &str) -> String {
    match text.split_once(r#""executionId":""#) {
        Some((before, after)) => {
            let after = &after[after.find('"').unwrap()..];
            format!(r#"{before}"executionId":"?{}"#, nameless(after))
        }
        None => text.to_owned(),
    }
}

thread_local! {
    static LAST: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// The events of the case that was played last, for messages.
pub(crate) fn last_log() -> Vec<String> {
    LAST.with(|last| last.borrow().clone())
}
