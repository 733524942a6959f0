//! The floor of chains: a loop that awaits one boxed future a step. Knows nothing but chains.

use std::hint::black_box;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;

use crate::contestant::{Case, Contestant, Prepared, Unable, at_once};
use crate::step::{Count, Shared, Work};

/// A loop over boxed futures.
#[derive(Debug)]
pub(super) struct Looped;

impl Contestant for Looped {
    fn name(&self) -> &'static str {
        "**floor**: a loop that awaits boxed futures"
    }

    fn prepare(&self, case: &Case) -> Result<Box<dyn Prepared>, Unable> {
        if !case.graph.is_chain() {
            return Err(Unable::NotMeant);
        }
        Ok(Box::new(Chain { work: case.work, length: case.graph.steps.len(), case: case.clone() }))
    }
}

struct Chain {
    work: Work,
    length: usize,
    case: Case,
}

impl Prepared for Chain {
    fn count(&self) -> Count {
        self.case.full_count()
    }

    fn run(&mut self, times: usize) -> BoxFuture<'_, Duration> {
        let (work, length, executions) = (self.work, self.length, self.case.executions);
        Box::pin(async move {
            let clock = Instant::now();
            for _ in 0..times {
                if executions == 1 {
                    black_box(chain(work, length).await);
                } else {
                    black_box(at_once((0..executions).map(|_| chain(work, length))).await);
                }
            }
            clock.elapsed()
        })
    }
}

async fn chain(work: Work, length: usize) -> Shared {
    let mut value = work.run(&[]);
    for _ in 1..length {
        value = black_box(agent(work, value)).await;
    }
    value
}

fn agent(work: Work, input: Shared) -> BoxFuture<'static, Shared> {
    Box::pin(async move { work.run_one(input) })
}
