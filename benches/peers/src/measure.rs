//! Rounds: every contestant once a round, in turn, so that noise hits all alike.

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
    let mut rows = Vec::new();
    for contestant in contestants {
        match contestant.prepare(&case) {
            Ok(prepared) => entries.push(Entry::check(contestant.name(), prepared, pace).await),
            Err(Unable::Because(reason)) => rows.push(Row { name: contestant.name(), result: Err(reason) }),
            Err(Unable::NotMeant) => {}
        }
    }
    let rounds = run_rounds(&mut entries, pace).await;
    let floor = entries.first().map(|entry| entry.samples.clone()).unwrap_or_default();
    let full = case.full_count();
    let measured = entries.iter().map(|entry| {
        let left_out = full.steps - entry.prepared.count().steps;
        Row { name: entry.name, result: Ok(Figures::new(&entry.samples, &floor, left_out)) }
    });
    let rows = measured.chain(rows).collect();
    Table { title: case.to_string(), steps: full.steps, rounds, rows }
}

struct Entry {
    name: &'static str,
    prepared: Box<dyn Prepared>,
    times: usize,
    /// Nanoseconds a step, one figure a round.
    samples: Vec<f64>,
}

impl Entry {
    /// Sees that a run does every step once, warms up, and finds how many runs make a turn.
    async fn check(name: &'static str, mut prepared: Box<dyn Prepared>, pace: Pace) -> Self {
        start_counting();
        prepared.run(1).await;
        assert_eq!(stop_counting(), prepared.count(), "{name} does not run every step once");

        let mut times = 1;
        loop {
            let took = prepared.run(times).await;
            if took >= pace.turn / 2 || times >= 1 << 20 {
                let fitting = times as f64 * pace.turn.as_secs_f64() / took.as_secs_f64();
                return Self { name, prepared, times: (fitting as usize).max(1), samples: Vec::new() };
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
