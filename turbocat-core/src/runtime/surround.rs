//! What attempts may ask of the engine while they are being done: to be heard, and to have agents
//! and workflows do something for them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::mpsc;

use super::begin::call;
use super::engine::Engine;
use super::execution::Execution;
use super::lineage::Lineage;
use super::log::EventLog;
use super::nested::child_outcome;
use super::news::Stop;
use super::places;
use super::shared::{Active, Nested, Shared};
use crate::catalog::{AgentDescription, Catalog};
use crate::event::{ExecutionStatus, StepRef};
use crate::failure::{FailureKind, StepFailure};
use crate::output::StepOutput;
use crate::report::{Report, Said};
use crate::request::{AttemptRequest, Surroundings};
use crate::scheduler::ChildOutcome;
use crate::time::ExecutionId;

/// How long to wait before looking whether a nested workflow that another engine drove can be taken
/// up here.
const AGAIN: Duration = Duration::from_secs(5);

/// The engine, as the attempts of one execution see it.
pub(super) struct Surrounding {
    shared: Arc<Shared>,
    lineage: Arc<Lineage>,
    log: Option<Arc<EventLog>>,
    begun: Mutex<Begun>,
}

/// The nested workflows that attempts wait for, where executions are kept.
#[derive(Default)]
struct Begun {
    /// Those of attempts that go on.
    waiting: Vec<(StepRef, u32, ExecutionId)>,
    /// Those of attempts that were stopped by their time limits.
    left: Vec<ExecutionId>,
}

impl Surrounding {
    pub(super) fn of(shared: &Arc<Shared>, lineage: &Arc<Lineage>, log: Option<&Arc<EventLog>>) -> Self {
        let (shared, lineage) = (shared.clone(), lineage.clone());
        Self { shared, lineage, log: log.cloned(), begun: Mutex::default() }
    }

    fn begun(&self) -> MutexGuard<'_, Begun> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The nested workflows that nobody waits for any more, once these attempts are stopped. They are
    /// cancelled by letters that are written with the turn that stops the attempts.
    pub(super) fn forsaken(&self, stopped: impl Iterator<Item = (StepRef, u32)>) -> Vec<ExecutionId> {
        let mut begun = self.begun();
        let mut forsaken = std::mem::take(&mut begun.left);
        if !begun.waiting.is_empty() {
            for (step, attempt) in stopped {
                let of_attempt = |one: &mut (StepRef, u32, ExecutionId)| (one.0, one.1) == (step, attempt);
                forsaken.extend(begun.waiting.extract_if(.., of_attempt).map(|(_, _, execution)| execution));
            }
        }
        forsaken
    }
}

#[async_trait]
impl Surroundings for Surrounding {
    fn report(&self, request: &AttemptRequest, said: Said) {
        let listeners = self.log.as_ref().and_then(|log| log.listeners());
        if self.shared.observer.is_none() && listeners.is_none() {
            return;
        }
        let report = Report {
            execution: request.execution(),
            step: request.path(),
            attempt: request.attempt,
            at: self.shared.clock.now(),
            said,
        };
        if let Some(observer) = &self.shared.observer {
            observer.report(&report);
        }
        if let Some(listeners) = listeners {
            let _ = listeners.send(report);
        }
    }

    async fn call(&self, agent: &str, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        let Some(registered) = self.shared.registry.registered(agent).cloned() else {
            let message = format!("agent `{agent}` is not registered");
            return Err(StepFailure::new(FailureKind::UNKNOWN, message).permanent());
        };
        if let Some(bad) = registered.executor.check(request.config()).into_iter().next() {
            let message = format!("agent `{agent}` refuses its configuration: {bad}");
            return Err(StepFailure::new(FailureKind::INPUT, message).permanent());
        }
        let permit = match &registered.limit {
            Some(places) => places.clone().acquire_owned().await.ok(),
            None => None,
        };
        let taken = match &self.shared.durable {
            Some(durable) if durable.journal.limits(agent) => {
                Some(places::take(durable, agent, &request, &self.shared.clock).await)
            }
            _ => None,
        };
        let outcome = call(&self.shared, &registered, request)?.await;
        drop((permit, taken));
        outcome
    }

    async fn run_workflow(
        &self,
        request: &AttemptRequest,
        workflow: &str,
        inputs: Arc<Value>,
        key: &str,
    ) -> Result<StepOutput, StepFailure> {
        let parent = request.execution();
        let nested = |id| Nested {
            id,
            workflow: workflow.into(),
            inputs: inputs.clone(),
            within: self.lineage.clone(),
            waited_by: None,
            parent,
        };
        let first = parent.child_named(key);
        if self.shared.durable.is_none() {
            return outcome(self.in_memory(nested(first)).await, first, true);
        }
        let (ended, fresh) = self.durably(request, nested(first)).await?;
        if ended.status == ExecutionStatus::Completed || fresh {
            return outcome(ended, first, fresh);
        }
        // It is the end of what an earlier attempt began; this one begins its own.
        let own = parent.child_named(&format!("{key}#{}", request.attempt));
        let (ended, fresh) = self.durably(request, nested(own)).await?;
        outcome(ended, own, fresh)
    }

    fn describe_agent(&self, agent: &str) -> Option<AgentDescription> {
        Catalog::agent(&self.shared.registry, agent).cloned()
    }

    fn describe_workflow(&self, workflow: &str) -> Option<Option<Value>> {
        let own = self.lineage.library().and_then(|library| library.inputs(workflow));
        own.or_else(|| Catalog::workflow(&self.shared.registry, workflow)).map(|inputs| inputs.cloned())
    }
}

impl Surrounding {
    /// On a task of its own, which ends with whoever waits for it.
    async fn in_memory(&self, nested: Nested) -> ChildOutcome {
        let channel = mpsc::unbounded_channel();
        let active = Active::new(&self.shared);
        let shared = self.shared.clone();
        let task = tokio::spawn(async move {
            let started = shared.begin_child(nested, channel);
            drop(active);
            match started {
                Ok((driver, turn)) => child_outcome(Box::pin(driver.drive(turn)).await)
                    .unwrap_or_else(|error| super::nested::refused(StepFailure::error(error.to_string()))),
                Err(failure) => super::nested::refused(failure),
            }
        });
        let stop = Stop::with(task.abort_handle());
        let ended = task.await;
        drop(stop);
        ended.unwrap_or_else(|error| super::nested::refused(StepFailure::error(error.to_string())))
    }

    /// As an execution of its own, begun unless an earlier attempt did. Also tells whether it had not
    /// ended before.
    async fn durably(
        &self,
        request: &AttemptRequest,
        nested: Nested,
    ) -> Result<(ChildOutcome, bool), StepFailure> {
        let Some(durable) = &self.shared.durable else {
            return Err(StepFailure::error("the engine has no journal"));
        };
        let id = nested.id;
        let engine = Engine { shared: self.shared.clone() };
        let _wanted = durable.want(id);
        self.begun().waiting.push((request.step_ref(), request.attempt, id));
        let leaving = Leaving { surrounding: self, execution: id };
        let mut fresh = true;
        if let Ok(Some(recorded)) = durable.journal.load(id).await {
            fresh = !recorded.status.is_ended();
        }
        let ended = loop {
            if fresh {
                self.shared.adopt(nested.clone()).await?;
            }
            if self.shared.is_stopping() {
                // The next engine goes on with both.
                return std::future::pending().await;
            }
            // Where nobody else drives executions it is driven here, and stays.
            let again = self.shared.clock.sleep_until(self.shared.clock.now().after(AGAIN));
            tokio::select! {
                biased;
                ended = engine.wait(id) => break ended,
                () = again, if durable.journal.lease().is_some() => {}
            }
        };
        leaving.has_ended();
        match ended {
            Ok(execution) => Ok((of(&execution), fresh)),
            Err(error) if error.kind() == super::error::ErrorKind::NotWaiting => {
                let failure = StepFailure::new(FailureKind::NESTED, error.to_string()).permanent();
                Ok((super::nested::refused(failure), fresh))
            }
            Err(error) => {
                let message = format!("the nested workflow {id} was lost sight of: {error}");
                Err(StepFailure::error(message))
            }
        }
    }
}

/// An attempt waits for a nested workflow. If it is stopped by its time limit, the next turn says
/// that nobody waits any more; if the engine goes away, nobody does, as another attempt may wait
/// again.
struct Leaving<'a> {
    surrounding: &'a Surrounding,
    execution: ExecutionId,
}

impl Leaving<'_> {
    fn has_ended(self) {
        self.surrounding.begun().waiting.retain(|(_, _, execution)| *execution != self.execution);
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut begun = self.surrounding.begun();
        let before = begun.waiting.len();
        begun.waiting.retain(|(_, _, execution)| *execution != self.execution);
        if begun.waiting.len() < before {
            begun.left.push(self.execution);
        }
    }
}

fn of(execution: &Execution) -> ChildOutcome {
    ChildOutcome {
        status: execution.status(),
        output: execution.shared_output().clone(),
        failure: execution.failure().cloned(),
        usage: Some(Box::new(execution.usage().clone())),
    }
}

/// What a nested workflow came to, as what an attempt is told. What it used is told once: an earlier
/// attempt that saw its end has told it.
fn outcome(ended: ChildOutcome, id: ExecutionId, fresh: bool) -> Result<StepOutput, StepFailure> {
    let usage = ended.usage.filter(|_| fresh).map(|usage| *usage).unwrap_or_default();
    if ended.status == ExecutionStatus::Completed {
        return Ok(StepOutput::shared(ended.output).used(usage));
    }
    let status = ended.status.word();
    let unknown = [FailureKind::RECURSION, FailureKind::UNKNOWN, FailureKind::INPUT];
    if let Some(failure) = ended.failure.as_ref().filter(|failure| unknown.contains(&failure.kind)) {
        return Err(failure.clone().used(usage));
    }
    let again = ended.status != ExecutionStatus::Cancelled
        && ended.failure.as_ref().is_none_or(|failure| failure.retryable);
    let cause = ended.failure.map_or_else(String::new, |failure| format!(": {}", failure.message));
    let detail = serde_json::json!({ "executionId": id.to_string(), "status": status });
    let message = format!("the nested workflow ended as {status}{cause}");
    let mut failure = StepFailure::new(FailureKind::NESTED, message).detail(detail).used(usage);
    failure.retryable = again;
    Err(failure)
}
