//! `OpenAI`'s chat completions, which many others speak too.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::stream::{Assemble, broken, unreadable};
use super::{Wire, complaint};
use crate::llm::answer::{Answer, Fault, FaultKind, Tokens};
use crate::llm::conversation::{Conversation, Format, Message, Settings, ToolCall, put};
use crate::llm::sse::Framing;

pub(super) struct OpenAi;

impl Wire for OpenAi {
    fn version(&self) -> &'static str {
        "v1"
    }

    fn path(&self, _: &str, _: bool) -> (String, Option<&'static str>) {
        ("chat/completions".to_owned(), None)
    }

    fn headers(&self, key: Option<&str>) -> Vec<(&'static str, String)> {
        key.map(|key| ("authorization", format!("Bearer {key}"))).into_iter().collect()
    }

    fn body(&self, model: &str, conversation: &Conversation, stream: bool) -> Value {
        let settings = &conversation.settings;
        let mut body = Map::new();
        body.insert("model".to_owned(), model.into());
        body.insert("messages".to_owned(), messages(conversation));
        if reasons(model) {
            // These take no temperature but their own, and count their thoughts among the tokens.
            put(&mut body, "temperature", settings.temperature);
            put(&mut body, "max_completion_tokens", Some(settings.max_tokens));
        } else {
            put(&mut body, "temperature", Some(settings.temperature.unwrap_or(Settings::TEMPERATURE)));
            put(&mut body, "max_tokens", Some(settings.max_tokens));
        }
        put(&mut body, "top_p", settings.top_p);
        put(&mut body, "frequency_penalty", settings.frequency_penalty);
        put(&mut body, "presence_penalty", settings.presence_penalty);
        put(&mut body, "stop", (!settings.stop.is_empty()).then(|| settings.stop.clone()));
        put(&mut body, "response_format", response_format(&conversation.format));
        if !conversation.tools.is_empty() {
            let tools = conversation.tools.iter().map(|tool| {
                json!({ "type": "function", "function": {
                    "name": tool.name, "description": tool.description, "parameters": tool.parameters,
                } })
            });
            body.insert("tools".to_owned(), tools.collect());
        }
        if stream {
            body.insert("stream".to_owned(), true.into());
            body.insert("stream_options".to_owned(), json!({ "include_usage": true }));
        }
        body.extend(settings.extra.clone());
        Value::Object(body)
    }

    fn read(&self, body: &[u8]) -> Result<Answer, Fault> {
        let reply: Reply = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
        if let Some(error) = reply.error.filter(|error| !error.is_null()) {
            return Err(complaint::in_stream(&error));
        }
        let tokens = reply.usage.unwrap_or_default().tokens();
        let Some(choice) = reply.choices.into_iter().flatten().next() else {
            return Err(Fault::reply("sent no choices").spent(tokens));
        };
        let message = choice.message.unwrap_or_default();
        let calls =
            message.tool_calls.into_iter().flatten().enumerate().map(|(index, piece)| piece.call(index));
        let answer = Answer {
            content: text(&message.content),
            calls: calls.collect(),
            finish: choice.finish_reason,
            tokens,
        };
        settle(answer, message.refusal.as_deref())
    }

    fn stream(&self) -> Box<dyn Assemble> {
        Box::new(Pieces::default())
    }
}

/// Whether a model of `OpenAI`'s thinks before it answers: it takes other settings.
fn reasons(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let is = |family: &str| {
        name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
    };
    ["o1", "o3", "o4", "gpt-5"].into_iter().any(is) && !name.contains("-chat")
}

fn messages(conversation: &Conversation) -> Value {
    let instructions = match &conversation.format {
        Format::Schema { native: false, .. } | Format::Json => conversation.instructions(),
        Format::Text | Format::Schema { .. } => None,
    };
    let system: Vec<&str> =
        conversation.system.as_deref().into_iter().chain(instructions.as_deref()).collect();
    let mut list = Vec::new();
    if !system.is_empty() {
        list.push(json!({ "role": "system", "content": system.join("\n\n") }));
    }
    for message in &conversation.messages {
        match message {
            Message::System(text) => list.push(json!({ "role": "system", "content": text })),
            Message::User(text) => list.push(json!({ "role": "user", "content": text })),
            Message::Assistant { content, calls } => {
                let mut said = json!({ "role": "assistant", "content": content });
                if !calls.is_empty() {
                    let calls = calls.iter().map(|call| {
                        json!({ "id": call.id, "type": "function", "function": {
                            "name": call.name, "arguments": call.arguments,
                        } })
                    });
                    said["tool_calls"] = calls.collect();
                }
                list.push(said);
            }
            Message::Results(results) => list.extend(results.iter().map(
                |result| json!({ "role": "tool", "tool_call_id": result.id, "content": result.content }),
            )),
        }
    }
    Value::Array(list)
}

fn response_format(format: &Format) -> Option<Value> {
    match format {
        Format::Text | Format::Schema { native: false, .. } => None,
        Format::Json => Some(json!({ "type": "json_object" })),
        Format::Schema { name, schema, native: true } => {
            Some(json!({ "type": "json_schema", "json_schema": {
            "name": name, "schema": schema, "strict": is_strict(schema),
        } }))
        }
    }
}

/// Whether `OpenAI` would take a schema as strict: every object says all it has, and has all it
/// says. Others are refused there, so they are asked for without strictness and checked here.
fn is_strict(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => {
            let fits = match map.get("properties") {
                Some(Value::Object(properties)) => {
                    let required = map.get("required").and_then(Value::as_array);
                    map.get("additionalProperties") == Some(&Value::Bool(false))
                        && properties.keys().all(|name| {
                            required.is_some_and(|required| required.iter().any(|wanted| wanted == name))
                        })
                }
                _ => map.get("type") != Some(&json!("object")),
            };
            let odd = ["allOf", "oneOf", "not", "if", "patternProperties", "default", "dependentRequired"];
            fits && !odd.iter().any(|key| map.contains_key(*key)) && map.values().all(is_strict)
        }
        Value::Array(list) => list.iter().all(is_strict),
        _ => true,
    }
}

#[derive(Deserialize)]
struct Reply {
    choices: Option<Vec<Choice>>,
    usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    message: Option<Said>,
    delta: Option<Said>,
    finish_reason: Option<String>,
}

/// A message, or a piece of one.
#[derive(Default, Deserialize)]
struct Said {
    #[serde(default)]
    content: Value,
    refusal: Option<String>,
    tool_calls: Option<Vec<CallPiece>>,
}

#[derive(Deserialize)]
struct CallPiece {
    index: Option<usize>,
    id: Option<String>,
    function: Option<FunctionPiece>,
}

#[derive(Default, Deserialize)]
struct FunctionPiece {
    name: Option<String>,
    #[serde(default)]
    arguments: Value,
}

impl CallPiece {
    fn call(self, index: usize) -> ToolCall {
        let function = self.function.unwrap_or_default();
        let id = self.id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{index}"));
        ToolCall {
            id,
            name: function.name.unwrap_or_default(),
            arguments: arguments(&function.arguments),
            signature: None,
        }
    }
}

/// Arguments are JSON in a text; some who speak this language send the JSON itself.
fn arguments(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// Content is a text; some who speak this language send a list of parts.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

#[derive(Clone, Copy, Default, Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    prompt_tokens_details: Option<Details>,
}

#[derive(Clone, Copy, Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
}

impl Usage {
    fn tokens(self) -> Tokens {
        let cached = self.prompt_tokens_details.and_then(|details| details.cached_tokens).unwrap_or_default();
        Tokens { input: self.prompt_tokens, output: self.completion_tokens, cached, written: 0 }
    }
}

/// An answer, unless it is a refusal.
fn settle(answer: Answer, refusal: Option<&str>) -> Result<Answer, Fault> {
    if let Some(refusal) = refusal.filter(|refusal| !refusal.is_empty()) {
        let said = format!("the model refused: {}", complaint::shorten(refusal));
        return Err(Fault::new(FaultKind::Refusal, said).spent(answer.tokens));
    }
    if answer.finish.as_deref() == Some("content_filter") {
        let said = "the provider's filter stopped the answer (`content_filter`)";
        return Err(Fault::new(FaultKind::Refusal, said).spent(answer.tokens));
    }
    Ok(answer)
}

#[derive(Default)]
struct Pieces {
    answer: Answer,
    refusal: String,
    ended: bool,
}

impl Assemble for Pieces {
    fn framing(&self) -> Framing {
        Framing::Events
    }

    fn take(&mut self, message: &str, text_out: &mut String) -> Result<(), Fault> {
        if message.trim() == "[DONE]" {
            self.ended = true;
            return Ok(());
        }
        let piece: Reply = serde_json::from_str(message).map_err(|error| unreadable(&error))?;
        if let Some(error) = piece.error.filter(|error| !error.is_null()) {
            return Err(complaint::in_stream(&error));
        }
        if let Some(usage) = piece.usage {
            self.answer.tokens = usage.tokens();
        }
        let Some(choice) = piece.choices.into_iter().flatten().next() else { return Ok(()) };
        if choice.finish_reason.is_some() {
            self.answer.finish = choice.finish_reason;
        }
        let Some(delta) = choice.delta.or(choice.message) else { return Ok(()) };
        let text = text(&delta.content);
        text_out.push_str(&text);
        self.answer.content.push_str(&text);
        self.refusal.push_str(delta.refusal.as_deref().unwrap_or_default());
        for piece in delta.tool_calls.into_iter().flatten() {
            self.add(piece);
        }
        Ok(())
    }

    fn tokens(&self) -> Tokens {
        self.answer.tokens
    }

    fn answer(self: Box<Self>) -> Result<Answer, Fault> {
        if !self.ended && self.answer.finish.is_none() {
            return Err(broken());
        }
        settle(self.answer, Some(&self.refusal))
    }
}

impl Pieces {
    /// A piece of a call belongs to the call of its index. Who sends no index sends whole calls,
    /// or goes on with the last one.
    fn add(&mut self, piece: CallPiece) {
        let calls = &mut self.answer.calls;
        let named = piece.id.as_deref().is_some_and(|id| !id.is_empty())
            || piece.function.as_ref().is_some_and(|function| function.name.is_some());
        let index = piece.index.unwrap_or_else(|| calls.len().saturating_sub(usize::from(!named)));
        if index >= calls.len() {
            let index = calls.len();
            calls.push(piece.call(index));
            return;
        }
        let function = piece.function.unwrap_or_default();
        calls[index].arguments.push_str(&arguments(&function.arguments));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_that_think_take_other_settings() {
        let check = |model: &str, expected: bool| assert_eq!(reasons(model), expected, "{model}");
        check("o1", true);
        check("o3-mini", true);
        check("gpt-5", true);
        check("gpt-5.1", true);
        check("openai/gpt-5-mini", true);
        check("gpt-5-chat-latest", false);
        check("gpt-4o", false);
        check("o1ympic", false);
    }

    #[test]
    fn only_a_closed_schema_is_strict() {
        let check = |schema: Value, expected: bool| assert_eq!(is_strict(&schema), expected, "{schema}");
        let closed = json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"], "additionalProperties": false });
        check(closed.clone(), true);
        check(json!({ "type": "array", "items": closed }), true);
        check(json!({ "type": "object" }), false);
        check(json!({ "type": "object", "properties": { "a": {} }, "additionalProperties": false }), false);
        check(json!({ "type": "object", "properties": { "a": {} }, "required": ["a"] }), false);
        check(json!({ "type": "array", "items": { "oneOf": [] } }), false);
    }
}
