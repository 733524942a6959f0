//! The port through which steps get done: what an agent says of itself, is asked, and answers.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::{FailureKind, StepFailure};
use crate::time::ExecutionId;

/// What an agent says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct AgentDescription {
    /// What it does, in a sentence.
    pub description: Option<String>,
    /// JSON Schema of its inputs. `None`: anything.
    pub input: Option<Value>,
    /// JSON Schema of its output. `None`: anything.
    pub output: Option<Value>,
    /// JSON Schema of its configuration. `None`: anything.
    pub config: Option<Value>,
    /// What it must be allowed, such as `http`.
    pub capabilities: Vec<String>,
    /// How many attempts of it may run at once, over all executions. `None`: any number.
    pub max_concurrent: Option<u32>,
}

/// Does the work of a step.
///
/// Closures become agents with `agent_fn`; implement this for anything that needs a
/// configuration, a connection or a state of its own.
#[async_trait]
pub trait AgentExecutor: Send + Sync + 'static {
    /// What the agent says of itself. Asked once, when it is registered.
    fn describe(&self) -> AgentDescription {
        AgentDescription::default()
    }

    /// What is wrong with a configuration, in sentences. Asked when a workflow is compiled, with
    /// the configuration as written; strings may hold templates.
    fn check(&self, config: &Value) -> Vec<String> {
        let _ = config;
        Vec::new()
    }

    /// Does the work of one attempt.
    ///
    /// The future is dropped when the attempt times out or is cancelled: whatever it holds must
    /// stop then.
    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure>;
}

/// What an agent is asked to do.
#[derive(Clone)]
#[non_exhaustive]
pub struct AttemptRequest {
    /// The inputs, with all templates evaluated.
    pub inputs: Arc<Value>,
    /// The configuration, with all templates evaluated.
    pub config: Arc<Value>,
    /// Which attempt of the step this is, from one.
    pub attempt: u32,
    place: AttemptPlace,
}

/// Where an attempt belongs, in a form that costs nothing until somebody asks.
#[derive(Clone)]
pub(crate) struct AttemptPlace {
    pub(crate) execution: ExecutionId,
    pub(crate) path: StepPath,
}

/// The path of a step instance.
#[derive(Clone)]
pub(crate) enum StepPath {
    /// A step outside of loops and branches: its plan and index name it.
    Root(crate::plan::Plan, u32),
    /// Any other.
    Nested(Arc<str>),
}

impl AttemptRequest {
    /// A request made by hand, for tests of agents.
    pub fn new(inputs: impl Into<Value>) -> Self {
        Self {
            inputs: Arc::new(inputs.into()),
            config: Arc::new(Value::Object(serde_json::Map::new())),
            attempt: 1,
            place: AttemptPlace {
                execution: ExecutionId::from_uuid(uuid::Uuid::nil()),
                path: StepPath::Nested("test".into()),
            },
        }
    }

    pub(crate) const fn at(place: AttemptPlace, attempt: u32, inputs: Arc<Value>, config: Arc<Value>) -> Self {
        Self { inputs, config, attempt, place }
    }

    /// The same with a configuration, for tests of agents.
    #[must_use]
    pub fn with_config(mut self, config: impl Into<Value>) -> Self {
        self.config = Arc::new(config.into());
        self
    }

    /// The execution it belongs to.
    pub const fn execution(&self) -> ExecutionId {
        self.place.execution
    }

    /// The step it belongs to, such as `fetch` or `perStory[3].summarise`.
    pub fn step(&self) -> &str {
        match &self.place.path {
            StepPath::Root(plan, index) => plan.key(*index),
            StepPath::Nested(path) => path,
        }
    }

    /// The same for every attempt of this step in this execution, and for nothing else: hand it
    /// to the other side, so that a second attempt does not act twice.
    pub fn idempotency_key(&self) -> String {
        format!("{}/{}", self.place.execution, self.step())
    }

    /// The inputs as a type of your own.
    ///
    /// # Errors
    /// A failure of kind `input` that no further attempt would mend.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, StepFailure> {
        T::deserialize(&*self.inputs).map_err(|error| {
            StepFailure::new(FailureKind::INPUT, format!("the inputs do not fit: {error}")).permanent()
        })
    }
}

impl fmt::Debug for AttemptRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttemptRequest")
            .field("execution", &self.place.execution)
            .field("step", &self.step())
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// What an agent answers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StepOutput {
    /// The output.
    pub value: Arc<Value>,
}

impl StepOutput {
    /// An output that is shared with somebody else.
    pub const fn shared(value: Arc<Value>) -> Self {
        Self { value }
    }
}

impl From<Value> for StepOutput {
    fn from(value: Value) -> Self {
        Self { value: Arc::new(value) }
    }
}

/// The agents and workflows a definition may name, for `compile`.
pub trait Catalog {
    /// What the agent of that name says of itself, if there is one.
    fn agent(&self, name: &str) -> Option<&AgentDescription>;

    /// The names of all agents, for suggestions.
    fn agent_names(&self) -> Vec<&str>;

    /// What is wrong with a configuration for that agent, in sentences.
    fn check_config(&self, agent: &str, config: &Value) -> Vec<String> {
        let _ = (agent, config);
        Vec::new()
    }

    /// The inputs of the workflow of that name, if there is one; `None` inside: anything.
    fn workflow(&self, name: &str) -> Option<Option<&Value>>;

    /// The names of all workflows, for suggestions.
    fn workflow_names(&self) -> Vec<&str>;
}

/// A catalog that knows every name and nothing about any: for tools that have no agents at hand.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyAgent;

static ANY: AgentDescription = AgentDescription {
    description: None,
    input: None,
    output: None,
    config: None,
    capabilities: Vec::new(),
    max_concurrent: None,
};

impl Catalog for AnyAgent {
    fn agent(&self, _: &str) -> Option<&AgentDescription> {
        Some(&ANY)
    }

    fn agent_names(&self) -> Vec<&str> {
        Vec::new()
    }

    fn workflow(&self, _: &str) -> Option<Option<&Value>> {
        Some(None)
    }

    fn workflow_names(&self) -> Vec<&str> {
        Vec::new()
    }
}
