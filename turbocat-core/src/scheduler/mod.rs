//! The scheduler: an execution as a machine that is told what happened and says what to do.
//!
//! It has no clock, no thread, no randomness and does no I/O. The same plan and the same inputs
//! give the same events, byte for byte. `decide` turns an input into facts, `evolve` makes a fact
//! true and is the only one to change anything, `settle` draws all further consequences.

mod ready;
mod state;
mod scope;
mod turn;
pub(crate) mod depth;
mod outcome;
mod evolve;
mod retry;
mod lost;
mod budget;
mod start;
mod settle;
mod decide;
mod replay;
mod explain;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use smallvec::SmallVec;

pub use explain::{StepExplanation, StepReport};
pub use replay::ReplayError;
pub use turn::{Action, Approval, ChildOutcome, Input, Turn};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Pointer};
use crate::event::{Event, ExecutionStatus, Fact, StepRef, StepStatus};
use crate::failure::StepFailure;
use crate::plan::{Bound, Kind, Plan, Root};
use crate::template::{PathSegment, Reference, RootValue, Template};
use crate::time::{ExecutionId, Timestamp};
use outcome::template_failed;
use scope::Scope;
use state::{Frame, State};

/// One execution of a plan, as a machine.
///
/// ```
/// use serde_json::json;
/// use std::sync::Arc;
/// use turbocat_core::{compile, Action, AnyAgent, ExecutionId, Input, Scheduler, Timestamp, Workflow};
///
/// let workflow = Workflow::from_yaml("steps: { hi: { agent: greet } }")?;
/// let plan = compile(&workflow, &AnyAgent)?;
/// let now = Timestamp::from_millis(0);
/// let id = ExecutionId::from_uuid(uuid::Uuid::nil());
/// let (mut scheduler, turn) = Scheduler::start(&plan, id, now, 7, json!({}))?;
/// let Action::Launch { step, attempt } = turn.actions[0] else { panic!() };
/// let turn = scheduler.apply(now, Input::AttemptCompleted { step, attempt, output: Arc::new(json!("hi")) });
/// assert!(turn.actions.is_empty());
/// assert_eq!(*scheduler.output(), json!({ "hi": "hi" }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Scheduler {
    plan: Plan,
    state: State,
    /// The step whose own news is being looked at: nobody has to be told to stop it.
    answered: Option<StepRef>,
    /// Frames to be used again.
    #[expect(clippy::vec_box, reason = "frames go from here to the map of open frames as they are")]
    spare: Vec<Box<Frame>>,
}

/// What an attempt is to be given.
#[derive(Debug)]
#[non_exhaustive]
pub struct AttemptParts {
    /// The inputs.
    pub inputs: Arc<Value>,
    /// The configuration, if the step or its agent has one.
    pub config: Option<Arc<Value>>,
}

/// An attempt that was launched and is to be begun.
pub(crate) struct Launched<'a> {
    scheduler: &'a Scheduler,
    frame: u32,
    pub(crate) agent: usize,
    pub(crate) timeout: Option<Duration>,
    inputs: Option<&'a Bound<Template>>,
    config: Option<&'a Bound<Template>>,
}

impl Launched<'_> {
    pub(crate) fn wants_secrets(&self) -> bool {
        [self.inputs, self.config].into_iter().flatten().any(|bound| bound.secret)
    }

    pub(crate) fn evaluate(&self, secrets: Option<&Arc<Value>>) -> Result<AttemptParts, StepFailure> {
        let scope = Scope { secrets, ..Scope::new(&self.scheduler.state, self.frame) };
        let evaluate = |bound| scope.template(bound).map_err(|error| template_failed(&error));
        let inputs = match self.inputs {
            None => self.scheduler.plan.0.empty.clone(),
            Some(bound) => evaluate(bound)?,
        };
        let config = match self.config {
            Some(bound) if wants_given(bound) => {
                let values = scope.values(&bound.roots).into_iter().map(|value| value.cloned()).collect();
                Some(with_given(bound, values, &inputs)?)
            }
            bound => bound.map(evaluate).transpose()?,
        };
        Ok(AttemptParts { inputs, config })
    }
}

/// The values that the inputs and the configuration of a step refer to.
pub(crate) struct Snapshot {
    plan: Plan,
    step: u32,
    inputs: SmallVec<[Option<Arc<Value>>; 4]>,
    config: SmallVec<[Option<Arc<Value>>; 4]>,
}

impl Snapshot {
    /// Fills the secrets in and evaluates.
    pub(crate) fn evaluate(mut self, secrets: &Arc<Value>) -> Result<AttemptParts, StepFailure> {
        let Kind::Agent { inputs, config, .. } = &self.plan.step(self.step).kind else {
            return Err(StepFailure::error("the step asks no agent"));
        };
        let evaluate = |bound: &Option<Box<Bound<Template>>>, values: &mut [Option<Arc<Value>>]| match bound {
            None => Ok(None),
            Some(bound) => {
                for (root, value) in bound.roots.iter().zip(&mut *values) {
                    if *root == Root::Secrets {
                        *value = Some(secrets.clone());
                    }
                }
                let values: SmallVec<[RootValue<'_>; 4]> = values.iter().map(Option::as_ref).collect();
                bound.code.evaluate(&values).map(Some).map_err(|error| template_failed(&error))
            }
        };
        let given = evaluate(inputs, &mut self.inputs)?.unwrap_or_else(|| self.plan.0.empty.clone());
        if let Some(bound) = config.as_ref().filter(|bound| wants_given(bound)) {
            for (_, value) in
                bound.roots.iter().zip(&mut self.config).filter(|(root, _)| **root == Root::Secrets)
            {
                *value = Some(secrets.clone());
            }
            let config = Some(with_given(bound, self.config, &given)?);
            return Ok(AttemptParts { inputs: given, config });
        }
        Ok(AttemptParts { config: evaluate(config, &mut self.config)?, inputs: given })
    }
}

/// Whether a configuration refers to the step's own inputs.
fn wants_given(bound: &Bound<Template>) -> bool {
    bound.roots.iter().any(|root| matches!(root, Root::Given(_) | Root::AllGiven | Root::Laid))
}

/// A configuration that refers to the step's own inputs, which are there now.
fn with_given(
    bound: &Bound<Template>,
    mut values: SmallVec<[Option<Arc<Value>>; 4]>,
    inputs: &Arc<Value>,
) -> Result<Arc<Value>, StepFailure> {
    for (root, value) in bound.roots.iter().zip(&mut values) {
        match root {
            Root::Given(name) => {
                let name = bound.given.get(*name as usize);
                *value = name.and_then(|name| inputs.get(&**name)).cloned().map(Arc::new);
            }
            Root::AllGiven => *value = Some(inputs.clone()),
            Root::Laid => {
                if let (Some(theirs), Value::Object(own)) = (value.as_mut(), &**inputs)
                    && let Value::Object(laid) = Arc::make_mut(theirs)
                {
                    laid.extend(own.clone());
                }
            }
            _ => {}
        }
    }
    let values: SmallVec<[RootValue<'_>; 4]> = values.iter().map(Option::as_ref).collect();
    bound.code.evaluate(&values).map_err(|error| template_failed(&error))
}

impl Scheduler {
    pub(crate) fn empty(plan: &Plan) -> Self {
        Self { plan: plan.clone(), state: State::new(plan), answered: None, spare: Vec::new() }
    }

    /// Starts an execution. `seed` is where its chance comes from.
    ///
    /// # Errors
    /// If the inputs are not what the workflow declares.
    pub fn start(
        plan: &Plan,
        execution: ExecutionId,
        now: Timestamp,
        seed: u64,
        inputs: Value,
    ) -> Result<(Self, Turn), Diagnostics> {
        let inputs = plan.0.inputs.check(inputs).map_err(|found| Diagnostics::new(found, None))?;
        if let Err(failure) = depth::check_depth("the value", &inputs) {
            let found = Diagnostic::error(Code::BAD_INPUT, Pointer::root().join("inputs"), failure.message);
            return Err(Diagnostics::new(vec![found], None));
        }
        let mut scheduler = Self::empty(plan);
        let mut turn = Turn::default();
        let inputs = Arc::new(inputs);
        scheduler.emit(&mut turn, now, Fact::ExecutionStarted { execution, inputs, seed });
        scheduler.settle(&mut turn, now);
        turn.wake_at = scheduler.wake_at(now);
        Ok((scheduler, turn))
    }

    /// Tells the execution what happened. An input that is stale, or comes after the end, gives
    /// an empty turn.
    pub fn apply(&mut self, now: Timestamp, input: Input) -> Turn {
        let mut turn = Turn::default();
        self.apply_into(&mut turn, now, input);
        turn
    }

    /// As [`apply`](Self::apply), behind what a turn has already.
    pub(crate) fn apply_into(&mut self, turn: &mut Turn, now: Timestamp, input: Input) {
        if !self.state.is_ended() && self.state.status != ExecutionStatus::Pending {
            // What was used is looked at together with what it was used for, which comes next.
            let alone = !matches!(input, Input::AttemptUsed { .. });
            self.decide(turn, now, input);
            if alone {
                self.settle(turn, now);
            }
            turn.wake_at = self.wake_at(now);
        }
    }

    fn emit(&mut self, turn: &mut Turn, at: Timestamp, fact: Fact) {
        let event = Event { seq: self.state.seq + 1, at, fact };
        self.evolve(&event, Some(&mut turn.actions));
        turn.events.push(event);
    }

    /// When something will happen by itself, if ever.
    fn wake_at(&self, now: Timestamp) -> Option<Timestamp> {
        if self.state.is_ended() {
            return None;
        }
        let alarm = self.state.alarms.first().map(|(at, _)| *at);
        // A pause that is over waits for a free place, not for time.
        let retry = self.state.retries.iter().map(|(at, _)| *at).find(|at| *at > now);
        match (alarm, retry.filter(|_| !self.state.paused)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The plan it follows.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The execution's name.
    pub const fn id(&self) -> ExecutionId {
        self.state.id
    }

    /// How the execution stands.
    pub const fn status(&self) -> ExecutionStatus {
        self.state.status
    }

    /// The number of its last event.
    pub const fn seq(&self) -> u64 {
        self.state.seq
    }

    /// Whether it starts nothing new.
    pub const fn is_paused(&self) -> bool {
        self.state.paused
    }

    /// What it was given, defaults filled in.
    pub const fn inputs(&self) -> &Arc<Value> {
        &self.state.inputs
    }

    /// What it gave: the `outputs` template's value, or else the outputs of all finished steps.
    pub fn output(&self) -> Arc<Value> {
        outcome::execution_output(&self.plan, &self.state)
    }

    /// What went wrong, if something did.
    pub fn failure(&self) -> Option<&StepFailure> {
        self.state.failure.as_deref()
    }

    /// How a step instance stands, if its frame is open.
    pub fn step_status(&self, step: StepRef) -> Option<StepStatus> {
        self.state.find_step(step).map(|state| state.status)
    }

    /// Whether a step asks a person and waits for the answer.
    pub fn is_waiting_for_approval(&self, step: StepRef) -> bool {
        self.is_asking(step)
    }

    /// The registered name of the agent that does a step, if one does.
    pub fn agent(&self, step: StepRef) -> Option<&str> {
        match &self.plan.find_step(step.step)?.kind {
            Kind::Agent { agent, .. } => Some(&self.plan.0.agents[*agent as usize]),
            _ => None,
        }
    }

    /// Whether the inputs or the configuration of a step name secrets; if so, `attempt` must be
    /// given them.
    pub fn wants_secrets(&self, step: StepRef) -> bool {
        let secret = |bound: &Option<Box<Bound<Template>>>| bound.as_ref().is_some_and(|bound| bound.secret);
        match self.plan.find_step(step.step).map(|step| &step.kind) {
            Some(Kind::Agent { inputs, config, .. }) => secret(inputs) || secret(config),
            _ => false,
        }
    }

    /// How long one attempt of a step may take. Whoever does the attempt has to see to it: the
    /// attempt is stopped there, and reported with [`Input::AttemptFailed`].
    pub fn attempt_timeout(&self, step: StepRef) -> Option<Duration> {
        self.plan.find_step(step.step)?.timeout
    }

    /// What an attempt that was launched is to be given: its templates, evaluated. `secrets` is an
    /// object with the secrets the step names.
    ///
    /// # Errors
    /// If a template cannot be evaluated; report it with [`Input::AttemptFailed`].
    pub fn attempt(&self, step: StepRef, secrets: Option<&Arc<Value>>) -> Result<AttemptParts, StepFailure> {
        let attempt = self.state.find_step(step).map_or(0, |state| state.attempt);
        match self.launched(step, attempt) {
            Some(launched) => launched.evaluate(secrets),
            None => Err(StepFailure::error("no agent is at this step")),
        }
    }

    /// The agent that is at an attempt, in the order of [`Plan::agents`], and how its inputs come
    /// about; `None` if the attempt is not current any more.
    pub(crate) fn launched(&self, step: StepRef, attempt: u32) -> Option<Launched<'_>> {
        let state = self.state.find_step(step)?;
        let plan = self.plan.step(step.step);
        match &plan.kind {
            Kind::Agent { agent, inputs, config, .. }
                if state.status == StepStatus::Running && state.attempt == attempt =>
            {
                let (agent, timeout) = (*agent as usize, plan.timeout);
                let [inputs, config] = [inputs, config].map(|bound| bound.as_deref());
                Some(Launched { scheduler: self, frame: step.frame, agent, timeout, inputs, config })
            }
            _ => None,
        }
    }

    /// The nested workflows that are waited for, as they were started.
    pub(crate) fn open_children(&self) -> Vec<Action> {
        let children = self.state.children.iter();
        let start = children.filter_map(|(execution, step)| match &self.plan.step(step.step).kind {
            Kind::Child { workflow, inputs, wait } => {
                let inputs = match inputs {
                    None => Ok(self.plan.0.empty.clone()),
                    Some(inputs) => Scope::new(&self.state, step.frame).template(inputs),
                };
                let (execution, workflow, wait) = (*execution, workflow.clone(), *wait);
                Some(Action::StartChild { execution, workflow, inputs: inputs.ok()?, wait })
            }
            _ => None,
        });
        start.collect()
    }

    /// What an attempt of a step is to be given, to be evaluated later, without the scheduler.
    pub(crate) fn snapshot(&self, step: StepRef) -> Snapshot {
        let values = |bound: &Option<Box<Bound<Template>>>| match bound {
            None => SmallVec::new(),
            Some(bound) => {
                let values = Scope::new(&self.state, step.frame).values(&bound.roots);
                values.into_iter().map(|value| value.cloned()).collect()
            }
        };
        let (inputs, config) = match &self.plan.step(step.step).kind {
            Kind::Agent { inputs, config, .. } => (values(inputs), values(config)),
            _ => Default::default(),
        };
        Snapshot { plan: self.plan.clone(), step: step.step, inputs, config }
    }

    /// The path of a step instance, such as `perStory[3].summarise`; empty if the plan has no such
    /// step.
    pub fn path(&self, step: StepRef) -> String {
        if self.plan.find_step(step.step).is_none() {
            return String::new();
        }
        if self.state.find_frame(step.frame).is_none() {
            return self.plan.path(step.step);
        }
        self.plan.instance_path(step.step, &self.around(step))
    }

    /// The loops and parallel steps around a step, outermost first, with the item or branch.
    pub(crate) fn around(&self, step: StepRef) -> SmallVec<[(u32, u32); 2]> {
        let mut around = SmallVec::new();
        let mut frame = step.frame;
        while frame != 0 {
            let open = self.state.frame(frame);
            let Some(owner) = open.owner else { break };
            around.push((owner.step, open.index));
            frame = owner.frame;
        }
        around.reverse();
        around
    }

    /// The names of the secrets that the inputs and the configuration of a step name; `attempt`
    /// must be given them.
    pub fn secrets(&self, step: StepRef) -> Vec<String> {
        let kind = self.plan.find_step(step.step).map(|step| &step.kind);
        let Some(Kind::Agent { inputs, config, .. }) = kind else { return Vec::new() };
        let bounds = [inputs, config].into_iter().flatten().filter(|bound| bound.secret);
        let mut names: Vec<String> = bounds
            .flat_map(|bound| {
                let secret = |reference: &&Reference| bound.roots[reference.root] == Root::Secrets;
                bound.code.references().iter().filter(secret).filter_map(|reference| {
                    match reference.path.first() {
                        Some(PathSegment::Key(name)) => Some(name.to_string()),
                        _ => None,
                    }
                })
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The step instance of a path, if its frame is open.
    pub fn find(&self, path: &str) -> Option<StepRef> {
        if let Some(step) = self.plan.find(path)
            && self.plan.step(step).body == 0
        {
            return Some(StepRef { frame: 0, step });
        }
        let frames = self.state.frames.values();
        let mut steps = frames.flat_map(|frame| {
            (0..frame.steps.len() as u32).map(|at| StepRef { frame: frame.number, step: frame.base + at })
        });
        steps.find(|step| self.path(*step) == path)
    }

    /// Whether two executions stand exactly alike.
    pub fn stands_like(&self, other: &Self) -> bool {
        self.state == other.state
    }
}
