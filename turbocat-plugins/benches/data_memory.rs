//! `cargo bench -p turbocat-plugins --bench data_memory`: how much memory the `data` agent asks
//! for beside the same written by hand. Counted, not timed; few rows, for more of them get a thread
//! of their own, whose memory is not counted. Nor are the rows themselves, which both
//! are given.
//!
//! A program of its own, because its allocator counts and would slow down what `data` times.

#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]

#[path = "data_cases/cases.rs"]
mod cases;

use allocation_counter::{AllocationInfo, measure};
use turbocat_plugins::data::DataAgent;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let count = if quick { 100 } else { 400 };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime can be made");
    let agent = DataAgent::new();
    println!("### memory beside {count} items, at most; and allocations\n");
    println!("| | by hand, KiB | agent, KiB | ratio | by hand | agent |\n|---|---:|---:|---:|---:|---:|");
    for (name, config, floor) in cases::cases() {
        // A thread of its own would not be counted.
        if name.contains("jq") {
            continue;
        }
        let (first, second) = (cases::rows(count), cases::rows(count));
        let (_, hand) = held(|| floor(first));
        let (_, ours) = held(|| cases::ask(&runtime, &agent, second, &config));
        let kib = |info: &AllocationInfo| info.bytes_max as f64 / 1024.0;
        let ratio = kib(&ours) / kib(&hand);
        let (a, b) = (hand.count_total, ours.count_total);
        println!("| {name} | {:.0} | {:.0} | {ratio:.2} | {a} | {b} |", kib(&hand), kib(&ours));
    }
}

/// What is asked for while something is made, which is kept until it is counted.
fn held<T>(make: impl FnOnce() -> T) -> (T, AllocationInfo) {
    let mut made = None;
    let info = measure(|| made = Some(make()));
    (made.expect("it was made"), info)
}
