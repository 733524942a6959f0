//! Anthropic's messages.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::stream::{Assemble, broken, unreadable};
use super::{Wire, complaint};
use crate::llm::answer::{Answer, Fault, FaultKind, Tokens};
use crate::llm::conversation::{ANSWER_TOOL, Conversation, Format, Message, Settings, ToolCall, put};
use crate::llm::sse::Framing;

pub(super) struct Anthropic;

impl Wire for Anthropic {
    fn version(&self) -> &'static str {
        "v1"
    }

    fn path(&self, _: &str, _: bool) -> (String, Option<&'static str>) {
        ("messages".to_owned(), None)
    }

    fn headers(&self, key: Option<&str>) -> Vec<(&'static str, String)> {
        let key = key.map(|key| ("x-api-key", key.to_owned()));
        std::iter::once(("anthropic-version", "2023-06-01".to_owned())).chain(key).collect()
    }

    fn body(&self, model: &str, conversation: &Conversation, stream: bool) -> Value {
        let settings = &conversation.settings;
        let schema = answer_schema(&conversation.format);
        let instructions = if schema.is_some() { None } else { conversation.instructions() };
        let mut body = Map::new();
        body.insert("model".to_owned(), model.into());
        body.insert("max_tokens".to_owned(), settings.max_tokens.into());
        put(&mut body, "system", conversation.all_system(instructions.as_deref()));
        body.insert("messages".to_owned(), messages(conversation));
        // Newer models take one of the two.
        let temperature =
            settings.temperature.or_else(|| settings.top_p.is_none().then_some(Settings::TEMPERATURE));
        put(&mut body, "temperature", temperature);
        put(&mut body, "top_p", settings.top_p);
        put(&mut body, "stop_sequences", (!settings.stop.is_empty()).then(|| settings.stop.clone()));
        let mut tools: Vec<Value> = conversation
            .tools
            .iter()
            .map(|tool| json!({ "name": tool.name, "description": tool.description, "input_schema": tool.parameters }))
            .collect();
        if let Some(schema) = schema {
            // A tool that must be called is the way to an answer by schema that all models know.
            let choice = if tools.is_empty() {
                json!({ "type": "tool", "name": ANSWER_TOOL })
            } else {
                json!({ "type": "any" })
            };
            body.insert("tool_choice".to_owned(), choice);
            tools.push(
                json!({ "name": ANSWER_TOOL, "description": "Gives the answer.", "input_schema": schema }),
            );
        }
        put(&mut body, "tools", (!tools.is_empty()).then_some(tools));
        put(&mut body, "stream", stream.then_some(true));
        body.extend(settings.extra.clone());
        Value::Object(body)
    }

    fn read(&self, body: &[u8]) -> Result<Answer, Fault> {
        let reply: Reply = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
        if let Some(error) = reply.error {
            return Err(complaint::in_stream(&error));
        }
        let Some(content) = reply.content else { return Err(Fault::reply("sent no content")) };
        let tokens = reply.usage.unwrap_or_default().tokens();
        let mut answer = Answer { finish: reply.stop_reason, tokens, ..Answer::default() };
        let within_call = matches!(content.last(), Some(Block::ToolUse { .. }));
        for block in content {
            match block {
                Block::Text { text } => answer.content.push_str(&text),
                Block::ToolUse { id, name, input } => {
                    answer.calls.push(ToolCall { id, name, arguments: input.to_string(), signature: None });
                }
                Block::Other => {}
            }
        }
        if let (true, Some(call)) = (answer.was_cut() && within_call, answer.calls.last_mut()) {
            // The provider closed what it cut, so that a half looks whole. As a stream has it, it
            // ends open, and nobody takes it for all there is.
            call.arguments.pop();
        }
        settle(answer)
    }

    fn stream(&self) -> Box<dyn Assemble> {
        Box::new(Pieces::default())
    }
}

/// The schema to answer by, if a tool can carry it: its input must be an object.
fn answer_schema(format: &Format) -> Option<&Value> {
    match format {
        Format::Schema { schema, native: true, .. } => {
            Some(schema).filter(|schema| schema["type"] == "object")
        }
        _ => None,
    }
}

fn messages(conversation: &Conversation) -> Value {
    let list = conversation.messages.iter().filter_map(|message| match message {
        Message::System(_) => None,
        Message::User(text) => Some(json!({ "role": "user", "content": text })),
        Message::Assistant { content, calls } if calls.is_empty() => {
            Some(json!({ "role": "assistant", "content": content }))
        }
        Message::Assistant { content, calls } => {
            let text = (!content.is_empty()).then(|| json!({ "type": "text", "text": content }));
            let calls = calls.iter().map(|call| {
                json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": call.object() })
            });
            Some(json!({ "role": "assistant", "content": text.into_iter().chain(calls).collect::<Vec<_>>() }))
        }
        Message::Results(results) => {
            let results = results.iter().map(|result| {
                let mut block =
                    json!({ "type": "tool_result", "tool_use_id": result.id, "content": result.content });
                if result.failed {
                    block["is_error"] = true.into();
                }
                block
            });
            Some(json!({ "role": "user", "content": results.collect::<Vec<_>>() }))
        }
    });
    list.collect()
}

#[derive(Deserialize)]
struct Reply {
    content: Option<Vec<Block>>,
    stop_reason: Option<String>,
    usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        text: String,
    },
    ToolUse {
        id: String,
        name: String,
        #[serde(default)]
        input: Value,
    },
    /// Thoughts and the like.
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct Usage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
}

impl Usage {
    fn tokens(self) -> Tokens {
        let cached = self.cache_read_input_tokens.unwrap_or_default();
        let written = self.cache_creation_input_tokens.unwrap_or_default();
        let input = self.input_tokens.unwrap_or_default().saturating_add(cached).saturating_add(written);
        Tokens { input, output: self.output_tokens.unwrap_or_default(), cached, written }
    }

    /// What a later message says counts; what it does not say stays.
    fn update(&mut self, later: Self) {
        self.input_tokens = later.input_tokens.or(self.input_tokens);
        self.output_tokens = later.output_tokens.or(self.output_tokens);
        self.cache_read_input_tokens = later.cache_read_input_tokens.or(self.cache_read_input_tokens);
        self.cache_creation_input_tokens =
            later.cache_creation_input_tokens.or(self.cache_creation_input_tokens);
    }
}

/// An answer, unless it is a refusal. The tool that carries an answer by schema is no call.
fn settle(mut answer: Answer) -> Result<Answer, Fault> {
    if answer.finish.as_deref() == Some("refusal") {
        let said = if answer.content.is_empty() { "`refusal`" } else { &answer.content };
        let said = format!("the model refused: {}", complaint::shorten(said));
        return Err(Fault::new(FaultKind::Refusal, said).spent(answer.tokens));
    }
    if let Some(place) = answer.calls.iter().position(|call| call.name == ANSWER_TOOL) {
        answer.content = answer.calls.remove(place).arguments;
        answer.calls.retain(|call| call.name != ANSWER_TOOL);
        if answer.calls.is_empty() && answer.finish.as_deref() == Some("tool_use") {
            answer.finish = Some("end_turn".to_owned());
        }
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Started,
    },
    ContentBlockStart {
        index: u64,
        content_block: Block,
    },
    ContentBlockDelta {
        index: u64,
        delta: Delta,
    },
    MessageDelta {
        delta: Ended,
        usage: Option<Usage>,
    },
    MessageStop,
    Error {
        error: Value,
    },
    /// Pings, ends of blocks, and what is yet to be invented.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Started {
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Ended {
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: String },
    #[serde(other)]
    Other,
}

#[derive(Default)]
struct Pieces {
    answer: Answer,
    usage: Usage,
    /// The calls with the number of their blocks; the arguments begin empty.
    calls: Vec<(u64, ToolCall)>,
    ended: bool,
}

impl Assemble for Pieces {
    fn framing(&self) -> Framing {
        Framing::Events
    }

    fn take(&mut self, message: &str, text_out: &mut String) -> Result<(), Fault> {
        match serde_json::from_str(message).map_err(|error| unreadable(&error))? {
            Event::MessageStart { message } => self.usage.update(message.usage.unwrap_or_default()),
            Event::ContentBlockStart { index, content_block } => match content_block {
                Block::Text { text } => self.say(&text, text_out),
                Block::ToolUse { id, name, input } => {
                    let given = matches!(&input, Value::Object(map) if !map.is_empty());
                    let arguments = if given { input.to_string() } else { String::new() };
                    self.calls.push((index, ToolCall { id, name, arguments, signature: None }));
                }
                Block::Other => {}
            },
            Event::ContentBlockDelta { index, delta } => match delta {
                Delta::Text { text } => self.say(&text, text_out),
                Delta::InputJson { partial_json } => {
                    if let Some((_, call)) = self.calls.iter_mut().rev().find(|(block, _)| *block == index) {
                        call.arguments.push_str(&partial_json);
                        if call.name == ANSWER_TOOL {
                            text_out.push_str(&partial_json);
                        }
                    }
                }
                Delta::Other => {}
            },
            Event::MessageDelta { delta, usage } => {
                self.answer.finish = delta.stop_reason.or_else(|| self.answer.finish.take());
                self.usage.update(usage.unwrap_or_default());
            }
            Event::MessageStop => self.ended = true,
            Event::Error { error } => return Err(complaint::in_stream(&error)),
            Event::Other => {}
        }
        Ok(())
    }

    fn tokens(&self) -> Tokens {
        self.usage.tokens()
    }

    fn answer(mut self: Box<Self>) -> Result<Answer, Fault> {
        if !self.ended {
            return Err(broken());
        }
        self.answer.tokens = self.usage.tokens();
        self.answer.calls = self.calls.into_iter().map(|(_, call)| call).collect();
        let (cut, last) = (self.answer.was_cut(), self.answer.calls.len().saturating_sub(1));
        for (index, call) in self.answer.calls.iter_mut().enumerate() {
            if call.arguments.is_empty() {
                // of one that was cut there may be no argument yet
                call.arguments.push_str(if cut && index == last { "{" } else { "{}" });
            }
        }
        settle(self.answer)
    }
}

impl Pieces {
    fn say(&mut self, text: &str, text_out: &mut String) {
        self.answer.content.push_str(text);
        text_out.push_str(text);
    }
}
