//! async_dag: a graph of closures, driven on one task.
//!
//! A graph runs once, is not `Send`, and a step has at most 12 inputs. Graphs without a wide join run without
//! it, and their results are read with `get_value`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use async_dag::{Graph, NodeIndex};
use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all};

use crate::contestant::{BUILT_AHEAD, Building, Case, Contestant, Prepared, Unable};
use crate::graph;
use crate::step::{Count, Shared, Work};

/// async_dag, with or without the building of a graph for each run.
#[derive(Debug)]
pub(super) struct AsyncDag {
    pub(super) building: Building,
}

/// The arity of the largest closure that async_dag accepts.
const MOST_INPUTS: usize = 12;

impl Contestant for AsyncDag {
    fn name(&self) -> &'static str {
        match self.building {
            Building::OnTheClock => "async_dag 0.1 (build + run)",
            Building::OffTheClock => "async_dag 0.1 (run only)",
        }
    }

    fn prepare(&self, case: &Case) -> Result<Box<dyn Prepared>, Unable> {
        let mut graph = case.graph.clone();
        if graph.most_inputs() > MOST_INPUTS {
            graph = graph.without_join();
        }
        if !graph.steps.iter().all(|step| matches!(step.deps.len(), 0 | 1 | 2 | 10)) {
            return Err(Unable::Because("at most 12 inputs a step"));
        }
        Ok(Box::new(Dags { graph, case: case.clone(), building: self.building }))
    }
}

struct Dags {
    graph: graph::Graph,
    case: Case,
    building: Building,
}

impl Prepared for Dags {
    fn count(&self) -> Count {
        self.case.count_of(&self.graph)
    }

    fn run(&mut self, times: usize) -> BoxFuture<'_, Duration> {
        let elapsed = match self.building {
            Building::OnTheClock => self.build_and_run(times),
            Building::OffTheClock => self.run_only(times),
        };
        Box::pin(std::future::ready(elapsed))
    }
}

impl Dags {
    fn build_and_run(&self, times: usize) -> Duration {
        let clock = Instant::now();
        for _ in 0..times {
            execute(&mut self.build());
        }
        clock.elapsed()
    }

    fn run_only(&self, times: usize) -> Duration {
        let mut elapsed = Duration::ZERO;
        let mut left = times;
        while left > 0 {
            let mut ahead: Vec<_> = (0..left.min(BUILT_AHEAD)).map(|_| self.build()).collect();
            left -= ahead.len();
            let clock = Instant::now();
            for dags in &mut ahead {
                execute(dags);
            }
            elapsed += clock.elapsed();
        }
        elapsed
    }

    fn build(&self) -> Vec<Dag> {
        (0..self.case.executions).map(|_| Dag::build(&self.graph, self.case.work)).collect()
    }
}

/// Runs graphs at once, on this task.
fn execute(dags: &mut [Dag]) {
    let run = async {
        match dags {
            [dag] => dag.run().await,
            dags => drop(join_all(dags.iter_mut().map(Dag::run)).await),
        }
    };
    run.now_or_never().expect("no step of these graphs ever waits");
}

struct Dag {
    graph: Graph<'static>,
    ends: Vec<NodeIndex>,
}

impl Dag {
    fn build(described: &graph::Graph, work: Work) -> Self {
        let mut graph = Graph::new();
        let mut nodes: Vec<NodeIndex> = Vec::with_capacity(described.steps.len());
        let mut has_dependents = vec![false; described.steps.len()];
        for step in &described.steps {
            for &dep in &step.deps {
                has_dependents[dep] = true;
            }
            nodes.push(add_step(&mut graph, &nodes, &step.deps, work));
        }
        let ends =
            nodes.into_iter().zip(has_dependents).filter(|(_, has)| !has).map(|(node, _)| node).collect();
        Self { graph, ends }
    }

    async fn run(&mut self) {
        self.graph.run().await;
        for &end in &self.ends {
            black_box(self.graph.get_value::<Shared>(end).expect("every step has run"));
        }
    }
}

/// A closure of ten inputs: async_dag knows the inputs of a step by the closure's parameters.
macro_rules! join_of_ten {
    ($work:ident) => {
        join_of_ten!($work: a b c d e f g h i j)
    };
    ($work:ident: $($input:ident)*) => {
        move |$($input: Shared),*| async move { $work.run(&[$($input),*]) }
    };
}

fn add_step(graph: &mut Graph<'static>, nodes: &[NodeIndex], deps: &[usize], work: Work) -> NodeIndex {
    let Some((&first, others)) = deps.split_first() else {
        return graph.add_task(move || async move { work.run(&[]) });
    };
    let first = nodes[first];
    let added = match others.len() {
        0 => graph.add_child_task(first, move |a: Shared| async move { work.run_one(a) }, 0).ok(),
        1 => {
            let join = move |a: Shared, b: Shared| async move { work.run(&[a, b]) };
            graph.add_child_task(first, join, 0).ok()
        }
        _ => graph.add_child_task(first, join_of_ten!(work), 0).ok(),
    };
    let node = added.expect("inputs and outputs are of one type");
    for (index, &dep) in (1..).zip(others) {
        graph.update_dependency(nodes[dep], node, index).expect("the step has an input for every dependency");
    }
    node
}
