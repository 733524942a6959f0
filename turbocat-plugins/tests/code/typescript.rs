//! TypeScript: what is stripped and what is written out.

use serde_json::{Value, json};

use crate::subject::{fails, output};

async fn value(code: &str) -> Value {
    output(json!({ "runtime": "deno1", "code": code }), json!({ "n": 2 })).await["returnValue"].take()
}

#[tokio::test]
async fn types_are_stripped_and_what_is_more_than_types_works() {
    let check = async |code: &str, expected: Value| assert_eq!(value(code).await, expected, "{code}");
    check("const n: number = inputs.n as number;\nreturn n!;", json!(2)).await;
    check(
        "interface In { n: number }\nexport default function (inputs: In): number { return inputs.n }",
        json!(2),
    )
    .await;
    check("(inputs: { n: number }): number => inputs.n", json!(2)).await;
    check("{ n: inputs.n satisfies number }", json!({ "n": 2 })).await;
    check("enum A { X = 'x', Y = 'y' }\nreturn A.Y", json!("y")).await;
    check("enum B { X, Y = X + 5 }\nreturn [B.Y, B[0]]", json!([5, "X"])).await;
    check("const enum C { X = 3 }\nreturn C.X", json!(3)).await;
    check("class P { constructor(private readonly x: number, public y = 1) {} sum() { return this.x + this.y } }\nreturn new P(4).sum()", json!(5)).await;
    check(
        "export namespace N { export const k = 7 }
export default N.k",
        json!(7),
    )
    .await;
    check("abstract class A<T> { abstract get(): T }\nclass B extends A<number> { get() { return 8 } }\nreturn new B().get()", json!(8)).await;
    check("function f(a: string): string;\nfunction f(a: any) { return a }\nreturn f('o')", json!("o")).await;
    check("const f = <T,>(x: T): T => x;\nreturn f<string>('g')", json!("g")).await;
    check("type A = string;\ndeclare const gone: A;\nreturn typeof gone", json!("undefined")).await;
    check("import type { A } from 'a';\nexport default 3", json!(3)).await;
}

#[tokio::test]
async fn types_in_javascript_are_refused_with_the_way_out() {
    let failure = fails(json!({ "code": "const n: number = 1;\nreturn n" })).await;
    assert!(failure.message.contains("line 1"), "{}", failure.message);
    let agent = crate::subject::agent().await;
    let bad =
        turbocat_core::AgentExecutor::check(agent, &json!({ "code": "const n: number = 1;\nreturn n" }));
    assert_eq!(bad[0].help.as_deref(), Some("set `language: typescript`"));
    let output =
        output(json!({ "language": "typescript", "code": "const n: number = 1;\nreturn n" }), json!({}))
            .await;
    assert_eq!(output["returnValue"], 1);
}
