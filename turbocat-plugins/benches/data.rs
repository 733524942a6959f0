//! `cargo bench -p turbocat-plugins --bench data`: what the `data` agent costs beside the same
//! written by hand over `serde_json`, both with the whole output around it. Each case is played in
//! turn by the two, and the median of the ratios counts.

#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]

#[path = "data_cases/cases.rs"]
mod cases;

use std::hint::black_box;
use std::time::{Duration, Instant};

use turbocat_plugins::data::DataAgent;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (count, turns) = if quick { (10_000, 5) } else { (100_000, 21) };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime can be made");
    let agent = DataAgent::new();
    let rows = cases::rows(count);
    println!("### {count} items\n");
    println!("| | by hand, ms | agent, ms | ratio |\n|---|---:|---:|---:|");
    for (name, config, floor) in cases::cases() {
        let mut figures: Vec<(f64, f64)> = Vec::new();
        for _ in 0..turns {
            let (first, second) = (rows.clone(), rows.clone());
            let hand = time(|| floor(first));
            let ours = time(|| cases::ask(&runtime, &agent, second, &config));
            figures.push((hand.as_secs_f64() * 1e3, ours.as_secs_f64() * 1e3));
        }
        let middle = |figure: fn(&(f64, f64)) -> f64| {
            let mut figures: Vec<f64> = figures.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            figures.get(figures.len() / 2).copied().unwrap_or_default()
        };
        let (hand, ours, ratio) = (middle(|f| f.0), middle(|f| f.1), middle(|f| f.1 / f.0));
        println!("| {name} | {hand:.1} | {ours:.1} | {ratio:.2} |");
    }
}

/// How long it takes, without letting go of what it gives.
fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let began = Instant::now();
    let made = black_box(work());
    let took = began.elapsed();
    drop(made);
    took
}
