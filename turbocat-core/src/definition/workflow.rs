//! The shape of a workflow: plain data, the same whether it came from YAML, JSON, rows or code.
//!
//! Holds no behaviour but defaults. Whether the parts fit together is `plan::compile`'s question.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::diagnostic::Source;

/// A workflow: a graph of steps, the agents they use, what goes in and what comes out.
///
/// Read one with [`Workflow::from_yaml`] and its siblings, or build one with
/// [`Workflow::builder`].
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Workflow {
    /// What the workflow is called, if anything.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What an execution must be given. `None`: anything.
    pub inputs: Option<Inputs>,
    /// Named agents: a type and its configuration, for use by any step.
    pub agents: Vec<NamedAgent>,
    /// Workflows that this one brings along, to be nested by name: in its steps, and in each
    /// other's. Shared, because each of them is given all of them.
    pub workflows: Arc<[NamedWorkflow]>,
    /// How long an execution may work, not counting times when it only waits. `None`: for ever.
    pub timeout: Option<Duration>,
    /// How many attempts of one execution may run at once. `None`: all that are ready.
    pub max_parallel: Option<u32>,
    /// What an execution may use. `None`: anything.
    pub budget: Option<Budget>,
    /// The steps, in the order of the text. The order has no meaning but in pictures.
    pub steps: Vec<Step>,
    /// The template of the execution's output. `None`: the map of all finished steps.
    pub outputs: Option<Value>,
    /// Anything a tool wants to keep here. Never read, never part of the digest.
    pub metadata: Map<String, Value>,
    /// The text it was read from, for places in diagnostics.
    pub source: Option<Arc<Source>>,
}

/// What an execution may use, all its attempts and the nested workflows it waits for together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Budget {
    /// How many tokens language models may read and write. `None`: any number.
    pub tokens: Option<u64>,
    /// What it may cost, in US dollars. `None`: anything.
    pub cost_usd: Option<f64>,
    /// How many calls its agents may make to others. `None`: any number.
    pub api_calls: Option<u64>,
    /// What happens when more was used.
    pub then: OverBudget,
}

/// What happens to an execution that used more than its budget. What was being done when the last
/// of it was used up counts too, so a budget can be exceeded, by one attempt at most where steps
/// are done one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverBudget {
    /// Everything is stopped; it ends as failed, with a failure of kind `budget`.
    #[default]
    Fail,
    /// Nothing new is started until somebody resumes it, which grants it the same once more.
    Pause,
}

/// What an execution must be given: a JSON Schema of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Inputs {
    /// The full JSON Schema (an object with `properties` and `required`), whatever short form
    /// it was written in.
    pub schema: Value,
}

/// A workflow within another one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NamedWorkflow {
    /// The name steps use.
    pub name: String,
    /// The workflow. It brings none along itself.
    pub workflow: Workflow,
}

/// A named agent of a workflow.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NamedAgent {
    /// The name steps use.
    pub name: String,
    /// The agent behind it, as registered with the engine.
    pub agent: String,
    /// Its configuration; a step's own `config` is laid over it, key by key.
    pub config: Map<String, Value>,
}

/// One step of a workflow.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// Its name within its body.
    pub key: String,
    /// A name for people.
    pub name: Option<String>,
    /// What it does.
    pub kind: StepKind,
    /// Steps to wait for beyond those it refers to.
    pub depends_on: Vec<String>,
    /// An expression; if it is false the step is skipped.
    pub when: Option<Value>,
    /// What must be true of the steps before it. `None`: the rule of [`Step::on_error`].
    pub needs: Option<Needs>,
    /// What happens when it fails.
    pub on_error: OnError,
    /// How it is tried again.
    pub retry: Retry,
    /// How long one attempt may take; of a loop, a parallel step, a wait or a nested workflow:
    /// how long the step may take. `None`: for ever.
    pub timeout: Option<Duration>,
    /// How long all attempts and the pauses between them may take together. `None`: for ever.
    pub deadline: Option<Duration>,
    /// Values to add to the output, computed from `result` (the output) and `response`.
    pub outputs: Map<String, Value>,
    /// Anything a tool wants to keep here, such as canvas positions. Never read, never part of
    /// the digest.
    pub metadata: Map<String, Value>,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StepKind {
    /// Asks an agent.
    Agent(AgentStep),
    /// Evaluates an expression and chooses a branch.
    Condition(ConditionStep),
    /// Does its nested steps once per item.
    Loop(LoopStep),
    /// Does its branches side by side.
    Parallel(ParallelStep),
    /// Waits for time, a signal or a person.
    Wait(Wait),
    /// Starts another workflow.
    Workflow(WorkflowStep),
}

/// A step done by an agent.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct AgentStep {
    /// A named agent of the workflow, or one registered with the engine. `None`: the inputs are
    /// the output.
    pub agent: Option<String>,
    /// The template of the inputs. `None`: an empty object.
    pub inputs: Option<Value>,
    /// The template of the configuration.
    pub config: Map<String, Value>,
    /// What happens when whoever did an attempt went away.
    pub on_lost: OnLost,
}

/// A step that chooses a branch.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConditionStep {
    /// The expression: text, or a literal `true` or `false`.
    pub condition: Value,
    /// Steps that go on when it is true.
    pub then: Vec<String>,
    /// Steps that go on when it is false.
    pub otherwise: Vec<String>,
}

/// A step that does its nested steps once per item.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LoopStep {
    /// The template of the items; must give a list.
    pub items: Value,
    /// The name of the item in nested templates. Default `item`.
    pub item_name: String,
    /// The name of its index in nested templates. Default `index`.
    pub index_name: String,
    /// How many iterations may be open at once. Default 1: in order, one after the other.
    pub max_parallel: u32,
    /// How many items it accepts. Default 100,000.
    pub max_iterations: u32,
    /// The nested steps.
    pub steps: Vec<Step>,
    /// The template of one result. `None`: the map of the nested steps' outputs.
    pub output: Option<Value>,
}

/// A step that does its branches side by side.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ParallelStep {
    /// The branches.
    pub branches: Vec<Branch>,
    /// How many must complete.
    pub join: Join,
}

/// One branch of a parallel step.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Branch {
    /// Its name.
    pub key: String,
    /// Its steps.
    pub steps: Vec<Step>,
    /// Whether it was written as a single step, whose output is then the branch's output;
    /// otherwise that is the map of the steps' outputs.
    pub single: bool,
}

/// How many branches must complete for a parallel step to complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Join {
    /// All of them.
    #[default]
    All,
    /// The first; the others are cancelled.
    Any,
    /// That many; the others are cancelled.
    Count(u32),
}

/// What a waiting step waits for. `timeout` of the step bounds a wait for a signal or a person.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Wait {
    /// A time to pass: the template of a duration text, or of a number of milliseconds.
    For(Value),
    /// A moment: the template of an RFC 3339 text, or of a number of milliseconds since 1970.
    Until(Value),
    /// A signal.
    Signal {
        /// The template of its name.
        name: Value,
        /// What to do when the step's timeout passes first.
        on_timeout: OnTimeout,
    },
    /// A person's yes or no.
    Approval {
        /// The template of the question.
        question: Value,
        /// What to do when the step's timeout passes first.
        on_timeout: OnTimeout,
    },
}

/// What a wait does when nobody answers in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnTimeout {
    /// The step ends with status `timeout`.
    #[default]
    Fail,
    /// The step completes with `timedOut: true`.
    Continue,
    /// An approval counts as given.
    Approve,
    /// An approval counts as refused: the step fails with kind `rejected`.
    Reject,
}

/// A step that starts another workflow.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WorkflowStep {
    /// The workflow's name, as registered with the engine.
    pub workflow: String,
    /// The template of its inputs. `None`: an empty object.
    pub inputs: Option<Value>,
    /// Whether to wait for its end. Default true.
    pub wait_for_completion: bool,
}

/// What must be true of the steps before a step for it to be done; otherwise it is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// All completed.
    Succeeded,
    /// At least one completed: the way to join branches of which one was not taken.
    Any,
    /// All ended, however they did.
    Finished,
}

/// What happens when a step fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// The body it stands in fails: the execution, the iteration, the branch.
    #[default]
    Fail,
    /// The others go on; its output is null. The execution ends as failed.
    Continue,
    /// It is tried again; see [`Retry`].
    Retry,
}

/// What happens when an attempt was lost: whoever did it went away, and nobody knows whether it
/// acted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLost {
    /// Another attempt begins at once, whatever [`Step::on_error`] says. The default, because an
    /// agent can know the work again by the idempotency key, and a crash should not need anybody
    /// to look after it.
    #[default]
    Retry,
    /// A person is asked: yes is another attempt, no is the end of the step.
    Ask,
    /// The step fails with kind `lost`; tried again only if [`Retry::on`] names `lost`.
    Fail,
}

/// How a step is tried again.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Retry {
    /// How often after the first attempt. Default 3.
    pub max: u32,
    /// The pause before the second attempt. Default 1 s.
    pub delay: Duration,
    /// By what each further pause is longer. Default 2.
    pub factor: f64,
    /// The longest pause. Default 5 min.
    pub max_delay: Duration,
    /// How much of a pause chance may add, from 0 to 1. Default 0.1.
    pub jitter: f64,
    /// Kinds of failures to try again, such as `timeout`, `http.429`, `http.5xx`. Empty: all
    /// that may pass by themselves.
    pub on: Vec<String>,
    /// What happens after the last attempt. Default [`Fallback::Continue`].
    pub then: Fallback,
}

/// What happens to a step whose last attempt failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fallback {
    /// As with [`OnError::Continue`].
    #[default]
    Continue,
    /// As with [`OnError::Fail`].
    Fail,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max: 3,
            delay: Duration::from_secs(1),
            factor: 2.0,
            max_delay: Duration::from_mins(5),
            jitter: 0.1,
            on: Vec::new(),
            then: Fallback::Continue,
        }
    }
}

impl LoopStep {
    /// How many items a loop accepts when it does not say.
    pub const DEFAULT_MAX_ITERATIONS: u32 = 100_000;
}

impl StepKind {
    /// The word for it in JSON and in messages.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Agent(_) => "agent",
            Self::Condition(_) => "condition",
            Self::Loop(_) => "loop",
            Self::Parallel(_) => "parallel",
            Self::Wait(_) => "wait",
            Self::Workflow(_) => "workflow",
        }
    }
}
