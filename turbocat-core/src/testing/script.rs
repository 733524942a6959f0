//! What a scripted agent is to answer, and what it was asked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use crate::failure::StepFailure;
use crate::request::AttemptRequest;
use crate::time::ExecutionId;

/// One answer.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Output(Arc<Value>),
    Failure(StepFailure),
    Panic(String),
    /// The inputs.
    Echo,
    /// None until the call is released; then this.
    Hang(Arc<Value>),
}

/// One attempt a scripted agent was asked for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Call {
    /// The key of the step, such as `summarise`.
    pub step: String,
    /// The path of the step instance, such as `perStory[3].summarise`.
    pub path: String,
    /// Which attempt, from one.
    pub attempt: u32,
    /// What it was given.
    pub inputs: Value,
    /// How it was configured.
    pub config: Value,
    /// The execution that asked.
    pub execution: ExecutionId,
    /// How it ended.
    pub end: CallEnd,
}

/// How a call of a scripted agent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// It hangs.
    Open,
    /// It was answered with an output, a failure or a panic.
    Answered,
    /// The engine dropped it before it was answered: it timed out or was cancelled.
    Dropped,
}

impl Call {
    fn new(request: &AttemptRequest) -> Self {
        Self {
            step: request.step().to_owned(),
            path: request.path(),
            attempt: request.attempt,
            inputs: (*request.inputs).clone(),
            config: request.config().clone(),
            execution: request.execution(),
            end: CallEnd::Open,
        }
    }
}

/// The answers that are left and the calls there were.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// By step key or path; the empty one is for every step.
    answers: BTreeMap<String, VecDeque<Answer>>,
    otherwise: Option<Answer>,
    calls: Vec<Call>,
    /// The calls that hang.
    hanging: BTreeSet<usize>,
}

impl Script {
    pub(super) fn add(&mut self, step: &str, answer: Answer) {
        self.answers.entry(step.to_owned()).or_default().push_back(answer);
    }

    pub(super) fn otherwise(&mut self, answer: Answer) {
        self.otherwise = Some(answer);
    }

    /// Notes a call; gives its number and its answer.
    pub(super) fn called(&mut self, request: &AttemptRequest) -> (usize, Answer) {
        let (number, call) = (self.calls.len(), Call::new(request));
        let answer = self.answer(&call);
        if let Answer::Hang(_) = &answer {
            self.hanging.insert(number);
        }
        self.calls.push(call);
        (number, answer)
    }

    /// The next answer to a call: of its path, else of its step's key, else of any step.
    fn answer(&mut self, call: &Call) -> Answer {
        for step in [&*call.path, &*call.step, ""] {
            if let Some(answer) = self.answers.get_mut(step).and_then(VecDeque::pop_front) {
                return answer;
            }
        }
        self.otherwise.clone().unwrap_or_else(|| {
            let message =
                format!("the script has no answer for step `{}`, attempt {}", call.path, call.attempt);
            Answer::Failure(StepFailure::error(message).permanent())
        })
    }

    pub(super) fn end(&mut self, call: usize, end: CallEnd) {
        self.hanging.remove(&call);
        self.calls[call].end = end;
    }

    pub(super) fn calls(&self) -> &[Call] {
        &self.calls
    }

    pub(super) fn hanging(&self) -> usize {
        self.hanging.len()
    }

    /// How many answers nobody asked for.
    pub(super) fn left(&self) -> usize {
        self.answers.values().map(VecDeque::len).sum()
    }
}
