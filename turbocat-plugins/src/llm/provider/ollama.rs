//! Ollama's chat: models on a machine of one's own.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::stream::{Assemble, broken, unreadable};
use super::{Wire, complaint};
use crate::llm::answer::{Answer, Fault, Tokens};
use crate::llm::conversation::{Conversation, Format, Message, Settings, ToolCall, put};
use crate::llm::sse::Framing;

pub(super) struct Ollama;

impl Wire for Ollama {
    fn version(&self) -> &'static str {
        ""
    }

    fn path(&self, _: &str, _: bool) -> (String, Option<&'static str>) {
        ("api/chat".to_owned(), None)
    }

    fn headers(&self, key: Option<&str>) -> Vec<(&'static str, String)> {
        key.map(|key| ("authorization", format!("Bearer {key}"))).into_iter().collect()
    }

    fn body(&self, model: &str, conversation: &Conversation, stream: bool) -> Value {
        let settings = &conversation.settings;
        let mut how = Map::new();
        put(&mut how, "temperature", Some(settings.temperature.unwrap_or(Settings::TEMPERATURE)));
        put(&mut how, "num_predict", Some(settings.max_tokens));
        put(&mut how, "top_p", settings.top_p);
        put(&mut how, "frequency_penalty", settings.frequency_penalty);
        put(&mut how, "presence_penalty", settings.presence_penalty);
        put(&mut how, "stop", (!settings.stop.is_empty()).then(|| settings.stop.clone()));
        let mut body = Map::new();
        body.insert("model".to_owned(), model.into());
        body.insert("messages".to_owned(), messages(conversation));
        body.insert("stream".to_owned(), stream.into());
        match &conversation.format {
            Format::Json => drop(body.insert("format".to_owned(), "json".into())),
            Format::Schema { schema, native: true, .. } => {
                drop(body.insert("format".to_owned(), schema.clone()))
            }
            Format::Text | Format::Schema { native: false, .. } => {}
        }
        if !conversation.tools.is_empty() {
            let tools = conversation.tools.iter().map(|tool| {
                json!({ "type": "function", "function": {
                    "name": tool.name, "description": tool.description, "parameters": tool.parameters,
                } })
            });
            body.insert("tools".to_owned(), tools.collect());
        }
        body.insert("options".to_owned(), Value::Object(how));
        for (name, value) in &settings.extra {
            // More of `options` adds to them; everything else is as the user says.
            match (name.as_str(), value, body.get_mut("options")) {
                ("options", Value::Object(more), Some(Value::Object(how))) => how.extend(more.clone()),
                _ => drop(body.insert(name.clone(), value.clone())),
            }
        }
        Value::Object(body)
    }

    fn read(&self, body: &[u8]) -> Result<Answer, Fault> {
        let reply: Reply = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
        let mut pieces = Pieces::default();
        if reply.message.is_none() && reply.error.is_none() {
            return Err(Fault::reply("sent no message"));
        }
        pieces.add(reply, &mut String::new())?;
        Ok(pieces.answer)
    }

    fn stream(&self) -> Box<dyn Assemble> {
        Box::new(Pieces::default())
    }
}

fn messages(conversation: &Conversation) -> Value {
    // Small models obey a schema better if they have also read it.
    let instructions = conversation.instructions();
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
                    let calls = calls
                        .iter()
                        .map(|call| json!({ "function": { "name": call.name, "arguments": call.object() } }));
                    said["tool_calls"] = calls.collect();
                }
                list.push(said);
            }
            Message::Results(results) => list.extend(results.iter().map(
                |result| json!({ "role": "tool", "tool_name": result.name, "content": result.content }),
            )),
        }
    }
    Value::Array(list)
}

#[derive(Deserialize)]
struct Reply {
    message: Option<Said>,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Said {
    content: Option<String>,
    tool_calls: Option<Vec<Called>>,
}

#[derive(Deserialize)]
struct Called {
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: Value,
}

#[derive(Default)]
struct Pieces {
    answer: Answer,
    ended: bool,
}

impl Pieces {
    fn add(&mut self, piece: Reply, text_out: &mut String) -> Result<(), Fault> {
        if let Some(error) = piece.error {
            return Err(complaint::in_stream(&error));
        }
        self.ended |= piece.done;
        self.answer.finish = piece.done_reason.or_else(|| self.answer.finish.take());
        let tokens = &mut self.answer.tokens;
        tokens.input = piece.prompt_eval_count.unwrap_or(tokens.input);
        tokens.output = piece.eval_count.unwrap_or(tokens.output);
        let Some(said) = piece.message else { return Ok(()) };
        let text = said.content.unwrap_or_default();
        text_out.push_str(&text);
        self.answer.content.push_str(&text);
        for Called { function } in said.tool_calls.into_iter().flatten() {
            let arguments = match function.arguments {
                Value::Null => "{}".to_owned(),
                Value::String(text) => text,
                value => value.to_string(),
            };
            let id = format!("call_{}", self.answer.calls.len());
            self.answer.calls.push(ToolCall { id, name: function.name, arguments, signature: None });
        }
        Ok(())
    }
}

impl Assemble for Pieces {
    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn take(&mut self, message: &str, text_out: &mut String) -> Result<(), Fault> {
        let piece = serde_json::from_str(message).map_err(|error| unreadable(&error))?;
        self.add(piece, text_out)
    }

    fn tokens(&self) -> Tokens {
        self.answer.tokens
    }

    fn answer(self: Box<Self>) -> Result<Answer, Fault> {
        if self.ended { Ok(self.answer) } else { Err(broken()) }
    }
}
