//! Configurations and what is said of them.

use serde_json::json;

use super::*;

fn said(value: &Value) -> Vec<String> {
    let show = |fault: BadConfig| {
        let help = fault.help.map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{}: {}{help}", fault.at, fault.message)
    };
    read(value, true).1.into_iter().map(show).collect()
}

fn good(value: &Value) -> Config {
    Config::read(value).unwrap_or_else(|faults| panic!("{faults:?}"))
}

#[test]
fn mistakes_are_found_at_their_places() {
    let check = |value: Value, expected: &[&str]| assert_eq!(said(&value), expected, "{value}");
    check(
        json!({}),
        &[
            ": `model` is missing (say `model: gpt-4o-mini`, or `models: [openai/gpt-4o-mini, anthropic/claude-haiku]`)",
        ],
    );
    check(json!(7), &[": the configuration must be an object, not a number"]);
    check(
        json!({ "model": "x", "temprature": 1 }),
        &["/temprature: unknown setting `temprature` (did you mean `temperature`?)"],
    );
    check(
        json!({ "model": "x", "provider": "opanai" }),
        &[
            "/provider: unknown provider `opanai`: it may be `openai`, `anthropic`, `google`, `ollama`, `mock` (did you mean `openai`?)",
        ],
    );
    check(
        json!({ "model": "x", "provider": "groq" }),
        &[
            "/provider: unknown provider `groq`: it may be `openai`, `anthropic`, `google`, `ollama`, `mock` (say `provider: openai` and its `baseUrl` for others that speak OpenAI's language)",
        ],
    );
    check(
        json!({ "model": "x", "temperature": 2.5 }),
        &["/temperature: `temperature` must be a number from 0 to 2, not 2.5"],
    );
    check(
        json!({ "model": "x", "provider": "anthropic", "temperature": 1.5 }),
        &["/temperature: `temperature` must be a number from 0 to 1 for `anthropic`, not 1.5"],
    );
    check(
        json!({ "model": "x", "provider": "anthropic", "presencePenalty": 1 }),
        &["/presencePenalty: `anthropic` has no `presencePenalty` (leave it out)"],
    );
    check(
        json!({ "model": "x", "maxTokens": 0 }),
        &["/maxTokens: `maxTokens` must be a whole number of at least 1, not 0"],
    );
    check(
        json!({ "model": "x", "maxTokens": "many" }),
        &["/maxTokens: `maxTokens` must be a whole number of at least 1, not a text"],
    );
    check(
        json!({ "model": "x", "maxTokens": 1, "max_tokens": 1 }),
        &["/max_tokens: `max_tokens` says the same as `maxTokens` (leave one of them out)"],
    );
    check(
        json!({ "model": "x", "promptTemplate": { "a": 1 } }),
        &[
            "/promptTemplate: `promptTemplate` must be a text, not an object (write `{{ … | tojson }}` where a model is to read a value)",
        ],
    );
    check(
        json!({ "model": "x", "baseUrl": "llm.example" }),
        &["/baseUrl: `baseUrl` must be an address such as `https://llm.example/v1`"],
    );
    check(
        json!({ "model": "x", "headers": { "a b": "c", "d": "e\nf" } }),
        &[
            "/headers/a b: `a b` is no name of a header",
            "/headers/d: the value of `d` cannot stand in a header",
        ],
    );
    check(
        json!({ "model": "x", "timeout": "soon" }),
        &["/timeout: `timeout`: `soon` is not a duration such as `500ms`, `30s`, `10m`, `24h` or `1h30m`"],
    );
    check(
        json!({ "model": "x", "timeout": 30 }),
        &["/timeout: `timeout`: 30 is not a duration such as `30s`"],
    );
    check(
        json!({ "model": "x", "budget": {} }),
        &["/budget: `budget` limits nothing (say `tokens` or `costUsd`)"],
    );
    check(
        json!({ "model": "x", "price": { "input": 1 } }),
        &["/price: `price` needs `input` and `output`, in US dollars per million tokens"],
    );
}

#[test]
fn mistakes_in_lists_are_found_at_their_places() {
    let check = |value: Value, expected: &[&str]| assert_eq!(said(&value), expected, "{value}");
    check(json!({ "models": [] }), &["/models: `models` is empty"]);
    check(
        json!({ "models": ["gpt-4o"] }),
        &[
            "/models/0: `gpt-4o` does not say whose model it is (write `openai/gpt-4o`, or another of `openai`, `anthropic`, `google`, `ollama`, `mock`)",
        ],
    );
    check(
        json!({ "models": ["openai/gpt-4o", { "model": "x", "modle": "y" }] }),
        &["/models/1/modle: unknown setting `modle` (did you mean `model`?)"],
    );
    check(
        json!({ "models": ["openai/a"], "apiKey": "k" }),
        &["/apiKey: `apiKey` and `models` exclude each other (say it in the entries of `models`)"],
    );
    check(
        json!({ "model": "x", "messages": [{ "role": "usr", "content": "a" }] }),
        &["/messages/0/role: unknown role `usr` (did you mean `user`?)"],
    );
    check(
        json!({ "model": "x", "messages": [{ "role": "user" }] }),
        &["/messages/0: a message needs `content`"],
    );
    check(
        json!({ "model": "x", "messages": [{ "role": "user", "content": [] }] }),
        &["/messages/0/content: `content` must be a text: images and other parts are not taken"],
    );
    check(
        json!({ "model": "x", "tools": [{}] }),
        &["/tools/0: a tool needs a `name`, or the `agent` or `workflow` that answers it"],
    );
    check(
        json!({ "model": "x", "tools": [{ "name": "a b" }] }),
        &[
            "/tools/0/name: `a b` cannot be the name of a tool (letters, digits, `_` and `-`, at most 64 of them: `a_b`)",
        ],
    );
    check(
        json!({ "model": "x", "tools": [{ "agent": "a" }, { "agent": "a" }] }),
        &["/tools/1: a second tool `a` (give it a `name` of its own)"],
    );
    check(
        json!({ "model": "x", "tools": [{ "agent": "a", "workflow": "b" }] }),
        &["/tools/0: `agent` and `workflow` exclude each other"],
    );
    check(
        json!({ "model": "x", "tools": [{ "name": "a", "inputs": {} }] }),
        &["/tools/0/inputs: `inputs` are for tools that an `agent` or a `workflow` answers"],
    );
    check(
        json!({ "model": "x", "tools": [{ "name": "answer_in_json" }] }),
        &["/tools/0: a tool cannot be called `answer_in_json`: it is how some models answer"],
    );
    check(
        json!({ "model": "x", "tools": [{ "name": "a", "parameters": { "type": "string" } }] }),
        &["/tools/0/parameters: the parameters of a tool must be an object (say `type: object`)"],
    );
    check(
        json!({ "model": "x", "responseFormat": "jsn_object" }),
        &["/responseFormat: unknown form `jsn_object` of an answer (did you mean `json_object`?)"],
    );
    check(
        json!({ "model": "x", "responseFormat": { "type": "json_schema" } }),
        &["/responseFormat: `json_schema` needs a `schema` (or say `type: json_object` for any JSON object)"],
    );
    check(
        json!({ "model": "x", "responseFormat": "text", "outputSchema": {} }),
        &[
            "/outputSchema: `outputSchema` and `responseFormat` exclude each other (leave `responseFormat` out)",
        ],
    );
    let found = said(&json!({ "model": "x", "outputSchema": { "properties": { "a": { "type": "txt" } } } }));
    assert!(
        found.len() == 1 && found[0].starts_with("/outputSchema/properties/a/type: is no JSON Schema"),
        "{found:?}"
    );
}

#[test]
fn what_comes_later_is_not_complained_of() {
    let later = "{{ inputs.x }}";
    let check = |value: Value| assert_eq!(said(&value), Vec::<String>::new(), "{value}");
    for name in [
        "model",
        "provider",
        "baseUrl",
        "apiKey",
        "temperature",
        "maxTokens",
        "topP",
        "stopSequences",
        "timeout",
        "timeoutMs",
        "stream",
        "messages",
        "tools",
        "outputSchema",
        "responseFormat",
        "budget",
        "maxReasks",
        "headers",
        "price",
        "extra",
        "mock",
    ] {
        let mut value = json!({ "model": "x" });
        value[name] = later.into();
        check(value);
    }
    check(json!({ "models": later }));
    check(json!({ "models": [later, { "provider": later, "model": later }] }));
    check(json!({ "model": "x", "messages": [{ "role": later, "content": later }] }));
    check(json!({ "model": "x", "tools": [{ "agent": later }, { "name": later, "workflow": "w" }] }));
    check(json!({ "model": "x", "budget": { "tokens": later } }));
    check(json!({ "model": "x", "outputSchema": { "type": later } }));
    check(
        json!({ "model": "x", "mock": { "replies": [later, { "content": later, "error": { "status": later } }] } }),
    );
}

#[test]
fn a_model_is_said_in_many_ways() {
    let check = |value: Value, expected: &[&str]| {
        let names: Vec<String> = good(&value).models.iter().map(Choice::name).collect();
        assert_eq!(names, expected, "{value}");
    };
    check(json!({ "model": "gpt-4o" }), &["openai/gpt-4o"]);
    check(json!({ "model": "anthropic/claude-opus-4-5" }), &["anthropic/claude-opus-4-5"]);
    check(json!({ "model": "meta/llama" }), &["openai/meta/llama"]);
    // another server's model, whatever its name looks like
    check(
        json!({ "model": "anthropic/claude", "baseUrl": "https://openrouter.ai/api/v1" }),
        &["openai/anthropic/claude"],
    );
    check(json!({ "provider": "openai", "model": "google/gemma" }), &["openai/google/gemma"]);
    check(json!({ "provider": "mock" }), &["mock/mock"]);
    check(
        json!({ "models": ["openai/gpt-4o-mini", "anthropic/claude-haiku", { "provider": "ollama", "model": "llama3.2" }] }),
        &["openai/gpt-4o-mini", "anthropic/claude-haiku-4-5", "ollama/llama3.2"],
    );
}

#[test]
fn every_alias_is_read() {
    let config = good(&json!({
        "model": "x", "system_prompt": "s", "prompt": "p", "max_tokens": 5, "stop": "a", "timeoutMs": 1500,
    }));
    assert_eq!((config.system.as_deref(), config.prompt.as_deref()), (Some("s"), Some("p")));
    assert_eq!((config.settings.max_tokens, config.settings.stop), (5, vec!["a".to_owned()]));
    assert_eq!(config.timeout, Duration::from_millis(1500));
    let schema = json!({ "type": "object" });
    let by_schema =
        |name: &str| Format::Schema { name: name.to_owned(), schema: schema.clone(), native: true };
    let nested = json!({ "model": "x", "responseFormat": { "type": "json_schema", "json_schema": { "name": "n", "schema": schema, "strict": true } } });
    assert_eq!(good(&nested).format, by_schema("n"));
    assert_eq!(good(&json!({ "model": "x", "outputSchema": schema })).format, by_schema("answer"));
    assert_eq!(
        good(&json!({ "model": "x", "responseFormat": { "type": "json_object" } })).format,
        Format::Json
    );
}

#[test]
fn a_key_is_never_shown() {
    let config = good(&json!({ "model": "x", "apiKey": "sk-secret" }));
    assert!(!format!("{config:?}").contains("sk-secret"));
}

#[test]
fn the_schema_knows_the_settings_that_are_read() {
    let schema = schema();
    let known = |schema: &Value| -> Vec<String> {
        let mut names: Vec<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    // What is read is what is not complained of.
    let read = |names: &[String], wrap: &dyn Fn(Value) -> Value| {
        for name in names {
            let value = json!({ name.as_str(): null, "nonsense": null });
            let faults = read(&wrap(value), true).1;
            let unknown: Vec<&str> = faults
                .iter()
                .filter(|fault| fault.message.starts_with("unknown setting"))
                .map(|fault| &*fault.message)
                .collect();
            assert_eq!(unknown, ["unknown setting `nonsense`"], "{name}");
        }
    };
    read(&known(&schema), &|value| value);
    read(&known(&schema["properties"]["models"]["items"]), &|value| json!({ "models": [value] }));
    read(&known(&schema["properties"]["tools"]["items"]), &|value| json!({ "model": "x", "tools": [value] }));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let full = json!({
        "models": ["openai/a", { "provider": "mock", "model": "m", "mock": { "replies": ["a"] }, "extra": {} }],
        "systemPrompt": "a", "prompt": "b", "messages": [{ "role": "user", "content": "c" }], "temperature": 0.5,
        "maxTokens": 10, "topP": 0.5, "frequencyPenalty": 0.1, "presencePenalty": 0.1, "stop": ["x"],
        "outputSchema": { "type": "object" }, "maxReasks": 1, "tools": [{ "agent": "a", "config": {}, "inputs": {} }],
        "maxToolRounds": 3, "stream": false, "timeout": "5s", "budget": { "tokens": 5, "costUsd": 0.1 },
    });
    good(&full);
    assert!(
        validator.is_valid(&full),
        "{:?}",
        validator.iter_errors(&full).map(|error| error.to_string()).collect::<Vec<_>>()
    );
    assert!(!validator.is_valid(&json!({ "nonsense": 1 })));
}

#[test]
fn what_the_schema_says_is_not_said_twice() {
    let check = |value: Value, expected: &[&str]| {
        let places: Vec<String> = Config::check(&value).into_iter().map(|fault| fault.at).collect();
        assert_eq!(places, expected, "{value}");
    };
    check(json!({ "model": "x", "temprature": 1, "maxTokens": "many" }), &[]);
    check(json!({ "model": "x", "models": ["gpt-4o"] }), &["/model", "/models/0"]);
    check(json!({ "model": "x", "budget": { "token": 1 } }), &["/budget/token"]);
}
