//! Failures name the place in the code as its author wrote it.

use serde_json::json;

use crate::subject::{detail, failure, fails};

#[tokio::test]
async fn a_failure_names_the_line_and_the_column_of_the_author() {
    let check = async |code: &str, place: (u32, u32)| {
        let failure = failure(code).await;
        let found = (detail(&failure, "line"), detail(&failure, "column"));
        assert_eq!(found, (&json!(place.0), &json!(place.1)), "{code}: {}", failure.message);
    };
    check("inputs.a.b", (1, 9)).await;
    check("\n\n  inputs.a.b", (3, 11)).await;
    check("const x = 1;\ninputs.a.b", (2, 9)).await;
    check("const x = 1; inputs.a.b", (1, 22)).await;
    check("const x = 1;\nconst y = inputs.a.b;\nreturn y", (2, 19)).await;
    check("function f() {\n  return inputs.a.b;\n}\nreturn f()", (2, 18)).await;
    check("(inputs) => {\n  throw new Error('x');\n}", (2, 9)).await;
    check("export default (inputs) => {\n  throw new Error('x');\n}", (2, 9)).await;
    check("await null;\nthrow new Error('x')", (2, 7)).await;
    check("const ä = 'ö'; throw new Error('x')", (1, 22)).await;
}

#[tokio::test]
async fn the_stack_has_the_frames_of_the_author_alone() {
    let failure = failure("function inner() {\n  throw new Error('x')\n}\nfunction outer() { inner() }\nouter();\nreturn 1").await;
    assert_eq!(
        detail(&failure, "stack"),
        "    at inner (code.js:2:9)\n    at outer (code.js:4:20)\n    at <anonymous> (code.js:5:1)"
    );
}

#[tokio::test]
async fn typescript_keeps_its_places() {
    let code = "interface A {\n  a: number;\n}\n\nenum Colour { Red, Green }\n\nconst f = (x: A): number => {\n  throw new Error(`x ${x.a as number}`);\n};\nreturn f({ a: Colour.Green })";
    let failure = fails(json!({ "runtime": "typescript", "code": code })).await;
    assert_eq!(failure.message, "Error: x 1 (line 8, column 9)");
    assert_eq!(detail(&failure, "stack").as_str().unwrap().lines().next().unwrap(), "    at f (code.ts:8:9)");
}
