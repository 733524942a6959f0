//! Rounds: every case once a round, in turn, so that noise hits all alike. Figures are medians and
//! best rounds, ratios are taken within a round.
//!
//! What counts is the time that the thread was given, not the time on the wall: all is done on one
//! thread that never sleeps, and whatever else the machine does meanwhile would hit what takes long
//! more often than what is over before its time slice is.

use std::time::{Duration, Instant};

pub(crate) use cpu_time::ThreadTime;

/// How long to measure.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    /// A case runs as often in a round as fits here, and at least once.
    pub(crate) turn: Duration,
    /// No round begins after this, once the fewest are done.
    pub(crate) table: Duration,
    /// Rounds measured even if they take longer.
    pub(crate) fewest_rounds: usize,
    /// Rounds after which there is nothing more to learn.
    pub(crate) most_rounds: usize,
}

impl Pace {
    /// For figures that are published.
    pub(crate) const FULL: Self = Self {
        turn: Duration::from_millis(2),
        table: Duration::from_secs(6),
        fewest_rounds: 7,
        most_rounds: 201,
    };
    /// To see that everything works.
    pub(crate) const QUICK: Self = Self {
        turn: Duration::from_micros(500),
        table: Duration::from_millis(500),
        fewest_rounds: 3,
        most_rounds: 31,
    };
}

/// Something to measure.
pub(crate) struct Case<'a> {
    /// How many things one run does; the figures are nanoseconds a thing.
    units: f64,
    /// Does it that many times and says how long the part that counts took.
    run: Box<dyn FnMut(usize) -> Duration + 'a>,
}

impl<'a> Case<'a> {
    /// A case that keeps its own time.
    pub(crate) fn timed(units: usize, run: impl FnMut(usize) -> Duration + 'a) -> Self {
        Self { units: units as f64, run: Box::new(run) }
    }

    /// A case all of which counts.
    pub(crate) fn new<T>(units: usize, mut once: impl FnMut() -> T + 'a) -> Self {
        Self::timed(units, move |times| {
            let clock = ThreadTime::now();
            for _ in 0..times {
                std::hint::black_box(once());
            }
            clock.elapsed()
        })
    }
}

/// Nanoseconds a unit, one figure a round.
#[derive(Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn push(&mut self, sample: f64) {
        self.0.push(sample);
    }

    pub(crate) fn median(&self) -> f64 {
        median(self.0.clone())
    }

    pub(crate) fn best(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::min)
    }

    /// Median over the rounds of the ratio to the other's figure of the same round.
    pub(crate) fn ratio(&self, floor: &Self) -> f64 {
        median(self.0.iter().zip(&floor.0).map(|(sample, floor)| sample / floor).collect())
    }

    /// Ratio of the best rounds.
    pub(crate) fn best_ratio(&self, floor: &Self) -> f64 {
        self.best() / floor.best()
    }

    /// Median over the rounds of the difference to the other's figure of the same round.
    pub(crate) fn beyond(&self, floor: &Self) -> f64 {
        median(self.0.iter().zip(&floor.0).map(|(sample, floor)| sample - floor).collect())
    }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Measures cases; who begins moves on by one each round, so that nobody always follows the same
/// neighbour's leftovers.
pub(crate) fn measure<'a>(pace: Pace, cases: impl IntoIterator<Item = Case<'a>>) -> Vec<Samples> {
    let mut cases: Vec<Case<'a>> = cases.into_iter().collect();
    let times: Vec<usize> = cases.iter_mut().map(|case| fit(case, pace.turn)).collect();
    let mut samples: Vec<Samples> = cases.iter().map(|_| Samples::default()).collect();
    let begun = Instant::now();
    let mut round = 0;
    while round < pace.most_rounds && (round < pace.fewest_rounds || begun.elapsed() < pace.table) {
        for turn in 0..cases.len() {
            let at = (turn + round) % cases.len();
            // A run that does not count, to have the caches back; a long run heats them itself.
            if times[at] > 1 {
                (cases[at].run)(1);
            }
            let took = (cases[at].run)(times[at]);
            samples[at].push(took.as_nanos() as f64 / (times[at] as f64 * cases[at].units));
        }
        round += 1;
    }
    samples
}

/// How many runs fit into a turn.
fn fit(case: &mut Case<'_>, turn: Duration) -> usize {
    let mut times = 1;
    loop {
        let took = (case.run)(times);
        if took >= turn / 2 || times >= 1 << 24 {
            let once = took.as_secs_f64() / times as f64;
            return ((turn.as_secs_f64() / once) as usize).max(1);
        }
        times *= 2;
    }
}
