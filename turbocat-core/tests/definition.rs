//! Definitions that load: what they mean, where things stand, and that writing loses nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::{Code, Limits, Places, Pointer, Reader, Retry, Segment, Step, Workflow};

fn definitions() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/definitions");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "yaml" || end == "json"));
    files.sort();
    let read = |path: &std::path::PathBuf| {
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
    };
    files.iter().map(read).collect()
}

fn load(name: &str) -> Workflow {
    let (_, text) = definitions().into_iter().find(|(file, _)| file == name).unwrap();
    Workflow::parse(name, &text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn without_source(mut workflow: Workflow) -> Workflow {
    workflow.source = None;
    workflow
}

#[test]
fn every_definition_loads_and_is_written_without_loss() {
    let bless = std::env::var_os("TURBOCAT_BLESS").is_some();
    for (name, _) in definitions() {
        let workflow = without_source(load(&name));
        let json = workflow.to_json();
        assert_eq!(Workflow::from_json(&json).map(without_source).as_ref(), Ok(&workflow), "{name} as JSON");
        let yaml = workflow.to_yaml();
        let again = Workflow::from_yaml(&yaml).unwrap_or_else(|mistakes| panic!("{yaml}\n{mistakes}"));
        assert_eq!(without_source(again), workflow, "{name} as YAML:\n{yaml}");
        let read: Workflow = serde_json::from_str(&json).unwrap();
        assert_eq!(read, workflow, "{name} through serde");
        assert_eq!(serde_json::to_value(&workflow).unwrap(), workflow.to_value());

        let written = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/definitions/written").join(&name);
        let written = written.with_extension("txt");
        if bless {
            fs::create_dir_all(written.parent().unwrap()).unwrap();
            fs::write(&written, &yaml).unwrap();
        }
        assert_eq!(fs::read_to_string(&written).unwrap_or_default(), yaml, "{name}");
    }
}

#[test]
fn the_schema_accepts_what_the_reader_accepts() {
    let schema = Workflow::json_schema();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let check = |name: &str, value: &Value| {
        let errors: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    };
    let mut options = serde_saphyr::Options::default();
    options.strict_booleans = true;
    for (name, text) in definitions() {
        let value: Value = match name.ends_with(".json") {
            true => serde_json::from_str(&text).unwrap(),
            false => serde_saphyr::from_str_with_options(&text, options.clone()).unwrap(),
        };
        check(&name, &value);
        check(&format!("{name}, written"), &load(&name).to_value());
    }
}

#[test]
fn rows_have_the_defaults_of_the_api() {
    let written = load("rows.json").to_value();
    let check = |pointer: &str, expected: Value| {
        assert_eq!(written.pointer(pointer), Some(&expected).filter(|e| !e.is_null()), "{pointer}");
    };
    check("/timeout", json!("30m"));
    check("/maxParallel", json!(5));
    check("/steps/fetch/timeout", json!("30s"));
    check("/steps/fetch/needs", json!("finished"));
    check("/steps/fetch/retry", json!({ "max": 2, "delay": "500ms" }));
    check("/steps/fetch/metadata", json!({ "position": 0 }));
    check("/steps/fetch/onLost", json!("ask"));
    check("/steps/each/steps/do/onLost", json!("fail"));
    check("/steps/large/onLost", Value::Null);
    check("/steps/pause/onLost", Value::Null);
    check("/steps/check/needs", Value::Null);
    check(
        "/steps/check/condition",
        json!("{{ (fetch.output.total | default(none)) is number and fetch.output.total > 100 }}"),
    );
    check("/steps/check/then", json!(["large"]));
    check("/steps/check/else", json!(["pause"]));
    check("/steps/large/type", json!("agent"));
    check("/steps/large/onError", json!("continue"));
    check("/steps/large/needs", json!("finished"));
    check("/steps/each/timeout", json!("1m"));
    check("/steps/each/maxIterations", json!(50));
    check("/steps/each/maxParallel", json!(3));
    check("/steps/each/output", json!("{{ do }}"));
    check("/steps/each/steps/do/agent", json!("pack"));
    check("/steps/nested/steps/inner/type", json!("agent"));
    check("/steps/barrier/parallel/branches", json!({}));
    check("/steps/fan/parallel/branches/b/type", json!("agent"));
    check("/steps/fan/parallel/branches/branch1/steps/a/type", json!("agent"));
    check("/steps/pause/wait", json!(1000));
    check("/steps/longPause/wait", json!(2000));
    check("/steps/ship/workflow", json!("ship"));
    check("/steps/ship/waitForCompletion", json!(false));
}

#[test]
fn edges_become_dependencies_branches_and_guards() {
    let written = load("canvas.json").to_value();
    let check = |pointer: &str, expected: Value| {
        assert_eq!(written.pointer(pointer), Some(&expected).filter(|e| !e.is_null()), "{pointer}");
    };
    check("/timeout", json!("1m"));
    check("/metadata", json!({ "color": "blue" }));
    check("/steps/start/metadata/position", json!({ "x": 10, "y": 20 }));
    check("/steps/start/onError", json!("retry"));
    check("/steps/start/onLost", json!("fail"));
    check("/steps/start/retry/max", json!(4));
    check("/steps/check/dependsOn", json!(["start"]));
    check("/steps/check/condition", json!("{{ start.output.ok | default(none) | truthy }}"));
    check("/steps/check/then", json!(["yes"]));
    check("/steps/check/else", json!(["no"]));
    check("/steps/no/onError", Value::Null);
    check("/steps/yes/name", json!("Yes"));
    check("/steps/end/dependsOn", json!(["yes", "start"]));
    check("/steps/end/when", json!("{{ (yes.total > 3) and ((start.kind | default(none)) == \"a\") }}"));
}

#[test]
fn steps_win_over_nodes_unless_they_are_empty() {
    let check = |steps: Value, expected: &str| {
        let value = json!({ "steps": steps, "nodes": [{ "id": "node", "type": "agent" }] });
        assert_eq!(Workflow::from_value(&value).unwrap().steps[0].key, expected);
    };
    check(json!({ "step": { "agent": "echo" } }), "step");
    check(json!({}), "node");
    check(json!([]), "node");
    check(json!(null), "node");
}

fn pointer(text: &str) -> Pointer {
    let segment = |part: &str| part.parse::<usize>().map_or_else(|_| Segment::from(part), Segment::from);
    Pointer(text.split('.').map(segment).collect())
}

#[test]
fn a_pointer_leads_to_its_text_in_every_form() {
    let check = |file: &str, at: &str, expected: &str| {
        let workflow = load(file);
        let source = workflow.source.as_deref().unwrap();
        let place =
            Places::of(source).locate(&pointer(at)).unwrap_or_else(|| panic!("{file}: {at} is nowhere"));
        let line = source.text.lines().nth(place.line as usize - 1).unwrap();
        let marked: String =
            line.chars().skip(place.column as usize - 1).take(place.length as usize).collect();
        assert_eq!(marked, expected, "{file}: {at}, {}:{}", place.line, place.column);
        assert_eq!(workflow.locate(&pointer(at)), Some(place));
    };
    check("daily-brief.yaml", "steps.fetch.inputs.query", "\"{{ inputs.topic }}\"");
    check("daily-brief.yaml", "steps.fetch.retry.max", "3");
    check("daily-brief.yaml", "steps.fetch.retry.on.1", "http.429");
    check("daily-brief.yaml", "steps.enough.then.0", "perStory");
    check(
        "daily-brief.yaml",
        "steps.perStory.steps.summarise.inputs.prompt",
        "\"Two sentences on: {{ story.title }}\"",
    );
    check("daily-brief.yaml", "steps.deliver.branches.mail.config.url", "\"https://mail.example/send\"");
    check(
        "daily-brief.yaml",
        "steps.deliver.branches.mail.steps.mail.config.url",
        "\"https://mail.example/send\"",
    );
    check("daily-brief.yaml", "steps.deliver.join", "all");
    check("daily-brief.yaml", "steps.approve.timeout", "24h");
    check("daily-brief.yaml", "steps.approve.dependsOn.0", "perStory");
    check("daily-brief.yaml", "inputs.properties.limit.default", "5");
    check("daily-brief.yaml", "inputs.limit.default", "5");
    check("daily-brief.yaml", "agents.writer.type", "llm");
    check("daily-brief.yaml", "steps.fetch.deadline", "fetch");
    check("daily-brief.yaml", "steps.nothing.inputs", "steps");
    check("everything.yaml", "steps.ask.retry.delay", "500");
    check("everything.yaml", "steps.quick.dependsOn.0", "ask");
    check("everything.yaml", "steps.each.steps.inner.inputs.tag", "\"{{ tag }}\"");
    check("everything.yaml", "steps.short.steps.do.inputs.n", "\"{{ item }}\"");
    check("everything.yaml", "steps.fan.branches.two.steps.b.agent", "plain");
    check("everything.yaml", "steps.count.branches.left.agent", "plain");
    check("everything.yaml", "steps.nap.wait.for", "5s");
    check("everything.yaml", "steps.napLong.wait.for", "1h30m");
    check("rows.json", "steps.fetch.retry.max", "2");
    check("rows.json", "steps.fetch.retry.delay", "500");
    check("rows.json", "steps.fetch.agent", "\"5f0c6a3e-api\"");
    check("rows.json", "steps.fetch.timeout", "0");
    check("rows.json", "steps.check.condition", "\"condition\"");
    check("rows.json", "steps.check.then.0", "\"large\"");
    check("rows.json", "steps.each.loop", "\"{{ fetch.output.lines }}\"");
    check("rows.json", "steps.each.steps.do.agent", "\"pack\"");
    check("rows.json", "steps.nested.steps.inner", "{");
    check("rows.json", "steps.fan.branches.b", "{");
    check("rows.json", "steps.longPause.wait.for", "2000");
    check("rows.json", "steps.ship.workflow", "\"ship\"");
    check("rows.json", "steps.ship.inputs.id", "1");
    check("canvas.json", "steps.start.agent", "\"api\"");
    check("canvas.json", "steps.check.condition", "\"start.output.ok\"");
}

#[test]
fn a_piece_of_a_template_is_marked_exactly() {
    let check = |text: &str, at: &str, piece: &str, expected: (u32, u32, u32)| {
        let workflow = Workflow::from_yaml(text).unwrap();
        let place = workflow.locate_in(&pointer(at), piece).unwrap();
        assert_eq!((place.line, place.column, place.length), expected, "{text}");
    };
    let text = "steps:\n  a:\n    condition: \"{{ fetch.stores | length }}\"\n";
    check(text, "steps.a.condition", "stores", (3, 26, 6));
    check(text, "steps.a.condition", "fetch", (3, 20, 5));
    check(text, "steps.a.condition", "absent", (3, 16, 29));
    let text = "steps:\n  a:\n    agent: x\n    inputs:\n      p: |\n        größe: {{ stores_a }}\n        und {{ stores }}\n";
    check(text, "steps.a.inputs.p", "stores", (7, 16, 6));
    check(text, "steps.a.inputs.p", "stores_a", (6, 19, 8));
    check("steps: { a: { agent: x, inputs: { q: 'é {{ b.c }}' } } }", "steps.a.inputs.q", "c", (1, 46, 1));
}

#[test]
fn the_digest_knows_the_meaning_and_not_the_layout() {
    let digest = |text: &str| Workflow::from_yaml(text).unwrap().digest();
    let one = digest("steps: { a: { agent: echo, timeout: 60s } }");
    assert_eq!(one.len(), 64);
    let same = |text: &str| assert_eq!(digest(text), one, "{text}");
    same("steps:\n  a:\n    timeout: 1m\n    agent: echo\n    metadata: { x: 5 }\n");
    same("metadata: { editor: canvas }\nsteps: [{ key: a, agent: echo, timeoutMs: 60000 }]\n");
    let other = |text: &str| assert_ne!(digest(text), one, "{text}");
    other("steps: { a: { agent: echo, timeout: 61s } }");
    other("steps: { b: { agent: echo, timeout: 60s } }");
    other("steps: { a: { agent: echo, timeout: 60s, inputs: { metadata: 1 } } }");
}

#[test]
fn what_is_built_is_what_is_read() {
    let built = Workflow::builder("brief")
        .agent("writer", "llm", json!({ "model": "small" }))
        .timeout(Duration::from_mins(10))
        .max_parallel(8)
        .step(
            Step::agent("fetch", "hn")
                .inputs(json!({ "q": "{{ inputs.topic }}" }))
                .retry(Retry::times(2).delay(Duration::from_secs(2)).on(["timeout"]))
                .timeout(Duration::from_secs(30)),
        )
        .step(Step::condition("enough", "{{ fetch.n > 3 }}").then(["each"]).otherwise(["low"]))
        .step(Step::for_each("each", "{{ fetch.stories }}", [Step::agent("sum", "writer")]).max_parallel(4))
        .step(Step::approval("ok", "Send?").timeout(Duration::from_hours(24)).depends_on(["each"]))
        .step(
            Step::parallel("fan")
                .branch("mail", [Step::agent("send", "api")])
                .branch_step(Step::agent("slack", "api")),
        )
        .step(Step::wait_for("nap", Duration::from_secs(5)))
        .step(Step::workflow("low", "quiet-day").detached())
        .outputs(json!("{{ each.results }}"))
        .build();
    let read = Workflow::from_yaml(
        "name: brief
agents: { writer: { type: llm, config: { model: small } } }
timeout: 10m
maxParallel: 8
steps:
  fetch: { agent: hn, inputs: { q: '{{ inputs.topic }}' }, retry: { max: 2, delay: 2s, on: timeout }, timeout: 30s }
  enough: { condition: '{{ fetch.n > 3 }}', then: each, else: low }
  each: { loop: '{{ fetch.stories }}', maxParallel: 4, steps: { sum: { agent: writer } } }
  ok: { wait: { approval: 'Send?', timeout: 24h }, dependsOn: each }
  fan: { parallel: { branches: { mail: { steps: { send: { agent: api } } }, slack: { agent: api } } } }
  nap: { wait: 5s }
  low: { workflow: quiet-day, waitForCompletion: false }
outputs: '{{ each.results }}'
",
    );
    assert_eq!(read.map(without_source), Ok(built));
}

#[test]
fn limits_are_kept_and_said() {
    let check = |limits: &dyn Fn(&mut Limits), text: &str, expected: &str| {
        let mut chosen = Limits::default();
        limits(&mut chosen);
        let mistakes = Reader::new().limits(chosen).yaml(text).unwrap_err();
        let first = mistakes.iter().next().unwrap();
        assert_eq!((first.code, first.message.as_str()), (Code::LIMIT, expected));
    };
    let text =
        "steps: { a: { agent: x }, b: { loop: [1], steps: { c: { agent: x, inputs: { v: [[1]] } } } } }";
    check(&|l| l.max_bytes = 10, text, "the definition has 94 bytes, and at most 10 are read");
    check(&|l| l.max_steps = 2, text, "the workflow has more than 2 steps");
    check(&|l| l.max_depth = 1, text, "steps are nested deeper than 1 bodies");
    check(&|l| l.max_value_depth = 2, text, "`inputs` is nested deeper than 2 levels");
    check(&|l| l.max_values = 5, text, "the definition has more than 5 values");
    let mut deep = json!(1);
    for _ in 0..5_000 {
        deep = Value::Array(vec![deep]);
    }
    let mistakes = Workflow::from_value(&deep).unwrap_err();
    assert_eq!(mistakes.iter().next().unwrap().code, Code::LIMIT);
    // a value that deep cannot even be dropped on a small stack
    while let Value::Array(mut items) = deep {
        deep = items.pop().unwrap();
    }
}

#[test]
fn twenty_thousand_steps_are_read() {
    let mut text = "steps:\n".to_owned();
    for n in 0..20_000 {
        text.push_str(&format!(
            "  step{n}:\n    agent: api\n    inputs: {{ id: \"{{{{ inputs.id }}}}\", n: {n} }}\n    timeout: 30s\n"
        ));
    }
    assert_eq!(Workflow::from_yaml(&text).unwrap().steps.len(), 20_000);
}

#[test]
fn a_flood_of_mistakes_is_cut_off() {
    let check = |text: String| {
        let mistakes = Workflow::from_yaml(&text).unwrap_err();
        assert_eq!(mistakes.len(), Limits::default().max_diagnostics);
    };
    let keys = |make: &dyn Fn(usize) -> String| (0..20_000).map(make).collect::<String>();
    check(keys(&|n| format!("step{n}: 1\n")));
    check(keys(&|_| "same: 1\n".to_owned()));
    check(format!("steps:\n{}", keys(&|n| format!("  s{n}: {{ agnt: x }}\n"))));
    check(format!(
        "nodes: [{{ id: a, type: agent }}]\nedges:\n{}",
        keys(&|n| format!("  - {{ source: x{n}, target: a }}\n"))
    ));
}
