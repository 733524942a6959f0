//! How long things take. Medians: a machine that is shared has long moments.

use std::fmt;
use std::time::{Duration, Instant};

/// The median and the slow end of many times.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Half of the times are shorter.
    pub median: Duration,
    /// One time in a hundred is longer.
    pub slow: Duration,
    /// None is shorter.
    pub best: Duration,
}

impl Figure {
    /// Of these times.
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
        Self { median: at(50), slow: at(99), best: at(0) }
    }

    /// How many times as long as another.
    pub fn against(self, other: Self) -> f64 {
        self.median.as_secs_f64() / other.median.as_secs_f64()
    }

    /// The same of the shortest times.
    pub fn best_against(self, other: Self) -> f64 {
        self.best.as_secs_f64() / other.best.as_secs_f64()
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        write!(f, "{:9.2} µs (p99 {:9.2})", micros(self.median), micros(self.slow))
    }
}

/// Several things in turns, so that whatever else the machine does hits all alike.
pub fn side_by_side(rounds: usize, works: &mut [&mut dyn FnMut()]) -> Vec<Figure> {
    let mut times = vec![Vec::with_capacity(rounds); works.len()];
    for round in 0..rounds + rounds / 10 {
        for (work, times) in works.iter_mut().zip(&mut times) {
            let took = time(work);
            // the first tenth warms up
            if round >= rounds / 10 {
                times.push(took);
            }
        }
    }
    times.into_iter().map(Figure::of).collect()
}

fn time(work: &mut dyn FnMut()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}
