//! What every step of every contestant does, and the count that proves it did.
//!
//! While nothing is counted a step reads one flag that nobody writes, so that counting costs the same next
//! to nothing to all.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use serde_json::{Value, json};

/// A value handed from step to step without copying it.
pub type Shared = Arc<Value>;

/// What a step makes of the first of its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The input is the output.
    PassOn,
    /// The output is a new object with the input's field.
    Anew,
}

impl Work {
    /// A step that shares its inputs. A step without inputs yields `{"n": 7}`.
    pub fn run(self, inputs: &[Shared]) -> Shared {
        count(inputs.iter().map(AsRef::as_ref));
        match (self, inputs.first()) {
            (_, None) => Arc::new(first()),
            (Self::PassOn, Some(input)) => Arc::clone(input),
            (Self::Anew, Some(input)) => Arc::new(anew(input)),
        }
    }

    /// A step that takes the one input it has.
    pub fn run_one(self, input: Shared) -> Shared {
        count([&*input].into_iter());
        match self {
            Self::PassOn => input,
            Self::Anew => Arc::new(anew(&input)),
        }
    }

    /// A step of an engine that copies values into and out of a context.
    pub fn run_owned(self, inputs: Vec<Value>) -> Value {
        count(inputs.iter());
        match (self, inputs.into_iter().next()) {
            (_, None) => first(),
            (Self::PassOn, Some(input)) => input,
            (Self::Anew, Some(input)) => anew(&input),
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PassOn => "value passed on",
            Self::Anew => "object built anew",
        })
    }
}

fn first() -> Value {
    json!({ "n": 7 })
}

fn anew(input: &Value) -> Value {
    json!({ "n": input["n"] })
}

static COUNTING: AtomicBool = AtomicBool::new(false);
static STEPS: AtomicUsize = AtomicUsize::new(0);
static INPUTS: AtomicUsize = AtomicUsize::new(0);

/// How many steps ran, and how many right inputs they were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Steps that ran.
    pub steps: usize,
    /// Inputs that held `{"n": 7}`.
    pub inputs: usize,
}

/// Starts to count from nothing.
pub fn start_counting() {
    STEPS.store(0, Relaxed);
    INPUTS.store(0, Relaxed);
    COUNTING.store(true, Relaxed);
}

/// Ends counting and tells what was counted.
pub fn stop_counting() -> Count {
    COUNTING.store(false, Relaxed);
    Count { steps: STEPS.load(Relaxed), inputs: INPUTS.load(Relaxed) }
}

#[inline]
fn count<'a>(inputs: impl Iterator<Item = &'a Value>) {
    if COUNTING.load(Relaxed) {
        STEPS.fetch_add(1, Relaxed);
        INPUTS.fetch_add(inputs.filter(|input| input["n"] == 7).count(), Relaxed);
    }
}
