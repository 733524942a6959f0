//! Cases that fuzzing found, and the seeds it starts from: `fuzz-cases/<target>/*` and
//! `fuzz/seeds/<target>/*`. The promises they are held to stand in `fuzz-cases/<target>.rs`, and
//! the fuzz targets keep the same ones.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[path = "fuzz-cases/data.rs"]
mod data;
#[path = "fuzz-cases/data_condition.rs"]
mod data_condition;
#[path = "fuzz-cases/data_config.rs"]
mod data_config;
#[path = "fuzz-cases/data_jq.rs"]
mod data_jq;

/// Holds every case and seed of a target to its promises.
fn check(target: &str, promise: fn(&[u8])) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = files(&root.join("tests/fuzz-cases").join(target));
    let seeds = files(&root.join("../fuzz/seeds").join(target));
    assert!(seeds.len() > 3, "there are seeds of `{target}`");
    let broken = |path: &&PathBuf| {
        let bytes = fs::read(path).unwrap();
        catch_unwind(AssertUnwindSafe(|| promise(&bytes))).is_err()
    };
    let broken: Vec<_> = cases.iter().chain(&seeds).filter(broken).collect();
    assert!(broken.is_empty(), "these break a promise: {broken:#?}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

#[test]
fn conditions_keep_their_promises() {
    check("data_condition", data_condition::check);
}

#[test]
fn configurations_of_data_keep_their_promises() {
    check("data_config", data_config::check);
}

#[test]
fn filters_of_jq_keep_their_promises() {
    check("data_jq", data_jq::check);
}
