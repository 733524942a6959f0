//! One contestant with one case: checked once, then measured a turn at a time.

use std::time::Duration;

use crate::contestant::Prepared;
use crate::step::{start_counting, stop_counting};

/// A prepared case of which it is known that a run does every step once.
pub struct Turns {
    prepared: Box<dyn Prepared>,
    times: usize,
}

impl Turns {
    /// Sees that a run does every step once, warms up, and finds how many runs fit into `turn`.
    ///
    /// # Panics
    /// If the contestant does not do what it says it does.
    pub async fn check(mut prepared: Box<dyn Prepared>, turn: Duration) -> Self {
        start_counting();
        prepared.run(1).await;
        assert_eq!(stop_counting(), prepared.count(), "not every step ran once");

        let mut times = 1;
        loop {
            let took = prepared.run(times).await;
            if took >= turn / 2 || times >= 1 << 20 {
                let fitting = times as f64 * turn.as_secs_f64() / took.as_secs_f64();
                return Self { prepared, times: (fitting as usize).max(1) };
            }
            times *= 2;
        }
    }

    /// Steps of one run.
    pub fn steps(&self) -> usize {
        self.prepared.count().steps
    }

    /// Nanoseconds a step, after a run that does not count since others have had the caches.
    pub async fn take(&mut self) -> f64 {
        self.prepared.run(1).await;
        let took = self.prepared.run(self.times).await;
        took.as_nanos() as f64 / (self.times * self.steps()) as f64
    }
}

impl std::fmt::Debug for Turns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turns").field("times", &self.times).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::future::BoxFuture;

    use super::*;
    use crate::contestant::{Case, Unable};
    use crate::graph::Graph;
    use crate::step::{Count, Work};
    use crate::{floors, peers};

    /// Runs one step and claims two.
    struct Lazy;

    impl Prepared for Lazy {
        fn count(&self) -> Count {
            Count { steps: 2, inputs: 0 }
        }

        fn run(&mut self, _: usize) -> BoxFuture<'_, Duration> {
            Work::PassOn.run(&[]);
            Box::pin(std::future::ready(Duration::from_nanos(1)))
        }
    }

    // One test, since the count of steps is one for the process.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_runs_every_step_is_measured_and_whoever_does_not_is_caught() {
        for graph in [Graph::chain(5), Graph::fan_out(30), Graph::layers(3, 10), Graph::diamonds(3)] {
            for work in [Work::PassOn, Work::Anew] {
                let case = Case { graph: graph.clone(), work, executions: 1 };
                for contestant in floors::contestants().into_iter().chain(peers::contestants()) {
                    match contestant.prepare(&case) {
                        Ok(prepared) => {
                            let mut turns = Turns::check(prepared, Duration::ZERO).await;
                            assert!(turns.take().await > 0.0, "{case}: {}", contestant.name());
                        }
                        Err(Unable::Because(_) | Unable::NotMeant) => {}
                    }
                }
            }
        }
        let caught = tokio::spawn(async { Turns::check(Box::new(Lazy), Duration::ZERO).await }).await;
        assert!(caught.is_err());
    }
}
