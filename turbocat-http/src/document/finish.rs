//! Adds to the document what every operation has and no handler says: an id of its own, an example of
//! its body, its errors, headers.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use utoipa::{PartialSchema, ToSchema};

use super::example;
use crate::error::ErrorEnvelope;

/// The errors, by status: what they mean.
const ERRORS: [(&str, &str); 7] = [
    ("400", "What was sent is not valid"),
    ("401", "Nobody is signed in, or the credential is not good"),
    ("403", "Not allowed"),
    ("404", "There is no such thing, or it is not yours"),
    ("409", "It does not go with what is there"),
    ("412", "It was changed since it was read"),
    ("429", "Too many requests"),
];

/// The document as JSON, with all that.
pub(super) fn finish(document: &OpenApi) -> Value {
    let mut document = json!(document);
    let mut schemas = Vec::new();
    ErrorEnvelope::schemas(&mut schemas);
    schemas.push((ErrorEnvelope::name().into_owned(), ErrorEnvelope::schema()));
    for (name, schema) in schemas {
        document["components"]["schemas"][name] = json!(schema);
    }
    document["components"]["headers"] = headers();
    document["components"]["responses"] = errors();
    document["components"]["parameters"] = parameters();
    let schemas = document["components"]["schemas"].clone();
    let paths = document["paths"].as_object_mut();
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if operation["responses"].is_object() {
                complete(path, method, operation, &schemas);
            }
        }
    }
    document
}

fn complete(path: &str, method: &str, operation: &mut Value, schemas: &Value) {
    let tag = operation["tags"][0].as_str().unwrap_or("other").to_owned();
    let name = operation["operationId"].as_str().unwrap_or(method).to_owned();
    operation["operationId"] = json!(camel(&format!("{tag}_{name}")));
    if operation["summary"].is_null() {
        operation["summary"] = operation["description"].take();
    }
    if let Some(content) = operation["requestBody"]["content"]["application/json"].as_object_mut()
        && !content.contains_key("example")
    {
        content.insert("example".to_owned(), example::of(&content["schema"], schemas));
    }
    let resources = path.starts_with("/api");
    let anybody = operation["security"] == json!([{}]) || operation["security"] == json!([]);
    let tagged = matches!(method, "patch" | "put");
    if resources {
        let mut more = Vec::new();
        if method == "post" {
            more.push("Idempotency-Key");
        }
        if tagged {
            more.push("If-Match");
        }
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let more = more.iter().map(|name| json!({ "$ref": format!("#/components/parameters/{name}") }));
        let all: Vec<Value> = parameters.into_iter().chain(more).collect();
        if !all.is_empty() {
            operation["parameters"] = json!(all);
        }
    }
    let asks = !operation["parameters"].is_null() || !operation["requestBody"].is_null();
    let has_id = path.contains('{');
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    if resources {
        for (status, _) in ERRORS {
            let can_be = match status {
                "400" => asks,
                "401" | "403" => !anybody,
                "404" => has_id,
                "409" => matches!(method, "post" | "put" | "patch"),
                "412" => tagged,
                _ => true,
            };
            if can_be && !responses.contains_key(status) {
                let name = format!("#/components/responses/Error{status}");
                responses.insert(status.to_owned(), json!({ "$ref": name }));
            }
        }
        let other = json!({ "$ref": "#/components/responses/Error" });
        responses.entry("default").or_insert(other);
    }
    for (_, response) in responses.iter_mut() {
        let Some(response) = response.as_object_mut().filter(|response| !response.contains_key("$ref"))
        else {
            continue;
        };
        let told = response.entry("headers").or_insert_with(|| json!({}));
        for name in if resources { &NAMES[..] } else { &NAMES[..1] } {
            told[*name] = json!({ "$ref": format!("#/components/headers/{name}") });
        }
    }
}

const NAMES: [&str; 4] = ["X-Request-ID", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"];

fn headers() -> Value {
    let whole = |text: &str| json!({ "description": text, "schema": { "type": "integer" } });
    json!({
        "X-Request-ID": {
            "description": "The id of the request: the one that was sent, or a new one",
            "schema": { "type": "string" },
        },
        "X-RateLimit-Limit": whole("How many requests may be sent in a minute"),
        "X-RateLimit-Remaining": whole("How many more"),
        "X-RateLimit-Reset": whole("When counting begins anew, in seconds since 1970"),
        "Retry-After": whole("In how many seconds to try again"),
    })
}

fn errors() -> Value {
    let error = |text: &str, more: Option<&str>| {
        let names = NAMES.iter().copied().chain(more);
        let headers: Map<String, Value> = names
            .map(|name| (name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") })))
            .collect();
        json!({
            "description": text,
            "headers": headers,
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
        })
    };
    let mut all = Map::new();
    for (status, text) in ERRORS {
        let more = (status == "429").then_some("Retry-After");
        all.insert(format!("Error{status}"), error(text, more));
    }
    all.insert("Error".to_owned(), error("Another error", None));
    Value::Object(all)
}

fn parameters() -> Value {
    json!({
        "Idempotency-Key": {
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "A request that is sent again under its key is not done again: what was answered is answered once more. A key is kept for a day.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
            "example": "order-1742",
        },
        "If-Match": {
            "name": "If-Match",
            "in": "header",
            "required": false,
            "description": "The `ETag` of what was read: it is changed only if it is still that.",
            "schema": { "type": "string" },
        },
    })
}

/// `api-keys_list_all` as `apiKeysListAll`.
fn camel(text: &str) -> String {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(1);
        name.push_str(&first.to_ascii_uppercase());
        name.push_str(rest);
    }
    name
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_operations_are_one_word() {
        assert_eq!(super::camel("api-keys_list_all"), "apiKeysListAll");
        assert_eq!(super::camel("agents_list"), "agentsList");
    }
}
