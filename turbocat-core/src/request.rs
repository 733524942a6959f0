//! What an agent is asked to do, and what it may ask for while it does it.

use std::fmt;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;
use smallvec::SmallVec;

use crate::catalog::AgentDescription;
use crate::failure::{FailureKind, StepFailure};
use crate::output::StepOutput;
use crate::plan::{Kind, Plan};
use crate::redact::Blackout;
use crate::report::{Level, Said};
use crate::time::ExecutionId;

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
    /// The secrets it was given.
    secrets: Option<Arc<Value>>,
    /// The agents that asked for it, if it was not the step itself.
    within: Option<Arc<Within>>,
}

/// Where an attempt belongs, in a form that costs nothing until somebody asks.
#[derive(Clone)]
pub(crate) struct AttemptPlace {
    pub(crate) execution: Arc<ExecutionContext>,
    pub(crate) frame: u32,
    pub(crate) step: u32,
    /// The loops and parallel steps around it, outermost first, with the item or branch.
    pub(crate) around: SmallVec<[(u32, u32); 2]>,
}

/// What all attempts of an execution have in common.
pub(crate) struct ExecutionContext {
    pub(crate) id: ExecutionId,
    /// `None` in a request made by hand.
    pub(crate) plan: Option<Plan>,
    pub(crate) surroundings: Option<Arc<dyn Surroundings>>,
}

/// An agent that does something for another, within an attempt.
struct Within {
    agent: Box<str>,
    /// Its name among all that the other has done by others.
    tag: Box<str>,
    parent: Option<Arc<Self>>,
}

/// How deep agents may ask each other.
const MAX_CALLS: usize = 8;

/// What attempts may ask of whoever has them done. The engine is one; a test of an agent may be
/// another.
#[async_trait]
pub trait Surroundings: Send + Sync + 'static {
    /// An attempt says something. Must not wait.
    fn report(&self, request: &AttemptRequest, said: Said) {
        let _ = (request, said);
    }

    /// Has an agent do something; `request` says what.
    async fn call(&self, agent: &str, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        let _ = request;
        Err(StepFailure::new(FailureKind::UNKNOWN, format!("agent `{agent}` is not known here")).permanent())
    }

    /// Has a nested workflow done to its end, as `request`'s execution's child. The same key is the
    /// same child.
    async fn run_workflow(
        &self,
        request: &AttemptRequest,
        workflow: &str,
        inputs: Arc<Value>,
        key: &str,
    ) -> Result<StepOutput, StepFailure> {
        let _ = (request, inputs, key);
        let message = format!("workflow `{workflow}` is not known here");
        Err(StepFailure::new(FailureKind::UNKNOWN, message).permanent())
    }

    /// What an agent says of itself, if there is one of that name.
    fn describe_agent(&self, agent: &str) -> Option<AgentDescription> {
        let _ = agent;
        None
    }

    /// The JSON Schema of a workflow's inputs, if there is one of that name; `None` inside: anything.
    fn describe_workflow(&self, workflow: &str) -> Option<Option<Value>> {
        let _ = workflow;
        None
    }
}

impl AttemptRequest {
    /// A request made by hand, for tests of agents.
    pub fn new(inputs: impl Into<Value>) -> Self {
        let id = ExecutionId::from_uuid(uuid::Uuid::nil());
        let execution = Arc::new(ExecutionContext { id, plan: None, surroundings: None });
        Self {
            inputs: Arc::new(inputs.into()),
            attempt: 1,
            config: None,
            place: AttemptPlace { execution, frame: 0, step: 0, around: SmallVec::new() },
            secrets: None,
            within: None,
        }
    }

    pub(crate) const fn at(
        place: AttemptPlace,
        attempt: u32,
        inputs: Arc<Value>,
        config: Option<Arc<Value>>,
    ) -> Self {
        Self { inputs, attempt, config, place, secrets: None, within: None }
    }

    /// The same with a configuration, for tests of agents.
    #[must_use]
    pub fn with_config(mut self, config: impl Into<Value>) -> Self {
        self.config = Some(Arc::new(config.into()));
        self
    }

    /// The same with surroundings, for tests of agents.
    #[must_use]
    pub fn with_surroundings(mut self, surroundings: Arc<dyn Surroundings>) -> Self {
        let ExecutionContext { id, plan, .. } = &*self.place.execution;
        let surroundings = Some(surroundings);
        self.place.execution = Arc::new(ExecutionContext { id: *id, plan: plan.clone(), surroundings });
        self
    }

    /// The same with the secrets it was given, an object: they are blacked out of what it says.
    #[must_use]
    pub fn with_secrets(mut self, secrets: Arc<Value>) -> Self {
        self.secrets = Some(secrets);
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
        let mut key = format!("{}/{}", self.place.execution.id, self.path());
        self.push_tags(&mut key);
        key
    }

    /// The step instance it belongs to.
    #[cfg(feature = "runtime")]
    pub(crate) const fn step_ref(&self) -> crate::event::StepRef {
        crate::event::StepRef { frame: self.place.frame, step: self.place.step }
    }

    /// The same for this attempt, or what it has another agent do, and for nothing else.
    #[cfg(feature = "runtime")]
    pub(crate) fn attempt_key(&self) -> String {
        let mut key = format!("{}/{}", self.path(), self.attempt);
        self.push_tags(&mut key);
        key
    }

    fn push_tags(&self, key: &mut String) {
        let mut tags = Vec::new();
        let mut next = self.within.as_ref();
        while let Some(within) = next {
            tags.push(&*within.tag);
            next = within.parent.as_ref();
        }
        for tag in tags.iter().rev() {
            key.push('/');
            key.push_str(tag);
        }
    }

    /// The inputs as a type of your own.
    ///
    /// # Errors
    /// A failure of kind `input` that no further attempt would mend.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, StepFailure> {
        T::deserialize(&*self.inputs).map_err(|error| unfit(&error))
    }

    /// Says what happens, to whoever watches. Secrets it was given are blacked out.
    pub fn log(&self, level: Level, message: impl Into<String>, data: Option<Value>) {
        self.say(|| Said::Log { level, message: message.into(), data });
    }

    /// Shows how far it is, to whoever watches. Secrets it was given are blacked out.
    pub fn progress(&self, value: impl Into<Value>) {
        self.say(|| Said::Progress { value: value.into() });
    }

    fn say(&self, said: impl FnOnce() -> Said) {
        let Some(surroundings) = &self.place.execution.surroundings else { return };
        let mut said = said();
        if let Some(secrets) = &self.secrets {
            let blackout = Blackout::new(secrets);
            match &mut said {
                Said::Log { message, data, .. } => {
                    *message = blackout.text(message);
                    *data = data.take().map(|data| blackout.value(&data));
                }
                Said::Progress { value } => *value = blackout.value(value),
                Said::Missed { .. } => {}
            }
        }
        surroundings.report(self, said);
    }

    /// A text without the secrets it was given: for what leaves the engine by another way than an
    /// output, a failure or a report, which are looked after.
    pub fn redact(&self, text: &str) -> String {
        match &self.secrets {
            Some(secrets) => Blackout::new(secrets).text(text),
            None => text.to_owned(),
        }
    }

    /// How many bytes the longest secret has that it was given: who shows text piece by piece keeps
    /// as many back, less one, so that no secret is shown in two halves.
    pub fn longest_secret(&self) -> usize {
        self.secrets.as_ref().map_or(0, |secrets| Blackout::new(secrets).longest())
    }

    /// Has another agent do something within this attempt. `tag` tells this from everything else
    /// that the attempt has done by others, and is the same when it is tried again: the other
    /// agent's idempotency key is made of it.
    ///
    /// # Errors
    /// What the other agent fails with; of kind `unknown` if there is none of that name, of kind
    /// `recursion` if agents ask each other in a circle or too deep.
    pub async fn call(
        &self,
        agent: &str,
        inputs: impl Into<Value>,
        config: impl Into<Value>,
        tag: &str,
    ) -> Result<StepOutput, StepFailure> {
        let surroundings = self.surroundings(agent)?;
        let mut depth = 1;
        let mut next = self.within.as_ref();
        let mut circle = self.agent() == Some(agent);
        while let Some(within) = next {
            depth += 1;
            circle |= *within.agent == *agent;
            next = within.parent.as_ref();
        }
        if circle || depth > MAX_CALLS {
            let message = match circle {
                true => format!("agent `{agent}` would be asked by itself"),
                false => format!("agents ask each other more than {MAX_CALLS} deep"),
            };
            return Err(StepFailure::new(FailureKind::RECURSION, message).permanent());
        }
        let within = Within { agent: agent.into(), tag: tag.into(), parent: self.within.clone() };
        let mut request = self.clone();
        request.inputs = Arc::new(inputs.into());
        request.config = Some(Arc::new(config.into()));
        request.within = Some(Arc::new(within));
        surroundings.call(agent, request).await
    }

    /// Has a workflow done to its end within this attempt, as a nested execution, which is cancelled
    /// with the attempt. `tag` is as in [`call`](Self::call): where executions are kept, another
    /// attempt with the same tag finds what the first one began, unless that did not complete.
    ///
    /// An agent with a limited number of places keeps its place meanwhile.
    ///
    /// # Errors
    /// Of kind `nested` if it does not complete, `unknown` if there is none of that name,
    /// `recursion` if it would be nested in itself or too deep, `secret` if its inputs hold a secret:
    /// the inputs of executions are written down.
    pub async fn run_workflow(
        &self,
        workflow: &str,
        inputs: impl Into<Value>,
        tag: &str,
    ) -> Result<StepOutput, StepFailure> {
        let surroundings = self.surroundings(workflow)?;
        let inputs = Arc::new(inputs.into());
        if let Some(secrets) = &self.secrets
            && Blackout::new(secrets).value(&inputs) != *inputs
        {
            let message =
                format!("the inputs of workflow `{workflow}` hold a secret, and would be written down");
            return Err(StepFailure::new(FailureKind::new("secret"), message).permanent());
        }
        let key = format!("{}/{tag}", self.idempotency_key());
        surroundings.run_workflow(self, workflow, inputs, &key).await
    }

    fn surroundings(&self, wanted: &str) -> Result<&Arc<dyn Surroundings>, StepFailure> {
        self.place.execution.surroundings.as_ref().ok_or_else(|| {
            StepFailure::new(FailureKind::UNKNOWN, format!("`{wanted}` is not known here")).permanent()
        })
    }

    /// What another agent says of itself, if there is one of that name.
    pub fn describe_agent(&self, agent: &str) -> Option<AgentDescription> {
        self.place.execution.surroundings.as_ref()?.describe_agent(agent)
    }

    /// The JSON Schema of a workflow's inputs, if there is one of that name; `None` inside: it takes
    /// anything.
    pub fn describe_workflow(&self, workflow: &str) -> Option<Option<Value>> {
        self.place.execution.surroundings.as_ref()?.describe_workflow(workflow)
    }

    /// The registered name of the agent that the step asks.
    fn agent(&self) -> Option<&str> {
        let plan = self.place.execution.plan.as_ref()?;
        match &plan.step(self.place.step).kind {
            Kind::Agent { agent, .. } => plan.0.agents.get(*agent as usize).map(|name| &**name),
            _ => None,
        }
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
