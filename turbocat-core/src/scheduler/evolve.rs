//! The only place where state changes: one match over the facts, the same for a fact that just
//! became true and for one that is read back.
//!
//! Decides nothing and evaluates nothing. Expects facts in their order; `replay` makes sure of it.

use std::sync::Arc;

use serde_json::json;

use super::Scheduler;
use super::state::{Alarm, Before, Detail, Frame, LoopProgress, ParallelProgress, Progress, WorkList};
use super::turn::Action;
use crate::definition::Join;
use crate::event::{Effect, Event, ExecutionStatus, Fact, FrameOutcome, StepRef, StepStatus, Work};
use crate::failure::FailureKind;
use crate::plan::{Gate, Kind};
use crate::time::Timestamp;

/// The spare frames kept for the next iterations.
const SPARES: usize = 16;

impl Scheduler {
    /// Makes a fact true. `actions` is given for facts that are new: what they ask for is noted.
    pub(super) fn evolve(&mut self, event: &Event, mut actions: Option<&mut Vec<Action>>) {
        let at = event.at;
        self.state.seq = event.seq;
        match &event.fact {
            Fact::ExecutionStarted { execution, inputs, seed } => {
                let state = &mut self.state;
                state.id = *execution;
                state.status = ExecutionStatus::Running;
                state.inputs = inputs.clone();
                state.seed = *seed;
                state.started = at;
                state.metadata = Arc::new(json!({
                    "executionId": execution.to_string(),
                    "workflow": self.plan.name(),
                    "startedAt": at.to_string(),
                }));
                state.root = *Frame::open(&self.plan, 0, 0, None);
                self.ready_first(0);
            }
            Fact::AttemptStarted { step, attempt, why } => {
                self.begin(*step, *attempt, at, StepStatus::Running);
                self.state.running += 1;
                if let Some(why) = why {
                    self.state.step_mut(*step).detail_mut().why = Some(why.clone());
                }
                if let Some(actions) = &mut actions {
                    actions.push(Action::Launch { step: *step, attempt: *attempt });
                }
            }
            Fact::StepStarted { step, attempt, work, why } => {
                self.begin_work(*step, *attempt, at, work, actions.as_deref_mut());
                if let Some(why) = why {
                    self.state.step_mut(*step).detail_mut().why = Some(why.clone());
                }
            }
            Fact::UsageRecorded { step, usage, .. } => {
                let spent = self.state.spent.get_or_insert_default();
                spent.total.add(usage);
                spent.by_step.entry(step.step).or_default().add(usage);
            }
            Fact::AttemptFailed { step, failure, retry_at, counts, .. } => {
                self.leave(*step, actions.as_deref_mut());
                self.state.retries.insert((*retry_at, *step));
                let state = self.state.step_mut(*step);
                state.status = StepStatus::Retrying;
                let detail = state.detail_mut();
                detail.progress = None;
                detail.failure = Some(failure.clone());
                detail.retry_at = Some(*retry_at);
                detail.lost += u32::from(!counts);
                let kept = |(_, alarm): &(Timestamp, Alarm)| matches!(alarm, Alarm::Deadline(_));
                let (keep, drop): (Vec<_>, Vec<_>) =
                    std::mem::take(&mut detail.alarms).into_iter().partition(kept);
                detail.alarms = keep;
                for alarm in drop {
                    self.state.alarms.remove(&alarm);
                }
            }
            Fact::AttemptLost { step, question, .. } => {
                self.leave(*step, actions.as_deref_mut());
                self.state.waits += 1;
                let state = self.state.step_mut(*step);
                state.status = StepStatus::Waiting;
                state.detail_mut().progress = Some(Progress::Approval(question.clone()));
            }
            Fact::StepCompleted { step, output, decision } => {
                self.leave(*step, actions.as_deref_mut());
                let tainted = self.progress_tainted(*step);
                let state = self.state.step_mut(*step);
                state.output = Some(output.clone());
                if let Some(detail) = &mut state.detail {
                    detail.failure = None;
                }
                if let Some(decision) = decision {
                    state.detail_mut().decision = Some(decision.clone());
                }
                self.state.frame_mut(step.frame).tainted |= tainted;
                let led = decision.as_ref().map(|decision| decision.result);
                self.finish(*step, StepStatus::Completed, at, Before::COMPLETED, led);
            }
            Fact::StepFailed { step, failure, effect, because } => {
                self.leave(*step, actions.as_deref_mut());
                let detail = self.state.step_mut(*step).detail_mut();
                detail.failure = Some(failure.clone());
                detail.because = because.clone();
                let frame = self.state.frame_mut(step.frame);
                match effect {
                    Effect::Continue => frame.tainted = true,
                    Effect::Fail => {
                        frame.failed_by.get_or_insert(step.step);
                        self.state.work.failing.insert(step.frame);
                    }
                }
                let timeout = failure.kind == FailureKind::TIMEOUT;
                let status = if timeout { StepStatus::Timeout } else { StepStatus::Failed };
                self.finish(*step, status, at, Before::FAILED, None);
            }
            Fact::StepSkipped { step, reason } => {
                self.leave(*step, actions.as_deref_mut());
                self.state.step_mut(*step).detail_mut().skip = Some(reason.clone());
                self.finish(*step, StepStatus::Skipped, at, Before::SKIPPED, None);
            }
            Fact::StepCancelled { step, reason } => {
                self.leave(*step, actions);
                self.state.step_mut(*step).detail_mut().stop = Some(reason.clone());
                self.finish(*step, StepStatus::Cancelled, at, Before::SKIPPED, None);
            }
            Fact::FrameOpened { frame, owner, index } => self.open_frame(*frame, *owner, *index),
            Fact::FrameClosed { frame, outcome } => self.close_frame(*frame, outcome),
            Fact::SignalReceived { name, payload } => {
                self.state.kept_signals += 1;
                self.state.signals.entry(name.clone()).or_default().push_back(payload.clone());
            }
            Fact::SignalTaken { name, .. } => {
                if let Some(kept) = self.state.signals.get_mut(name) {
                    kept.pop_front();
                    self.state.kept_signals -= 1;
                    if kept.is_empty() {
                        self.state.signals.remove(name);
                    }
                }
            }
            Fact::ExecutionPaused { .. } => self.state.paused = true,
            Fact::ExecutionResumed => {
                self.state.paused = false;
                self.grant_budget();
            }
            Fact::CancelRequested { .. } => {}
            Fact::ExecutionEnded { status, output, failure } => {
                self.state.status = *status;
                self.state.ended = Some(at);
                self.state.output = output.clone();
                self.state.failure = failure.clone();
                // Whatever was still to be looked at is no longer of interest.
                self.state.work = WorkList::default();
            }
        }
        if self.plan.0.timeout.is_some() {
            self.run_clock(at);
        }
    }

    fn ready_first(&mut self, frame: u32) {
        let body = self.state.frame(frame).body;
        for at in 0..self.plan.body(body).first.len() {
            let step = self.plan.body(body).first[at];
            self.make_ready(StepRef { frame, step });
        }
    }

    fn make_ready(&mut self, step: StepRef) {
        let for_agent = matches!(self.plan.step(step.step).kind, Kind::Agent { .. });
        let frame = self.state.frame_mut(step.frame);
        let local = step.step - frame.base;
        frame.steps[local as usize].status = StepStatus::Ready;
        if for_agent {
            frame.agents.insert(local);
        } else {
            frame.instant.insert(local);
        }
        if step.frame != 0 {
            let work = &mut self.state.work;
            let frames = if for_agent { &mut work.agents } else { &mut work.instant };
            frames.insert(step.frame);
        }
    }

    fn unready(&mut self, step: StepRef) {
        let for_agent = matches!(self.plan.step(step.step).kind, Kind::Agent { .. });
        let frame = self.state.frame_mut(step.frame);
        let local = step.step - frame.base;
        let ready = if for_agent { &mut frame.agents } else { &mut frame.instant };
        ready.remove(local);
        if step.frame != 0 && ready.first().is_none() {
            let work = &mut self.state.work;
            let frames = if for_agent { &mut work.agents } else { &mut work.instant };
            frames.remove(&step.frame);
        }
    }

    /// A step begins an attempt: leaves the ready set or its pause, and its deadline begins.
    fn begin(&mut self, step: StepRef, attempt: u32, at: Timestamp, status: StepStatus) {
        self.leave(step, None);
        let deadline = self.plan.step(step.step).deadline;
        let state = self.state.step_mut(step);
        state.status = status;
        state.attempt = attempt;
        if attempt == 1 {
            state.started = at;
            if let Some(deadline) = deadline {
                self.set_alarm(step, at.after(deadline), Alarm::Deadline(step));
            }
        }
    }

    fn set_alarm(&mut self, step: StepRef, at: Timestamp, alarm: Alarm) {
        self.state.step_mut(step).detail_mut().alarms.push((at, alarm));
        self.state.alarms.insert((at, alarm));
    }

    fn begin_work(
        &mut self,
        step: StepRef,
        attempt: u32,
        at: Timestamp,
        work: &Work,
        actions: Option<&mut Vec<Action>>,
    ) {
        let waits = matches!(work, Work::Timer { .. } | Work::Signal { .. } | Work::Approval { .. });
        self.begin(step, attempt, at, if waits { StepStatus::Waiting } else { StepStatus::Running });
        self.state.waits += u32::from(waits);
        if let Some(timeout) = self.plan.step(step.step).timeout {
            self.set_alarm(step, at.after(timeout), Alarm::Timeout(step));
        }
        let progress = match work {
            Work::Loop { items } => {
                self.state.work.moved.insert(step);
                Progress::Loop(Box::new(LoopProgress::new(items.clone())))
            }
            Work::Parallel { required } => {
                self.state.work.moved.insert(step);
                let branches = match &self.plan.step(step.step).kind {
                    Kind::Parallel(fork) => fork.bodies.len(),
                    _ => 0,
                };
                Progress::Parallel(Box::new(ParallelProgress {
                    required: *required,
                    open: Default::default(),
                    next: 0,
                    completed: 0,
                    failed: 0,
                    outputs: vec![None; branches],
                    last_failure: None,
                    tainted: false,
                }))
            }
            Work::Timer { until } => {
                self.set_alarm(step, *until, Alarm::Wait(step));
                Progress::Timer(*until)
            }
            Work::Signal { name } => {
                self.state.listeners.entry(name.clone()).or_default().insert(step);
                Progress::Signal(name.clone())
            }
            Work::Approval { question } => Progress::Approval(question.clone()),
            Work::Child { execution, workflow, inputs } => {
                self.state.children.insert(*execution, step);
                if let Some(actions) = actions {
                    let wait = !matches!(self.plan.step(step.step).kind, Kind::Child { wait: false, .. });
                    actions.push(Action::StartChild {
                        execution: *execution,
                        workflow: workflow.clone(),
                        inputs: inputs.clone(),
                        wait,
                    });
                }
                Progress::Child(*execution)
            }
        };
        self.state.step_mut(step).detail_mut().progress = Some(progress);
    }

    /// A step stops doing what it was doing, whatever that was.
    fn leave(&mut self, step: StepRef, actions: Option<&mut Vec<Action>>) {
        let state = self.state.step(step);
        let (status, attempt) = (state.status, state.attempt);
        match status {
            StepStatus::Ready => self.unready(step),
            StepStatus::Retrying => {
                let retry_at = self.state.step_mut(step).detail_mut().retry_at.take();
                self.state.retries.remove(&(retry_at.unwrap_or_default(), step));
            }
            StepStatus::Running | StepStatus::Waiting => {
                let answered = self.answered == Some(step);
                let progress = state.detail.as_ref().and_then(|detail| detail.progress.as_ref());
                match progress {
                    None => {
                        self.state.running -= 1;
                        if let (Some(actions), false) = (actions, answered) {
                            actions.push(Action::Abort { step, attempt });
                        }
                    }
                    Some(Progress::Child(execution)) => {
                        let execution = *execution;
                        let waited =
                            !matches!(self.plan.step(step.step).kind, Kind::Child { wait: false, .. });
                        self.state.children.remove(&execution);
                        if let (Some(actions), false, true) = (actions, answered, waited) {
                            actions.push(Action::CancelChild { execution });
                        }
                    }
                    Some(Progress::Signal(name)) => {
                        let name = name.clone();
                        self.state.waits -= 1;
                        if let Some(steps) = self.state.listeners.get_mut(&name) {
                            steps.remove(&step);
                            if steps.is_empty() {
                                self.state.listeners.remove(&name);
                            }
                        }
                    }
                    Some(Progress::Timer(_) | Progress::Approval(_)) => self.state.waits -= 1,
                    Some(Progress::Loop(_) | Progress::Parallel(_)) => {}
                }
            }
            _ => {}
        }
    }

    fn progress_tainted(&self, step: StepRef) -> bool {
        match self.state.progress(step) {
            Some(Progress::Loop(progress)) => progress.tainted,
            Some(Progress::Parallel(progress)) => progress.tainted,
            _ => false,
        }
    }

    /// A step has ended: its alarms are off, its dependents have one step less to wait for.
    fn finish(&mut self, step: StepRef, status: StepStatus, at: Timestamp, bits: u8, led: Option<bool>) {
        let state = self.state.step_mut(step);
        state.status = status;
        state.ended = at;
        if let Some(detail) = &mut state.detail {
            detail.progress = None;
            if !detail.alarms.is_empty() {
                for alarm in std::mem::take(&mut detail.alarms) {
                    self.state.alarms.remove(&alarm);
                }
            }
        }
        let frame = self.state.frame_mut(step.frame);
        frame.unfinished -= 1;
        if frame.unfinished == 0 {
            self.state.work.done.insert(step.frame);
        }
        let row = self.plan.step(step.step).dependents.clone();
        for at in row {
            let edge = self.plan.0.edges[at as usize];
            let frame = self.state.frame_mut(step.frame);
            let dependent = frame.step_mut(edge.to);
            dependent.before.add(bits);
            let leads = match edge.gate {
                Gate::None => false,
                Gate::Then => led == Some(true),
                Gate::Else => led == Some(false),
                Gate::Both => led.is_some(),
            };
            if leads {
                dependent.before.add(Before::LED);
            }
            dependent.blocked -= 1;
            if dependent.blocked == 0 && dependent.status == StepStatus::Pending {
                self.make_ready(StepRef { frame: step.frame, step: edge.to });
            }
        }
    }

    fn open_frame(&mut self, number: u32, owner: StepRef, index: u32) {
        let body = match &self.plan.step(owner.step).kind {
            Kind::Loop(each) => each.body,
            Kind::Parallel(fork) => fork.bodies[index as usize],
            _ => return,
        };
        let mut frame = Frame::open(&self.plan, body, number, self.spare.pop());
        frame.owner = Some(owner);
        frame.index = index;
        let detail: Option<&mut Box<Detail>> = self.state.step_mut(owner).detail.as_mut();
        match detail.and_then(|detail| detail.progress.as_mut()) {
            Some(Progress::Loop(progress)) => {
                frame.index_value = Some(Arc::new(index.into()));
                frame.item = progress.items().get(index as usize).cloned().map(Arc::new);
                progress.next = index + 1;
                progress.open.insert(number);
            }
            Some(Progress::Parallel(progress)) => {
                progress.next = index + 1;
                progress.open.insert(number);
            }
            _ => {}
        }
        self.state.next_frame = number + 1;
        self.state.frames.insert(number, frame);
        self.ready_first(number);
    }

    fn close_frame(&mut self, number: u32, outcome: &FrameOutcome) {
        let Some(frame) = self.state.frames.remove(&number) else { return };
        self.state.work.agents.remove(&number);
        self.state.work.instant.remove(&number);
        self.state.work.done.remove(&number);
        self.state.work.failing.remove(&number);
        let failure = frame.failed_by.map(|step| {
            let key = self.plan.key(step);
            let cause = frame.step(step).detail.as_ref().and_then(|detail| detail.failure.as_deref());
            Box::new(super::outcome::step_failed(key, cause))
        });
        let Some(owner) = frame.owner else { return };
        let tainted = frame.tainted;
        let index = frame.index;
        match self.state.step_mut(owner).detail_mut().progress.as_mut() {
            Some(Progress::Loop(progress)) => {
                progress.open.remove(&number);
                match outcome {
                    FrameOutcome::Completed(output) => {
                        if let Some(result) = progress.result_mut(index) {
                            result.clone_from(output);
                        }
                        progress.tainted |= tainted;
                    }
                    FrameOutcome::Failed => {
                        if let (Some(failure), None) = (failure, &progress.failed) {
                            progress.failed = Some((index, failure));
                        }
                    }
                    FrameOutcome::Cancelled => {}
                }
            }
            Some(Progress::Parallel(progress)) => {
                progress.open.remove(&number);
                match outcome {
                    FrameOutcome::Completed(output) => {
                        progress.outputs[index as usize] = Some(output.clone());
                        progress.completed += 1;
                        progress.tainted |= tainted;
                    }
                    FrameOutcome::Failed => {
                        progress.failed += 1;
                        if let (Some(failure), None) = (failure, &progress.last_failure) {
                            progress.last_failure = Some((index, failure));
                        }
                    }
                    FrameOutcome::Cancelled => {}
                }
            }
            _ => {}
        }
        self.state.work.moved.insert(owner);
        if self.spare.len() < SPARES {
            self.spare.push(frame);
        }
    }

    /// The clock of the execution's timeout runs while something is being done, and stands while
    /// everything waits.
    fn run_clock(&mut self, at: Timestamp) {
        let state = &mut self.state;
        let waits_only =
            state.waits > 0 && state.running == 0 && state.children.is_empty() && state.retries.is_empty();
        let works = state.status == ExecutionStatus::Running && !state.paused && !waits_only;
        match (works, state.clock.since, self.plan.0.timeout) {
            (true, None, Some(timeout)) => {
                let left = timeout.saturating_sub(std::time::Duration::from_millis(state.clock.worked_ms));
                let alarm = at.after(left);
                state.clock.since = Some(at);
                state.clock.alarm = Some(alarm);
                state.alarms.insert((alarm, Alarm::Execution));
            }
            (false, Some(since), _) => {
                let worked = u64::try_from(at.since(since).as_millis()).unwrap_or(u64::MAX);
                state.clock.worked_ms = state.clock.worked_ms.saturating_add(worked);
                state.clock.since = None;
                if let Some(alarm) = state.clock.alarm.take() {
                    state.alarms.remove(&(alarm, Alarm::Execution));
                }
            }
            _ => {}
        }
    }
}

/// How many branches must complete.
pub(super) fn required(join: Join, branches: usize) -> u32 {
    let branches = branches as u32;
    match join {
        Join::All => branches,
        Join::Any => branches.min(1),
        Join::Count(count) => count.min(branches),
    }
}
