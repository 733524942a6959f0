//! Rounds: every contestant once a round, in turn, so that noise hits all alike.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use crate::contestant::Case;
use crate::process::{Remote, Start};
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

/// Measures a case; `starts` are the contestants by name, floors first.
///
/// # Errors
/// If a contestant's process fails.
pub fn measure(case: &Case, starts: Vec<(&'static str, Start)>, pace: Pace) -> io::Result<Table> {
    let mut entries = Vec::new();
    let mut rows = BTreeMap::new();
    for (place, (name, start)) in starts.into_iter().enumerate() {
        match start {
            Start::Ready(remote) => entries.push(Entry { place, name, remote, samples: Vec::new() }),
            Start::Unable(reason) => drop(rows.insert(place, Row { name, result: Err(reason) })),
            Start::NotMeant => {}
        }
    }
    let rounds = run_rounds(&mut entries, pace)?;

    let floor = entries.first().map(|entry| entry.samples.clone()).unwrap_or_default();
    let steps = case.full_count().steps;
    for Entry { place, name, remote, samples } in entries {
        let result = Ok(Figures::new(&samples, &floor, steps - remote.steps));
        rows.insert(place, Row { name, result });
        remote.end()?;
    }
    Ok(Table { title: case.to_string(), steps, rounds, rows: rows.into_values().collect() })
}

struct Entry {
    /// Among all contestants, which is the order of the rows.
    place: usize,
    name: &'static str,
    remote: Remote,
    /// Nanoseconds a step, one figure a round.
    samples: Vec<f64>,
}

/// Who begins moves on by one each round, so that nobody always follows the same neighbour's leftovers.
fn run_rounds(entries: &mut [Entry], pace: Pace) -> io::Result<usize> {
    let begun = Instant::now();
    let mut rounds = 0;
    while rounds < pace.most_rounds && (rounds < pace.fewest_rounds || begun.elapsed() < pace.case) {
        for turn in 0..entries.len() {
            let entry = &mut entries[(turn + rounds) % entries.len()];
            entry.samples.push(entry.remote.take_turn()?);
        }
        rounds += 1;
    }
    Ok(rounds)
}
