//! The JSON Schema of the configuration: what editors complete and forms show. What is inside of
//! lists and objects is told there but not insisted on: `Reader` says in better words, and at a
//! better place, what is wrong with it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;

use serde_json::{Value, json};

/// The JSON Schema of the configuration.
pub(crate) fn schema() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let price = json!({
        "type": "object",
        "description": "US dollars per million tokens.",
        "properties": {
            "input": { "type": "number", "minimum": 0 },
            "output": { "type": "number", "minimum": 0 },
            "cached": { "type": "number", "minimum": 0 },
            "written": { "type": "number", "minimum": 0 },
        },
    });
    let mock = json!({
        "type": "object",
        "description": "What the mock answers, call by call; the last answer is given again. Without it: what it is told.",
        "properties": { "replies": { "type": "array" } },
    });
    let model = json!({
        "provider": { "enum": ["openai", "anthropic", "google", "ollama", "mock"], "default": "openai" },
        "model": text("The model's name, as the provider writes it."),
        "baseUrl": text("Where the provider is, if not at its own address."),
        "apiKey": text("The key: normally a secret. Otherwise the provider's variable of the environment is used."),
        "headers": { "type": "object", "additionalProperties": { "type": "string" } },
        "price": price,
        "extra": { "type": "object", "description": "More fields of the request, as the provider writes them." },
    });
    let mut entry = json!({ "type": "object", "properties": model });
    entry["properties"]["mock"] = mock.clone();
    let tool = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" },
            "description": text("What it is good for; the agent's own description, if not said."),
            "parameters": { "type": "object", "description": "JSON Schema of the arguments; what the agent or workflow takes, if not said." },
            "agent": text("The agent that answers."),
            "config": { "type": "object", "description": "The agent's configuration." },
            "workflow": text("The workflow that answers."),
            "inputs": { "type": "object", "description": "Inputs the model has no say in." },
        },
    });
    let message = json!({
        "type": "object",
        "properties": { "role": { "enum": ["system", "user", "assistant"] }, "content": { "type": "string" } },
    });
    let mut properties = model;
    let more = json!({
        "models": {
            "type": "array", "minItems": 1,
            "items": { "type": ["string", "object"], "properties": entry["properties"] },
            "description": "Models to ask, in order: the next one if one is overloaded or cannot be reached.",
        },
        "systemPrompt": text("What stands above the conversation."),
        "system_prompt": text("As `systemPrompt`."),
        "system": text("As `systemPrompt`."),
        "promptTemplate": text("What the model is asked; the inputs `prompt` or `message`, if not said."),
        "prompt": text("As `promptTemplate`."),
        "messages": { "type": "array", "items": message },
        "temperature": { "type": "number", "minimum": 0, "maximum": 2, "default": 0.7 },
        "maxTokens": { "type": "integer", "minimum": 1, "default": 1000 },
        "max_tokens": { "type": "integer", "minimum": 1, "description": "As `maxTokens`." },
        "topP": { "type": "number", "minimum": 0, "maximum": 1 },
        "frequencyPenalty": { "type": "number", "minimum": -2, "maximum": 2 },
        "presencePenalty": { "type": "number", "minimum": -2, "maximum": 2 },
        "stopSequences": { "type": ["array", "string"], "items": { "type": "string" } },
        "stop": { "type": ["array", "string"], "items": { "type": "string" }, "description": "As `stopSequences`." },
        "responseFormat": {
            "type": ["string", "object"],
            "description": "`text`, `json_object`, or an object with the `schema` it must fit.",
            "properties": {
                "type": { "enum": ["text", "json_object", "json_schema"] },
                "name": { "type": "string" },
                "schema": { "type": "object" },
                "native": { "type": "boolean", "default": true, "description": "Whether to ask the provider for it, or only the model." },
                "strict": { "type": "boolean" },
                "json_schema": { "type": "object" },
            },
            "default": "text",
        },
        "outputSchema": { "type": "object", "description": "JSON Schema the answer must fit." },
        "maxReasks": { "type": "integer", "minimum": 0, "maximum": 10, "default": 2 },
        "tools": { "type": "array", "items": tool },
        "maxToolRounds": { "type": "integer", "minimum": 1, "maximum": 100, "default": 8 },
        "stream": { "type": "boolean", "default": true },
        "timeout": { "type": "string", "default": "2m", "description": "How long a call may take." },
        "timeoutMs": { "type": "integer", "minimum": 1 },
        "budget": {
            "type": "object",
            "properties": {
                "tokens": { "type": "integer", "minimum": 1 },
                "costUsd": { "type": "number", "exclusiveMinimum": 0 },
            },
        },
        "mock": mock,
    });
    if let (Value::Object(properties), Value::Object(more)) = (&mut properties, more) {
        properties.extend(more);
    }
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// The places the schema complains of by itself: whoever checks a configuration against both must
/// not hear it twice.
pub(super) fn places(value: &Value) -> BTreeSet<String> {
    static VALIDATOR: LazyLock<Option<Validator>> =
        LazyLock::new(|| jsonschema::validator_for(&schema()).ok());
    let errors = VALIDATOR.as_ref().into_iter().flat_map(|validator| validator.iter_errors(value));
    let mut places = BTreeSet::new();
    for error in errors {
        let at = error.instance_path().as_str();
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let escape = |name: &String| name.replace('~', "~0").replace('/', "~1");
                places.extend(unexpected.iter().map(|name| format!("{at}/{}", escape(name))));
            }
            _ => drop(places.insert(at.to_owned())),
        }
    }
    places
}
