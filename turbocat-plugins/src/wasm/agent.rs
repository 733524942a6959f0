//! An agent of a plugin, as the engine sees it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use turbocat_core::{
    AgentDescription, AgentExecutor, AttemptRequest, FailureKind, StepFailure, StepOutput, Usage,
};

use super::call::{self, Done, Given, Input, Target};
use super::code::{AgentCode, Code};
use super::guest::Spent;
use super::host::Host;
use super::limits::Limits;
use super::loaded::Loaded;

/// An agent of a plugin.
pub(super) struct PluginAgent {
    loaded: Arc<Loaded>,
    name: String,
}

impl PluginAgent {
    pub(super) fn new(loaded: Arc<Loaded>, name: &str) -> Self {
        Self { loaded, name: name.to_owned() }
    }
}

#[async_trait]
impl AgentExecutor for PluginAgent {
    fn describe(&self) -> AgentDescription {
        let mut description = AgentDescription::default();
        let code = self.loaded.code();
        let Some(agent) = code.agent(&self.name) else { return description };
        description.description.clone_from(&agent.said.description);
        description.input.clone_from(&agent.said.input);
        description.output.clone_from(&agent.said.output);
        description.config.clone_from(&agent.said.config);
        description.max_concurrent = agent.said.max_concurrent;
        description.capabilities = code.manifest.capabilities.iter().map(ToString::to_string).collect();
        description
    }

    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        let code = self.loaded.code();
        let Some(agent) = code.agent(&self.name).cloned() else {
            // It was there when it was registered, and nothing that replaces a plugin may lose it.
            let message = format!("plugin `{}` has no agent `{}`", code.manifest.name, self.name);
            return Err(StepFailure::new(FailureKind::UNKNOWN, message).permanent());
        };
        Call::of(&request).of_agent(&self.loaded.host, &code, &agent).await
    }
}

/// A call of an agent: inputs, and what is to be otherwise than usual.
#[derive(Clone, Debug)]
#[must_use]
pub struct Call<'a> {
    inputs: Inputs<'a>,
    request: Option<&'a AttemptRequest>,
    config: Option<Arc<Value>>,
    limits: Option<Limits>,
}

#[derive(Clone, Debug)]
enum Inputs<'a> {
    Of(&'a Value),
    Own(Arc<Value>),
    Bytes(&'a [u8]),
}

impl<'a> Call<'a> {
    /// A call outside of a workflow.
    pub fn new(inputs: impl Into<Value>) -> Self {
        let inputs = Inputs::Own(Arc::new(inputs.into()));
        Self { inputs, request: None, config: None, limits: None }
    }

    /// A call within an attempt: its inputs and configuration, and what the plugin says is said by
    /// the attempt.
    pub fn of(request: &'a AttemptRequest) -> Self {
        Self { inputs: Inputs::Of(&request.inputs), request: Some(request), config: None, limits: None }
    }

    /// The same with other inputs.
    pub fn inputs(mut self, inputs: impl Into<Value>) -> Self {
        self.inputs = Inputs::Own(Arc::new(inputs.into()));
        self
    }

    /// The same with inputs as the bytes the plugin reads, which need not be JSON. They are not
    /// checked against the agent's schema.
    pub fn bytes(mut self, bytes: &'a [u8]) -> Self {
        self.inputs = Inputs::Bytes(bytes);
        self
    }

    /// The same with another configuration.
    pub fn config(mut self, config: impl Into<Value>) -> Self {
        self.config = Some(Arc::new(config.into()));
        self
    }

    /// The same with other limits than the plugin has, as far as the host's ceiling goes.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    pub(super) async fn of_agent(
        self,
        host: &Arc<Host>,
        code: &Code,
        agent: &Arc<AgentCode>,
    ) -> Result<StepOutput, StepFailure> {
        let input = match &self.inputs {
            Inputs::Of(value) => Input::Json(value),
            Inputs::Own(value) => Input::Json(value),
            Inputs::Bytes(bytes) => Input::Bytes(bytes),
        };
        if let (Some(schema), Input::Json(value)) = (&agent.input, &input)
            && let Some((mistake, at)) = schema.mistake(value)
        {
            return Err(unfit(code, agent, FailureKind::INPUT, "the inputs of", &mistake, &at));
        }
        let limits = match self.limits {
            Some(limits) => limits.at_most(&host.ceiling),
            None => code.limits.clone(),
        };
        let target = Target {
            right: &code.right,
            pre: &code.pre,
            start: code.start,
            elsewhere: code.elsewhere.as_ref(),
            export: &agent.export,
            function: &agent.function,
        };
        let given = Given { input, request: self.request, config: self.config, limits };
        let Done { output, length, spent } = match self.request {
            Some(request) if code.is_kept() => {
                call::kept(host, (code.number, request.execution()), target, given).await
            }
            _ => call::once(host, target, given).await,
        };
        let checked = match output {
            Ok(value) => checked(code, agent, value, length).await,
            Err(failure) => Err(failure),
        };
        match checked {
            Ok(value) => Ok(StepOutput::from(value).used(usage(spent))),
            Err(failure) => Err(failure.used(usage(spent))),
        }
    }
}

/// Outputs from this size on are checked where nobody waits for it.
const LARGE: u64 = 64 << 10;

/// The output, if it fits its schema.
async fn checked(
    code: &Code,
    agent: &Arc<AgentCode>,
    value: Value,
    length: u64,
) -> Result<Value, StepFailure> {
    let Some(schema) = &agent.output else { return Ok(value) };
    let (value, mistake) = if length < LARGE {
        let mistake = schema.mistake(&value);
        (value, mistake)
    } else {
        let agent = agent.clone();
        let work = move || {
            let mistake = agent.output.as_ref().and_then(|schema| schema.mistake(&value));
            (value, mistake)
        };
        tokio::task::spawn_blocking(work).await?
    };
    match mistake {
        None => Ok(value),
        Some((mistake, at)) => Err(unfit(code, agent, FailureKind::OUTPUT, "the output of", &mistake, &at)),
    }
}

fn unfit(
    code: &Code,
    agent: &AgentCode,
    kind: FailureKind,
    what: &str,
    mistake: &str,
    at: &str,
) -> StepFailure {
    let (plugin, name) = (&code.manifest.name, &agent.said.name);
    StepFailure::new(kind, format!("plugin `{plugin}`: {what} `{name}` do not fit its schema: {mistake}"))
        .permanent()
        .detail(json!({ "at": at }))
}

fn usage(spent: Spent) -> Usage {
    let half = Duration::from_micros(500);
    Usage {
        api_calls: spent.api_calls,
        network_bytes: spent.network_bytes,
        peak_memory_bytes: spent.peak_memory_bytes,
        cpu_ms: u64::try_from((spent.cpu + half).as_millis()).unwrap_or(u64::MAX),
        ..Usage::default()
    }
}
