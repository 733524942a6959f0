//! Watches an execution's events and objects when something happens that must never happen.
//!
//! Knows the definition and what was written down, not how the scheduler decides.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use turbocat_core::{Action, ExecutionId, Input, OnError, OnLost, Step, StepKind, StepRef, Turn, Workflow};

use crate::chronicle::{Chronicle, Instance, text};
use crate::graph::before;

pub(crate) struct Witness<'w> {
    pub(crate) chronicle: Chronicle<'w>,
    seen: BTreeMap<Instance, Seen>,
    open: BTreeSet<u64>,
    seq: u64,
    paused: bool,
    pub(crate) ended: bool,
    /// What is open, by path: attempts of agents, and waits.
    pub(crate) running: BTreeMap<String, (StepRef, u32)>,
    pub(crate) asking: BTreeMap<String, StepRef>,
    pub(crate) listening: BTreeMap<String, String>,
    pub(crate) children: BTreeMap<String, ExecutionId>,
    pub(crate) ended_attempts: Vec<(StepRef, u32)>,
    /// The lines of this turn.
    pub(crate) lines: Vec<String>,
}

#[derive(Default)]
struct Seen {
    attempt: u32,
    /// How many attempts were lost without counting.
    lost: u32,
    state: State,
    decided: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    #[default]
    Waiting,
    Running,
    /// A person is asked about an attempt that was lost.
    Asking,
    Pausing,
    Completed,
    Failed,
    Skipped,
    Cancelled,
}

impl State {
    const fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Skipped | Self::Cancelled)
    }
}

impl<'w> Witness<'w> {
    pub(crate) fn new(workflow: &'w Workflow) -> Self {
        Self {
            chronicle: Chronicle::new(workflow),
            seen: BTreeMap::new(),
            open: BTreeSet::new(),
            seq: 0,
            paused: false,
            ended: false,
            running: BTreeMap::new(),
            asking: BTreeMap::new(),
            listening: BTreeMap::new(),
            children: BTreeMap::new(),
            ended_attempts: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Looks at one turn, its events as they are written down. `heard` is what it answers.
    pub(crate) fn watch(&mut self, turn: &Turn, written: &[Value], now: i64, heard: Option<&Input>) {
        self.lines.clear();
        let mut started = Vec::new();
        let mut stopped = Vec::new();
        for (event, value) in turn.events.iter().zip(written) {
            self.seq += 1;
            assert_eq!(value["seq"], self.seq, "events are numbered without gaps");
            assert_eq!(value["at"], now, "events are of now");
            assert!(!self.ended, "nothing happens after the end: {value}");
            self.chronicle.note(value);
            let line = self.chronicle.brief(value);
            if let Some(instance) = self.chronicle.subject(value) {
                let step = subject(event);
                self.step_event(&instance, step, value, &mut started, &mut stopped);
            }
            self.other_event(value);
            self.lines.push(line);
            self.limits();
        }
        // Work is asked for exactly where the events say so, and in their order.
        let mut aborted = Vec::new();
        let mut wanted = started.into_iter();
        for action in &turn.actions {
            match action {
                Action::Launch { .. } | Action::StartChild { .. } => {
                    assert_eq!(Some(name_of(action)), wanted.next(), "an action without its event");
                }
                Action::Abort { .. } | Action::CancelChild { .. } => aborted.push(name_of(action)),
                other => panic!("{other:?} is new"),
            }
        }
        assert_eq!(wanted.next(), None, "an event without its action");
        // Whatever stopped without having said so itself is told to stop, and nothing else is.
        let answered = match heard {
            Some(Input::AttemptCompleted { step, attempt, .. })
            | Some(Input::AttemptFailed { step, attempt, .. } | Input::AttemptLost { step, attempt }) => {
                Some(format!("{step:?} {attempt}"))
            }
            Some(Input::ChildEnded { execution, .. }) => Some(execution.to_string()),
            _ => None,
        };
        stopped.retain(|one| Some(one) != answered.as_ref());
        aborted.sort();
        stopped.sort();
        assert_eq!(aborted, stopped, "left: what is told to stop, right: what has stopped");
    }

    fn step_event(
        &mut self,
        instance: &Instance,
        step: StepRef,
        event: &Value,
        started: &mut Vec<String>,
        stopped: &mut Vec<String>,
    ) {
        let definition = self.chronicle.step(instance);
        let path = &instance.path;
        assert!(
            self.chronicle.frames.contains_key(&instance.frame)
                && (instance.frame == 0 || self.open.contains(&instance.frame)),
            "{path} is in a frame that is not open"
        );
        let (state, attempt) =
            self.seen.get(instance).map_or((State::Waiting, 0), |seen| (seen.state, seen.attempt));
        assert!(!state.is_ended(), "{path} ended as {state:?} and goes on: {event}");
        let word = text(&event["type"]);
        let next = match word {
            "attemptStarted" | "stepStarted" => {
                assert!(!self.paused, "{path} started during a pause");
                assert_eq!(event["attempt"], attempt + 1, "attempts of {path} are counted one by one");
                let most = if definition.on_error == OnError::Retry { 1 + definition.retry.max } else { 1 };
                let most = most + self.seen.get(instance).map_or(0, |seen| seen.lost);
                assert!(attempt < most, "{path} has {} attempts, {most} are allowed", attempt + 1);
                assert!(matches!(state, State::Waiting | State::Pausing), "{path} started while {state:?}");
                if attempt == 0 {
                    self.dependencies_ended(instance, definition);
                }
                self.first_in_line(instance, attempt);
                State::Running
            }
            "attemptLost" => {
                assert_eq!(on_lost(definition), Some(OnLost::Ask), "{path} asks unasked");
                assert_eq!((state, &event["attempt"]), (State::Running, &attempt.into()), "{path} asks");
                State::Asking
            }
            "attemptFailed" if event["counts"] == false => {
                let from = match on_lost(definition) {
                    Some(OnLost::Retry) => State::Running,
                    Some(OnLost::Ask) => State::Asking,
                    other => panic!("{path} lost an attempt that does not count: {other:?}"),
                };
                assert_eq!(state, from, "{path} lost an attempt");
                assert_eq!(event["failure"]["kind"], "lost", "only what was lost does not count");
                assert_eq!(event["retryAt"], event["at"], "{path} goes on at once");
                State::Pausing
            }
            "attemptFailed" => {
                assert_eq!(state, State::Running, "{path} fails an attempt");
                State::Pausing
            }
            "signalTaken" => state,
            "stepCompleted" => {
                if attempt == 0 {
                    self.dependencies_ended(instance, definition);
                }
                State::Completed
            }
            "stepFailed" => State::Failed,
            "stepSkipped" => {
                assert_eq!(state, State::Waiting, "{path} was at work and is skipped");
                self.rightly_skipped(instance, definition, &event["reason"]);
                State::Skipped
            }
            "stepCancelled" => {
                assert!(
                    matches!(state, State::Running | State::Asking | State::Pausing),
                    "{path} is cancelled while {state:?}"
                );
                State::Cancelled
            }
            other => panic!("`{other}` is new"),
        };
        if state == State::Running && next != State::Running {
            let nested = self.children.remove(path);
            if let Some(child) = nested {
                let detached =
                    matches!(&definition.kind, StepKind::Workflow(child) if !child.wait_for_completion);
                stopped.extend((!detached).then(|| child.to_string()));
            } else if let Some((step, attempt)) = self.running.remove(path) {
                self.ended_attempts.push((step, attempt));
                stopped.push(format!("{step:?} {attempt}"));
            }
            self.listening.remove(path);
        }
        self.asking.remove(path);
        if word == "attemptLost" {
            self.asking.insert(path.clone(), step);
        }
        if word == "attemptStarted" {
            self.running.insert(path.clone(), (step, attempt + 1));
            started.push(format!("{step:?} {}", attempt + 1));
        }
        if word == "stepStarted" {
            let work = &event["work"];
            match text(&work["kind"]) {
                "approval" => drop(self.asking.insert(path.clone(), step)),
                "signal" => drop(self.listening.insert(path.clone(), text(&work["name"]).to_owned())),
                "child" => {
                    let child: ExecutionId = text(&work["execution"]).parse().unwrap();
                    self.children.insert(path.clone(), child);
                    started.push(child.to_string());
                }
                _ => {}
            }
        }
        let seen = self.seen.entry(instance.clone()).or_default();
        seen.state = next;
        if word.ends_with("Started") {
            seen.attempt += 1;
        }
        seen.lost += u32::from(event["counts"] == false);
        seen.decided = event["decision"]["result"].as_bool();
    }

    fn other_event(&mut self, event: &Value) {
        match text(&event["type"]) {
            "frameOpened" => {
                let frame = event["frame"].as_u64().unwrap();
                let owner = self.chronicle.instance(text(&event["owner"]));
                assert_eq!(self.seen[&owner].state, State::Running, "{} opens a frame", owner.path);
                assert!(self.open.insert(frame), "frame {frame} is opened twice");
            }
            "frameClosed" => {
                let frame = event["frame"].as_u64().unwrap();
                assert!(self.open.remove(&frame), "frame {frame} is closed twice");
                for step in self.chronicle.frames[&frame].steps {
                    let state = self.state(frame, &step.key);
                    assert!(state.is_ended(), "frame {frame} is closed before its step {} ended", step.key);
                }
            }
            "executionPaused" => self.paused = true,
            "executionResumed" => self.paused = false,
            "executionEnded" => {
                self.ended = true;
                assert!(self.running.is_empty(), "attempts are left running: {:?}", self.running);
                assert!(self.children.is_empty(), "children are left running");
                assert!(self.open.is_empty(), "frames are left open: {:?}", self.open);
                for step in &self.chronicle.workflow.steps {
                    assert!(self.state(0, &step.key).is_ended(), "{} is left over", step.key);
                }
            }
            _ => {}
        }
    }

    fn limits(&self) {
        let most = self.chronicle.workflow.max_parallel.map_or(usize::MAX, |most| most as usize);
        assert!(self.running.len() <= most, "more than {most} attempts: {:?}", self.running);
        let mut open: BTreeMap<&str, usize> = BTreeMap::new();
        for frame in &self.open {
            *open.entry(&*self.chronicle.frames[frame].owner).or_default() += 1;
        }
        for (owner, count) in open {
            let owner = self.seen.keys().find(|instance| instance.path == owner).unwrap();
            if let StepKind::Loop(each) = &self.chronicle.step(owner).kind {
                assert!(count <= each.max_parallel as usize, "{} has {count} open frames", owner.path);
            }
        }
    }

    fn dependencies_ended(&self, instance: &Instance, step: &Step) {
        let befores = before(self.chronicle.frames[&instance.frame].steps, step);
        for one in &befores {
            let state = self.state(instance.frame, &one.key);
            assert!(state.is_ended(), "{} began before {} ended", instance.path, one.key);
        }
        let mut gates = befores.iter().filter(|one| !one.leads.is_empty()).peekable();
        if gates.peek().is_some() {
            let led = gates.any(|gate| {
                let decided = self.decided(instance.frame, &gate.key);
                decided.is_some_and(|result| gate.leads.contains(&result))
            });
            assert!(led, "{} is done though no branch leads to it", instance.path);
        }
    }

    /// With one agent at a time, the smallest key of those that could begin comes first.
    fn first_in_line(&self, instance: &Instance, attempt: u32) {
        let asks = |step: &Step| matches!(&step.kind, StepKind::Agent(work) if work.agent.is_some());
        if attempt > 0 || !asks(self.chronicle.step(instance)) {
            return;
        }
        let body = self.chronicle.frames[&instance.frame].steps;
        for step in body.iter().filter(|step| step.key < instance.key && asks(step)) {
            let waits = self.state(instance.frame, &step.key) == State::Waiting;
            let ready = before(body, step).iter().all(|one| self.state(instance.frame, &one.key).is_ended());
            assert!(!(waits && ready), "{} began before {}, which was ready", instance.path, step.key);
        }
    }

    fn rightly_skipped(&self, instance: &Instance, step: &Step, reason: &Value) {
        let path = &instance.path;
        let befores = before(self.chronicle.frames[&instance.frame].steps, step);
        let dependency = |field: &str| {
            let other = self.chronicle.instance(text(&reason[field]));
            assert_eq!(other.frame, instance.frame, "{path} is skipped for a step elsewhere");
            let one = befores.iter().find(|one| one.key == other.key);
            let one = one.unwrap_or_else(|| panic!("{path} does not depend on {}", other.path));
            (one.clone(), self.state(other.frame, &other.key))
        };
        let kind = text(&reason["kind"]);
        if kind != "stopped" {
            for one in &befores {
                assert!(
                    self.state(instance.frame, &one.key).is_ended(),
                    "{path} is skipped before {}",
                    one.key
                );
            }
        }
        match kind {
            "branchNotTaken" => {
                let (gate, state) = dependency("condition");
                assert_eq!(state, State::Completed, "the condition of {path} decided nothing");
                let branch = reason["branch"].as_bool().unwrap();
                assert!(gate.leads.contains(&branch), "{} leads to {path} by the other branch", gate.key);
                assert_ne!(self.decided(instance.frame, &gate.key), Some(branch), "the branch was taken");
            }
            "guard" => assert!(step.when.is_some(), "{path} has no guard"),
            "failed" => assert_eq!(dependency("dependency").1, State::Failed, "{path}"),
            "skipped" => {
                let state = dependency("dependency").1;
                assert!(
                    matches!(state, State::Skipped | State::Cancelled),
                    "{path} is skipped for {state:?}"
                );
            }
            _ => {}
        }
    }

    fn state(&self, frame: u64, key: &str) -> State {
        self.find(frame, key).map_or(State::Waiting, |seen| seen.state)
    }

    fn decided(&self, frame: u64, key: &str) -> Option<bool> {
        self.find(frame, key).and_then(|seen| seen.decided)
    }

    fn find(&self, frame: u64, key: &str) -> Option<&Seen> {
        let found = self.seen.iter().find(|(instance, _)| instance.frame == frame && instance.key == key);
        found.map(|(_, seen)| seen)
    }
}

/// What a step says about lost attempts, if an agent does it.
fn on_lost(step: &Step) -> Option<OnLost> {
    match &step.kind {
        StepKind::Agent(work) => work.agent.as_ref().map(|_| work.on_lost),
        _ => None,
    }
}

fn name_of(action: &Action) -> String {
    match action {
        Action::Launch { step, attempt } | Action::Abort { step, attempt } => format!("{step:?} {attempt}"),
        Action::StartChild { execution, .. } | Action::CancelChild { execution } => execution.to_string(),
        other => panic!("{other:?} is new"),
    }
}

fn subject(event: &turbocat_core::Event) -> StepRef {
    use turbocat_core::Fact;
    match &event.fact {
        Fact::AttemptStarted { step, .. }
        | Fact::StepStarted { step, .. }
        | Fact::AttemptFailed { step, .. }
        | Fact::AttemptLost { step, .. }
        | Fact::StepCompleted { step, .. }
        | Fact::StepFailed { step, .. }
        | Fact::StepSkipped { step, .. }
        | Fact::StepCancelled { step, .. }
        | Fact::SignalTaken { step, .. } => *step,
        other => panic!("{other:?} is about no step"),
    }
}
