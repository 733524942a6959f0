//! What a journal says of the attempts of an execution's steps, by idempotency key.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use turbocat_core::ExecutionId;

/// What became of a step.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// The attempts that were started.
    pub(crate) started: BTreeSet<u32>,
    /// Whether it completed.
    pub(crate) completed: bool,
    /// How many attempts were lost.
    pub(crate) lost: usize,
}

/// The steps of agents of an execution, by the key that their attempts are given.
pub(crate) fn steps(execution: ExecutionId, events: &[Value]) -> BTreeMap<String, Step> {
    let mut frames: BTreeMap<u64, String> = BTreeMap::new();
    let mut forks = BTreeSet::new();
    let mut steps: BTreeMap<String, Step> = BTreeMap::new();
    for event in events {
        let path = |field: &str| path(event[field].as_str().unwrap(), &frames);
        let key = || format!("{execution}/{}", path("step"));
        match event["type"].as_str().unwrap() {
            "stepStarted" if event["work"]["kind"] == "parallel" => {
                forks.insert(path("step"));
            }
            "frameOpened" => {
                let owner = path("owner");
                // A step that is all of a branch goes by the branch's name.
                let path =
                    if forks.contains(&owner) { owner } else { format!("{owner}[{}]", event["index"]) };
                frames.insert(event["frame"].as_u64().unwrap(), path);
            }
            "attemptStarted" => {
                let attempt = u32::try_from(event["attempt"].as_u64().unwrap()).unwrap();
                steps.entry(key()).or_default().started.insert(attempt);
            }
            "attemptFailed" | "stepFailed" => {
                let lost = event["failure"]["kind"] == "lost";
                if let Some(step) = steps.get_mut(&key()) {
                    step.lost += usize::from(lost);
                }
            }
            "stepCompleted" => {
                if let Some(step) = steps.get_mut(&key()) {
                    step.completed = true;
                }
            }
            _ => {}
        }
    }
    steps
}

/// The path of a step instance, of `each.one#3` and what frame 3 is: `each[2].one`.
fn path(step: &str, frames: &BTreeMap<u64, String>) -> String {
    let Some((step, frame)) = step.split_once('#') else { return step.to_owned() };
    let (_, key) = step.rsplit_once('.').unwrap();
    format!("{}.{key}", frames[&frame.parse().unwrap()])
}
