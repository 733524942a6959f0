//! Every example prints what its header says.

#![cfg(any(feature = "api", feature = "llm", feature = "wasm"))]
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the examples are built, next to this test: `target/debug/examples`.
fn build(examples: &[&str]) -> PathBuf {
    let mut directory = std::env::current_exe().unwrap();
    directory.pop();
    directory.pop();
    // `cargo test --test examples` does not build them, and nothing happens if they are fresh.
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet"]);
    // other features than the tests were built with would build the crate once more
    if !cfg!(feature = "default") {
        cargo.arg("--no-default-features");
    }
    for (feature, on) in [
        ("api", cfg!(feature = "api")),
        ("llm", cfg!(feature = "llm")),
        ("code", cfg!(feature = "code")),
        ("data", cfg!(feature = "data")),
        ("wasm", cfg!(feature = "wasm")),
    ] {
        if on {
            cargo.args(["--features", feature]);
        }
    }
    for example in examples {
        cargo.args(["--example", example]);
    }
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

/// Builds the examples of a feature and compares what they print.
fn check(examples: &[&str]) {
    let built = build(examples);
    for name in examples {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(format!("{name}.rs"));
        let promised = promised(&std::fs::read_to_string(source).unwrap())
            .unwrap_or_else(|| panic!("the header of {name} does not say what it prints"));
        let mut program = Command::new(built.join(name));
        // with a key in the environment models would be asked
        let output = program.env_remove("OPENAI_API_KEY").env_remove("ANTHROPIC_API_KEY").output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), promised, "{name}: {errors}");
        assert!(output.status.success(), "{name}: {errors}");
    }
}

#[cfg(feature = "api")]
#[test]
fn the_example_of_the_api_agent_prints_what_its_header_says() {
    check(&["fetch"]);
}

#[cfg(feature = "llm")]
#[test]
fn the_example_of_the_llm_agent_prints_what_its_header_says() {
    check(&["llm_chain"]);
}

#[cfg(feature = "wasm")]
#[test]
fn the_example_of_the_plugins_prints_what_its_header_says() {
    check(&["wasm_plugin"]);
}
