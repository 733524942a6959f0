//! What a model is told: messages, tools, settings, the form of the answer. Knows no provider.

use serde_json::{Map, Value};

/// The tool through which a model answers by schema where there is no other way. No tool of a
/// user's may have this name.
pub(crate) const ANSWER_TOOL: &str = "answer_in_json";

/// Everything a model is told in one call.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Conversation {
    /// What stands above the conversation.
    pub system: Option<String>,
    /// What was said so far, in order.
    pub messages: Vec<Message>,
    /// What the model may call.
    pub tools: Vec<ToolSpec>,
    /// How it shall answer.
    pub settings: Settings,
    /// The form of the answer.
    pub format: Format,
}

/// Something that was said.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// By the one who set the model up, in the midst of the conversation.
    System(String),
    /// By the one who asks.
    User(String),
    /// By the model.
    Assistant {
        /// Its text; empty if it only called tools.
        content: String,
        /// The tools it called.
        calls: Vec<ToolCall>,
    },
    /// By the tools that the message before called, in the order of the calls.
    Results(Vec<ToolResult>),
}

/// A tool a model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it is good for.
    pub description: String,
    /// JSON Schema of its arguments, an object.
    pub parameters: Value,
}

/// A tool that a model called.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// Tells several calls of one message apart.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments as the model wrote them: JSON if all went well.
    pub arguments: String,
    /// Something of the provider's that goes back with the call as it came.
    pub signature: Option<String>,
}

impl ToolCall {
    /// The arguments as an object, for providers that take nothing else back. What was no JSON
    /// comes back as nothing: the result says what was wrong with it.
    pub(crate) fn object(&self) -> Value {
        match serde_json::from_str(&self.arguments) {
            Ok(object @ Value::Object(_)) => object,
            _ => Value::Object(Map::new()),
        }
    }
}

/// What a tool gave.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolResult {
    /// The call it belongs to.
    pub id: String,
    /// The tool.
    pub name: String,
    /// What it gave, or what went wrong.
    pub content: String,
    /// Whether it failed.
    pub failed: bool,
}

/// How a model shall answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How freely it chooses, if somebody said so; 0.7 where the model takes a value at all.
    pub temperature: Option<f64>,
    /// At most so many tokens of answer.
    pub max_tokens: u64,
    /// Choose among the likeliest tokens that have this much probability together.
    pub top_p: Option<f64>,
    /// Against words that came often.
    pub frequency_penalty: Option<f64>,
    /// Against words that came at all.
    pub presence_penalty: Option<f64>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// More fields of the request, for what one provider has and others have not.
    pub extra: Map<String, Value>,
}

impl Settings {
    /// The temperature when nobody says one: what the contract has.
    pub const TEMPERATURE: f64 = 0.7;
    /// The longest answer when nobody says one: what the contract has.
    pub const MAX_TOKENS: u64 = 1000;
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            temperature: None,
            max_tokens: Self::MAX_TOKENS,
            top_p: None,
            frequency_penalty: None,
            presence_penalty: None,
            stop: Vec::new(),
            extra: Map::new(),
        }
    }
}

/// The form of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Format {
    /// As the model likes.
    #[default]
    Text,
    /// Some JSON object.
    Json,
    /// JSON that fits a schema.
    Schema {
        /// What it is called.
        name: String,
        /// The schema.
        schema: Value,
        /// Whether to ask the provider for it, or only the model.
        native: bool,
    },
}

impl Conversation {
    /// The system prompt and system messages in one text, for providers that have one place for
    /// them; `more` comes last.
    pub(crate) fn all_system(&self, more: Option<&str>) -> Option<String> {
        let within = self.messages.iter().filter_map(|message| match message {
            Message::System(text) => Some(&**text),
            _ => None,
        });
        let parts: Vec<&str> = self
            .system
            .as_deref()
            .into_iter()
            .chain(within)
            .chain(more)
            .filter(|part| !part.is_empty())
            .collect();
        if parts.is_empty() { None } else { Some(parts.join("\n\n")) }
    }

    /// What to tell a model about the form of its answer where the provider cannot be told.
    pub(crate) fn instructions(&self) -> Option<String> {
        match &self.format {
            Format::Text => None,
            Format::Json => Some("Answer with one JSON object and nothing else.".to_owned()),
            Format::Schema { schema, .. } => {
                Some(format!("Answer with JSON that fits this JSON Schema, and with nothing else:\n{schema}"))
            }
        }
    }
}

/// Writes a field of a request if there is something to write.
pub(crate) fn put(body: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        body.insert(name.to_owned(), value.into());
    }
}
