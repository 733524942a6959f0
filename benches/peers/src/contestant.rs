//! What a contestant must offer: a name, a graph made ready, and runs of it against the clock.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::task::JoinSet;

use crate::graph::Graph;
use crate::step::{Count, Work};

/// One table: a graph, what its steps do, and how many executions of it run at once.
#[derive(Clone, Debug)]
pub struct Case {
    /// The graph.
    pub graph: Graph,
    /// What each step does.
    pub work: Work,
    /// How many executions make one run; they run at the same time.
    pub executions: usize,
}

impl Case {
    /// What a run of the whole case must have done.
    pub fn full_count(&self) -> Count {
        self.count_of(&self.graph)
    }

    /// What a run must have done that executes `graph` in place of the case's own.
    pub fn count_of(&self, graph: &Graph) -> Count {
        Count { steps: graph.steps.len() * self.executions, inputs: graph.edges() * self.executions }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.executions > 1 {
            write!(f, "{} executions at once of a ", self.executions)?;
        }
        write!(f, "{}, {}", self.graph, self.work)
    }
}

/// Why a contestant has no figure for a case; printed as `n/a (reason)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unable {
    /// The row is printed with this reason.
    Because(&'static str),
    /// The contestant is not meant for such graphs; no row is printed.
    NotMeant,
}

/// An engine, or work written by hand, in one way of using it.
pub trait Contestant: Send + Sync {
    /// Name and way of use, as printed.
    fn name(&self) -> &'static str;

    /// Does all that can be done once for many runs.
    ///
    /// # Errors
    /// If this contestant cannot do the case.
    fn prepare(&self, case: &Case) -> Result<Box<dyn Prepared>, Unable>;
}

/// A graph made ready to run.
pub trait Prepared: Send {
    /// What one run does.
    fn count(&self) -> Count;

    /// Runs the case `times` times, one after another, and returns the time that counts.
    ///
    /// The clock is the contestant's own, since some build a graph for each run off the clock.
    fn run(&mut self, times: usize) -> BoxFuture<'_, Duration>;
}

/// Whether what has to be done anew before every run is part of the figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Building {
    /// It is.
    OnTheClock,
    /// It is done between the measured times.
    OffTheClock,
}

/// Graphs built ahead of a measured time: few, so that they are still in the cache when they run.
pub const BUILT_AHEAD: usize = 16;

/// Spawns all and returns what they yield, in the order in which they end.
///
/// # Panics
/// If one of them panics.
pub async fn at_once<F>(futures: impl Iterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let mut set: JoinSet<F::Output> = futures.collect();
    let mut outputs = Vec::with_capacity(set.len());
    while let Some(output) = set.join_next().await {
        outputs.push(output.expect("an execution panicked"));
    }
    outputs
}
