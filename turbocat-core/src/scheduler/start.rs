//! Starts a step whose turn has come, or says why not.

use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use super::Scheduler;
use super::depth::check_depth;
use super::evolve::required;
use super::outcome::template_failed;
use super::scope::Scope;
use super::state::Before;
use super::turn::Turn;
use crate::definition::{Needs, OnError};
use crate::event::{Decision, Fact, SkipReason, StepRef, StepStatus, Work};
use crate::failure::{FailureKind, StepFailure};
use crate::plan::{Gate, Kind, LoopPlan, Moment, PlanStep, duration, moment, word};
use crate::template::{EvalError, Explanation};
use crate::time::Timestamp;

/// How a step begins.
enum Beginning {
    /// With a fact.
    Fact(Fact),
    /// By being done at once.
    Done(Arc<Value>),
    /// By failing at once.
    Failed(StepFailure),
}

impl From<EvalError> for Beginning {
    fn from(error: EvalError) -> Self {
        Self::Failed(template_failed(&error))
    }
}

impl Scheduler {
    pub(super) fn start_step(&mut self, turn: &mut Turn, step: StepRef, now: Timestamp) {
        let plan = self.plan.step(step.step);
        let mut why = None;
        if self.state.step(step).status == StepStatus::Ready {
            if let Some(reason) = self.skip(step, plan) {
                return self.emit(turn, now, Fact::StepSkipped { step, reason: Box::new(reason) });
            }
            if let Some(guard) = &plan.guard {
                match Scope::new(&self.state, step.frame).judge(guard) {
                    (Ok(true), seen) => why = Some(Box::new(seen)),
                    (Ok(false), why) => {
                        let reason = Box::new(SkipReason::Guard { why });
                        return self.emit(turn, now, Fact::StepSkipped { step, reason });
                    }
                    (Err(error), _) => {
                        let fact = self.failed(step, template_failed(&error), now);
                        return self.emit(turn, now, fact);
                    }
                }
            }
        }
        match self.beginning(step, plan, why, now) {
            Beginning::Fact(fact) => self.started(turn, step, fact, now),
            Beginning::Done(output) => self.complete(turn, step, output, now),
            Beginning::Failed(failure) => {
                let fact = self.failed(step, failure, now);
                self.emit(turn, now, fact);
            }
        }
    }

    /// Notes the start, and what follows from it without further news.
    fn started(&mut self, turn: &mut Turn, step: StepRef, fact: Fact, now: Timestamp) {
        let follow = match &fact {
            Fact::StepStarted { work, .. } => match &**work {
                Work::Signal { name } => Some((Some(name.clone()), None)),
                Work::Child { execution, .. } => Some((None, Some(*execution))),
                _ => None,
            },
            _ => None,
        };
        self.emit(turn, now, fact);
        match follow {
            Some((Some(name), _)) => self.deliver(turn, &name, now),
            Some((_, Some(execution))) => {
                let forgotten = matches!(self.plan.step(step.step).kind, Kind::Child { wait: false, .. });
                if forgotten {
                    let output = json!({ "executionId": execution.to_string(), "status": "running" });
                    self.complete(turn, step, Arc::new(output), now);
                }
            }
            _ => {}
        }
    }

    /// Why a step whose dependencies all ended is not done, if it is not.
    fn skip(&self, step: StepRef, plan: &PlanStep) -> Option<SkipReason> {
        let before = self.state.step(step).before;
        if plan.gated && !before.has(Before::LED) {
            return Some(self.no_way_in(step, plan));
        }
        let ended = before.has(Before::COMPLETED | Before::FAILED | Before::SKIPPED);
        let skip = match plan.needs {
            Some(Needs::Finished) => false,
            Some(Needs::Any) => ended && !before.has(Before::COMPLETED),
            Some(Needs::Succeeded) => before.has(Before::FAILED | Before::SKIPPED),
            None if plan.on_error == OnError::Fail => before.has(Before::FAILED | Before::SKIPPED),
            None => before.has(Before::SKIPPED),
        };
        if !skip {
            return None;
        }
        let row = plan.dependencies.start as usize..plan.dependencies.end as usize;
        let ended = |at: &u32| {
            (StepRef { frame: step.frame, step: *at }, self.state.frame(step.frame).step(*at).status)
        };
        let rows = || self.plan.0.dependencies[row.clone()].iter().map(ended);
        let failed = rows().find(|(_, status)| matches!(status, StepStatus::Failed | StepStatus::Timeout));
        if let Some((dependency, _)) = failed
            && (plan.needs.is_some() || plan.on_error == OnError::Fail)
        {
            return Some(SkipReason::Failed { dependency });
        }
        let skipped =
            rows().find(|(_, status)| matches!(status, StepStatus::Skipped | StepStatus::Cancelled));
        let dependency = skipped.map_or(step, |(dependency, _)| dependency);
        Some(SkipReason::Skipped { dependency })
    }

    /// None of the branches that lead to a step was taken: names the first of them.
    fn no_way_in(&self, step: StepRef, plan: &PlanStep) -> SkipReason {
        let row = plan.dependencies.start as usize..plan.dependencies.end as usize;
        for &at in &self.plan.0.dependencies[row] {
            let dependents = self.plan.step(at).dependents.clone();
            let edges = &self.plan.0.edges[dependents.start as usize..dependents.end as usize];
            let gate = edges.iter().find(|edge| edge.to == step.step).map(|edge| edge.gate);
            let condition = StepRef { frame: step.frame, step: at };
            match (gate, self.state.step(condition).status) {
                (None | Some(Gate::None), _) => {}
                (Some(gate), StepStatus::Completed) => {
                    return SkipReason::BranchNotTaken { condition, branch: gate == Gate::Then };
                }
                (Some(_), StepStatus::Failed | StepStatus::Timeout) => {
                    return SkipReason::Failed { dependency: condition };
                }
                (Some(_), _) => return SkipReason::Skipped { dependency: condition },
            }
        }
        SkipReason::Skipped { dependency: step }
    }

    fn beginning(
        &self,
        step: StepRef,
        plan: &PlanStep,
        why: Option<Box<Explanation>>,
        now: Timestamp,
    ) -> Beginning {
        let attempt = self.state.step(step).attempt + 1;
        let scope = Scope::new(&self.state, step.frame);
        let started =
            |work: Work, why| Beginning::Fact(Fact::StepStarted { step, attempt, work: Box::new(work), why });
        match &plan.kind {
            Kind::Agent { .. } => Beginning::Fact(Fact::AttemptStarted { step, attempt, why }),
            Kind::Pass { inputs } => match inputs {
                None => Beginning::Done(self.plan.0.empty.clone()),
                Some(inputs) => scope.template(inputs).map_or_else(Beginning::from, Beginning::Done),
            },
            Kind::Condition(bound) => match scope.judge(bound) {
                (Err(error), _) => error.into(),
                (Ok(result), why) => match self.project(step, condition_output(result)) {
                    Err(failure) => Beginning::Failed(failure),
                    Ok(output) => {
                        let decision = Some(Box::new(Decision { result, why }));
                        Beginning::Fact(Fact::StepCompleted { step, output, decision })
                    }
                },
            },
            Kind::Loop(each) => match scope.value(&each.items) {
                Err(error) => error.into(),
                Ok(items) => match check_items(each, &items) {
                    Err(failure) => Beginning::Failed(failure),
                    Ok(()) => started(Work::Loop { items }, why),
                },
            },
            Kind::Parallel(fork) => {
                started(Work::Parallel { required: required(fork.join, fork.bodies.len()) }, why)
            }
            Kind::Timer { at, value } => {
                let read = |value: &Value| match at {
                    Moment::After => duration(value).map(|pause| now.after(pause)),
                    Moment::At => moment(value),
                };
                match scope.template(value) {
                    Err(error) => error.into(),
                    Ok(value) => match read(&value) {
                        Ok(until) => started(Work::Timer { until }, why),
                        Err(message) => {
                            Beginning::Failed(StepFailure::new(FailureKind::TEMPLATE, message).permanent())
                        }
                    },
                }
            }
            Kind::Signal { name, .. } => match scope.template(name) {
                Err(error) => error.into(),
                Ok(name) => match name.as_str().filter(|name| !name.is_empty()) {
                    Some(name) => started(Work::Signal { name: name.into() }, why),
                    None => {
                        let message = format!("the name of a signal must be text, not {}", word(&name));
                        Beginning::Failed(StepFailure::new(FailureKind::TEMPLATE, message).permanent())
                    }
                },
            },
            Kind::Approval { question, .. } => match scope.template(question) {
                Err(error) => error.into(),
                Ok(question) => {
                    let text = question.as_str().map_or_else(|| question.to_string(), str::to_owned);
                    started(Work::Approval { question: text.into() }, why)
                }
            },
            Kind::Child { workflow, inputs, .. } => {
                let inputs = match inputs {
                    None => Ok(self.plan.0.empty.clone()),
                    Some(inputs) => scope.template(inputs),
                };
                match inputs {
                    Err(error) => error.into(),
                    Ok(inputs) => {
                        if let Err(failure) = check_depth("the input of the nested workflow", &inputs) {
                            return Beginning::Failed(failure);
                        }
                        let execution = self.state.id.child(step.frame, step.step, attempt);
                        started(Work::Child { execution, workflow: workflow.clone(), inputs }, why)
                    }
                }
            }
        }
    }
}

/// What a condition gives: one of two values, made once.
fn condition_output(result: bool) -> Arc<Value> {
    static OUTPUTS: OnceLock<[Arc<Value>; 2]> = OnceLock::new();
    let outputs = OUTPUTS.get_or_init(|| {
        [(false, "else"), (true, "then")].map(|(result, branch)| {
            Arc::new(json!({ "branch": branch, "conditionResult": result, "evaluated": true }))
        })
    });
    outputs[usize::from(result)].clone()
}

fn check_items(each: &LoopPlan, items: &Value) -> Result<(), StepFailure> {
    let Some(list) = items.as_array() else {
        let message =
            format!("a loop needs a list of items, and `{}` gave {}", each.items.code.text(), word(items));
        return Err(StepFailure::new(FailureKind::TEMPLATE, message).permanent());
    };
    if list.len() > each.max_iterations as usize {
        let message =
            format!("{} items are more than `maxIterations: {}` allows", list.len(), each.max_iterations);
        return Err(StepFailure::new(FailureKind::LIMIT, message).permanent());
    }
    check_depth("the list of items", items)
}
