//! What is recorded of an execution and of those it started, and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use turbocat_core::testing::check_recorded;
use turbocat_core::{AnyAgent, ExecutionId, ExecutionStatus, Journal, Recorded, Workflow, compile};

use super::agent::Place;

/// An execution and all that it started, by name.
pub(super) type Family = BTreeMap<ExecutionId, Recorded>;

/// How executions ended, and how many did so.
pub(super) type Ends = BTreeMap<String, usize>;

/// What a journal has of an execution and all that it started; nothing if it never began.
pub(super) async fn family(journal: &Arc<dyn Journal>, root: ExecutionId) -> Family {
    let mut found = Family::new();
    let mut asked = vec![root];
    while let Some(id) = asked.pop() {
        if let Some(recorded) = journal.load(id).await.unwrap() {
            asked.extend(children(&recorded.events));
            found.insert(id, recorded);
        }
    }
    found
}

fn children(events: &[Value]) -> impl Iterator<Item = ExecutionId> {
    let works = events.iter().filter(|event| event["type"] == "stepStarted").map(|event| &event["work"]);
    works.filter(|work| work["kind"] == "child").map(|work| {
        let name = work["execution"].as_str().unwrap();
        name.parse().unwrap()
    })
}

/// The agents' steps that have completed.
pub(super) fn completed(family: &Family) -> BTreeSet<Place> {
    let mut places = BTreeSet::new();
    for (id, recorded) in family {
        let done = recorded.events.iter().filter(|event| event["type"] == "stepCompleted");
        places.extend(done.filter_map(|event| Some((*id, event["output"]["tag"].as_str()?.to_owned()))));
    }
    places
}

/// How many attempts of agents were recorded of each execution.
pub(super) fn attempts(family: &Family) -> BTreeMap<ExecutionId, usize> {
    let begun = |recorded: &Recorded| {
        recorded.events.iter().filter(|event| event["type"] == "attemptStarted").count()
    };
    family.iter().map(|(id, recorded)| (*id, begun(recorded))).collect()
}

/// How an execution ended and those it started, without their names: workflow, status, last event.
///
/// Of what was stopped in the middle nobody knows what it had started: only that it was stopped.
pub(super) fn ends(family: &Family) -> Ends {
    let mut ends = BTreeMap::new();
    for recorded in family.values() {
        let mut last = recorded.events.last().cloned().unwrap_or_default();
        for key in ["seq", "at"] {
            last.as_object_mut().and_then(|last| last.remove(key));
        }
        let (name, status) = (&recorded.definition.workflow()["name"], recorded.status.word());
        if recorded.parent.is_none() || recorded.status != ExecutionStatus::Cancelled {
            *ends.entry(format!("{name} {status} {last}")).or_default() += 1;
        }
    }
    ends
}

/// All of it, a line an event, for who has to find out what went wrong.
pub(super) fn tell(family: &Family) -> String {
    let mut text = String::new();
    for (id, recorded) in family {
        text.push_str(&format!("\n{id} is {}", recorded.status.word()));
        text.extend(recorded.events.iter().map(|event| format!("\n    {event:.200}")));
    }
    text
}

/// What cannot be true of what is recorded.
pub(super) fn complaints(family: &Family) -> Vec<String> {
    let mut found = Vec::new();
    for (id, recorded) in family {
        let plan =
            compile(&Workflow::from_value(&recorded.definition.workflow()).unwrap(), &AnyAgent).unwrap();
        if recorded.events.is_empty() && recorded.status.is_ended() {
            // It ended before it began.
            continue;
        }
        found.extend(check_recorded(&plan, &recorded.events).into_iter().map(|line| format!("{id}: {line}")));
        let ended = recorded.events.iter().filter(|event| event["type"] == "executionEnded").count();
        if ended != 1 || !recorded.status.is_ended() {
            found.push(format!("{id}: it ended {ended} times, and is {}", recorded.status.word()));
        }
    }
    found
}
