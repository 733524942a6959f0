//! Workflows in code: steps with setters, put together without reading any text.

use std::time::Duration;

use serde_json::{Map, Value};

use super::workflow::{
    AgentStep, Branch, Budget, ConditionStep, Fallback, Inputs, Join, LoopStep, NamedAgent, NamedWorkflow,
    Needs, OnError, OnLost, OnTimeout, ParallelStep, Retry, Step, StepKind, Wait, Workflow, WorkflowStep,
};

/// Builds a [`Workflow`]. What does not fit together is `compile`'s to say.
///
/// ```
/// use serde_json::json;
/// use turbocat_core::{Step, Workflow};
///
/// let workflow = Workflow::builder("brief")
///     .step(Step::agent("fetch", "hn-search").inputs(json!({ "query": "{{ inputs.topic }}" })))
///     .step(Step::condition("enough", "{{ fetch.stories | length >= 3 }}").then(["send"]))
///     .step(Step::agent("send", "api"))
///     .build();
/// assert_eq!(workflow.steps.len(), 3);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct WorkflowBuilder {
    workflow: Workflow,
}

impl Workflow {
    /// A builder of a workflow of that name.
    pub fn builder(name: impl Into<String>) -> WorkflowBuilder {
        WorkflowBuilder { workflow: Self { name: Some(name.into()), ..Self::default() } }
    }
}

impl WorkflowBuilder {
    /// What the workflow is for.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.workflow.description = Some(description.into());
        self
    }

    /// The JSON Schema of what an execution must be given.
    pub fn inputs(mut self, schema: Value) -> Self {
        self.workflow.inputs = Some(Inputs { schema });
        self
    }

    /// A named agent: the agent behind it and its configuration.
    pub fn agent(mut self, name: impl Into<String>, agent: impl Into<String>, config: Value) -> Self {
        let agent = NamedAgent { name: name.into(), agent: agent.into(), config: object(config) };
        self.workflow.agents.push(agent);
        self
    }

    /// A workflow to bring along, to be nested by that name.
    pub fn workflow(mut self, name: impl Into<String>, workflow: Workflow) -> Self {
        let named = NamedWorkflow { name: name.into(), workflow };
        self.workflow.workflows = self.workflow.workflows.iter().cloned().chain([named]).collect();
        self
    }

    /// How long an execution may work.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.workflow.timeout = Some(timeout);
        self
    }

    /// How many attempts may run at once.
    pub const fn max_parallel(mut self, max_parallel: u32) -> Self {
        self.workflow.max_parallel = Some(max_parallel);
        self
    }

    /// What an execution may use.
    pub const fn budget(mut self, budget: Budget) -> Self {
        self.workflow.budget = Some(budget);
        self
    }

    /// One more step.
    pub fn step(mut self, step: Step) -> Self {
        self.workflow.steps.push(step);
        self
    }

    /// More steps.
    pub fn steps(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.workflow.steps.extend(steps);
        self
    }

    /// The template of the execution's output.
    pub fn outputs(mut self, outputs: Value) -> Self {
        self.workflow.outputs = Some(outputs);
        self
    }

    /// Something a tool wants to keep.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.workflow.metadata.insert(key.into(), value.into());
        self
    }

    /// The workflow.
    pub fn build(self) -> Workflow {
        self.workflow
    }
}

impl Step {
    /// A step of a kind, with everything else as it is by default.
    pub fn new(key: impl Into<String>, kind: StepKind) -> Self {
        Self {
            key: key.into(),
            name: None,
            kind,
            depends_on: Vec::new(),
            when: None,
            needs: None,
            on_error: OnError::default(),
            retry: Retry::default(),
            timeout: None,
            deadline: None,
            outputs: Map::new(),
            metadata: Map::new(),
        }
    }

    /// Asks an agent.
    pub fn agent(key: impl Into<String>, agent: impl Into<String>) -> Self {
        Self::new(key, StepKind::Agent(AgentStep { agent: Some(agent.into()), ..AgentStep::default() }))
    }

    /// Hands its inputs on as its output.
    pub fn pass(key: impl Into<String>, inputs: Value) -> Self {
        Self::new(key, StepKind::Agent(AgentStep { inputs: Some(inputs), ..AgentStep::default() }))
    }

    /// Evaluates an expression; see [`Step::then`] and [`Step::otherwise`].
    pub fn condition(key: impl Into<String>, condition: impl Into<Value>) -> Self {
        let condition =
            ConditionStep { condition: condition.into(), then: Vec::new(), otherwise: Vec::new() };
        Self::new(key, StepKind::Condition(condition))
    }

    /// Does steps once per item of a list.
    pub fn for_each(
        key: impl Into<String>,
        items: impl Into<Value>,
        steps: impl IntoIterator<Item = Self>,
    ) -> Self {
        let body = LoopStep {
            items: items.into(),
            item_name: "item".to_owned(),
            index_name: "index".to_owned(),
            max_parallel: 1,
            max_iterations: LoopStep::DEFAULT_MAX_ITERATIONS,
            steps: steps.into_iter().collect(),
            output: None,
        };
        Self::new(key, StepKind::Loop(body))
    }

    /// Does branches side by side; see [`Step::branch`].
    pub fn parallel(key: impl Into<String>) -> Self {
        Self::new(key, StepKind::Parallel(ParallelStep::default()))
    }

    /// Waits for a time to pass.
    pub fn wait_for(key: impl Into<String>, duration: Duration) -> Self {
        let text = crate::duration::format_duration(duration);
        Self::new(key, StepKind::Wait(Wait::For(Value::String(text))))
    }

    /// Waits until a moment: RFC 3339 text, milliseconds since 1970, or a template of either.
    pub fn wait_until(key: impl Into<String>, moment: impl Into<Value>) -> Self {
        Self::new(key, StepKind::Wait(Wait::Until(moment.into())))
    }

    /// Waits for a signal.
    pub fn signal(key: impl Into<String>, name: impl Into<Value>) -> Self {
        let wait = Wait::Signal { name: name.into(), on_timeout: OnTimeout::default() };
        Self::new(key, StepKind::Wait(wait))
    }

    /// Waits for a person's yes or no.
    pub fn approval(key: impl Into<String>, question: impl Into<Value>) -> Self {
        let wait = Wait::Approval { question: question.into(), on_timeout: OnTimeout::default() };
        Self::new(key, StepKind::Wait(wait))
    }

    /// Starts another workflow.
    pub fn workflow(key: impl Into<String>, workflow: impl Into<String>) -> Self {
        let step = WorkflowStep { workflow: workflow.into(), inputs: None, wait_for_completion: true };
        Self::new(key, StepKind::Workflow(step))
    }

    /// The template of the inputs of an agent or a nested workflow. Of other steps: nothing.
    #[must_use]
    pub fn inputs(mut self, inputs: Value) -> Self {
        match &mut self.kind {
            StepKind::Agent(step) => step.inputs = Some(inputs),
            StepKind::Workflow(step) => step.inputs = Some(inputs),
            _ => {}
        }
        self
    }

    /// The template of an agent's configuration. Of other steps: nothing.
    #[must_use]
    pub fn config(mut self, config: Value) -> Self {
        if let StepKind::Agent(step) = &mut self.kind {
            step.config = object(config);
        }
        self
    }

    /// What happens when whoever did an attempt of an agent went away. Of other steps: nothing.
    #[must_use]
    pub const fn on_lost(mut self, on_lost: OnLost) -> Self {
        if let StepKind::Agent(AgentStep { agent: Some(_), on_lost: kept, .. }) = &mut self.kind {
            *kept = on_lost;
        }
        self
    }

    /// The steps that go on when a condition is true. Of other steps: nothing.
    #[must_use]
    pub fn then<K: Into<String>>(mut self, steps: impl IntoIterator<Item = K>) -> Self {
        if let StepKind::Condition(step) = &mut self.kind {
            step.then.extend(steps.into_iter().map(Into::into));
        }
        self
    }

    /// The steps that go on when a condition is false. Of other steps: nothing.
    #[must_use]
    pub fn otherwise<K: Into<String>>(mut self, steps: impl IntoIterator<Item = K>) -> Self {
        if let StepKind::Condition(step) = &mut self.kind {
            step.otherwise.extend(steps.into_iter().map(Into::into));
        }
        self
    }

    /// The names of a loop's item and index in templates. Of other steps: nothing.
    #[must_use]
    pub fn items_as(mut self, item: impl Into<String>, index: impl Into<String>) -> Self {
        if let StepKind::Loop(step) = &mut self.kind {
            step.item_name = item.into();
            step.index_name = index.into();
        }
        self
    }

    /// How many iterations of a loop may be open at once. Of other steps: nothing.
    #[must_use]
    pub const fn max_parallel(mut self, max_parallel: u32) -> Self {
        if let StepKind::Loop(step) = &mut self.kind {
            step.max_parallel = max_parallel;
        }
        self
    }

    /// How many items a loop accepts. Of other steps: nothing.
    #[must_use]
    pub const fn max_iterations(mut self, max_iterations: u32) -> Self {
        if let StepKind::Loop(step) = &mut self.kind {
            step.max_iterations = max_iterations;
        }
        self
    }

    /// The template of one result of a loop. Of other steps: nothing.
    #[must_use]
    pub fn output(mut self, output: impl Into<Value>) -> Self {
        if let StepKind::Loop(step) = &mut self.kind {
            step.output = Some(output.into());
        }
        self
    }

    /// One more branch of a parallel step. Of other steps: nothing.
    #[must_use]
    pub fn branch(mut self, name: impl Into<String>, steps: impl IntoIterator<Item = Self>) -> Self {
        if let StepKind::Parallel(step) = &mut self.kind {
            let steps = steps.into_iter().collect();
            step.branches.push(Branch { key: name.into(), steps, single: false });
        }
        self
    }

    /// One more branch of a parallel step, made of one step: its key is the branch's, and its
    /// output the branch's output. Of other steps: nothing.
    #[must_use]
    pub fn branch_step(mut self, step: Self) -> Self {
        if let StepKind::Parallel(parallel) = &mut self.kind {
            parallel.branches.push(Branch { key: step.key.clone(), steps: vec![step], single: true });
        }
        self
    }

    /// How many branches of a parallel step must complete. Of other steps: nothing.
    #[must_use]
    pub const fn join(mut self, join: Join) -> Self {
        if let StepKind::Parallel(step) = &mut self.kind {
            step.join = join;
        }
        self
    }

    /// What a wait for a signal or a person does when its timeout passes. Of other steps:
    /// nothing.
    #[must_use]
    pub const fn on_timeout(mut self, on_timeout: OnTimeout) -> Self {
        if let StepKind::Wait(
            Wait::Signal { on_timeout: kept, .. } | Wait::Approval { on_timeout: kept, .. },
        ) = &mut self.kind
        {
            *kept = on_timeout;
        }
        self
    }

    /// Starts a nested workflow without waiting for its end. Of other steps: nothing.
    #[must_use]
    pub const fn detached(mut self) -> Self {
        if let StepKind::Workflow(step) = &mut self.kind {
            step.wait_for_completion = false;
        }
        self
    }

    /// A name for people.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Steps to wait for beyond those it refers to.
    #[must_use]
    pub fn depends_on<K: Into<String>>(mut self, steps: impl IntoIterator<Item = K>) -> Self {
        self.depends_on.extend(steps.into_iter().map(Into::into));
        self
    }

    /// An expression; if it is false the step is skipped.
    #[must_use]
    pub fn when(mut self, when: impl Into<Value>) -> Self {
        self.when = Some(when.into());
        self
    }

    /// What must be true of the steps before it.
    #[must_use]
    pub const fn needs(mut self, needs: Needs) -> Self {
        self.needs = Some(needs);
        self
    }

    /// What happens when it fails.
    #[must_use]
    pub const fn on_error(mut self, on_error: OnError) -> Self {
        self.on_error = on_error;
        self
    }

    /// Tries it again when it fails.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.on_error = OnError::Retry;
        self.retry = retry;
        self
    }

    /// How long one attempt may take.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long all attempts may take together.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// A value to add to the output.
    #[must_use]
    pub fn add_output(mut self, key: impl Into<String>, template: impl Into<Value>) -> Self {
        self.outputs.insert(key.into(), template.into());
        self
    }

    /// Something a tool wants to keep.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// As rows have it: a step that does not fail the execution is done after a failed one.
    pub(super) fn tolerate(&mut self) {
        if self.on_error != OnError::Fail {
            self.needs.get_or_insert(Needs::Finished);
        }
    }
}

impl Retry {
    /// That many attempts after the first, with pauses that double from one second.
    pub fn times(max: u32) -> Self {
        Self { max, ..Self::default() }
    }

    /// The pause before the second attempt.
    #[must_use]
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// By what each further pause is longer.
    #[must_use]
    pub const fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// The longest pause.
    #[must_use]
    pub const fn max_delay(mut self, max_delay: Duration) -> Self {
        self.max_delay = max_delay;
        self
    }

    /// How much of a pause chance may add, from 0 to 1.
    #[must_use]
    pub const fn jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }

    /// The kinds of failures to try again, such as `timeout` or `http.5xx`.
    #[must_use]
    pub fn on<K: Into<String>>(mut self, kinds: impl IntoIterator<Item = K>) -> Self {
        self.on.extend(kinds.into_iter().map(Into::into));
        self
    }

    /// What happens after the last attempt.
    #[must_use]
    pub const fn then(mut self, then: Fallback) -> Self {
        self.then = then;
        self
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
