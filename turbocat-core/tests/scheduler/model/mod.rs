//! A scheduler that is slow and obviously right.
//!
//! It keeps every open body as a list of steps, finds out everything else by looking at all of
//! them again, and shares nothing with the real one but the definition. It understands only the
//! templates that [`sketch`](crate::sketch) writes, and knows no chance: jitter must be 0.

mod bodies;
mod look;
mod steps;
mod time;

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value, json};
use turbocat_core::{
    ExecutionStatus, Fallback, Join, Needs, OnError, OnLost, OnTimeout, Step, StepKind, StepStatus, Wait,
    Workflow,
};

use crate::graph::before;

/// What happens to an execution, with step instances named by their paths.
#[derive(Clone, Debug)]
pub(crate) enum News {
    Completed { path: String, attempt: u32, output: Value },
    Failed { path: String, attempt: u32, trouble: Trouble },
    Lost { path: String, attempt: u32 },
    Timer,
    Signal { name: String, payload: Value },
    Answer { path: String, approved: bool },
    Child { path: String, completed: bool, output: Value },
    Cancel,
    Pause,
    Resume,
}

/// A failure, as far as anything depends on it.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) kind: &'static str,
    pub(crate) retryable: bool,
}

/// What a lost attempt is when it is the end of its step, or counts.
const LOST: Trouble = Trouble { kind: "lost", retryable: false };

type At = (u32, usize);

pub(crate) struct Model<'w> {
    workflow: &'w Workflow,
    inputs: Value,
    pub(crate) status: ExecutionStatus,
    /// What became true, as [`Chronicle::brief`](crate::chronicle::Chronicle::brief) tells it.
    pub(crate) notes: Vec<String>,
    bodies: BTreeMap<u32, Body<'w>>,
    opened: u32,
    paused: bool,
    signals: BTreeMap<String, VecDeque<Value>>,
    /// How long it worked, up to `last`.
    worked: i64,
    last: i64,
    works: bool,
    now: i64,
}

struct Body<'w> {
    steps: &'w [Step],
    prefix: String,
    single: bool,
    owner: Option<At>,
    index: usize,
    /// Sorted by key.
    done: Vec<Instance<'w>>,
    blamed: Option<usize>,
}

struct Instance<'w> {
    step: &'w Step,
    status: StepStatus,
    attempt: u32,
    /// How many attempts were lost without counting.
    lost: u32,
    output: Value,
    work: Work,
    trouble: Option<Trouble>,
    tainted: bool,
    retry_at: i64,
    deadline: Option<i64>,
    timeout: Option<i64>,
    started: i64,
    decided: Option<bool>,
}

#[derive(Clone)]
enum Work {
    Nothing,
    Loop(Vec<Value>, Vec<Slot>),
    Parallel(usize, Vec<Slot>),
    Timer(i64),
    Signal(String),
    Approval,
    Child,
}

#[derive(Clone)]
enum Slot {
    Closed,
    Open(u32),
    Completed(Value, bool),
    Failed(Trouble),
    Stopped,
}

impl<'w> Model<'w> {
    pub(crate) fn start(workflow: &'w Workflow, inputs: Value, now: i64) -> Self {
        let mut model = Self {
            workflow,
            inputs,
            status: ExecutionStatus::Running,
            notes: vec!["begin".to_owned()],
            bodies: BTreeMap::new(),
            opened: 0,
            paused: false,
            signals: BTreeMap::new(),
            worked: 0,
            last: now,
            works: false,
            now,
        };
        let body = body(&workflow.steps, String::new(), false, None, 0);
        model.bodies.insert(0, body);
        model.settle();
        model.works = model.is_working();
        model
    }

    pub(crate) fn feed(&mut self, now: i64, news: News) {
        if self.status != ExecutionStatus::Running {
            return;
        }
        if self.works {
            self.worked += now - self.last;
        }
        self.last = now;
        self.now = now;
        match news {
            News::Completed { path, attempt, output } => {
                if let Some(at) = self.running(&path, attempt) {
                    self.complete(at, output);
                }
            }
            News::Failed { path, attempt, trouble } => {
                if let Some(at) = self.running(&path, attempt) {
                    self.fail(at, trouble);
                }
            }
            News::Lost { path, attempt } => {
                if let Some(at) = self.running(&path, attempt) {
                    self.lose(at);
                }
            }
            News::Timer => self.alarms(),
            News::Signal { name, payload } => {
                self.notes.push(format!("signal {name}"));
                self.signals.entry(name.clone()).or_default().push_back(payload);
                self.deliver(&name);
            }
            News::Answer { path, approved } => {
                let asks = |at: &At| self.path(*at) == path && matches!(self.of(*at).work, Work::Approval);
                if let Some(at) = self.all().into_iter().find(asks) {
                    let about_a_loss = asks_agent(self.of(at).step);
                    if about_a_loss && approved {
                        self.begin_again(at);
                    } else if about_a_loss {
                        self.fail_for_good(at, LOST);
                    } else if approved {
                        self.complete(at, answer(true, Some(now), None));
                    } else {
                        self.fail_for_good(at, Trouble { kind: "rejected", retryable: false });
                    }
                }
            }
            News::Child { path, completed, output } => {
                let nests = |at: &At| self.path(*at) == path && matches!(self.of(*at).work, Work::Child);
                if let Some(at) = self.all().into_iter().find(nests) {
                    if completed {
                        self.complete(at, output);
                    } else {
                        self.fail(at, Trouble { kind: "nested", retryable: true });
                    }
                }
            }
            News::Cancel => {
                self.notes.push("cancelled enough".to_owned());
                self.stop(0, "cancel: enough");
                self.end(ExecutionStatus::Cancelled);
            }
            News::Pause if !self.paused => {
                self.paused = true;
                self.notes.push("pause".to_owned());
            }
            News::Resume if self.paused => {
                self.paused = false;
                self.notes.push("resume".to_owned());
            }
            News::Pause | News::Resume => {}
        }
        self.settle();
        self.works = self.is_working();
    }

    /// When it wants to hear of time, if ever.
    pub(crate) fn wake(&self) -> Option<i64> {
        if self.status != ExecutionStatus::Running {
            return None;
        }
        let retries = self.all().into_iter().filter(|at| self.of(*at).status == StepStatus::Retrying);
        let retries = retries.map(|at| self.of(at).retry_at).filter(|at| *at > self.now && !self.paused);
        self.alarm().map(|(at, ..)| at).into_iter().chain(retries).min()
    }

    pub(crate) fn steps(&self) -> Vec<(String, StepStatus, u32)> {
        let steps = self.bodies[&0].done.iter();
        steps.map(|one| (one.step.key.clone(), one.status, one.attempt)).collect()
    }

    pub(crate) fn output(&self) -> Value {
        match &self.workflow.outputs {
            Some(outputs) if self.status == ExecutionStatus::Completed => self.template(0, outputs).unwrap(),
            _ => outputs_of(&self.bodies[&0]),
        }
    }

    /// What an attempt is to be given.
    pub(crate) fn inputs(&self, path: &str) -> Value {
        let at = self.all().into_iter().find(|at| self.path(*at) == path).unwrap();
        match &self.of(at).step.kind {
            StepKind::Agent(work) => self.template(at.0, work.inputs.as_ref().unwrap_or(&json!({}))).unwrap(),
            _ => json!({}),
        }
    }

    fn settle(&mut self) {
        while self.status == ExecutionStatus::Running {
            let failing =
                self.bodies.iter().find(|(_, body)| body.blamed.is_some()).map(|(number, _)| *number);
            let moving = || self.all().into_iter().find(|at| self.can_move(*at));
            let ended = |body: &Body<'_>| body.done.iter().all(|one| one.status.is_ended());
            let closing = || self.bodies.iter().find(|(_, body)| ended(body)).map(|(number, _)| *number);
            if let Some(number) = failing {
                self.fail_body(number);
            } else if let Some(at) = moving() {
                self.advance(at);
            } else if let Some(number) = closing() {
                self.close(number);
            } else if let Some(at) = self.next() {
                self.begin(at);
            } else {
                break;
            }
        }
    }
}

fn body<'w>(steps: &'w [Step], prefix: String, single: bool, owner: Option<At>, index: usize) -> Body<'w> {
    let mut done: Vec<Instance<'w>> = steps.iter().map(fresh).collect();
    done.sort_by(|a, b| a.step.key.cmp(&b.step.key));
    Body { steps, prefix, single, owner, index, done, blamed: None }
}

fn fresh(step: &Step) -> Instance<'_> {
    Instance {
        step,
        status: StepStatus::Pending,
        attempt: 0,
        lost: 0,
        output: Value::Null,
        work: Work::Nothing,
        trouble: None,
        tainted: false,
        retry_at: 0,
        deadline: None,
        timeout: None,
        started: 0,
        decided: None,
    }
}

/// What a body comes to: null for a failed step, nothing for one that was not done.
fn outputs_of(body: &Body<'_>) -> Value {
    let kept = body.done.iter().filter_map(|one| match one.status {
        StepStatus::Completed => Some((one.step.key.clone(), one.output.clone())),
        StepStatus::Failed | StepStatus::Timeout => Some((one.step.key.clone(), Value::Null)),
        _ => None,
    });
    Value::Object(kept.collect())
}

fn completed(slots: &[Slot]) -> usize {
    slots.iter().filter(|slot| matches!(slot, Slot::Completed(..))).count()
}

fn asks_agent(step: &Step) -> bool {
    matches!(&step.kind, StepKind::Agent(work) if work.agent.is_some())
}

fn truthy(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        other => panic!("{other} is not what a guard gives here"),
    }
}

fn millis(value: &Value) -> i64 {
    let text = value.as_str().unwrap();
    turbocat_core::parse_duration(text).unwrap().as_millis() as i64
}

fn answer(approved: bool, at: Option<i64>, comment: Option<&str>) -> Value {
    let timed_out = at.is_none();
    let at = at.map(moment_text);
    json!({
        "approved": approved, "at": at, "by": null, "comment": comment,
        "timedOut": timed_out, "waited": true,
    })
}

fn moment_text(at: i64) -> String {
    turbocat_core::Timestamp::from_millis(at).to_string()
}
