//! Providers that answer by script, and surroundings that remember what an attempt said.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use turbocat_core::{
    AgentDescription, AgentExecutor, AttemptRequest, Level, Said, StepFailure, StepOutput, Surroundings,
};
use turbocat_plugins::llm::{Keys, LlmAgent, LlmAgentBuilder, Provider};
use turbocat_plugins::net::{Egress, Url};

use crate::server::{Reply, Server};

/// The providers that are asked over the network.
pub const OVER_HTTP: [Provider; 4] =
    [Provider::OpenAi, Provider::Anthropic, Provider::Google, Provider::Ollama];

/// A model of a provider, as the fixtures have it.
pub fn model(provider: Provider) -> &'static str {
    match provider {
        Provider::OpenAi => "gpt-4o-mini",
        Provider::Anthropic => "claude-haiku-4-5",
        Provider::Google => "gemini-2.5-flash",
        _ => "llama3.2",
    }
}

/// A reply of a provider, from its file.
pub fn fixture(provider: Provider, what: &str, stream: bool) -> Vec<u8> {
    let ending = match (stream, provider) {
        (false, _) => "json",
        (true, Provider::Ollama) => "ndjson",
        (true, _) => "sse",
    };
    let name = format!("{}{what}.{ending}", provider.name());
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/llm/fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The same as a reply over HTTP.
pub fn reply(provider: Provider, what: &str, stream: bool) -> Reply {
    let kind = match (stream, provider) {
        (false, _) => "application/json; charset=utf-8",
        (true, Provider::Ollama) => "application/x-ndjson",
        (true, _) => "text/event-stream; charset=utf-8",
    };
    Reply::new(200, &[("content-type", kind)], fixture(provider, what, stream))
}

/// An answer of `OpenAI`'s with a text.
pub fn says(text: &str) -> Reply {
    let message = json!({ "role": "assistant", "content": text });
    chosen(&message, "stop")
}

/// The same, cut off at its limit of tokens.
pub fn cut(text: &str, finish: &str) -> Reply {
    chosen(&json!({ "role": "assistant", "content": text }), finish)
}

/// An answer of `OpenAI`'s that calls tools.
pub fn calls(calls: &[(&str, &str)]) -> Reply {
    let calls: Vec<Value> = calls
        .iter()
        .enumerate()
        .map(|(index, (name, arguments))| {
            json!({ "id": format!("c{index}"), "type": "function", "function": { "name": name, "arguments": arguments } })
        })
        .collect();
    chosen(&json!({ "role": "assistant", "content": null, "tool_calls": calls }), "tool_calls")
}

fn chosen(message: &Value, finish: &str) -> Reply {
    let reply = json!({
        "choices": [{ "index": 0, "message": message, "finish_reason": finish }],
        "usage": { "prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110 },
    });
    Reply::json(&reply.to_string())
}

/// A server that gives these replies in order, the last one for ever.
pub async fn script(replies: Vec<Reply>) -> Server {
    Server::start(move |_, index| replies[index.min(replies.len() - 1)].clone()).await
}

/// An agent whose providers are all this server.
pub fn agent(server: &Server) -> LlmAgent {
    builder(server).build()
}

pub fn builder(server: &Server) -> LlmAgentBuilder {
    let builder = LlmAgent::builder()
        .egress(Egress::builder().allow("127.0.0.1").build().unwrap())
        .keys(Keys::from_fn(|name| Some(format!("sk-{}", name.to_lowercase()))));
    let url = Url::parse(&server.url("")).unwrap();
    OVER_HTTP.into_iter().fold(builder, |builder, provider| builder.base_url(provider, url.clone()))
}

/// Surroundings that remember what an attempt said and answer for other agents.
#[derive(Default)]
pub struct Around {
    pub said: Mutex<Vec<Said>>,
    /// What agents and workflows answer, by name, and what they take.
    pub others: BTreeMap<String, Other>,
    /// Whom it was asked for, with what, and the idempotency key.
    pub asked: Mutex<Vec<(String, Value, Value, String)>>,
}

pub struct Other {
    pub workflow: bool,
    pub takes: Option<Value>,
    pub does: Box<Does>,
}

type Does = dyn Fn(&Value) -> Result<StepOutput, StepFailure> + Send + Sync;

impl Around {
    pub fn agent(
        mut self,
        name: &str,
        takes: Value,
        does: impl Fn(&Value) -> Result<StepOutput, StepFailure> + Send + Sync + 'static,
    ) -> Self {
        self.others
            .insert(name.to_owned(), Other { workflow: false, takes: Some(takes), does: Box::new(does) });
        self
    }

    pub fn workflow(
        mut self,
        name: &str,
        takes: Option<Value>,
        does: impl Fn(&Value) -> Result<StepOutput, StepFailure> + Send + Sync + 'static,
    ) -> Self {
        self.others.insert(name.to_owned(), Other { workflow: true, takes, does: Box::new(does) });
        self
    }

    /// What was shown as progress.
    pub fn progress(&self) -> Vec<Value> {
        let said = self.said.lock().unwrap();
        said.iter()
            .filter_map(|said| match said {
                Said::Progress { value } => Some(value.clone()),
                _ => None,
            })
            .collect()
    }

    /// What was logged at a level.
    pub fn logged(&self, wanted: Level) -> Vec<String> {
        let said = self.said.lock().unwrap();
        said.iter()
            .filter_map(|said| match said {
                Said::Log { level, message, .. } if *level == wanted => Some(message.clone()),
                _ => None,
            })
            .collect()
    }
}

#[async_trait]
impl Surroundings for Around {
    fn report(&self, _: &AttemptRequest, said: Said) {
        self.said.lock().unwrap().push(said);
    }

    async fn call(&self, agent: &str, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        let inputs = (*request.inputs).clone();
        let asked = (agent.to_owned(), inputs.clone(), request.config().clone(), request.idempotency_key());
        self.asked.lock().unwrap().push(asked);
        (self.others[agent].does)(&inputs)
    }

    async fn run_workflow(
        &self,
        _: &AttemptRequest,
        workflow: &str,
        inputs: Arc<Value>,
        key: &str,
    ) -> Result<StepOutput, StepFailure> {
        let asked = (workflow.to_owned(), (*inputs).clone(), Value::Null, key.to_owned());
        self.asked.lock().unwrap().push(asked);
        (self.others[workflow].does)(&inputs)
    }

    fn describe_agent(&self, agent: &str) -> Option<AgentDescription> {
        let other = self.others.get(agent).filter(|other| !other.workflow)?;
        let mut description = AgentDescription::default();
        description.description = Some(format!("What {agent} does."));
        description.input = other.takes.clone();
        Some(description)
    }

    fn describe_workflow(&self, workflow: &str) -> Option<Option<Value>> {
        self.others.get(workflow).filter(|other| other.workflow).map(|other| other.takes.clone())
    }
}

/// Asks with a prompt.
pub async fn ask(agent: &LlmAgent, config: Value) -> Result<StepOutput, StepFailure> {
    agent.execute(AttemptRequest::new(json!({ "prompt": "Greet Ada" })).with_config(config)).await
}

/// The same, with surroundings.
pub async fn ask_in(
    around: &Arc<Around>,
    agent: &LlmAgent,
    config: Value,
) -> Result<StepOutput, StepFailure> {
    let request = AttemptRequest::new(json!({ "prompt": "Greet Ada" })).with_config(config);
    agent.execute(request.with_surroundings(around.clone())).await
}

/// The bodies of all requests a server got.
pub fn bodies(server: &Server) -> Vec<Value> {
    server.seen().iter().map(|seen| serde_json::from_slice(&seen.body).unwrap()).collect()
}
