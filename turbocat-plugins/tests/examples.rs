//! The examples print what their headers say.

#![cfg(feature = "wasm")]

use std::process::Command;

/// The block after `Prints:` in the header.
fn promised(source: &str) -> String {
    let header = source.lines().map_while(|line| line.strip_prefix("//!"));
    let mut lines = header.map(|line| line.strip_prefix(' ').unwrap_or(line));
    lines.find(|line| *line == "Prints:").expect("the header does not say what it prints");
    lines.find(|line| line.starts_with("```"));
    lines.take_while(|line| !line.starts_with("```")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn wasm_plugin_prints_what_its_header_says() {
    let mut directory = std::env::current_exe().unwrap();
    directory.pop();
    directory.pop();
    // `cargo test --test examples` does not build them, and nothing happens if they are fresh.
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "build",
        "--quiet",
        "--example",
        "wasm_plugin",
        "--no-default-features",
        "--features",
        "wasm",
    ]);
    if directory.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());

    let output = Command::new(directory.join("examples/wasm_plugin")).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{errors}");
    assert_eq!(printed, promised(include_str!("../examples/wasm_plugin.rs")));
}
