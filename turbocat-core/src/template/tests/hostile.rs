//! Templates that mean harm: they are refused, quickly.

use std::sync::Arc;

use serde_json::{Value, json};

use super::give;
use crate::template::Template;

#[test]
fn deep_and_long_expressions_are_refused() {
    let check = |body: String, expected: &str| {
        let text = give(&json!(format!("{{{{ {body} }}}}"))).unwrap_err();
        assert!(text.contains(expected), "{}…: {text}", &body[..20]);
    };
    check("(".repeat(10_000), "nested too deeply");
    check(format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000)), "nested too deeply");
    check(format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000)), "nested too deeply");
    check(format!("{}1", "not ".repeat(4_000)), "nested too deeply");
    check(format!("{}1", "-".repeat(10_000)), "nested too deeply");
    check(format!("{}1", "- ".repeat(8_000)), "nested too deeply");
    check(format!("1{}", " if 1 else 1".repeat(1_000)), "nested too deeply");
    check(format!("1{}", "+1".repeat(8_000)), "too long");
    check(format!("x{}", "|abs".repeat(4_000)), "too long");
    check(format!("x{}+1", ".a".repeat(8_000)), "too long");
    check(format!("x{}+1", "[0]".repeat(5_000)), "too long");
    check(format!("x{}", " is none".repeat(2_000)), "too long");
    check(format!("'{}' ~ 1", "a".repeat(20_000)), "longer than");
}

#[test]
fn what_is_allowed_does_not_exhaust_the_stack() {
    for body in [
        format!("1{}", "+1".repeat(128)),
        format!("{}1{}", "(".repeat(24), ")".repeat(24)),
        format!("{}true", "not ".repeat(32)),
        format!("[{}]", "1,".repeat(5_000)),
        format!("1{}", " if 1 else 1".repeat(32)),
        format!("{}1{}", "(not ".repeat(24), ")".repeat(24)),
    ] {
        assert!(give(&json!(format!("{{{{ {body} }}}}"))).is_ok(), "{}", &body[..20]);
    }
}

#[test]
fn memory_bombs_are_refused() {
    for body in [
        "'a' * 1000000000",
        "'a' * 99999999999999999999",
        "('a' * 1000000) * 1000000",
        "range(100000) | map('attr', 'x') | map('default', [range(100000)]) | list",
        "range(10**9)",
        "range(10**18)",
        "range(-9223372036854775807, 9223372036854775807)",
        "range(100000) | join('a' * 1000000)",
        "range(100000) | map('string') | map('replace', '1', 'a' * 1000000) | list",
        "range(100000) | map('attr', 'x') | map('default', 'a' * 1000000) | map('upper') | list",
        "('a' * 1000000) | replace('a', 'a' * 1000000)",
        "('a' * 60000000) ~ ('a' * 60000000)",
        "9 ** 9 ** 9",
    ] {
        let text = give(&json!(format!("{{{{ {body} }}}}"))).map(|_| ()).unwrap_err();
        assert!(
            ["too expensive", "too large", "at most", "more than", "is not a finite", "repeats a whole"]
                .iter()
                .any(|part| text.contains(part)),
            "{body}: {text}"
        );
    }
}

#[test]
fn ten_thousand_tokens_and_long_chains_are_fine() {
    let text = "{{ inputs.limit }},".repeat(10_000);
    assert_eq!(give(&json!(text)).unwrap(), json!("5,".repeat(10_000)));

    let chain = format!("{{{{ x{} }}}}", ".a".repeat(5_000));
    let template = Template::compile(&json!(chain), &super::names).unwrap();
    assert!(template.evaluate(&[Some(&Arc::new(json!({"a": {"a": 1}})))]).is_err());
    assert_eq!(*template.evaluate(&[None]).unwrap(), Value::Null);
}

#[test]
fn a_value_nested_too_deeply_is_refused() {
    let mut value = json!("{{ x }}");
    for _ in 0..1_000 {
        value = Value::Array(vec![value]);
    }
    let errors = Template::compile(&value, &super::names).unwrap_err();
    assert_eq!(errors[0].message, "the value is nested too deeply");
}
