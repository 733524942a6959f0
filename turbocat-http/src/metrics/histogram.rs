//! How long things took, in steps.

use std::time::Duration;

/// The ends of the steps, in seconds.
pub(super) const STEPS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// How many took how long.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    /// How many took at most so long and longer than the step before.
    steps: [u64; STEPS.len()],
    pub(super) count: u64,
    pub(super) sum: f64,
}

impl Histogram {
    pub(super) fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        if let Some(at) = STEPS.iter().position(|end| seconds <= *end) {
            self.steps[at] += 1;
        }
        self.count += 1;
        self.sum += seconds;
    }

    /// The ends of the steps, and how many took at most so long.
    pub(super) fn up_to(&self) -> impl Iterator<Item = (f64, u64)> {
        let mut sum = 0;
        STEPS.iter().zip(self.steps).map(move |(end, count)| {
            sum += count;
            (*end, sum)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_holds_all_below_its_end() {
        let mut histogram = Histogram::default();
        for millis in [1, 2, 30, 60_000] {
            histogram.add(Duration::from_millis(millis));
        }
        let up_to: Vec<u64> = histogram.up_to().map(|(_, count)| count).collect();
        assert_eq!(up_to, [1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3]);
        assert_eq!(histogram.count, 4);
        assert!((histogram.sum - 60.033).abs() < 1e-9);
    }
}
