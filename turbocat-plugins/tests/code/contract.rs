//! What a configuration may say and what comes of it.

use serde_json::{Value, json};

use crate::subject::{agent, detail, execute, fails, failure, output, value};
use turbocat_core::{AgentExecutor, AttemptRequest};
use turbocat_plugins::code::CodeAgent;

#[tokio::test]
async fn the_output_is_the_value_what_was_printed_and_the_exit_code() {
    let config = json!({ "runtime": "nodejs", "code": "console.log('in'); console.error('err'); return inputs.n + 1" });
    assert_eq!(
        output(config, json!({ "n": 41 })).await,
        json!({ "returnValue": 42, "stdout": "in\n", "stderr": "err\n", "exitCode": 0 })
    );
}

#[tokio::test]
async fn every_spelling_of_a_runtime_of_javascript_is_taken() {
    for runtime in ["nodejs", "nodejs20", "node", "javascript", "deno1", "typescript", "js"] {
        let config = json!({ "runtime": runtime, "code": "inputs.n * 2" });
        assert_eq!(output(config, json!({ "n": 3 })).await["returnValue"], 6, "{runtime}");
    }
}

#[tokio::test]
async fn a_runtime_that_is_not_here_is_refused_by_its_name() {
    for runtime in ["python", "python3.11", "go1.21"] {
        let failure = fails(json!({ "runtime": runtime, "code": "1" })).await;
        assert_eq!(failure.kind.as_str(), "input");
        assert!(!failure.retryable);
        assert!(
            failure.message.contains(&format!("the runtime `{runtime}` is not available")),
            "{}",
            failure.message
        );
    }
}

#[tokio::test]
async fn code_is_an_expression_a_body_a_function_or_a_module() {
    let check = async |code: &str, expected: Value| {
        assert_eq!(value(code, json!({ "a": 2, "b": 3 })).await, expected, "{code}");
    };
    // expressions
    check("inputs.a + inputs.b", json!(5)).await;
    check("{ sum: inputs.a + inputs.b }", json!({ "sum": 5 })).await;
    check("{ ...inputs, c: 1 } // a comment", json!({ "a": 2, "b": 3, "c": 1 })).await;
    check("await Promise.all([inputs.a, Promise.resolve(7)])", json!([2, 7])).await;
    // functions
    check("(inputs) => inputs.a * inputs.b", json!(6)).await;
    check("async ({ a }) => { await null; return a }", json!(2)).await;
    check("function main(inputs) { return inputs.a }", json!(2)).await;
    check("(inputs, context) => context.attempt", json!(1)).await;
    // bodies
    check("const sum = inputs.a + inputs.b;\nreturn sum;", json!(5)).await;
    check("const sum = inputs.a + inputs.b;\nsum * 2", json!(10)).await;
    check("if (inputs.a > 1) { return 'large' }\nreturn 'small'", json!("large")).await;
    check("function add(a, b) { return a + b }\nadd(inputs.a, inputs.b)", json!(5)).await;
    check("function add(a, b) { return a + b }\n(add(inputs.a, inputs.b))", json!(5)).await;
    check("add(inputs.a, inputs.b);\nfunction add(a, b) { return a + b }", json!(5)).await;
    check("let sum = 0;\nfor (const x of [1, 2]) sum += x;", Value::Null).await;
    check("const twice = x => x * 2;\n[1, 2].map(twice)", json!([2, 4])).await;
    check("const f = () => { return 1 };\nf() + 1", json!(2)).await;
    // as modules of either kind
    check("export default function (inputs) { return inputs.a }", json!(2)).await;
    check("const k = 10;\nexport default async ({ b }) => b * k", json!(30)).await;
    check("export default 5", json!(5)).await;
    check("const n = await Promise.resolve(4);\nexport default { n }", json!({ "n": 4 })).await;
    check("module.exports = async (inputs) => inputs.b", json!(3)).await;
    check("exports.handler = (inputs) => inputs.b", json!(3)).await;
}

#[tokio::test]
async fn an_entry_function_is_called_with_the_inputs() {
    for code in [
        "function main(inputs) { return inputs.a }\nfunction other() { throw 1 }",
        "const main = async (inputs) => inputs.a",
        "exports.main = ({ a }) => a",
        "module.exports = { main: (inputs) => inputs.a }",
        "export function main(inputs) { return inputs.a }",
        "const go = (inputs) => inputs.a;\nexport { go as main }",
    ] {
        let config = json!({ "code": code, "entryFunction": "main" });
        assert_eq!(output(config, json!({ "a": 9 })).await["returnValue"], 9, "{code}");
    }
    let missing = fails(json!({ "code": "function mein() {}", "entryFunction": "main" })).await;
    assert_eq!(missing.message, "the entry function `main` is not in the code");
    for code in ["const main = 5", "export const main = 5"] {
        let failure = fails(json!({ "code": code, "entryFunction": "main" })).await;
        assert!(failure.message.starts_with("TypeError: `main` is no function"), "{}", failure.message);
    }
}

#[tokio::test]
async fn the_environment_is_what_the_configuration_says_and_nothing_else() {
    for name in ["env", "envVars", "environment"] {
        let config = json!({ "code": "[process.env.KEY, env.PORT, Object.keys(process.env)]", name: { "KEY": "k", "PORT": 80 } });
        assert_eq!(
            output(config, json!({})).await["returnValue"],
            json!(["k", "80", ["KEY", "PORT"]]),
            "{name}"
        );
    }
    assert_eq!(value("Object.keys(env)", json!({})).await, json!([]));
}

#[tokio::test]
async fn packages_are_refused_unless_the_program_ignores_them() {
    let config = json!({ "code": "1", "npmPackages": ["lodash"] });
    let failure = fails(config.clone()).await;
    assert!(failure.message.contains("`lodash` cannot be installed"), "{}", failure.message);
    assert_eq!(output(json!({ "code": "1", "packages": [] }), json!({})).await["returnValue"], 1);

    let lenient =
        CodeAgent::builder().ignore_packages().build(crate::subject::plugins().await).await.unwrap();
    assert!(lenient.check(&config).is_empty());
    let output = lenient.execute(AttemptRequest::new(json!({})).with_config(config)).await.unwrap();
    assert_eq!(output.value["returnValue"], 1);
}

#[tokio::test]
async fn an_exit_code_that_is_not_zero_is_a_failure_with_what_was_printed() {
    for code in [
        "console.log('so far'); process.exit(3)",
        "console.log('so far'); process.exitCode = 3; 5",
        "console.log('so far'); try { process.exit(3) } catch { console.log('caught') } finally { console.log('after') }",
        "(async () => { console.log('so far'); process.exit(3) })().catch(() => console.log('caught')); await 0; console.log('after')",
    ] {
        let failure = failure(code).await;
        assert_eq!(failure.kind.as_str(), "code");
        assert_eq!(failure.message, "the code exited with 3");
        assert_eq!(detail(&failure, "exitCode"), 3);
        assert_eq!(detail(&failure, "stdout"), "so far\n", "{code}");
    }
    let output =
        output(json!({ "code": "console.log(1); process.exit(0); console.log(2)" }), json!({})).await;
    assert_eq!(output, json!({ "returnValue": null, "stdout": "1\n", "stderr": "", "exitCode": 0 }));
}

#[tokio::test]
async fn what_is_thrown_is_a_failure_with_name_message_place_and_what_was_printed() {
    let failure = failure("console.log('a');\nconsole.warn('b');\nconst cause = new Error('why'); throw new RangeError('too far', { cause })").await;
    assert_eq!(failure.kind.as_str(), "code");
    assert!(failure.retryable);
    assert_eq!(failure.message, "RangeError: too far (line 3, column 39)");
    for (field, expected) in [
        ("name", json!("RangeError")),
        ("message", json!("too far")),
        ("cause", json!("Error: why")),
        ("line", json!(3)),
        ("stdout", json!("a\n")),
        ("stderr", json!("b\n")),
        ("exitCode", json!(1)),
    ] {
        assert_eq!(detail(&failure, field), &expected, "{field}");
    }
}

#[tokio::test]
async fn anything_can_be_thrown() {
    let check = async |code: &str, message: &str| {
        assert_eq!(failure(code).await.message, message, "{code}");
    };
    check("throw 'a text'", "a text").await;
    check("throw 5", "5").await;
    check("throw null", "null").await;
    check("throw undefined", "undefined").await;
    check("throw { message: 'like an error' }", "like an error").await;
    check("throw { code: 7 }", r#"{"code":7}"#).await;
    check("throw Symbol('s')", "Symbol(s)").await;
    check("throw ''", "something empty was thrown").await;
    check("throw { get message() { throw 1 }, toJSON() { throw 2 } }", "an object that cannot be shown")
        .await;
    check("throw new Proxy({}, { get() { throw 1 } })", "an object that cannot be shown").await;
    check("throw '\\ud800'", "[no Unicode]").await;
}

#[tokio::test]
async fn what_is_thrown_may_say_that_another_attempt_is_of_no_use() {
    let hopeless = failure("throw Object.assign(new Error('no'), { retryable: false })").await;
    assert!(!hopeless.retryable);
    assert!(failure("throw new Error('no')").await.retryable);
}

#[tokio::test]
async fn a_promise_that_nobody_waits_for_fails_as_in_node() {
    let lost = failure("Promise.reject(new Error('lost'));\nreturn 1").await;
    assert_eq!(
        lost.message,
        "a promise was rejected and nobody waited for it: Error: lost (line 1, column 20)"
    );
    let handled = "const p = Promise.reject(new Error('x')); await 0; p.catch(() => {}); await 0; 1";
    assert_eq!(value(handled, json!({})).await, 1);
}

#[tokio::test]
async fn the_code_knows_where_it_belongs_and_chooses_the_same_in_each_attempt() {
    let context = value("context", json!({})).await;
    assert_eq!(context["step"], "test");
    assert_eq!(context["attempt"], 1);
    assert!(context["idempotencyKey"].as_str().unwrap().ends_with("/test"));
    let first = value("[Math.random(), Math.random()]", json!({})).await;
    let again = value("[Math.random(), Math.random()]", json!({})).await;
    assert_eq!(first, again);
    assert_ne!(first[0], first[1]);
    let now = value("Date.now()", json!({})).await.as_f64().unwrap();
    let real = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as f64;
    assert!((real - now).abs() < 60_000.0, "{now} is not {real}");
}

#[tokio::test]
async fn what_an_attempt_used_is_reported() {
    let output = execute(json!({ "code": "1" }), json!({})).await.unwrap();
    assert!(output.usage.unwrap().peak_memory_bytes > 1 << 20);
    let failure = fails(json!({ "code": "for (;;);", "timeoutMs": 20 })).await;
    assert!(failure.usage.unwrap().cpu_ms >= 10);
}

#[tokio::test]
async fn the_description_has_a_schema_that_knows_every_setting() {
    let description = agent().await.describe();
    let schema = description.config.unwrap();
    assert_eq!(schema["additionalProperties"], false);
    for name in [
        "runtime",
        "code",
        "entryFunction",
        "env",
        "envVars",
        "environment",
        "packages",
        "npmPackages",
        "pipPackages",
        "timeout",
        "timeoutMs",
        "memory",
        "language",
    ] {
        assert!(schema["properties"].get(name).is_some(), "{name}");
    }
    assert_eq!(
        description.output.unwrap()["required"],
        json!(["returnValue", "stdout", "stderr", "exitCode"])
    );
}
