//! What is printed: how it looks, where it goes, how much of it is kept.

use std::sync::Arc;

use serde_json::json;
use turbocat_core::{AgentExecutor, AttemptRequest, Level};
use turbocat_plugins::code::CodeAgent;

use crate::subject::{Listener, agent, output, plugins};

async fn printed(code: &str) -> String {
    let output = output(json!({ "code": format!("{code};\nreturn 0") }), json!({})).await;
    output["stdout"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn values_are_printed_as_node_prints_them() {
    let check = async |code: &str, expected: &str| {
        assert_eq!(printed(&format!("console.log({code})")).await, format!("{expected}\n"), "{code}");
    };
    check("", "").await;
    check(
        "'text', 1, -0, true, null, undefined, 5n, Symbol('s')",
        "text 1 -0 true null undefined 5n Symbol(s)",
    )
    .await;
    check("['text', \"it's\", [1, , 2]]", "[ 'text', \"it's\", [ 1, <empty item>, 2 ] ]").await;
    check("{ a: 1, 'b c': [], d: {}, [Symbol('s')]: 1 }", "{ a: 1, 'b c': [], d: {}, [Symbol(s)]: 1 }").await;
    check("{ a: { b: { c: { d: 1 } }, e: [[[[1]]]] } }", "{ a: { b: { c: [Object] }, e: [ [Array] ] } }")
        .await;
    check("new Map([['k', { v: 1 }]]), new Set([1, 'a'])", "Map(1) { 'k' => { v: 1 } } Set(2) { 1, 'a' }")
        .await;
    check(
        "function f() {}, () => 1, class A {}, Math.max",
        "[Function: f] [Function (anonymous)] [class A] [Function: max]",
    )
    .await;
    check(
        "new Date(0), /x/g, new (class Point { x = 1 })(), Object.create(null)",
        "1970-01-01T00:00:00.000Z /x/g Point { x: 1 } [Object: null prototype] {}",
    )
    .await;
    check("new Uint8Array([1, 2])", "Uint8Array(2) [ 1, 2 ]").await;
    check("{ get a() { return 1 }, set b(v) {} }", "{ a: [Getter], b: [Setter] }").await;
    check(
        "'%s is %d%% of %i, %j %o', 'x', 4.5, 9.9, { a: 1 }, [1], 'more'",
        "x is 4.5% of 9, {\"a\":1} [ 1 ] more",
    )
    .await;
    check("'%s'", "%s").await;
    check("'100%', 5", "100% 5").await;
    check("(() => { const a = { n: 1 }; a.self = a; return a })()", "{ n: 1, self: [Circular] }").await;
    check("new Proxy({}, { ownKeys() { throw 1 } })", "[cannot be shown]").await;
    check(
        "{ first: 'a'.repeat(30), second: 'b'.repeat(30), third: 'c'.repeat(30) }",
        &format!(
            "{{\n  first: '{}',\n  second: '{}',\n  third: '{}'\n}}",
            "a".repeat(30),
            "b".repeat(30),
            "c".repeat(30)
        ),
    )
    .await;
    let many = printed("console.log(new Array(105).fill(0))").await;
    assert!(many.contains("... 5 more items"), "{many}");
    let error = printed("console.log(new Error('boom'))").await;
    assert!(error.starts_with("Error: boom\n    at <anonymous> (code.js:1:"), "{error}");
}

#[tokio::test]
async fn the_other_ways_to_print_work() {
    assert_eq!(
        printed("console.group('a'); console.log('b\\nc'); console.group(); console.info('d'); console.groupEnd(); console.groupEnd(); console.groupEnd(); console.log('e')").await,
        "a\n  b\n  c\n    d\ne\n"
    );
    assert_eq!(
        printed(
            "console.count(); console.count('x'); console.count(); console.countReset(); console.count()"
        )
        .await,
        "default: 1\nx: 1\ndefault: 2\ndefault: 1\n"
    );
    assert_eq!(
        printed("process.stdout.write('no line'); process.stdout.write(new Uint8Array([33]))").await,
        "no line!"
    );
    assert!(
        printed("console.time('t'); console.timeEnd('t'); console.timeEnd('t')").await.starts_with("t: ")
    );
    let output = output(json!({ "code": "console.assert(1 > 2, 'no', 5); console.assert(true); console.trace('here'); process.stderr.write('!')" }), json!({})).await;
    let stderr = output["stderr"].as_str().unwrap();
    assert!(stderr.starts_with("Assertion failed: no 5\nTrace: here\n"), "{stderr}");
    assert!(stderr.ends_with('!'));
}

#[tokio::test]
async fn each_line_is_told_at_once_with_its_level() {
    let listener = Arc::new(Listener::default());
    let request = AttemptRequest::new(json!({}))
        .with_config(json!({ "code": "console.debug('d'); console.log('l'); console.warn('w'); console.error('e'); throw 1" }))
        .with_surroundings(listener.clone());
    agent().await.execute(request).await.unwrap_err();
    let heard: Vec<(Level, String)> = listener.heard.lock().unwrap().clone();
    let expected = [(Level::Debug, "d"), (Level::Info, "l"), (Level::Warn, "w"), (Level::Error, "e")];
    assert_eq!(heard, expected.map(|(level, text)| (level, text.to_owned())));
}

#[tokio::test]
async fn a_call_that_is_ended_from_outside_keeps_what_it_printed() {
    let config = json!({ "code": "console.log('begun'); console.error('oh'); for (;;);", "timeoutMs": 50 });
    let failure = crate::subject::fails(config).await;
    assert_eq!(failure.kind.as_str(), "timeout");
    assert_eq!(failure.message, "the code took longer than 50 ms");
    assert_eq!(crate::subject::detail(&failure, "stdout"), "begun\n");
    assert_eq!(crate::subject::detail(&failure, "stderr"), "oh\n");
}

#[tokio::test]
async fn what_is_printed_beyond_the_limit_is_counted_and_not_kept() {
    let agent = CodeAgent::builder().max_console(100).build(plugins().await).await.unwrap();
    let listener = Arc::new(Listener::default());
    let code = "for (let i = 0; i < 1000; i++) console.log('0123456789'); console.error('fits'); return 1";
    let request = AttemptRequest::new(json!({}))
        .with_config(json!({ "code": code }))
        .with_surroundings(listener.clone());
    let output = agent.execute(request).await.unwrap();
    let stdout = output.value["stdout"].as_str().unwrap();
    assert!(stdout.starts_with("0123456789\n"));
    assert!(stdout.ends_with("\n[10900 more bytes were printed and are not kept]\n"), "{stdout}");
    assert!(stdout.len() < 200);
    assert_eq!(output.value["stderr"], "fits\n");
    assert!(listener.heard.lock().unwrap().len() < 20);
}
