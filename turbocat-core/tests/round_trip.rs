//! Any workflow is written and read back as itself, in JSON and in YAML.

use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Map, Value, json};
use turbocat_core::{
    Budget, Fallback, Join, Needs, OnError, OnLost, OnTimeout, OverBudget, Retry, Step, StepKind, Workflow,
};

/// Names, some of which mean something to YAML.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[A-Za-z_][A-Za-z0-9_-]{0,8}",
        1 => prop::sample::select(vec!["yes", "no", "on", "y", "n", "steps", "agent", "key", "type"]).prop_map(str::to_owned),
    ]
    .prop_filter("reserved", |name| {
        !["inputs", "secrets", "metadata", "execution", "true", "false", "none", "null", "not", "and", "or", "in", "is", "if", "else"]
            .contains(&name.as_str())
    })
}

/// Text, some of which looks like something else.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ -~]{1,20}",
        2 => "\\PC{1,12}",
        1 => "[ \\n\\t:#a-z'\"{}-]{1,12}",
        1 => prop::sample::select(vec![
            "true", "null", "~", "1", "1.0", "0x1F", "1e3", ".inf", "yes", "<<", "- a", "a: b", "# a", "{{ a.b }}",
            "1_000", "012", "0o7", "2027-01-01", "=", "---", "...", "%", "@", "&a", "*a", "!t", "|", ">", "?", "-",
        ]).prop_map(str::to_owned),
    ]
    .prop_filter("blank", |text| !text.trim().is_empty())
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(Value::from),
        prop::sample::select(vec![1e300, -1e-300, 0.0, 1.0, 0.1]).prop_map(Value::from),
        text().prop_map(Value::from),
        Just(json!("")),
    ];
    scalar.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((text(), inner), 0..4).prop_map(|entries| Value::Object(Map::from_iter(entries))),
        ]
    })
}

fn map() -> impl Strategy<Value = Map<String, Value>> {
    vec((text(), value()), 0..3).prop_map(Map::from_iter)
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![1..100_000_u64, (1..1_000_u64).prop_map(|seconds| seconds * 1000)]
        .prop_map(Duration::from_millis)
}

fn retry() -> impl Strategy<Value = Retry> {
    let pauses = (duration(), duration(), 1.0..10.0_f64, 0.0..1.0_f64);
    (0..10_u32, pauses, vec("[a-z]{1,5}(\\.[0-9x]{3})?", 0..3), any::<bool>()).prop_map(
        |(max, (one, other, factor, jitter), on, fail)| {
            let then = if fail { Fallback::Fail } else { Fallback::Continue };
            Retry::times(max)
                .delay(one.min(other))
                .max_delay(one.max(other))
                .factor(factor)
                .jitter(jitter)
                .on(on)
                .then(then)
        },
    )
}

fn expression() -> impl Strategy<Value = Value> {
    prop_oneof![any::<bool>().prop_map(Value::from), text().prop_map(Value::from)]
}

/// A step without nested ones.
fn leaf() -> impl Strategy<Value = Step> {
    let inputs = prop_oneof![map().prop_map(Value::Object), text().prop_map(Value::from)];
    let on_lost = prop::sample::select(vec![OnLost::Retry, OnLost::Ask, OnLost::Fail]);
    prop_oneof![
        (name(), text(), option::of(inputs), map(), on_lost).prop_map(
            |(key, agent, inputs, config, on_lost)| {
                let step = Step::agent(key, agent).config(Value::Object(config)).on_lost(on_lost);
                match inputs {
                    Some(inputs) => step.inputs(inputs),
                    None => step,
                }
            }
        ),
        (name(), map()).prop_map(|(key, inputs)| Step::pass(key, Value::Object(inputs))),
        (name(), expression(), vec(text(), 0..3), vec(text(), 0..3)).prop_map(
            |(key, condition, then, otherwise)| Step::condition(key, condition)
                .then(then)
                .otherwise(otherwise)
        ),
        (name(), duration()).prop_map(|(key, pause)| Step::wait_for(key, pause)),
        name().prop_map(|key| Step::wait_until(key, "2027-01-31T09:00:00Z")),
        (name(), text(), any::<bool>()).prop_map(|(key, signal, go_on)| {
            Step::signal(key, signal).on_timeout(if go_on { OnTimeout::Continue } else { OnTimeout::Fail })
        }),
        (name(), text(), any::<bool>()).prop_map(|(key, question, reject)| {
            Step::approval(key, question).on_timeout(if reject {
                OnTimeout::Reject
            } else {
                OnTimeout::Approve
            })
        }),
        (name(), text(), any::<bool>()).prop_map(|(key, workflow, detached)| {
            let step = Step::workflow(key, workflow);
            if detached { step.detached() } else { step }
        }),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let nested = leaf().prop_recursive(3, 12, 3, |inner| {
        let items = prop_oneof![text().prop_map(Value::from), vec(value(), 0..3).prop_map(Value::from)];
        let each = (name(), items, vec(inner.clone(), 0..3), 1..5_u32, option::of(text()), (name(), name()))
            .prop_map(|(key, items, steps, max_parallel, output, (item, index))| {
                let step = Step::for_each(key, items, steps)
                    .max_parallel(max_parallel)
                    .max_iterations(max_parallel * 7);
                let step = if item == index { step } else { step.items_as(item, index) };
                match output {
                    Some(output) => step.output(output),
                    None => step,
                }
            });
        let branches = vec((name(), vec(inner, 0..3)), 0..4);
        let parallel = (name(), branches, any::<bool>()).prop_map(|(key, branches, any)| {
            let count = u32::try_from(branches.len()).unwrap_or(0);
            let join = if any {
                Join::Any
            } else if count > 1 {
                Join::Count(count)
            } else {
                Join::All
            };
            branches
                .into_iter()
                .fold(Step::parallel(key).join(join), |step, (name, steps)| step.branch(name, steps))
        });
        prop_oneof![each, parallel]
    });
    let common = (
        option::of(text()),
        vec(text(), 0..3),
        option::of(expression()),
        prop::sample::select(vec![None, Some(Needs::Succeeded), Some(Needs::Any), Some(Needs::Finished)]),
        prop::sample::select(vec![OnError::Fail, OnError::Continue, OnError::Retry]),
        option::of(duration()),
        option::of(duration()),
        (map(), map(), retry()),
    );
    (nested, common).prop_map(
        |(
            mut step,
            (name, depends_on, when, needs, on_error, timeout, deadline, (outputs, metadata, retry)),
        )| {
            step.name = name;
            step.depends_on = depends_on;
            step.when = when;
            step.needs = needs;
            step.on_error = on_error;
            step.timeout = timeout;
            step.deadline = deadline;
            step.outputs = outputs;
            step.metadata = metadata;
            if on_error == OnError::Retry {
                step.retry = retry;
            }
            make_single(&mut step);
            step
        },
    )
}

/// Every branch of one step that bears the branch's name is written as that step.
fn make_single(step: &mut Step) {
    let StepKind::Parallel(parallel) = &mut step.kind else { return };
    for branch in &mut parallel.branches {
        if let [only] = &mut branch.steps[..]
            && branch.key.len() % 2 == 0
        {
            only.key.clone_from(&branch.key);
            branch.single = true;
        }
    }
}

fn inputs() -> impl Strategy<Value = Value> {
    let property = prop_oneof![
        Just(json!({})),
        Just(json!({ "type": "string" })),
        Just(json!({ "type": "integer", "minimum": 1, "default": 5 })),
        Just(json!({ "type": "object", "required": ["a"], "properties": { "a": {} } })),
    ];
    (btree_map(name(), property, 0..4), any::<u8>(), any::<bool>()).prop_map(|(properties, mask, closed)| {
        let required: Vec<&String> =
            properties.keys().enumerate().filter(|(at, _)| mask & (1 << (at % 8)) != 0).map(|(_, name)| name).collect();
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": !closed })
    })
}

fn budget() -> impl Strategy<Value = Budget> {
    let then = prop_oneof![Just(OverBudget::Fail), Just(OverBudget::Pause)];
    (1..1_u64 << 53, option::of(0.001..1e6), option::of(1..9_u64), then).prop_map(
        |(tokens, cost_usd, api_calls, then)| Budget { tokens: Some(tokens), cost_usd, api_calls, then },
    )
}

fn workflow() -> impl Strategy<Value = Workflow> {
    (alone(), vec((text(), alone()), 0..2)).prop_map(|(mut workflow, within)| {
        let mut builder = Workflow::builder("");
        let mut names = std::collections::BTreeSet::new();
        for (name, one) in within.into_iter().filter(|(name, _)| names.insert(name.clone())) {
            builder = builder.workflow(name, one);
        }
        workflow.workflows = builder.build().workflows;
        workflow
    })
}

/// One that brings none along.
fn alone() -> impl Strategy<Value = Workflow> {
    (
        (text(), option::of(text()), option::of(inputs())),
        (
            btree_map(name(), (text(), map()), 0..3),
            option::of(duration()),
            option::of(1..9_u32),
            option::of(budget()),
        ),
        (vec(any_step(), 0..5), option::of(value()), map()),
    )
        .prop_map(
            |(
                (name, description, inputs),
                (agents, timeout, max_parallel, budget),
                (steps, outputs, metadata),
            )| {
                let mut builder = Workflow::builder(name).steps(steps);
                for (name, (agent, config)) in agents {
                    builder = builder.agent(name, agent, Value::Object(config));
                }
                if let Some(schema) = inputs {
                    builder = builder.inputs(schema);
                }
                let mut workflow = builder.build();
                workflow.description = description;
                workflow.timeout = timeout;
                workflow.max_parallel = max_parallel;
                workflow.budget = budget;
                workflow.outputs = outputs.filter(|outputs| !outputs.is_null());
                workflow.metadata = metadata;
                workflow
            },
        )
}

fn check(
    workflow: &Workflow,
    text: &str,
    read: Result<Workflow, turbocat_core::Diagnostics>,
) -> Result<(), TestCaseError> {
    let mut read = read.map_err(|mistakes| TestCaseError::fail(format!("{mistakes}\n{text}")))?;
    read.source = None;
    prop_assert_eq!(&read, workflow, "{}", text);
    prop_assert_eq!(read.digest(), workflow.digest());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_workflow_survives_json(workflow in workflow()) {
        let text = workflow.to_json();
        check(&workflow, &text, Workflow::from_json(&text))?;
        check(&workflow, &text, Workflow::from_value(&workflow.to_value()))?;
    }

    #[test]
    fn a_workflow_survives_yaml(workflow in workflow()) {
        let text = workflow.to_yaml();
        check(&workflow, &text, Workflow::from_yaml(&text))?;
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[ \\n\\t:#a-z'\"{}\\[\\]&*!|>?,-]{0,80}|\\PC{0,40}") {
        let _ = Workflow::from_yaml(&text).map_err(|mistakes| mistakes.to_string());
        let _ = Workflow::from_json(&text).map_err(|mistakes| mistakes.to_string());
    }

    #[test]
    fn no_value_makes_the_reader_panic(steps in value(), inputs in value(), key in name(), field in name()) {
        let value = json!({
            "inputs": inputs.clone(), "agents": steps.clone(), "nodes": steps.clone(), "edges": inputs.clone(),
            "steps": [{ "key": key, "agent": steps, "wait": inputs, field: 1 }, steps, { "stepKey": inputs, "config": steps }],
        });
        let _ = Workflow::from_value(&value).map_err(|mistakes| mistakes.to_string());
    }
}
