//! The floor of graphs that are not chains: a `JoinSet` for every level of more than one step.

use std::hint::black_box;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio::task::JoinSet;

use crate::contestant::{Case, Contestant, Prepared, Unable};
use crate::step::{Count, Shared, Work};

/// Level after level, each spawned at once and joined.
#[derive(Debug)]
pub(super) struct JoinSets;

impl Contestant for JoinSets {
    fn name(&self) -> &'static str {
        "**floor**: a `JoinSet` a level"
    }

    fn prepare(&self, case: &Case) -> Result<Box<dyn Prepared>, Unable> {
        if case.graph.is_chain() {
            return Err(Unable::NotMeant);
        }
        Ok(Box::new(Levels { levels: case.graph.levels(), case: case.clone() }))
    }
}

struct Levels {
    levels: Vec<Vec<usize>>,
    case: Case,
}

impl Prepared for Levels {
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

impl Levels {
    async fn once(&self) -> Vec<Option<Shared>> {
        let Case { graph, work, .. } = &self.case;
        let mut values: Vec<Option<Shared>> = vec![None; graph.steps.len()];
        let mut set = JoinSet::new();
        for level in &self.levels {
            if let &[step] = &level[..] {
                let inputs = inputs(&values, &graph.steps[step].deps);
                values[step] = Some(agent(*work, inputs).await);
                continue;
            }
            for &step in level {
                let inputs = inputs(&values, &graph.steps[step].deps);
                let work = *work;
                set.spawn(async move { (step, work.run(&inputs)) });
            }
            while let Some(joined) = set.join_next().await {
                let (step, value) = joined.expect("a step panicked");
                values[step] = Some(value);
            }
        }
        values
    }
}

fn inputs(values: &[Option<Shared>], deps: &[usize]) -> Vec<Shared> {
    deps.iter().filter_map(|&dep| values[dep].clone()).collect()
}

fn agent(work: Work, inputs: Vec<Shared>) -> BoxFuture<'static, Shared> {
    Box::pin(async move { work.run(&inputs) })
}
