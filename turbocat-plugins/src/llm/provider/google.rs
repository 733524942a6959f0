//! Google's Gemini: `generateContent` and `streamGenerateContent`.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::stream::{Assemble, broken, unreadable};
use super::{Wire, complaint};
use crate::llm::answer::{Answer, Fault, FaultKind, Tokens};
use crate::llm::conversation::{Conversation, Format, Message, Settings, ToolCall, put};
use crate::llm::sse::Framing;

pub(super) struct Google;

impl Wire for Google {
    fn version(&self) -> &'static str {
        "v1beta"
    }

    fn path(&self, model: &str, stream: bool) -> (String, Option<&'static str>) {
        // A name of the form `models/x` or `tunedModels/x` stays one; nothing else may be a path.
        let (kind, name) = model.split_once('/').unwrap_or(("models", model));
        let (kind, name) = match kind {
            "models" | "tunedModels" => (kind, name),
            _ => ("models", model),
        };
        let name = segment(name);
        if stream {
            (format!("{kind}/{name}:streamGenerateContent"), Some("alt=sse"))
        } else {
            (format!("{kind}/{name}:generateContent"), None)
        }
    }

    fn headers(&self, key: Option<&str>) -> Vec<(&'static str, String)> {
        key.map(|key| ("x-goog-api-key", key.to_owned())).into_iter().collect()
    }

    fn body(&self, _: &str, conversation: &Conversation, _: bool) -> Value {
        let settings = &conversation.settings;
        // JSON by decree and tools exclude each other here.
        let native = conversation.tools.is_empty()
            && !matches!(conversation.format, Format::Text | Format::Schema { native: false, .. });
        let instructions = if native { None } else { conversation.instructions() };
        let mut how = Map::new();
        put(&mut how, "temperature", Some(settings.temperature.unwrap_or(Settings::TEMPERATURE)));
        put(&mut how, "maxOutputTokens", Some(settings.max_tokens));
        put(&mut how, "topP", settings.top_p);
        put(&mut how, "frequencyPenalty", settings.frequency_penalty);
        put(&mut how, "presencePenalty", settings.presence_penalty);
        put(&mut how, "stopSequences", (!settings.stop.is_empty()).then(|| settings.stop.clone()));
        if native {
            put(&mut how, "responseMimeType", Some("application/json"));
            if let Format::Schema { schema, .. } = &conversation.format {
                how.insert("responseJsonSchema".to_owned(), schema.clone());
            }
        }
        let mut body = Map::new();
        if let Some(system) = conversation.all_system(instructions.as_deref()) {
            body.insert("systemInstruction".to_owned(), json!({ "parts": [{ "text": system }] }));
        }
        body.insert("contents".to_owned(), contents(conversation));
        if !conversation.tools.is_empty() {
            let tools = conversation.tools.iter().map(|tool| {
                json!({ "name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters })
            });
            body.insert("tools".to_owned(), json!([{ "functionDeclarations": tools.collect::<Vec<_>>() }]));
        }
        body.insert("generationConfig".to_owned(), Value::Object(how));
        for (name, value) in &settings.extra {
            // More of `generationConfig` adds to it; everything else is as the user says.
            match (name.as_str(), value, body.get_mut("generationConfig")) {
                ("generationConfig", Value::Object(more), Some(Value::Object(how))) => {
                    how.extend(more.clone())
                }
                _ => drop(body.insert(name.clone(), value.clone())),
            }
        }
        Value::Object(body)
    }

    fn read(&self, body: &[u8]) -> Result<Answer, Fault> {
        let reply: Reply = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
        let mut pieces = Pieces::default();
        pieces.add(reply, &mut String::new())?;
        if pieces.answer.finish.is_none() && !pieces.spoke {
            return Err(Fault::reply("sent no candidates").spent(pieces.answer.tokens));
        }
        settle(pieces.answer)
    }

    fn stream(&self) -> Box<dyn Assemble> {
        Box::new(Pieces::default())
    }
}

/// A name as one segment of a path, whatever is in it.
fn segment(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    name.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn contents(conversation: &Conversation) -> Value {
    let list = conversation.messages.iter().filter_map(|message| match message {
        Message::System(_) => None,
        Message::User(text) => Some(json!({ "role": "user", "parts": [{ "text": text }] })),
        Message::Assistant { content, calls } => {
            let text = (!content.is_empty() || calls.is_empty()).then(|| json!({ "text": content }));
            let calls = calls.iter().map(|call| {
                let mut part = json!({ "functionCall": { "name": call.name, "args": call.object() } });
                if let Some(signature) = &call.signature {
                    part["thoughtSignature"] = signature.clone().into();
                }
                part
            });
            Some(json!({ "role": "model", "parts": text.into_iter().chain(calls).collect::<Vec<_>>() }))
        }
        Message::Results(results) => {
            let results = results.iter().map(|result| {
                let given = serde_json::from_str(&result.content).unwrap_or_else(|_| json!(result.content));
                let response = match given {
                    Value::Object(_) if result.failed => given,
                    given => json!({ "result": given }),
                };
                json!({ "functionResponse": { "name": result.name, "response": response } })
            });
            Some(json!({ "role": "user", "parts": results.collect::<Vec<_>>() }))
        }
    });
    list.collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    candidates: Option<Vec<Candidate>>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<Usage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    parts: Option<Vec<Part>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    text: Option<String>,
    #[serde(default)]
    thought: bool,
    function_call: Option<FunctionCall>,
    thought_signature: Option<String>,
}

#[derive(Deserialize)]
struct FunctionCall {
    name: String,
    args: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    prompt_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
}

impl Usage {
    fn tokens(&self) -> Tokens {
        let thoughts = self.thoughts_token_count.unwrap_or_default();
        Tokens {
            input: self.prompt_token_count.unwrap_or_default(),
            output: self.candidates_token_count.unwrap_or_default().saturating_add(thoughts),
            cached: self.cached_content_token_count.unwrap_or_default(),
            written: 0,
        }
    }
}

/// Why an answer ended that is none.
const REFUSALS: [&str; 5] = ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"];

/// An answer, unless it is a refusal.
fn settle(answer: Answer) -> Result<Answer, Fault> {
    match answer.finish.as_deref() {
        Some(reason) if REFUSALS.contains(&reason) => {
            let said = format!("the provider's filter stopped the answer (`{reason}`)");
            Err(Fault::new(FaultKind::Refusal, said).spent(answer.tokens))
        }
        // It tried to call a tool and wrote no call.
        Some(reason @ ("MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL")) => {
            Err(Fault::reply(format!("sent no answer (`{reason}`)")).spent(answer.tokens))
        }
        _ => Ok(answer),
    }
}

#[derive(Default)]
struct Pieces {
    answer: Answer,
    spoke: bool,
}

impl Pieces {
    fn add(&mut self, piece: Reply, text_out: &mut String) -> Result<(), Fault> {
        if let Some(error) = piece.error {
            return Err(complaint::in_stream(&error));
        }
        if let Some(usage) = piece.usage_metadata {
            self.answer.tokens = usage.tokens();
        }
        if let Some(reason) = piece.prompt_feedback.and_then(|feedback| feedback.block_reason) {
            let said =
                format!("the provider's filter stopped the prompt (`{}`)", complaint::shorten(&reason));
            return Err(Fault::new(FaultKind::Refusal, said).spent(self.answer.tokens));
        }
        let Some(candidate) = piece.candidates.into_iter().flatten().next() else { return Ok(()) };
        self.answer.finish = candidate.finish_reason.or_else(|| self.answer.finish.take());
        for part in candidate.content.and_then(|content| content.parts).into_iter().flatten() {
            self.spoke = true;
            if let Some(call) = part.function_call {
                self.answer.calls.push(ToolCall {
                    id: format!("call_{}", self.answer.calls.len()),
                    name: call.name,
                    arguments: call.args.map_or_else(|| "{}".to_owned(), |args| args.to_string()),
                    signature: part.thought_signature,
                });
            } else if let Some(text) = part.text.filter(|_| !part.thought) {
                text_out.push_str(&text);
                self.answer.content.push_str(&text);
            }
        }
        Ok(())
    }
}

impl Assemble for Pieces {
    fn framing(&self) -> Framing {
        Framing::Events
    }

    fn take(&mut self, message: &str, text_out: &mut String) -> Result<(), Fault> {
        let piece = serde_json::from_str(message).map_err(|error| unreadable(&error))?;
        self.add(piece, text_out)
    }

    fn tokens(&self) -> Tokens {
        self.answer.tokens
    }

    fn answer(self: Box<Self>) -> Result<Answer, Fault> {
        // There is no word of farewell here: the last piece is the one that says why it ended.
        if self.answer.finish.is_none() {
            return Err(broken());
        }
        settle(self.answer)
    }
}
