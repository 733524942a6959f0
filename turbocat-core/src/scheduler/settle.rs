//! Brings an execution to rest: stops what failed, closes what is done, opens what comes next,
//! starts what is ready, until nothing is left to do without news from outside.

use std::sync::Arc;

use serde_json::Value;

use super::Scheduler;
use super::depth::check_depth;
use super::outcome::{step_failed, template_failed};
use super::scope::Scope;
use super::state::Progress;
use super::turn::Turn;
use crate::event::{ExecutionStatus, Fact, FrameOutcome, StepRef, StepStatus, StopReason};
use crate::failure::{FailureKind, StepFailure};
use crate::plan::Kind;
use crate::time::Timestamp;

impl Scheduler {
    pub(super) fn settle(&mut self, turn: &mut Turn, now: Timestamp) {
        while !self.state.is_ended() {
            let work = &mut self.state.work;
            if let Some(frame) = work.failing.pop_first() {
                self.stop_failed(turn, frame, now);
            } else if let Some(owner) = work.moved.pop_first() {
                self.advance(turn, owner, now);
            } else if let Some(frame) = work.done.pop_first() {
                self.close(turn, frame, now);
            } else if let Some(over) = self.over_budget() {
                self.stop_for_budget(turn, over, now);
            } else if let Some(step) = self.next_ready(now) {
                self.start_step(turn, step, now);
            } else {
                break;
            }
        }
    }

    /// The next step that may start: a pause that is over first, then the oldest frame, and in it
    /// the smallest key.
    fn next_ready(&self, now: Timestamp) -> Option<StepRef> {
        let state = &self.state;
        if state.paused {
            return None;
        }
        let free = state.running < self.plan.0.max_parallel;
        let is_agent = |step: StepRef| matches!(self.plan.step(step.step).kind, Kind::Agent { .. });
        if !state.retries.is_empty() {
            let due = state.retries.iter().take_while(|(at, _)| *at <= now).map(|(_, step)| *step);
            if let Some(step) = due.into_iter().find(|step| free || !is_agent(*step)) {
                return Some(step);
            }
        }
        let first = |number: u32| {
            let frame = state.frame(number);
            let agent = free.then(|| frame.agents.first()).flatten();
            let local = match (frame.instant.first(), agent) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            local.map(|local| StepRef { frame: number, step: frame.base + local })
        };
        if let Some(step) = first(0) {
            return Some(step);
        }
        let instant = state.work.instant.first();
        let agents = state.work.agents.first().filter(|_| free);
        let frame = match (instant, agents) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b)?,
        };
        first(*frame)
    }

    /// A step of a frame failed and the frame with it.
    fn stop_failed(&mut self, turn: &mut Turn, number: u32, now: Timestamp) {
        let Some(frame) = self.state.find_frame(number) else { return };
        let Some(step) = frame.failed_by.map(|step| StepRef { frame: number, step }) else { return };
        self.stop(turn, number, &StopReason::Failure { step }, now);
        if number == 0 {
            let cause = self.state.step(step).detail.as_ref().and_then(|detail| detail.failure.as_deref());
            let failure = step_failed(self.plan.key(step.step), cause);
            self.end(turn, ExecutionStatus::Failed, None, Some(failure), now);
        } else {
            self.emit(turn, now, Fact::FrameClosed { frame: number, outcome: FrameOutcome::Failed });
        }
    }

    /// Stops every step of a frame that has not ended: what was being done is cancelled, the rest
    /// is skipped.
    pub(super) fn stop(&mut self, turn: &mut Turn, number: u32, reason: &StopReason, now: Timestamp) {
        let frame = self.state.frame(number);
        let steps = frame.base..frame.base + frame.steps.len() as u32;
        for step in steps {
            let step = StepRef { frame: number, step };
            match self.state.step(step).status {
                StepStatus::Pending | StepStatus::Ready => {
                    let reason = crate::event::SkipReason::Stopped { reason: reason.clone() };
                    self.emit(turn, now, Fact::StepSkipped { step, reason: Box::new(reason) });
                }
                StepStatus::Running | StepStatus::Retrying | StepStatus::Waiting => {
                    self.stop_nested(turn, step, reason, now);
                    self.emit(turn, now, Fact::StepCancelled { step, reason: Box::new(reason.clone()) });
                }
                _ => {}
            }
        }
    }

    /// Stops and closes the frames a step has open.
    pub(super) fn stop_nested(
        &mut self,
        turn: &mut Turn,
        owner: StepRef,
        reason: &StopReason,
        now: Timestamp,
    ) {
        let open = match self.state.progress(owner) {
            Some(Progress::Loop(progress)) => progress.open.clone(),
            Some(Progress::Parallel(progress)) => progress.open.clone(),
            _ => return,
        };
        for frame in open {
            self.stop(turn, frame, reason, now);
            self.emit(turn, now, Fact::FrameClosed { frame, outcome: FrameOutcome::Cancelled });
        }
    }

    /// A loop or a parallel step goes on after it began or one of its frames was closed.
    fn advance(&mut self, turn: &mut Turn, owner: StepRef, now: Timestamp) {
        let Some(state) = self.state.find_step(owner) else { return };
        let Some(progress) = state.detail.as_ref().and_then(|detail| detail.progress.as_ref()) else {
            return;
        };
        match (progress, &self.plan.step(owner.step).kind) {
            (Progress::Loop(progress), Kind::Loop(each)) => {
                let count = progress.items().len() as u32;
                if let Some((index, failure)) = &progress.failed {
                    let mut failure = (**failure).clone();
                    failure.message = format!("item {index}: {}", failure.message);
                    self.fail_owner(turn, owner, failure, now);
                } else if progress.next < count && (progress.open.len() as u32) < each.max_parallel {
                    let (frame, index) = (self.state.next_frame, progress.next);
                    self.state.work.moved.insert(owner);
                    self.emit(turn, now, Fact::FrameOpened { frame, owner, index });
                } else if progress.next >= count && progress.open.is_empty() {
                    let output = progress.output.clone();
                    self.complete(turn, owner, output, now);
                }
            }
            (Progress::Parallel(progress), Kind::Parallel(fork)) => {
                let branches = fork.bodies.len() as u32;
                if progress.failed > branches - progress.required {
                    let failure = match &progress.last_failure {
                        Some((index, failure)) => {
                            let body = self.plan.body(fork.bodies[*index as usize]);
                            let branch = body.owner.as_ref().and_then(|owner| owner.branch.as_deref());
                            let mut failure = (**failure).clone();
                            failure.message =
                                format!("branch `{}`: {}", branch.unwrap_or_default(), failure.message);
                            failure
                        }
                        None => StepFailure::new(FailureKind::NESTED, "too many branches failed"),
                    };
                    self.fail_owner(turn, owner, failure, now);
                } else if progress.next < branches {
                    let (frame, index) = (self.state.next_frame, progress.next);
                    self.state.work.moved.insert(owner);
                    self.emit(turn, now, Fact::FrameOpened { frame, owner, index });
                } else if progress.completed >= progress.required {
                    let output = Arc::new(self.parallel_output(owner, progress));
                    self.stop_nested(turn, owner, &StopReason::Joined { step: owner }, now);
                    self.complete(turn, owner, output, now);
                }
            }
            _ => {}
        }
    }

    /// A step fails because of something in its frames; those that are open are stopped first.
    fn fail_owner(&mut self, turn: &mut Turn, owner: StepRef, failure: StepFailure, now: Timestamp) {
        self.stop_nested(turn, owner, &StopReason::Failure { step: owner }, now);
        let fact = self.failed(owner, failure, now);
        self.emit(turn, now, fact);
    }

    /// A step completes, unless its projection fails.
    pub(super) fn complete(&mut self, turn: &mut Turn, step: StepRef, output: Arc<Value>, now: Timestamp) {
        let fact = match self.project(step, output) {
            Ok(output) => Fact::StepCompleted { step, output, decision: None },
            Err(failure) => self.failed(step, failure, now),
        };
        self.emit(turn, now, fact);
    }

    /// All steps of a frame ended.
    fn close(&mut self, turn: &mut Turn, number: u32, now: Timestamp) {
        let Some(frame) = self.state.find_frame(number) else { return };
        if frame.unfinished > 0 {
            return;
        }
        if number == 0 {
            return self.finish_execution(turn, now);
        }
        match self.frame_output(frame) {
            Ok(output) => {
                let outcome = FrameOutcome::Completed(output);
                self.emit(turn, now, Fact::FrameClosed { frame: number, outcome });
            }
            Err(failure) => {
                let owner = frame.owner;
                self.emit(turn, now, Fact::FrameClosed { frame: number, outcome: FrameOutcome::Failed });
                if let Some(owner) = owner {
                    self.fail_owner(turn, owner, failure, now);
                }
            }
        }
    }

    /// All steps of the execution ended, none of them stopping it.
    fn finish_execution(&mut self, turn: &mut Turn, now: Timestamp) {
        let root = &self.state.root;
        if root.tainted {
            let failed: Vec<String> = root
                .steps
                .iter()
                .enumerate()
                .filter(|(_, state)| matches!(state.status, StepStatus::Failed | StepStatus::Timeout))
                .map(|(at, _)| format!("`{}`", self.plan.key(root.base + at as u32)))
                .collect();
            let message = match &failed[..] {
                [] => "steps inside of others failed".to_owned(),
                [one] => format!("step {one} failed, and the others went on"),
                many if many.len() <= 8 => {
                    format!("steps {} failed, and the others went on", many.join(", "))
                }
                many => format!("{} steps failed, and the others went on", many.len()),
            };
            let failure = StepFailure::new(FailureKind::NESTED, message);
            return self.end(turn, ExecutionStatus::Failed, None, Some(failure), now);
        }
        let output = self.plan.0.outputs.as_ref().map(|outputs| {
            let output = Scope::new(&self.state, 0).template(outputs);
            let output = output.map_err(|error| template_failed(&error))?;
            check_depth("the output", &output).map(|()| output)
        });
        match output.transpose() {
            Ok(output) => self.end(turn, ExecutionStatus::Completed, output, None, now),
            Err(mut failure) => {
                failure.message = format!("the outputs cannot be computed: {}", failure.message);
                self.end(turn, ExecutionStatus::Failed, None, Some(failure), now);
            }
        }
    }

    pub(super) fn end(
        &mut self,
        turn: &mut Turn,
        status: ExecutionStatus,
        output: Option<Arc<Value>>,
        failure: Option<StepFailure>,
        now: Timestamp,
    ) {
        let failure = failure.map(Box::new);
        self.emit(turn, now, Fact::ExecutionEnded { status, output, failure });
    }
}
