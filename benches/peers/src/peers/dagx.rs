//! dagx: typed tasks; a level of one step runs in place, others are spawned level by level.
//!
//! A graph runs once and a step has at most 8 inputs. Graphs without a wide join run without it, and their
//! results are read with `get`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use dagx::{DagRunner, Task, TaskHandle, task};
use futures::future::BoxFuture;

use crate::contestant::{BUILT_AHEAD, Building, Case, Contestant, Prepared, Unable, at_once};
use crate::graph::Graph;
use crate::step::{Count, Shared, Work};

/// dagx, with or without the building of a graph for each run.
#[derive(Debug)]
pub(super) struct Dagx {
    pub(super) building: Building,
}

impl Contestant for Dagx {
    fn name(&self) -> &'static str {
        match self.building {
            Building::OnTheClock => "dagx 0.3 (build + run)",
            Building::OffTheClock => "dagx 0.3 (run only)",
        }
    }

    fn prepare(&self, case: &Case) -> Result<Box<dyn Prepared>, Unable> {
        let mut graph = case.graph.clone();
        if graph.most_inputs() > 2 {
            graph = graph.without_join();
        }
        if graph.most_inputs() > 2 {
            return Err(Unable::Because("at most 8 inputs a step"));
        }
        Ok(Box::new(Dags { graph, case: case.clone(), building: self.building }))
    }
}

struct Dags {
    graph: Graph,
    case: Case,
    building: Building,
}

impl Prepared for Dags {
    fn count(&self) -> Count {
        self.case.count_of(&self.graph)
    }

    fn run(&mut self, times: usize) -> BoxFuture<'_, Duration> {
        match self.building {
            Building::OnTheClock => Box::pin(self.build_and_run(times)),
            Building::OffTheClock => Box::pin(self.run_only(times)),
        }
    }
}

impl Dags {
    async fn build_and_run(&self, times: usize) -> Duration {
        let clock = Instant::now();
        for _ in 0..times {
            execute(self.build()).await;
        }
        clock.elapsed()
    }

    async fn run_only(&self, times: usize) -> Duration {
        let mut elapsed = Duration::ZERO;
        let mut left = times;
        while left > 0 {
            let ahead: Vec<_> = (0..left.min(BUILT_AHEAD)).map(|_| self.build()).collect();
            left -= ahead.len();
            let mut ended = Vec::with_capacity(ahead.len());
            let clock = Instant::now();
            for dags in ahead {
                ended.push(execute(dags).await);
            }
            elapsed += clock.elapsed();
        }
        elapsed
    }

    fn build(&self) -> Vec<Dag> {
        (0..self.case.executions).map(|_| Dag::build(&self.graph, self.case.work)).collect()
    }
}

/// Runs graphs at once and returns them, so that the caller says when they are dropped.
async fn execute(mut dags: Vec<Dag>) -> Vec<Dag> {
    if let [dag] = &dags[..] {
        dag.run().await;
        return dags;
    }
    let run = |dag: Dag| async move {
        dag.run().await;
        dag
    };
    at_once(dags.drain(..).map(run)).await
}

struct Dag {
    runner: DagRunner,
    ends: Vec<TaskHandle<Shared>>,
}

impl Dag {
    fn build(graph: &Graph, work: Work) -> Self {
        let runner = DagRunner::new();
        let mut handles: Vec<TaskHandle<Shared>> = Vec::with_capacity(graph.steps.len());
        let mut has_dependents = vec![false; graph.steps.len()];
        for step in &graph.steps {
            for &dep in &step.deps {
                has_dependents[dep] = true;
            }
            handles.push(match step.deps[..] {
                [] => runner.add_task(Source(work)).into(),
                [a] => runner.add_task(One(work)).depends_on(handles[a]),
                [a, b, ..] => runner.add_task(Two(work)).depends_on((&handles[a], &handles[b])),
            });
        }
        let ends =
            handles.into_iter().zip(has_dependents).filter(|(_, has)| !has).map(|(end, _)| end).collect();
        Self { runner, ends }
    }

    async fn run(&self) {
        let spawn = |future| drop(tokio::spawn(future));
        self.runner.run(spawn).await.expect("no step fails");
        for end in &self.ends {
            black_box(self.runner.get(end).expect("every step has run"));
        }
    }
}

struct Source(Work);

#[task]
impl Source {
    async fn run(&self) -> Shared {
        self.0.run(&[])
    }
}

struct One(Work);

#[task]
impl One {
    async fn run(&self, input: &Shared) -> Shared {
        self.0.run_one(input.clone())
    }
}

struct Two(Work);

#[task]
impl Two {
    async fn run(&self, a: &Shared, b: &Shared) -> Shared {
        self.0.run(&[a.clone(), b.clone()])
    }
}
