//! What is executed: small workflows that use, all together, every type of step and every way to
//! end. Each agent's step has a `tag` of its own, which is in its output: so it is known again.

use serde_json::{Value, json};
use turbocat_core::{EngineBuilder, Workflow};

use super::tell::Tell;

/// A workflow, what it is given, and what it is told.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) name: &'static str,
    pub(super) yaml: &'static str,
    pub(super) inputs: fn() -> Value,
    pub(super) tells: &'static [Tell],
}

const NOTHING: fn() -> Value = || json!({});

/// Agent steps are short for this: `{ agent: a, inputs: { tag: … } }`.
pub(super) const FLOWS: &[Flow] = &[
    Flow {
        name: "chain",
        yaml: "
steps:
  a: { agent: a, inputs: { tag: a, n: '{{ inputs.n }}' } }
  b: { agent: a, dependsOn: a, inputs: { tag: b, fail: 2 }, retry: { max: 3, delay: 1s, jitter: 0 } }
  c: { agent: a, inputs: { tag: c, n: '{{ a.n + 1 }}', before: '{{ b.tag }}' } }
outputs: { n: '{{ c.n }}', before: '{{ c.before }}' }
",
        inputs: || json!({ "n": 41 }),
        tells: &[],
    },
    Flow {
        name: "branches",
        yaml: "
steps:
  yes: { condition: '{{ inputs.n > 3 }}', then: [y], else: [z] }
  y: { agent: a, inputs: { tag: y } }
  z: { agent: a, inputs: { tag: z } }
  no: { condition: '{{ inputs.n > 30 }}', then: [v], else: [w] }
  v: { agent: a, inputs: { tag: v } }
  w: { agent: a, inputs: { tag: w } }
  guarded: { agent: a, when: '{{ inputs.n == 0 }}', inputs: { tag: guarded } }
  bad: { agent: a, inputs: { tag: bad, fail: 99 }, onError: continue }
  join: { agent: a, needs: any, dependsOn: [y, z, v, w, bad], inputs: { tag: join, y: '{{ y }}', z: '{{ z }}' } }
outputs: { join: '{{ join }}' }
",
        inputs: || json!({ "n": 7 }),
        tells: &[],
    },
    Flow {
        name: "failing",
        yaml: "
steps:
  a: { agent: a, inputs: { tag: a } }
  bad: { agent: a, dependsOn: a, inputs: { tag: bad, fail: 99 }, retry: { max: 1, delay: 1s, jitter: 0, then: fail } }
  never: { agent: a, dependsOn: bad, inputs: { tag: never } }
  nap: { wait: 1d }
",
        inputs: NOTHING,
        tells: &[],
    },
    Flow {
        name: "loops",
        yaml: "
steps:
  each:
    loop: '{{ inputs.rows }}'
    as: row
    indexAs: n
    maxParallel: 2
    steps:
      one: { agent: a, inputs: { tag: \"{{ 'one' ~ n }}\", row: '{{ row }}' } }
      inner: { loop: '{{ row }}', agent: scarce, inputs: { tag: \"{{ 'inner' ~ n ~ '-' ~ index }}\", cell: '{{ item }}' } }
    output: '{{ inner.results }}'
outputs: { cells: '{{ each.results }}' }
",
        inputs: || json!({ "rows": [[1, 2], [3], []] }),
        tells: &[],
    },
    Flow {
        name: "forks",
        yaml: "
steps:
  all:
    parallel:
      branches:
        left: { agent: a, inputs: { tag: left } }
        right: { steps: { r1: { agent: a, inputs: { tag: r1 } }, r2: { agent: a, dependsOn: r1, inputs: { tag: r2 } } } }
  any:
    parallel:
      join: any
      branches:
        quick: { agent: a, inputs: { tag: quick } }
        slow: { wait: 1d }
  two:
    parallel:
      join: 2
      branches:
        x: { agent: a, inputs: { tag: x } }
        y: { agent: a, inputs: { tag: y, hang: true } }
        z: { wait: 1s }
outputs: { all: '{{ all.right.r2.tag }}', any: '{{ any.quick.tag }}', slow: '{{ any.slow }}', two: '{{ two.x.tag }}' }
",
        inputs: NOTHING,
        tells: &[],
    },
    Flow {
        name: "waits",
        yaml: "
steps:
  nap: { wait: 4s }
  until: { wait: { until: 1893456001000 } }
  go: { wait: { signal: go } }
  early: { wait: { signal: early, timeout: 2d } , dependsOn: go }
  ask: { wait: { approval: 'Send?', timeout: 3d }, dependsOn: nap }
  late: { wait: { signal: never, timeout: 1s, onTimeout: continue } }
  last: { agent: a, dependsOn: [until, early, ask], inputs: { tag: last, go: '{{ go.payload }}' } }
outputs: { go: '{{ last.go }}', early: '{{ early.payload }}', by: '{{ ask.by }}', late: '{{ late.timedOut }}', ms: '{{ nap.waitMs }}' }
",
        inputs: NOTHING,
        tells: &[
            Tell::Signal("early", "bird"),
            Tell::Signal("go", "ding"),
            Tell::Approve("ask", true),
        ],
    },
    Flow {
        name: "refused",
        yaml: "
steps:
  ask: { wait: { approval: 'Send?', timeout: 3d } }
  slow: { wait: { approval: 'Really?', timeout: 1s, onTimeout: approve } }
  never: { agent: a, dependsOn: ask, inputs: { tag: never } }
",
        inputs: NOTHING,
        tells: &[Tell::Approve("ask", false)],
    },
    Flow {
        name: "nested",
        yaml: "
steps:
  child: { workflow: child, inputs: { n: 1 } }
  aside: { workflow: child, inputs: { n: 2 }, waitForCompletion: false }
  each:
    loop: [3, 4]
    maxParallel: 2
    steps: { one: { workflow: child, inputs: { n: '{{ item }}' } } }
    output: '{{ one }}'
  bad: { workflow: bad, onError: continue }
  last: { agent: a, dependsOn: [each, child, aside], inputs: { tag: last, n: '{{ child.n }}' } }
outputs: { n: '{{ last.n }}', each: '{{ each.results }}' }
",
        inputs: NOTHING,
        tells: &[],
    },
    Flow {
        name: "large",
        yaml: "
steps:
  grow: { agent: a, inputs: { tag: grow, size: 6000 } }
  child: { workflow: carry, inputs: { text: '{{ grow.text }}' } }
  each: { loop: '{{ [grow.text, inputs.text] }}', agent: a, inputs: { tag: \"{{ 'each' ~ index }}\", text: '{{ item }}' } }
outputs: { child: '{{ child.text }}', own: '{{ inputs.text }}', each: '{{ each.results }}' }
",
        inputs: || json!({ "text": "own ".repeat(1500) }),
        tells: &[],
    },
    Flow {
        name: "paused",
        yaml: "
steps:
  a: { agent: a, inputs: { tag: a } }
  nap: { wait: 1s }
  go: { wait: { signal: go }, dependsOn: a }
  b: { agent: a, dependsOn: [go, nap], inputs: { tag: b } }
outputs: { b: '{{ b.tag }}' }
",
        inputs: NOTHING,
        tells: &[Tell::Pause, Tell::Signal("go", "ding"), Tell::Unpause],
    },
    Flow {
        name: "cancelled",
        yaml: "
steps:
  a: { agent: a, inputs: { tag: a } }
  hang: { agent: a, inputs: { tag: hang, hang: true } }
  child: { workflow: hanging, dependsOn: a }
  each: { loop: [1, 2], maxParallel: 2, steps: { one: { workflow: hanging } } }
",
        inputs: NOTHING,
        tells: &[Tell::Cancel],
    },
    Flow {
        name: "overdue",
        yaml: "
timeout: 5s
steps:
  a: { agent: a, inputs: { tag: a } }
  hang: { agent: a, dependsOn: a, inputs: { tag: hang, hang: true } }
  child: { workflow: hanging }
",
        inputs: NOTHING,
        tells: &[],
    },
];

const NESTED: &[(&str, &str)] = &[
    (
        "child",
        "
steps:
  inner: { agent: a, inputs: { tag: \"{{ 'inner' ~ inputs.n }}\", n: '{{ inputs.n * 10 }}' } }
  nap: { wait: 1s, dependsOn: inner }
outputs: { n: '{{ inner.n }}' }
",
    ),
    ("bad", "steps: { bad: { agent: a, inputs: { tag: bad, fail: 99 } } }"),
    (
        "carry",
        "steps: { keep: { agent: a, inputs: { tag: keep, text: '{{ inputs.text }}' } } }\noutputs: { text: '{{ keep.text }}' }",
    ),
    (
        "hanging",
        "steps: { deep: { workflow: deeper }, hang: { agent: a, inputs: { tag: hang, hang: true } } }",
    ),
    ("deeper", "steps: { hang: { agent: a, inputs: { tag: deep, hang: true } } }"),
];

impl Flow {
    pub(super) fn named(name: &str) -> &'static Self {
        FLOWS.iter().find(|flow| flow.name == name).unwrap()
    }

    pub(super) fn workflow(&self) -> Workflow {
        let mut workflow = Workflow::from_yaml(self.yaml).unwrap();
        workflow.name = Some(self.name.to_owned());
        workflow
    }
}

/// Registers what the flows nest.
pub(super) fn register(mut builder: EngineBuilder) -> EngineBuilder {
    for (name, yaml) in NESTED {
        builder = builder.workflow(name, Workflow::from_yaml(yaml).unwrap());
    }
    builder
}
