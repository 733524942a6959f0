//! What compiling makes of a definition: dependencies, gates, rows, names.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::compile::compile;
use super::plan::{Gate, Kind, Plan, Root};
use crate::catalog::AnyAgent;
use crate::definition::{Step, Workflow};

fn plan(text: &str) -> Plan {
    let workflow = Workflow::parse("test.yaml", text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    compile(&workflow, &AnyAgent).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// What each step waits for: `c?then` for a branch of `c`.
fn graph(plan: &Plan) -> BTreeMap<String, Vec<String>> {
    let parts = &plan.0;
    let mut graph: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (index, step) in parts.steps.iter().enumerate() {
        let row = &parts.dependencies[step.dependencies.start as usize..step.dependencies.end as usize];
        let waits_for = row.iter().map(|to| {
            let edges = parts.steps[*to as usize].dependents.clone();
            let edges = &parts.edges[edges.start as usize..edges.end as usize];
            let edge = edges.iter().find(|edge| edge.to as usize == index).unwrap();
            let gate = match edge.gate {
                Gate::None => "",
                Gate::Then => "?then",
                Gate::Else => "?else",
                Gate::Both => "?both",
            };
            format!("{}{gate}", plan.path(*to))
        });
        graph.insert(plan.path(index as u32), waits_for.collect());
    }
    graph
}

fn check(text: &str, expected: &[(&str, &[&str])]) {
    let found = graph(&plan(text));
    let found: Vec<(&str, Vec<&str>)> = found
        .iter()
        .filter(|(_, to)| !to.is_empty())
        .map(|(step, to)| (&**step, to.iter().map(|to| &**to).collect()))
        .collect();
    let expected: Vec<(&str, Vec<&str>)> = expected.iter().map(|(step, to)| (*step, to.to_vec())).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn dependencies_follow_from_references_wherever_they_stand() {
    let with = |step: &str| format!("steps: {{ a: {{ agent: x }}, b: {step} }}");
    for step in [
        "{ agent: x, inputs: { deep: [{ n: 'text {{ a.n }}' }] } }",
        "{ agent: x, config: { url: '{{ a }}' } }",
        "{ agent: x, when: 'a.ok' }",
        "{ agent: x, outputs: { n: '{{ a.n + result.n }}' } }",
        "{ agent: x, dependsOn: [a] }",
        "{ condition: 'a.n > 3' }",
        "{ loop: '{{ a.items }}', agent: x }",
        "{ wait: '{{ a.pause }}' }",
        "{ wait: { until: '{{ a.at }}' } }",
        "{ wait: { signal: 'paid-{{ a.id }}' } }",
        "{ wait: { approval: 'send {{ a.n }}?' } }",
        "{ workflow: w, inputs: { n: '{{ a.n }}' } }",
        "{ agent: x, inputs: { n: '{{ a.n | default(3) }}' } }",
    ] {
        check(&with(step), &[("b", &["a"])]);
    }
}

#[test]
fn a_reference_from_inside_is_a_dependency_of_the_step_around() {
    check(
        "steps: { a: { agent: x }, b: { loop: [1], steps: { c: { agent: x, inputs: { n: '{{ a.n }}' } } } } }",
        &[("b", &["a"])],
    );
    check(
        "steps: { a: { agent: x }, b: { loop: [1], steps: { c: { agent: x } }, output: '{{ a.n + c.n }}' } }",
        &[("b", &["a"])],
    );
    check(
        "steps:\n  a: { agent: x }\n  p:\n    parallel:\n      branches:\n        l: { agent: x, when: a.ok }\n        r: { loop: [1], steps: { d: { agent: x }, e: { agent: x, inputs: { n: '{{ a.n }}', m: '{{ d }}' } } } }\n",
        &[("p", &["a"]), ("p.r.e", &["p.r.d"])],
    );
}

#[test]
fn named_agents_bring_the_references_of_their_configuration() {
    check(
        "agents: { w: { type: x, config: { key: '{{ a.key }}', b: 1 } }\n  }\nsteps: { a: { agent: x }, b: { agent: w } }",
        &[("b", &["a"])],
    );
    // what is laid over is no reference any more
    check(
        "agents: { w: { type: x, config: { key: '{{ a.key }}', b: 1 } }\n  }\nsteps: { a: { agent: x }, b: { agent: w, config: { key: none } } }",
        &[],
    );
    let plan = plan(
        "agents: { w: { type: x, config: { a: 1, b: 2 } }\n  }\nsteps: { s: { agent: w, config: { b: 3, c: 4 } } }",
    );
    let Kind::Agent { config: Some(config), .. } = &plan.step(0).kind else { panic!("no configuration") };
    assert_eq!(**config.code.as_literal().unwrap(), json!({ "a": 1, "b": 3, "c": 4 }));
    assert_eq!(plan.agents().collect::<Vec<_>>(), ["x"]);
}

#[test]
fn branches_become_gates_and_several_links_become_one() {
    check(
        "steps: { c: { condition: true, then: [y, both], else: [n, both] }, y: { agent: x }, n: { agent: x }, both: { agent: x } }",
        &[("both", &["c?both"]), ("n", &["c?else"]), ("y", &["c?then"])],
    );
    check(
        "steps: { c: { condition: 'inputs.n > 1', then: [y, y] }, y: { agent: x, dependsOn: [c, c], when: c.conditionResult } }",
        &[("y", &["c?then"])],
    );
}

#[test]
fn the_innermost_name_is_meant() {
    let roots = |text: &str| {
        let plan = plan(text);
        let step = plan.find("l.s").unwrap();
        let Kind::Agent { inputs: Some(inputs), .. } = &plan.step(step).kind else { panic!("no inputs") };
        inputs.roots.to_vec()
    };
    let a = Root::Step { up: 1, step: 0 };
    let text = |names: &str, beside: &str| {
        format!(
            "steps: {{ a: {{ agent: x }}, l: {{ loop: [1], {names} steps: {{ {beside} s: {{ agent: x, inputs: {{ v: '{{{{ a }}}}' }} }} }} }} }}"
        )
    };
    assert_eq!(roots(&text("", "")), [a]);
    assert_eq!(roots(&text("as: a,", "")), [Root::Item { up: 0 }]);
    assert_eq!(roots(&text("indexAs: a,", "")), [Root::Index { up: 0 }]);
    assert_eq!(roots(&text("as: a,", "a: { agent: x },")), [Root::Step { up: 0, step: 2 }]);
}

#[test]
fn rows_compile_as_the_modern_form_does() {
    let rows = json!({ "steps": [
        { "stepKey": "fetch", "stepType": "agent", "agentId": "x" },
        { "stepKey": "check", "stepType": "condition", "dependsOn": ["fetch"],
          "config": { "condition": { "gt": ["fetch.output.n", 3] }, "trueBranch": ["yes"], "falseBranch": "no" } },
        { "stepKey": "yes", "stepType": "agent", "dependsOn": ["check"] },
        { "stepKey": "no", "stepType": "agent", "inputs": { "n": "{{fetch.output.n}}" } },
    ] });
    let plan = plan(&rows.to_string());
    let found = serde_json::to_value(graph(&plan)).unwrap();
    let expected =
        json!({ "check": ["fetch"], "fetch": [], "no": ["check?else", "fetch"], "yes": ["check?then"] });
    assert_eq!(found, expected);
}

#[test]
fn every_path_leads_back_to_its_step() {
    let plan = plan(
        "steps:\n  a: { agent: x }\n  l:\n    loop: [1]\n    steps:\n      a: { agent: x }\n      p: { parallel: { branches: { one: { agent: x }, more: { steps: { a: { agent: x }, one: { agent: x } } } } } }\n  p: { parallel: { branches: { one: { loop: [1], agent: x } } } }\n",
    );
    let paths: Vec<String> = (0..plan.len() as u32).map(|step| plan.path(step)).collect();
    let mut sorted = paths.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        ["a", "l", "l.a", "l.p", "l.p.more.a", "l.p.more.one", "l.p.one", "p", "p.one", "p.one.do"]
    );
    for (step, path) in paths.iter().enumerate() {
        assert_eq!(plan.find(path), Some(step as u32), "{path}");
    }
    assert_eq!(plan.find("l.b"), None);
}

/// The rule of the order, as simply as it can be said.
fn naive_order(steps: &[(String, Vec<usize>)]) -> Vec<String> {
    let mut done: Vec<usize> = Vec::new();
    while done.len() < steps.len() {
        let ready = (0..steps.len()).filter(|at| !done.contains(at));
        let ready = ready.filter(|at| steps[*at].1.iter().all(|to| done.contains(to)));
        let next = ready.min_by(|a, b| steps[*a].0.cmp(&steps[*b].0)).unwrap();
        done.push(next);
    }
    done.into_iter().map(|at| steps[at].0.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_order_is_the_smallest_one_by_key(
        keys in prop::collection::hash_set("[A-Ca-c][0-9]{0,2}", 1..12),
        edges in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3u8), 0..24),
    ) {
        let mut steps: Vec<(String, Vec<usize>)> = keys.into_iter().map(|key| (key, Vec::new())).collect();
        let mut kinds: Vec<Vec<u8>> = vec![Vec::new(); steps.len()];
        for (a, b, kind) in edges {
            let (a, b) = (a.index(steps.len()), b.index(steps.len()));
            if a != b {
                steps[a.max(b)].1.push(a.min(b));
                kinds[a.max(b)].push(kind);
            }
        }
        let mut builder = Workflow::builder("order");
        for ((key, to), kinds) in steps.iter().zip(&kinds) {
            let mut step = Step::agent(key, "x");
            let mut inputs = serde_json::Map::new();
            for (at, (to, kind)) in to.iter().zip(kinds).enumerate() {
                match kind {
                    0 => step.depends_on.push(steps[*to].0.clone()),
                    1 => { inputs.insert(format!("i{at}"), Value::from(format!("{{{{ {}.v }}}}", steps[*to].0))); }
                    _ => step.when = Some(match step.when.take() {
                        Some(Value::String(when)) => Value::from(format!("{when} and {} is defined", steps[*to].0)),
                        _ => Value::from(format!("{} is defined", steps[*to].0)),
                    }),
                }
            }
            builder = builder.step(step.inputs(Value::Object(inputs)));
        }
        let plan = compile(&builder.build(), &AnyAgent).unwrap();
        prop_assert_eq!(plan.order(), naive_order(&steps));
    }
}

#[test]
fn the_order_goes_by_code_units() {
    let plan = plan(
        "steps: { b: { agent: x }, a9: { agent: x }, a10: { agent: x }, A: { agent: x }, z: { agent: x } }",
    );
    assert_eq!(plan.order(), ["A", "a10", "a9", "b", "z"]);
}
