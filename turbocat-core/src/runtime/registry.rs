//! The agents and workflows an engine knows.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Semaphore;

use crate::agent::AgentExecutor;
use crate::catalog::{AgentDescription, BadConfig, Catalog};
use crate::definition::Workflow;
use crate::diagnostic::Diagnostics;
use crate::plan::{Plan, compile};

/// An agent that was registered.
pub(crate) struct Registered {
    pub(crate) name: Box<str>,
    pub(crate) executor: Arc<dyn AgentExecutor>,
    pub(crate) description: AgentDescription,
    pub(crate) limit: Option<Arc<Semaphore>>,
    pace: Pace,
}

/// Whether an agent answers at once, as far as one can tell from its past.
///
/// An attempt is first tried on the driver's own thread, which costs nothing if it is done at
/// once. An agent that kept the thread for long twice in a row (once may have been the system's
/// doing) is begun on other threads for a while, and for longer each time.
#[derive(Debug, Default)]
struct Pace {
    /// How many attempts are to be begun elsewhere.
    elsewhere: AtomicU32,
    /// How often in a row it kept the thread for long.
    slow: AtomicU32,
}

/// An agent that keeps the thread for longer than this is slow: far more than handing it to
/// another thread costs.
const SLOW: Duration = Duration::from_micros(50);

impl Pace {
    fn is_quick(&self) -> bool {
        let left = self.elsewhere.load(Ordering::Relaxed);
        if left > 0 {
            self.elsewhere.store(left - 1, Ordering::Relaxed);
        }
        left == 0
    }

    fn took(&self, time: Duration) {
        if time > SLOW {
            let slow = self.slow.load(Ordering::Relaxed) + 1;
            self.slow.store(slow.min(8), Ordering::Relaxed);
            if slow > 1 {
                self.elsewhere.store(16 << slow.min(8), Ordering::Relaxed);
            }
        } else if self.slow.load(Ordering::Relaxed) > 0 {
            self.slow.store(0, Ordering::Relaxed);
        }
    }
}

impl Registered {
    fn new(name: &str, executor: Arc<dyn AgentExecutor>) -> Self {
        let description = executor.describe();
        let limit = description.max_concurrent.map(|limit| Arc::new(Semaphore::new(limit.max(1) as usize)));
        Self { name: name.into(), executor, description, limit, pace: Pace::default() }
    }

    /// Whether to try an attempt on the driver's own thread first.
    pub(crate) fn is_quick(&self) -> bool {
        self.pace.is_quick()
    }

    /// How long an attempt kept the driver's thread.
    pub(crate) fn took(&self, time: Duration) {
        self.pace.took(time);
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registered").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A workflow that was registered, to be nested or started by name.
#[derive(Debug)]
struct Known {
    workflow: Workflow,
    plan: OnceLock<Result<Plan, Diagnostics>>,
}

#[derive(Debug, Default)]
pub(crate) struct Registry {
    agents: BTreeMap<Box<str>, Arc<Registered>>,
    workflows: BTreeMap<Box<str>, Known>,
}

impl Registry {
    pub(crate) fn add_agent(&mut self, name: &str, executor: Arc<dyn AgentExecutor>) {
        self.agents.insert(name.into(), Arc::new(Registered::new(name, executor)));
    }

    pub(crate) fn add_workflow(&mut self, name: &str, workflow: Workflow) {
        self.workflows.insert(name.into(), Known { workflow, plan: OnceLock::new() });
    }

    pub(crate) fn registered(&self, name: &str) -> Option<&Arc<Registered>> {
        self.agents.get(name)
    }

    pub(crate) fn definition(&self, name: &str) -> Option<&Workflow> {
        self.workflows.get(name).map(|known| &known.workflow)
    }

    /// The plan of a workflow, compiled when it is first asked for.
    pub(crate) fn plan(&self, name: &str) -> Option<Result<Plan, Diagnostics>> {
        let known = self.workflows.get(name)?;
        Some(known.plan.get_or_init(|| compile(&known.workflow, self)).clone())
    }
}

impl Catalog for Registry {
    fn agent(&self, name: &str) -> Option<&AgentDescription> {
        self.agents.get(name).map(|agent| &agent.description)
    }

    fn agent_names(&self) -> Vec<&str> {
        self.agents.keys().map(|name| &**name).collect()
    }

    fn check_config(&self, agent: &str, config: &Value) -> Vec<BadConfig> {
        self.agents.get(agent).map_or_else(Vec::new, |agent| agent.executor.check(config))
    }

    fn workflow(&self, name: &str) -> Option<Option<&Value>> {
        self.workflows.get(name).map(|known| known.workflow.inputs.as_ref().map(|inputs| &inputs.schema))
    }

    fn workflow_names(&self) -> Vec<&str> {
        self.workflows.keys().map(|name| &**name).collect()
    }
}
