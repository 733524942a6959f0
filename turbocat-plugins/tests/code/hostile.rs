//! Code that means harm, or might as well: each gets its failure, and the host goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use turbocat_core::{AgentExecutor, AttemptRequest};
use turbocat_plugins::code::CodeAgent;

use crate::subject::{Listener, agent, detail, execute, fails, failure, output, plugins, value};

#[tokio::test]
async fn whatever_never_ends_is_ended_at_its_limit() {
    for code in [
        "for (;;);",
        "while (true) await 0",
        "const f = () => Promise.resolve().then(f); await f()",
        "const f = () => { queueMicrotask(f) }; f(); await new Promise(() => {})",
        "function* all() { for (;;) yield 1 }\nfor (const x of all());",
        "'a'.repeat(4e6).indexOf('a'.repeat(2e6) + 'b')",
        "/^(a+)+$/.test('a'.repeat(40) + 'b')",
        "new Proxy({}, { get(t, k, r) { for (;;); } }).x",
        "({ get a() { for (;;); } })",
        "({ toJSON() { for (;;); } })",
        "console.log({ get [Symbol.toStringTag]() { for (;;); } }, new (class { get name() { for (;;); } })()); for (;;);",
        "throw { get message() { for (;;); } }",
        "eval('for (;;);')",
        "new Function('for (;;);')()",
        "try { for (;;); } finally { for (;;); }",
        "[...Array(1e6).keys()].sort(() => { for (;;); })",
        "return { then(done) { for (;;); } }",
        "Array.prototype.push = () => { for (;;); }; Promise.prototype.then = () => { for (;;); }; for (;;);",
        "BigInt(10) ** BigInt(1e7)",
        "export default () => { for (;;); }",
        "class A { static { for (;;); } }\nreturn 1",
    ] {
        let begun = Instant::now();
        let failure = fails(json!({ "code": code, "timeoutMs": 100 })).await;
        assert_eq!(failure.kind.as_str(), "timeout", "{code}: {failure}");
        assert!(failure.retryable);
        assert!(begun.elapsed() < Duration::from_secs(20), "{code} took {:?}", begun.elapsed());
    }
    assert_eq!(value("1 + 1", json!({})).await, 2);
}

#[tokio::test]
async fn whatever_needs_too_much_memory_is_ended_with_the_limit() {
    for code in [
        "const a = []; for (;;) a.push([1, 2, 3, {}])",
        "const a = []; for (;;) a.push('x'.repeat(1e5) + a.length)",
        "const a = []; for (;;) a.push(new ArrayBuffer(1e5))",
        "new ArrayBuffer(1e9)",
        "new Uint8Array(5e8).fill(1)",
        "let s = 'abc'; for (;;) s = s.split('').concat(s.split('')).join('')",
        "const m = new Map(); for (let i = 0; ; i++) m.set(i, { i })",
        "function* g() { yield* g() } const a = []; for (;;) { const x = g(); a.push(x) }",
        "return (async () => { const a = []; for (;;) { a.push(new Promise(() => {})); await 0 } })()",
    ] {
        let failure = fails(json!({ "code": code, "memory": 8, "timeout": 20 })).await;
        assert_eq!(failure.kind.as_str(), "limit", "{code}: {failure}");
        assert!(!failure.retryable);
        assert_eq!(detail(&failure, "limit"), "memory", "{code}");
        assert_eq!(failure.message, "the code needs more than the 8388608 bytes of memory allowed");
    }
    // Whoever catches that there is no memory is ended all the same.
    let stubborn = fails(json!({ "code": "const a = []; for (;;) { try { for (;;) a.push([]) } catch { } }", "memory": 8, "timeoutMs": 500 })).await;
    assert!(["limit", "timeout"].contains(&stubborn.kind.as_str()), "{stubborn}");
    let text = failure("let s = 'a'; for (;;) s += s").await;
    assert_eq!((text.kind.as_str(), detail(&text, "limit")), ("limit", &json!("text")));
    assert_eq!(value("1 + 1", json!({})).await, 2);
}

#[tokio::test]
async fn deep_recursion_is_an_error_that_the_code_may_catch() {
    let deep = failure("function f() { return f() + 1 }\nreturn f()").await;
    assert!(deep.message.starts_with("RangeError: Maximum call stack size exceeded"), "{}", deep.message);
    assert_eq!(deep.kind.as_str(), "code");
    assert_eq!(
        value("function f() { return f() + 1 }\ntry { f() } catch (e) { return e.name }", json!({})).await,
        "RangeError"
    );
    // as deep as anybody needs
    assert_eq!(
        value("function f(n) { return n === 0 ? 0 : 1 + f(n - 1) }\nreturn f(3000)", json!({})).await,
        3000
    );
}

#[tokio::test]
async fn values_that_are_nested_too_deep_are_failures() {
    for code in [
        "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a",
        "JSON.parse('['.repeat(1e5) + ']'.repeat(1e5))",
        "let a = {}; for (let i = 0; i < 1e5; i++) a = { a }; console.log(a); return structuredClone(a)",
        "eval('('.repeat(1e5) + ')'.repeat(1e5))",
        "new RegExp('('.repeat(1e5) + ')'.repeat(1e5))",
    ] {
        let failure = failure(code).await;
        assert!(["code", "limit"].contains(&failure.kind.as_str()), "{code}: {failure}");
    }
    // The output is JSON for a reader that is not nested without end either.
    let nested = failure("let a = []; for (let i = 0; i < 200; i++) a = [a]; return a").await;
    assert_eq!(nested.kind.as_str(), "output", "{nested}");
    assert_eq!(value("1 + 1", json!({})).await, 2);
}

#[tokio::test]
async fn a_value_that_is_too_large_is_a_failure() {
    let failure = failure("'x'.repeat(5e6)").await;
    assert_eq!(failure.kind.as_str(), "limit");
    assert_eq!(detail(&failure, "limit"), "output");
    assert_eq!(failure.message, "the value has 5000002 bytes of JSON, more than the 4194304 allowed");
    let small = CodeAgent::builder().max_output(10).build(plugins().await).await.unwrap();
    let ask = async |code: &str| {
        small.execute(AttemptRequest::new(json!({})).with_config(json!({ "code": code }))).await
    };
    assert!(ask("'12345678'").await.is_ok());
    assert_eq!(ask("'123456789'").await.unwrap_err().kind.as_str(), "limit");
}

#[tokio::test]
async fn a_flood_of_output_does_no_harm() {
    for code in [
        "for (let i = 0; i < 1e5; i++) console.log(i); return 1",
        "console.log('x'.repeat(2e6)); return 1",
        "for (let i = 0; i < 3e5; i++) console.log(); return 1",
        "console.log(new Array(1e6).fill({ a: [1, 2, 3] })); return 1",
    ] {
        let output = execute(json!({ "code": code }), json!({})).await.unwrap();
        assert_eq!(output.value["returnValue"], 1);
        assert!(output.value["stdout"].as_str().unwrap().len() < 300_000, "{code}");
    }
}

#[tokio::test]
async fn a_promise_that_never_settles_is_a_failure_that_says_so() {
    for code in [
        "await new Promise(() => {})",
        "return new Promise(() => {})",
        "return { then() {} }",
        "export default () => new Promise(() => {})",
        "await new Promise(() => {});\nexport default 1",
    ] {
        let failure = failure(code).await;
        assert_eq!(failure.kind.as_str(), "code");
        assert!(!failure.retryable);
        assert!(failure.message.starts_with("the promise never settles"), "{code}: {}", failure.message);
    }
}

#[tokio::test]
async fn what_the_code_overwrites_harms_nobody_but_itself() {
    for code in [
        "JSON.stringify = JSON.parse = () => 'mine'; globalThis.JSON = null; return [1]",
        "console.log = null; globalThis.console = null; globalThis.process = null; return [1]",
        "globalThis.Promise = null; Array.prototype.push = null; Function.prototype.call = null; return [1]",
        "for (const name of Object.getOwnPropertyNames(globalThis)) { try { delete globalThis[name] } catch {} } return [1]",
        "Object.defineProperty(Object.prototype, 'then', { get() { return undefined } }); return [1]",
        "Object.freeze(Object.prototype); Object.freeze(globalThis); return [1]",
        "String.prototype.toWellFormed = RegExp.prototype.exec = Map.prototype.get = () => { throw 1 }; return [1]",
    ] {
        assert_eq!(value(code, json!({})).await, json!([1]), "{code}");
    }
    // `toJSON` is the code's own to define.
    assert_eq!(value("Object.prototype.toJSON = () => 'mine'; return [1]", json!({})).await, "mine");
    // What explains failures was taken before the code came.
    let failure = failure(
        "Object.prototype.toJSON = Error.prototype.toString = () => { throw 2 }; throw new Error('x')",
    )
    .await;
    assert!(failure.message.starts_with("Error: x"), "{}", failure.message);
}

#[tokio::test]
async fn code_that_makes_code_is_still_inside() {
    assert_eq!(value("eval('1 + 1') + new Function('return inputs.a')()", json!({ "a": 3 })).await, 5);
    for name in [
        "process.binding",
        "process.mainModule",
        "globalThis.std",
        "globalThis.os",
        "globalThis.bjson",
        "globalThis.Worker",
    ] {
        assert_eq!(value(&format!("typeof ({name})"), json!({})).await, "undefined", "{name}");
    }
    assert_eq!(value("Function('return this')() === globalThis", json!({})).await, true);
    let import = failure("await new Function('return import(\"fs\")')()").await;
    assert_eq!(import.kind.as_str(), "code");
}

#[tokio::test]
async fn nothing_is_left_of_an_earlier_call() {
    let code = "const before = globalThis.left; globalThis.left = 1; Array.prototype.left = 2; Math.max = null; Object.prototype.p = 3;\n[before ?? null, [].left ?? null, typeof Math.max]";
    let expected = json!([null, null, "function"]);
    assert_eq!(value(code, json!({})).await[0], expected[0]);
    let probe = "[globalThis.left ?? null, [].left ?? null, typeof Math.max, ({}).p ?? null]";
    for _ in 0..20 {
        value(code, json!({})).await;
        assert_eq!(value(probe, json!({})).await, json!([null, null, "function", null]));
    }
}

#[tokio::test]
async fn a_call_within_a_call_is_impossible_and_code_cannot_see_the_frame_it_stands_in() {
    assert_eq!(
        value("typeof arguments + arguments.length + (this === globalThis || this === undefined)", json!({}))
            .await,
        "object0true"
    );
    assert_eq!(value("new Error().stack.trim().split('\\n').length", json!({})).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_is_dropped_stops_and_its_neighbour_goes_on() {
    let request =
        |code: &str| AttemptRequest::new(json!({})).with_config(json!({ "code": code, "timeout": 60 }));
    let agent = agent().await;
    let free = plugins().await.free_slots();
    let endless = tokio::spawn(agent.execute(request("for (;;);")));
    let busy = tokio::spawn(agent.execute(request("let n = 0; for (let i = 0; i < 3e6; i++) n += i; n")));
    while plugins().await.free_slots() + 2 > free {
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    endless.abort();
    assert!(endless.await.unwrap_err().is_cancelled());
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(2), "it took {took:?} to stop");
    assert_eq!(busy.await.unwrap().unwrap().value["returnValue"], 4_499_998_500_000_i64);
}

/// Pages of memory that the program has.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn memory_comes_back_after_ten_thousand_calls() {
    let codes = [
        "inputs.a + 1",
        "throw 1",
        "'x'.repeat(1e5).length",
        "process.exit(1)",
        "await new Promise(() => {})",
    ];
    let round = async |count: usize| {
        for index in 0..count {
            let config = json!({ "code": codes[index % codes.len()] });
            let _ = execute(config, json!({ "a": 1 })).await;
        }
    };
    round(1_000).await;
    let before = resident();
    round(10_000).await;
    let after = resident();
    assert!(after < before + (64 << 20), "{before} bytes became {after}");
}

#[tokio::test]
async fn code_that_nests_too_deep_for_any_parser_is_refused_and_nothing_else_happens() {
    for code in [
        "(".repeat(20_000),
        "[".repeat(200_000),
        "{ a: ".repeat(20_000),
        "!".repeat(200_000) + "1",
        format!("return 1{}", "+1".repeat(100_000)),
        "if (a) {} else ".repeat(15_000) + "{}",
        format!("return a{}", ".b".repeat(100_000)),
        "`${".repeat(20_000),
        "a => ".repeat(40_000) + "1",
    ] {
        for language in ["javascript", "typescript"] {
            let config = json!({ "code": code, "language": language });
            let shown = &code[..20];
            let wrong = agent().await.check(&config);
            assert_eq!(wrong.len(), 1, "{shown}");
            assert!(
                wrong[0].message.starts_with("the code nests too deep (line 1, column "),
                "{shown}: {wrong:?}"
            );
            let failure = fails(config).await;
            assert!(failure.message.starts_with("the code nests too deep"), "{shown}: {failure}");
            assert!(!failure.retryable);
        }
    }
}

#[tokio::test]
async fn code_that_is_too_long_is_refused() {
    let fits = format!("return 1 // {}", "x".repeat((256 << 10) - 12));
    assert_eq!(value(&fits, json!({})).await, 1);
    let failure = failure(&format!("{fits}x")).await;
    assert_eq!(failure.message, "the code has 262145 bytes, and 262144 are allowed");
}

#[tokio::test]
async fn a_failure_is_no_way_around_the_limit_on_outputs() {
    for code in [
        "throw new Error('x'.repeat(8e6))",
        "throw new Error('x', { cause: 'y'.repeat(8e6) })",
        "const e = new Error('x'); e.name = 'z'.repeat(8e6); throw e",
        "const e = new Error('x'); e.stack = 'z'.repeat(8e6); throw e",
    ] {
        let failure = failure(code).await;
        let all = failure.message.len() + failure.detail.as_ref().unwrap().to_string().len();
        assert!(all < 128 << 10, "{code}: {all}");
    }
}

#[tokio::test]
async fn messages_without_a_letter_do_not_go_on_for_ever() {
    let listener = Arc::new(Listener::default());
    let config = json!({ "code": "for (;;) process.stdout.write('')", "timeout": 60 });
    let request = AttemptRequest::new(json!({})).with_config(config).with_surroundings(listener.clone());
    let failure = agent().await.execute(request).await.unwrap_err();
    assert_eq!((failure.kind.as_str(), &*failure.message), ("limit", "the code prints too often"));
    let heard = listener.heard.lock().unwrap().len();
    assert!(heard <= ((2 * 256 + 64) << 10) / 32, "{heard} were passed on");
    // Many short ones are kept all the same.
    let many =
        output(json!({ "code": "for (let i = 0; i < 30000; i++) console.log(1)\nreturn 1" }), json!({}))
            .await;
    assert_eq!(many["stdout"].as_str().unwrap().len(), 60_000);
}

#[tokio::test]
async fn a_value_of_too_many_parts_is_refused() {
    let failure = failure("return new Array(1500000).fill(0)").await;
    assert_eq!((failure.kind.as_str(), detail(&failure, "limit")), ("limit", &json!("output")));
}
