//! Cases that fuzzing found, and the seeds it starts from: `fuzz-cases/<target>/*` and
//! `fuzz/seeds/<target>/*`. The promises they are held to stand in `fuzz-cases/<target>.rs`, and
//! the fuzz targets keep the same ones.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[path = "fuzz-cases/events.rs"]
mod events;
#[path = "fuzz-cases/load.rs"]
mod load;
#[path = "fuzz-cases/scheduler.rs"]
mod scheduler;
#[path = "fuzz-cases/templates.rs"]
mod templates;

/// Holds every case and seed of a target to its promises.
fn check(target: &str, promise: fn(&[u8])) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = files(&root.join("tests/fuzz-cases").join(target));
    assert!(!cases.is_empty(), "there are no cases of `{target}`");
    let seeds = files(&root.join("../fuzz/seeds").join(target));
    let broken = |path: &&PathBuf| {
        let bytes = fs::read(path).unwrap();
        catch_unwind(AssertUnwindSafe(|| promise(&bytes))).is_err()
    };
    let broken: Vec<_> = cases.iter().chain(&seeds).filter(broken).collect();
    assert!(broken.is_empty(), "these break a promise: {broken:#?}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    // the seeds are not part of the published crate
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn any_text_is_refused_with_places_or_can_be_written_and_started() {
    check("load", load::check);
}

#[test]
fn any_template_gives_a_value_or_a_failure_and_the_same_twice() {
    check("templates", templates::check);
}

#[test]
fn any_life_of_an_execution_replays_and_ends() {
    check("scheduler", scheduler::check);
}

#[test]
fn any_journal_is_refused_or_can_be_gone_on_with() {
    check("events", events::check);
}
