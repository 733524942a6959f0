//! Reads events as they are written down and tells them in short lines, step instances named by
//! their paths.

use std::collections::BTreeMap;

use serde_json::Value;
use turbocat_core::{Step, StepKind, Workflow};

/// Knows which frames there are, so that it can name what is in them.
pub(crate) struct Chronicle<'w> {
    pub(crate) workflow: &'w Workflow,
    pub(crate) frames: BTreeMap<u64, Opened<'w>>,
}

/// One opening of a body.
#[derive(Clone)]
pub(crate) struct Opened<'w> {
    /// The path of the loop or parallel step.
    pub(crate) owner: String,
    /// How the paths of its steps begin.
    pub(crate) prefix: String,
    pub(crate) steps: &'w [Step],
    /// A branch of a single step is called like the branch.
    pub(crate) single: bool,
}

/// A step instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instance {
    pub(crate) frame: u64,
    pub(crate) path: String,
    pub(crate) key: String,
}

impl<'w> Chronicle<'w> {
    pub(crate) fn new(workflow: &'w Workflow) -> Self {
        let outermost =
            Opened { owner: String::new(), prefix: String::new(), steps: &workflow.steps, single: false };
        Self { workflow, frames: BTreeMap::from([(0, outermost)]) }
    }

    /// The instance that a written name such as `each.work#3` means.
    pub(crate) fn instance(&self, name: &str) -> Instance {
        let (plan, frame) = name.split_once('#').unwrap_or((name, "0"));
        let frame: u64 = frame.parse().unwrap();
        let opened = &self.frames[&frame];
        let key = if opened.single { &opened.steps[0].key } else { plan.rsplit('.').next().unwrap() };
        let path = match () {
            () if opened.single => opened.prefix.clone(),
            () if opened.prefix.is_empty() => key.to_owned(),
            () => format!("{}.{key}", opened.prefix),
        };
        Instance { frame, path, key: key.to_owned() }
    }

    pub(crate) fn step(&self, instance: &Instance) -> &'w Step {
        let body = self.frames[&instance.frame].steps;
        body.iter().find(|step| step.key == instance.key).unwrap()
    }

    /// The instance an event is about.
    pub(crate) fn subject(&self, event: &Value) -> Option<Instance> {
        event["step"].as_str().map(|name| self.instance(name))
    }

    /// Takes note of frames. Call it with every event, before asking about it.
    pub(crate) fn note(&mut self, event: &Value) {
        if event["type"] != "frameOpened" {
            return;
        }
        let owner = self.instance(event["owner"].as_str().unwrap());
        let index = event["index"].as_u64().unwrap();
        let (prefix, steps, single) = match &self.step(&owner).kind {
            StepKind::Loop(each) => (format!("{}[{index}]", owner.path), &each.steps, false),
            StepKind::Parallel(fork) => {
                let branch = &fork.branches[index as usize];
                (format!("{}.{}", owner.path, branch.key), &branch.steps, branch.single)
            }
            other => panic!("a {} opened a frame", other.word()),
        };
        let opened = Opened { owner: owner.path, prefix, steps, single };
        self.frames.insert(event["frame"].as_u64().unwrap(), opened);
    }

    /// The event in few words: all that the model has to get right.
    pub(crate) fn brief(&self, event: &Value) -> String {
        let path = self.subject(event).map(|instance| instance.path).unwrap_or_default();
        let word = event["type"].as_str().unwrap();
        match word {
            "attemptStarted" => format!("start {path} {}", event["attempt"]),
            "stepStarted" => {
                let work = &event["work"];
                let kind = work["kind"].as_str().unwrap();
                let what = match kind {
                    "loop" => work["items"].to_string(),
                    "parallel" => work["required"].to_string(),
                    "timer" => work["until"].to_string(),
                    "signal" => text(&work["name"]).to_owned(),
                    "child" => work["inputs"].to_string(),
                    _ => String::new(),
                };
                format!("start {path} {} {kind} {what}", event["attempt"]).trim_end().to_owned()
            }
            "attemptFailed" => {
                let uncounted = if event["counts"] == false { " uncounted" } else { "" };
                format!("retry {path} {} at {}{uncounted}", event["attempt"], event["retryAt"])
            }
            "attemptLost" => format!("ask about {path} {}", event["attempt"]),
            "stepCompleted" => format!("done {path} {}", event["output"]),
            "stepFailed" => {
                format!("fail {path} {} {}", text(&event["failure"]["kind"]), text(&event["effect"]))
            }
            "stepSkipped" => format!("skip {path} {}", self.skip(&event["reason"])),
            "stepCancelled" => format!("cancel {path} {}", self.stop(&event["reason"])),
            "frameOpened" => {
                format!("open {} {}", event["frame"], self.frames[&event["frame"].as_u64().unwrap()].prefix)
            }
            "frameClosed" => {
                let output = event["outcome"].get("output").map(|output| format!(" {output}"));
                format!(
                    "close {} {}{}",
                    event["frame"],
                    text(&event["outcome"]["outcome"]),
                    output.unwrap_or_default()
                )
            }
            "signalReceived" => format!("signal {}", text(&event["name"])),
            "signalTaken" => format!("take {path} {}", text(&event["name"])),
            "executionPaused" => "pause".to_owned(),
            "executionResumed" => "resume".to_owned(),
            "cancelRequested" => format!("cancelled {}", text(&event["reason"])),
            "executionEnded" => format!("end {}", text(&event["status"])),
            "executionStarted" => "begin".to_owned(),
            other => panic!("`{other}` is a new kind of event; teach the chronicle about it"),
        }
    }

    /// The event in full, still on one line.
    pub(crate) fn told(&self, event: &Value) -> String {
        let mut line = self.brief(event);
        let failure = |failure: &Value| {
            let permanent = if failure["retryable"] == false { ", permanent" } else { "" };
            format!("{} ({}{permanent})", text(&failure["message"]), text(&failure["kind"]))
        };
        if let Some(found) = event.get("failure") {
            line.push_str(&format!(": {}", failure(found)));
        }
        if let Some(because) = event["because"].as_str() {
            line.push_str(&format!("; {because}"));
        }
        for why in [&event["why"], &event["reason"]["why"], &event["decision"]["why"]] {
            if why.is_object() {
                let (shown, value) = (text(&why["substituted"]), text(&why["value"]));
                line.push_str(&if shown == value {
                    format!("; {value}")
                } else {
                    format!("; {shown} = {value}")
                });
            }
        }
        for (field, word) in [("payload", ""), ("question", "asks ")] {
            if let Some(value) = event.get(field).or_else(|| event["work"].get(field)) {
                line.push_str(&format!(" {word}{value}"));
            }
        }
        match text(&event["type"]) {
            "executionEnded" | "executionStarted" => {
                if let Some(value) = event.get("output").or_else(|| event.get("inputs")) {
                    line.push_str(&format!(" {value}"));
                }
            }
            "executionPaused" => line.push_str(&format!(": {}", text(&event["reason"]))),
            _ => {}
        }
        line
    }

    pub(crate) fn skip(&self, reason: &Value) -> String {
        let of = |field: &str| self.instance(reason[field].as_str().unwrap()).path;
        match reason["kind"].as_str().unwrap() {
            "branchNotTaken" => {
                format!(
                    "branch {} {}",
                    of("condition"),
                    if reason["branch"] == true { "then" } else { "else" }
                )
            }
            "guard" => "guard".to_owned(),
            "failed" => format!("failed {}", of("dependency")),
            "skipped" => format!("skipped {}", of("dependency")),
            "stopped" => format!("stopped by {}", self.stop(&reason["reason"])),
            other => panic!("`{other}` is a new reason to skip"),
        }
    }

    pub(crate) fn stop(&self, reason: &Value) -> String {
        let of = || self.instance(reason["step"].as_str().unwrap()).path;
        match reason["by"].as_str().unwrap() {
            "failure" => format!("failure of {}", of()),
            "joined" => format!("join of {}", of()),
            "timeout" => format!("timeout of {}", of()),
            "executionTimeout" => "execution timeout".to_owned(),
            "cancel" => format!("cancel: {}", text(&reason["reason"])),
            other => panic!("`{other}` is a new reason to stop"),
        }
    }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
