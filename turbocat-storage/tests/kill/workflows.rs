//! What the program does, and what must come of it. Workflows know nothing of kills.

use serde_json::{Value, json};
use turbocat_core::Workflow;

/// The workflows, of which every execution that is enqueued takes the next; now and then it is
/// `patient`. `inner`, `endless` and `slow` are nested in others.
pub(crate) const WORKFLOWS: [&str; 14] = [
    "
name: chain
steps:
  a: { agent: add, inputs: { n: '{{ inputs.n }}' } }
  b: { agent: add, inputs: { n: '{{ a.n }}' } }
  c: { agent: add, inputs: { n: '{{ b.n }}' } }
  d: { agent: add, inputs: { n: '{{ c.n }}' } }
  e: { agent: add, inputs: { n: '{{ d.n }}' } }
  f: { agent: add, inputs: { n: '{{ e.n }}' } }
outputs: '{{ f.n }}'
",
    "
name: loop
steps:
  each:
    loop: '{{ [1, 2, 3, 4] }}'
    maxParallel: 2
    steps:
      one: { agent: narrow, inputs: { n: '{{ inputs.n + item }}' } }
      two: { agent: add, inputs: { n: '{{ one.n }}' } }
    output: '{{ two.n }}'
outputs: '{{ each.results }}'
",
    "
name: nested
steps:
  before: { agent: add, inputs: { n: '{{ inputs.n }}' } }
  apart: { workflow: inner, inputs: { n: '{{ before.n }}' }, waitForCompletion: false }
  many:
    loop: '{{ [1, 2] }}'
    maxParallel: 2
    steps: { one: { workflow: inner, inputs: { n: '{{ before.n + item }}' } } }
    output: '{{ one }}'
  last: { workflow: inner, inputs: { n: '{{ many.results[1] }}' } }
outputs: '{{ [many.results, last] }}'
",
    "
name: waits
steps:
  naps:
    parallel:
      branches:
        short: { wait: 5ms }
        long: { wait: 60ms }
  first:
    parallel:
      join: any
      branches:
        quick: { agent: add, inputs: { n: '{{ inputs.n }}' } }
        slow: { wait: 1h }
    dependsOn: naps
  after: { agent: add, inputs: { n: '{{ inputs.n }}' }, dependsOn: first }
outputs: '{{ after.n }}'
",
    "
name: signal
steps:
  nap: { wait: 8ms }
  ring: { agent: ring, inputs: { n: '{{ inputs.n }}' }, dependsOn: nap }
  heard: { wait: { signal: bell } }
  after: { agent: add, inputs: { n: '{{ heard.payload.n }}' } }
outputs: '{{ after.n }}'
",
    "
name: retry
steps:
  try: { agent: flaky, inputs: { n: '{{ inputs.n }}' }, retry: { max: 5, delay: 3ms, then: fail } }
  after: { agent: add, inputs: { n: '{{ try.n }}' } }
outputs: '{{ after.n }}'
",
    "
name: failing
steps:
  try: { agent: broken, inputs: {}, retry: { max: 2, delay: 2ms } }
  after: { agent: add, inputs: { n: '{{ inputs.n }}' }, dependsOn: try, needs: finished }
",
    "
name: cancelled
steps:
  child: { workflow: endless }
  nap: { wait: 5ms }
  stop: { agent: stop, inputs: {}, dependsOn: nap }
",
    "
name: once
steps:
  once: { agent: add, inputs: { n: '{{ inputs.n }}' }, onLost: fail, onError: continue }
  after: { agent: add, inputs: { n: '{{ inputs.n }}' }, dependsOn: once, needs: finished }
",
    "
name: large
steps:
  make: { agent: large, inputs: { n: '{{ inputs.n }}' } }
  after: { agent: add, inputs: { n: '{{ make.text | length }}' } }
outputs: { text: '{{ make.text }}', n: '{{ after.n }}' }
",
    "
name: inner
steps:
  one: { agent: add, inputs: { n: '{{ inputs.n }}' } }
  nap: { wait: 5ms, dependsOn: one }
  two: { agent: add, inputs: { n: '{{ one.n }}' }, dependsOn: nap }
outputs: '{{ two.n }}'
",
    "
name: endless
steps: { ask: { wait: { approval: 'for ever?' } } }
",
    "
name: patient
steps:
  child: { workflow: slow, inputs: { n: '{{ inputs.n }}' } }
  after: { agent: add, inputs: { n: '{{ child }}' } }
outputs: '{{ after.n }}'
",
    // So long that both are given back to the store meanwhile.
    "
name: slow
steps:
  nap: { wait: 2500ms }
  one: { agent: add, inputs: { n: '{{ inputs.n }}' }, dependsOn: nap }
outputs: '{{ one.n }}'
",
];

/// How many of them are enqueued by themselves.
const OUTERMOST: u64 = 10;

/// The name of a workflow.
pub(crate) fn name_of(workflow: &str) -> &str {
    workflow.lines().find_map(|line| line.strip_prefix("name: ")).unwrap()
}

pub(crate) fn parsed(workflow: &str) -> Workflow {
    Workflow::from_yaml(workflow).unwrap()
}

/// The workflow that the execution of that number is of.
pub(crate) fn workflow_of(number: u64) -> &'static str {
    if number % 25 == 24 {
        return "patient";
    }
    name_of(WORKFLOWS[usize::try_from(number % OUTERMOST).unwrap()])
}

/// What it is given.
pub(crate) fn inputs_of(number: u64) -> Value {
    json!({ "n": number })
}

/// What the agent `large` makes: more than a journal keeps in its place.
pub(crate) fn large(number: u64) -> String {
    format!("{number} ").repeat(4000)
}

/// How many executions each execution of a workflow starts.
pub(crate) fn nested_in(workflow: &str) -> usize {
    match workflow {
        "nested" => 4,
        "cancelled" | "patient" => 1,
        _ => 0,
    }
}

/// How the execution of that number must have ended: any of these statuses and outputs.
pub(crate) fn ends_of(number: u64) -> Vec<(&'static str, Value)> {
    let n = number;
    let completed = |output| vec![("completed", output)];
    match workflow_of(number) {
        "chain" => completed(json!(n + 6)),
        "loop" => completed(json!([n + 3, n + 4, n + 5, n + 6])),
        "patient" => completed(json!(n + 2)),
        "nested" => completed(json!([[n + 4, n + 5], n + 7])),
        "waits" | "signal" => completed(json!(n + 1)),
        "retry" => completed(json!(n + 1)),
        "failing" => vec![("failed", json!({ "try": null, "after": { "n": n + 1 } }))],
        "cancelled" => vec![("cancelled", Value::Null)],
        "once" => vec![
            ("completed", json!({ "once": { "n": n + 1 }, "after": { "n": n + 1 } })),
            // Its only attempt was lost.
            ("failed", json!({ "once": null, "after": { "n": n + 1 } })),
        ],
        "large" => completed(json!({ "text": large(n), "n": large(n).len() + 1 })),
        other => unreachable!("nobody enqueues `{other}`"),
    }
}
