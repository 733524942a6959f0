//! The result of one case, and how it is printed.

use std::fmt;

use crate::contestant::Promise;
use crate::workload::{Case, Scale};

/// One case: a Markdown heading, a table, and reasons beneath it.
#[derive(Debug)]
pub struct Table {
    /// The case.
    pub case: Case,
    /// In the order in which they are printed, the floor first.
    pub rows: Vec<Row>,
}

/// One contestant.
#[derive(Debug)]
pub struct Row {
    /// Its name and way of use.
    pub name: &'static str,
    /// When it syncs.
    pub promise: Promise,
    /// What was measured, or why nothing was.
    pub result: Result<Figures, String>,
}

/// What was measured of one contestant in one case.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Seconds a unit, one a round.
    pub samples: Vec<f64>,
    /// The floor's in the same rounds.
    pub floor: Vec<f64>,
    /// What a step costs beside time.
    pub account: Account,
}

/// What a step costs beside time, as far as it was counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Account {
    /// Calls of fsync or fdatasync a step.
    pub syncs: Option<f64>,
    /// Bytes a step that stay on the disk.
    pub bytes: Option<f64>,
}

impl Figures {
    /// Median of the rounds.
    pub fn median(&self) -> f64 {
        median(self.samples.clone())
    }

    /// Median over the rounds of the time as a multiple of the floor's in the same round.
    pub fn ratio(&self) -> f64 {
        median(self.samples.iter().zip(&self.floor).map(|(sample, floor)| sample / floor).collect())
    }

    fn best(&self) -> f64 {
        self.samples.iter().copied().fold(f64::NAN, f64::min)
    }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    let (half, odd) = (samples.len() / 2, samples.len() % 2 == 1);
    match samples.get(half) {
        None => f64::NAN,
        Some(middle) if odd => *middle,
        Some(upper) => f64::midpoint(samples[half - 1], *upper),
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = self.case.workload.scale();
        let step = self.case.workload.step_noun();
        let one = if step == "item" { "an item".to_owned() } else { format!("a {step}") };
        let (unit, ratio) = match scale {
            Scale::Time { unit, .. } => (unit, "times the floor"),
            Scale::Rate { unit } => (unit, "part of the floor"),
        };
        writeln!(f, "### {}\n", self.case)?;
        writeln!(
            f,
            "| contestant | synced | {unit} (median) | {ratio} | best | rounds | fsyncs {one} | bytes {one} |"
        )?;
        writeln!(f, "|---|---|---:|---:|---:|---:|---:|---:|")?;
        let mut reasons: Vec<&str> = Vec::new();
        for Row { name, promise, result } in &self.rows {
            write!(f, "| {name} | {promise} |")?;
            match result {
                Ok(figures) => {
                    let (median, best) = (in_scale(scale, figures.median()), in_scale(scale, figures.best()));
                    let ratio = match scale {
                        Scale::Time { .. } => figures.ratio(),
                        Scale::Rate { .. } => 1.0 / figures.ratio(),
                    };
                    let rounds = figures.samples.len();
                    write!(f, " {median} | {} | {best} | {rounds} |", figure(ratio))?;
                    let Account { syncs, bytes } = figures.account;
                    writeln!(f, " {} | {} |", counted(syncs, 2), counted(bytes, 0))?;
                }
                Err(reason) => {
                    let known = reasons.iter().position(|each| each == reason);
                    let number = known.unwrap_or(reasons.len()) + 1;
                    if known.is_none() {
                        reasons.push(reason);
                    }
                    writeln!(f, " – ({number}) | | | | | |")?;
                }
            }
        }
        if !reasons.is_empty() {
            writeln!(f)?;
        }
        for (place, reason) in reasons.iter().enumerate() {
            writeln!(f, "({}) {reason}  ", place + 1)?;
        }
        Ok(())
    }
}

fn in_scale(scale: Scale, seconds: f64) -> String {
    match scale {
        Scale::Time { per_second, .. } => figure(seconds * per_second),
        Scale::Rate { .. } => figure(1.0 / seconds),
    }
}

/// Three digits that count, and thousands apart.
fn figure(number: f64) -> String {
    match number.abs() {
        size if size >= 1e4 => format!("{},{:03.0}", (number / 1e3).trunc(), (number % 1e3).trunc()),
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

fn counted(number: Option<f64>, digits: usize) -> String {
    number.map_or_else(String::new, |number| format!("{number:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_taken_within_a_round_so_that_a_slow_round_hits_both() {
        let samples = vec![20.0, 200.0, 24.0];
        let figures = Figures { samples, floor: vec![10.0, 100.0, 10.0], account: Account::default() };
        assert_eq!((figures.median(), figures.best(), figures.ratio()), (24.0, 20.0, 2.0));
        assert_eq!(median(vec![4.0, 1.0]), 2.5);
    }

    #[test]
    fn a_figure_has_three_digits_that_count() {
        let printed = [0.123, 4.5678, 45.678, 456.78, 45_678.9].map(figure);
        assert_eq!(printed, ["0.12", "4.57", "45.7", "457", "45,678"]);
    }
}
