//! What all executions of an engine share, and how they begin.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::Value;
use tokio::sync::{Notify, mpsc};

use super::clock::EngineClock;
use super::driver::{Driver, Parts};
use super::durable::Durable;
use super::error::{Error, ErrorKind};
use super::journal::{NewExecution, Recorded, TriggerKind};
use super::lineage::Lineage;
use super::log::EventLog;
use super::news::{News, NewsSender};
use super::plans::Plans;
use super::ports::{Dispatch, Observer, Secrets};
use super::recover::resume;
use super::registry::{Registered, Registry};
use super::writer::{Writer, read};
use crate::definition::{Definition, Workflow};
use crate::diagnostic::Diagnostics;
use crate::failure::{FailureKind, StepFailure};
use crate::plan::{Plan, compile};
use crate::scheduler::{Scheduler, Turn};
use crate::time::ExecutionId;

/// What all executions of an engine share.
pub(crate) struct Shared {
    pub(crate) registry: Registry,
    pub(crate) clock: EngineClock,
    pub(crate) dispatch: Option<Arc<dyn Dispatch>>,
    pub(crate) secrets: Option<Arc<dyn Secrets>>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) durable: Option<Arc<Durable>>,
    pub(crate) plans: Plans,
    pub(crate) max_nesting: u32,
    /// No new executions.
    pub(crate) closed: AtomicBool,
    /// No more patience with those there are.
    pub(crate) stop: AtomicBool,
    pub(crate) stopped: Notify,
    pub(crate) active: AtomicUsize,
    pub(crate) idle: Notify,
}

/// Counts an execution for as long as it is driven.
pub(crate) struct Active(Arc<Shared>);

impl Active {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        shared.active.fetch_add(1, Ordering::Relaxed);
        Self(shared.clone())
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        if self.0.active.fetch_sub(1, Ordering::AcqRel) == 1 && self.0.closed.load(Ordering::Acquire) {
            self.0.idle.notify_waiters();
        }
    }
}

type Channel = (NewsSender, mpsc::UnboundedReceiver<News>);

/// A nested workflow that is to be started.
#[derive(Clone)]
pub(crate) struct Nested {
    pub(crate) id: ExecutionId,
    pub(crate) workflow: Box<str>,
    pub(crate) inputs: Arc<Value>,
    pub(crate) within: Arc<Lineage>,
    /// The execution that waits for it, if one does.
    pub(crate) waited_by: Option<ExecutionId>,
    /// The execution that starts it.
    pub(crate) parent: ExecutionId,
}

/// Where the chance of an execution comes from.
pub(crate) const fn seed(id: ExecutionId) -> u64 {
    id.as_uuid().as_u64_pair().1
}

/// Remembers what a plan was made from, for journals.
pub(crate) fn keep_definition(plan: &Plan, workflow: &Workflow) {
    plan.0.definition.get_or_init(|| Definition::new(&serde_json::to_value(workflow).unwrap_or_default()));
}

pub(crate) fn invalid(name: Option<&str>, diagnostics: Diagnostics) -> Error {
    let message = match name {
        Some(name) => format!("workflow `{name}` cannot be used:"),
        None => "the workflow cannot be used:".to_owned(),
    };
    Error::diagnostics_of(ErrorKind::InvalidWorkflow, &message, diagnostics)
}

fn unfit(diagnostics: Diagnostics) -> Error {
    Error::diagnostics_of(ErrorKind::InvalidInputs, "the inputs do not fit:", diagnostics)
}

impl Shared {
    /// Ends when the engine has lost its patience with executions.
    pub(crate) async fn stopping(&self) {
        loop {
            let stopped = self.stopped.notified();
            if self.is_stopping() {
                return;
            }
            stopped.await;
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn is_open(&self) -> Result<(), Error> {
        if self.is_closed() {
            return Err(Error::new(ErrorKind::Closed, "the engine is shutting down"));
        }
        Ok(())
    }

    pub(crate) fn compile(&self, workflow: &Workflow) -> Result<Plan, Error> {
        let plan = compile(workflow, &self.registry)
            .map_err(|diagnostics| invalid(workflow.name.as_deref(), diagnostics))?;
        if self.durable.is_some() {
            keep_definition(&plan, workflow);
        }
        Ok(plan)
    }

    /// The plan of a registered workflow.
    pub(crate) fn registered(&self, name: &str) -> Result<Plan, Error> {
        match self.registry.plan(name) {
            None => Err(Error::new(ErrorKind::NotFound, format!("workflow `{name}` is not registered"))),
            Some(plan) => plan.map_err(|diagnostics| invalid(Some(name), diagnostics)),
        }
    }

    /// The plan of a workflow as an execution knows it: brought along, or registered.
    fn known(&self, name: &str, within: &Lineage) -> Result<Plan, Error> {
        let keep = |plan: &Plan, workflow: &Workflow| {
            if self.durable.is_some() {
                keep_definition(plan, workflow);
            }
        };
        match within.library().and_then(|library| library.plan(name, &self.registry, keep)) {
            Some(plan) => plan.map_err(|diagnostics| invalid(Some(name), diagnostics)),
            None => self.registered(name),
        }
    }

    fn agents(&self, plan: &Plan) -> Result<Vec<Arc<Registered>>, Error> {
        let missing = |name: &str| {
            Error::new(ErrorKind::NotFound, format!("agent `{name}` is not registered with this engine"))
        };
        plan.agents()
            .map(|name| self.registry.registered(name).cloned().ok_or_else(|| missing(name)))
            .collect()
    }

    /// Begins an execution. Where executions are written down, its first turn says so.
    pub(crate) fn begin(
        self: &Arc<Self>,
        plan: &Plan,
        id: ExecutionId,
        inputs: Value,
        log: Option<Arc<EventLog>>,
        news: Option<Channel>,
    ) -> Result<(Driver, Turn), Error> {
        self.is_open()?;
        let lineage = Lineage::root(plan);
        let (mut parts, first) = self.parts(plan, id, inputs, lineage, log, news)?;
        if let Some(durable) = &self.durable {
            let mut new = self.new_execution(plan, id, parts.scheduler.inputs().clone())?;
            new.held_by = Some(durable.worker);
            parts.writer = Some(Writer::new(durable, Some(new), None));
        }
        let residence = self.durable.as_ref().map(|durable| durable.settle(id));
        Ok((Driver::new(parts).resides(residence), first))
    }

    fn parts(
        self: &Arc<Self>,
        plan: &Plan,
        id: ExecutionId,
        inputs: Value,
        lineage: Arc<Lineage>,
        log: Option<Arc<EventLog>>,
        news: Option<Channel>,
    ) -> Result<(Parts, Turn), Error> {
        let active = Active::new(self);
        let agents = self.agents(plan)?;
        let (scheduler, first) =
            Scheduler::start(plan, id, self.clock.now(), seed(id), inputs).map_err(unfit)?;
        let shared = self.clone();
        let (writer, lost) = (None, Vec::new());
        Ok((Parts { shared, scheduler, agents, lineage, log, writer, news, lost, active }, first))
    }

    /// An execution as a journal takes it in.
    pub(crate) fn new_execution(
        &self,
        plan: &Plan,
        id: ExecutionId,
        inputs: Arc<Value>,
    ) -> Result<NewExecution, Error> {
        let mut new = NewExecution::new(id, self.definition(plan)?, inputs);
        new.name = plan.name().map(Into::into);
        new.steps = plan.0.bodies.first().map_or(0, |body| body.steps.len()).try_into().unwrap_or(u32::MAX);
        Ok(new)
    }

    /// The inputs with their defaults, if they are what the workflow declares.
    pub(crate) fn checked_inputs(&self, plan: &Plan, inputs: Value) -> Result<Value, Error> {
        self.agents(plan)?;
        // Starting it is what checks them, to the last rule; it costs little more.
        let id = ExecutionId::from_uuid(uuid::Uuid::nil());
        let (scheduler, _) = Scheduler::start(plan, id, self.clock.now(), 0, inputs).map_err(unfit)?;
        Ok(Value::clone(scheduler.inputs()))
    }

    /// What a plan was made from, to be written down with its executions.
    fn definition(&self, plan: &Plan) -> Result<Definition, Error> {
        if let (None, Some(known)) =
            (plan.0.definition.get(), plan.name().and_then(|name| self.registry.definition(name)))
        {
            keep_definition(plan, known);
        }
        plan.0.definition.get().cloned().ok_or_else(|| {
            let message =
                "the plan was compiled elsewhere, and a journal needs its definition; use `Engine::compile`";
            Error::new(ErrorKind::NotFound, message)
        })
    }

    /// Goes on with an execution as it was recorded: nobody is at its attempts any more. The driver
    /// has to be told where it resides.
    pub(crate) fn go_on(
        self: &Arc<Self>,
        id: ExecutionId,
        recorded: Recorded,
        log: Option<Arc<EventLog>>,
        news: Option<Channel>,
    ) -> Result<(Driver, Turn, Plan), Error> {
        let active = Active::new(self);
        let plan = self.plan_of(&recorded.definition)?;
        let waited_by = recorded.parent.filter(|_| recorded.awaited);
        let lineage = Lineage::recorded(&recorded.lineage, &plan);
        let durable = self.durable.as_ref();
        if recorded.events.is_empty() {
            let (mut parts, first) = self.parts(&plan, id, recorded.inputs, lineage, log, news)?;
            parts.writer = durable.map(|durable| Writer::new(durable, None, waited_by));
            return Ok((Driver::new(parts).has_mail(), first, plan));
        }
        let (mut scheduler, events) = read(&plan, &recorded.events)?;
        let writer = durable.map(|durable| Writer::after(durable, &events, waited_by));
        let (turn, lost) = resume(&mut scheduler, self.clock.now());
        if let Some(log) = &log {
            log.append(events);
        }
        let (agents, shared) = (self.agents(&plan)?, self.clone());
        let parts = Parts { shared, scheduler, agents, lineage, log, writer, news, lost, active };
        Ok((Driver::new(parts).has_mail(), turn, plan))
    }

    /// Whether a workflow may be nested there, and its plan.
    fn nestable(&self, nested: &Nested) -> Result<Plan, StepFailure> {
        let Nested { workflow, within, .. } = nested;
        let recursion = |message| Err(StepFailure::new(FailureKind::RECURSION, message).permanent());
        if within.contains(workflow) {
            return recursion(format!("workflow `{workflow}` would be nested in itself"));
        }
        if within.depth + 1 > self.max_nesting {
            return recursion(format!("workflows are nested more than {} deep", self.max_nesting));
        }
        self.known(workflow, within)
            .map_err(|error| StepFailure::new(FailureKind::UNKNOWN, error.to_string()).permanent())
    }

    fn nested_parts(
        self: &Arc<Self>,
        nested: Nested,
        news: Option<Channel>,
    ) -> Result<(Plan, Parts, Turn), StepFailure> {
        let plan = self.nestable(&nested)?;
        let Nested { id, workflow, inputs, within, .. } = nested;
        let (inputs, lineage) = (Arc::unwrap_or_clone(inputs), within.with(&workflow, &plan));
        let (parts, first) =
            self.parts(&plan, id, inputs, lineage, None, news).map_err(|error| misfit(&error))?;
        Ok((plan, parts, first))
    }

    /// Begins a nested workflow of which nothing is written down.
    pub(crate) fn begin_child(
        self: &Arc<Self>,
        nested: Nested,
        news: Channel,
    ) -> Result<(Driver, Turn), StepFailure> {
        let (_, parts, first) = self.nested_parts(nested, Some(news))?;
        Ok((Driver::new(parts), first))
    }

    /// Begins a nested workflow that its parent's journal takes in with the parent's turn.
    pub(crate) fn begin_durable_child(
        self: &Arc<Self>,
        nested: Nested,
    ) -> Result<(Driver, Turn, NewExecution), StepFailure> {
        let Some(durable) = &self.durable else {
            return Err(StepFailure::error("the engine has no journal"));
        };
        let (id, parent, waited_by) = (nested.id, nested.parent, nested.waited_by);
        let (plan, mut parts, first) = self.nested_parts(nested, None)?;
        let mut new = self
            .new_execution(&plan, id, parts.scheduler.inputs().clone())
            .map_err(|error| misfit(&error))?;
        new.trigger = TriggerKind::Event;
        new.parent = Some(parent);
        new.awaited = waited_by.is_some();
        new.lineage = parts.lineage.names();
        new.held_by = Some(durable.worker);
        parts.writer = Some(Writer::new(durable, None, waited_by));
        // Before its parent is written: from then on this engine might claim it. If the parent is
        // not written there is nothing to be given back, least of all what is written later.
        let mut residence = durable.settle(id);
        residence.keep();
        Ok((Driver::new(parts).resides(Some(residence)), first, new))
    }
}

fn misfit(error: &Error) -> StepFailure {
    StepFailure::new(FailureKind::INPUT, error.to_string()).permanent()
}
