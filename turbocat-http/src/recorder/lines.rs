//! Events of a journal as lines of a log.
//!
//! Every outermost step has lines of its beginning and its end. Of those inside of loops and branches
//! there may be very many: they have a line if something went wrong.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::Timestamp;
use turbocat_storage::platform::{Behind, Done, ExecutionState, LogLevel, NewExecutionLog, StepState};

use super::round::Told;
use crate::reports::Line;

/// Writes the lines of one execution.
pub(super) struct Teller<'a> {
    one: &'a Behind,
    told: Option<&'a Told>,
    begun: &'a mut HashMap<String, Timestamp>,
    lines: Vec<Line>,
    done: Vec<Done>,
}

fn moment(value: &Value) -> Timestamp {
    Timestamp::from_millis(value.as_i64().unwrap_or_default())
}

fn is_outermost(step: &str) -> bool {
    !step.contains(['.', '#', '['])
}

/// When which outermost step began.
pub(super) fn beginnings<'e>(events: impl Iterator<Item = &'e Value>) -> HashMap<String, Timestamp> {
    let mut begun = HashMap::new();
    for event in events {
        if let (Some("attemptStarted" | "stepStarted"), Some(step)) =
            (event["type"].as_str(), event["step"].as_str())
        {
            begun.entry(step.to_owned()).or_insert_with(|| moment(&event["at"]));
        }
    }
    begun
}

impl<'a> Teller<'a> {
    pub(super) fn new(
        one: &'a Behind,
        told: Option<&'a Told>,
        begun: &'a mut HashMap<String, Timestamp>,
    ) -> Self {
        Self { one, told, begun, lines: Vec::new(), done: Vec::new() }
    }

    /// The lines, and what agents have done.
    pub(super) fn told(self) -> (Vec<Line>, Vec<Done>) {
        (self.lines, self.done)
    }

    fn say(&mut self, at: Timestamp, level: LogLevel, message: impl Into<String>, metadata: Value) {
        let mut line = NewExecutionLog::new(self.one.id, level, message);
        line.metadata = metadata;
        self.lines.push((line, at));
    }

    /// About a step.
    fn of_step(
        &mut self,
        event: &Value,
        level: LogLevel,
        status: Option<StepState>,
        message: impl Into<String>,
        metadata: Value,
    ) {
        let (at, step) = (moment(&event["at"]), event["step"].as_str().unwrap_or_default());
        let mut line = NewExecutionLog::new(self.one.id, level, message);
        line.metadata = metadata;
        line.step_key = Some(step.to_owned());
        line.step_status = status;
        let outermost = step.split(['.', '#', '[']).next().unwrap_or_default();
        let row = self.told.and_then(|told| told.steps.get(outermost));
        line.workflow_step_id = row.map(|row| row.id);
        line.step_started_at = self.begun.get(step).copied();
        if matches!(status, Some(StepState::Completed | StepState::Failed)) {
            // What takes no time has no beginning of its own.
            let began = line.step_started_at.unwrap_or(at);
            line.step_started_at = Some(began);
            line.step_completed_at = Some(at);
            line.step_duration_ms = u64::try_from(at.since(began).as_millis()).ok();
        }
        self.lines.push((line, at));
    }

    /// Counts what the agent of a step has done.
    fn count(&mut self, event: &Value, succeeded: bool) {
        let step = event["step"].as_str().unwrap_or_default();
        let agent = self.told.and_then(|told| told.steps.get(step)?.agent_id);
        if let (Some(agent), Some(began)) = (agent, self.begun.get(step)) {
            self.done.push(Done { agent, succeeded, took: moment(&event["at"]).since(*began) });
        }
    }

    fn took(&self, event: &Value) -> Duration {
        let step = event["step"].as_str().unwrap_or_default();
        let at = moment(&event["at"]);
        at.since(self.begun.get(step).copied().unwrap_or(at))
    }

    /// The lines of one event.
    pub(super) fn event(&mut self, event: &Value) {
        let at = moment(&event["at"]);
        let step = event["step"].as_str().unwrap_or_default().to_owned();
        let outermost = is_outermost(&step);
        let error = event["failure"]["message"].as_str().unwrap_or_default();
        match event["type"].as_str().unwrap_or_default() {
            "executionStarted" => {
                let name = self.told.and_then(|told| told.name.as_deref());
                let metadata = json!({
                    "workflowId": self.one.workflow_id, "workflowName": name,
                    "stepsTotal": self.one.steps_total,
                });
                self.say(at, LogLevel::Info, "the execution started", metadata);
            }
            "attemptStarted" | "stepStarted" => {
                let first = !self.begun.contains_key(&step);
                if first {
                    self.begun.insert(step.clone(), at);
                }
                if first && outermost {
                    let row = self.told.and_then(|told| told.steps.get(&step));
                    let metadata = json!({
                        "stepType": row.map(|row| row.step_type.word()),
                        "position": row.map(|row| row.position), "agentId": row.and_then(|row| row.agent_id),
                    });
                    let message = format!("step `{step}` started");
                    self.of_step(event, LogLevel::Info, Some(StepState::Running), message, metadata);
                }
            }
            "attemptFailed" => {
                let attempt = &event["attempt"];
                let metadata = json!({
                    "error": error, "kind": event["failure"]["kind"], "retryAttempt": attempt,
                    "retryAt": moment(&event["retryAt"]).to_string(),
                });
                let message =
                    format!("attempt {attempt} of step `{step}` failed and is tried again: {error}");
                self.of_step(event, LogLevel::Warn, Some(StepState::Running), message, metadata);
            }
            "attemptLost" => {
                let metadata = json!({ "attempt": event["attempt"], "question": event["question"] });
                let message = format!("an attempt of step `{step}` was lost; a person is asked about it");
                self.of_step(event, LogLevel::Warn, Some(StepState::Running), message, metadata);
            }
            "stepCompleted" => {
                self.count(event, true);
                if outermost {
                    let took = self.took(event).as_millis();
                    let metadata =
                        json!({ "durationMs": u64::try_from(took).ok(), "output": event["output"] });
                    let message = format!("step `{step}` completed");
                    self.of_step(event, LogLevel::Info, Some(StepState::Completed), message, metadata);
                }
            }
            "stepFailed" => {
                self.count(event, false);
                let took = self.took(event).as_millis();
                let metadata = json!({
                    "error": error, "kind": event["failure"]["kind"], "because": event["because"],
                    "durationMs": u64::try_from(took).ok(),
                });
                let message = format!("step `{step}` failed: {error}");
                self.of_step(event, LogLevel::Error, Some(StepState::Failed), message, metadata);
            }
            "stepSkipped" if outermost => {
                let message = format!("step `{step}` was skipped: {}", why(&event["reason"]));
                let metadata = json!({ "reason": event["reason"]["kind"] });
                self.of_step(event, LogLevel::Warn, Some(StepState::Skipped), message, metadata);
            }
            "stepCancelled" if outermost => {
                let message = format!("step `{step}` was stopped");
                let metadata = json!({ "reason": event["reason"]["by"] });
                self.of_step(event, LogLevel::Warn, None, message, metadata);
            }
            "executionPaused" => {
                self.say(
                    at,
                    LogLevel::Info,
                    "the execution was paused",
                    json!({ "reason": event["reason"] }),
                );
            }
            "executionResumed" => self.say(at, LogLevel::Info, "the execution goes on", json!({})),
            "signalReceived" => {
                let name = event["name"].as_str().unwrap_or_default();
                self.say(at, LogLevel::Info, format!("the signal `{name}` came in"), json!({ "name": name }));
            }
            _ => {}
        }
    }
}

fn why(reason: &Value) -> String {
    let before = || reason["dependency"].as_str().unwrap_or_default();
    match reason["kind"].as_str().unwrap_or_default() {
        "branchNotTaken" => "its branch was not taken".to_owned(),
        "guard" => "its guard said no".to_owned(),
        "failed" => format!("step `{}` failed", before()),
        "skipped" => format!("step `{}` was skipped", before()),
        _ => "the execution was stopped".to_owned(),
    }
}

/// The last line of an execution. It is told from how it stands: what was cancelled before it began
/// has no events.
pub(super) fn end(one: &Behind, told: Option<&Told>) -> Line {
    let (level, message) = match one.status {
        ExecutionState::Completed => (LogLevel::Info, "the execution completed"),
        ExecutionState::Cancelled => (LogLevel::Warn, "the execution ended as cancelled"),
        ExecutionState::Timeout => (LogLevel::Error, "the execution timed out"),
        _ => (LogLevel::Error, "the execution failed"),
    };
    let mut line = NewExecutionLog::new(one.id, level, message);
    line.metadata = json!({
        "workflowName": told.and_then(|told| told.name.as_deref()),
        "status": one.status.word(), "durationMs": one.duration_ms, "stepsCompleted": one.steps_completed,
        "stepsFailed": one.steps_failed, "stepsSkipped": one.steps_skipped, "error": one.error_message,
    });
    (line, one.completed_at.unwrap_or_default())
}
