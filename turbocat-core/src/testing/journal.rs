//! Checks what an execution recorded against what must be true of every execution.

use serde_json::Value;

use super::ledger::Ledger;
use crate::event::{Event, Fact};
use crate::plan::Plan;
use crate::scheduler::Scheduler;

/// What is wrong with the events of an execution, in sentences; nothing if all is well.
///
/// Holds for executions that have ended and for those that go on. Among other things: events are
/// numbered without gaps; nothing comes before the start or after the end; a step begins after
/// the steps before it ended, and ends once; attempts are counted, begin after their pause, and
/// are no more than the policy allows; bodies are opened and closed properly; limits are kept;
/// skipped steps have a reason that is true; what was written down can be read back; and the
/// scheduler accepts it all.
///
/// ```
/// use serde_json::json;
/// use turbocat_core::testing::{ManualClock, ScriptedAgent, check_journal};
/// use turbocat_core::{Engine, Workflow};
///
/// let engine = Engine::builder().agent("echo", ScriptedAgent::new().echo()).build();
/// let workflow = Workflow::from_yaml("steps: { a: { agent: echo }, b: { agent: echo, dependsOn: a } }")?;
/// let plan = engine.compile(&workflow)?;
///
/// let mut recorded = ManualClock::new().block_on(async {
///     let mut events = engine.start(&plan, json!({}))?.events();
///     let mut recorded = Vec::new();
///     while let Some(event) = events.next().await {
///         recorded.push(event);
///     }
///     Ok::<_, turbocat_core::Error>(recorded)
/// })?;
/// assert_eq!(check_journal(&plan, &recorded), Vec::<String>::new());
///
/// recorded.remove(2);
/// assert_eq!(check_journal(&plan, &recorded)[0], "event 4 follows event 2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_journal(plan: &Plan, events: &[Event]) -> Vec<String> {
    let mut found = Vec::new();
    let mut ledger = Ledger::new(plan);
    let mut last = 0;
    if events.is_empty() {
        return vec!["there are no events".to_owned()];
    }
    let mut readable = true;
    for event in events {
        if event.seq != last + 1 {
            let first = format!("the first event has number {}, not 1", event.seq);
            found.push(if last == 0 { first } else { format!("event {} follows event {last}", event.seq) });
        }
        if (last == 0) != matches!(event.fact, Fact::ExecutionStarted { .. }) {
            let message = if last == 0 { "something comes before" } else { "this is a second" };
            found.push(format!("event {}: {message} start of the execution", event.seq));
        }
        last = event.seq;
        match stranger(plan, event) {
            Some(step) => {
                readable = false;
                found.push(format!("event {}: the plan has no step number {step}", event.seq));
            }
            None => {
                found.extend(round_trip(plan, event));
                ledger.enter(event, &mut found);
            }
        }
    }
    if readable && let Err(error) = Scheduler::replay(plan, events) {
        found.push(format!("it cannot be replayed: {error}"));
    }
    found
}

/// As [`check_journal`], for events as a journal keeps them.
///
/// ```
/// use serde_json::json;
/// use turbocat_core::testing::check_recorded;
/// use turbocat_core::{AnyAgent, Workflow, compile};
///
/// let plan = compile(&Workflow::from_yaml("steps: { a: { agent: echo } }")?, &AnyAgent)?;
/// let events = [json!({ "seq": 1, "at": 0, "type": "stepCompleted", "step": "b", "output": {} })];
/// assert_eq!(
///     check_recorded(&plan, &events),
///     ["event 1 cannot be read: step `b` does not exist in this workflow"],
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_recorded(plan: &Plan, events: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    let mut decoded = Vec::new();
    for (at, value) in events.iter().enumerate() {
        match plan.decode(value) {
            Ok(event) => decoded.push(event),
            Err(message) => found.push(format!("event {} cannot be read: {message}", at + 1)),
        }
    }
    if found.is_empty() { check_journal(plan, &decoded) } else { found }
}

/// The number of a step that the plan does not have, if the event names one.
fn stranger(plan: &Plan, event: &Event) -> Option<u32> {
    let known = |step: crate::event::StepRef| {
        if (step.step as usize) < plan.len() { Ok(step) } else { Err(step.step) }
    };
    event.fact.clone().try_map(&known).err()
}

fn round_trip(plan: &Plan, event: &Event) -> Option<String> {
    let text = plan.encode(event).to_string();
    let read = serde_json::from_str(&text).map_err(|error| error.to_string());
    match read.and_then(|value| plan.decode(&value)) {
        Ok(again) if again == *event => None,
        Ok(_) => Some(format!("event {} is another one after it was written down and read back", event.seq)),
        Err(message) => {
            Some(format!("event {} cannot be read back after it was written down: {message}", event.seq))
        }
    }
}
