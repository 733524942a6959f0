//! An agent that answers by a script and remembers what it was asked.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::watch;

use super::script::{Answer, Call, CallEnd, Script};
use crate::agent::AgentExecutor;
use crate::catalog::AgentDescription;
use crate::failure::StepFailure;
use crate::output::StepOutput;
use crate::request::AttemptRequest;

/// An agent that answers by a script and remembers what it was asked. Clones share the script and
/// the memory: register one, keep one; or register clones under several names.
///
/// Answers are taken in the order in which they were given. [`step`](Self::step) says for which
/// step the answers after it are; those before the first `step` are for any. A call for which no
/// answer is left gets the default ([`otherwise`](Self::otherwise), [`echo`](Self::echo)), or
/// fails for good.
///
/// ```
/// use serde_json::json;
/// use turbocat_core::testing::ScriptedAgent;
/// use turbocat_core::{Engine, StepFailure, Workflow};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let agent = ScriptedAgent::new()
///     .echo()
///     .step("fetch")
///     .then_fail(StepFailure::error("503"))
///     .then(json!({ "stories": 3 }));
/// let engine = Engine::builder().agent("http", agent.clone()).agent("mail", agent.clone()).build();
/// let workflow = Workflow::from_yaml("
/// steps:
///   fetch: { agent: http, retry: { max: 1, delay: 0s } }
///   send:  { agent: mail, inputs: { count: '{{ fetch.stories }}' } }
/// ")?;
/// let execution = engine.run(&workflow, json!({})).await?;
///
/// assert_eq!(execution.output()["send"], json!({ "count": 3 }));
/// let asked: Vec<_> = agent.calls().into_iter().map(|call| (call.path, call.attempt)).collect();
/// assert_eq!(asked, [("fetch".to_owned(), 1), ("fetch".to_owned(), 2), ("send".to_owned(), 1)]);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ScriptedAgent {
    shared: Arc<Shared>,
    /// Which step the next answers are for; empty: any.
    step: String,
    description: AgentDescription,
}

#[derive(Default)]
struct Shared {
    script: Mutex<Script>,
    /// Which steps were released (empty: all), and how many calls there were then.
    released: watch::Sender<Vec<(String, usize)>>,
    /// How many calls there were, and how many of them hang.
    asked: watch::Sender<(usize, usize)>,
}

impl Default for ScriptedAgent {
    fn default() -> Self {
        Self::new()
    }
}

impl ScriptedAgent {
    /// An agent without answers.
    pub fn new() -> Self {
        Self { shared: Arc::default(), step: String::new(), description: AgentDescription::default() }
    }

    /// The answers after this are for one step: its key, such as `summarise`, or the path of one
    /// instance, such as `perStory[3].summarise`.
    #[must_use]
    pub fn step(mut self, step: &str) -> Self {
        step.clone_into(&mut self.step);
        self
    }

    /// The answers after this are for any step.
    #[must_use]
    pub fn any_step(self) -> Self {
        self.step("")
    }

    /// The next answer is an output.
    #[must_use]
    pub fn then(self, output: impl Into<Value>) -> Self {
        self.add(Answer::Output(Arc::new(output.into())))
    }

    /// The next answer is a failure: a [`StepFailure`], or a message.
    #[must_use]
    pub fn then_fail(self, failure: impl Into<ScriptedFailure>) -> Self {
        self.add(Answer::Failure(failure.into().0))
    }

    /// The next answer is a panic.
    #[must_use]
    pub fn then_panic(self, message: impl Into<String>) -> Self {
        self.add(Answer::Panic(message.into()))
    }

    /// The next call hangs until it is dropped, or [released](Self::release): then the answer is
    /// null.
    #[must_use]
    pub fn then_hang(self) -> Self {
        self.then_held(Value::Null)
    }

    /// The next call hangs until it is [released](Self::release); then the answer is an output.
    #[must_use]
    pub fn then_held(self, output: impl Into<Value>) -> Self {
        self.add(Answer::Hang(Arc::new(output.into())))
    }

    /// The answer when the script has none left: an output.
    #[must_use]
    pub fn otherwise(self, output: impl Into<Value>) -> Self {
        self.script().otherwise(Answer::Output(Arc::new(output.into())));
        self
    }

    /// The answer when the script has none left: the inputs.
    #[must_use]
    pub fn echo(self) -> Self {
        self.script().otherwise(Answer::Echo);
        self
    }

    /// When the script has no answer left, calls hang until they are dropped or
    /// [released](Self::release): then the answer is null.
    #[must_use]
    pub fn otherwise_hang(self) -> Self {
        self.script().otherwise(Answer::Hang(Arc::default()));
        self
    }

    /// The same agent, but saying this of itself. Clones made before do not say it.
    #[must_use]
    pub fn describe_as(mut self, description: AgentDescription) -> Self {
        self.description = description;
        self
    }

    /// The same agent, with at most that many attempts at once over all executions.
    #[must_use]
    pub const fn max_concurrent(mut self, attempts: u32) -> Self {
        self.description.max_concurrent = Some(attempts);
        self
    }

    /// What it was asked, the oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.script().calls().to_vec()
    }

    /// What it was asked for one step, named by its key or its path.
    pub fn calls_of(&self, step: &str) -> Vec<Call> {
        let script = self.script();
        script.calls().iter().filter(|call| call.step == step || call.path == step).cloned().collect()
    }

    /// How many calls hang.
    pub fn hanging(&self) -> usize {
        self.script().hanging()
    }

    /// How many answers nobody asked for, the default not counted.
    pub fn answers_left(&self) -> usize {
        self.script().left()
    }

    /// Lets all calls that hang now go on.
    pub fn release(&self) {
        self.release_step("");
    }

    /// Lets the calls of one step that hang now go on. The step is named by its key or its path.
    pub fn release_step(&self, step: &str) {
        let calls = self.script().calls().len();
        self.shared.released.send_modify(|released| released.push((step.to_owned(), calls)));
    }

    /// Returns when it was called at least that often.
    pub async fn until_called(&self, calls: usize) {
        // The sender lives as long as this agent.
        let _ = self.shared.asked.subscribe().wait_for(|(called, _)| *called >= calls).await;
    }

    /// Returns when exactly that many calls hang: with 0, when all were answered or dropped.
    pub async fn until_hanging(&self, calls: usize) {
        let _ = self.shared.asked.subscribe().wait_for(|(_, hanging)| *hanging == calls).await;
    }

    fn add(self, answer: Answer) -> Self {
        self.script().add(&self.step, answer);
        self
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.shared.script()
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        let script = self.script();
        let now = (script.calls().len(), script.hanging());
        // Under the lock, so that what is told last is what is true.
        self.asked.send_if_modified(|known| std::mem::replace(known, now) != now);
    }
}

/// A call that is being answered; noted as dropped if it is.
struct Open {
    shared: Arc<Shared>,
    call: usize,
    end: CallEnd,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.script().end(self.call, self.end);
        self.shared.tell();
    }
}

#[async_trait]
impl AgentExecutor for ScriptedAgent {
    fn describe(&self) -> AgentDescription {
        self.description.clone()
    }

    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        let (call, answer) = self.script().called(&request);
        let mut open = Open { shared: self.shared.clone(), call, end: CallEnd::Dropped };
        if let Answer::Hang(_) = &answer {
            self.shared.tell();
            let (step, path) = (request.step(), request.path());
            let mine = |name: &str| name.is_empty() || name == step || name == path;
            let freed = |released: &Vec<(String, usize)>| {
                released.iter().any(|(name, calls)| call < *calls && mine(name))
            };
            // The sender lives as long as this agent.
            let _ = self.shared.released.subscribe().wait_for(freed).await;
        }
        open.end = CallEnd::Answered;
        match answer {
            Answer::Output(value) | Answer::Hang(value) => Ok(StepOutput::shared(value)),
            Answer::Echo => Ok(StepOutput::shared(request.inputs.clone())),
            Answer::Failure(failure) => Err(failure),
            Answer::Panic(message) => panic!("{message}"),
        }
    }
}

impl fmt::Debug for ScriptedAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = self.script();
        f.debug_struct("ScriptedAgent")
            .field("calls", &script.calls().len())
            .field("answers_left", &script.left())
            .finish_non_exhaustive()
    }
}

/// What [`ScriptedAgent::then_fail`] takes: a [`StepFailure`], or a message to make one of.
#[derive(Clone, Debug)]
pub struct ScriptedFailure(StepFailure);

impl From<StepFailure> for ScriptedFailure {
    fn from(failure: StepFailure) -> Self {
        Self(failure)
    }
}

impl From<&str> for ScriptedFailure {
    fn from(message: &str) -> Self {
        Self(StepFailure::error(message))
    }
}

impl From<String> for ScriptedFailure {
    fn from(message: String) -> Self {
        Self(StepFailure::error(message))
    }
}
