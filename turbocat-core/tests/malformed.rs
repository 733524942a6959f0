//! Malformed definitions and what an author is told about each: `malformed/*.yaml` or `.json`
//! with the expected text beside it. `TURBOCAT_BLESS=1` writes the expected texts anew; read
//! them before you commit them.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use turbocat_core::{Code, Workflow};

/// What an author is told about a definition.
fn check(name: &str, text: &str) -> String {
    match Workflow::parse(name, text) {
        Ok(_) => "no mistakes found\n".to_owned(),
        Err(mistakes) => mistakes.to_string(),
    }
}

fn definitions(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "yaml" || end == "json"));
    files.sort();
    files
}

#[test]
fn every_malformed_definition_is_explained_as_expected() {
    let bless = std::env::var_os("TURBOCAT_BLESS").is_some();
    let mut wrong = Vec::new();
    let files = definitions("malformed");
    for path in &files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let shown = check(name, &fs::read_to_string(path).unwrap());
        let expected = path.with_extension("expected");
        if bless {
            fs::write(&expected, &shown).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != shown {
            wrong.push(format!("--- {name}\n{shown}"));
        }
    }
    assert!(files.len() >= 45, "only {} files found", files.len());
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_code_of_reading_has_an_example() {
    let mut seen = BTreeSet::new();
    for path in definitions("malformed") {
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Err(mistakes) = Workflow::parse(name, &fs::read_to_string(&path).unwrap()) {
            seen.extend(mistakes.iter().map(|mistake| mistake.code));
            for mistake in &mistakes {
                assert!(mistake.place.is_some(), "{name}: `{}` has no place", mistake.message);
                assert!(mistake.help.is_some(), "{name}: `{}` has no help", mistake.message);
            }
        }
    }
    let reading = Code::ALL.iter().filter(|code| code.as_str().starts_with('D'));
    let missing: Vec<&str> = reading.filter(|code| !seen.contains(code)).map(|code| code.as_str()).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn the_schema_refuses_most_malformed_definitions_too() {
    let schema = jsonschema::validator_for(&Workflow::json_schema()).unwrap();
    let mut accepted = Vec::new();
    let mut total = 0;
    for path in definitions("malformed") {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let value: Option<serde_json::Value> = if name.ends_with(".json") {
            serde_json::from_str(&text).ok()
        } else {
            serde_saphyr::from_str(&text).ok()
        };
        let Some(value) = value else { continue };
        total += 1;
        if schema.is_valid(&value) {
            accepted.push(name);
        }
    }
    assert!(accepted.len() * 3 <= total, "{} of {total} pass the schema: {accepted:?}", accepted.len());
}
