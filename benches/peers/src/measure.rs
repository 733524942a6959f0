//! Rounds: every contestant once a round, in turn, so that noise hits all alike.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::contestant::{Case, Contestant, Prepared, Unable};
use crate::step::{start_counting, stop_counting};
use crate::table::{Figures, Row, Table};

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// A contestant runs as often in a round as fits here, and at least once.
    pub turn: Duration,
    /// No round begins after this, once the fewest are done.
    pub case: Duration,
    /// Rounds measured even if they take longer.
    pub fewest_rounds: usize,
    /// Rounds after which there is nothing more to learn.
    pub most_rounds: usize,
}

impl Pace {
    /// For figures that are published.
    pub const FULL: Self = Self {
        turn: Duration::from_millis(2),
        case: Duration::from_secs(4),
        fewest_rounds: 15,
        most_rounds: 301,
    };
    /// To see that everything works.
    pub const QUICK: Self = Self {
        turn: Duration::from_micros(500),
        case: Duration::from_millis(300),
        fewest_rounds: 3,
        most_rounds: 51,
    };
}

/// Measures a case on the task it is awaited on, which should be a worker's.
///
/// # Panics
/// If a contestant does not do what it says it does.
pub async fn measure(case: Case, contestants: Vec<Box<dyn Contestant>>, pace: Pace) -> Table {
    let mut entries = Vec::new();
    let mut unable = Vec::new();
    for (place, contestant) in contestants.into_iter().enumerate() {
        let name = contestant.name();
        match contestant.prepare(&case) {
            Ok(prepared) => entries.push(Entry::check(place, name, prepared, pace).await),
            Err(Unable::Because(reason)) => unable.push((place, Row { name, result: Err(reason) })),
            Err(Unable::NotMeant) => {}
        }
    }
    let rounds = run_rounds(&mut entries, pace).await;
    let floor = entries.first().map(|entry| entry.samples.clone()).unwrap_or_default();
    let full = case.full_count();
    let measured = entries.iter().map(|entry| {
        let left_out = full.steps - entry.prepared.count().steps;
        let result = Ok(Figures::new(&entry.samples, &floor, left_out));
        (entry.place, Row { name: entry.name, result })
    });
    let rows: BTreeMap<usize, Row> = measured.chain(unable).collect();
    Table { title: case.to_string(), steps: full.steps, rounds, rows: rows.into_values().collect() }
}

struct Entry {
    /// Among all contestants, which is the order of the rows.
    place: usize,
    name: &'static str,
    prepared: Box<dyn Prepared>,
    times: usize,
    /// Nanoseconds a step, one figure a round.
    samples: Vec<f64>,
}

impl Entry {
    /// Sees that a run does every step once, warms up, and finds how many runs make a turn.
    async fn check(place: usize, name: &'static str, mut prepared: Box<dyn Prepared>, pace: Pace) -> Self {
        start_counting();
        prepared.run(1).await;
        assert_eq!(stop_counting(), prepared.count(), "{name} does not run every step once");

        let mut times = 1;
        loop {
            let took = prepared.run(times).await;
            if took >= pace.turn / 2 || times >= 1 << 20 {
                let fitting = times as f64 * pace.turn.as_secs_f64() / took.as_secs_f64();
                return Self { place, name, prepared, times: (fitting as usize).max(1), samples: Vec::new() };
            }
            times *= 2;
        }
    }

    async fn take_turn(&mut self) {
        let took = self.prepared.run(self.times).await;
        let steps = self.times * self.prepared.count().steps;
        self.samples.push(took.as_nanos() as f64 / steps as f64);
    }
}

/// Who begins moves on by one each round, so that nobody always follows the same neighbour's leftovers.
async fn run_rounds(entries: &mut [Entry], pace: Pace) -> usize {
    let begun = Instant::now();
    let mut rounds = 0;
    while rounds < pace.most_rounds && (rounds < pace.fewest_rounds || begun.elapsed() < pace.case) {
        for turn in 0..entries.len() {
            let index = (turn + rounds) % entries.len();
            entries[index].take_turn().await;
        }
        rounds += 1;
    }
    rounds
}

#[cfg(test)]
mod tests {
    use futures::future::BoxFuture;

    use super::*;
    use crate::graph::Graph;
    use crate::step::{Count, Work};
    use crate::{floors, peers};

    const BRIEF: Pace = Pace { turn: Duration::ZERO, case: Duration::ZERO, fewest_rounds: 1, most_rounds: 1 };

    /// Runs one step and claims a whole graph.
    struct Lazy(Count);

    impl Contestant for Lazy {
        fn name(&self) -> &'static str {
            "lazy"
        }

        fn prepare(&self, case: &Case) -> Result<Box<dyn Prepared>, Unable> {
            Ok(Box::new(Self(case.full_count())))
        }
    }

    impl Prepared for Lazy {
        fn count(&self) -> Count {
            self.0
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
                let contestants = floors::contestants().into_iter().chain(peers::contestants()).collect();
                let table = measure(case, contestants, BRIEF).await;
                assert!(table.rows.len() >= 8, "{table}");
            }
        }

        let case = Case { graph: Graph::chain(5), work: Work::PassOn, executions: 1 };
        let caught =
            tokio::spawn(measure(case, vec![Box::new(Lazy(Count { steps: 0, inputs: 0 }))], BRIEF)).await;
        assert!(caught.is_err());
    }
}
