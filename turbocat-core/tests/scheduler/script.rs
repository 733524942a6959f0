//! Transcripts: `tests/scripts/*.script`, each a workflow, what happens to it, and the log that
//! is expected of it. `TURBOCAT_BLESS=1` writes the logs anew; read them before you commit them.
//!
//! ```text
//! steps: { fetch: { agent: http } }
//! ---
//! start {"topic":"rust"}        may be left out
//! at 5 ok fetch {"n":1}         an attempt completed; `fetch#2` names an attempt by its number
//! fail fetch http.503 "busy"    with `permanent` or `after 5s` behind it
//! lost fetch | timer | cancel WHY | pause WHY | resume
//! signal go {"x":1} | approve ask by ada "fine" | reject ask
//! child sub ok {"x":1} | child sub failed "no"
//! explain fetch | inputs fetch | output | steps       ask, and change nothing
//! ---
//! the log
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use turbocat_core::{
    Action, AnyAgent, Approval, ChildOutcome, Event, ExecutionId, ExecutionStatus, FailureKind, Input, Plan,
    Scheduler, StepFailure, StepRef, Timestamp, Turn, Workflow, compile, parse_duration,
};

use crate::chronicle::Chronicle;

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "script"));
    files.sort();
    files
}

#[test]
fn every_script_goes_as_it_is_written_down() {
    let bless = std::env::var_os("TURBOCAT_BLESS").is_some();
    let mut wrong = Vec::new();
    for path in scripts() {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let mut parts = text.splitn(3, "---\n");
        let (Some(yaml), Some(script)) = (parts.next(), parts.next()) else { panic!("{name} has no script") };
        let log = play(name, yaml, script);
        if bless {
            fs::write(&path, format!("{yaml}---\n{script}---\n{log}")).unwrap();
        } else if parts.next().unwrap_or_default() != log {
            wrong.push(format!("=== {name}\n{log}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_reason_and_every_kind_of_event_has_a_script() {
    let logs: String = scripts()
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .map(|text| text.splitn(3, "---\n").nth(2).unwrap_or_default().to_owned())
        .collect();
    let words = [
        "begin",
        "start ",
        "retry ",
        " uncounted",
        "ask about ",
        "done ",
        "fail ",
        "skip ",
        "cancel ",
        "open ",
        "close ",
        "signal ",
        "take ",
        "pause",
        "resume",
        "cancelled ",
        " loop ",
        " parallel ",
        " timer ",
        " signal ",
        " approval",
        " child ",
        " branch ",
        " guard",
        " failed ",
        " skipped ",
        " stopped by failure of ",
        " stopped by join of ",
        " stopped by timeout of ",
        " stopped by execution timeout",
        " stopped by cancel: ",
        "end completed",
        "end failed",
        "end cancelled",
        "end timeout",
        "launch ",
        "abort ",
        "start child ",
        "cancel child ",
    ];
    for word in words {
        assert!(
            logs.lines().any(|line| line.contains(&format!(" {word}")) || line.contains(word)),
            "no script shows `{word}`"
        );
    }
    assert!(scripts().len() >= 35, "only {} scripts", scripts().len());
}

struct Player<'w> {
    name: String,
    plan: Plan,
    chronicle: Chronicle<'w>,
    scheduler: Scheduler,
    events: Vec<Event>,
    now: i64,
    paths: BTreeMap<StepRef, String>,
    children: BTreeMap<String, ExecutionId>,
    log: String,
}

fn play(name: &str, yaml: &str, script: &str) -> String {
    let workflow = Workflow::from_yaml(yaml).unwrap_or_else(|found| panic!("{name}: {found}"));
    let plan = compile(&workflow, &AnyAgent).unwrap_or_else(|found| panic!("{name}: {found}"));
    let mut lines = script.lines().filter(|line| !line.trim().is_empty()).peekable();
    let first = lines.next_if(|line| line.starts_with("start")).unwrap_or("start {}");
    let inputs: Value = first["start".len()..].trim().parse().unwrap();
    let id: ExecutionId = "019a0000-0000-7000-8000-000000000001".parse().unwrap();
    let (scheduler, turn) = Scheduler::start(&plan, id, Timestamp::from_millis(0), 7, inputs).unwrap();
    let mut player = Player {
        name: name.to_owned(),
        plan,
        chronicle: Chronicle::new(&workflow),
        scheduler,
        events: Vec::new(),
        now: 0,
        paths: BTreeMap::new(),
        children: BTreeMap::new(),
        log: String::new(),
    };
    player.line(&format!("> {first}"));
    player.tell(&turn);
    for line in lines {
        player.line(&format!("> {line}"));
        player.command(line);
    }
    player.log
}

impl Player<'_> {
    fn line(&mut self, text: &str) {
        self.log.push_str(text);
        self.log.push('\n');
    }

    fn command(&mut self, line: &str) {
        let mut rest = line.trim();
        if let Some(after) = rest.strip_prefix("at ") {
            let (time, command) = after.split_once(' ').unwrap_or_else(|| self.wrong(line));
            let time = time.parse().unwrap_or_else(|_| self.wrong(line));
            assert!(time >= self.now, "{}: `{line}` goes back in time", self.name);
            self.now = time;
            rest = command;
        }
        let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let (word, more) = rest.split_once(' ').unwrap_or((rest, ""));
        let value = |text: &str| -> Value { if text.is_empty() { json!({}) } else { text.parse().unwrap() } };
        let input = match verb {
            "ok" => {
                let (step, attempt) = self.attempt(word);
                Input::AttemptCompleted { step, attempt, output: Arc::new(value(more)) }
            }
            "fail" => {
                let (step, attempt) = self.attempt(word);
                Input::AttemptFailed { step, attempt, failure: failure(more) }
            }
            "lost" => {
                let (step, attempt) = self.attempt(word);
                Input::AttemptLost { step, attempt }
            }
            "timer" => Input::Timer,
            "signal" => Input::Signal { name: word.into(), payload: Arc::new(value(more)) },
            "approve" | "reject" => {
                let step = self.scheduler.find(word).unwrap_or_else(|| self.wrong(line));
                let mut approval = Approval { approved: verb == "approve", ..Approval::default() };
                let mut more = more;
                if let Some(by) = more.strip_prefix("by ") {
                    let (by, comment) = by.split_once(' ').unwrap_or((by, ""));
                    approval.by = Some(by.to_owned());
                    more = comment;
                }
                approval.comment = (!more.is_empty()).then(|| more.trim_matches('"').to_owned());
                Input::Approval { step, approval }
            }
            "child" => {
                let execution = *self.children.get(word).unwrap_or_else(|| self.wrong(line));
                let (how, what) = more.split_once(' ').unwrap_or((more, ""));
                let none = Arc::new(json!({}));
                let ended =
                    |status| ChildOutcome { status, output: none.clone(), failure: None, usage: None };
                let outcome = match how {
                    "ok" => {
                        ChildOutcome { output: Arc::new(value(what)), ..ended(ExecutionStatus::Completed) }
                    }
                    "failed" => ChildOutcome {
                        failure: Some(StepFailure::error(what.trim_matches('"'))),
                        ..ended(ExecutionStatus::Failed)
                    },
                    "cancelled" => ended(ExecutionStatus::Cancelled),
                    "timeout" => ended(ExecutionStatus::Timeout),
                    _ => self.wrong(line),
                };
                Input::ChildEnded { execution, outcome }
            }
            "cancel" => Input::Cancel { reason: rest.into() },
            "pause" => Input::Pause { reason: rest.into() },
            "resume" => Input::Resume,
            _ => return self.question(verb, rest, line),
        };
        let turn = self.scheduler.apply(Timestamp::from_millis(self.now), input);
        self.tell(&turn);
    }

    fn question(&mut self, verb: &str, path: &str, line: &str) {
        let answer = match verb {
            "explain" => match self.scheduler.explain(path) {
                Some(explanation) => explanation.to_string(),
                None => "nothing is known of it".to_owned(),
            },
            "inputs" => {
                let step = self.scheduler.find(path).unwrap_or_else(|| self.wrong(line));
                match self.scheduler.attempt(step, None) {
                    Ok(parts) => {
                        let config =
                            parts.config.map_or_else(|| "{}".to_owned(), |config| config.to_string());
                        format!("{} config {config}", parts.inputs)
                    }
                    Err(failure) => format!("fails: {failure}"),
                }
            }
            "output" => self.scheduler.output().to_string(),
            "steps" => {
                let steps = self.scheduler.steps();
                steps
                    .map(|step| format!("{} {}", step.path, step.status.word()))
                    .collect::<Vec<_>>()
                    .join(", ")
            }
            _ => self.wrong(line),
        };
        for line in answer.lines() {
            self.line(&format!("    | {line}"));
        }
    }

    fn tell(&mut self, turn: &Turn) {
        for event in &turn.events {
            let written = self.plan.encode(event);
            self.chronicle.note(&written);
            let told = self.chronicle.told(&written);
            if let Some(instance) = self.chronicle.subject(&written) {
                if let Some(child) = written["work"]["execution"].as_str() {
                    self.children.insert(instance.path.clone(), child.parse().unwrap());
                }
                if let turbocat_core::Fact::AttemptStarted { step, .. } = &event.fact {
                    self.paths.insert(*step, instance.path);
                }
            }
            assert_eq!(event.at.as_millis(), self.now, "{}: an event of another time", self.name);
            self.line(&format!("    {told}"));
        }
        let names: BTreeMap<ExecutionId, &str> =
            self.children.iter().map(|(path, id)| (*id, &**path)).collect();
        let actions: Vec<String> = turn
            .actions
            .iter()
            .map(|action| match action {
                Action::Launch { step, attempt } => format!("launch {} {attempt}", self.paths[step]),
                Action::Abort { step, attempt } => format!("abort {} {attempt}", self.paths[step]),
                Action::StartChild { execution, workflow, .. } => {
                    format!("start child {} {workflow}", names[execution])
                }
                Action::CancelChild { execution } => format!("cancel child {}", names[execution]),
                other => panic!("{other:?} is new"),
            })
            .collect();
        if !actions.is_empty() {
            self.line(&format!("  do {}", actions.join(", ")));
        }
        if turn.events.is_empty() {
            assert!(actions.is_empty(), "{}: actions without events", self.name);
            self.line("    nothing");
        }
        if let Some(wake) = turn.wake_at {
            self.line(&format!("  wake at {}", wake.as_millis()));
        }
        // Whatever a script is about, it can be read back at any moment.
        self.events.extend(turn.events.iter().cloned());
        let told = Scheduler::replay(&self.plan, &self.events).unwrap();
        assert!(self.scheduler.stands_like(&told), "{}: replay is not live", self.name);
    }

    /// `path`: its attempt in flight, or if there is none its first. `path#2`: that one.
    fn attempt(&self, name: &str) -> (StepRef, u32) {
        let (path, number) = match name.split_once('#') {
            Some((path, number)) => (path, number.parse().ok()),
            None => (name, None),
        };
        let step = self.paths.iter().rev().find(|(_, known)| *known == path);
        let step = *step.unwrap_or_else(|| self.wrong(name)).0;
        let flying = self.scheduler.in_flight().into_iter().find(|(found, _)| *found == step);
        (step, number.or_else(|| flying.map(|(_, attempt)| attempt)).unwrap_or(1))
    }

    fn wrong(&self, line: &str) -> ! {
        panic!("{}: `{line}` makes no sense here", self.name)
    }
}

/// `kind "message"`, and perhaps `permanent` or `after 5s`.
fn failure(text: &str) -> StepFailure {
    let (kind, rest) = text.split_once(' ').unwrap_or((text, "\"no\""));
    let (message, more) = rest.trim_start_matches('"').split_once('"').unwrap_or((rest, ""));
    let failure = StepFailure::new(FailureKind::new(kind.to_owned()), message);
    match more.trim().split_once(' ') {
        Some(("after", pause)) => failure.retry_after(parse_duration(pause).unwrap()),
        _ if more.trim() == "permanent" => failure.permanent(),
        _ => failure,
    }
}
