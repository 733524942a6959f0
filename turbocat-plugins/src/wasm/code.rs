//! A plugin's code and what is known of it: manifest, agents with their schemas, limits, rights.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use turbocat_pdk::wire::{Manifest, ManifestAgent, StateKind};
use wasmtime::{InstancePre, Module, ModuleExport};

use super::digest::Digest;
use super::error::{PluginError, PluginErrorKind};
use super::guest::{Guest, Right};
use super::limits::Limits;
use super::module::{self, Ready};
use super::runtime::Runnable;
use super::schema::{self, Schema};

/// The code of a plugin. A plugin that is replaced has another.
#[derive(Clone)]
pub(super) struct Code {
    /// Another for each code, also if the digest is the same.
    pub(super) number: u64,
    pub(super) digest: Digest,
    pub(super) size: usize,
    pub(super) manifest: Manifest,
    pub(super) right: Arc<Right>,
    pub(super) limits: Limits,
    pub(super) pre: InstancePre<Guest>,
    pub(super) start: Option<&'static str>,
    pub(super) elsewhere: Option<Arc<dyn Runnable>>,
    agents: HashMap<String, Arc<AgentCode>>,
}

static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// What is known of one agent.
pub(super) struct AgentCode {
    pub(super) said: ManifestAgent,
    pub(super) function: String,
    pub(super) export: ModuleExport,
    pub(super) input: Option<Schema>,
    pub(super) output: Option<Schema>,
}

/// What a code is made of.
pub(super) struct Parts {
    pub(super) digest: Digest,
    pub(super) size: usize,
    pub(super) manifest: Manifest,
    pub(super) right: Arc<Right>,
    pub(super) limits: Limits,
}

impl Code {
    /// Holds what the manifest says against the module.
    pub(super) fn new(module: &Module, ready: Ready, parts: Parts) -> Result<Self, PluginError> {
        let Parts { digest, size, manifest, right, limits } = parts;
        let mut agents = HashMap::new();
        for said in &manifest.agents {
            agents.insert(said.name.clone(), Arc::new(AgentCode::new(&manifest.name, said, module)?));
        }
        let Ready { pre, start, elsewhere } = ready;
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Ok(Self { number, digest, size, manifest, right, limits, pre, start, elsewhere, agents })
    }

    /// The agent of that name.
    pub(super) fn agent(&self, name: &str) -> Option<&Arc<AgentCode>> {
        self.agents.get(name)
    }

    /// The same code with other rights and limits, for the calls that begin from now on.
    pub(super) fn with(&self, right: Right, limits: Limits) -> Self {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self { number, right: Arc::new(right), limits, ..self.clone() }
    }

    /// Whether an instance lives as long as an execution. Another runtime has a clean one for each
    /// call.
    pub(super) fn is_kept(&self) -> bool {
        self.elsewhere.is_none() && self.manifest.state == StateKind::Execution
    }

    /// Whether it can take the place of `old` while workflows go on that were checked against it.
    pub(super) fn check_replaces(&self, old: &Self) -> Result<(), PluginError> {
        let name = &old.manifest.name;
        let wrong = |what: String| {
            PluginError::new(PluginErrorKind::Incompatible, format!("plugin `{name}` {what}"))
                .help("load it as a plugin of its own, and let workflows that go on end with the old one")
        };
        if self.manifest.name != *name {
            return Err(wrong(format!("cannot be replaced by plugin `{}`", self.manifest.name)));
        }
        for was in &old.manifest.agents {
            let agent = &was.name;
            let Some(now) = self.agents.get(agent) else {
                return Err(wrong(format!("would lose its agent `{agent}`")));
            };
            // It must take what the old one took, and give what the old one gave.
            for (of, misfit) in [
                ("inputs", schema::misfit(was.input.as_ref(), now.said.input.as_ref())),
                ("configuration", schema::misfit(was.config.as_ref(), now.said.config.as_ref())),
                ("output", schema::misfit(now.said.output.as_ref(), was.output.as_ref())),
            ] {
                if let Some(why) = misfit {
                    return Err(wrong(format!("would change the {of} of its agent `{agent}`: {why}")));
                }
            }
        }
        Ok(())
    }
}

impl AgentCode {
    fn new(plugin: &str, said: &ManifestAgent, module: &Module) -> Result<Self, PluginError> {
        let (name, function) = (&said.name, said.export());
        let wrong = |what: String| {
            PluginError::new(PluginErrorKind::Manifest, format!("plugin `{plugin}`: agent `{name}` {what}"))
        };
        let export = module.get_export_index(&function).filter(|_| module::is_call(module, &function));
        let Some(export) = export else {
            let has = module.get_export(&function).is_some();
            let what = if has { "is no function `() -> i32`" } else { "is not exported" };
            return Err(wrong(format!("names the function `{function}`, which {what}"))
                .help("export the function, or name the one that does the work as `function`"));
        };
        let schema = |of: &str, schema: &Option<serde_json::Value>| {
            let ready = schema.as_ref().map(Schema::new).transpose();
            ready.map_err(|error| wrong(format!("has no valid JSON Schema for its {of}: {error}")))
        };
        let (input, output) = (schema("input", &said.input)?, schema("output", &said.output)?);
        schema("config", &said.config)?;
        Ok(Self { said: said.clone(), function, export, input, output })
    }
}
