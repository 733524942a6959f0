//! What things come to: the output of a step, of a body, of the execution; the failure of what is
//! around a failed step.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Scheduler;
use super::depth::{check_depth, is_small};
use super::scope::Scope;
use super::state::{Frame, ParallelProgress, State};
use crate::event::{StepRef, StepStatus};
use crate::failure::{FailureKind, StepFailure};
use crate::plan::{Kind, Plan};
use crate::template::EvalError;

/// A template that could not be evaluated fails its step; another attempt would see the same.
pub(crate) fn template_failed(error: &EvalError) -> StepFailure {
    StepFailure::new(FailureKind::TEMPLATE, error.to_string()).permanent()
}

/// The failure of what stands around a failed step.
pub(super) fn step_failed(key: &str, cause: Option<&StepFailure>) -> StepFailure {
    let message = match cause {
        Some(cause) => format!("step `{key}` failed: {}", cause.message),
        None => format!("step `{key}` failed"),
    };
    let kind = cause.map_or("", |cause| cause.kind.as_str());
    let mut failure =
        StepFailure::new(FailureKind::NESTED, message).detail(json!({ "step": key, "kind": kind }));
    failure.retryable = cause.is_none_or(|cause| cause.retryable);
    failure
}

/// The outputs of a frame's steps by key: null for a failed step, nothing for a skipped one.
pub(super) fn outputs_of(plan: &Plan, frame: &Frame) -> Map<String, Value> {
    let keep = |state: &super::state::StepState| match state.status {
        StepStatus::Completed => state.output.as_deref().cloned(),
        StepStatus::Failed | StepStatus::Timeout => Some(Value::Null),
        _ => None,
    };
    let mut outputs = Map::with_capacity(frame.steps.len());
    for (at, state) in frame.steps.iter().enumerate() {
        if let Some(output) = keep(state) {
            outputs.insert(plan.key(frame.base + at as u32).to_owned(), output);
        }
    }
    outputs
}

/// The output of an execution that has ended.
pub(super) fn execution_output(plan: &Plan, state: &State) -> Arc<Value> {
    match &state.output {
        Some(output) => output.clone(),
        None => Arc::new(Value::Object(outputs_of(plan, &state.root))),
    }
}

impl Scheduler {
    /// A step's output with its projection, if it has one.
    pub(super) fn project(&self, step: StepRef, output: Arc<Value>) -> Result<Arc<Value>, StepFailure> {
        // What is handed on as it is was looked at when it came up.
        if !self.hands_on(step, &output) {
            check_depth("the output", &output)?;
        }
        let Some(projection) = &self.plan.step(step.step).projection else { return Ok(output) };
        let scope = Scope { result: Some(&output), ..Scope::new(&self.state, step.frame) };
        let added = scope.template(projection).map_err(|error| template_failed(&error))?;
        let mut whole = match &*output {
            Value::Object(fields) => fields.clone(),
            other => Map::from_iter([("output".to_owned(), other.clone())]),
        };
        if let Value::Object(added) = &*added {
            whole.extend(added.clone());
        }
        let whole = Value::Object(whole);
        check_depth("the output", &whole)?;
        Ok(Arc::new(whole))
    }

    /// Whether a value, if it is large, is one of those that the step was given: a long chain may
    /// hand on something large, and is not to look at all of it every time.
    fn hands_on(&self, step: StepRef, output: &Arc<Value>) -> bool {
        let Kind::Agent { inputs: Some(inputs), .. } = &self.plan.step(step.step).kind else { return false };
        let given = || Scope::new(&self.state, step.frame).values(&inputs.roots);
        !is_small(output) && given().into_iter().flatten().any(|value| Arc::ptr_eq(value, output))
    }

    /// The output of a frame whose steps all ended.
    pub(super) fn frame_output(&self, frame: &Frame) -> Result<Arc<Value>, StepFailure> {
        let body = self.plan.body(frame.body);
        if body.single {
            let output = frame.steps[0].output.clone();
            return Ok(output.unwrap_or_else(|| Arc::new(Value::Null)));
        }
        let owner = frame.owner.map(|owner| &self.plan.step(owner.step).kind);
        match owner {
            Some(Kind::Loop(each)) if each.output.is_some() => {
                let scope = Scope::new(&self.state, frame.number);
                let Some(output) = &each.output else { return Ok(Arc::new(Value::Null)) };
                let output = scope.template(output).map_err(|error| template_failed(&error))?;
                check_depth("the output of an iteration", &output)?;
                Ok(output)
            }
            _ => Ok(Arc::new(Value::Object(outputs_of(&self.plan, frame)))),
        }
    }

    /// The output of a parallel step whose branches joined.
    pub(super) fn parallel_output(&self, step: StepRef, progress: &ParallelProgress) -> Value {
        let mut output = Map::with_capacity(progress.outputs.len() + 1);
        if let Kind::Parallel(fork) = &self.plan.step(step.step).kind {
            for (body, result) in fork.bodies.iter().zip(&progress.outputs) {
                let branch = self.plan.body(*body).owner.as_ref().and_then(|owner| owner.branch.as_deref());
                let value = result.as_deref().cloned().unwrap_or_default();
                output.insert(branch.unwrap_or_default().to_owned(), value);
            }
        }
        output.insert("parallelCompleted".to_owned(), Value::Bool(true));
        Value::Object(output)
    }
}
