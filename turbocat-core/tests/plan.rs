//! Plans as other programs see them: pictures, sizes, and what only workflows made in code can
//! have wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::{Duration, Instant};

use serde_json::json;
use turbocat_core::{
    AnyAgent, Branch, Code, Join, ParallelStep, Pointer, Retry, Step, StepKind, Wait, Workflow, check,
    compile,
};

const PICTURE: &str = "
steps:
  fetch: { agent: hn-search@1 }
  enough: { condition: 'fetch.n > 3 and fetch.say == \"<b>\"', then: [each], else: [nap, both] }
  each:
    loop: '{{ fetch.stories }}'
    steps:
      show: { agent: echo }
      keep: { agent: echo, dependsOn: [show] }
  fork:
    dependsOn: [each]
    parallel:
      branches:
        mail: { agent: api }
        chat: { steps: { ask: { wait: { approval: ok? } }, pay: { wait: { signal: paid } } } }
  nap: { wait: 5s }
  both: { type: agent, dependsOn: [nap] }
  child: { workflow: 'daily \"brief\" \\ #1; x', when: 'enough.conditionResult' }
  end: { agent: 'echo \\N `#1` & <i>' }
";

fn golden(name: &str, found: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures").join(name);
    if std::env::var_os("TURBOCAT_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(&path).unwrap_or_default(), "{name}");
}

#[test]
fn a_plan_is_drawn_for_graphviz_and_for_mermaid() {
    let plan = compile(&Workflow::from_yaml(PICTURE).unwrap(), &AnyAgent).unwrap();
    golden("workflow.dot", &plan.to_dot());
    golden("workflow.mmd", &plan.to_mermaid());
}

/// The codes of what is wrong with steps that were put together in code.
fn codes(steps: impl IntoIterator<Item = Step>) -> Vec<(&'static str, String)> {
    let workflow = Workflow::builder("code").steps(steps).build();
    let (plan, mistakes) = check(&workflow, &AnyAgent);
    assert_eq!(plan.is_none(), mistakes.has_errors());
    mistakes
        .iter()
        .map(|mistake| {
            assert!(mistake.help.is_some(), "`{}` has no help", mistake.message);
            (mistake.code.as_str(), mistake.pointer.to_string())
        })
        .collect()
}

fn with(mut step: Step, change: impl FnOnce(&mut Step)) -> Step {
    change(&mut step);
    step
}

#[test]
fn a_name_that_paths_could_not_hold_is_refused() {
    for name in ["", "a.b", "a#1", "a[0]", "1a", "ä", "inputs"] {
        let expected = (Code::BAD_NAME.as_str(), format!("steps.{name}"));
        assert_eq!(codes([Step::agent(name, "echo")]), [expected], "{name}");
    }
    assert_eq!(codes([Step::agent("_a-B9", "echo")]), []);
}

#[test]
fn waits_that_are_written_out_are_read_beforehand() {
    let wait = |wait: Wait| Step::new("w", StepKind::Wait(wait));
    let bad = |code: Code, field: &str| vec![(code.as_str(), format!("steps.w.wait.{field}"))];
    assert_eq!(codes([wait(Wait::For(json!("5 parsecs")))]), bad(Code::BAD_DURATION, "for"));
    assert_eq!(codes([wait(Wait::For(json!(-1)))]), bad(Code::BAD_DURATION, "for"));
    assert_eq!(codes([wait(Wait::For(json!(null)))]), bad(Code::BAD_DURATION, "for"));
    assert_eq!(codes([wait(Wait::Until(json!("tomorrow")))]), bad(Code::BAD_VALUE, "until"));
    let signal = |name| wait(Wait::Signal { name, on_timeout: turbocat_core::OnTimeout::Fail });
    assert_eq!(codes([signal(json!(""))]), bad(Code::BAD_VALUE, "signal"));
    assert_eq!(codes([signal(json!(7))]), bad(Code::BAD_VALUE, "signal"));
    let refused = Wait::Signal { name: json!("paid"), on_timeout: turbocat_core::OnTimeout::Reject };
    assert_eq!(codes([wait(refused)]), bad(Code::BAD_VALUE, "onTimeout"));
    assert_eq!(codes([wait(Wait::For(json!("5s"))), Step::agent("a", "x")]), []);
}

#[test]
fn a_retry_policy_must_make_sense() {
    let retry = |change: fn(&mut Retry)| {
        with(Step::agent("a", "x"), |step| {
            step.on_error = turbocat_core::OnError::Retry;
            change(&mut step.retry);
        })
    };
    let bad = |field: &str| vec![(Code::BAD_RETRY.as_str(), format!("steps.a.retry.{field}"))];
    assert_eq!(codes([retry(|retry| retry.factor = 0.5)]), bad("factor"));
    assert_eq!(codes([retry(|retry| retry.factor = f64::NAN)]), bad("factor"));
    assert_eq!(codes([retry(|retry| retry.jitter = 1.5)]), bad("jitter"));
    assert_eq!(codes([retry(|retry| retry.max_delay = Duration::ZERO)]), bad("maxDelay"));
    assert_eq!(codes([retry(|retry| retry.on = vec![String::new()])]), bad("on"));
    assert_eq!(codes([retry(|_| {})]), []);
}

#[test]
fn a_join_must_be_possible() {
    let fork = |join| {
        let branch = |key: &str| -> Branch {
            let text = format!("steps: {{ p: {{ parallel: {{ branches: {{ {key}: {{ agent: x }} }} }} }} }}");
            match &Workflow::from_yaml(&text).unwrap().steps[0].kind {
                StepKind::Parallel(fork) => fork.branches[0].clone(),
                _ => panic!("no parallel step"),
            }
        };
        let mut fork = ParallelStep::default();
        fork.branches = vec![branch("l"), branch("r")];
        fork.join = join;
        Step::new("p", StepKind::Parallel(fork))
    };
    let bad = vec![(Code::BAD_VALUE.as_str(), "steps.p.parallel.join".to_owned())];
    assert_eq!(codes([fork(Join::Count(0))]), bad);
    assert_eq!(codes([fork(Join::Count(3))]), bad);
    assert_eq!(codes([fork(Join::Count(2))]), []);
}

#[test]
fn a_mistake_without_a_text_says_where_it_is() {
    let workflow =
        Workflow::builder("code").step(Step::agent("a", "x").inputs(json!({ "n": "{{ b }}" }))).build();
    let mistakes = compile(&workflow, &AnyAgent).unwrap_err();
    assert_eq!(
        mistakes.iter().next().unwrap().pointer,
        Pointer::root().join("steps").join("a").join("inputs").join("n")
    );
    assert_eq!(
        mistakes.to_string(),
        "error[T101]: `b` is not known here\n --> steps.a.inputs.n\n  = help: there are `execution`, `inputs`, `metadata`, `secrets`\n"
    );
}

/// Compiles; what is not linear takes far longer than the test may.
fn timed(name: &str, workflow: &Workflow) {
    let begin = Instant::now();
    let (plan, mistakes) = check(workflow, &AnyAgent);
    assert!(plan.is_some() || mistakes.has_errors());
    assert!(begin.elapsed() < Duration::from_secs(60), "{name} took {:?}", begin.elapsed());
}

const MANY: usize = 100_000;

#[test]
fn a_chain_of_100_000_steps_is_compiled_in_linear_time() {
    let step = |at: usize| {
        let step = Step::agent(format!("s{at}"), "x");
        if at == 0 { step } else { step.inputs(json!({ "v": format!("{{{{ s{}.v }}}}", at - 1) })) }
    };
    timed("chain", &Workflow::builder("chain").steps((0..MANY).map(step)).build());
}

#[test]
fn a_fan_of_100_000_steps_is_compiled_in_linear_time() {
    let leaves =
        (0..MANY).map(|at| Step::agent(format!("s{at}"), "x").inputs(json!({ "v": "{{ first.v }}" })));
    let all: serde_json::Map<_, _> =
        (0..MANY).map(|at| (format!("i{at}"), json!(format!("{{{{ s{at}.v }}}}")))).collect();
    let ends = [Step::agent("first", "x"), Step::agent("last", "x").inputs(all.into())];
    timed("fan", &Workflow::builder("fan").steps(leaves).steps(ends).build());
}

#[test]
fn a_hundred_thousand_mistakes_are_not_all_looked_into() {
    let lost = (0..MANY).map(|at| {
        with(Step::agent(format!("s{at}"), "x").inputs(json!({ "v": "{{ inptus.v }}" })), |step| {
            step.depends_on.push(format!("t{at}"));
        })
    });
    timed("lost", &Workflow::builder("lost").steps(lost).build());
    let ring = (0..MANY).map(|at| {
        Step::agent(format!("s{at}"), "x").inputs(json!({ "v": format!("{{{{ s{}.v }}}}", (at + 1) % MANY) }))
    });
    timed("ring", &Workflow::builder("ring").steps(ring).build());
}

#[test]
fn a_long_way_through_conditions_is_compiled_in_linear_time() {
    let steps = (0..20_000).flat_map(|at| {
        let next = [format!("c{}", at + 1), format!("a{at}")];
        [
            Step::condition(format!("c{at}"), "{{ inputs.n > 3 }}").then(if at < 19_999 {
                &next[..]
            } else {
                &[]
            }),
            Step::agent(format!("a{at}"), "x"),
        ]
    });
    timed("conditions", &Workflow::builder("conditions").steps(steps).build());
}
