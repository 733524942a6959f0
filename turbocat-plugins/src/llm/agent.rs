//! The `llm` agent: what it says of itself, and how it is set up.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};
use turbocat_core::{
    AgentDescription, AgentExecutor, AttemptRequest, BadConfig, FailureKind, StepFailure, StepOutput,
};

use super::chat::Chat;
use super::config::{Config, schema};
use super::keys::Keys;
use super::price::{Price, Prices};
use super::provider::Provider;
use super::target::Directory;
use crate::net::{Egress, Url};

/// Asks language models. Registered as `llm`.
///
/// ```
/// use serde_json::json;
/// use turbocat_core::{Engine, Workflow};
/// use turbocat_plugins::llm::LlmAgent;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = Engine::builder().agent("llm", LlmAgent::default()).build();
/// let workflow = Workflow::from_yaml("
/// steps:
///   ask:
///     agent: llm
///     config: { provider: mock, promptTemplate: 'Say hello to {{ inputs.name }}' }
/// ")?;
/// let execution = engine.run(&workflow, json!({ "name": "Ada" })).await?;
/// assert_eq!(execution.output()["ask"]["content"], "Say hello to Ada");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LlmAgent {
    egress: Egress,
    directory: Directory,
}

/// Sets an [`LlmAgent`] up.
#[derive(Clone, Debug)]
#[must_use]
pub struct LlmAgentBuilder {
    agent: LlmAgent,
}

impl Default for LlmAgent {
    /// Keys from the environment, providers at their own addresses, nothing inside is reached:
    /// what is safe when strangers write workflows.
    fn default() -> Self {
        let directory =
            Directory { keys: Keys::environment(), prices: Prices::default(), bases: BTreeMap::new() };
        Self { egress: Egress::default(), directory }
    }
}

impl LlmAgent {
    /// One to set up.
    pub fn builder() -> LlmAgentBuilder {
        LlmAgentBuilder { agent: Self::default() }
    }
}

impl LlmAgentBuilder {
    /// How it gets out. The default reaches nothing inside, Ollama on this machine neither:
    /// `Egress::builder().allow("localhost:11434")` lets it.
    pub fn egress(mut self, egress: Egress) -> Self {
        self.agent.egress = egress;
        self
    }

    /// Where keys are found that configurations do not bring; [`Keys::environment`] by default.
    pub fn keys(mut self, keys: Keys) -> Self {
        self.agent.directory.keys = keys;
        self
    }

    /// Where a provider is, such as a gateway of one's own. It is sent the key that
    /// [`keys`](Self::keys) finds, which no address of a configuration ever is.
    pub fn base_url(mut self, provider: Provider, url: Url) -> Self {
        self.agent.directory.bases.insert(provider.name(), url);
        self
    }

    /// What a model costs, as `provider/model`; its versions cost the same. It goes before the
    /// table that comes along.
    pub fn price(mut self, model: &str, price: Price) -> Self {
        self.agent.directory.prices.say(model, price);
        self
    }

    /// The agent.
    pub fn build(self) -> LlmAgent {
        self.agent
    }
}

#[async_trait]
impl AgentExecutor for LlmAgent {
    fn describe(&self) -> AgentDescription {
        let mut description = AgentDescription::default();
        description.description = Some("Asks language models.".to_owned());
        description.input = Some(json!({
            "type": "object",
            "properties": {
                "prompt": { "type": ["string", "number", "boolean"], "description": "What the model is asked, if the configuration does not say." },
                "message": { "type": ["string", "number", "boolean"], "description": "As `prompt`." },
            },
        }));
        description.output = Some(output_schema());
        description.config = Some(schema());
        description.capabilities = vec!["http".to_owned()];
        description.encoded = vec!["baseUrl".to_owned()];
        description
    }

    fn check(&self, config: &Value) -> Vec<BadConfig> {
        Config::check(config)
    }

    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        let config = Config::read(request.config()).map_err(|faults| refused(&faults))?;
        let mut chat = Chat::new(config, &self.directory, &self.egress, &request)?;
        let said = Box::pin(chat.talk()).await;
        let usage = std::mem::take(&mut chat.spent.usage);
        match said {
            Ok(output) => Ok(StepOutput::from(output).used(usage)),
            Err(failure) => Err(failure.used(usage)),
        }
    }
}

fn refused(faults: &[BadConfig]) -> StepFailure {
    let said: Vec<String> = faults
        .iter()
        .map(|fault| match &fault.help {
            Some(help) => format!("{} ({help})", fault.message),
            None => fault.message.clone(),
        })
        .collect();
    let message = format!("the configuration does not fit: {}", said.join("; "));
    let places: Vec<Value> =
        faults.iter().map(|fault| json!({ "at": fault.at, "message": fault.message })).collect();
    StepFailure::new(FailureKind::INPUT, message).permanent().detail(places.into())
}

fn output_schema() -> Value {
    let count = json!({ "type": "integer", "minimum": 0 });
    let called = json!({
        "type": "object",
        "properties": {
            "id": { "type": "string" }, "name": { "type": "string" }, "arguments": {}, "result": {},
            "error": { "type": "object" }, "cut": { "type": "boolean" },
        },
    });
    let tried = json!({
        "type": "object",
        "properties": { "provider": { "type": "string" }, "model": { "type": "string" }, "error": { "type": "object" } },
    });
    json!({
        "type": "object",
        "properties": {
            "content": { "type": "string", "description": "The text of the answer." },
            "parsedJson": { "description": "The answer as JSON, where JSON was asked for." },
            "repaired": { "type": "boolean", "description": "The JSON had to be mended." },
            "provider": { "type": "string", "description": "Whose model answered." },
            "model": { "type": "string", "description": "Which model answered." },
            "finishReason": { "type": "string", "description": "Why it stopped, in the provider's word." },
            "usage": {
                "type": "object",
                "properties": { "promptTokens": count, "completionTokens": count, "totalTokens": count },
                "required": ["promptTokens", "completionTokens", "totalTokens"],
            },
            "costUsd": { "type": "number", "description": "What the models cost, if their prices are known." },
            "reasked": { "type": "integer", "description": "How often it was asked again for an answer that fits." },
            "toolCalls": { "type": "array", "items": called },
            "attempts": { "type": "array", "items": tried, "description": "The models that were tried, if more than one was." },
        },
        "required": ["content", "provider", "model", "finishReason", "usage"],
    })
}
