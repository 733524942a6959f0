//! Executions over a journal: after a crash, and when the journal fails.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use turbocat_core::testing::{Calls, Fault, FaultyJournal, ManualClock, ScriptedAgent, check_recorded};
use turbocat_core::{
    AgentExecutor, AttemptRequest, Commit, Engine, Enqueue, ErrorKind, ExecutionId, ExecutionStatus, Journal,
    MemoryJournal, NewExecution, Standing, StepFailure, StepOutput, Workflow,
};

/// A journal that does some of its commits wrong.
fn faulty(fault: Fault, wrong: std::ops::Range<u32>) -> Arc<FaultyJournal> {
    let inner = Arc::new(MemoryJournal::new());
    Arc::new(FaultyJournal::failing(inner, Calls::Commits, fault, wrong))
}

/// Refuses to be asked for an attempt that the journal does not have, or for a finished step.
struct Suspicious {
    script: ScriptedAgent,
    journal: Arc<dyn Journal>,
    complaints: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl AgentExecutor for Suspicious {
    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        let recorded = self.journal.load(request.execution()).await.unwrap().unwrap();
        let (step, attempt) = (request.step().to_owned(), request.attempt);
        let of_step = |event: &&Value| {
            let path = event["step"].as_str().unwrap_or_default();
            path.split('#').next().and_then(|path| path.rsplit('.').next()) == Some(&*step)
        };
        let events: Vec<&Value> = recorded.events.iter().filter(of_step).collect();
        if !events.iter().any(|event| event["type"] == "attemptStarted" && event["attempt"] == attempt) {
            let complaint = format!("attempt {attempt} of {step} was begun before it was written");
            self.complaints.lock().unwrap().push(complaint);
        }
        self.script.execute(request).await
    }
}

const WORKFLOW: &str = "
name: main
steps:
  a: { agent: a }
  b: { agent: a, dependsOn: a, retry: { max: 1, delay: 1m } }
  each:
    loop: '{{ [1, 2] }}'
    steps: { one: { agent: a, inputs: { n: '{{ item }}' } } }
  go: { wait: { signal: go } }
  child: { workflow: child, inputs: { n: 1 }, dependsOn: go }
  nap: { wait: 1h }
  last: { agent: a, dependsOn: [b, each, child, nap] }
outputs: { b: '{{ b }}', each: '{{ each.results }}', child: '{{ child.inner }}', go: '{{ go.payload }}' }
";

const CHILD: &str = "
name: child
steps: { inner: { agent: a, inputs: { n: '{{ inputs.n }}' } }, nap: { wait: 5m, dependsOn: inner } }
";

fn script() -> ScriptedAgent {
    ScriptedAgent::new().echo().step("b").then_fail("busy").then(json!("b"))
}

fn engine(journal: &Arc<dyn Journal>, agent: impl AgentExecutor, clock: &ManualClock) -> Engine {
    Engine::builder()
        .agent("a", agent)
        .workflow("child", Workflow::from_yaml(CHILD).unwrap())
        .shared_store(journal.clone())
        .clock(clock.clone())
        .build()
}

fn expected() -> Value {
    json!({ "b": "b", "each": [{ "one": { "n": 1 } }, { "one": { "n": 2 } }], "child": { "n": 1 }, "go": "ding" })
}

/// How often each step instance was asked.
fn asked(agent: &ScriptedAgent) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    for call in agent.calls() {
        *asked.entry(call.path).or_default() += 1;
    }
    asked
}

fn once() -> BTreeMap<String, usize> {
    ["a", "each[0].one", "each[1].one", "inner", "last"]
        .map(|path| (path.to_owned(), 1))
        .into_iter()
        .chain([("b".to_owned(), 2)])
        .collect()
}

/// Runs the workflow over a journal that does these commits wrong, if it gets as far as to start.
async fn run_over(journal: Arc<FaultyJournal>, clock: &ManualClock) -> bool {
    let journal: Arc<dyn Journal> = journal;
    let (agent, complaints) = (script(), Arc::default());
    let suspicious =
        Suspicious { script: agent.clone(), journal: journal.clone(), complaints: Arc::clone(&complaints) };
    let engine = engine(&journal, suspicious, clock);
    let handle = engine.start(Workflow::from_yaml(WORKFLOW).unwrap(), json!({})).unwrap();
    let (plan, id) = (handle.plan().clone(), handle.id());
    let mut events = handle.events();
    let signalled = handle.signal("go", "ding").await;
    let execution = match handle.wait().await {
        Ok(execution) => execution,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Journal);
            assert!(signalled.is_err() && agent.calls().is_empty(), "nothing was begun");
            assert!(journal.load(id).await.unwrap().is_none());
            return false;
        }
    };
    assert_eq!(execution.status(), ExecutionStatus::Completed, "{execution:?}");
    assert_eq!(execution.output(), &expected());
    assert_eq!(asked(&agent), once());
    assert_eq!(*complaints.lock().unwrap(), Vec::<String>::new());
    let recorded = journal.load(id).await.unwrap().unwrap();
    assert!(recorded.status.is_ended());
    let signals = recorded.events.iter().filter(|event| event["type"] == "signalReceived").count();
    assert_eq!(signals, 1, "what was told once is written once");
    assert_eq!(check_recorded(&plan, &recorded.events), Vec::<String>::new());
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        seen.push(plan.encode(&event));
    }
    assert_eq!(seen, recorded.events, "whoever watches sees what was written");
    assert_eq!(journal.unfinished().await.unwrap(), []);
    true
}

fn for_every_commit(fault: Fault) {
    let good = faulty(fault, 0..0);
    let clock = ManualClock::new();
    assert!(clock.block_on(run_over(good.clone(), &clock)));
    let commits = good.calls();
    assert!(commits > 10, "{commits}");
    for wrong in 0..commits {
        let clock = ManualClock::new();
        let ran = clock.block_on(run_over(faulty(fault, wrong..wrong + 1), &clock));
        assert_eq!(ran, wrong > 0 || fault == Fault::FailsAfterwards, "commit {wrong}");
    }
}

#[test]
fn a_commit_that_fails_changes_nothing_whichever_it_is() {
    for_every_commit(Fault::Fails);
}

#[test]
fn a_commit_that_is_written_but_fails_changes_nothing_whichever_it_is() {
    for_every_commit(Fault::FailsAfterwards);
}

#[test]
fn a_journal_that_fails_for_long_is_asked_again_with_pauses() {
    let clock = ManualClock::new();
    let journal: Arc<dyn Journal> = faulty(Fault::Fails, 1..20);
    let agent = script();
    let engine = engine(&journal, agent.clone(), &clock);
    let workflow = Workflow::from_yaml("steps: { a: { agent: a } }").unwrap();
    assert!(clock.block_on(engine.run(&workflow, json!({}))).unwrap().is_completed());
    assert_eq!(agent.calls().len(), 1);
    let minutes = clock.elapsed().as_secs() / 60;
    assert!((1..10).contains(&minutes), "{:?}", clock.elapsed());
}

#[test]
fn an_execution_that_cannot_be_read_back_is_an_error_and_not_asked_for_again() {
    let clock = ManualClock::new();
    let memory = Arc::new(MemoryJournal::new());
    let journal: Arc<dyn Journal> =
        Arc::new(FaultyJournal::failing(memory, Calls::All, Fault::IsDamaged, 1..u32::MAX));
    let engine = engine(&journal, script(), &clock);
    let workflow = Workflow::from_yaml("steps: { a: { agent: a } }").unwrap();
    let error = clock.block_on(engine.run(&workflow, json!({}))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    assert!(error.to_string().contains("cannot be read: the disk has a hole"), "{error}");
    assert!(clock.elapsed() < Duration::from_mins(1));
}

#[test]
fn an_execution_goes_on_from_every_commit_a_crash_may_leave_last() {
    let clock = ManualClock::new();
    let full = Arc::new(FaultyJournal::new(Arc::new(MemoryJournal::new())));
    let yaml = "
steps:
  a: { agent: a, retry: 1 }
  b: { agent: a, dependsOn: a, retry: { max: 2, delay: 1m } }
  each: { loop: '{{ [1, 2] }}', steps: { one: { agent: a, retry: 1 } } }
  nap: { wait: 1h, dependsOn: b }
outputs: { b: '{{ b }}', nap: '{{ nap.waitMs }}' }
";
    let workflow = Workflow::from_yaml(yaml).unwrap();
    let journal: Arc<dyn Journal> = full.clone();
    let before = engine(&journal, script(), &clock);
    let id = clock.block_on(before.run(&workflow, json!({}))).unwrap().id();
    let plan = before.compile(&workflow).unwrap();
    let ends: Vec<usize> = full.ends().iter().map(|(_, seq)| *seq as usize).collect();
    assert!(ends.len() >= 6, "{ends:?}");
    clock.block_on(async {
        let recorded = full.load(id).await.unwrap().unwrap();
        for &keep in &ends[..ends.len() - 1] {
            let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
            let definition = recorded.definition.clone();
            let new = NewExecution::new(id, definition, Arc::new(recorded.inputs.clone()));
            let first = Commit::new(id, 0, &recorded.events[..keep]).begins(&new);
            journal.commit(first).await.unwrap();
            let agent = ScriptedAgent::new().echo().step("b").then(json!("b"));
            let engine = engine(&journal, agent.clone(), &clock);
            assert_eq!(engine.unfinished().await.unwrap(), [id]);
            let execution = engine.resume(id).await.unwrap().wait().await.unwrap();
            assert!(execution.is_completed(), "{keep}: {execution:?}");
            assert_eq!(execution.output(), &json!({ "b": "b", "nap": 3_600_000 }));
            let again = journal.load(id).await.unwrap().unwrap();
            assert_eq!(check_recorded(&plan, &again.events), Vec::<String>::new(), "{keep}");
            let done = again.events.iter().filter(|event| event["type"] == "stepCompleted");
            let mut done: Vec<&str> = done.filter_map(|event| event["step"].as_str()).collect();
            let all = done.len();
            done.sort_unstable();
            done.dedup();
            assert_eq!(done.len(), all, "{keep}: no step is done twice");
            for event in &recorded.events[..keep] {
                let step = event["step"].as_str().unwrap_or_default();
                let finished = event["type"] == "stepCompleted" && !step.contains('#');
                assert!(!finished || agent.calls_of(step).is_empty(), "{keep}: {step} was asked again");
            }
        }
    });
}

#[test]
fn an_attempt_that_a_crash_interrupted_counts_as_lost_even_if_the_journal_fails_then() {
    let clock = ManualClock::new();
    clock.block_on(async {
        let journal = faulty(Fault::Fails, 1..2);
        let agent = ScriptedAgent::new().then_hang();
        let shared: Arc<dyn Journal> = journal.clone();
        let yaml = "steps: { s: { agent: a, onLost: fail } }";
        let id = {
            let engine = engine(&shared, agent.clone(), &clock);
            let workflow = Workflow::from_yaml(yaml).unwrap();
            let mut run = Box::pin(engine.run(&workflow, json!({})));
            tokio::select! {
                _ = &mut run => unreachable!(),
                () = agent.until_hanging(1) => {}
            }
            engine.unfinished().await.unwrap()[0]
        };
        let engine = engine(&shared, agent.clone(), &clock);
        let execution = engine.resume(id).await.unwrap().wait().await.unwrap();
        assert_eq!(execution.status(), ExecutionStatus::Failed);
        assert!(execution.failure().unwrap().message.contains("went away"), "{execution:?}");
        assert_eq!(agent.calls().len(), 1, "nobody knows whether it acted, so it is not done again");
    });
}

#[test]
fn a_nested_workflow_goes_on_with_its_parent_after_a_crash() {
    let clock = ManualClock::new();
    clock.block_on(async {
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
        let agent = script();
        let yaml = "steps: { c: { workflow: child, inputs: { n: 1 } }, d: { agent: a, dependsOn: c } }";
        let workflow = Workflow::from_yaml(yaml).unwrap();
        let engine_one = engine(&journal, agent.clone(), &clock);
        let mut run = Box::pin(engine_one.run(&workflow, json!({})));
        tokio::select! {
            _ = &mut run => unreachable!(),
            () = async {
                agent.until_called(1).await;
                clock.until_sleeping(1).await;
            } => {}
        }
        drop(run);
        let unfinished = engine_one.unfinished().await.unwrap();
        assert_eq!(unfinished.len(), 1, "the child goes on with its parent");
        let engine = engine(&journal, agent.clone(), &clock);
        let execution = engine.resume(unfinished[0]).await.unwrap().wait().await.unwrap();
        assert!(execution.is_completed(), "{execution:?}");
        assert_eq!(execution.output()["c"]["inner"], json!({ "n": 1 }));
        assert_eq!(agent.calls_of("inner").len(), 1);
        assert_eq!(engine.unfinished().await.unwrap(), []);
    });
}

#[test]
fn cancelling_a_parent_ends_what_is_nested_in_the_journal_too() {
    let clock = ManualClock::new();
    clock.block_on(async {
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
        let agent = ScriptedAgent::new().otherwise_hang();
        let engine = engine(&journal, agent.clone(), &clock);
        let workflow = Workflow::from_yaml("steps: { c: { workflow: child, inputs: { n: 1 } } }").unwrap();
        let handle = engine.start(&workflow, json!({})).unwrap();
        agent.until_hanging(1).await;
        handle.cancel("enough").await.unwrap();
        handle.wait().await.unwrap();
        while engine.active() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(engine.unfinished().await.unwrap(), []);
        let child = journal.load(agent.calls()[0].execution).await.unwrap().unwrap();
        assert_eq!(child.events.last().unwrap()["status"], "cancelled");
    });
}

#[test]
fn of_two_engines_that_drive_one_execution_one_wins_and_the_other_says_so() {
    let clock = ManualClock::new();
    clock.block_on(async {
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
        let agent = ScriptedAgent::new().otherwise(1);
        let (one, two) = (engine(&journal, agent.clone(), &clock), engine(&journal, agent.clone(), &clock));
        let yaml = "steps: { go: { wait: { signal: go } }, s: { agent: a, dependsOn: go } }";
        let first = one.start(Workflow::from_yaml(yaml).unwrap(), json!({})).unwrap();
        while one.unfinished().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let second = two.resume(first.id()).await.unwrap();
        second.signal("go", 1).await.unwrap();
        assert!(second.wait().await.unwrap().is_completed());
        first.signal("go", 2).await.unwrap_err();
        assert_eq!(first.wait().await.unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(agent.calls().len(), 1);
    });
}

#[tokio::test]
async fn an_execution_that_is_not_there_cannot_be_resumed() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let clock = ManualClock::new();
    let error = engine(&journal, script(), &clock).resume(ExecutionId::generate()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = Engine::builder().build().resume(ExecutionId::generate()).await.unwrap_err();
    assert_eq!(error.to_string(), "the engine has no journal");
}

#[tokio::test]
async fn an_ended_execution_is_resumed_to_its_end() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let agent = script();
    let engine = engine(&journal, agent.clone(), &ManualClock::new());
    let workflow = Workflow::from_yaml("steps: { a: { agent: a, inputs: { n: 1 } } }").unwrap();
    let id = engine.run(&workflow, json!({})).await.unwrap().id();
    let execution = engine.resume(id).await.unwrap().wait().await.unwrap();
    assert_eq!(execution.output(), &json!({ "a": { "n": 1 } }));
    assert_eq!(agent.calls().len(), 1);
}

#[tokio::test]
async fn an_execution_that_was_given_up_cannot_be_resumed_and_says_why() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let engine = engine(&journal, script(), &ManualClock::new());
    let workflow = Workflow::from_yaml("steps: { go: { wait: { signal: go } } }").unwrap();
    let begun = engine.start(&workflow, json!({})).unwrap();
    begun.events().next().await.unwrap();
    let waiting = engine.enqueue(&workflow, json!({}), Enqueue::new()).await.unwrap();
    for id in [begun.id(), waiting] {
        let seq = journal.load(id).await.unwrap().unwrap().events.len() as u64;
        let standing = Standing {
            status: ExecutionStatus::Failed,
            error: Some("nobody wants it"),
            ..Standing::default()
        };
        journal.commit(Commit::new(id, seq, &[]).standing(standing)).await.unwrap();
        let error = engine.resume(id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotWaiting);
        assert_eq!(error.to_string(), format!("execution {id} was ended as failed: nobody wants it"));
        let execution = engine.wait(id).await.unwrap();
        assert_eq!(execution.status(), ExecutionStatus::Failed);
        assert_eq!(execution.failure().unwrap().message, "nobody wants it");
    }
}

#[tokio::test]
async fn an_execution_goes_on_with_the_workflows_it_brought_along() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let agent = ScriptedAgent::new().then_hang().otherwise("done");
    let clock = ManualClock::new();
    let engine = || {
        Engine::builder().agent("a", agent.clone()).shared_store(journal.clone()).clock(clock.clone()).build()
    };
    let yaml = "
workflows:
  outer: { steps: { deep: { workflow: deep } }, outputs: '{{ deep }}' }
  deep: { steps: { inner: { agent: a } }, outputs: '{{ inner }}' }
steps: { c: { workflow: outer } }
";
    let first = engine();
    let handle = first.start(Workflow::from_yaml(yaml).unwrap(), json!({})).unwrap();
    let id = handle.id();
    agent.until_hanging(1).await;
    assert!(!first.shutdown(Duration::ZERO).await);
    // Nobody registered a workflow with the second engine either.
    let handle = engine().resume(id).await.unwrap();
    assert_eq!(handle.wait().await.unwrap().output(), &json!({ "c": "done" }));
}
