//! Every example prints what its header says.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the examples are built, next to this test: `target/debug/examples`.
fn build() -> PathBuf {
    let mut directory = std::env::current_exe().unwrap();
    directory.pop();
    directory.pop();
    // `cargo test --test examples` does not build them, and nothing happens if they are fresh.
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--examples", "--features", "testing"]);
    if directory.ends_with("release") {
        cargo.arg("--release");
    }
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
    assert!(built.success(), "the examples do not compile");
    directory.join("examples")
}

/// The block after `Prints:` in the header.
fn promised(source: &str) -> Option<String> {
    let header = source.lines().map_while(|line| line.strip_prefix("//!"));
    let mut lines = header.map(|line| line.strip_prefix(' ').unwrap_or(line));
    lines.find(|line| *line == "Prints:")?;
    lines.find(|line| line.starts_with("```"))?;
    Some(lines.take_while(|line| !line.starts_with("```")).map(|line| format!("{line}\n")).collect())
}

fn sources() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut sources: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ext| ext == "rs")).collect();
    sources.sort();
    sources
}

#[test]
fn every_example_prints_what_its_header_says() {
    let built = build();
    let sources = sources();
    assert!(sources.len() >= 9, "{sources:?}");
    let mut wrong = Vec::new();
    for source in sources {
        let name = source.file_stem().unwrap().to_str().unwrap();
        let promised = promised(&std::fs::read_to_string(&source).unwrap())
            .unwrap_or_else(|| panic!("the header of {name} does not say what it prints"));
        let output = Command::new(built.join(name)).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        if printed != promised || !output.status.success() {
            wrong.push(format!("=== {name} prints\n{printed}{errors}=== but promises\n{promised}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn hello_says_what_its_file_says() {
    let source = include_str!("../examples/hello.rs");
    let file = include_str!("../../examples/hello.yaml");
    let definition = file.lines().find(|line| !line.starts_with('#')).unwrap();
    assert!(source.contains(definition), "{definition}");
}
