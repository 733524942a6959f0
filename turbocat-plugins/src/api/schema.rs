//! What the agent says of its configuration and its output, as JSON Schema. The same names as in
//! `settings.rs`; a test holds them together.

use serde_json::{Value, json};

use super::auth::KINDS;
use super::method::METHODS;
use super::settings::ResponseType;

/// The JSON Schema of the configuration.
pub fn config_schema() -> Value {
    let duration = |text: &str, default: Option<u64>| {
        let mut schema = json!({ "type": ["number", "string"], "minimum": 0, "description": text });
        if let Some(default) = default {
            schema["default"] = default.into();
        }
        schema
    };
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["url"],
        "properties": {
            "url": {
                "type": "string",
                "description": "where to; what templates inside it give is percent-encoded, unless they begin it",
            },
            "method": {
                "type": "string",
                "default": "GET",
                "examples": METHODS,
                "description": "what to do there, in any case",
            },
            "headers": {
                "type": "object",
                "additionalProperties": { "type": ["string", "number", "boolean", "null"] },
                "description": "headers; null is none",
            },
            "queryParams": {
                "type": "object",
                "description": "added to the query of `url`; a list is its name many times, null is nothing",
            },
            "body": {
                "description": "a text is sent as it is, anything else as JSON, or as a form if `contentType` says so; not sent with GET and HEAD",
            },
            "contentType": {
                "type": "string",
                "default": super::body::JSON,
                "description": "what `body` is: with `application/x-www-form-urlencoded` and `multipart/form-data` its fields",
            },
            "auth": auth_schema(),
            "requestTimeoutMs": duration("how long one try may take, the body of the answer included", Some(30_000)),
            "retryCount": {
                "type": "integer", "minimum": 0, "maximum": 100, "default": 0,
                "description": "how often to try again after a timeout, a broken connection or a status of `retryOnStatusCodes`",
            },
            "retryDelayMs": duration("the pause before the second try; each further one is twice as long, less up to half of it by chance", Some(1000)),
            "maxRetryDelayMs": duration("the longest pause; a `Retry-After` beyond it ends the tries", Some(60_000)),
            "retryOnStatusCodes": statuses("which statuses are tried again", json!([429, 500, 502, 503, 504])),
            "failOnStatus": {
                "anyOf": [{ "type": "boolean" }, status_schema(), { "type": "array", "items": status_schema() }],
                "default": false,
                "description": "which statuses are failures, of kind `http.404` and the like: true for 400 and above",
            },
            "followRedirects": {
                "type": "boolean", "default": true,
                "description": "whether redirects are followed",
            },
            "maxRedirects": {
                "type": "integer", "minimum": 0, "maximum": 50, "default": 10,
                "description": "how many redirects are followed",
            },
            "maxResponseBytes": {
                "type": "integer", "minimum": 1, "maximum": 1 << 30, "default": 10 << 20,
                "description": "how large the answer may be once unpacked",
            },
            "responseType": {
                "type": "string", "default": "json", "examples": ResponseType::NAMES,
                "description": "`data` as JSON (text if it is none), as text, or as base64",
            },
            "timeout": duration("`requestTimeoutMs` in seconds", None),
            "retries": {
                "type": "integer", "minimum": 0, "maximum": 100,
                "description": "another name of `retryCount`",
            },
            "retryDelay": duration("another name of `retryDelayMs`", None),
        },
    })
}

fn auth_schema() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["type"],
        "description": "who the request says it is",
        "properties": {
            "type": { "type": "string", "examples": KINDS, "description": "none, bearer, basic or api_key" },
            "token": text("of `bearer`"),
            "username": text("of `basic`"),
            "password": text("of `basic`"),
            "apiKey": text("of `api_key`"),
            "apiKeyHeader": {
                "type": "string", "default": "X-API-Key",
                "description": "of `api_key`: the header that holds it",
            },
            "apiKeyParam": text("of `api_key`: the name in the query that holds it, in place of a header"),
            "credentials": text("of each kind: the token, `username:password` or the key"),
        },
    })
}

fn status_schema() -> Value {
    json!({ "type": ["integer", "string"], "examples": [404, "4xx"] })
}

fn statuses(description: &str, default: Value) -> Value {
    let mut schema = json!({
        "anyOf": [status_schema(), { "type": "array", "items": status_schema() }],
        "description": description,
    });
    schema["default"] = default;
    schema
}

/// The JSON Schema of the output.
pub fn output_schema() -> Value {
    json!({
        "type": "object",
        "required": ["statusCode", "statusText", "headers", "data", "requestUrl", "responseTimeMs", "retryCount"],
        "properties": {
            "statusCode": { "type": "integer", "description": "the status, such as 200" },
            "statusText": { "type": "string", "description": "its words, such as `OK`" },
            "headers": {
                "type": "object",
                "additionalProperties": { "type": "string" },
                "description": "the headers of the answer, names in lower case",
            },
            "data": { "description": "the body, as `responseType` says; null if there is none" },
            "requestUrl": { "type": "string", "description": "where the request went, without the key of `auth`" },
            "responseTimeMs": { "type": "integer", "description": "how long the last try took" },
            "retryCount": { "type": "integer", "description": "how many tries there were after the first" },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::{auth, settings};
    use super::*;

    #[test]
    fn the_schema_lists_what_is_read() {
        let names = |schema: &Value| -> Vec<String> {
            schema["properties"].as_object().unwrap().keys().cloned().collect()
        };
        let schema = config_schema();
        assert_eq!(names(&schema), settings::SETTINGS);
        let mut given = names(&schema["properties"]["auth"]);
        let mut read = auth::SETTINGS.map(str::to_owned).to_vec();
        given.sort();
        read.sort();
        assert_eq!(given, read);
    }

    #[test]
    fn the_schemas_are_schemas() {
        for schema in [config_schema(), output_schema()] {
            assert!(jsonschema::validator_for(&schema).is_ok());
        }
    }
}
