//! The workflows that are executed, and how they end when nothing goes wrong.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::testing::ManualClock;
use turbocat_core::{
    AgentExecutor, AnyAgent, Approval, AttemptRequest, Engine, EngineBuilder, ExecutionStatus, Plan,
    Workflow, agent_fn_with, compile,
};

/// A workflow and what it has to be told.
pub(crate) struct Flow {
    pub(crate) name: &'static str,
    yaml: &'static str,
    /// How many signals `go` it waits for.
    pub(crate) signals: u64,
    /// The step that asks a person.
    pub(crate) asks: Option<&'static str>,
}

const fn plain(name: &'static str, yaml: &'static str) -> Flow {
    Flow { name, yaml, signals: 0, asks: None }
}

/// Those that are taken in from outside; all that they are told not to count for their outputs.
pub(crate) const FLOWS: [Flow; 6] = [
    plain("chain", CHAIN),
    plain("fan", FAN),
    Flow { name: "waits", yaml: WAITS, signals: 2, asks: Some("ask") },
    Flow { name: "parent", yaml: PARENT, signals: 1, asks: None },
    plain("fails", FAILS),
    plain("slow", SLOW),
];

/// Those that are nested in others.
const NESTED: [(&str, &str); 3] = [("child", CHILD), ("grandchild", GRANDCHILD), ("aside", ASIDE)];

const CHAIN: &str = "
steps:
  a: { agent: w, inputs: { n: '{{ inputs.n }}' }, retry: &again { max: 999, delay: 1s, factor: 1, jitter: 0, then: fail } }
  b: { agent: w, inputs: { n: '{{ a.n + 1 }}', fails: 2 }, retry: *again }
  odd: { condition: '{{ b.n % 2 == 1 }}', then: [c], else: [d] }
  c: { agent: w, inputs: { n: 10 }, retry: *again }
  d: { agent: w, inputs: { n: 20 }, retry: *again }
  join: { agent: w, needs: any, dependsOn: [c, d], inputs: { n: 30 }, retry: *again }
  guarded: { agent: w, when: '{{ inputs.n > 1 }}', inputs: { n: 40 }, retry: *again }
";

const FAN: &str = "
steps:
  each:
    loop: '{{ [1, 2, 3, 4] }}'
    maxParallel: 3
    steps:
      one: { agent: w, inputs: { n: '{{ item }}', fails: '{{ item % 2 }}' }, retry: &again { max: 999, delay: 1s, factor: 1, jitter: 0, then: fail } }
      two: { agent: few, inputs: { n: '{{ one.n + inputs.n }}' }, retry: *again }
  both:
    parallel:
      branches:
        left: { agent: few, inputs: { n: 1 }, retry: *again }
        right: { steps: { x: { wait: 700ms }, y: { agent: few, dependsOn: x, inputs: { n: 2 }, retry: *again } } }
  first:
    dependsOn: both
    parallel:
      join: any
      branches:
        quick: { agent: w, inputs: { n: 1 }, retry: *again }
        slow: { agent: w, inputs: { n: 2, hangs: 1000 }, retry: *again }
outputs: { each: '{{ each.results }}', both: '{{ both.left }}', first: '{{ first.parallelCompleted }}' }
";

const WAITS: &str = "
steps:
  nap: { wait: 3s }
  until: { wait: { until: '2030-01-01T00:00:10Z' } }
  one: { wait: { signal: go } }
  two: { wait: { signal: go }, dependsOn: one }
  never: { wait: { signal: never, timeout: 5s, onTimeout: continue } }
  ask: { wait: { approval: 'Go on with {{ inputs.n }}?' }, dependsOn: nap }
  last: { agent: w, dependsOn: [until, two, never, ask], inputs: { n: '{{ inputs.n }}' }, retry: { max: 999, delay: 1s, factor: 1, jitter: 0, then: fail } }
outputs: { nap: '{{ nap.waitMs }}', never: '{{ never.timedOut }}', asked: '{{ ask.approved }}', last: '{{ last }}' }
";

const PARENT: &str = "
steps:
  first: { workflow: child, inputs: { n: '{{ inputs.n }}' } }
  each: { loop: '{{ [5, 6] }}', maxParallel: 2, steps: { c: { workflow: child, inputs: { n: '{{ item }}' } } } }
  aside: { workflow: aside, waitForCompletion: false, dependsOn: first }
  go: { wait: { signal: go } }
  last: { agent: w, dependsOn: [first, each, go], inputs: { n: 9 }, retry: { max: 999, delay: 1s, factor: 1, jitter: 0, then: fail } }
outputs: { first: '{{ first }}', each: '{{ each.results }}', last: '{{ last }}' }
";

const CHILD: &str = "
steps:
  a: { agent: w, inputs: { n: '{{ inputs.n }}', fails: 1 }, retry: { max: 999, delay: 1s, factor: 1, jitter: 0, then: fail } }
  deep: { workflow: grandchild, inputs: { n: '{{ a.n * 2 }}' } }
";

const GRANDCHILD: &str = "
steps:
  nap: { wait: 4s }
  g: { agent: few, dependsOn: nap, inputs: { n: '{{ inputs.n }}' }, retry: { max: 999, delay: 1s, factor: 1, jitter: 0, then: fail } }
outputs: { g: '{{ g }}' }
";

const ASIDE: &str = "
steps: { a: { agent: w, inputs: { n: 1 }, retry: { max: 999, delay: 1s, factor: 1, jitter: 0, then: fail } } }
";

const FAILS: &str = "
steps:
  a: { agent: w, inputs: { n: 1, breaks: true }, retry: { max: 999, on: [lost], delay: 1s, factor: 1, jitter: 0, then: continue } }
  b: { agent: w, needs: finished, dependsOn: a, inputs: { n: 2 }, retry: &again { max: 999, on: [lost, error], delay: 1s, factor: 1, jitter: 0, then: fail } }
  c: { agent: w, dependsOn: b, inputs: { n: 3, breaks: '{{ inputs.n > 1 }}' }, retry: { max: 999, on: [lost], delay: 1s, factor: 1, jitter: 0, then: fail } }
  d: { agent: w, dependsOn: c, inputs: { n: 4 }, retry: *again }
";

const SLOW: &str = "
steps:
  a: { agent: w, timeout: 8s, inputs: { n: '{{ inputs.n }}', hangs: 1 }, retry: { max: 999, delay: 2s, factor: 1, jitter: 0, then: fail } }
  b: { agent: w, dependsOn: a, inputs: { n: 2, naps: 12000 }, retry: { max: 999, delay: 1s, factor: 1, jitter: 0, then: fail } }
";

/// What an attempt comes to, after it took its time. Nothing else decides it, so that every
/// execution ends as the reference does.
pub(crate) fn answer(inputs: &Value, attempt: u32) -> Result<Value, turbocat_core::StepFailure> {
    let number = |name: &str| inputs[name].as_u64().unwrap_or(0);
    if inputs["breaks"] == true {
        return Err(turbocat_core::StepFailure::error("broken for good").permanent());
    }
    if u64::from(attempt) <= number("fails") {
        return Err(turbocat_core::StepFailure::error("busy"));
    }
    Ok(json!({ "n": inputs["n"], "done": true }))
}

/// Whether an attempt hangs until it is stopped.
pub(crate) fn hangs(inputs: &Value, attempt: u32) -> bool {
    u64::from(attempt) <= inputs["hangs"].as_u64().unwrap_or(0)
}

/// An engine that knows all workflows.
pub(crate) fn with_flows(mut builder: EngineBuilder) -> EngineBuilder {
    static WORKFLOWS: LazyLock<Vec<(&str, Workflow)>> = LazyLock::new(|| {
        let named = FLOWS.iter().map(|flow| (flow.name, flow.yaml)).chain(NESTED);
        named.map(|(name, yaml)| (name, Workflow::from_yaml(yaml).unwrap())).collect()
    });
    for (name, workflow) in WORKFLOWS.iter() {
        builder = builder.workflow(name, workflow.clone());
    }
    builder
}

/// The plan of a recorded workflow.
pub(crate) fn plan_of(workflow: &Value) -> Plan {
    static PLANS: Mutex<BTreeMap<String, Plan>> = Mutex::new(BTreeMap::new());
    let name = workflow["name"].as_str().unwrap().to_owned();
    let mut plans = PLANS.lock().unwrap();
    let made = || compile(&Workflow::from_value(workflow).unwrap(), &AnyAgent).unwrap();
    plans.entry(name).or_insert_with(made).clone()
}

/// The status and the output of an execution that has ended.
type End = (ExecutionStatus, Value);

/// How an execution ends when nothing goes wrong.
pub(crate) fn reference(flow: &Flow, n: u64) -> End {
    static KNOWN: Mutex<BTreeMap<(&str, u64), End>> = Mutex::new(BTreeMap::new());
    if let Some(known) = KNOWN.lock().unwrap().get(&(flow.name, n)) {
        return known.clone();
    }
    let clock = ManualClock::new();
    let agent: Arc<dyn AgentExecutor> =
        Arc::new(agent_fn_with(|inputs: Value, request: AttemptRequest| async move {
            if hangs(&inputs, request.attempt) {
                std::future::pending::<()>().await;
            }
            answer(&inputs, request.attempt)
        }));
    let builder = Engine::builder().clock(clock.clone());
    let builder = builder.shared_agent("w", agent.clone()).shared_agent("few", agent);
    let engine = with_flows(builder).build();
    let ended = clock.block_on(async {
        let handle = engine.start(flow.name, json!({ "n": n })).unwrap();
        for signal in 0..flow.signals {
            handle.signal("go", signal).await.unwrap();
        }
        if let Some(step) = flow.asks {
            while handle.approve(step, Approval::yes()).await.is_err() {
                let later = clock.now().after(Duration::from_secs(1));
                turbocat_core::Clock::sleep_until(&clock, later).await;
            }
        }
        let execution = handle.wait().await.unwrap();
        (execution.status(), execution.output().clone())
    });
    KNOWN.lock().unwrap().insert((flow.name, n), ended.clone());
    ended
}
