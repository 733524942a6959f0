//! The examples print what their headers say.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use turbocat_storage::testing::{TempFolder, fresh_postgres};

/// An example, built. `cargo test` builds them before it runs this, `cargo test --test` does not.
fn example(name: &str) -> PathBuf {
    static BUILDING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = BUILDING.lock().unwrap();
    let mut folder = std::env::current_exe().unwrap();
    folder.pop();
    folder.pop();
    let built = folder.join("examples").join(name);
    if !is_fresh(&built) {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--all-features", "--example", name]);
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
        assert!(status.success(), "the example does not compile");
    }
    built
}

/// Whether a program is younger than everything that it was made from, which stands beside it.
fn is_fresh(program: &Path) -> bool {
    let changed = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    let Ok(sources) = std::fs::read_to_string(program.with_extension("d")) else { return false };
    let mut sources = sources.split_whitespace().skip(1).map(|source| changed(Path::new(source)));
    let built = changed(program);
    built.is_some() && sources.all(|source| source.is_some() && source <= built)
}

/// What the header of an example says that it prints, block after block.
fn promised(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).with_extension("rs");
    let source = std::fs::read_to_string(path).unwrap();
    let header: Vec<&str> =
        source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let blocks: Vec<&[&str]> = header.split(|line| line.starts_with("```")).collect();
    // Text and blocks alternate; the first block says how to run it.
    blocks.iter().skip(1).step_by(2).skip(1).map(|block| block.join("\n")).collect()
}

#[test]
fn a_program_that_was_killed_goes_on_where_it_was() {
    let folder = TempFolder::new();
    let trips = folder.path().join("trips.db");
    let [first, second] = promised("durable").try_into().unwrap();

    let mut program = Command::new(example("durable")).arg(&trips).stdout(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(program.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said: Vec<String> = said.take(first.lines().count()).collect();
    program.kill().unwrap();
    program.wait().unwrap();
    assert_eq!(said.join("\n"), first);

    let output = Command::new(example("durable")).arg(&trips).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let said: Vec<&str> = said.lines().map(str::trim).collect();
    assert_eq!(said.join("\n"), second);
}

#[tokio::test]
async fn machines_go_on_with_what_one_held_that_was_killed() {
    let Some(url) = fresh_postgres().await else { return };
    let output = Command::new(example("many_nodes")).env("DATABASE_URL", url).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();

    let printed: Vec<(&str, Vec<&str>)> = said
        .lines()
        .filter_map(|line| line.strip_prefix("book ")?.split_once(" is printed: "))
        .map(|(book, by)| (book, by.split(", ").collect()))
        .collect();
    assert_eq!(
        printed.iter().map(|(book, _)| *book).collect::<Vec<_>>(),
        ["1", "2", "3", "4", "5", "6"],
        "{said}"
    );
    assert!(printed.iter().all(|(_, by)| by.len() == 3), "{said}");
    let (interrupted, by) = printed.iter().find(|(_, by)| by[0] == "bob").expect("bob does something");
    assert!(by[1] != "bob" && by[2] != "bob", "{said}");

    // Each page once, but for the one that he was printing.
    let count = |line: &str| said.lines().filter(|said| said.contains(line)).count();
    for (book, _) in &printed {
        for page in 1..=3 {
            let again = book == interrupted && page == 2;
            assert_eq!(
                count(&format!("prints page {page} of book {book}")),
                1 + usize::from(again),
                "{said}"
            );
        }
    }
    assert_eq!(count(&format!("prints page 2 of book {interrupted} again")), 1, "{said}");
}
