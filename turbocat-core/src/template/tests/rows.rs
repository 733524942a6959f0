//! Templates and expressions against what they must give.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{expression, give, names, root, seen, values};
use crate::template::{Expression, PathSegment, Template};

fn check(template: &Value, expected: &Value) {
    assert_eq!(give(template).as_ref(), Ok(expected), "{template}");
}

fn fails(template: &str, expected: &str) {
    match give(&json!(template)) {
        Ok(value) => panic!("{template} gave {value}, not a failure with {expected}"),
        Err(text) => {
            assert!(text.contains(expected), "{template}\n  failed with {text}\n  not with {expected}")
        }
    }
}

#[test]
fn a_lone_token_keeps_its_type() {
    let fetch = root("fetch").unwrap();
    for (template, expected) in [
        ("{{ fetch.tookMs }}", json!(12)),
        ("{{fetch.tookMs}}", json!(12)),
        ("{{ fetch . tookMs }}", json!(12)),
        ("{{ fetch.ratio }}", json!(0.5)),
        ("{{ fetch.none }}", json!(null)),
        ("{{ fetch.ok }}", json!(true)),
        ("{{ fetch.empty }}", json!([])),
        ("{{ fetch.blank }}", json!("")),
        ("{{ fetch.big }}", json!(9_007_199_254_740_993_i64)),
        ("{{ fetch.huge }}", json!(u64::MAX)),
        ("{{ fetch.stories[1].title }}", json!("B")),
        ("{{ fetch.stories.1.title }}", json!("B")),
        ("{{ fetch.stories[ 1 ] . title }}", json!("B")),
        ("{{ fetch['stories'][0]['title'] }}", json!("A")),
        ("{{ fetch[\"odd key\"] }}", json!(7)),
        ("{{ fetch.my-key }}", json!("hyphen")),
        ("{{ fetch.0 }}", json!("zero")),
        ("{{ fetch[0] }}", json!("zero")),
        ("{{ fetch['0'] }}", json!("zero")),
        ("{{ fetch.stories.length }}", json!(3)),
        ("{{ fetch.length }}", json!("own")),
        ("{{ fetch.empty.length }}", json!(0)),
        ("{{ list.length }}", json!(3)),
        ("{{ list.output.length }}", json!(3)),
        ("{{ list[2] }}", json!(30)),
        ("{{ list.output.2 }}", json!(30)),
        ("{{ word }}", json!("plain")),
        ("{{ inputs.nested.deep[0][1] }}", json!(2)),
        ("{{ inputs.nested.deep.1.0 }}", json!(3)),
        ("{{ my-step.x }}", json!(5)),
        ("{{ my-step.y-z.w }}", json!(1)),
        ("{{ fetch.text }}", json!("it is {{ inputs.topic }}")),
        ("{{ secrets.TOKEN }}", json!("hunter2-hunter2")),
        ("{{ fetch }}", fetch.clone()),
        ("{{ fetch.output }}", fetch.clone()),
        ("{{ fetch.output.tookMs }}", json!(12)),
        ("{{ wrapped.output }}", json!({"a": 1})),
        ("{{ wrapped.output.a }}", json!(1)),
        ("{{ wrapped.output.b }}", json!(2)),
        ("{{ wrapped.output.output.a }}", json!(1)),
        ("{{ wrapped.b }}", json!(2)),
        ("{{ gone }}", json!(null)),
        ("{{ gone.a.b[0] }}", json!(null)),
        ("{{ gone.output.a }}", json!(null)),
    ] {
        check(&json!(template), &expected);
    }
}

#[test]
fn text_takes_scalars_plain() {
    for (template, expected) in [
        ("a {{ inputs.topic }} b", "a rust b"),
        (" {{ fetch.tookMs }}", " 12"),
        ("{{ fetch.tookMs }} ", "12 "),
        ("{{ inputs.topic }}{{ inputs.limit }}", "rust5"),
        ("{{ fetch.none }}!", "null!"),
        ("{{ fetch.ok }}!", "true!"),
        ("{{ fetch.ratio }}!", "0.5!"),
        ("{{ gone.x }}!", "null!"),
        ("{{ fetch.text }}!", "it is {{ inputs.topic }}!"),
        ("{{ inputs.name }}!", "O\"Brien!"),
        ("{{ list.length }} items", "3 items"),
        ("{{ list | length + 1 }} items", "4 items"),
        ("{{ fetch.tags | join(', ') }}.", "b, a, b."),
        ("{{ fetch.tags | tojson }}.", "[\"b\",\"a\",\"b\"]."),
        ("no token", "no token"),
        ("", ""),
        ("{ { x } }", "{ { x } }"),
        ("}} {% if %} {# note #}", "}} {% if %} {# note #}"),
        ("\\{{ x }}", "{{ x }}"),
        ("\\{{ {{ inputs.limit }} }}", "{{ 5 }}"),
        ("a\\b {{ inputs.limit }}", "a\\b 5"),
    ] {
        check(&json!(template), &json!(expected));
    }
}

#[test]
fn expressions_calculate_and_compare() {
    for (template, expected) in [
        ("1 + 2", json!(3)),
        ("1 + 2.5", json!(3.5)),
        ("7 / 2", json!(3.5)),
        ("7 // 2", json!(3)),
        ("-7 // 2", json!(-4)),
        ("7 % 3", json!(1)),
        ("-7 % 3", json!(2)),
        ("2 ** 10", json!(1024)),
        ("2 ** -1", json!(0.5)),
        ("-fetch.tookMs", json!(-12)),
        ("(1 + 2) * 3", json!(9)),
        ("fetch.big + 0", json!(9_007_199_254_740_993_i64)),
        ("fetch.huge + 0", json!(u64::MAX)),
        ("'a' + 'b'", json!("ab")),
        ("'n = ' ~ inputs.limit ~ fetch.none", json!("n = 5null")),
        ("'ab' * 3", json!("ababab")),
        ("[1] + [2, 3]", json!([1, 2, 3])),
        ("my-step.x - 1", json!(4)),
        ("my-step.x > 4", json!(true)),
        ("inputs.limit >= 5", json!(true)),
        ("inputs.limit < 5", json!(false)),
        ("1 < inputs.limit < 9", json!(true)),
        ("inputs.topic == 'rust'", json!(true)),
        ("inputs.topic != \"rust\"", json!(false)),
        ("'a' < 'b'", json!(true)),
        ("1 == 1.0", json!(true)),
        ("1 == true", json!(false)),
        ("fetch.tags == ['b', 'a', 'b']", json!(true)),
        ("my-step == {'x': 5, 'y-z': {'w': 1}}", json!(true)),
        ("fetch.none == null", json!(true)),
        ("fetch.none is none", json!(true)),
        ("fetch.none is null", json!(true)),
        ("'us' in inputs.topic", json!(true)),
        ("'a' in fetch.tags", json!(true)),
        ("'z' not in fetch.tags", json!(true)),
        ("'tookMs' in fetch", json!(true)),
        ("fetch.ok and not fetch.off", json!(true)),
        ("fetch.off or fetch.ok", json!(true)),
        ("'yes' if fetch.ok else 'no'", json!("yes")),
        ("'yes' if fetch.off", json!(null)),
        ("fetch.ok or fetch.missing", json!(true)),
        ("{'a': {'b': inputs.limit}}", json!({"a": {"b": 5}})),
        ("[inputs.limit, 'x', none, true]", json!([5, "x", null, true])),
        ("(1, 2)", json!([1, 2])),
        ("'}}'", json!("}}")),
        ("\"a }} b\" ~ 1", json!("a }} b1")),
        ("list[-1]", json!(30)),
        ("list[1:]", json!([20, 30])),
        ("list[::-1]", json!([30, 20, 10])),
        ("inputs.topic[1:3]", json!("us")),
        ("list[inputs.limit - 4]", json!(20)),
        ("fetch[inputs.topic ~ ''] | default('none')", json!("none")),
        ("range(3)", json!([0, 1, 2])),
        ("range(5, 0, -2)", json!([5, 3, 1])),
        ("(fetch.stories | first).title", json!("A")),
        ("[list][0].length", json!(3)),
    ] {
        check(&json!(format!("{{{{ {template} }}}}")), &expected);
    }
}

#[test]
fn filters_work_on_data() {
    for (template, expected) in [
        ("fetch.stories | length", json!(3)),
        ("fetch.stories | map(attribute='title') | list", json!(["A", "B", "C"])),
        ("fetch.stories | map(attribute='title') | join('-')", json!("A-B-C")),
        ("fetch.stories | join('-', attribute='title')", json!("A-B-C")),
        ("fetch.stories | sum(attribute='score')", json!(6)),
        ("[1, 2.5] | sum", json!(3.5)),
        ("fetch.stories | sort(attribute='score') | first", json!({"title": "B", "score": 1})),
        ("fetch.stories | selectattr('score', 'gt', 1) | map(attribute='title') | list", json!(["A", "C"])),
        ("list | select('odd') | list", json!([])),
        ("list | max", json!(30)),
        ("fetch.tags | unique | list", json!(["b", "a"])),
        ("fetch.tags | unique | sort", json!(["a", "b"])),
        ("inputs.nested.deep | flatten", json!([1, 2, 3])),
        ("list | zip(fetch.tags) | list", json!([[10, "b"], [20, "a"], [30, "b"]])),
        ("list | batch(2)", json!([[10, 20], [30]])),
        ("my-step | keys", json!(["x", "y-z"])),
        ("{'a': 1, 'b': 2} | values", json!([1, 2])),
        ("{'a': 1} | items | list", json!([["a", 1]])),
        ("inputs.topic | upper", json!("RUST")),
        ("inputs.topic | replace('r', 'tr')", json!("trust")),
        ("' x ' | trim", json!("x")),
        ("'a,b' | split(',') | list", json!(["a", "b"])),
        ("'a b&c' | urlencode", json!("a%20b%26c")),
        ("fetch.price | int + 1", json!(20)),
        ("'2.5' | float", json!(2.5)),
        ("2.567 | round(1)", json!(2.6)),
        ("12 | string", json!("12")),
        ("fetch.json | fromjson", json!({"a": [1, 2.5]})),
        ("(fetch.json | fromjson).a[1]", json!(2.5)),
        ("{'b': 1, 'a': [true, none]} | tojson", json!("{\"b\":1,\"a\":[true,null]}")),
        ("'no' | bool", json!(false)),
        ("1 | bool", json!(true)),
        ("fetch.empty | truthy", json!(true)),
        ("fetch.blank | truthy", json!(false)),
        ("0 | truthy", json!(false)),
        ("fetch.none | truthy", json!(false)),
        ("fetch.missing | truthy", json!(false)),
        ("fetch.missing.deeper | default(3)", json!(3)),
        ("fetch.missing | d", json!("")),
        ("fetch.none | default(3)", json!(null)),
        ("fetch.blank | default('x', true)", json!("x")),
        ("fetch.empty | first | default('nobody')", json!("nobody")),
        ("fetch.missing is defined", json!(false)),
        ("fetch.tookMs is defined", json!(true)),
        ("fetch.missing is undefined", json!(true)),
        ("fetch.tookMs is number and fetch.blank is string", json!(true)),
        ("inputs.topic is startingwith('ru')", json!(true)),
        ("list is sequence and fetch is mapping", json!(true)),
        ("list", json!([10, 20, 30])),
        ("list | list", json!([10, 20, 30])),
        ("list | reverse | list", json!([30, 20, 10])),
    ] {
        check(&json!(format!("{{{{ {template} }}}}")), &expected);
    }
}

#[test]
fn what_is_in_a_step_that_gave_nothing_is_null() {
    for (template, expected) in [
        ("gone is none", json!(true)),
        ("gone.a.b is none", json!(true)),
        ("gone.a == none", json!(true)),
        ("gone.a != 3", json!(true)),
        ("gone.a | default(5)", json!(5)),
        ("gone.a is defined", json!(false)),
        ("gone.a | truthy", json!(false)),
        ("gone.a or 'x'", json!("x")),
        ("gone.a", json!(null)),
        ("[gone.a, gone]", json!([null, null])),
    ] {
        check(&json!(format!("{{{{ {template} }}}}")), &expected);
    }
    fails("{{ gone.a > 3 }}", "`>` cannot compare null with a number");
    fails("{{ gone.a + 3 }}", "`+` does not work with null and a number");
}

#[test]
fn a_missing_path_says_what_was_there() {
    for (template, expected) in [
        ("{{ list.a }}", "`list.a` is missing: `list` is an array of 3"),
        ("{{ list[3] }}", "`list[3]` is missing: `list` is an array of 3"),
        ("{{ my-step.z }}", "`my-step.z` is missing: `my-step` is an object with `x`, `y-z`"),
        ("{{ fetch.tookMs.a }}", "`fetch.tookMs.a` is missing: `fetch.tookMs` is a number"),
        ("{{ fetch.none.a }}", "`fetch.none.a` is missing: `fetch.none` is null"),
        ("{{ fetch.stories[0].titel }}", "`fetch.stories[0]` is an object with `title`, `score`"),
        ("{{ fetch.stories[0].titel }}", "help: did you mean `title`?"),
        ("{{ inputs.limit-1 }}", "put spaces around `-`"),
        ("{{ fetch.constructor }}", "and 10 more"),
        ("{{ fetch.empty.first }}", "`fetch.empty` is an empty array"),
        ("{{ wrapped.output.c }}", "`wrapped.output.c` is missing: `wrapped.output` is an object with `a`"),
        ("{{ fetch.output.c }}", "`fetch.output.c` is missing: `fetch.output` is an object with"),
        ("x {{ my-step.z }}", "`my-step.z` is missing"),
        (
            "{{ my-step.z + 1 }}",
            "`my-step.z` is missing: `my-step` is an object with `x`, `y-z`, in `{{ my-step.z + 1 }}`",
        ),
        ("{{ fetch.empty | first }}", "`fetch.empty | first` is missing"),
        ("{{ (list | list)[7] }}", "is missing"),
        ("{{ list[inputs.limit] }}", "the value before it is an array of 3"),
    ] {
        fails(template, expected);
    }
}

#[test]
fn mistakes_are_found_while_compiling() {
    for (template, expected) in [
        ("{{ }}", "the token is empty"),
        ("{{}}", "the token is empty"),
        ("a {{ inputs.topic", "`{{` is never closed"),
        ("{{ 'a }}", "`{{` is never closed"),
        ("{{ 1 + }}", "is no expression"),
        ("{{ a b }}", "is no expression"),
        ("{{ fetch. }}", "is no expression"),
        ("{{ and }}", "`and` is a word of the language"),
        ("{{ x | lenght }}", "there is no filter `lenght`; help: did you mean `length`?"),
        ("{{ x is numbr }}", "there is no test `numbr`; help: did you mean `number`?"),
        ("{{ x.upper() }}", "values have no method `upper`; help: write it as a filter: `… | upper`"),
        ("{{ length(x) }}", "there is no function `length`; help: it is a filter"),
        ("{{ debug() }}", "there is no function `debug`"),
        ("{{ dict(a=1) }}", "there is no function `dict`"),
        ("{{ namespace() }}", "there is no function `namespace`"),
        ("{{ x | f(*a) }}", "there is no filter `f`"),
        ("{{ x | join(*a) }}", "cannot spread"),
    ] {
        fails(template, expected);
    }
}

#[test]
fn failures_say_what_did_not_fit() {
    for (template, expected) in [
        (
            "a {{ fetch.stories }}",
            "an array cannot stand inside text, in `{{ fetch.stories }}`; help: use `| tojson`",
        ),
        ("a {{ my-step }}", "an object cannot stand inside text"),
        ("{{ 'a' ~ my-step }}", "an object cannot stand inside text"),
        ("{{ fetch.stories | join }}", "an object cannot stand inside text"),
        ("{{ 1 + 'a' }}", "`+` does not work with a number and text, in `{{ 1 + 'a' }}`; help: `~` puts"),
        ("{{ 'a' > 1 }}", "`>` cannot compare text with a number"),
        ("{{ 1 in 2 }}", "`in` needs text, an array or an object"),
        ("{{ 1 / 0 }}", "a division by zero"),
        ("{{ 1 // 0 }}", "a division by zero"),
        ("{{ 1 % 0 }}", "a division by zero"),
        ("{{ 1.5 % 0 }}", "a division by zero"),
        ("{{ 1e308 * 10 }}", "is not a finite number"),
        ("{{ 9 ** 99 }}", "is too large"),
        ("{{ 2 ** 100 }}", "the number is too large"),
        ("{{ fetch.huge * 2 }}", "the number is too large"),
        ("{{ [1] * 2 }}", "`*` does not work with an array and a number"),
        ("{{ -'a' }}", "`-` does not work with text"),
        ("{{ 'x' | fromjson }}", "`fromjson` failed on text: no JSON at line 1, column 1"),
        ("{{ secrets.TOKEN | fromjson }}", "no JSON at line"),
        ("{{ ['a'] | sum }}", "only numbers have a sum, not text"),
        ("{{ list | batch(0) }}", "at least one item"),
        ("{{ list | keys }}", "only an object has keys"),
        ("{{ 'maybe' | bool }}", "`bool`"),
        ("{{ {1: 2} }}", "a key of an object must be text, not a number"),
        ("{{ list[::0] }}", "a step of 0"),
        ("{{ range('a') }}", "`range` needs whole numbers, not text"),
        ("{{ range() }}", "one to three numbers"),
        ("{{ 5 | length }}", "`length`"),
    ] {
        fails(template, expected);
    }
}

#[test]
fn no_message_quotes_a_secret() {
    for filter in super::super::filters::filter_names() {
        for template in [
            format!("{{{{ secrets.TOKEN | {filter} }}}}"),
            format!("{{{{ secrets.TOKEN | {filter}(secrets.TOKEN) }}}}"),
            format!("{{{{ secrets | {filter} + 1 }}}}"),
            format!("{{{{ [secrets.TOKEN] | {filter} + 1 }}}}"),
        ] {
            if let Err(text) = give(&json!(template)) {
                assert!(!text.contains("hunter2"), "{template}: {text}");
            }
        }
    }
    for template in
        ["{{ secrets.TOKEN + 1 }}", "{{ secrets.TOKEN > 1 }}", "{{ secrets.TOKEN.a }}", "{{ secrets.X }}"]
    {
        let text = give(&json!(template)).unwrap_err();
        assert!(!text.contains("hunter2"), "{template}: {text}");
    }
}

#[test]
fn templates_stand_at_any_depth() {
    check(
        &json!({"a": ["{{ inputs.limit }}", {"b": "x{{ inputs.topic }}", "{{ k }}": 1}], "c": [1, null, {}]}),
        &json!({"a": [5, {"b": "xrust", "{{ k }}": 1}], "c": [1, null, {}]}),
    );
    check(&json!({"q": "{{ inputs.name }}"}), &json!({"q": "O\"Brien"}));
    check(&json!(["\\{{ a }}", "b"]), &json!(["{{ a }}", "b"]));
    check(&json!({"a": {"b": "\\{{ a }}"}}), &json!({"a": {"b": "{{ a }}"}}));
}

#[test]
fn a_root_and_a_literal_are_shared() {
    for text in ["{{ fetch }}", "{{ fetch.output }}", "{{ (fetch) }}", "{{ fetch | default(1) }}"] {
        let template = Template::compile(&json!(text), &names).unwrap();
        let roots = values(template.roots());
        let result = template.evaluate(&seen(&roots)).unwrap();
        assert!(Arc::ptr_eq(&result, roots[0].as_ref().unwrap()), "{text}");
    }
    let template = Template::compile(&json!({"a": [1]}), &names).unwrap();
    let literal = template.as_literal().unwrap();
    assert!(Arc::ptr_eq(&template.evaluate(&[]).unwrap(), literal));
}

#[test]
fn references_are_listed_with_their_roots() {
    let check = |template: Value, roots: &[&str], references: &[(&str, &str, bool)]| {
        let compiled = Template::compile(&template, &names).unwrap();
        let found: Vec<&str> = compiled.roots().iter().map(|name| &**name).collect();
        assert_eq!(found, roots, "{template}");
        let found: Vec<(&str, &str, bool)> = compiled
            .references()
            .iter()
            .map(|r| (&*compiled.roots()[r.root], r.text.as_str(), r.optional))
            .collect();
        assert_eq!(found, references, "{template}");
    };
    check(json!("{{ fetch.stories }}"), &["fetch"], &[("fetch", "fetch.stories", false)]);
    check(json!("{{ unknown.a }}"), &["unknown"], &[("unknown", "unknown.a", false)]);
    check(
        json!(["{{ b }} {{ a.x }}", "{{ b.c }}"]),
        &["b", "a"],
        &[("b", "b", false), ("a", "a.x", false), ("b", "b.c", false)],
    );
    check(json!("{{ fetch . stories | length }}"), &["fetch"], &[("fetch", "fetch . stories", false)]);
    check(json!("{{ a.b[0]['c d'].e + 1 }}"), &["a"], &[("a", "a.b[0]['c d'].e", false)]);
    check(json!("{{ a.b | default(c.d) }}"), &["a", "c"], &[("a", "a.b", true), ("c", "c.d", false)]);
    check(json!("{{ a.b is defined and a.b > 1 }}"), &["a"], &[("a", "a.b", true), ("a", "a.b", false)]);
    check(json!("{{ a[b.c].d }}"), &["a", "b"], &[("a", "a", false), ("b", "b.c", false)]);
    check(json!("{{ my-step.x + 1 }}"), &["my-step"], &[("my-step", "my-step.x", false)]);
    check(json!("{{ 1 + my-step.x.y-2 }}"), &["my-step"], &[("my-step", "my-step.x.y", false)]);
    check(
        json!("{{ unknown-name.x }}"),
        &["unknown", "name"],
        &[("unknown", "unknown", false), ("name", "name.x", false)],
    );
    check(json!("{{ 'my-step' ~ my-step.x }}"), &["my-step"], &[("my-step", "my-step.x", false)]);
    check(
        json!("{{ range(inputs.limit) | map('string') | list }}"),
        &["inputs"],
        &[("inputs", "inputs.limit", false)],
    );
    check(json!("{{ (a.b).c }}"), &["a"], &[("a", "a.b.c", false)]);

    let template = Template::compile(&json!({"q": ["{{ a.0['k'].length }}"]}), &names).unwrap();
    let reference = &template.references()[0];
    assert_eq!(reference.pointer.to_string(), "q[0]");
    let key = |text: &str| PathSegment::Key(text.into());
    assert_eq!(reference.path, [PathSegment::Index(0), key("k"), key("length")]);
}

#[test]
fn all_mistakes_of_a_value_are_listed() {
    let errors =
        Template::compile(&json!({"a": "{{ }}", "b": ["{{ 1 + }}", "{{ ok }}"]}), &names).unwrap_err();
    let found: Vec<_> = errors.iter().map(|e| (e.pointer.to_string(), e.token.as_str())).collect();
    assert_eq!(found, [("a".to_owned(), "{{ }}"), ("b[0]".to_owned(), "1 +")]);
}

#[test]
fn an_expression_is_one_token_or_bare() {
    let check = |value: Value, expected: Value| {
        let compiled = Expression::compile(&value, &names).unwrap();
        assert_eq!(*compiled.evaluate(&seen(&values(compiled.roots()))).unwrap(), expected, "{value}");
    };
    check(json!("{{ fetch.tookMs }}"), json!(12));
    check(json!("fetch.tookMs > 3"), json!(true));
    check(json!("  {{ fetch.tookMs > 3 }}\n"), json!(true));
    check(json!("fetch.tags"), json!(["b", "a", "b"]));
    check(json!(true), json!(true));
    check(json!(3), json!(3));
    check(json!(["a", "{{ inputs.limit }}"]), json!(["a", 5]));
    check(json!({"a": "{{ inputs.limit }}"}), json!({"a": 5}));

    let fails = |text: &str, expected: &str| {
        let errors = Expression::compile(&json!(text), &names).unwrap_err();
        assert!(errors[0].message.contains(expected), "{text}: {errors:?}");
    };
    fails("a {{ fetch }}", "one token");
    fails("{{ a }}{{ b }}", "one token");
    fails("", "empty");
    fails("   ", "empty");
    fails("{{ a", "never closed");
    fails("is it?", "is no expression");
    assert_eq!(expression("{{ fetch.ok }}").text(), "fetch.ok");
}

#[test]
fn a_decision_is_true_or_false() {
    let check = |text: &str, expected: Result<bool, &str>| {
        let compiled = expression(text);
        let decision = compiled.judge(&seen(&values(compiled.roots()))).0;
        match expected {
            Ok(truth) => assert_eq!(decision, Ok(truth), "{text}"),
            Err(part) => {
                let error = decision.unwrap_err().to_string();
                assert!(error.contains(part), "{text}: {error}");
            }
        }
    };
    check("fetch.ok", Ok(true));
    check("fetch.off", Ok(false));
    check("fetch.none", Ok(false));
    check("gone.x", Ok(false));
    check("fetch.stories | length >= 3", Ok(true));
    check("fetch.tags | truthy", Ok(true));
    check(
        "fetch.tags",
        Err(
            "`fetch.tags` is neither true nor false, it is an array of 3; help: compare it, such as `fetch.tags | length > 0`, or write `fetch.tags | truthy`",
        ),
    );
    check("fetch.tookMs", Err("it is a number; help: compare it, such as `fetch.tookMs > 0`"));
    check("secrets.TOKEN", Err("it is text"));
    check("fetch.stores", Err("`fetch.stores` is missing"));
}
