//! The engine: agents and workflows by name, and executions of them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, mpsc};

use super::clock::{Clock, EngineClock};
use super::durable::Durable;
use super::error::{Error, ErrorKind};
use super::execution::Execution;
use super::handle::ExecutionHandle;
use super::journal::Journal;
use super::log::EventLog;
use super::plans::Plans;
use super::ports::{Dispatch, Observer, Secrets};
use super::registry::Registry;
use super::shared::Shared;
use crate::agent::AgentExecutor;
use crate::definition::Workflow;
use crate::diagnostic::Diagnostics;
use crate::plan::{Plan, check};
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
    pub(super) shared: Arc<Shared>,
}

/// Configures an [`Engine`].
#[must_use = "a builder does nothing until `build`"]
pub struct EngineBuilder {
    registry: Registry,
    clock: EngineClock,
    dispatch: Option<Arc<dyn Dispatch>>,
    secrets: Option<Arc<dyn Secrets>>,
    observer: Option<Arc<dyn Observer>>,
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

    /// Who hears what attempts say while they are being done. Default: only those who ask a handle
    /// for [its reports](ExecutionHandle::reports).
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Where executions are kept. Default: nowhere; they live and end with the program.
    pub fn store(self, journal: impl Journal) -> Self {
        self.shared_store(Arc::new(journal))
    }

    /// Where executions are kept, shared with somebody else.
    pub fn shared_store(mut self, journal: Arc<dyn Journal>) -> Self {
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
        let Self { registry, clock, dispatch, secrets, observer, journal, max_nesting } = self;
        Engine {
            shared: Arc::new(Shared {
                registry,
                clock,
                dispatch,
                secrets,
                observer,
                durable: journal.map(|journal| Arc::new(Durable::new(journal))),
                plans: Plans::default(),
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
        engine.shared.registered(self)
    }
}

impl<T: Runnable + ?Sized> Runnable for &T {
    fn resolve(&self, engine: &Engine) -> Result<Plan, Error> {
        (**self).resolve(engine)
    }
}

impl Engine {
    /// An engine to be configured.
    pub fn builder() -> EngineBuilder {
        EngineBuilder {
            registry: Registry::default(),
            clock: EngineClock::system(),
            dispatch: None,
            secrets: None,
            observer: None,
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
        self.shared.compile(workflow)
    }

    /// Runs a workflow to its end. Dropping the future stops it; where executions are kept, it can
    /// be [resumed](Self::resume).
    ///
    /// # Errors
    /// If it cannot be run, or does not complete; the latter with the execution in the error.
    pub async fn run(&self, workflow: impl Runnable, inputs: impl Into<Value>) -> Result<Execution, Error> {
        let plan = workflow.resolve(self)?;
        let (driver, turn) = self.shared.begin(&plan, ExecutionId::generate(), inputs.into(), None, None)?;
        let execution = Box::pin(driver.run(turn)).await?;
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
        let news = Some((sender.clone(), receiver));
        let (driver, turn) = self.shared.begin(&plan, id, inputs.into(), Some(log.clone()), news)?;
        let task = tokio::spawn(driver.drive(turn));
        Ok(ExecutionHandle::new(id, plan, sender, log, task))
    }

    /// Goes on with an execution that is kept, as if nothing had happened: what is finished is not
    /// done again, what was being done counts as lost. Where nobody but this process can drive
    /// executions it is taken from whoever drives it.
    ///
    /// # Errors
    /// If executions are not kept, there is no such execution, or another node drives it; if it was
    /// ended from outside, so that there is nothing to go on with.
    pub async fn resume(&self, execution: ExecutionId) -> Result<ExecutionHandle, Error> {
        let shared = &self.shared;
        let recorded = self.recorded(execution).await?;
        shared.is_open()?;
        let claimed = shared.claim_only(execution, true).await.map_err(unreadable)?.is_some();
        if !claimed && !recorded.status.is_ended() {
            let message = format!("execution {execution} is being driven already");
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let residence = shared.durable.as_ref().map(|durable| durable.settle(execution));
        // What somebody else wrote before it was claimed must be known.
        let recorded = if claimed { self.recorded(execution).await? } else { recorded };
        if recorded.is_cut_off() {
            return Err(super::steer::cut_off(execution, &recorded));
        }
        let log = Arc::new(EventLog::new());
        let (sender, receiver) = mpsc::unbounded_channel();
        let news = Some((sender.clone(), receiver));
        let (driver, turn, plan) = shared.go_on(execution, recorded, Some(log.clone()), news)?;
        let task = tokio::spawn(driver.resides(residence).drive(turn));
        Ok(ExecutionHandle::new(execution, plan, sender, log, task))
    }

    /// The executions that are kept and have not ended, the oldest first; without those that
    /// another of them waits for.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn unfinished(&self) -> Result<Vec<ExecutionId>, Error> {
        match &self.shared.durable {
            None => Ok(Vec::new()),
            Some(durable) => durable.journal.unfinished().await.map_err(unreadable),
        }
    }

    /// Takes no new executions and waits for those there are; after `patience` those in memory are
    /// cancelled, and durable ones are left as they are, for the next engine. Returns when all
    /// have stopped; false if some had to be stopped.
    pub async fn shutdown(&self, patience: Duration) -> bool {
        let shared = &self.shared;
        shared.closed.store(true, Ordering::Release);
        shared.stopped.notify_waiters();
        if let Some(durable) = shared.durable.as_ref().filter(|durable| durable.works()) {
            // Nothing depends on it, so a journal that does not answer is not waited for.
            let over = shared.clock.sleep_until(shared.clock.now().after(Duration::from_secs(1)));
            tokio::select! {
                () = durable.say(false) => {}
                () = over => {}
            }
        }
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

    /// Whether it takes up executions that nobody drives: from [`work`](Self::work) to the shutdown.
    pub fn is_working(&self) -> bool {
        self.shared.durable.as_ref().is_some_and(|durable| durable.works()) && !self.shared.is_closed()
    }

    /// How many executions are being driven.
    pub fn active(&self) -> usize {
        self.shared.active.load(Ordering::Relaxed)
    }
}

pub(super) fn unreadable(error: super::JournalError) -> Error {
    Error::caused(ErrorKind::Journal, format!("the journal cannot be read: {error}"), error)
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
