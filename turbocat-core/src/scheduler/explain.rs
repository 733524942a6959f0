//! Why a step ran, was skipped, failed or was tried again: told from what was recorded.

use std::fmt;
use std::time::Duration;

use super::Scheduler;
use super::state::{Progress, StepState};
use crate::duration::format_duration;
use crate::event::{SkipReason, StepRef, StepStatus, StopReason};
use crate::failure::StepFailure;
use crate::template::Explanation;
use crate::time::Timestamp;

/// How a step stands.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StepReport {
    /// Its path, such as `fetch` or `perStory[3].summarise`.
    pub path: String,
    /// How it stands.
    pub status: StepStatus,
    /// How many attempts there were.
    pub attempts: u32,
    /// When it began, if it did.
    pub started: Option<Timestamp>,
    /// When it ended, if it did.
    pub ended: Option<Timestamp>,
    /// What went wrong, if something did.
    pub failure: Option<StepFailure>,
}

impl StepReport {
    /// How long it took, if it began and ended.
    pub fn took(&self) -> Option<Duration> {
        Some(self.ended?.since(self.started?))
    }
}

/// Why a step stands as it does. `Display` tells it in sentences.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StepExplanation {
    /// How the step stands.
    pub report: StepReport,
    /// The cause, in a sentence.
    pub cause: String,
    /// The expression that decided, evaluated: of its guard, of the condition it belongs to, or
    /// its own.
    pub expression: Option<Explanation>,
}

impl Scheduler {
    /// How every outermost step stands, in the order of their keys.
    pub fn steps(&self) -> impl Iterator<Item = StepReport> {
        let root = &self.state.root;
        (0..root.steps.len() as u32).map(|at| self.report(StepRef { frame: 0, step: root.base + at }))
    }

    /// The output of an outermost step, if it completed.
    pub fn step_output(&self, key: &str) -> Option<&std::sync::Arc<serde_json::Value>> {
        let step = self.find(key)?;
        self.state.find_step(step)?.output.as_ref()
    }

    fn report(&self, step: StepRef) -> StepReport {
        let state = self.state.step(step);
        let failure = state.detail.as_ref().and_then(|detail| detail.failure.as_deref()).cloned();
        StepReport {
            path: self.path(step),
            status: state.status,
            attempts: state.attempt,
            started: (state.attempt > 0).then_some(state.started),
            ended: state.status.is_ended().then_some(state.ended),
            failure,
        }
    }

    /// Why a step stands as it does, if its path names one that is open.
    pub fn explain(&self, path: &str) -> Option<StepExplanation> {
        let step = self.find(path)?;
        let state = self.state.find_step(step)?;
        let (cause, expression) = self.cause(step, state);
        Some(StepExplanation { report: self.report(step), cause, expression })
    }

    fn cause(&self, step: StepRef, state: &StepState) -> (String, Option<Explanation>) {
        let detail = state.detail.as_deref();
        let guard = detail.and_then(|detail| detail.why.as_deref()).cloned();
        let message = || detail.and_then(|d| d.failure.as_ref()).map_or("", |failure| &failure.message);
        let before = || self.before(step);
        match state.status {
            StepStatus::Pending => {
                let frame = self.state.frame(step.frame);
                let waits: Vec<String> = self
                    .dependencies(step)
                    .filter(|at| !frame.step(*at).status.is_ended())
                    .map(|at| format!("`{}`", self.plan.key(at)))
                    .collect();
                (format!("it waits for {}", waits.join(", ")), None)
            }
            StepStatus::Ready if self.state.paused => ("the execution is paused".to_owned(), None),
            StepStatus::Ready => {
                ("it waits for a free place: `maxParallel` attempts are being done".to_owned(), None)
            }
            StepStatus::Running => {
                (format!("it is being done, attempt {}{}{}", state.attempt, lost(state), before()), guard)
            }
            StepStatus::Retrying => {
                let at = detail.and_then(|detail| detail.retry_at).unwrap_or_default();
                (
                    format!("attempt {} failed: {}; the next one begins at {at}", state.attempt, message()),
                    guard,
                )
            }
            StepStatus::Waiting => {
                let what = match detail.and_then(|detail| detail.progress.as_ref()) {
                    Some(Progress::Timer(until)) => format!("it waits until {until}"),
                    Some(Progress::Signal(name)) => format!("it waits for the signal `{name}`"),
                    Some(Progress::Approval(question)) => format!("it waits for a person: {question}"),
                    _ => "it waits".to_owned(),
                };
                (what, guard)
            }
            StepStatus::Completed => {
                let decision = detail.and_then(|detail| detail.decision.as_deref());
                if let Some(decision) = decision {
                    return (format!("it decided {}", decision.result), Some(decision.why.clone()));
                }
                let attempts = match state.attempt {
                    0 | 1 => String::new(),
                    n => format!(" at attempt {n}{}", lost(state)),
                };
                (format!("it completed{attempts}{}", before()), guard)
            }
            StepStatus::Failed | StepStatus::Timeout => {
                let because = detail.map_or("", |detail| &detail.because);
                (format!("{}; no other attempt, because {because}", message()), guard)
            }
            StepStatus::Skipped => match detail.and_then(|detail| detail.skip.as_deref()) {
                Some(reason) => self.skipped(reason),
                None => ("it was skipped".to_owned(), None),
            },
            StepStatus::Cancelled => {
                let reason = detail.and_then(|detail| detail.stop.as_deref());
                (reason.map_or_else(|| "it was stopped".to_owned(), |reason| self.stopped(reason)), guard)
            }
        }
    }

    fn skipped(&self, reason: &SkipReason) -> (String, Option<Explanation>) {
        match reason {
            SkipReason::BranchNotTaken { condition, branch } => {
                let branch = if *branch { "then" } else { "else" };
                let path = self.path(*condition);
                let state = self.state.find_step(*condition);
                let decision = state.and_then(|state| state.detail.as_ref()?.decision.as_deref().cloned());
                let cause = format!("its only way in, {path}/{branch}, was not taken");
                (cause, decision.map(|decision| decision.why))
            }
            SkipReason::Guard { why } => ("its `when` said no".to_owned(), Some(why.clone())),
            SkipReason::Failed { dependency } => {
                (format!("step `{}` before it failed", self.path(*dependency)), None)
            }
            SkipReason::Skipped { dependency } => {
                (format!("step `{}` before it was not done", self.path(*dependency)), None)
            }
            SkipReason::Stopped { reason } => (self.stopped(reason), None),
        }
    }

    fn stopped(&self, reason: &StopReason) -> String {
        match reason {
            StopReason::Failure { step } => {
                format!("step `{}` failed and stopped the rest", self.path(*step))
            }
            StopReason::Joined { step } => {
                format!("enough branches of `{}` had completed", self.path(*step))
            }
            StopReason::Timeout { step } => format!("step `{}` around it took too long", self.path(*step)),
            StopReason::Budget => "the execution used more than its budget".to_owned(),
            StopReason::ExecutionTimeout => "the execution took too long".to_owned(),
            StopReason::Cancel { reason } => format!("the execution was cancelled: {reason}"),
        }
    }

    /// `, after …`: the steps before a step, with how they ended.
    fn before(&self, step: StepRef) -> String {
        let frame = self.state.frame(step.frame);
        let ended: Vec<String> = self
            .dependencies(step)
            .take(4)
            .map(|at| format!("`{}` {}", self.plan.key(at), frame.step(at).status.word()))
            .collect();
        match self.dependencies(step).count() {
            0 => String::new(),
            n if n > 4 => format!(", after {} and {} more", ended.join(", "), n - 4),
            _ => format!(", after {}", ended.join(", ")),
        }
    }

    fn dependencies(&self, step: StepRef) -> impl Iterator<Item = u32> {
        let row = &self.plan.step(step.step).dependencies;
        self.plan.0.dependencies[row.start as usize..row.end as usize].iter().copied()
    }
}

/// The attempts of a step that were lost and not counted, in brackets.
fn lost(state: &StepState) -> String {
    match state.lost() {
        0 => String::new(),
        1 => " (one was lost)".to_owned(),
        n => format!(" ({n} were lost)"),
    }
}

impl fmt::Display for StepExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StepReport { path, status, .. } = &self.report;
        write!(f, "{path} {} ", verb(*status))?;
        write!(f, "because {}", self.cause)?;
        if let Some(took) = self.report.took().filter(|_| self.report.attempts > 0) {
            write!(f, " ({})", format_duration(took))?;
        }
        writeln!(f)?;
        if let Some(expression) = &self.expression {
            for line in expression.to_string().lines() {
                writeln!(f, "  {line}")?;
            }
        }
        Ok(())
    }
}

const fn verb(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Pending => "is PENDING",
        StepStatus::Ready => "is READY",
        StepStatus::Running => "is RUNNING",
        StepStatus::Retrying => "is RETRYING",
        StepStatus::Waiting => "is WAITING",
        StepStatus::Completed => "COMPLETED",
        StepStatus::Failed => "FAILED",
        StepStatus::Skipped => "was SKIPPED",
        StepStatus::Cancelled => "was CANCELLED",
        StepStatus::Timeout => "TIMED OUT",
    }
}
