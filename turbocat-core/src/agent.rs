//! The port through which steps get done: what an agent says of itself, is asked, and answers.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;
use smallvec::SmallVec;

use crate::catalog::AgentDescription;
use crate::failure::{FailureKind, StepFailure};
use crate::plan::Plan;
use crate::time::ExecutionId;

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

    /// As [`execute`](Self::execute), with a future that owns all it needs. Override it only if
    /// the work can be begun without holding on to the agent; closures do.
    fn begin(&self, this: &Arc<dyn AgentExecutor>, request: AttemptRequest) -> AttemptFuture {
        let this = this.clone();
        Box::pin(async move { this.execute(request).await })
    }
}

/// An attempt that is being done.
pub type AttemptFuture = Pin<Box<dyn Future<Output = Result<StepOutput, StepFailure>> + Send>>;

/// What an agent is asked to do.
#[derive(Clone)]
#[non_exhaustive]
pub struct AttemptRequest {
    /// The inputs, with all templates evaluated.
    pub inputs: Arc<Value>,
    /// Which attempt of the step this is, from one.
    pub attempt: u32,
    config: Option<Arc<Value>>,
    place: AttemptPlace,
}

/// Where an attempt belongs, in a form that costs nothing until somebody asks.
#[derive(Clone)]
pub(crate) struct AttemptPlace {
    pub(crate) execution: Arc<ExecutionContext>,
    pub(crate) step: u32,
    /// The loops and parallel steps around it, outermost first, with the item or branch.
    pub(crate) around: SmallVec<[(u32, u32); 2]>,
}

/// What all attempts of an execution have in common.
pub(crate) struct ExecutionContext {
    pub(crate) id: ExecutionId,
    /// `None` in a request made by hand.
    pub(crate) plan: Option<Plan>,
}

impl AttemptRequest {
    /// A request made by hand, for tests of agents.
    pub fn new(inputs: impl Into<Value>) -> Self {
        let id = ExecutionId::from_uuid(uuid::Uuid::nil());
        Self {
            inputs: Arc::new(inputs.into()),
            attempt: 1,
            config: None,
            place: AttemptPlace {
                execution: Arc::new(ExecutionContext { id, plan: None }),
                step: 0,
                around: SmallVec::new(),
            },
        }
    }

    pub(crate) const fn at(
        place: AttemptPlace,
        attempt: u32,
        inputs: Arc<Value>,
        config: Option<Arc<Value>>,
    ) -> Self {
        Self { inputs, attempt, config, place }
    }

    /// The same with a configuration, for tests of agents.
    #[must_use]
    pub fn with_config(mut self, config: impl Into<Value>) -> Self {
        self.config = Some(Arc::new(config.into()));
        self
    }

    /// The configuration, with all templates evaluated; an empty object if there is none.
    pub fn config(&self) -> &Value {
        static EMPTY: LazyLock<Value> = LazyLock::new(|| Value::Object(serde_json::Map::new()));
        self.config.as_deref().unwrap_or(&EMPTY)
    }

    /// The execution it belongs to.
    pub fn execution(&self) -> ExecutionId {
        self.place.execution.id
    }

    /// The key of the step it belongs to, such as `summarise`.
    pub fn step(&self) -> &str {
        self.place.execution.plan.as_ref().map_or("test", |plan| plan.key(self.place.step))
    }

    /// The path of the step instance it belongs to, such as `perStory[3].summarise`.
    pub fn path(&self) -> String {
        match &self.place.execution.plan {
            None => "test".to_owned(),
            Some(plan) => plan.instance_path(self.place.step, &self.place.around),
        }
    }

    /// The same for every attempt of this step in this execution, and for nothing else: hand it
    /// to the other side, so that a second attempt does not act twice. An attempt after one that
    /// was lost has the key of the lost one, so that work that was done already can be known again.
    pub fn idempotency_key(&self) -> String {
        format!("{}/{}", self.place.execution.id, self.path())
    }

    /// The inputs as a type of your own.
    ///
    /// # Errors
    /// A failure of kind `input` that no further attempt would mend.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, StepFailure> {
        T::deserialize(&*self.inputs).map_err(|error| unfit(&error))
    }
}

/// The inputs are not what the agent takes.
pub(crate) fn unfit(error: &serde_json::Error) -> StepFailure {
    StepFailure::new(FailureKind::INPUT, format!("the inputs do not fit: {error}")).permanent()
}

impl fmt::Debug for AttemptRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttemptRequest")
            .field("execution", &self.execution())
            .field("step", &self.path())
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
