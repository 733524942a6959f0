//! All agents of this crate, registered at once under the names workflows know them by.

use turbocat_core::EngineBuilder;

/// What the agents of this crate share.
///
/// Add nothing and they reach nothing inside.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builtin {
    #[cfg(feature = "net")]
    egress: crate::net::Egress,
    #[cfg(feature = "llm")]
    llm: Option<crate::llm::LlmAgent>,
    #[cfg(feature = "code")]
    code: Option<std::sync::Arc<crate::code::CodeAgent>>,
}

impl Builtin {
    /// With nothing but defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The way out for all agents that have one. Default: nothing inside is allowed.
    #[cfg(feature = "net")]
    pub fn egress(mut self, egress: crate::net::Egress) -> Self {
        self.egress = egress;
        self
    }

    /// An `llm` agent that was set up: with other addresses, keys or prices. It has a way out of its
    /// own. Default: the providers' addresses, keys of the environment, the way out of all.
    #[cfg(feature = "llm")]
    pub fn llm(mut self, agent: crate::llm::LlmAgent) -> Self {
        self.llm = Some(agent);
        self
    }

    /// A `code` agent. Its sandbox lives in a host of plugins, which has to be there first:
    /// `CodeAgent::new(&Plugins::builder().build()?).await?`. Default: none, so that whoever wants no
    /// code does not wait for its sandbox to be compiled.
    #[cfg(feature = "code")]
    pub fn code(mut self, agent: crate::code::CodeAgent) -> Self {
        self.code = Some(std::sync::Arc::new(agent));
        self
    }
}

/// Registers the agents of this crate, those whose features are on: `generic`, `api`, `llm`, `data`,
/// and `code` if it was [given](Builtin::code). Plugins register
/// [themselves](crate::wasm::Plugin::register), and the agent `workflow` is known to every engine.
///
/// ```
/// use turbocat_core::Engine;
/// use turbocat_plugins::{Builtin, builtin};
///
/// let engine = builtin(Engine::builder(), &Builtin::new()).build();
/// ```
pub fn builtin(builder: EngineBuilder, settings: &Builtin) -> EngineBuilder {
    let _ = settings;
    let builder = builder.agent("generic", crate::generic::GenericAgent);
    #[cfg(feature = "api")]
    let builder = builder.agent("api", crate::api::ApiAgent::new(settings.egress.clone()));
    #[cfg(feature = "llm")]
    let builder = builder.agent(
        "llm",
        match &settings.llm {
            Some(agent) => agent.clone(),
            None => crate::llm::LlmAgent::builder().egress(settings.egress.clone()).build(),
        },
    );
    #[cfg(feature = "data")]
    let builder = builder.agent("data", crate::data::DataAgent::new());
    #[cfg(feature = "code")]
    let builder = match &settings.code {
        Some(agent) => builder.shared_agent("code", agent.clone()),
        None => builder,
    };
    builder
}
