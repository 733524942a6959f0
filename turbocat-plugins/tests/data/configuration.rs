//! What is said of configurations before any data are there.

use jsonschema::Validator;
use serde_json::{Value, json};
use turbocat_core::AgentExecutor;
use turbocat_plugins::data::DataAgent;

use crate::ask::{failure_of, wrong};

fn check(config: Value, at: &str, message: &str, help: &str) {
    let shown = config.to_string();
    assert_eq!(wrong(config), [(at.to_owned(), message.to_owned(), help.to_owned())], "{shown}");
}

fn operation(operation: &str, config: Value) -> Value {
    json!({ "operation": operation, "operationConfig": config })
}

#[test]
fn an_operation_that_does_not_exist_is_refused_with_a_suggestion() {
    check(json!({"operation": "filtr"}), "/operation", "unknown operation `filtr`", "did you mean `filter`?");
    let pipeline = json!({ "pipeline": [{ "operation": "map" }, { "operation": "srot" }] });
    check(pipeline, "/pipeline/1/operation", "unknown operation `srot`", "did you mean `sort`?");
    let (kind, message) = failure_of(json!({}), json!({ "operation": "filtr" }));
    assert_eq!(
        (kind.as_str(), message.as_str()),
        ("input", "Unknown operation: filtr; help: did you mean `filter`?")
    );
    let (_, message) = failure_of(json!({}), json!({ "pipeline": [{ "operation": "x/y" }] }));
    assert!(message.starts_with("Unknown operation: x/y"), "{message}");
}

#[test]
fn a_setting_that_does_not_exist_is_refused_with_a_suggestion() {
    check(
        operation("filter", json!({"conditons": []})),
        "/operationConfig/conditons",
        "`filter` has no setting `conditons`",
        "did you mean `conditions`?",
    );
    check(
        operation("filter", json!({"conditions": [{"feild": "a", "field": "a", "operator": "exists"}]})),
        "/operationConfig/conditions/0/feild",
        "a condition has no setting `feild`",
        "did you mean `field`?",
    );
    check(
        json!({ "pipeline": [{ "operation": "sort", "config": { "a/b~c": 1 } }] }),
        "/pipeline/0/config/a~1b~0c",
        "`sort` has no setting `a/b~c`",
        "there are `by`, `direction`, `field`, `ignoreCase`",
    );
    check(
        json!({ "pipeline": [{ "operation": "sort", "confg": {} }] }),
        "/pipeline/0/confg",
        "a step of `pipeline` has no setting `confg`",
        "did you mean `config`?",
    );
}

#[test]
fn settings_at_the_top_are_the_schemas_to_refuse_and_the_agents_when_it_is_too_late() {
    assert_eq!(wrong(json!({ "operatoin": "filter" })), []);
    let schema = DataAgent::new().describe().config.unwrap();
    assert!(!jsonschema::is_valid(&schema, &json!({ "operatoin": "filter" })));
    let (_, message) = failure_of(json!({}), json!({ "operatoin": "filter" }));
    assert_eq!(message, "`data` has no setting `operatoin`; help: did you mean `operation`?");
    let (_, message) = failure_of(json!({}), json!("filter"));
    assert_eq!(message, "`data` must be an object, and is a string");
}

#[test]
fn settings_of_the_wrong_kind_are_refused() {
    let at = "/operationConfig";
    check(operation("map", json!([])), at, "`map` must be an object, and is an array", "");
    check(
        operation("map", json!({"expression": 5})),
        &format!("{at}/expression"),
        "`expression` must be a text, and is a number",
        "",
    );
    check(
        operation("map", json!({"expression": ""})),
        &format!("{at}/expression"),
        "`expression`: a path must not be empty",
        "",
    );
    check(
        operation("map", json!({"fields": ["a"]})),
        &format!("{at}/fields"),
        "`fields` must be an object, and is an array",
        "",
    );
    check(
        operation("map", json!({"fields": {"a": 1}})),
        &format!("{at}/fields/a"),
        "`fields` must be a text, and is a number",
        "",
    );
    check(
        operation("filter", json!({"conditions": {}})),
        &format!("{at}/conditions"),
        "`conditions` must be a list, and is an object",
        "",
    );
    check(
        operation("filter", json!({"conditions": ["x"]})),
        &format!("{at}/conditions/0"),
        "a condition must be an object, and is a string",
        "",
    );
    check(
        operation("flatten", json!({"depth": -1})),
        &format!("{at}/depth"),
        "`depth` must be a whole number from 0 on, and is a number",
        "",
    );
    check(
        operation("sort", json!({"by": "name"})),
        &format!("{at}/by"),
        "`by` must be a list, and is a string",
        "",
    );
    check(
        operation("sort", json!({"field": "a", "ignoreCase": "yes"})),
        &format!("{at}/ignoreCase"),
        "`ignoreCase` must be true or false, and is a string",
        "",
    );
    check(
        operation("pick", json!({"fields": "a"})),
        &format!("{at}/fields"),
        "`fields` must be a list, and is a string",
        "",
    );
    check(
        operation("omit", json!({"fields": [1]})),
        &format!("{at}/fields/0"),
        "`fields` must be a text, and is a number",
        "",
    );
    check(
        operation("merge", json!({"source": {}, "strategy": "dep"})),
        &format!("{at}/strategy"),
        "unknown strategy `dep`",
        "did you mean `deep`?",
    );
    check(
        operation("group", json!({"field": "a..b"})),
        &format!("{at}/field"),
        "`field`: the path `a..b` has a dot too many",
        "",
    );
    check(json!({"pipeline": {}}), "/pipeline", "`pipeline` must be a list, and is an object", "");
    check(
        json!({"pipeline": [1]}),
        "/pipeline/0",
        "a step of `pipeline` must be an object, and is a number",
        "",
    );
    check(
        json!({"pipeline": [{}]}),
        "/pipeline/0",
        "a step of `pipeline` needs the setting `operation`",
        "add `operation`",
    );
    check(
        json!({"maxItems": 0}),
        "/maxItems",
        "`maxItems` must be a whole number from 1 on, and is a number",
        "",
    );
    check(json!({"inputField": 1}), "/inputField", "`inputField` must be a text, and is a number", "");
    check(json!({"outputField": 1}), "/outputField", "`outputField` must be a text, and is a number", "");
    check(
        json!({"validateOutput": "yes"}),
        "/validateOutput",
        "`validateOutput` must be true or false, and is a string",
        "",
    );
    check(
        json!({"outputSchema": []}),
        "/outputSchema",
        "`outputSchema` must be an object, and is an array",
        "",
    );
    let found = wrong(json!({"outputSchema": {"type": "lst"}}));
    assert_eq!(found[0].0, "/outputSchema");
    assert!(found[0].1.starts_with("`outputSchema` is no JSON Schema: "), "{}", found[0].1);
}

#[test]
fn all_mistakes_are_found_at_once() {
    let config = operation(
        "filter",
        json!({ "logic": "xor", "conditions": [
        { "field": "a.", "operator": "gtt", "value": 1 },
        { "operator": "regex", "value": "(" },
        { "field": "a", "operator": "eq" },
    ] }),
    );
    let places: Vec<(String, String)> =
        wrong(config).into_iter().map(|(at, message, _)| (at, message)).collect();
    let at = "/operationConfig/conditions";
    let expected = [
        ("/operationConfig/logic".to_owned(), "unknown logic `xor`"),
        (format!("{at}/0/field"), "`field`: the path `a.` has a dot too many"),
        (format!("{at}/0/operator"), "unknown operator `gtt`"),
        (format!("{at}/1"), "a condition needs the setting `field`"),
        (format!("{at}/1/value"), "the pattern `(` is wrong: unclosed group"),
        (format!("{at}/2"), "a condition needs the setting `value`"),
    ];
    assert_eq!(places, expected.map(|(at, message)| (at, message.to_owned())));
}

#[test]
fn nothing_is_said_of_what_a_template_will_be() {
    let templates = [
        json!({ "operation": "{{ inputs.operation }}", "operationConfig": { "anything": 1 } }),
        json!({ "operation": "filter", "operationConfig": "{{ inputs.config }}" }),
        json!({ "pipeline": "{{ inputs.steps }}" }),
        json!({ "pipeline": ["{{ inputs.step }}"] }),
        json!({ "outputFormat": "{{ inputs.format }}", "maxItems": "{{ inputs.most }}" }),
        json!({ "validateOutput": "{{ x }}", "outputSchema": "{{ y }}" }),
        json!({ "inputField": "{{ x }}", "outputField": "{{ x }}", "keepOriginal": "{{ x }}" }),
        operation("filter", json!({"conditions": "{{ x }}", "logic": "{{ x }}"})),
        operation("filter", json!({"conditions": ["{{ x }}"]})),
        operation(
            "filter",
            json!({"conditions": [{"field": "{{ x }}", "operator": "{{ x }}", "value": "{{ x }}"}]}),
        ),
        operation(
            "filter",
            json!({"conditions": [{"field": "a", "operator": "regex", "value": "{{ x }}("}]}),
        ),
        operation("filter", json!({"condition": "item.x > {{ x }} ("})),
        operation("map", json!({"expression": "{{ x }}", "fields": {"a": "{{ x }}"}})),
        operation("map", json!({"fields": "{{ x }}"})),
        operation("reduce", json!({"operation": "{{ x }}", "field": "{{ x }}", "initialValue": "{{ x }}"})),
        operation("sort", json!({"field": "{{ x }}", "direction": "{{ x }}", "ignoreCase": "{{ x }}"})),
        operation("sort", json!({"by": "{{ x }}"})),
        operation("sort", json!({"by": ["{{ x }}"]})),
        operation("group", json!({"field": "{{ x }}"})),
        operation("flatten", json!({"depth": "{{ x }}"})),
        operation("unique", json!({"field": "{{ x }}"})),
        operation("pick", json!({"fields": "{{ x }}"})),
        operation("pick", json!({"fields": ["{{ x }}"]})),
        operation("omit", json!({"fields": ["{{ x }}"]})),
        operation("merge", json!({"source": "{{ x }}", "strategy": "{{ x }}"})),
        operation(
            "join",
            json!({"with": "{{ x }}", "on": "{{ x }}", "rightOn": "{{ x }}", "type": "{{ x }}"}),
        ),
        operation("aggregate", json!({"aggregations": "{{ x }}", "groupBy": "{{ x }}"})),
        operation(
            "aggregate",
            json!({"aggregations": [{"field": "{{ x }}", "operation": "{{ x }}", "alias": "{{ x }}"}]}),
        ),
        operation("transform", json!({"expression": "{{ x }}"})),
        operation(
            "jq",
            json!({"filter": "{{ x }} (", "args": "{{ x }}", "timeoutMs": "{{ x }}", "outputs": "{{ x }}"}),
        ),
    ];
    for config in templates {
        assert_eq!(wrong(config.clone()), [], "{config}");
    }
}

#[test]
fn what_is_not_there_is_not_missed() {
    for config in [
        json!({}),
        json!({"operation": null, "pipeline": null}),
        operation("map", json!(null)),
        operation("map", json!({"expression": null})),
    ] {
        assert_eq!(wrong(config.clone()), [], "{config}");
    }
}

/// What the schema of an operation allows, the agent takes, and the other way around.
#[test]
fn the_schemas_of_operations_say_what_the_agent_takes() {
    let schema = DataAgent::new().describe().config.unwrap();
    let good = [
        ("filter", json!({"conditions": [{"field": "a", "operator": "eq", "value": 1}], "logic": "or"})),
        ("filter", json!({"condition": "item.a > 1"})),
        ("map", json!({"expression": "a", "fields": {"b": "c"}})),
        ("reduce", json!({"operation": "sum", "field": "a", "initialValue": 5})),
        ("sort", json!({"field": "a", "direction": "desc", "ignoreCase": true})),
        ("sort", json!({"by": {"field": "a"}})),
        ("sort", json!({"by": [{"field": "a", "direction": "asc"}]})),
        ("group", json!({"field": "a"})),
        ("flatten", json!({"depth": 3})),
        ("unique", json!({"field": "a"})),
        ("pick", json!({"fields": ["a", "b.c"]})),
        ("omit", json!({"fields": ["a"]})),
        ("merge", json!({"source": {"a": 1}, "strategy": "deep"})),
        ("join", json!({"with": [], "on": "a", "rightOn": "b", "type": "full"})),
        (
            "aggregate",
            json!({"aggregations": [{"field": "a", "operation": "avg", "alias": "x"}], "groupBy": "k"}),
        ),
        ("transform", json!({"expression": "a"})),
        ("jq", json!({"filter": "$x", "args": {"x": 1}, "outputs": "all", "timeoutMs": 5, "maxMemoryMb": 5})),
    ];
    let validator = |name: &str| -> Validator { jsonschema::validator_for(&schema["$defs"][name]).unwrap() };
    for (name, config) in &good {
        assert!(validator(name).is_valid(config), "{name} {config}");
        assert_eq!(wrong(operation(name, config.clone())), [], "{name} {config}");
        assert!(jsonschema::is_valid(&schema, &operation(name, config.clone())));
    }
    let names: Vec<&String> = schema["$defs"].as_object().unwrap().keys().collect();
    assert_eq!(names.len(), 14);
    assert_eq!(json!(names), schema["properties"]["operation"]["examples"]);
    for name in names {
        assert!(good.iter().any(|(good, _)| good == name), "{name}");
        // One setting too many, and each known one of a kind that none of them has.
        let mut bad = vec![json!({"unknown": 1})];
        for setting in schema["$defs"][name]["properties"].as_object().unwrap().keys() {
            if !matches!(setting.as_str(), "initialValue" | "source") {
                bad.push(json!({ setting: 1.5 }));
            }
        }
        for bad in bad {
            assert!(!validator(name).is_valid(&bad), "{name} {bad}");
            assert_ne!(wrong(operation(name, bad.clone())), [], "{name} {bad}");
        }
    }
}
