//! What attempts may ask of the engine while they are being done: to be heard, and to have agents
//! and workflows do something for them.

use std::sync::Arc;

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
use crate::event::ExecutionStatus;
use crate::failure::{FailureKind, StepFailure};
use crate::output::StepOutput;
use crate::report::{Report, Said};
use crate::request::{AttemptRequest, Surroundings};
use crate::scheduler::ChildOutcome;
use crate::time::ExecutionId;

/// The engine, as the attempts of one execution see it.
pub(super) struct Surrounding {
    shared: Arc<Shared>,
    lineage: Arc<Lineage>,
    log: Option<Arc<EventLog>>,
}

impl Surrounding {
    pub(super) fn of(
        shared: &Arc<Shared>,
        lineage: &Arc<Lineage>,
        log: Option<&Arc<EventLog>>,
    ) -> Arc<dyn Surroundings> {
        Arc::new(Self { shared: shared.clone(), lineage: lineage.clone(), log: log.cloned() })
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
            return outcome(self.in_memory(nested(first)).await, first);
        }
        let ended = self.durably(nested(first)).await?;
        if ended.status == ExecutionStatus::Completed || request.attempt == 1 {
            return outcome(ended, first);
        }
        // It is the end of what an earlier attempt began; this one begins its own.
        let own = parent.child_named(&format!("{key}#{}", request.attempt));
        outcome(self.durably(nested(own)).await?, own)
    }

    fn describe_agent(&self, agent: &str) -> Option<AgentDescription> {
        Catalog::agent(&self.shared.registry, agent).cloned()
    }

    fn describe_workflow(&self, workflow: &str) -> Option<Option<Value>> {
        Catalog::workflow(&self.shared.registry, workflow).map(|inputs| inputs.cloned())
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

    /// As an execution of its own, begun unless an earlier attempt did.
    async fn durably(&self, nested: Nested) -> Result<ChildOutcome, StepFailure> {
        let engine = Engine { shared: self.shared.clone() };
        let id = nested.id;
        let mut guard = CancelOnDrop { engine: Some(engine.clone()), execution: id };
        self.shared.adopt(nested).await?;
        let ended = engine.wait(id).await;
        guard.engine = None;
        match ended {
            Ok(execution) => Ok(of(&execution)),
            Err(error) => {
                Err(StepFailure::error(format!("the nested workflow {id} was lost sight of: {error}")))
            }
        }
    }
}

/// Cancels a nested execution that nobody waits for any more.
struct CancelOnDrop {
    engine: Option<Engine>,
    execution: ExecutionId,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let Some(engine) = self.engine.take() else { return };
        // An engine that shuts down leaves executions as they are: the next one goes on with them.
        if engine.shared.is_stopping() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let execution = self.execution;
        runtime.spawn(async move {
            if let Err(error) = engine.cancel(execution, "the attempt that began it was stopped").await {
                tracing::debug!(%error, %execution, "a nested workflow could not be cancelled");
            }
        });
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

/// What a nested workflow came to, as what an attempt is told.
fn outcome(ended: ChildOutcome, id: ExecutionId) -> Result<StepOutput, StepFailure> {
    let usage = ended.usage.map(|usage| *usage).unwrap_or_default();
    if ended.status == ExecutionStatus::Completed {
        return Ok(StepOutput::shared(ended.output).used(usage));
    }
    let status = ended.status.word();
    let unknown = [FailureKind::RECURSION, FailureKind::UNKNOWN, FailureKind::INPUT];
    if let Some(failure) = ended.failure.as_ref().filter(|failure| unknown.contains(&failure.kind)) {
        return Err(failure.clone().used(usage));
    }
    let cause = ended.failure.map_or_else(String::new, |failure| format!(": {}", failure.message));
    let detail = serde_json::json!({ "executionId": id.to_string(), "status": status });
    let message = format!("the nested workflow ended as {status}{cause}");
    Err(StepFailure::new(FailureKind::NESTED, message).detail(detail).used(usage))
}
