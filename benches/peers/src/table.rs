//! The result of one case, and how it is printed.

use std::fmt;

/// One case: a Markdown heading and a table.
#[derive(Debug)]
pub struct Table {
    /// The case.
    pub title: String,
    /// Steps of one run.
    pub steps: usize,
    /// How many rounds were measured.
    pub rounds: usize,
    /// In the order in which they are printed.
    pub rows: Vec<Row>,
}

/// One contestant.
#[derive(Debug)]
pub struct Row {
    /// Its name and way of use.
    pub name: &'static str,
    /// What was measured, or why nothing was.
    pub result: Result<Figures, String>,
}

/// What was measured of one contestant in one case.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Nanoseconds a step, median of the rounds.
    pub median: f64,
    /// Nanoseconds a step, best of the rounds.
    pub best: f64,
    /// Median over the rounds of the ratio to the floor's time in the same round.
    pub ratio: f64,
    /// Ratio of the best to the floor's best.
    pub best_ratio: f64,
    /// Steps of the case that this contestant cannot do and does not run.
    pub left_out: usize,
}

impl Figures {
    /// From the samples of a contestant and those of the floor, one a round.
    pub fn new(samples: &[f64], floor: &[f64], left_out: usize) -> Self {
        let ratios: Vec<f64> = samples.iter().zip(floor).map(|(sample, floor)| sample / floor).collect();
        Self {
            median: median(samples),
            best: best(samples),
            ratio: median(&ratios),
            best_ratio: best(samples) / best(floor),
            left_out,
        }
    }
}

fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn best(samples: &[f64]) -> f64 {
    samples.iter().copied().fold(f64::NAN, f64::min)
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.title)?;
        writeln!(f, "{} steps a run, {} rounds\n", self.steps, self.rounds)?;
        writeln!(
            f,
            "| contestant | ns per step (median) | ratio to floor | ns per step (min) | ratio of mins |"
        )?;
        writeln!(f, "|---|---:|---:|---:|---:|")?;
        for row in &self.rows {
            writeln!(f, "{row}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.result {
            Ok(Figures { median, best, ratio, best_ratio, left_out }) => {
                let without = if *left_out > 0 { ", without the join" } else { "" };
                write!(
                    f,
                    "| {}{without} | {median:.1} | {ratio:.2} | {best:.1} | {best_ratio:.2} |",
                    self.name
                )
            }
            Err(reason) => write!(f, "| {} | n/a ({reason}) | | | |", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_taken_within_a_round_so_that_a_slow_round_hits_both() {
        let figures = Figures::new(&[20.0, 200.0, 24.0], &[10.0, 100.0, 10.0], 0);
        assert_eq!((figures.median, figures.best), (24.0, 20.0));
        assert_eq!((figures.ratio, figures.best_ratio), (2.0, 2.0));
    }
}
