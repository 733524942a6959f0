//! How values go in and come out.

use serde_json::{Value, json};

use crate::subject::{failure, value};

#[tokio::test]
async fn inputs_come_in_as_json_and_the_value_goes_out_as_json() {
    let inputs = json!({
        "text": "häß \u{1F600} \"\\\n\u{0}", "numbers": [0, -1, 1.5, 1e300, 9_007_199_254_740_991_i64],
        "nested": { "list": [[], {}, null, true], "": "empty", "__proto__": { "x": 1 } },
    });
    assert_eq!(value("inputs", inputs.clone()).await, inputs);
    assert_eq!(value("typeof inputs", json!([1])).await, "object");
    assert_eq!(value("inputs", json!("a text")).await, "a text");
}

#[tokio::test]
async fn values_become_json_as_json_stringify_makes_it() {
    let check =
        async |code: &str, expected: Value| assert_eq!(value(code, json!({})).await, expected, "{code}");
    check("undefined", Value::Null).await;
    check("return", Value::Null).await;
    check("null", Value::Null).await;
    check("NaN", Value::Null).await;
    check("[1 / 0, undefined, () => 1]", json!([null, null, null])).await;
    check("({ a: undefined, b: () => 1, [Symbol('s')]: 1, c: 1 })", json!({ "c": 1 })).await;
    check("new Date(0)", json!("1970-01-01T00:00:00.000Z")).await;
    check("({ toJSON() { return 'mine' } })", json!("mine")).await;
    check("[new Map([[1, 2]]), new Set([1]), /x/, new Error('e')]", json!([{}, {}, {}, {}])).await;
    check("-0", json!(0)).await;
    check("1e21", json!(1e21)).await;
    check("'\\\\ud800'", json!("\\ud800")).await;
    check("[new String('s'), Object(1), Object(true)]", json!(["s", 1, true])).await;
}

#[tokio::test]
async fn a_value_that_is_no_json_is_a_failure_that_says_where() {
    let check = async |code: &str, message: &str| {
        let failure = failure(code).await;
        assert_eq!(failure.kind.as_str(), "output", "{code}");
        assert!(!failure.retryable);
        assert_eq!(failure.message, message, "{code}");
    };
    check("5n", "`returnValue` is a BigInt, which is no JSON").await;
    check("({ items: [{ total: 5n }] })", "`returnValue.items[0].total` is a BigInt, which is no JSON").await;
    check("({ 'a b': 5n })", "`returnValue[\"a b\"]` is a BigInt, which is no JSON").await;
    check(
        "const a = { list: [] }; a.list.push(a); return a",
        "`returnValue.list[0]` contains itself, which is no JSON",
    )
    .await;
    check("() => () => 1", "the value is a function, which is no JSON").await;
    check("Symbol('s')", "the value is a symbol, which is no JSON").await;
    check("'\\ud83d'", "the value holds a text with half of a surrogate pair, which is no Unicode").await;
}

#[tokio::test]
async fn what_throws_while_it_becomes_json_is_what_the_code_threw() {
    assert_eq!(
        failure("({ get a() { throw new TypeError('getter') } })").await.message,
        "TypeError: getter (line 1, column 20)"
    );
    assert_eq!(failure("({ toJSON() { throw 'mine' } })").await.message, "mine");
}

#[tokio::test]
async fn what_programs_for_node_expect_is_there() {
    let check =
        async |code: &str, expected: Value| assert_eq!(value(code, json!({})).await, expected, "{code}");
    check("new TextDecoder().decode(new TextEncoder().encode('häß\\ud800'))", json!("häß\u{fffd}")).await;
    check("try { new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([255])) } catch (e) { return e.name }", json!("TypeError")).await;
    check("[...new TextEncoder().encode('ä')]", json!([195, 164])).await;
    check("[btoa('hi'), atob('aGk=')]", json!(["aGk=", "hi"])).await;
    check("const a = { m: new Map([[1, { x: [1] }]]), d: new Date(5) }; a.self = a; const b = structuredClone(a); [b.m.get(1).x, b.d.getTime(), b.self === b, b !== a]", json!([[1], 5, true, true])).await;
    check("await new Promise(done => queueMicrotask(() => done(1)))", json!(1)).await;
    check("await new Promise(done => process.nextTick(done, 2))", json!(2)).await;
    check("typeof performance.now()", json!("number")).await;
}

#[tokio::test]
async fn what_the_sandbox_has_not_is_not_there_and_the_failure_says_what_to_do() {
    for name in [
        "fetch",
        "setTimeout",
        "setInterval",
        "require",
        "Buffer",
        "crypto",
        "XMLHttpRequest",
        "os",
        "std",
        "Deno",
        "scriptArgs",
        "print",
    ] {
        assert_eq!(value(&format!("typeof {name}"), json!({})).await, "undefined", "{name}");
    }
    let check = async |code: &str, part: &str| {
        let message = failure(code).await.message;
        assert!(message.contains(part), "{message}");
    };
    check("fetch('http://example.com')", "fetch is not defined (line 1, column 1); there is no network in the sandbox: fetch with a step of the agent `api`").await;
    check("await new Promise(done => setTimeout(done, 10))", "nothing waits in the sandbox").await;
    check("Buffer.from('a')", "use `TextEncoder`").await;
}
