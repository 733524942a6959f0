//! What the sandbox reports, and what becomes of it: an output or a failure.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use turbocat_core::{FailureKind, StepFailure};

use super::place::Place;
use super::program::Program;

/// The report of a call, as `js/guest/src/report.rs` writes it.
#[derive(Debug)]
pub(super) struct Report {
    value: Value,
    rest: Rest,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rest {
    fault: Option<Fault>,
    stdout: String,
    stderr: String,
    exit_code: i32,
}

#[derive(Debug, Deserialize)]
struct Fault {
    kind: String,
    name: String,
    message: String,
    stack: String,
    cause: String,
    retryable: Option<bool>,
}

/// The longest text about a failure that is kept: more is no description, and would be a way around
/// the limit on outputs.
const TEXT: usize = 16 << 10;

impl Report {
    /// Reads a report.
    pub(super) fn read(output: Arc<Value>) -> Result<Self, StepFailure> {
        let mut report = Arc::unwrap_or_clone(output);
        let value = report.get_mut("value").map(Value::take).unwrap_or_default();
        let mut rest: Rest = serde_json::from_value(report).map_err(|error| {
            StepFailure::new(FailureKind::OUTPUT, format!("the sandbox gave no report: {error}")).permanent()
        })?;
        if let Some(fault) = &mut rest.fault {
            for text in [&mut fault.name, &mut fault.message, &mut fault.stack, &mut fault.cause] {
                cut(text);
            }
        }
        Ok(Self { value, rest })
    }

    /// The output of the step, or its failure.
    pub(super) fn outcome(self, program: &Program) -> Result<Value, StepFailure> {
        let Rest { fault, stdout, stderr, exit_code } = self.rest;
        let Some(fault) = fault else {
            let mut output = Map::with_capacity(4);
            output.insert("returnValue".to_owned(), self.value);
            output.insert("stdout".to_owned(), stdout.into());
            output.insert("stderr".to_owned(), stderr.into());
            output.insert("exitCode".to_owned(), exit_code.into());
            return Ok(Value::Object(output));
        };
        let mut detail = json!({ "exitCode": exit_code, "stdout": stdout, "stderr": stderr });
        Err(match &*fault.kind {
            "limit" => {
                detail["limit"] = fault.name.into();
                StepFailure::new(FailureKind::LIMIT, fault.message).permanent().detail(detail)
            }
            "output" => StepFailure::new(FailureKind::OUTPUT, fault.message).permanent().detail(detail),
            "pending" => StepFailure::new(code(), fault.message).permanent().detail(detail),
            "exit" => StepFailure::new(code(), fault.message).detail(detail),
            _ => fault.thrown(program, detail),
        })
    }
}

fn cut(text: &mut String) {
    if text.len() > TEXT {
        text.truncate(text.floor_char_boundary(TEXT));
        text.push('…');
    }
}

/// The kind of what the code itself did wrong.
pub(super) fn code() -> FailureKind {
    FailureKind::new("code")
}

impl Fault {
    /// Something was thrown, and nobody caught it.
    fn thrown(self, program: &Program, mut detail: Value) -> StepFailure {
        let (stack, place) = mapped(&self.stack, program);
        let mut message = match (&*self.name, &*self.message) {
            ("", "") => "something empty was thrown".to_owned(),
            ("", message) => message.to_owned(),
            (name, "") => name.to_owned(),
            (name, message) => format!("{name}: {message}"),
        };
        if self.kind == "rejected" {
            message.insert_str(0, "a promise was rejected and nobody waited for it: ");
        }
        if let Some(Place { line, column }) = place {
            message.push_str(&format!(" (line {line}, column {column})"));
            detail["line"] = line.into();
            detail["column"] = column.into();
        }
        if let Some(help) = help(&self.name, &self.message) {
            message.push_str("; ");
            message.push_str(help);
        }
        for (key, text) in
            [("name", self.name), ("message", self.message), ("stack", stack), ("cause", self.cause)]
        {
            if !text.is_empty() {
                detail[key] = text.into();
            }
        }
        let failure = StepFailure::new(code(), message).detail(detail);
        if self.retryable == Some(false) { failure.permanent() } else { failure }
    }
}

/// What to do about a name that others have and the sandbox has not.
fn help(name: &str, message: &str) -> Option<&'static str> {
    if name != "ReferenceError" {
        return None;
    }
    let missing = message.strip_suffix(" is not defined")?.trim_matches('\'');
    Some(match missing {
        "fetch" | "XMLHttpRequest" | "WebSocket" => {
            "there is no network in the sandbox: fetch with a step of the agent `api`"
        }
        "setTimeout" | "setInterval" | "setImmediate" => {
            "nothing waits in the sandbox: use `await`, or a `wait` step for pauses"
        }
        "require" => "the sandbox has no packages",
        "crypto" => "the sandbox has no source of true chance: take what must be secret from elsewhere",
        "Buffer" => "use `TextEncoder`, `TextDecoder`, `atob` and `btoa`",
        "__dirname" | "__filename" => "there are no files in the sandbox",
        _ => return None,
    })
}

/// The frames of a stack that are the author's, with their places, and the place of the first.
fn mapped(stack: &str, program: &Program) -> (String, Option<Place>) {
    let mut lines = Vec::new();
    let mut first = None;
    for line in stack.lines() {
        let Some((before, place, after)) = place_in(line, program.file) else { continue };
        let Some(place) = program.places.find(place) else { continue };
        first.get_or_insert(place);
        let Place { line, column } = place;
        lines.push(format!("{before}{}:{line}:{column}{after}", program.file));
    }
    (lines.join("\n"), first)
}

/// A line of a stack such as `    at sum (code.js:3:15)`: before, place, after.
fn place_in<'a>(line: &'a str, file: &str) -> Option<(&'a str, Place, &'a str)> {
    let at = line.rfind(file)?;
    let rest = line[at + file.len()..].strip_prefix(':')?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(rest.len());
    let (numbers, after) = rest.split_at(end);
    let (row, column) = numbers.split_once(':')?;
    Some((&line[..at], Place { line: row.parse().ok()?, column: column.parse().ok()? }, after))
}
