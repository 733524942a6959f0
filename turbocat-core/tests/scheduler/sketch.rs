//! Workflows made of small numbers, so that a failing one can be made smaller and still be one.
//!
//! A number that should name a step is taken modulo the steps there are, so that every sketch is
//! a workflow. Steps depend on earlier ones only, and their keys are in no order.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use turbocat_core::{Fallback, Join, Needs, OnError, OnLost, OnTimeout, Retry, Step, StepKind, Workflow};

#[derive(Clone, Debug)]
pub(crate) struct Sketch {
    pub(crate) steps: Vec<Node>,
    pub(crate) max_parallel: Option<u32>,
    pub(crate) timeout: Option<u64>,
    pub(crate) outputs: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The first letter of its key.
    pub(crate) letter: u8,
    pub(crate) links: Vec<Link>,
    pub(crate) guard: Option<Test>,
    pub(crate) needs: Option<Needs>,
    pub(crate) policy: Policy,
    pub(crate) timeout: Option<u64>,
    pub(crate) deadline: Option<u64>,
    pub(crate) projects: bool,
    pub(crate) doing: Doing,
}

/// Another step, by how far it is.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) to: u8,
    /// By a reference instead of `dependsOn`.
    pub(crate) reads: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Test {
    Is(bool),
    /// What a step before gave.
    Gave(u8, u8),
    /// The item of the loop around.
    Item(u8),
}

#[derive(Clone, Debug)]
pub(crate) enum Policy {
    Fail,
    Continue,
    Retry { max: u32, delay: u64, picky: bool, then: bool },
}

#[derive(Clone, Debug)]
pub(crate) enum Doing {
    Agent(OnLost),
    Pass,
    Condition {
        test: Test,
        then: Vec<u8>,
        otherwise: Vec<u8>,
    },
    /// `items`: up to 3 are written out, 4 come from the inputs, more are what a step before gave.
    Loop {
        items: u8,
        width: u32,
        most: bool,
        output: bool,
        steps: Vec<Node>,
    },
    Parallel {
        join: u32,
        branches: Vec<(bool, Vec<Node>)>,
    },
    Timer(u64),
    Until(u64),
    Signal(u8, OnTimeout),
    Approval(OnTimeout),
    Child {
        waits: bool,
    },
}

impl Sketch {
    pub(crate) fn workflow(&self) -> Workflow {
        let mut builder = Workflow::builder("sketch").steps(body(&self.steps, 0, false, &[]));
        if let Some(most) = self.max_parallel {
            builder = builder.max_parallel(most);
        }
        if let Some(limit) = self.timeout {
            builder = builder.timeout(Duration::from_millis(limit));
        }
        if self.outputs {
            let key = key(&self.steps, 0, 0);
            builder = builder.outputs(json!(format!("{{{{ {key} }}}}")));
        }
        builder.build()
    }
}

fn key(steps: &[Node], index: usize, depth: usize) -> String {
    let letters = [["m", "b", "Z", "a"], ["n", "c", "Y", "d"], ["o", "e", "X", "f"], ["p", "g", "W", "h"]];
    format!("{}{index}", letters[depth][steps[index].letter as usize % 4])
}

fn body(nodes: &[Node], depth: usize, looped: bool, outer: &[String]) -> Vec<Step> {
    let keys: Vec<String> = (0..nodes.len()).map(|index| key(nodes, index, depth)).collect();
    nodes.iter().enumerate().map(|(index, node)| step(node, index, &keys, depth, looped, outer)).collect()
}

fn step(node: &Node, index: usize, keys: &[String], depth: usize, looped: bool, outer: &[String]) -> Step {
    let earlier = |number: u8| keys[..index].get(number as usize % index.max(1)).cloned();
    let later = |numbers: &[u8]| -> Vec<String> {
        let after = &keys[index + 1..];
        let mut found: Vec<String> = numbers
            .iter()
            .filter_map(|number| after.get(*number as usize % after.len().max(1)).cloned())
            .collect();
        found.sort();
        found.dedup();
        found
    };
    let test = |test: &Test| match test {
        Test::Is(value) => json!(value),
        Test::Gave(number, value) => match earlier(*number) {
            Some(key) => json!(format!("{{{{ {key} == {value} }}}}")),
            None => json!(true),
        },
        Test::Item(value) if looped => json!(format!("{{{{ item == {value} }}}}")),
        Test::Item(_) => json!("{{ inputs.yes }}"),
    };
    let linked: Vec<(String, bool)> =
        node.links.iter().filter_map(|link| Some((earlier(link.to)?, link.reads))).collect();
    let mut seen: Vec<String> = linked.iter().map(|(key, _)| key.clone()).collect();
    seen.extend(outer.iter().cloned());
    let takes_inputs = matches!(node.doing, Doing::Agent(_) | Doing::Pass | Doing::Child { .. });
    let mut inputs = serde_json::Map::new();
    let mut depends_on = Vec::new();
    for (key, reads) in linked {
        if reads && takes_inputs {
            inputs.insert(format!("from{}", inputs.len()), json!(format!("{{{{ {key} }}}}")));
        } else {
            depends_on.push(key);
        }
    }
    if let (Some(key), true) = (outer.first(), takes_inputs && node.letter.is_multiple_of(2)) {
        inputs.insert("outer".to_owned(), json!(format!("{{{{ {key} }}}}")));
    }
    if looped && takes_inputs && node.letter > 1 {
        inputs.insert("item".to_owned(), json!("{{ item }}"));
    }
    let key = &*keys[index];
    let inputs = Value::Object(inputs);
    let mut step = match &node.doing {
        Doing::Agent(on_lost) => Step::agent(key, "work").inputs(inputs).on_lost(*on_lost),
        Doing::Pass => Step::pass(key, inputs),
        Doing::Condition { test: on, then, otherwise } => {
            Step::condition(key, test(on)).then(later(then)).otherwise(later(otherwise))
        }
        Doing::Loop { items, width, most, output, steps } => {
            let items = match items {
                0..4 => json!((0..*items).collect::<Vec<u8>>()),
                4 => json!("{{ inputs.list }}"),
                more => earlier(*more).map_or(json!([7]), |key| json!(format!("{{{{ {key} }}}}"))),
            };
            let inner = body(steps, depth + 1, true, &seen);
            let first = inner[0].key.clone();
            let mut each = Step::for_each(key, items, inner).max_parallel(*width);
            if *most {
                each = each.max_iterations(2);
            }
            if *output { each.output(format!("{{{{ {first} }}}}")) } else { each }
        }
        Doing::Parallel { join, branches } => {
            let mut fork = Step::parallel(key).join(match *join as usize {
                0 => Join::All,
                1 => Join::Any,
                count if count <= branches.len() => Join::Count(count as u32),
                _ => Join::All,
            });
            for (number, (single, steps)) in branches.iter().enumerate() {
                let steps = if *single { &steps[..1] } else { &steps[..] };
                fork = fork.branch(format!("br{number}"), body(steps, depth + 1, looped, &seen));
                if let StepKind::Parallel(fork) = &mut fork.kind {
                    let branch = fork.branches.last_mut().unwrap();
                    branch.single = *single;
                }
            }
            if let StepKind::Parallel(parallel) = &mut fork.kind {
                for branch in parallel.branches.iter_mut().filter(|branch| branch.single) {
                    // A branch that is a step itself is called like it.
                    branch.steps[0].key.clone_from(&branch.key);
                }
            }
            fork
        }
        Doing::Timer(pause) => Step::wait_for(key, Duration::from_millis(*pause)),
        Doing::Until(moment) => Step::wait_until(key, json!(moment)),
        Doing::Signal(name, on_timeout) => {
            let on_timeout = match on_timeout {
                OnTimeout::Fail => OnTimeout::Fail,
                _ => OnTimeout::Continue,
            };
            Step::signal(key, ["go", "stay"][*name as usize % 2]).on_timeout(on_timeout)
        }
        Doing::Approval(on_timeout) => Step::approval(key, "Really?").on_timeout(*on_timeout),
        Doing::Child { waits } => {
            let child = Step::workflow(key, "other").inputs(inputs);
            if *waits { child } else { child.detached() }
        }
    };
    step = step.depends_on(depends_on);
    step.when = node.guard.as_ref().map(test);
    step.needs = node.needs;
    step.timeout = node.timeout.map(Duration::from_millis);
    if matches!(node.doing, Doing::Signal(_, on_timeout) | Doing::Approval(on_timeout) if on_timeout != OnTimeout::Fail)
    {
        step.timeout.get_or_insert(Duration::from_millis(4));
    }
    step.deadline = node.deadline.map(Duration::from_millis);
    if node.projects {
        step = step.add_output("seen", "{{ result }}");
    }
    match node.policy {
        Policy::Fail => step,
        Policy::Continue => step.on_error(OnError::Continue),
        Policy::Retry { max, delay, picky, then } => {
            let policy = Retry::times(max)
                .delay(Duration::from_millis(delay))
                .max_delay(Duration::from_millis(delay + 3))
                .jitter(0.0)
                .then(if then { Fallback::Continue } else { Fallback::Fail });
            step.retry(if picky { policy.on(["flaky", "lost"]) } else { policy })
        }
    }
}

/// What a generated workflow is made of.
#[derive(Clone, Copy)]
pub(crate) enum Flavour {
    /// Agents in chains, layers and diamonds, with conditions, guards and needs.
    Graph,
    /// Loops and parallel steps inside each other.
    Nested,
    /// Time limits, pauses, signals, approvals and nested workflows.
    Timed,
    /// Everything.
    All,
}

pub(crate) fn sketches(flavour: Flavour) -> impl Strategy<Value = Sketch> {
    let (most, depth) = match flavour {
        Flavour::Graph => (8, 0),
        Flavour::Nested => (3, 3),
        Flavour::Timed => (5, 1),
        Flavour::All => (5, 2),
    };
    let timeout = match flavour {
        Flavour::Timed | Flavour::All => prop::option::weighted(0.2, 1..30_u64).boxed(),
        _ => Just(None).boxed(),
    };
    let steps = vec(node(flavour, depth), 1..=most);
    let max_parallel = prop_oneof![2 => Just(None), 2 => Just(Some(1)), 1 => (2..4_u32).prop_map(Some)];
    (steps, max_parallel, timeout, prop::bool::weighted(0.2))
        .prop_map(|(steps, max_parallel, timeout, outputs)| Sketch { steps, max_parallel, timeout, outputs })
}

fn node(flavour: Flavour, depth: u32) -> BoxedStrategy<Node> {
    let timed = matches!(flavour, Flavour::Timed | Flavour::All);
    let limit =
        move || if timed { prop::option::weighted(0.2, 1..12_u64).boxed() } else { Just(None).boxed() };
    let links = vec((0..8_u8, any::<bool>()).prop_map(|(to, reads)| Link { to, reads }), 0..3);
    let guard = prop::option::weighted(0.2, test());
    let needs = prop_oneof![
        6 => Just(None),
        1 => Just(Some(Needs::Any)),
        1 => Just(Some(Needs::Succeeded)),
        1 => Just(Some(Needs::Finished))
    ];
    let parts = (0..4_u8, links, guard, needs, policy(), limit(), limit());
    (parts, prop::bool::weighted(0.1), doing(flavour, depth))
        .prop_map(|((letter, links, guard, needs, policy, timeout, deadline), projects, doing)| {
            let deadline = deadline.map(|deadline| deadline * 2);
            Node { letter, links, guard, needs, policy, timeout, deadline, projects, doing }
        })
        .boxed()
}

fn test() -> impl Strategy<Value = Test> {
    prop_oneof![
        any::<bool>().prop_map(Test::Is),
        (0..8_u8, 0..3_u8).prop_map(|(of, value)| Test::Gave(of, value)),
        (0..3_u8).prop_map(Test::Item),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let retry = (0..4_u32, 0..4_u64, prop::bool::weighted(0.2), any::<bool>());
    prop_oneof![
        3 => Just(Policy::Fail),
        2 => Just(Policy::Continue),
        2 => retry.prop_map(|(max, delay, picky, then)| Policy::Retry { max, delay, picky, then }),
    ]
}

fn on_timeout() -> impl Strategy<Value = OnTimeout> {
    prop::sample::select(vec![OnTimeout::Fail, OnTimeout::Continue, OnTimeout::Approve, OnTimeout::Reject])
}

fn doing(flavour: Flavour, depth: u32) -> BoxedStrategy<Doing> {
    let branch = || vec(0..8_u8, 0..3);
    let condition = (test(), branch(), branch()).prop_map(|(test, then, otherwise)| Doing::Condition {
        test,
        then,
        otherwise,
    });
    let agent = prop::sample::select(vec![OnLost::Retry, OnLost::Ask, OnLost::Fail]).prop_map(Doing::Agent);
    let simple = prop_oneof![6 => agent, 1 => Just(Doing::Pass), 2 => condition];
    let timed = prop_oneof![
        2 => (0..10_u64).prop_map(Doing::Timer),
        1 => (0..60_u64).prop_map(Doing::Until),
        2 => (0..2_u8, on_timeout()).prop_map(|(name, on_timeout)| Doing::Signal(name, on_timeout)),
        2 => on_timeout().prop_map(Doing::Approval),
        2 => prop::bool::weighted(0.8).prop_map(|waits| Doing::Child { waits }),
    ];
    let leaf = match flavour {
        Flavour::Graph | Flavour::Nested => simple.boxed(),
        Flavour::Timed => prop_oneof![3 => simple, 4 => timed].boxed(),
        Flavour::All => prop_oneof![3 => simple, 1 => timed].boxed(),
    };
    if depth == 0 {
        return leaf;
    }
    let repeat =
        (0..6_u8, 1..4_u32, prop::bool::weighted(0.1), any::<bool>(), vec(node(flavour, depth - 1), 1..3))
            .prop_map(|(items, width, most, output, steps)| Doing::Loop {
                items,
                width,
                most,
                output,
                steps,
            });
    let branches = vec((any::<bool>(), vec(node(flavour, depth - 1), 1..3)), 0..4);
    let fork = (0..4_u32, branches).prop_map(|(join, branches)| Doing::Parallel { join, branches });
    prop_oneof![3 => leaf, 1 => repeat, 1 => fork].boxed()
}
