//! Failures name the place in the code as its author wrote it.

use serde_json::json;

use crate::subject::{detail, fails, failure};

#[tokio::test]
async fn a_failure_names_the_line_and_the_column_of_the_author() {
    let check = async |code: &str, place: (u32, u32)| {
        let failure = failure(code).await;
        let found = (detail(&failure, "line"), detail(&failure, "column"));
        assert_eq!(found, (&json!(place.0), &json!(place.1)), "{code}: {}", failure.message);
    };
    // The engine knows where what is called is read: the dot or the name after it.
    check("inputs.a()", (1, 7)).await;
    check("1 + inputs.a()", (1, 11)).await;
    check("\n\n  inputs.a()", (3, 10)).await;
    check("const x = 1;\ninputs.a()", (2, 8)).await;
    check("const x = 1; inputs.a()", (1, 20)).await;
    check("const x = 1;\nconst y = inputs.a();\nreturn y", (2, 18)).await;
    check("function f() {\n  return inputs.a();\n}\nreturn f()", (2, 17)).await;
    check("(inputs) => {\n  inputs.a();\n}", (2, 10)).await;
    check("export default (inputs) => {\n  inputs.a();\n}", (2, 10)).await;
    check("await null;\ninputs.a()", (2, 8)).await;
    check("throw new Error('x')", (1, 7)).await;
    check("if (true) {\n  throw Object.assign(\n    new Error(`x ${inputs}`),\n    {},\n  );\n}", (2, 9))
        .await;
    // It counts columns in bytes.
    check("const ä = 'ö'; inputs.a()", (1, 24)).await;
    check("let undefinedName;\nreturn otherName", (2, 8)).await;
}

#[tokio::test]
async fn the_stack_has_the_frames_of_the_author_alone() {
    let failure = failure(
        "function inner() {\n  throw new Error('x')\n}\nfunction outer() { inner() }\nouter();\nreturn 1",
    )
    .await;
    assert_eq!(
        detail(&failure, "stack"),
        "    at inner (code.js:2:9)\n    at outer (code.js:4:20)\n    at <anonymous> (code.js:5:1)"
    );
}

#[tokio::test]
async fn typescript_keeps_its_places() {
    let code = "interface A {\n  a: number;\n}\n\nenum Colour { Red, Green }\n\nconst f = (x: A): number => {\n  throw new Error(`x ${x.a as number}`);\n};\nreturn f({ a: Colour.Green })";
    let failure = fails(json!({ "runtime": "typescript", "code": code })).await;
    assert!(failure.message.ends_with("Error: x 1 (line 8, column 9)"), "{}", failure.message);
    let stack: Vec<&str> = detail(&failure, "stack").as_str().unwrap().lines().collect();
    assert!(stack[0].starts_with("    at f (code.ts:8:9)"), "{stack:?}");
    assert!(stack[1].starts_with("    at <anonymous> (code.ts:10:"), "{stack:?}");
}
