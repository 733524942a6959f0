//! A loaded plugin: what it is, its agents, and how it is replaced while it is in use.

use std::fmt;
use std::sync::Arc;

use turbocat_core::{AgentExecutor, EngineBuilder, FailureKind, StepFailure, StepOutput};
use turbocat_pdk::wire::{Capability, Manifest};

use super::agent::{Call, PluginAgent};
use super::code::Code;
use super::digest::Digest;
use super::error::PluginError;
use super::grants::Grants;
use super::guest::Right;
use super::host::Host;
use super::limits::Limits;
use super::load;
use super::loaded::Loaded;
use super::source::Source;

/// A loaded plugin. Cloning it is cheap; all clones and all its agents are replaced together.
#[derive(Clone)]
pub struct Plugin {
    pub(super) loaded: Arc<Loaded>,
}

impl Plugin {
    pub(super) fn new(host: Arc<Host>, code: Code) -> Self {
        Self { loaded: Arc::new(Loaded::new(host, code)) }
    }

    pub(super) fn code(&self) -> Arc<Code> {
        self.loaded.code()
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.code().manifest.name.clone()
    }

    /// Its version.
    pub fn version(&self) -> String {
        self.code().manifest.version.clone()
    }

    /// The digest of its file.
    pub fn digest(&self) -> Digest {
        self.code().digest
    }

    /// The size of its file, in bytes.
    pub fn size(&self) -> usize {
        self.code().size
    }

    /// What it says of itself.
    pub fn manifest(&self) -> Manifest {
        self.code().manifest.clone()
    }

    /// What it asks for.
    pub fn capabilities(&self) -> Vec<Capability> {
        self.code().manifest.capabilities.clone()
    }

    /// What it may do.
    pub fn grants(&self) -> Grants {
        self.code().right.grants.clone()
    }

    /// How much a call of it may take.
    pub fn limits(&self) -> Limits {
        self.code().limits.clone()
    }

    /// Its agents, by name.
    pub fn agents(&self) -> Vec<(String, Arc<dyn AgentExecutor>)> {
        let agent =
            |name: &str| -> Arc<dyn AgentExecutor> { Arc::new(PluginAgent::new(self.loaded.clone(), name)) };
        let code = self.code();
        code.manifest.agents.iter().map(|said| (said.name.clone(), agent(&said.name))).collect()
    }

    /// Registers its agents with an engine, each under its name and under its name and the major
    /// version, such as `greet` and `greet@1`: a workflow that must not meet another version names
    /// that.
    pub fn register(&self, builder: EngineBuilder) -> EngineBuilder {
        let version = self.version();
        let major = version.split('.').next().unwrap_or_default();
        self.agents().into_iter().fold(builder, |builder, (name, agent)| {
            builder.shared_agent(&format!("{name}@{major}"), agent.clone()).shared_agent(&name, agent)
        })
    }

    /// Calls an agent outside of a workflow, or with other inputs, limits or configuration than the
    /// attempt at hand.
    ///
    /// # Errors
    /// What the agent fails with; of kind `unknown` if there is none of that name.
    pub async fn call(&self, agent: &str, call: Call<'_>) -> Result<StepOutput, StepFailure> {
        let code = self.code();
        let Some(agent) = code.agent(agent).cloned() else {
            let name = &code.manifest.name;
            let message = format!("plugin `{name}` has no agent `{}`", agent.escape_debug());
            return Err(StepFailure::new(FailureKind::UNKNOWN, message).permanent());
        };
        call.of_agent(&self.loaded.host, &code, &agent).await
    }

    /// Lets it do something else from the next call on. Instances kept for executions are begun anew.
    ///
    /// # Errors
    /// If it asks for more than this host gives to anybody, or is to keep state and another plugin of
    /// its name does so.
    pub fn grant(&self, grants: Grants) -> Result<(), PluginError> {
        let mut code = self.loaded.replacing();
        let limits = load::limits(&self.loaded.host, &code.manifest, &grants)?;
        let world = self.loaded.host.world.clone();
        let right = Right::new(&code.manifest.name, code.right.owner, code.digest, grants, world)?;
        *code = Arc::new(code.with(right, limits));
        Ok(())
    }

    /// Puts another version in its place, for the calls that begin from now on; those that go on end
    /// with the old one. The same file with the same grants changes nothing.
    ///
    /// Engines were told of the agents when they were registered, so nothing may vanish: it must have
    /// the same name and all agents of the old one, and they must take and give what theirs did.
    ///
    /// # Errors
    /// As [`Plugins::load`](super::Plugins::load), and if it cannot take the other's place. The old
    /// one stays then.
    pub async fn replace(&self, source: Source, grants: Grants) -> Result<(), PluginError> {
        let new = load::load(&self.loaded.host, source, grants, self.code().right.owner).await?;
        let mut code = self.loaded.replacing();
        if new.digest == code.digest && new.manifest == code.manifest && new.right.grants == code.right.grants
        {
            return Ok(());
        }
        new.check_replaces(&code)?;
        *code = Arc::new(new);
        Ok(())
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code();
        f.debug_struct("Plugin")
            .field("name", &code.manifest.name)
            .field("version", &code.manifest.version)
            .field("digest", &code.digest)
            .finish_non_exhaustive()
    }
}
