//! Cases that fuzzing found, and the seeds it starts from: `fuzz-cases/<target>/*` and
//! `fuzz/seeds/<target>/*`. The promises they are held to stand in `fuzz-cases/<target>.rs`, and
//! the fuzz targets keep the same ones.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use turbocat_core::{
    Action, AnyAgent, Effect, Event, ExecutionId, Fact, Input, Plan, Scheduler, StepFailure, StepRef,
    Timestamp, Turn, Workflow, compile,
};

#[path = "fuzz-cases/events.rs"]
mod events;
#[path = "fuzz-cases/load.rs"]
mod load;
#[path = "fuzz-cases/scheduler.rs"]
mod scheduler;
#[path = "fuzz-cases/templates.rs"]
mod templates;

/// Holds every case and seed of a target to its promises.
fn check(target: &str, promise: fn(&[u8])) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = files(&root.join("tests/fuzz-cases").join(target));
    assert!(!cases.is_empty(), "there are no cases of `{target}`");
    let seeds = files(&root.join("../fuzz/seeds").join(target));
    let broken = |path: &&PathBuf| {
        let bytes = fs::read(path).unwrap();
        catch_unwind(AssertUnwindSafe(|| promise(&bytes))).is_err()
    };
    let broken: Vec<_> = cases.iter().chain(&seeds).filter(broken).collect();
    assert!(broken.is_empty(), "these break a promise: {broken:#?}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    // the seeds are not part of the published crate
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn any_text_is_refused_with_places_or_can_be_written_and_started() {
    check("load", load::check);
}

#[test]
fn any_template_gives_a_value_or_a_failure_and_the_same_twice() {
    check("templates", templates::check);
}

#[test]
fn any_life_of_an_execution_replays_and_ends() {
    check("scheduler", scheduler::check);
}

#[test]
fn any_journal_is_refused_or_can_be_gone_on_with() {
    check("events", events::check);
}

// What was found with bytes that say nothing to a reader, said in words.

fn plan(definition: &str) -> Plan {
    compile(&Workflow::from_yaml(definition).unwrap(), &AnyAgent).unwrap()
}

/// An execution of a definition with what was recorded of it.
fn start(plan: &Plan) -> (Scheduler, Turn) {
    let id = ExecutionId::from_uuid(uuid::Uuid::nil());
    Scheduler::start(plan, id, NOW, 7, json!({ "items": [1, 2] })).unwrap()
}

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

fn cancel() -> Input {
    Input::Cancel { reason: "enough".into() }
}

/// What a replay says of a journal, written as JSON.
fn replayed(plan: &Plan, journal: &[Value]) -> String {
    let events: Vec<Event> = journal.iter().map(|event| plan.decode(event).unwrap()).collect();
    match Scheduler::replay(plan, &events) {
        Ok(scheduler) => scheduler.status().word().to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_cancelled_execution_stands_like_its_replay() {
    let plan = plan("steps: { a: { agent: echo } }");
    let (mut scheduler, mut turn) = start(&plan);
    turn.events.extend(scheduler.apply(NOW, cancel()).events);
    assert!(Scheduler::replay(&plan, &turn.events).unwrap().stands_like(&scheduler));
}

#[test]
fn replay_refuses_what_no_execution_records() {
    let plan = plan(
        "steps: { a: { agent: echo }, b: { agent: echo, dependsOn: a }, c: { loop: [1], agent: echo } }",
    );
    let check = |more: &[Value], expected: &str| {
        let mut journal = vec![json!({
            "type": "executionStarted", "execution": "00000000-0000-0000-0000-000000000001", "inputs": {}, "seed": 7,
        })];
        journal.extend_from_slice(more);
        for (at, event) in journal.iter_mut().enumerate() {
            event["seq"] = json!(at + 1);
            event["at"] = json!(0);
        }
        assert_eq!(replayed(&plan, &journal), expected);
    };
    let ended = |status: &str| json!({ "type": "executionEnded", "status": status });
    let completed = |step: &str| json!({ "type": "stepCompleted", "step": step, "output": 1 });
    let frame = json!({ "type": "frameOpened", "frame": 1, "owner": "c", "index": 0 });
    check(&[], "running");
    check(&[ended("cancelled")], "event 2 does not fit: the execution has unfinished steps");
    check(
        &[completed("a"), completed("b"), completed("c"), ended("running")],
        "event 5 does not fit: an execution does not end as running",
    );
    check(&[completed("a"), completed("b"), completed("c"), ended("completed")], "completed");
    check(&[completed("b")], "event 2 does not fit: the step is pending");
    check(&[completed("c"), frame], "event 3 does not fit: its owner is completed");
}

#[test]
fn steps_inside_a_branch_of_one_step_have_paths_of_their_own() {
    let plan = plan(
        "steps: { p: { parallel: { branches: { x: { loop: [1], steps: { a: { agent: echo }, b: { agent: echo } } } } } } }",
    );
    let (scheduler, turn) = start(&plan);
    let paths: Vec<String> = turn
        .actions
        .iter()
        .map(|action| match action {
            Action::Launch { step, .. } => scheduler.path(*step),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(paths, ["p.x[0].a", "p.x[0].b"]);
    assert_eq!(scheduler.path(StepRef { frame: 1, step: 1 }), "p.x");
}

#[test]
fn a_step_that_is_not_there_can_be_asked_about() {
    let plan = plan("steps: { a: { agent: echo } }");
    let (mut scheduler, _) = start(&plan);
    for step in [StepRef { frame: 0, step: 9 }, StepRef { frame: 9, step: 0 }, StepRef { frame: 9, step: 9 }]
    {
        assert_eq!((scheduler.step_status(step), scheduler.secrets(step)), (None, Vec::new()));
        assert!(scheduler.attempt(step, None).is_err());
        assert!(!scheduler.wants_secrets(step) && !scheduler.is_waiting_for_approval(step));
        let _ = (scheduler.agent(step), scheduler.attempt_timeout(step), scheduler.path(step));
        assert_eq!(scheduler.apply(NOW, Input::AttemptLost { step, attempt: 1 }).events, []);
    }
}

#[test]
fn what_was_written_is_read_back_to_the_last_digit_and_null_is_a_value() {
    let plan = plan(
        "steps: { a: { type: agent, inputs: '{{ inputs.items[0] }}' } }\noutputs: '{{ inputs.missing | default(none) }}'",
    );
    let (scheduler, turn) = start(&plan);
    let Fact::ExecutionEnded { output, .. } = &turn.events.last().unwrap().fact else { panic!() };
    assert_eq!(output.as_deref(), Some(&Value::Null));
    let failure = StepFailure::error("it broke").detail(Value::Null);
    let facts = [
        turn.events.last().unwrap().fact.clone(),
        Fact::StepCompleted { step: A, output: Arc::new(json!(9.533333333333333)), decision: None },
        Fact::StepFailed { step: A, failure: Box::new(failure), effect: Effect::Fail, because: "".into() },
    ];
    for fact in facts {
        let event = Event { seq: 1, at: NOW, fact };
        let text = scheduler.plan().encode(&event).to_string();
        assert_eq!(plan.decode(&serde_json::from_str(&text).unwrap()).as_ref(), Ok(&event), "{text}");
    }
}

const A: StepRef = StepRef { frame: 0, step: 0 };

/// Says what became of an execution, and whether all of it can be read back from text.
fn outcome(definition: &Value, inputs: Value) -> String {
    let plan = compile(&Workflow::from_value(definition).unwrap(), &AnyAgent).unwrap();
    let id = ExecutionId::from_uuid(uuid::Uuid::nil());
    let (scheduler, turn) = match Scheduler::start(&plan, id, NOW, 7, inputs) {
        Ok(started) => started,
        Err(mistakes) => return mistakes.to_string(),
    };
    for event in &turn.events {
        let text = plan.encode(event).to_string();
        let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(plan.decode(&value).as_ref(), Ok(event));
    }
    match scheduler.failure() {
        Some(failure) => failure.message.clone(),
        None => scheduler.status().word().to_owned(),
    }
}

fn nested(levels: usize, innermost: Value) -> Value {
    (0..levels).fold(innermost, |inner, _| Value::Array(vec![inner]))
}

#[test]
fn steps_that_nest_what_they_are_given_fail_before_it_is_too_deep() {
    let pass = |inputs: Value| json!({ "type": "agent", "inputs": { "of": inputs } });
    let mut steps = Map::from_iter([("s0".to_owned(), pass(json!("x")))]);
    for at in 1..200 {
        steps.insert(format!("s{at}"), pass(nested(50, json!(format!("{{{{ s{} }}}}", at - 1)))));
    }
    let expected = "step `s2` failed: the output is nested deeper than 100 levels";
    assert_eq!(outcome(&json!({ "steps": steps }), json!({})), expected);

    let check = |step: Value, expected: &str| {
        assert_eq!(
            outcome(&json!({ "steps": { "a": step } }), json!({ "deep": nested(95, json!(1)) })),
            expected
        );
    };
    check(pass(json!("{{ inputs.deep }}")), "completed");
    check(
        pass(nested(9, json!("{{ inputs.deep }}"))),
        "step `a` failed: the output is nested deeper than 100 levels",
    );
    check(
        json!({ "loop": "{{ [[[[[[inputs.deep]]]]]] }}", "agent": "echo" }),
        "step `a` failed: the list of items is nested deeper than 100 levels",
    );
    check(
        json!({ "loop": [1], "steps": { "b": pass(json!(1)) }, "output": { "of": nested(9, json!("{{ inputs.deep }}")) } }),
        "step `a` failed: the output of an iteration is nested deeper than 100 levels",
    );
    check(
        json!({ "workflow": "other", "inputs": { "of": nested(9, json!("{{ inputs.deep }}")) } }),
        "step `a` failed: the input of the nested workflow is nested deeper than 100 levels",
    );
    let steps = json!({ "a": pass(json!("{{ inputs.deep }}")) });
    let outputs = json!({ "of": nested(9, json!("{{ a }}")) });
    assert_eq!(
        outcome(&json!({ "steps": steps, "outputs": outputs }), json!({ "deep": nested(90, json!(1)) })),
        "the outputs cannot be computed: the output is nested deeper than 100 levels",
    );
    let told = outcome(&json!({ "steps": steps }), json!({ "deep": nested(500, json!(1)) }));
    assert_eq!(told, "error[A106]: the value is nested deeper than 100 levels\n --> inputs\n");
}

#[test]
fn a_long_condition_is_explained_shallowly_enough_to_be_read_back() {
    let terms: Vec<String> = (0..120).map(|n| format!("inputs.x == {n}")).collect();
    let definition =
        json!({ "steps": { "a": { "type": "agent", "when": format!("{{{{ {} }}}}", terms.join(" or ")) } } });
    assert_eq!(outcome(&definition, json!({ "x": -1 })), "completed");
}
