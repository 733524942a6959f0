//! The compiled workflow: flat, dense, shared, never changed.
//!
//! Steps of one body stand next to each other, sorted by key, so that the lowest index is the
//! first to start. Invariants: every index is in range, every body's graph has no cycle, every
//! template's roots are visible from where it stands.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::Value;

use super::inputs::InputRules;
use super::library::Library;
use crate::definition::{Budget, Definition, Join, Needs, OnError, OnLost, OnTimeout, Retry};
use crate::event::{Event, StepRef};
use crate::template::{Expression, Template};

/// A workflow that was checked and made ready to run. Cheap to clone.
#[derive(Clone)]
pub struct Plan(pub(crate) Arc<Parts>);

#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) name: Option<Box<str>>,
    pub(crate) steps: Vec<PlanStep>,
    pub(crate) bodies: Vec<Body>,
    /// Dependents of all steps, one run a step.
    pub(crate) edges: Vec<Edge>,
    /// Dependencies of all steps as indices in the plan, one run a step.
    pub(crate) dependencies: Vec<u32>,
    /// Registered agents by name.
    pub(crate) agents: Vec<Box<str>>,
    pub(crate) inputs: InputRules,
    pub(crate) outputs: Option<Bound<Template>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_parallel: u32,
    pub(crate) budget: Option<Budget>,
    /// `{}`, for everything that is not given.
    pub(crate) empty: Arc<Value>,
    pub(crate) paths: OnceLock<HashMap<Box<str>, u32>>,
    /// The workflows it brings along.
    pub(crate) library: Library,
    /// What it was made from, for journals; kept only where there is one.
    pub(crate) definition: OnceLock<Definition>,
}

/// Steps that are opened together: the workflow itself, a loop's, a branch's.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) steps: Range<u32>,
    /// The step that opens it, and for a branch its number and name.
    pub(crate) owner: Option<Owner>,
    /// A branch of a single step: its output is that step's output.
    pub(crate) single: bool,
    /// Indices of the steps that nothing comes before.
    pub(crate) first: Vec<u32>,
    /// How many dependencies each step has, to begin a frame with.
    pub(crate) blocked: Vec<u32>,
}

#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) step: u32,
    pub(crate) branch: Option<Box<str>>,
}

/// A dependent of a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub(crate) to: u32,
    pub(crate) gate: Gate,
}

/// Whether an edge comes from a condition, and which branch it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    None,
    Then,
    Else,
    Both,
}

#[derive(Debug)]
pub(crate) struct PlanStep {
    pub(crate) key: Box<str>,
    pub(crate) body: u32,
    pub(crate) dependents: Range<u32>,
    pub(crate) dependencies: Range<u32>,
    /// Whether it is in a branch of a condition.
    pub(crate) gated: bool,
    pub(crate) needs: Option<Needs>,
    pub(crate) on_error: OnError,
    pub(crate) retry: Option<Box<Retry>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) guard: Option<Box<Bound<Expression>>>,
    /// Values to add to the output.
    pub(crate) projection: Option<Box<Bound<Template>>>,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Agent {
        agent: u32,
        inputs: Option<Box<Bound<Template>>>,
        config: Option<Box<Bound<Template>>>,
        on_lost: OnLost,
    },
    Pass {
        inputs: Option<Box<Bound<Template>>>,
    },
    Condition(Box<Bound<Expression>>),
    Loop(Box<LoopPlan>),
    Parallel(Box<ParallelPlan>),
    Timer {
        at: Moment,
        value: Box<Bound<Template>>,
    },
    Signal {
        name: Box<Bound<Template>>,
        on_timeout: OnTimeout,
    },
    Approval {
        question: Box<Bound<Template>>,
        on_timeout: OnTimeout,
    },
    Child {
        workflow: Box<str>,
        inputs: Option<Box<Bound<Template>>>,
        wait: bool,
    },
}

/// Whether a timer's value is a time to pass or a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    After,
    At,
}

#[derive(Debug)]
pub(crate) struct LoopPlan {
    pub(crate) body: u32,
    pub(crate) items: Bound<Expression>,
    pub(crate) max_parallel: u32,
    pub(crate) max_iterations: u32,
    pub(crate) output: Option<Bound<Template>>,
}

#[derive(Debug)]
pub(crate) struct ParallelPlan {
    pub(crate) bodies: Vec<u32>,
    pub(crate) join: Join,
}

/// A template or expression with its roots resolved to places in the state.
#[derive(Debug)]
pub(crate) struct Bound<T> {
    pub(crate) code: T,
    pub(crate) roots: Box<[Root]>,
    /// Whether one of the roots is a secret: then only the attempt itself may evaluate it.
    pub(crate) secret: bool,
    /// Names of the step's own inputs, for [`Root::Given`].
    pub(crate) given: Box<[Box<str>]>,
}

/// Where the value of a root is found, seen from the frame of the step that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Inputs,
    Metadata,
    Secrets,
    /// A step's output, that many frames up.
    Step {
        up: u8,
        step: u32,
    },
    /// The item of the iteration that many frames up.
    Item {
        up: u8,
    },
    /// Its index.
    Index {
        up: u8,
    },
    /// The output that is being projected.
    Result,
    /// One of the step's own inputs, as its configuration sees it: the number of its name.
    Given(u16),
    /// All of the step's own inputs.
    AllGiven,
    /// The inputs of the execution with the step's own laid over them.
    Laid,
}

impl Plan {
    /// What the workflow is called.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// How many steps it has, nested ones included.
    pub fn len(&self) -> usize {
        self.0.steps.len()
    }

    /// Never: a plan has steps.
    pub fn is_empty(&self) -> bool {
        self.0.steps.is_empty()
    }

    /// The names of the registered agents it asks.
    pub fn agents(&self) -> impl Iterator<Item = &str> {
        self.0.agents.iter().map(|name| &**name)
    }

    /// The names of the workflows it nests.
    pub fn workflows(&self) -> impl Iterator<Item = &str> {
        self.0.steps.iter().filter_map(|step| match &step.kind {
            Kind::Child { workflow, .. } => Some(&**workflow),
            _ => None,
        })
    }

    /// The names of the workflows it brings along, sorted.
    pub fn library(&self) -> impl Iterator<Item = &str> {
        self.0.library.names()
    }

    /// The JSON Schema of its inputs, if it declares them.
    pub fn input_schema(&self) -> Option<&Value> {
        self.0.inputs.schema()
    }

    /// The order in which the outermost steps would start if each ended before the next began:
    /// the smallest by key among those that are ready, always.
    pub fn order(&self) -> Vec<&str> {
        super::graph::order(&self.0, 0).into_iter().map(|step| &*self.0.steps[step as usize].key).collect()
    }

    /// The key of a step.
    pub(crate) fn key(&self, step: u32) -> &str {
        &self.0.steps[step as usize].key
    }

    pub(crate) fn step(&self, step: u32) -> &PlanStep {
        &self.0.steps[step as usize]
    }

    /// The same for a step that somebody else names.
    pub(crate) fn find_step(&self, step: u32) -> Option<&PlanStep> {
        self.0.steps.get(step as usize)
    }

    pub(crate) fn body(&self, body: u32) -> &Body {
        &self.0.bodies[body as usize]
    }

    /// A step's path in the plan, such as `perStory.summarise`.
    pub(crate) fn path(&self, step: u32) -> String {
        let mut names = Vec::new();
        let mut at = step;
        loop {
            let step = self.step(at);
            let body = self.body(step.body);
            if !body.single {
                names.push(&*step.key);
            }
            let Some(owner) = &body.owner else { break };
            names.extend(owner.branch.as_deref());
            at = owner.step;
        }
        names.reverse();
        names.join(".")
    }

    /// The path of a step instance, such as `perStory[3].summarise`: the step, and the loops and
    /// parallel steps around it with the item or branch, outermost first.
    pub(crate) fn instance_path(&self, step: u32, around: &[(u32, u32)]) -> String {
        let mut path = String::new();
        for (owner, index) in around {
            self.push_name(&mut path, *owner);
            match &self.step(*owner).kind {
                Kind::Loop(_) => path.push_str(&format!("[{index}]")),
                Kind::Parallel(fork) => {
                    let body = fork.bodies.get(*index as usize).map(|body| self.body(*body));
                    let branch = body.and_then(|body| body.owner.as_ref()?.branch.as_deref());
                    path.push('.');
                    path.push_str(branch.unwrap_or_default());
                }
                _ => {}
            }
        }
        self.push_name(&mut path, step);
        path
    }

    /// The next name of a path. A step that is all of a branch goes by the branch's name.
    fn push_name(&self, path: &mut String, step: u32) {
        if self.body(self.step(step).body).single {
            return;
        }
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(self.key(step));
    }

    /// The step of a path in the plan.
    pub(crate) fn find(&self, path: &str) -> Option<u32> {
        let steps = u32::try_from(self.0.steps.len()).ok()?;
        let paths = self.0.paths.get_or_init(|| {
            (0..steps).map(|step| (self.path(step).into_boxed_str(), step)).collect::<HashMap<_, _>>()
        });
        paths.get(path).copied()
    }

    /// An event as JSON, steps named by their paths.
    pub fn encode(&self, event: &Event) -> Value {
        let Event { seq, at, fact } = event.clone();
        let named = fact.try_map(&|step: StepRef| {
            let path = self.path(step.step);
            Ok::<_, std::convert::Infallible>(match step.frame {
                0 => path,
                frame => format!("{path}#{frame}"),
            })
        });
        match named {
            Ok(fact) => serde_json::to_value(Event { seq, at, fact }).unwrap_or_default(),
            Err(never) => match never {},
        }
    }

    /// The event of a JSON value that [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// A sentence that says what does not fit; for example a step this plan does not have.
    pub fn decode(&self, value: &Value) -> Result<Event, String> {
        use serde::Deserialize;
        let named = Event::<String>::deserialize(value).map_err(|error| error.to_string())?;
        let fact = named.fact.try_map(&|name: String| {
            let (path, frame) = match name.rsplit_once('#') {
                Some((path, frame)) => {
                    (path, frame.parse().map_err(|_| format!("`{name}` has a bad frame number"))?)
                }
                None => (&*name, 0),
            };
            let step =
                self.find(path).ok_or_else(|| format!("step `{path}` does not exist in this workflow"))?;
            Ok::<_, String>(StepRef { frame, step })
        })?;
        Ok(Event { seq: named.seq, at: named.at, fact })
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("name", &self.0.name)
            .field("steps", &self.0.steps.len())
            .finish_non_exhaustive()
    }
}
