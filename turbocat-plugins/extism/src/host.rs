//! The second host, and its agents.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use extism::{CompiledPlugin, PluginBuilder, Wasm};
use jsonschema::Validator;
use serde_json::Value;
use turbocat_core::{
    AgentDescription, AgentExecutor, AttemptRequest, FailureKind, Secrets, StepFailure, StepOutput,
};
use turbocat_pdk::wire::{Capability, MANIFEST_EXPORT, Manifest, ManifestAgent};
use turbocat_plugins::wasm::{Grants, MemoryState, StateStore};

use crate::failure::{self, Most};
use crate::functions::{self, Context};

/// Loads plugins on the official runtime of Extism.
pub struct ExtismPlugins {
    secrets: Option<Arc<dyn Secrets>>,
    state: Arc<dyn StateStore>,
    most: Most,
}

/// Why a plugin cannot be loaded.
#[derive(Debug)]
pub struct ExtismError(String);

impl fmt::Display for ExtismError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ExtismError {}

impl ExtismPlugins {
    /// One without secrets that gives a call so much memory and time.
    pub fn new(memory_bytes: u64, time: Duration) -> Self {
        let state = Arc::new(MemoryState::default());
        Self { secrets: None, state, most: Most { memory_bytes, time } }
    }

    /// The same with secrets.
    #[must_use]
    pub fn secrets(mut self, secrets: impl Secrets) -> Self {
        self.secrets = Some(Arc::new(secrets));
        self
    }

    /// Loads a plugin and gives its agents by name. It says itself what it is; one that does not is
    /// what `manifest` says.
    ///
    /// # Errors
    /// If it is no module, needs what the runtime does not have, or says what cannot be true.
    pub async fn load(
        &self,
        wasm: Vec<u8>,
        manifest: Option<Manifest>,
        grants: Grants,
    ) -> Result<Vec<(String, Arc<dyn AgentExecutor>)>, ExtismError> {
        let wrong = |what: &dyn fmt::Display| ExtismError(what.to_string());
        let most = self.most;
        let compiled = blocking(move || compile(wasm, most)).await?.map_err(|error| wrong(&format!("{error:#}")))?;
        let compiled = Arc::new(compiled);
        let manifest = match manifest {
            Some(manifest) => manifest,
            None => {
                let asked = self.context(String::new(), Grants::none());
                let said = compiled.clone();
                let json = blocking(move || call(&said, MANIFEST_EXPORT, &[], asked)).await?;
                let json = json.map_err(|error| wrong(&format!("it cannot say what it is: {error:#}")))?;
                Manifest::read(&json).map_err(|error| wrong(&error))?
            }
        };
        manifest.check().map_err(|error| wrong(&error))?;
        let probe = extism::Plugin::new_from_compiled(&compiled).map_err(|error| wrong(&format!("{error:#}")))?;
        let mut agents: Vec<(String, Arc<dyn AgentExecutor>)> = Vec::new();
        for said in &manifest.agents {
            let function = said.export();
            if !probe.function_exists(&function) {
                return Err(ExtismError(format!("agent `{}` names the function `{function}`, which is not exported", said.name)));
            }
            let schema = |schema: &Option<Value>| {
                let schema = schema.as_ref().map(jsonschema::validator_for).transpose();
                schema.map_err(|error| ExtismError(format!("agent `{}` has no valid JSON Schema: {error}", said.name)))
            };
            let agent = Agent {
                input: schema(&said.input)?,
                output: schema(&said.output)?,
                said: said.clone(),
                function,
                compiled: compiled.clone(),
                context: self.context(manifest.name.clone(), grants.clone()),
                most,
            };
            agents.push((said.name.clone(), Arc::new(agent)));
        }
        Ok(agents)
    }

    fn context(&self, plugin: String, grants: Grants) -> Context {
        Context {
            plugin,
            grants,
            secrets: self.secrets.clone(),
            state: self.state.clone(),
            runtime: tokio::runtime::Handle::current(),
            ended: Arc::default(),
        }
    }
}

impl fmt::Debug for ExtismPlugins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtismPlugins").finish_non_exhaustive()
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ExtismError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ExtismError(error.to_string()))
}

fn compile(wasm: Vec<u8>, most: Most) -> Result<CompiledPlugin, extism::Error> {
    // Built here, field by field: a manifest of a stranger's may name memory of this program.
    let pages = u32::try_from(most.memory_bytes >> 16).unwrap_or(u32::MAX);
    let manifest = extism::Manifest::new([Wasm::data(wasm)]).with_memory_max(pages).with_timeout(most.time);
    PluginBuilder::new(manifest).with_wasi(true).with_functions(functions::all()).with_cache_disabled().compile()
}

/// A clean instance for each call, as Turbocat's own host has it.
fn call(compiled: &CompiledPlugin, function: &str, input: &[u8], context: Context) -> Result<Vec<u8>, extism::Error> {
    let mut plugin = extism::Plugin::new_from_compiled(compiled)?;
    plugin.call_with_host_context(function, input, context)
}

struct Agent {
    said: ManifestAgent,
    function: String,
    compiled: Arc<CompiledPlugin>,
    context: Context,
    input: Option<Validator>,
    output: Option<Validator>,
    most: Most,
}

#[async_trait]
impl AgentExecutor for Agent {
    fn describe(&self) -> AgentDescription {
        let mut description = AgentDescription::default();
        description.description.clone_from(&self.said.description);
        description.input.clone_from(&self.said.input);
        description.output.clone_from(&self.said.output);
        description.max_concurrent = self.said.max_concurrent;
        description
    }

    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        let unfit = |kind: FailureKind, what: String| StepFailure::new(kind, what).permanent();
        check(self.input.as_ref(), &request.inputs).map_err(|what| unfit(FailureKind::INPUT, what))?;
        let input = serde_json::to_vec(&*request.inputs)?;
        let ended = Arc::<Mutex<Option<StepFailure>>>::default();
        let context = Context { ended: ended.clone(), ..self.context.clone() };
        let (compiled, function) = (self.compiled.clone(), self.function.clone());
        let done = tokio::task::spawn_blocking(move || call(&compiled, &function, &input, context)).await?;
        if let Some(failure) = ended.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(failure);
        }
        let bytes = done.map_err(|error| self.failed(&error))?;
        if bytes.is_empty() {
            return Ok(Value::Null.into());
        }
        let output: Value = serde_json::from_slice(&bytes)
            .map_err(|error| unfit(FailureKind::OUTPUT, format!("the output is no JSON: {error}")))?;
        check(self.output.as_ref(), &output).map_err(|what| unfit(FailureKind::OUTPUT, what))?;
        Ok(output.into())
    }
}

impl Agent {
    fn failed(&self, error: &extism::Error) -> StepFailure {
        let words = format!("{error:#}");
        // The runtime without its client says so in words; the method it does not say.
        if let Some((_, rest)) = words.split_once("http_request is not enabled, request to ")
            && let Some(url) = rest.split_whitespace().next()
            && let Some(host) = url.split('/').nth(2)
            && let Ok(capability) = format!("http GET {host}").parse::<Capability>()
        {
            return functions::denied(&self.context.plugin, &capability);
        }
        failure::of_call(&self.context.plugin, &self.function, error, self.most)
    }
}

fn check(schema: Option<&Validator>, value: &Value) -> Result<(), String> {
    match schema.map(|schema| schema.validate(value)) {
        Some(Err(error)) => Err(error.to_string()),
        _ => Ok(()),
    }
}
