//! A scheduler that is slow and obviously right.
//!
//! It keeps every open body as a list of steps, finds out everything else by looking at all of
//! them again, and shares nothing with the real one but the definition. It understands only the
//! templates that [`sketch`](crate::sketch) writes, and knows no chance: jitter must be 0.

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

    fn fail_body(&mut self, number: u32) {
        let blamed = self.bodies[&number].blamed.unwrap();
        let path = self.path((number, blamed));
        self.stop(number, &format!("failure of {path}"));
        if number == 0 {
            return self.end(ExecutionStatus::Failed);
        }
        let retryable = self.of((number, blamed)).trouble.as_ref().is_none_or(|trouble| trouble.retryable);
        self.shut(number, Slot::Failed(Trouble { kind: "nested", retryable }), "failed");
    }

    fn can_move(&self, at: At) -> bool {
        let one = self.of(at);
        if one.status != StepStatus::Running {
            return false;
        }
        let open = |slots: &[Slot]| slots.iter().filter(|slot| matches!(slot, Slot::Open(_))).count();
        let more = |slots: &[Slot]| slots.iter().any(|slot| matches!(slot, Slot::Closed));
        let failed = |slots: &[Slot]| slots.iter().filter(|slot| matches!(slot, Slot::Failed(_))).count();
        match (&one.work, &one.step.kind) {
            (Work::Loop(_, slots), StepKind::Loop(each)) => {
                failed(slots) > 0
                    || (more(slots) && open(slots) < each.max_parallel as usize)
                    || (!more(slots) && open(slots) == 0)
            }
            (Work::Parallel(required, slots), _) => {
                failed(slots) > slots.len() - required || more(slots) || completed(slots) >= *required
            }
            _ => false,
        }
    }

    fn advance(&mut self, at: At) {
        let path = self.path(at);
        let (slots, bound, all) = match &self.of(at).work {
            Work::Loop(_, slots) => (slots.clone(), 0, true),
            Work::Parallel(required, slots) => (slots.clone(), slots.len() - required, false),
            _ => return,
        };
        let mut failed = slots.iter().filter_map(|slot| match slot {
            Slot::Failed(trouble) => Some(trouble.clone()),
            _ => None,
        });
        if slots.iter().filter(|slot| matches!(slot, Slot::Failed(_))).count() > bound {
            let trouble = self.of(at).trouble.clone().or_else(|| failed.next()).unwrap();
            self.stop_inside(at, &format!("failure of {path}"));
            return self.fail(at, trouble);
        }
        if let Some(index) = slots.iter().position(|slot| matches!(slot, Slot::Closed)) {
            return self.open(at, index);
        }
        let results: Vec<Value> = slots
            .iter()
            .map(|slot| if let Slot::Completed(value, _) = slot { value.clone() } else { Value::Null })
            .collect();
        let tainted = slots.iter().any(|slot| matches!(slot, Slot::Completed(_, true)));
        let output = if all {
            json!({ "itemCount": results.len(), "loopCompleted": true, "results": results })
        } else {
            let StepKind::Parallel(fork) = &self.of(at).step.kind else { panic!("no branches") };
            let keys = fork.branches.iter().map(|branch| branch.key.clone());
            let mut output: Map<String, Value> = keys.zip(results).collect();
            output.insert("parallelCompleted".to_owned(), true.into());
            self.stop_inside(at, &format!("join of {path}"));
            Value::Object(output)
        };
        self.of_mut(at).tainted = tainted;
        self.complete(at, output);
    }

    fn open(&mut self, at: At, index: usize) {
        self.opened += 1;
        let number = self.opened;
        let path = self.path(at);
        let body = match &self.of(at).step.kind {
            StepKind::Loop(each) => body(&each.steps, format!("{path}[{index}]"), false, Some(at), index),
            StepKind::Parallel(fork) => {
                let branch = &fork.branches[index];
                body(&branch.steps, format!("{path}.{}", branch.key), branch.single, Some(at), index)
            }
            _ => panic!("nothing to open"),
        };
        self.notes.push(format!("open {number} {}", body.prefix));
        *self.slot(at, index) = Slot::Open(number);
        self.bodies.insert(number, body);
    }

    fn close(&mut self, number: u32) {
        let body = &self.bodies[&number];
        let tainted = body.done.iter().any(|one| one.tainted);
        if number == 0 {
            let status = if tainted { ExecutionStatus::Failed } else { ExecutionStatus::Completed };
            return self.end(status);
        }
        let owner = self.of(body.owner.unwrap());
        let output = match &owner.step.kind {
            _ if body.single => body.done[0].output.clone(),
            StepKind::Loop(each) if each.output.is_some() => {
                self.template(number, each.output.as_ref().unwrap()).unwrap()
            }
            _ => outputs_of(body),
        };
        let text = format!("completed {output}");
        self.shut(number, Slot::Completed(output, tainted), &text);
    }

    /// Closes a body and tells its owner's slot.
    fn shut(&mut self, number: u32, outcome: Slot, text: &str) {
        let body = self.bodies.remove(&number).unwrap();
        let owner = body.owner.unwrap();
        if let Slot::Failed(trouble) = &outcome {
            // The first failure is the one that is told.
            self.of_mut(owner).trouble.get_or_insert_with(|| trouble.clone());
        }
        *self.slot(owner, body.index) = outcome;
        self.notes.push(format!("close {number} {text}"));
    }

    fn stop(&mut self, number: u32, reason: &str) {
        for index in 0..self.bodies[&number].done.len() {
            let at = (number, index);
            let path = self.path(at);
            match self.of(at).status {
                StepStatus::Pending => {
                    self.of_mut(at).status = StepStatus::Skipped;
                    self.notes.push(format!("skip {path} stopped by {reason}"));
                }
                StepStatus::Running | StepStatus::Retrying | StepStatus::Waiting => {
                    self.stop_inside(at, reason);
                    self.of_mut(at).status = StepStatus::Cancelled;
                    self.of_mut(at).work = Work::Nothing;
                    self.notes.push(format!("cancel {path} {reason}"));
                }
                _ => {}
            }
        }
    }

    fn stop_inside(&mut self, at: At, reason: &str) {
        let (Work::Loop(_, slots) | Work::Parallel(_, slots)) = self.of(at).work.clone() else { return };
        let mut open: Vec<u32> = slots
            .iter()
            .filter_map(|slot| if let Slot::Open(number) = slot { Some(*number) } else { None })
            .collect();
        open.sort_unstable();
        for number in open {
            self.stop(number, reason);
            self.shut(number, Slot::Stopped, "cancelled");
        }
    }

    fn next(&self) -> Option<At> {
        if self.paused {
            return None;
        }
        let free =
            self.running_attempts() < self.workflow.max_parallel.map_or(usize::MAX, |max| max as usize);
        let fits = |at: &At| free || !asks_agent(self.of(*at).step);
        let mut due: Vec<At> = self.all();
        due.retain(|at| self.of(*at).status == StepStatus::Retrying && self.of(*at).retry_at <= self.now);
        due.sort_by_key(|at| (self.of(*at).retry_at, *at));
        let ready = |at: &At| self.of(*at).status == StepStatus::Pending && self.is_ready(*at);
        due.into_iter().find(fits).or_else(|| self.all().into_iter().filter(ready).find(fits))
    }

    fn is_ready(&self, at: At) -> bool {
        let body = &self.bodies[&at.0];
        before(body.steps, self.of(at).step).iter().all(|b| self.sibling(at.0, &b.key).status.is_ended())
    }

    fn begin(&mut self, at: At) {
        let step = self.of(at).step;
        let path = self.path(at);
        if self.of(at).status == StepStatus::Pending {
            if let Some(reason) = self.why_not(at) {
                return self.skip(at, &reason);
            }
            if let Some(guard) = &step.when
                && !truthy(&self.template(at.0, guard).unwrap())
            {
                return self.skip(at, "guard");
            }
        }
        let attempt = self.of(at).attempt + 1;
        let template = Trouble { kind: "template", retryable: false };
        let (work, what) = match &step.kind {
            StepKind::Agent(agent) if agent.agent.is_some() => (Work::Nothing, String::new()),
            StepKind::Agent(agent) => {
                let output = self.template(at.0, agent.inputs.as_ref().unwrap_or(&json!({}))).unwrap();
                return self.complete(at, output);
            }
            StepKind::Condition(condition) => {
                let result = truthy(&self.template(at.0, &condition.condition).unwrap());
                let branch = if result { "then" } else { "else" };
                self.of_mut(at).decided = Some(result);
                let output = json!({ "branch": branch, "conditionResult": result, "evaluated": true });
                return self.complete(at, output);
            }
            StepKind::Loop(each) => match self.template(at.0, &each.items).unwrap() {
                Value::Array(items) if items.len() > each.max_iterations as usize => {
                    return self.fail(at, Trouble { kind: "limit", retryable: false });
                }
                Value::Array(items) => {
                    let what = format!(" loop {}", Value::Array(items.clone()));
                    let slots = vec![Slot::Closed; items.len()];
                    (Work::Loop(items, slots), what)
                }
                _ => return self.fail(at, template),
            },
            StepKind::Parallel(fork) => {
                let required = match fork.join {
                    Join::All => fork.branches.len(),
                    Join::Any => fork.branches.len().min(1),
                    Join::Count(count) => count as usize,
                };
                let slots = vec![Slot::Closed; fork.branches.len()];
                (Work::Parallel(required, slots), format!(" parallel {required}"))
            }
            StepKind::Wait(Wait::For(time)) => {
                let until = self.now + millis(time);
                (Work::Timer(until), format!(" timer {until}"))
            }
            StepKind::Wait(Wait::Until(moment)) => {
                let until = moment.as_i64().unwrap();
                (Work::Timer(until), format!(" timer {until}"))
            }
            StepKind::Wait(Wait::Signal { name, .. }) => {
                let name = name.as_str().unwrap();
                (Work::Signal(name.to_owned()), format!(" signal {name}"))
            }
            StepKind::Wait(Wait::Approval { .. }) => (Work::Approval, " approval".to_owned()),
            StepKind::Workflow(child) => {
                let inputs = self.template(at.0, child.inputs.as_ref().unwrap_or(&json!({}))).unwrap();
                (Work::Child, format!(" child {inputs}"))
            }
            other => panic!("the model does not know {}", other.word()),
        };
        self.notes.push(format!("start {path} {attempt}{what}"));
        let now = self.now;
        let waits = matches!(work, Work::Timer(_) | Work::Signal(_) | Work::Approval);
        let one = self.of_mut(at);
        one.status = if waits { StepStatus::Waiting } else { StepStatus::Running };
        one.attempt = attempt;
        one.work = work;
        one.trouble = None;
        let later = |time: std::time::Duration| now + time.as_millis() as i64;
        if attempt == 1 {
            one.started = now;
            one.deadline = step.deadline.map(later);
        }
        one.timeout = step.timeout.filter(|_| !asks_agent(step)).map(later);
        match self.of(at).work.clone() {
            Work::Signal(name) => self.deliver(&name),
            Work::Child if matches!(&step.kind, StepKind::Workflow(child) if !child.wait_for_completion) => {
                // Whoever compares knows the name of the child.
                self.complete(at, json!({ "executionId": "?", "status": "running" }));
            }
            _ => {}
        }
    }

    fn why_not(&self, at: At) -> Option<String> {
        let step = self.of(at).step;
        let befores = before(self.bodies[&at.0].steps, step);
        let of = |key: &str| self.sibling(at.0, key);
        let name = |key: &str| {
            let index = self.bodies[&at.0].done.iter().position(|one| one.step.key == key).unwrap();
            self.path((at.0, index))
        };
        let is_failed = |key: &str| matches!(of(key).status, StepStatus::Failed | StepStatus::Timeout);
        let is_skipped = |key: &str| matches!(of(key).status, StepStatus::Skipped | StepStatus::Cancelled);
        let gates: Vec<_> = befores.iter().filter(|b| !b.leads.is_empty()).collect();
        let leads = |key: &str, branches: &[bool]| {
            of(key).status == StepStatus::Completed && branches.contains(&of(key).decided.unwrap())
        };
        if !gates.is_empty() && !gates.iter().any(|gate| leads(&gate.key, &gate.leads)) {
            let gate = gates[0];
            return Some(match () {
                () if is_failed(&gate.key) => format!("failed {}", name(&gate.key)),
                () if is_skipped(&gate.key) => format!("skipped {}", name(&gate.key)),
                () => format!("branch {} {}", name(&gate.key), if gate.leads[0] { "then" } else { "else" }),
            });
        }
        let failed = befores.iter().find(|b| is_failed(&b.key));
        let skipped = befores.iter().find(|b| is_skipped(&b.key));
        let completed = befores.iter().any(|b| of(&b.key).status == StepStatus::Completed);
        // Whose failure matters is the question of `needs`, and without it of `onError`.
        let (failure, skip) = match step.needs {
            Some(Needs::Finished) => (false, false),
            Some(Needs::Any) => (!completed, !completed),
            Some(Needs::Succeeded) => (true, true),
            None => (step.on_error == OnError::Fail, true),
        };
        match (failed.filter(|_| failure), skipped.filter(|_| skip)) {
            (Some(b), _) => Some(format!("failed {}", name(&b.key))),
            (None, Some(b)) => Some(format!("skipped {}", name(&b.key))),
            (None, None) => None,
        }
    }

    fn skip(&mut self, at: At, reason: &str) {
        let path = self.path(at);
        self.notes.push(format!("skip {path} {reason}"));
        self.of_mut(at).status = StepStatus::Skipped;
    }

    fn complete(&mut self, at: At, output: Value) {
        let path = self.path(at);
        let mut output = output;
        if !self.of(at).step.outputs.is_empty() {
            // Every projection that is generated is `seen: "{{ result }}"`.
            let whole = output.clone();
            if !output.is_object() {
                output = json!({ "output": output });
            }
            output.as_object_mut().unwrap().insert("seen".to_owned(), whole);
        }
        self.notes.push(format!("done {path} {output}"));
        let one = self.of_mut(at);
        one.status = StepStatus::Completed;
        one.output = output;
        one.work = Work::Nothing;
    }

    fn fail(&mut self, at: At, trouble: Trouble) {
        let (path, now) = (self.path(at), self.now);
        let one = self.of_mut(at);
        let retry = &one.step.retry;
        let wanted = if retry.on.is_empty() {
            trouble.retryable
        } else {
            retry.on.iter().any(|kind| kind == trouble.kind)
        };
        let counted = one.attempt - one.lost;
        if one.step.on_error != OnError::Retry || one.attempt == 0 || !wanted || counted > retry.max {
            return self.fail_for_good(at, trouble);
        }
        let pause = (retry.delay.as_millis() as f64 * retry.factor.powi(counted as i32 - 1))
            .min(retry.max_delay.as_millis() as f64);
        one.retry_at = now + pause as i64;
        one.status = StepStatus::Retrying;
        one.work = Work::Nothing;
        one.timeout = None;
        let note = format!("retry {path} {} at {}", one.attempt, one.retry_at);
        self.notes.push(note);
    }

    /// Nobody knows whether the attempt acted.
    fn lose(&mut self, at: At) {
        let step = self.of(at).step;
        let StepKind::Agent(work) = &step.kind else { panic!("no agent, no attempt") };
        match work.on_lost {
            OnLost::Retry if self.of(at).lost == 99 => self.fail_for_good(at, LOST),
            OnLost::Retry => self.begin_again(at),
            OnLost::Ask => {
                let note = format!("ask about {} {}", self.path(at), self.of(at).attempt);
                self.notes.push(note);
                let one = self.of_mut(at);
                one.status = StepStatus::Waiting;
                one.work = Work::Approval;
            }
            OnLost::Fail => self.fail(at, LOST),
        }
    }

    /// There is another attempt at once, for which the lost one does not count.
    fn begin_again(&mut self, at: At) {
        let (path, now) = (self.path(at), self.now);
        let one = self.of_mut(at);
        one.lost += 1;
        one.retry_at = now;
        one.status = StepStatus::Retrying;
        one.work = Work::Nothing;
        let note = format!("retry {path} {} at {now} uncounted", one.attempt);
        self.notes.push(note);
    }

    fn fail_for_good(&mut self, at: At, trouble: Trouble) {
        let path = self.path(at);
        let one = self.of_mut(at);
        let fatal = match one.step.on_error {
            OnError::Fail => true,
            OnError::Continue => false,
            OnError::Retry => one.step.retry.then == Fallback::Fail,
        };
        one.status = if trouble.kind == "timeout" { StepStatus::Timeout } else { StepStatus::Failed };
        one.work = Work::Nothing;
        one.tainted = !fatal;
        let note = format!("fail {path} {} {}", trouble.kind, if fatal { "fail" } else { "continue" });
        one.trouble = Some(trouble);
        self.notes.push(note);
        if fatal {
            self.bodies.get_mut(&at.0).unwrap().blamed.get_or_insert(at.1);
        }
    }

    fn end(&mut self, status: ExecutionStatus) {
        self.status = status;
        self.notes.push(format!("end {}", status.word()));
    }

    /// The next alarm: when, and what it is about.
    fn alarm(&self) -> Option<(i64, u8, At)> {
        let mut alarms = Vec::new();
        if let (Some(limit), true) = (self.workflow.timeout, self.is_working()) {
            let left = (limit.as_millis() as i64 - self.worked).max(0);
            alarms.push((self.last + left, 0, (0, 0)));
        }
        for at in self.all() {
            let one = self.of(at);
            if one.attempt > 0 && !one.status.is_ended() {
                alarms.extend(one.deadline.map(|moment| (moment, 1, at)));
                alarms.extend(one.timeout.map(|moment| (moment, 2, at)));
                if let Work::Timer(until) = one.work {
                    alarms.push((until, 3, at));
                }
            }
        }
        alarms.into_iter().min()
    }

    fn alarms(&mut self) {
        while let Some((moment, what, at)) = self.alarm() {
            if moment > self.now || self.status != ExecutionStatus::Running {
                break;
            }
            let path = self.path(at);
            match what {
                0 => {
                    self.stop(0, "execution timeout");
                    self.end(ExecutionStatus::Timeout);
                }
                1 => {
                    self.stop_inside(at, &format!("timeout of {path}"));
                    self.fail_for_good(at, Trouble { kind: "timeout", retryable: true });
                }
                2 => self.timed_out(at),
                _ => {
                    let (until, started) = (moment, self.of(at).started);
                    let output = match &self.of(at).step.kind {
                        StepKind::Wait(Wait::Until(_)) => {
                            json!({ "until": moment_text(until), "waited": true })
                        }
                        _ => json!({ "waitMs": until - started, "waited": true }),
                    };
                    self.complete(at, output);
                }
            }
        }
    }

    fn timed_out(&mut self, at: At) {
        let path = self.path(at);
        let limit = self.of(at).step.timeout.map(turbocat_core::format_duration).unwrap_or_default();
        let nobody = format!("nobody answered within {limit}");
        match &self.of(at).step.kind {
            StepKind::Wait(Wait::Signal { name, on_timeout: OnTimeout::Continue }) => {
                self.complete(
                    at,
                    json!({ "payload": null, "signal": name, "timedOut": true, "waited": true }),
                );
            }
            StepKind::Wait(Wait::Approval { on_timeout: OnTimeout::Continue, .. }) => {
                self.complete(at, answer(false, None, Some(&nobody)));
            }
            StepKind::Wait(Wait::Approval { on_timeout: OnTimeout::Approve, .. }) => {
                self.complete(at, answer(true, None, Some(&nobody)));
            }
            StepKind::Wait(Wait::Approval { on_timeout: OnTimeout::Reject, .. }) => {
                self.fail_for_good(at, Trouble { kind: "rejected", retryable: false });
            }
            _ => {
                self.stop_inside(at, &format!("timeout of {path}"));
                self.fail(at, Trouble { kind: "timeout", retryable: true });
            }
        }
    }

    fn deliver(&mut self, name: &str) {
        loop {
            let listens = |at: &At| matches!(&self.of(*at).work, Work::Signal(other) if other == name);
            let (Some(at), Some(kept)) = (self.all().into_iter().find(listens), self.signals.get_mut(name))
            else {
                return;
            };
            let Some(payload) = kept.pop_front() else { return };
            let path = self.path(at);
            self.notes.push(format!("take {path} {name}"));
            self.complete(
                at,
                json!({ "payload": payload, "signal": name, "timedOut": false, "waited": true }),
            );
        }
    }

    /// Its clock stands while it is paused, and while nothing is done but waiting.
    fn is_working(&self) -> bool {
        let all = self.all();
        let any = |test: &dyn Fn(&Instance<'_>) -> bool| all.iter().any(|at| test(self.of(*at)));
        let waiting = any(&|one| one.status == StepStatus::Waiting);
        let busy = self.running_attempts() > 0
            || any(&|one| one.status == StepStatus::Retrying)
            || any(&|one| matches!(one.work, Work::Child));
        self.status == ExecutionStatus::Running && !self.paused && (busy || !waiting)
    }

    fn running_attempts(&self) -> usize {
        let busy = |at: &At| self.of(*at).status == StepStatus::Running && asks_agent(self.of(*at).step);
        self.all().into_iter().filter(busy).count()
    }

    fn running(&self, path: &str, attempt: u32) -> Option<At> {
        let busy = |at: &At| {
            let one = self.of(*at);
            one.status == StepStatus::Running
                && one.attempt == attempt
                && asks_agent(one.step)
                && self.path(*at) == path
        };
        self.all().into_iter().find(busy)
    }

    /// All steps of all open bodies, the oldest body first, by key.
    fn all(&self) -> Vec<At> {
        let bodies = self.bodies.iter();
        bodies.flat_map(|(number, body)| (0..body.done.len()).map(|index| (*number, index))).collect()
    }

    fn of(&self, at: At) -> &Instance<'w> {
        &self.bodies[&at.0].done[at.1]
    }

    fn of_mut(&mut self, at: At) -> &mut Instance<'w> {
        &mut self.bodies.get_mut(&at.0).unwrap().done[at.1]
    }

    fn sibling(&self, number: u32, key: &str) -> &Instance<'w> {
        self.bodies[&number].done.iter().find(|one| one.step.key == key).unwrap()
    }

    fn slot(&mut self, at: At, index: usize) -> &mut Slot {
        match &mut self.of_mut(at).work {
            Work::Loop(_, slots) | Work::Parallel(_, slots) => &mut slots[index],
            _ => panic!("no slots"),
        }
    }

    fn path(&self, at: At) -> String {
        let body = &self.bodies[&at.0];
        let key = &body.done[at.1].step.key;
        match () {
            () if body.single => body.prefix.clone(),
            () if body.prefix.is_empty() => key.clone(),
            () => format!("{}.{key}", body.prefix),
        }
    }

    /// The value of a template: a literal, `{{ name }}`, `{{ name == 3 }}`, `{{ inputs.name }}`.
    fn template(&self, number: u32, value: &Value) -> Option<Value> {
        Some(match value {
            Value::Object(map) => {
                let pairs = map.iter().map(|(key, value)| Some((key.clone(), self.template(number, value)?)));
                Value::Object(pairs.collect::<Option<_>>()?)
            }
            Value::String(text) => match text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) {
                None => value.clone(),
                Some(token) => match token.split_once("==") {
                    None => self.named(number, token.trim()),
                    Some((name, wanted)) => {
                        let wanted: Value = wanted.trim().parse().ok()?;
                        Value::Bool(self.named(number, name.trim()) == wanted)
                    }
                },
            },
            other => other.clone(),
        })
    }

    fn named(&self, number: u32, name: &str) -> Value {
        if let Some(input) = name.strip_prefix("inputs.") {
            return self.inputs[input].clone();
        }
        let body = &self.bodies[&number];
        if let Some(one) = body.done.iter().find(|one| one.step.key == name) {
            return one.output.clone();
        }
        let owner = body.owner.unwrap_or_else(|| panic!("`{name}` is not known to the model"));
        match (&self.of(owner).work, name) {
            (Work::Loop(items, _), "item") => items[body.index].clone(),
            (Work::Loop(..), "index") => body.index.into(),
            _ => self.named(owner.0, name),
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
