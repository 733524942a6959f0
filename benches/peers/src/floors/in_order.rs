//! The floor of an engine that does not spawn: every step awaited in order on one task.

use std::hint::black_box;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;

use crate::contestant::{Case, Contestant, Prepared, Unable};
use crate::step::{Count, Shared, Work};

/// One boxed future after another, for graphs that are not chains.
#[derive(Debug)]
pub(super) struct InOrder;

impl Contestant for InOrder {
    fn name(&self) -> &'static str {
        "by hand: boxed futures in order, nothing spawned"
    }

    fn prepare(&self, case: &Case) -> Result<Box<dyn Prepared>, Unable> {
        if case.graph.is_chain() {
            return Err(Unable::NotMeant);
        }
        Ok(Box::new(Steps { case: case.clone() }))
    }
}

struct Steps {
    case: Case,
}

impl Prepared for Steps {
    fn count(&self) -> Count {
        self.case.full_count()
    }

    fn run(&mut self, times: usize) -> BoxFuture<'_, Duration> {
        Box::pin(async move {
            let clock = Instant::now();
            for _ in 0..times {
                black_box(self.once().await);
            }
            clock.elapsed()
        })
    }
}

impl Steps {
    async fn once(&self) -> Vec<Shared> {
        let Case { graph, work, .. } = &self.case;
        let mut values: Vec<Shared> = Vec::with_capacity(graph.steps.len());
        for step in &graph.steps {
            let inputs = step.deps.iter().map(|&dep| values[dep].clone()).collect();
            values.push(black_box(agent(*work, inputs)).await);
        }
        values
    }
}

fn agent(work: Work, inputs: Vec<Shared>) -> BoxFuture<'static, Shared> {
    Box::pin(async move { work.run(&inputs) })
}
