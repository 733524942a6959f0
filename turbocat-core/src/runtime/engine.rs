//! The engine: agents and workflows by name, and executions of them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, mpsc};

use super::clock::{Clock, EngineClock};
use super::driver::{Driver, News, NewsSender, Parts, resume};
use super::error::{Error, ErrorKind};
use super::execution::Execution;
use super::handle::ExecutionHandle;
use super::log::EventLog;
use super::ports::{Dispatch, Journal, Recorded, Secrets};
use super::registry::Registry;
use super::writer::{Writer, load, read};
use crate::agent::AgentExecutor;
use crate::definition::Workflow;
use crate::diagnostic::Diagnostics;
use crate::failure::{FailureKind, StepFailure};
use crate::plan::{Plan, check, compile};
use crate::scheduler::{Scheduler, Turn};
use crate::time::ExecutionId;

/// Runs workflows. Cheap to clone; all clones are one engine.
///
/// ```
/// use turbocat_core::{agent_fn, Engine, Workflow};
/// use serde_json::{json, Value};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let engine = Engine::builder()
///     .agent("double", agent_fn(|input: Value| async move { Ok(json!(input["n"].as_i64().unwrap_or(0) * 2)) }))
///     .build();
/// let workflow = Workflow::from_yaml("steps: { d: { agent: double, inputs: { n: '{{ inputs.n }}' } } }")?;
/// let execution = engine.run(&workflow, json!({ "n": 21 })).await?;
/// assert_eq!(execution.output()["d"], 42);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// What all executions of an engine share.
pub(crate) struct Shared {
    registry: Registry,
    pub(crate) clock: EngineClock,
    pub(crate) dispatch: Option<Arc<dyn Dispatch>>,
    pub(crate) secrets: Option<Arc<dyn Secrets>>,
    journal: Option<Arc<dyn Journal>>,
    max_nesting: u32,
    /// No new executions.
    closed: AtomicBool,
    /// No more patience with those there are.
    stop: AtomicBool,
    stopped: Notify,
    active: AtomicUsize,
    idle: Notify,
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

/// The workflows an execution is nested in.
pub(crate) struct Lineage {
    workflow: Option<Box<str>>,
    parent: Option<Arc<Self>>,
    depth: u32,
    /// The execution that waits for it, if one does.
    waited_by: Option<ExecutionId>,
}

impl Lineage {
    fn root(plan: &Plan) -> Arc<Self> {
        Arc::new(Self { workflow: plan.name().map(Into::into), parent: None, depth: 0, waited_by: None })
    }

    /// With a workflow nested in it.
    fn with(self: &Arc<Self>, workflow: &str, waited_by: Option<ExecutionId>) -> Arc<Self> {
        let parent = Some(self.clone());
        Arc::new(Self { workflow: Some(workflow.into()), parent, depth: self.depth + 1, waited_by })
    }

    pub(crate) const fn is_nested(&self) -> bool {
        self.depth > 0
    }

    fn contains(&self, workflow: &str) -> bool {
        self.workflow.as_deref() == Some(workflow)
            || self.parent.as_ref().is_some_and(|parent| parent.contains(workflow))
    }
}

/// A nested workflow that is to be started.
pub(crate) struct Nested {
    pub(crate) id: ExecutionId,
    pub(crate) workflow: Box<str>,
    pub(crate) inputs: Arc<Value>,
    pub(crate) within: Arc<Lineage>,
    /// The execution that waits for it, if one does.
    pub(crate) waited_by: Option<ExecutionId>,
    pub(crate) news: (NewsSender, mpsc::UnboundedReceiver<News>),
}

/// Where the chance of an execution comes from.
pub(crate) const fn seed(id: ExecutionId) -> u64 {
    id.as_uuid().as_u64_pair().1
}

/// Configures an [`Engine`].
#[must_use = "a builder does nothing until `build`"]
pub struct EngineBuilder {
    registry: Registry,
    clock: EngineClock,
    dispatch: Option<Arc<dyn Dispatch>>,
    secrets: Option<Arc<dyn Secrets>>,
    journal: Option<Arc<dyn Journal>>,
    max_nesting: u32,
}

impl EngineBuilder {
    /// Registers an agent under a name. A later one of the same name takes its place.
    pub fn agent(mut self, name: &str, agent: impl AgentExecutor) -> Self {
        self.registry.add_agent(name, Arc::new(agent));
        self
    }

    /// Registers an agent that is shared with somebody else.
    pub fn shared_agent(mut self, name: &str, agent: Arc<dyn AgentExecutor>) -> Self {
        self.registry.add_agent(name, agent);
        self
    }

    /// Registers a workflow under a name, to be nested in others or run by name.
    pub fn workflow(mut self, name: &str, mut workflow: Workflow) -> Self {
        workflow.name.get_or_insert_with(|| name.to_owned());
        self.registry.add_workflow(name, workflow);
        self
    }

    /// Where secrets come from. Default: there are none.
    pub fn secrets(mut self, secrets: impl Secrets) -> Self {
        self.secrets = Some(Arc::new(secrets));
        self
    }

    /// Where events are kept. Default: nowhere; executions live and end with the program.
    pub fn journal(mut self, journal: Arc<dyn Journal>) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Where attempts are done. Default: right here.
    pub fn dispatch(mut self, dispatch: impl Dispatch) -> Self {
        self.dispatch = Some(Arc::new(dispatch));
        self
    }

    /// Where the time comes from. Default: the system.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = EngineClock::Other(Arc::new(clock));
        self
    }

    /// How deep workflows may be nested in each other. Default 16.
    pub const fn max_nesting(mut self, depth: u32) -> Self {
        self.max_nesting = depth;
        self
    }

    /// The engine.
    pub fn build(self) -> Engine {
        let Self { registry, clock, dispatch, secrets, journal, max_nesting } = self;
        Engine {
            shared: Arc::new(Shared {
                registry,
                clock,
                dispatch,
                secrets,
                journal,
                max_nesting,
                closed: AtomicBool::new(false),
                stop: AtomicBool::new(false),
                stopped: Notify::new(),
                active: AtomicUsize::new(0),
                idle: Notify::new(),
            }),
        }
    }
}

/// Something that can be run: a workflow, a plan of one, or the name of a registered one.
///
/// A workflow is compiled each time; compile it once with [`Engine::compile`] to run it often.
pub trait Runnable {
    /// The plan, and the definition if it is at hand.
    #[doc(hidden)]
    fn resolve(&self, engine: &Engine) -> Result<Plan, Error>;
}

impl Runnable for Workflow {
    fn resolve(&self, engine: &Engine) -> Result<Plan, Error> {
        engine.compile(self)
    }
}

impl Runnable for Plan {
    fn resolve(&self, _: &Engine) -> Result<Plan, Error> {
        Ok(self.clone())
    }
}

impl Runnable for str {
    fn resolve(&self, engine: &Engine) -> Result<Plan, Error> {
        match engine.shared.registry.plan(self) {
            None => Err(Error::new(ErrorKind::NotFound, format!("workflow `{self}` is not registered"))),
            Some(plan) => plan.map_err(|diagnostics| invalid(Some(self), diagnostics)),
        }
    }
}

impl<T: Runnable + ?Sized> Runnable for &T {
    fn resolve(&self, engine: &Engine) -> Result<Plan, Error> {
        (**self).resolve(engine)
    }
}

fn keep_definition(plan: &Plan, workflow: &Workflow) {
    plan.0.definition.get_or_init(|| serde_json::to_value(workflow).unwrap_or_default());
}

fn invalid(name: Option<&str>, diagnostics: Diagnostics) -> Error {
    let message = match name {
        Some(name) => format!("workflow `{name}` cannot be used:"),
        None => "the workflow cannot be used:".to_owned(),
    };
    Error::diagnostics_of(ErrorKind::InvalidWorkflow, &message, diagnostics)
}

impl Engine {
    /// An engine to be configured.
    pub fn builder() -> EngineBuilder {
        EngineBuilder {
            registry: Registry::default(),
            clock: EngineClock::system(),
            dispatch: None,
            secrets: None,
            journal: None,
            max_nesting: 16,
        }
    }

    /// Everything that is wrong with a workflow, warnings included.
    pub fn check(&self, workflow: &Workflow) -> Diagnostics {
        check(workflow, &self.shared.registry).1
    }

    /// Checks a workflow against the agents of this engine and makes it ready to run.
    ///
    /// # Errors
    /// Everything that is wrong with it, of kind [`ErrorKind::InvalidWorkflow`].
    pub fn compile(&self, workflow: &Workflow) -> Result<Plan, Error> {
        let plan = compile(workflow, &self.shared.registry)
            .map_err(|diagnostics| invalid(workflow.name.as_deref(), diagnostics))?;
        if self.shared.journal.is_some() {
            keep_definition(&plan, workflow);
        }
        Ok(plan)
    }

    /// Runs a workflow to its end. Dropping the future stops it.
    ///
    /// # Errors
    /// If it cannot be run, or does not complete; the latter with the execution in the error.
    pub async fn run(&self, workflow: impl Runnable, inputs: impl Into<Value>) -> Result<Execution, Error> {
        let plan = workflow.resolve(self)?;
        let id = ExecutionId::generate();
        let lineage = Lineage::root(&plan);
        let (driver, turn) = self.shared.begin(&plan, id, inputs.into(), lineage, None, None)?;
        let execution = Box::pin(driver.drive(turn)).await?;
        if execution.is_completed() { Ok(execution) } else { Err(Error::failed(execution)) }
    }

    /// Starts a workflow and returns at once. It goes on even if the handle is dropped.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(&self, workflow: impl Runnable, inputs: impl Into<Value>) -> Result<ExecutionHandle, Error> {
        let plan = workflow.resolve(self)?;
        let id = ExecutionId::generate();
        let log = Arc::new(EventLog::new());
        let (sender, receiver) = mpsc::unbounded_channel();
        let lineage = Lineage::root(&plan);
        let news = Some((sender.clone(), receiver));
        let (driver, turn) = self.shared.begin(&plan, id, inputs.into(), lineage, Some(log.clone()), news)?;
        let task = tokio::spawn(driver.drive(turn));
        Ok(ExecutionHandle::new(id, plan, sender, log, task))
    }

    /// Goes on with an execution that the journal has, as if nothing had happened: what is
    /// finished is not done again, what was being done counts as lost.
    ///
    /// # Errors
    /// If there is no journal, or it has no such execution.
    pub async fn resume(&self, execution: ExecutionId) -> Result<ExecutionHandle, Error> {
        let shared = &self.shared;
        let journal = || Error::new(ErrorKind::NotFound, "the engine has no journal");
        let recorded = shared
            .journal
            .as_ref()
            .ok_or_else(journal)?
            .load(execution)
            .await
            .map_err(|error| Error::caused(ErrorKind::Journal, "the journal cannot be read", error))?
            .ok_or_else(|| {
                Error::new(ErrorKind::NotFound, format!("the journal has no execution {execution}"))
            })?;
        shared.is_open()?;
        let log = Arc::new(EventLog::new());
        let (sender, receiver) = mpsc::unbounded_channel();
        let news = (sender.clone(), receiver);
        let (driver, turn, plan) = shared.go_on(&recorded, None, Some(log.clone()), news)?;
        let task = tokio::spawn(driver.drive(turn));
        Ok(ExecutionHandle::new(execution, plan, sender, log, task))
    }

    /// The executions in the journal that have not ended, the oldest first.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn unfinished(&self) -> Result<Vec<ExecutionId>, Error> {
        match &self.shared.journal {
            None => Ok(Vec::new()),
            Some(journal) => journal
                .unfinished()
                .await
                .map_err(|error| Error::caused(ErrorKind::Journal, "the journal cannot be read", error)),
        }
    }

    /// Takes no new executions and waits for those there are; after `patience` those in memory are
    /// cancelled, and durable ones are left as they are, for the next engine. Returns when all
    /// have stopped; false if some had to be stopped.
    pub async fn shutdown(&self, patience: Duration) -> bool {
        let shared = &self.shared;
        shared.closed.store(true, Ordering::Release);
        let idle = async {
            loop {
                let idle = shared.idle.notified();
                if shared.active.load(Ordering::Acquire) == 0 {
                    break;
                }
                idle.await;
            }
        };
        let over = shared.clock.sleep_until(shared.clock.now().after(patience));
        tokio::select! {
            biased;
            () = idle => return true,
            () = over => {}
        }
        shared.stop.store(true, Ordering::Release);
        shared.stopped.notify_waiters();
        loop {
            let idle = shared.idle.notified();
            if shared.active.load(Ordering::Acquire) == 0 {
                return false;
            }
            idle.await;
        }
    }

    /// How many executions are being driven.
    pub fn active(&self) -> usize {
        self.shared.active.load(Ordering::Relaxed)
    }
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

    fn is_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Closed, "the engine is shutting down"));
        }
        Ok(())
    }

    fn agents(&self, plan: &Plan) -> Result<Vec<Arc<super::registry::Registered>>, Error> {
        let missing = |name: &str| {
            Error::new(ErrorKind::NotFound, format!("agent `{name}` is not registered with this engine"))
        };
        plan.agents()
            .map(|name| self.registry.registered(name).cloned().ok_or_else(|| missing(name)))
            .collect()
    }

    fn begin(
        self: &Arc<Self>,
        plan: &Plan,
        id: ExecutionId,
        inputs: Value,
        lineage: Arc<Lineage>,
        log: Option<Arc<EventLog>>,
        news: Option<(NewsSender, mpsc::UnboundedReceiver<News>)>,
    ) -> Result<(Driver, Turn), Error> {
        let active = Active::new(self);
        // What is nested belongs to an execution that a shutdown waits for.
        if !lineage.is_nested() {
            self.is_open()?;
        }
        let agents = self.agents(plan)?;
        let (scheduler, turn) =
            Scheduler::start(plan, id, self.clock.now(), seed(id), inputs).map_err(|diagnostics| {
                Error::diagnostics_of(ErrorKind::InvalidInputs, "the inputs do not fit:", diagnostics)
            })?;
        let writer = match &self.journal {
            None => None,
            Some(journal) => Some(Writer::new(journal.clone(), self.definition(plan)?, lineage.waited_by)),
        };
        let shared = self.clone();
        Ok((
            Driver::new(Parts {
                shared,
                scheduler,
                agents,
                lineage,
                log,
                writer,
                news,
                lost: Vec::new(),
                active,
            }),
            turn,
        ))
    }

    /// What a plan was made from, to be written down with its executions.
    fn definition(&self, plan: &Plan) -> Result<Value, Error> {
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

    /// Goes on with an execution as it was recorded: nobody is at its attempts any more.
    fn go_on(
        self: &Arc<Self>,
        recorded: &Recorded,
        within: Option<Arc<Lineage>>,
        log: Option<Arc<EventLog>>,
        news: (NewsSender, mpsc::UnboundedReceiver<News>),
    ) -> Result<(Driver, Turn, Plan), Error> {
        let active = Active::new(self);
        let workflow = Workflow::from_value(&recorded.workflow).map_err(|found| invalid(None, found))?;
        let plan = Engine { shared: self.clone() }.compile(&workflow)?;
        let (mut scheduler, events) = read(&plan, &recorded.events)?;
        let writer = self.journal.clone().map(|journal| Writer::after(journal, scheduler.seq()));
        let (turn, lost) = resume(&mut scheduler, self.clock.now());
        if let Some(log) = &log {
            log.append(events);
        }
        let driver = Driver::new(Parts {
            agents: self.agents(&plan)?,
            lineage: within.unwrap_or_else(|| Lineage::root(&plan)),
            shared: self.clone(),
            scheduler,
            log,
            writer,
            news: Some(news),
            lost,
            active,
        });
        Ok((driver, turn, plan))
    }

    /// Goes on with a nested workflow if it was started before, else starts it.
    pub(crate) async fn go_on_with(self: &Arc<Self>, nested: Nested) -> Result<(Driver, Turn), StepFailure> {
        let recorded = match &self.journal {
            Some(journal) => load(journal, nested.id, &self.clock).await,
            None => None,
        };
        let Some(recorded) = recorded else { return self.start_child(nested) };
        let Nested { workflow, within, waited_by, news, .. } = nested;
        let (driver, turn, _) = self
            .go_on(&recorded, Some(within.with(&workflow, waited_by)), None, news)
            .map_err(|error| StepFailure::new(FailureKind::UNKNOWN, error.to_string()).permanent())?;
        Ok((driver, turn))
    }

    pub(crate) fn start_child(self: &Arc<Self>, nested: Nested) -> Result<(Driver, Turn), StepFailure> {
        let Nested { id, workflow, inputs, within, waited_by, news } = nested;
        if within.contains(&workflow) {
            let message = format!("workflow `{workflow}` would be nested in itself");
            return Err(StepFailure::new(FailureKind::RECURSION, message).permanent());
        }
        if within.depth + 1 > self.max_nesting {
            let message = format!("workflows are nested more than {} deep", self.max_nesting);
            return Err(StepFailure::new(FailureKind::RECURSION, message).permanent());
        }
        let unusable = |error: String| StepFailure::new(FailureKind::UNKNOWN, error).permanent();
        let plan = match self.registry.plan(&workflow) {
            None => return Err(unusable(format!("workflow `{workflow}` is not registered"))),
            Some(plan) => plan.map_err(|found| unusable(invalid(Some(&workflow), found).to_string()))?,
        };
        let inputs = Arc::unwrap_or_clone(inputs);
        self.begin(&plan, id, inputs, within.with(&workflow, waited_by), None, Some(news))
            .map_err(|error| StepFailure::new(FailureKind::INPUT, error.to_string()).permanent())
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("active", &self.active()).finish_non_exhaustive()
    }
}

impl fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineBuilder").field("registry", &self.registry).finish_non_exhaustive()
    }
}
