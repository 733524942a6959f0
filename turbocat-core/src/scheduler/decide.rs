//! Turns an input into facts. What is stale or makes no sense gives none.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Scheduler;
use super::depth::is_too_deep;
use super::state::{Alarm, Progress};
use super::turn::{Approval, ChildOutcome, Input, Turn};
use crate::definition::OnTimeout;
use crate::duration::format_duration;
use crate::event::{ExecutionStatus, Fact, StepRef, StepStatus, StopReason};
use crate::failure::{FailureKind, StepFailure};
use crate::plan::Kind;
use crate::time::Timestamp;

/// How many signals are kept for steps that do not wait yet.
pub(super) const MAX_KEPT_SIGNALS: usize = 10_000;

impl Scheduler {
    pub(super) fn decide(&mut self, turn: &mut Turn, now: Timestamp, input: Input) {
        match input {
            Input::AttemptCompleted { step, attempt, output } => {
                if self.is_current(step, attempt) {
                    self.answered = Some(step);
                    self.complete(turn, step, output, now);
                    self.answered = None;
                }
            }
            Input::AttemptUsed { step, attempt, usage } => {
                if self.is_current(step, attempt) {
                    self.emit(turn, now, Fact::UsageRecorded { step, attempt, usage });
                }
            }
            Input::AttemptFailed { step, attempt, failure } => {
                self.attempt_failed(turn, step, attempt, failure, now);
            }
            Input::AttemptLost { step, attempt } => {
                if self.is_current(step, attempt) {
                    self.answered = Some(step);
                    let fact = self.lost(step, now);
                    self.emit(turn, now, fact);
                    self.answered = None;
                }
            }
            Input::Timer => self.alarms(turn, now),
            Input::Signal { name, payload } => {
                // One that a step waits for is not kept.
                let room =
                    self.state.kept_signals < MAX_KEPT_SIGNALS || self.state.listeners.contains_key(&name);
                if room && !is_too_deep(&payload) {
                    self.emit(turn, now, Fact::SignalReceived { name: name.clone(), payload });
                    self.deliver(turn, &name, now);
                }
            }
            Input::Approval { step, approval } => {
                if self.is_asking(step) {
                    self.answer(turn, step, &approval, now);
                }
            }
            Input::ChildEnded { execution, outcome } => self.child_ended(turn, execution, outcome, now),
            Input::Cancel { reason } => {
                self.emit(turn, now, Fact::CancelRequested { reason: reason.clone() });
                self.stop(turn, 0, &StopReason::Cancel { reason }, now);
                self.end(turn, ExecutionStatus::Cancelled, None, None, now);
            }
            Input::Pause { reason } => {
                if !self.state.paused {
                    self.emit(turn, now, Fact::ExecutionPaused { reason });
                }
            }
            Input::Resume => {
                if self.state.paused {
                    self.emit(turn, now, Fact::ExecutionResumed);
                }
            }
        }
    }

    fn attempt_failed(
        &mut self,
        turn: &mut Turn,
        step: StepRef,
        attempt: u32,
        mut failure: StepFailure,
        now: Timestamp,
    ) {
        if self.is_current(step, attempt) {
            failure.detail = failure.detail.filter(|detail| !is_too_deep(detail));
            self.answered = Some(step);
            let fact = self.failed(step, failure, now);
            self.emit(turn, now, fact);
            self.answered = None;
        }
    }

    /// Whether it is the attempt that an agent is at.
    fn is_current(&self, step: StepRef, attempt: u32) -> bool {
        let Some(state) = self.state.find_step(step) else { return false };
        state.status == StepStatus::Running
            && state.attempt == attempt
            && matches!(self.plan.step(step.step).kind, Kind::Agent { .. })
    }

    pub(super) fn is_asking(&self, step: StepRef) -> bool {
        self.state.find_step(step).is_some_and(|state| state.status == StepStatus::Waiting)
            && matches!(self.state.progress(step), Some(Progress::Approval(_)))
    }

    /// Hands kept signals of a name to the steps that wait for it, the oldest signal first.
    pub(super) fn deliver(&mut self, turn: &mut Turn, name: &str, now: Timestamp) {
        loop {
            let payload = self.state.signals.get(name).and_then(|kept| kept.front()).cloned();
            let step = self.state.listeners.get(name).and_then(|steps| steps.first()).copied();
            let (Some(payload), Some(step)) = (payload, step) else { return };
            self.emit(turn, now, Fact::SignalTaken { step, name: name.into() });
            let output = json!({ "payload": *payload, "signal": name, "timedOut": false, "waited": true });
            self.complete(turn, step, Arc::new(output), now);
        }
    }

    fn answer(&mut self, turn: &mut Turn, step: StepRef, approval: &Approval, now: Timestamp) {
        if matches!(self.plan.step(step.step).kind, Kind::Agent { .. }) {
            let fact = self.lost_and_answered(step, approval, now);
            self.emit(turn, now, fact);
            return;
        }
        let detail = approval.output(Some(now), false);
        if approval.approved {
            self.complete(turn, step, Arc::new(detail), now);
            return;
        }
        let message = format!("it was rejected{}", approval.told());
        let failure = StepFailure::new(FailureKind::REJECTED, message).permanent().detail(detail);
        let fact = self.failed_for_good(step, failure, "a person said no".to_owned());
        self.emit(turn, now, fact);
    }

    fn child_ended(
        &mut self,
        turn: &mut Turn,
        execution: crate::time::ExecutionId,
        outcome: ChildOutcome,
        now: Timestamp,
    ) {
        let Some(&step) = self.state.children.get(&execution) else { return };
        if let Some(usage) = outcome.usage {
            let attempt = self.state.step(step).attempt;
            self.emit(turn, now, Fact::UsageRecorded { step, attempt, usage });
        }
        self.answered = Some(step);
        if outcome.status == ExecutionStatus::Completed {
            self.complete(turn, step, outcome.output, now);
        } else {
            let status = outcome.status.word();
            // Whoever cancelled it does not want another one.
            let again = outcome.status != ExecutionStatus::Cancelled
                && outcome.failure.as_ref().is_none_or(|failure| failure.retryable);
            let cause = outcome.failure.map_or_else(String::new, |failure| format!(": {}", failure.message));
            let detail = json!({ "executionId": execution.to_string(), "status": status });
            let failure = StepFailure::new(
                FailureKind::NESTED,
                format!("the nested workflow ended as {status}{cause}"),
            );
            let failure = failure.detail(detail);
            let failure = if again { failure } else { failure.permanent() };
            let fact = self.failed(step, failure, now);
            self.emit(turn, now, fact);
        }
        self.answered = None;
    }

    /// Everything whose moment has come, in order. Pauses before attempts are `settle`'s.
    fn alarms(&mut self, turn: &mut Turn, now: Timestamp) {
        while let Some(&(at, alarm)) = self.state.alarms.first() {
            if at > now || self.state.is_ended() {
                break;
            }
            match alarm {
                Alarm::Execution => {
                    self.stop(turn, 0, &StopReason::ExecutionTimeout, now);
                    let limit = self.plan.0.timeout.map(format_duration).unwrap_or_default();
                    let message = format!("the execution timed out after {limit} of work");
                    let failure = StepFailure::new(FailureKind::TIMEOUT, message);
                    self.end(turn, ExecutionStatus::Timeout, None, Some(failure), now);
                }
                Alarm::Deadline(step) => {
                    self.stop_nested(turn, step, &StopReason::Timeout { step }, now);
                    let plan = self.plan.step(step.step);
                    let limit = plan.deadline.map(format_duration).unwrap_or_default();
                    let message = format!("step `{}` did not end within its deadline of {limit}", plan.key);
                    let failure = StepFailure::new(FailureKind::TIMEOUT, message);
                    let because = "its deadline is over".to_owned();
                    let fact = self.failed_for_good(step, failure, because);
                    self.emit(turn, now, fact);
                }
                Alarm::Timeout(step) => self.timed_out(turn, step, now),
                Alarm::Wait(step) => {
                    let started = self.state.step(step).started;
                    let output = match (self.state.progress(step), &self.plan.step(step.step).kind) {
                        (Some(Progress::Timer(until)), Kind::Timer { at: crate::plan::Moment::At, .. }) => {
                            json!({ "until": until.to_string(), "waited": true })
                        }
                        (Some(Progress::Timer(until)), _) => {
                            let waited = until.since(started).as_millis() as u64;
                            json!({ "waitMs": waited, "waited": true })
                        }
                        _ => Value::Null,
                    };
                    self.complete(turn, step, Arc::new(output), now);
                }
            }
        }
    }

    /// A step that is not an agent's took too long.
    fn timed_out(&mut self, turn: &mut Turn, step: StepRef, now: Timestamp) {
        let plan = self.plan.step(step.step);
        let on_timeout = match &plan.kind {
            Kind::Signal { on_timeout, .. } | Kind::Approval { on_timeout, .. } => *on_timeout,
            _ => OnTimeout::Fail,
        };
        let limit = plan.timeout.map(format_duration).unwrap_or_default();
        let nobody = Approval {
            by: None,
            comment: Some(format!("nobody answered within {limit}")),
            ..Approval::default()
        };
        match (on_timeout, &plan.kind) {
            (OnTimeout::Continue, Kind::Signal { .. }) => {
                let name = match self.state.progress(step) {
                    Some(Progress::Signal(name)) => name.clone(),
                    _ => "".into(),
                };
                let output = json!({ "payload": null, "signal": name, "timedOut": true, "waited": true });
                self.complete(turn, step, Arc::new(output), now);
            }
            (OnTimeout::Continue, _) => {
                let output = nobody.output(None, true);
                self.complete(turn, step, Arc::new(output), now);
            }
            (OnTimeout::Approve, _) => {
                let output = Approval { approved: true, ..nobody }.output(None, true);
                self.complete(turn, step, Arc::new(output), now);
            }
            (OnTimeout::Reject, _) => {
                let message = format!("it counts as rejected: nobody answered within {limit}");
                let detail = nobody.output(None, true);
                let failure = StepFailure::new(FailureKind::REJECTED, message).permanent().detail(detail);
                let fact = self.failed_for_good(step, failure, "nobody answered in time".to_owned());
                self.emit(turn, now, fact);
            }
            (OnTimeout::Fail, _) => {
                self.stop_nested(turn, step, &StopReason::Timeout { step }, now);
                let key = &self.plan.step(step.step).key;
                let failure =
                    StepFailure::new(FailureKind::TIMEOUT, format!("step `{key}` timed out after {limit}"));
                let fact = self.failed(step, failure, now);
                self.emit(turn, now, fact);
            }
        }
    }
}
