//! The golden cases beside each plugin: `{ agent, input, config?, output | failure }`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use turbocat_core::StepFailure;

use crate::called::{Called, NoSecrets, host};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    agent: String,
    input: Value,
    #[serde(default)]
    config: Value,
    #[serde(default)]
    output: Option<Value>,
    #[serde(default)]
    failure: Option<Value>,
}

impl Case {
    /// What differs, if something does. Of a failure only what the case names is compared.
    fn difference(&self, ended: &Result<Value, StepFailure>) -> Option<String> {
        match (ended, &self.output, &self.failure) {
            (Ok(output), Some(expected), None) => {
                (!same(output, expected)).then(|| format!("output {output}, expected {expected}"))
            }
            (Err(failure), None, Some(Value::Object(expected))) => {
                let found = json!({
                    "kind": failure.kind.as_str(),
                    "message": failure.message,
                    "retryable": failure.retryable,
                    "detail": failure.detail,
                });
                let differs = expected.iter().any(|(key, value)| found.get(key) != Some(value));
                differs.then(|| format!("failure {found}, expected {expected:?}"))
            }
            (_, Some(_), Some(_)) | (_, None, None) => {
                Some("a case has an output or a failure, one of them".to_owned())
            }
            (Ok(output), ..) => Some(format!("output {output}, but a failure was expected")),
            (Err(failure), ..) => Some(format!("{failure:?}, but an output was expected")),
        }
    }
}

/// Whether two values are the same; numbers by what they are worth: `1` is `1.0`.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

fn cases(plugin: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins").join(plugin).join("cases");
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

async fn check(plugin: &str, at_least: usize) {
    let cases = cases(plugin);
    assert!(cases.len() >= at_least, "{plugin} has {} cases", cases.len());
    let mut wrong = Vec::new();
    for path in cases {
        let case: Case = serde_json::from_slice(&std::fs::read(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // A host for each case: none sees what another kept.
        let called = Called::granted(host().secrets(NoSecrets), plugin).await;
        let ended = called.with(&case.agent, case.input.clone(), case.config.clone()).await;
        if let Some(difference) = case.difference(&ended) {
            wrong.push(format!("{}: {difference}", path.file_stem().unwrap().display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_plugin_in_rust_does_what_its_cases_say() {
    check("greet", 6).await;
}

#[tokio::test]
async fn the_plugin_in_assemblyscript_does_what_its_cases_say() {
    check("words", 6).await;
}

#[tokio::test]
async fn the_plugin_in_c_does_what_its_cases_say() {
    check("sum", 5).await;
}
