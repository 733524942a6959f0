//! What the author of a workflow says: read once, with everything that is wrong with it.

mod reader;
mod mock;
mod model;
mod format;
mod tool;
mod schema;

use std::time::Duration;

use serde_json::{Map, Value};
use turbocat_core::BadConfig;

use super::conversation::{Format, Message, Settings};
use super::provider::Provider;
use reader::{Fields, Node, Reader};

pub(crate) use mock::Reply;
pub(crate) use model::{Choice, Key};
pub(crate) use schema::schema;
pub(crate) use tool::{By, Tool, as_object};

/// A configuration.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The models to ask, in order.
    pub(crate) models: Vec<Choice>,
    pub(crate) system: Option<String>,
    pub(crate) prompt: Option<String>,
    pub(crate) messages: Vec<Message>,
    pub(crate) settings: Settings,
    pub(crate) format: Format,
    /// How often to ask again for an answer that does not fit.
    pub(crate) reasks: u64,
    pub(crate) tools: Vec<Tool>,
    /// How often the model may call tools before it has to answer.
    pub(crate) rounds: u64,
    pub(crate) stream: bool,
    /// How long a call may take.
    pub(crate) timeout: Duration,
    pub(crate) budget: Budget,
    /// What the mock answers when the model's own entry does not say; `None`: what it is told.
    pub(crate) replies: Option<Vec<Reply>>,
}

/// What an attempt may use.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Budget {
    pub(crate) tokens: Option<u64>,
    pub(crate) cost: Option<f64>,
}

/// How long a call may take when nobody says: long answers of models that think take a minute.
const TIMEOUT: Duration = Duration::from_secs(120);
/// How often an answer that does not fit is asked for again when nobody says.
const REASKS: u64 = 2;
/// How often a model may call tools when nobody says.
const ROUNDS: u64 = 8;

impl Config {
    /// Reads a configuration as it is when all templates are evaluated.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn read(value: &Value) -> Result<Self, Vec<BadConfig>> {
        let (config, faults) = read(value, false);
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(faults),
        }
    }

    /// What is wrong with a configuration as written, besides what its schema says.
    pub(crate) fn check(value: &Value) -> Vec<BadConfig> {
        let mut faults = read(value, true).1;
        if !faults.is_empty() {
            let said = schema::places(value);
            faults.retain(|fault| !said.contains(&fault.at));
        }
        faults
    }
}

fn read(value: &Value, as_written: bool) -> (Option<Config>, Vec<BadConfig>) {
    let mut reader = Reader { as_written, faults: Vec::new() };
    let config = reader.config(value);
    (config, reader.faults)
}

impl Reader {
    fn config(&mut self, value: &Value) -> Option<Config> {
        let empty = Value::Object(Map::new());
        let value = if value.is_null() { &empty } else { value };
        let root = Node { at: String::new(), value };
        let mut fields = self.object(&root, "an object")?;
        let models = self.models(&mut fields);
        let system = self.words(&mut fields, &["systemPrompt", "system_prompt", "system"]);
        let prompt = self.words(&mut fields, &["promptTemplate", "prompt"]);
        let messages = self.messages(&mut fields);
        let settings = self.settings(&mut fields);
        let format = self.format(&mut fields);
        let reasks = fields.take("maxReasks").and_then(|node| self.whole(&node, 0, 10)).unwrap_or(REASKS);
        let tools = self.tools(&mut fields);
        let rounds =
            fields.take("maxToolRounds").and_then(|node| self.whole(&node, 1, 100)).unwrap_or(ROUNDS);
        let stream = fields.take("stream").and_then(|node| self.flag(&node)).unwrap_or(true);
        let timeout = self.timeout(&mut fields);
        let budget = fields.take("budget").map(|node| self.budget(&node)).unwrap_or_default();
        let replies = fields.take("mock").and_then(|node| mock::replies(self, &node));
        self.finish(&fields);
        self.suits(&fields, &models);
        Some(Config {
            models,
            system,
            prompt,
            messages,
            settings,
            format,
            reasks,
            tools,
            rounds,
            stream,
            timeout,
            budget,
            replies,
        })
    }

    fn words(&mut self, fields: &mut Fields<'_>, names: &[&'static str]) -> Option<String> {
        let node = fields.take_any(self, names)?;
        self.text(&node)
    }

    fn messages(&mut self, fields: &mut Fields<'_>) -> Vec<Message> {
        let list = fields.take("messages").and_then(|node| self.list(&node, "a list of messages"));
        list.into_iter().flatten().filter_map(|node| self.message(&node)).collect()
    }

    fn message(&mut self, node: &Node<'_>) -> Option<Message> {
        let mut fields = self.object(node, "an object with `role` and `content`")?;
        let role = fields.take("role");
        let content = fields.take("content");
        self.finish(&fields);
        for (name, there) in [("role", role.is_some()), ("content", content.is_some())] {
            if !there {
                self.fault(BadConfig::at(&node.at, format!("a message needs `{name}`")));
            }
        }
        let (role, content) = (role?, content?);
        if content.value.is_array() {
            let message = "`content` must be a text: images and other parts are not taken";
            self.fault(BadConfig::at(&content.at, message));
            return None;
        }
        let content = self.text(&content)?;
        match self.name(&role)?.as_str() {
            "system" => Some(Message::System(content)),
            "user" => Some(Message::User(content)),
            "assistant" => Some(Message::Assistant { content, calls: Vec::new() }),
            other => {
                let fault = BadConfig::at(&role.at, format!("unknown role `{other}`"));
                self.fault(fault.suggest(other, ["system", "user", "assistant"]));
                None
            }
        }
    }

    fn settings(&mut self, fields: &mut Fields<'_>) -> Settings {
        let temperature = fields.take("temperature").and_then(|node| self.number(&node, 0.0, 2.0));
        let max_tokens = fields.take_any(self, &["maxTokens", "max_tokens"]);
        let max_tokens = max_tokens.and_then(|node| self.whole(&node, 1, u64::MAX));
        let top_p = fields.take("topP").and_then(|node| self.number(&node, 0.0, 1.0));
        let frequency_penalty =
            fields.take("frequencyPenalty").and_then(|node| self.number(&node, -2.0, 2.0));
        let presence_penalty = fields.take("presencePenalty").and_then(|node| self.number(&node, -2.0, 2.0));
        let stop = fields.take_any(self, &["stopSequences", "stop"]).map(|node| match node.value {
            Value::String(text) if !self.is_template(node.value) => vec![text.clone()],
            _ => {
                let list = self.list(&node, "a list of texts");
                list.into_iter().flatten().filter_map(|node| self.name(&node)).collect()
            }
        });
        Settings {
            temperature,
            max_tokens: max_tokens.unwrap_or(Settings::MAX_TOKENS),
            top_p,
            frequency_penalty,
            presence_penalty,
            stop: stop.unwrap_or_default(),
            extra: Map::new(),
        }
    }

    fn timeout(&mut self, fields: &mut Fields<'_>) -> Duration {
        let text = fields.take("timeout");
        let millis = fields.take("timeoutMs");
        if let (Some(_), Some(node)) = (&text, &millis) {
            self.fault(
                BadConfig::at(&node.at, "`timeoutMs` says the same as `timeout`")
                    .help("leave one of them out"),
            );
        }
        let text = text.and_then(|node| self.duration(&node));
        let millis = millis.and_then(|node| self.whole(&node, 1, u64::MAX)).map(Duration::from_millis);
        text.or(millis).unwrap_or(TIMEOUT)
    }

    fn budget(&mut self, node: &Node<'_>) -> Budget {
        let Some(mut fields) = self.object(node, "an object with `tokens` or `costUsd`") else {
            return Budget::default();
        };
        let tokens = fields.take("tokens").and_then(|node| self.whole(&node, 1, u64::MAX));
        let cost =
            fields.take("costUsd").and_then(|node| self.number(&node, f64::MIN_POSITIVE, f64::INFINITY));
        let before = self.faults.len();
        self.finish(&fields);
        if !fields.has("tokens") && !fields.has("costUsd") && self.faults.len() == before {
            let fault = BadConfig::at(&node.at, "`budget` limits nothing");
            self.fault(fault.help("say `tokens` or `costUsd`"));
        }
        Budget { tokens, cost }
    }

    /// Settings that a model does not take are wrong where all models are such.
    fn suits(&mut self, fields: &Fields<'_>, models: &[Choice]) {
        let claude = |choice: &Choice| choice.provider == Provider::Anthropic;
        if models.iter().any(claude)
            && let Some(node) = fields.peek("temperature")
            && node.value.as_f64().is_some_and(|temperature| temperature > 1.0 && temperature <= 2.0)
        {
            let message =
                format!("`temperature` must be a number from 0 to 1 for `anthropic`, not {}", node.value);
            self.fault(BadConfig::at(node.at, message));
        }
        for name in ["frequencyPenalty", "presencePenalty"] {
            if let Some(node) = fields.peek(name).filter(|_| !models.is_empty() && models.iter().all(claude))
            {
                self.fault(
                    BadConfig::at(node.at, format!("`anthropic` has no `{name}`")).help("leave it out"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
