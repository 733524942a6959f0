//! What is found in a configuration when its workflow is compiled.

use serde_json::{Value, json};
use turbocat_core::AgentExecutor;

use crate::subject::agent;

async fn check(config: Value) -> Vec<String> {
    let found = agent().await.check(&config);
    found
        .iter()
        .map(|bad| format!("{} {} | {}", bad.at, bad.message, bad.help.as_deref().unwrap_or("-")))
        .collect()
}

async fn check_code(code: &str) -> Vec<String> {
    check(json!({ "code": code })).await
}

#[tokio::test]
async fn correct_code_is_taken() {
    for code in [
        "inputs.a",
        "return 1",
        "(x) => x",
        "{ a: 1 }",
        "export default 1",
        "await null; return 1",
        "'use strict'; return 1",
        "const f = async function* () { yield 1 };\nfor await (const x of f()) console.log(x)",
        "/(a+)+$/.test('x')",
        "with (inputs) { return a }",
        "label: for (;;) { break label }",
        "class A { #x = 1; static { } }\nreturn 1",
        "// nothing but this\n1",
    ] {
        assert_eq!(check_code(code).await, [""; 0], "{code}");
    }
}

#[tokio::test]
async fn a_syntax_error_has_a_line_and_a_column() {
    let check = async |code: &str, begins: &str, place: &str| {
        let found = check_code(code).await;
        assert!(found[0].starts_with(&format!("/code {begins}")), "{found:?}");
        assert!(found[0].contains(place), "{found:?}");
    };
    check("return 1 +", "", "(line 1, column 11)").await;
    check("const a = 1;\nconst b = ;", "", "(line 2, column 11)").await;
    check("let a = 1;\nlet a = 2;", "", "(line 1, column 5)").await;
    check("return /(/", "", "(line 1,").await;
    check("}); for (;;); (function () {", "a bracket is closed that was never opened", "").await;
    check("const x = 'not closed", "", "(line 1, column 11)").await;
    check("export default 1;\nconst b = ;", "", "(line 2, column 11)").await;
    check("export default 1;\nreturn 5", "a module cannot `return`", "").await;
    check("@decorated class A {}\nreturn 1", "decorators are not supported", "(line 1, column 1)").await;
}

#[tokio::test]
async fn imports_are_refused_with_the_way_out() {
    assert_eq!(
        check_code("import _ from 'lodash';\nexport default 1").await,
        [
            "/code the sandbox has no packages: `lodash` cannot be imported (line 1, column 1) | bundle what is needed into the code itself, or write a plugin"
        ]
    );
    let network = check_code("const axios = require('axios');\nreturn 1").await;
    assert!(network[0].contains("`axios` cannot be imported (line 1, column 15)"), "{network:?}");
    assert!(network[0].contains("the agent `api`"), "{network:?}");
    let files = check_code("const fs = await import('node:fs');\nreturn 1").await;
    assert!(files[0].contains("there are no files"), "{files:?}");
    assert_eq!(check_code("const require = name => name;\nreturn require('x')").await, [""; 0]);
}

#[tokio::test]
async fn code_that_gives_no_value_by_mistake_is_refused() {
    assert_eq!(
        check_code("function a() {}\nfunction main() {}").await,
        [
            "/code the code only declares functions, and nothing calls them | name one in `entryFunction`, or end with `return main(inputs)`"
        ]
    );
    assert!(check_code("// only a comment").await[0].contains("the code does nothing"));
    assert!(check_code("export const a = 1").await[0].contains("exports no `default`"));
    assert_eq!(
        check(json!({ "code": " " })).await,
        ["/code the code is empty | write what the step is to do"]
    );
}

#[tokio::test]
async fn an_entry_function_must_be_there() {
    assert_eq!(
        check(json!({ "code": "function main() {}", "entryFunction": "mian" })).await,
        ["/entryFunction the entry function `mian` is not in the code | did you mean `main`?"]
    );
    assert_eq!(
        check(json!({ "code": "function main() {}\nexport const a = 1", "entryFunction": "main" })).await,
        ["/entryFunction the entry function `main` is not exported | write `export function main`"]
    );
    assert_eq!(check(json!({ "code": "module.exports = made()", "entryFunction": "main" })).await, [""; 0]);
    assert_eq!(check(json!({ "code": "function main() {}", "entryFunction": "main" })).await, [""; 0]);
}

#[tokio::test]
async fn what_holds_a_template_is_not_judged() {
    for config in [
        json!({ "code": "{{ inputs.code }}" }),
        json!({ "code": "return {{ inputs.code }} +" }),
        json!({ "code": "this is no code", "runtime": "{{ inputs.runtime }}" }),
        json!({ "code": "function main() {}\nreturn 1", "entryFunction": "{{ inputs.name }}" }),
        json!({ "code": "1", "timeout": "{{ inputs.seconds }}", "env": "{{ inputs.env }}", "packages": "{{ inputs.packages }}" }),
    ] {
        assert_eq!(check(config.clone()).await, [""; 0], "{config}");
    }
}

#[tokio::test]
async fn settings_are_checked_with_their_places() {
    assert_eq!(
        check(json!({ "code": "1", "runtime": "nodjs" })).await,
        [
            "/runtime the runtime `nodjs` is not available: code is JavaScript or TypeScript | did you mean `nodejs`?"
        ]
    );
    assert!(check(json!({ "code": "1", "runtime": "python3.11" })).await[0].contains("load it as a plugin"));
    assert!(
        check(json!({ "code": "1", "pipPackages": ["numpy"] })).await[0]
            .starts_with("/pipPackages the sandbox has no packages: `numpy`")
    );
    assert!(
        check(json!({ "code": "1", "env": {}, "environment": {} })).await[0]
            .starts_with("/environment `env` and `environment` mean the same")
    );
}
