//! The operation `jq`: its language, its variables, its limits.

use serde_json::{Value, json};

use crate::ask::{ask, failure, result, wrong};

fn gives(filter: &str, data: Value, expected: Value) {
    assert_eq!(result("jq", json!({ "filter": filter }), data), expected, "{filter}");
}

#[test]
fn a_filter_works_on_the_data_as_a_whole() {
    let data = || json!({"users": [{"name": "Ann", "age": 30}, {"name": "Bob", "age": 20}], "n": null});
    gives(".", data(), data());
    gives(".users[0].name", data(), json!("Ann"));
    gives("[.users[] | select(.age > 25) | .name]", data(), json!(["Ann"]));
    gives(".users | map(.age) | add / length", data(), json!(25));
    gives(".users | sort_by(.age) | map(.name)", data(), json!(["Bob", "Ann"]));
    gives(".users | group_by(.age > 25) | map(length)", data(), json!([1, 1]));
    gives(".users |= map({(.name): .age}) | .users | add", data(), json!({"Ann": 30, "Bob": 20}));
    gives("del(.users) | keys", data(), json!(["n"]));
    gives(".missing.deeper[2]", data(), json!(null));
    gives("[paths]", json!({"a": [1]}), json!([["a"], ["a", 0]]));
    gives("reduce .[] as $x (0; . + $x)", json!([1, 2, 3]), json!(6));
    gives("[foreach .[] as $x (0; . + $x)]", json!([1, 2, 3]), json!([1, 3, 6]));
    gives(
        "to_entries | map(.key + \"=\" + (.value | tostring)) | join(\"&\")",
        json!({"a": 1, "b": "x"}),
        json!("a=1&b=x"),
    );
    gives("with_entries(.value += 1)", json!({"a": 1, "b": 2}), json!({"a": 2, "b": 3}));
    gives("[limit(3; range(10))]", json!(null), json!([0, 1, 2]));
    gives("first(range(5; 10))", json!(null), json!(5));
    gives("[.[] as [$a, $b] | $a + $b]", json!([[1, 2], [3, 4]]), json!([3, 7]));
    gives("def f($x): if $x > 1 then $x * f($x - 1) else 1 end; f(5)", json!(null), json!(120));
    gives("try error(\"x\") catch .", json!(null), json!("x"));
    gives(".a // \"none\"", json!({"a": null}), json!("none"));
    gives("\"\\(.a) and \\(.b)\"", json!({"a": 1, "b": [2]}), json!("1 and [2]"));
    gives("walk(if type == \"number\" then . + 1 else . end)", json!([1, {"a": 2}]), json!([2, {"a": 3}]));
    gives("transpose", json!([[1, 2], [3]]), json!([[1, 3], [2, null]]));
    gives("flatten", json!([1, [2, [3]]]), json!([1, 2, 3]));
    gives("unique", json!([3, 1, 3, 2]), json!([1, 2, 3]));
    gives("[min_by(.a), max_by(.a) | .a]", json!([{"a": 2}, {"a": 1}]), json!([1, 2]));
}

#[test]
fn parts_of_lists_and_texts_are_cut_and_put_in() {
    gives(".[1:3]", json!([0, 1, 2, 3]), json!([1, 2]));
    gives(".[-2:]", json!([0, 1, 2, 3]), json!([2, 3]));
    gives(".[:-1]", json!("größer"), json!("größe"));
    gives(".[2:3]", json!("größer"), json!("ö"));
    gives(".[5:2]", json!([0, 1]), json!([]));
    gives(".[-1]", json!([0, 1]), json!(1));
    gives(".[7]", json!([0, 1]), json!(null));
    gives(".[1:3] = [\"x\"]", json!([0, 1, 2, 3]), json!([0, "x", 3]));
    gives(".[1:2] = \"xyz\"", json!("abc"), json!("axyzc"));
    gives(".[3] = 1", json!([0]), json!([0, null, null, 1]));
    gives(".a.b[1] = 1", json!(null), json!({"a": {"b": [null, 1]}}));
    gives("del(.[1])", json!([0, 1, 2]), json!([0, 2]));
    gives("del(.[] | select(. > 1))", json!([0, 1, 2, 3]), json!([0, 1]));
    gives("del(.b) | keys_unsorted", json!({"a": 1, "b": 2, "c": 3}), json!(["a", "c"]));
    gives(".[] |= empty", json!({"a": 1}), json!({}));
    gives("(.a, .b) |= . + 1", json!({"a": 1, "b": 2}), json!({"a": 2, "b": 3}));
    gives("indices(1)", json!([0, 1, 2, 1]), json!([1, 3]));
    gives("indices([1, 2])", json!([0, 1, 2, 1, 2]), json!([1, 3]));
    gives("indices(\"aa\")", json!("äaaa"), json!([1, 2]));
    gives("[index(\"b\"), rindex(\"b\")]", json!("abcb"), json!([1, 3]));
    gives("[.[[1, 2]]]", json!([1, 2, 1, 2]), json!([[0, 2]]));
    gives("[has(\"a\"), has(\"x\")]", json!({"a": null}), json!([true, false]));
    gives("has(1)", json!([0]), json!(false));
    gives("inside(\"abc\")", json!("b"), json!(true));
    gives("contains({a: [\"x\"]})", json!({"a": ["yxz"], "b": 1}), json!(true));
    gives("[bsearch(2), bsearch(5)]", json!([1, 2, 3]), json!([1, -4]));
}

#[test]
fn numbers_keep_their_digits() {
    gives(".", json!(u64::MAX), json!(u64::MAX));
    gives(".", json!(i64::MIN), json!(i64::MIN));
    gives(".[0] + 1", json!([9_007_199_254_740_993_u64]), json!(9_007_199_254_740_994_u64));
    gives(". * 2", json!(i64::MAX), json!(i64::MAX as u64 * 2));
    gives(". - 1", json!(u64::MAX), json!(u64::MAX - 1));
    gives("6 / 3", json!(null), json!(2));
    gives("1 / 3", json!(null), json!(1.0 / 3.0));
    gives("[7 % 3, 7.5 % 2]", json!(null), json!([1, 1.5]));
    gives("-7 % 3", json!(null), json!(-1));
    gives("-.", json!(i64::MIN), json!(9_223_372_036_854_775_808_u64));
    gives(".[0] == .[1]", json!([1, 1.0]), json!(true));
    gives("[.[] | floor, round, ceil, sqrt]", json!([2.25]), json!([2, 2, 3, 1.5]));
    gives(
        "sort",
        json!([3, null, "a", 1.5, true, {}, [1], false, "B"]),
        json!([null, false, true, 1.5, 3, "B", "a", [1], {}]),
    );
    gives("[nan] | sort | .[0] | isnan", json!(null), json!(true));
    gives("[nan, 1, nan, 0] | sort | map(isnan)", json!(null), json!([true, true, false, false]));
    gives("nan == nan", json!(null), json!(false));
    gives("[1e400, nan] | length", json!(null), json!(2));
    for beyond in ["infinite", "nan", "[1, 1e999]"] {
        let (kind, message) = failure("jq", json!({ "filter": beyond }), json!(null));
        assert_eq!(kind, "output", "{beyond}");
        assert_eq!(message, "the filter gives a number that JSON does not have: infinite, or none at all");
    }
}

#[test]
fn the_library_is_there() {
    gives("test(\"B\"; \"i\")", json!("abc"), json!(true));
    gives("[match(\"a.\"; \"g\") | .offset]", json!("äabxac"), json!([1, 4]));
    gives(
        "[match(\"(?<x>b)(c)?\") | .captures[] | [.name, .string, .offset]]",
        json!("abd"),
        json!([["x", "b", 1]]),
    );
    gives("capture(\"(?<y>[0-9]+)-(?<m>[0-9]+)\")", json!("2024-03"), json!({"y": "2024", "m": "03"}));
    gives("[scan(\"[0-9]+\")]", json!("a1b22"), json!(["1", "22"]));
    gives("[sub(\"a\"; \"x\"), gsub(\"a\"; \"x\")]", json!("aa"), json!(["xa", "xx"]));
    gives("gsub(\"(?<l>[a-z])\"; \"<\\(.l)>\")", json!("a1b"), json!("<a>1<b>"));
    gives("split(\", *\"; null)", json!("a,  b"), json!(["a", "b"]));
    gives("split(\",\")", json!("a,b"), json!(["a", "b"]));
    gives("splits(\",\")", json!("a"), json!("a"));
    gives("[ascii_downcase, ascii_upcase]", json!("Ab"), json!(["ab", "AB"]));
    gives("ltrimstr(\"a\") | rtrimstr(\"c\")", json!("abc"), json!("b"));
    gives("trim", json!(" x "), json!("x"));
    gives("explode | implode", json!("añ"), json!("añ"));
    gives("@base64 | @base64d", json!("hello"), json!("hello"));
    gives("@uri", json!("a b&c"), json!("a%20b%26c"));
    gives("@csv", json!([1, "a\"b", null, true]), json!("1,\"a\"\"b\",,true"));
    gives("@tsv", json!([1, "a\tb", null]), json!("1\ta\\tb\t"));
    gives("@json", json!([1, "x"]), json!("[1,\"x\"]"));
    gives("@html", json!("<a>"), json!("&lt;a&gt;"));
    gives("tojson | fromjson", json!({"a": [1, 2.5, null]}), json!({"a": [1, 2.5, null]}));
    gives("[.[] | tonumber]", json!(["1", 2, "3.5"]), json!([1, 2, 3.5]));
    gives("[.[] | tostring]", json!([1, "x", [1.0]]), json!(["1", "x", "[1]"]));
    gives("fromdate", json!("2024-03-01T00:00:00Z"), json!(1_709_251_200));
    gives("todate", json!(1_709_251_200), json!("2024-03-01T00:00:00Z"));
    gives("strptime(\"%Y-%m-%d\") | mktime", json!("2024-03-01"), json!(1_709_251_200));
    gives("[.[] | length]", json!([null, -3, "äb", [1], {"a": 1}]), json!([0, 3, 2, 1, 1]));
    gives("\"ab\" * 3", json!(null), json!("ababab"));
    gives("\"ab\" * 0", json!(null), json!(null));
    gives("{a: {b: 1}} * {a: {c: 2}}", json!(null), json!({"a": {"b": 1, "c": 2}}));
    gives("[1, 2, 2, 3] - [2]", json!(null), json!([1, 3]));
    gives("debug | stderr", json!(7), json!(7));
}

#[test]
fn what_becomes_of_several_values_is_said() {
    let of = |outputs: &str, filter: &str| {
        result("jq", json!({ "filter": filter, "outputs": outputs }), json!([1, 2]))
    };
    assert_eq!(of("all", ".[]"), json!([1, 2]));
    assert_eq!(of("all", "empty"), json!([]));
    assert_eq!(of("first", ".[]"), json!(1));
    assert_eq!(of("first", "empty"), json!(null));
    assert_eq!(of("one", ".[0]"), json!(1));
    for (filter, found) in [(".[]", "several"), ("empty", "none")] {
        let (kind, message) = failure("jq", json!({ "filter": filter }), json!([1, 2]));
        assert_eq!(kind, "output");
        assert_eq!(
            message,
            format!(
                "the filter gives {found} where one value is wanted; help: collect them by `[ … ]`, or say `outputs: all` or `outputs: first`"
            )
        );
    }
}

#[test]
fn arguments_are_variables_and_no_code() {
    let config =
        json!({ "filter": "map(select(. > $least)) + [$name]", "args": { "least": 1, "name": "x\" | env" } });
    assert_eq!(result("jq", config, json!([1, 2])), json!([2, "x\" | env"]));
    let config = json!({ "filter": "[$a, $b]", "args": { "b": 1, "a": [2] } });
    assert_eq!(result("jq", config, json!(null)), json!([[2], 1]));
}

#[test]
fn what_fails_says_why() {
    let fails = |filter: &str, data: Value, expected: &str| {
        let (kind, message) = failure("jq", json!({ "filter": filter }), data);
        assert_eq!((kind.as_str(), message.as_str()), ("input", expected), "{filter}");
    };
    fails(".a", json!([1]), "the filter failed: cannot index [1] with \"a\"");
    fails(".[]", json!(5), "the filter failed: cannot use 5 as iterable (array or object)");
    fails("error(\"no such user\")", json!(null), "the filter failed: no such user");
    fails("{(1): 2}", json!(null), "the filter failed: cannot use 1 as key of an object");
    fails("1 % 0", json!(null), "the filter failed: cannot calculate 1 % 0");
    fails(
        "tonumber",
        json!("x"),
        "the filter failed: the text is no JSON: expected value at line 1 column 1",
    );
    fails("test(\"(\")", json!("x"), "the filter failed: the pattern `(` is wrong: unclosed group");
    fails("halt", json!(null), "the filter failed: a filter cannot end the program");
    let (_, message) = failure("jq", json!({ "filter": "error" }), json!("long ".repeat(1_000)));
    assert!(message.len() < 750 && message.ends_with('…'), "{message}");
}

#[test]
fn a_wrong_filter_has_its_place() {
    let check = |filter: &str, message: &str, help: &str| {
        let found = wrong(json!({ "operation": "jq", "operationConfig": { "filter": filter } }));
        let expected = (
            "/operationConfig/filter".to_owned(),
            format!("the filter is wrong: {message}"),
            help.to_owned(),
        );
        assert_eq!(found, [expected], "{filter}");
    };
    check(".[0", "`closing bracket` is expected in column 4", "");
    check(".a | ", "`term` is expected in column 6", "");
    check("if . then 1", "`else or end` is expected in column 12", "");
    check("\"x", "`closing quote` is expected in column 3", "");
    check(
        "name",
        "the filter `name` is not defined in column 1",
        "fields are written with a dot, such as `.name`",
    );
    check(".a | mpa(.x)", "the filter `mpa` with 1 argument is not defined in column 6", "");
    check(
        ".a > $least",
        "the variable `$least` is not defined in column 6",
        "variables are bound by `as`, or given by `args`",
    );
    check(
        "env",
        "the filter `env` is not defined in column 1",
        "fields are written with a dot, such as `.name`",
    );
    check(
        "$ENV",
        "the variable `$ENV` is not defined in column 1",
        "variables are bound by `as`, or given by `args`",
    );
    check(
        "input",
        "the filter `input` is not defined in column 1",
        "fields are written with a dot, such as `.name`",
    );
    let modules = "a filter cannot import modules, or be one";
    check("import \"a\" as a; .", modules, "write the definitions into the filter");
    check("include \"a\"; .", modules, "write the definitions into the filter");
    check("module {}; .", modules, "write the definitions into the filter");
    check(
        "def f(g): f(g + 1); f(.)",
        "`f` calls itself with a filter as an argument",
        "define the recursion inside of it: `def f(f): def again: …; again;`",
    );
    check(&format!("[{}]", "1,".repeat(10_000)), "a filter may have 16000 bytes, and this one has 20002", "");
}

#[test]
fn a_recursion_that_passes_filters_is_found_wherever_it_hides() {
    for filter in [
        "def f(g): [g | f(.)]; f(.)",
        "def f(g): def h: f(g); h; f(.)",
        "def f(g; $x): if $x > 9 then g else f(g + 1; $x + 1) end; f(0; 0)",
        "[.[] as {a: $x} | def f(g): {(f(g)): 1}; f(.)]",
        "reduce .[] as $x (0; def f(g): try f(g) catch 1; f(.))",
        "def f(g): \"\\(f(g))\"; f(.)",
        "def f(g): .[f(g)]; f(.)",
        "def f(g): .[1:f(g)]; f(.)",
        "def f(g): -f(g); f(.)",
        "def f(g): label $out | f(g); f(.)",
        "def f(g): . as {(f(g)): $y} | 1; f(.)",
    ] {
        let found = wrong(json!({ "operation": "jq", "operationConfig": { "filter": filter } }));
        assert_eq!(
            found[0].1, "the filter is wrong: `f` calls itself with a filter as an argument",
            "{filter}"
        );
    }
    gives("def f(g): def f: g; f; f(.)", json!(1), json!(1));
    gives("def f($x): if $x > 3 then $x else f($x + 1) end; f(0)", json!(1), json!(4));
    gives("def f(g): g; def h(g): f(g) + f(g); h(.)", json!(1), json!(2));
}

#[test]
fn a_filter_stands_in_a_pipeline_like_any_operation() {
    let config = json!({ "pipeline": [
        { "operation": "jq", "config": { "filter": "map(. * 2)" } },
        { "operation": "filter", "config": { "condition": "item > 2" } },
        { "operation": "jq", "config": { "filter": "add" } },
    ] });
    let output = ask(json!({ "data": [1, 2, 3] }), config).unwrap();
    assert_eq!(output["result"], 10);
    assert_eq!(output["operationsPerformed"], json!(["jq", "filter", "jq"]));
}

#[test]
fn items_are_ordered_by_what_a_filter_says() {
    let rows =
        json!([{"a": 1, "b": 2, "c": 1}, {"a": 0, "c": 2}, {"a": 1, "b": 1, "c": 3}, {"a": 0, "c": 4}]);
    gives("sort_by(.a, .b) | map(.c)", rows.clone(), json!([2, 4, 3, 1]));
    gives("group_by(.a) | map(map(.c))", rows.clone(), json!([[2, 4], [1, 3]]));
    gives("[min_by(.a), max_by(.a) | .c]", rows.clone(), json!([2, 3]));
    gives("[unique_by(.a)[].c]", rows, json!([2, 1]));
    gives("[[] | min, max]", json!(null), json!([null, null]));
    let (_, message) = failure("jq", json!({ "filter": "sort_by(.a)" }), json!({"a": 1}));
    assert_eq!(message, "the filter failed: cannot use {\"a\":1} as array");
}

#[test]
fn the_time_of_a_filter_is_that_of_no_place() {
    gives("localtime == gmtime", json!(1_709_251_200), json!(true));
    gives("strflocaltime(\"%H %Z\")", json!(1_709_251_200), json!("00 UTC"));
}
