//! Hosts to load plugins, and calls that should go well or fail.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use turbocat_core::{AttemptRequest, FailureKind, Said, Secrets, StepFailure, Surroundings};
use turbocat_plugins::wasm::{Call, Grants, Plugin, PluginError, Plugins, PluginsBuilder, Source};

use crate::fixture::Fixture;

impl Fixture {
    pub(crate) fn source(&self) -> Source {
        Source::bytes("fixture", self.bytes())
    }

    /// Loaded by a host of its own, without any grant.
    pub(crate) async fn load(&self) -> Plugin {
        self.load_with(&host(), Grants::none()).await.unwrap()
    }

    pub(crate) async fn load_with(&self, plugins: &Plugins, grants: Grants) -> Result<Plugin, PluginError> {
        plugins.load(self.source(), grants).await
    }
}

/// A host in the making, on the runtime of these tests.
pub(crate) fn builder() -> PluginsBuilder {
    crate::on_runtime(Plugins::builder())
}

/// A small host.
pub(crate) fn host() -> Plugins {
    builder().pool_size(8).build().unwrap()
}

/// Calls an agent with an attempt made by hand.
pub(crate) async fn call(plugin: &Plugin, agent: &str, inputs: Value) -> Result<Value, StepFailure> {
    let request = AttemptRequest::new(inputs);
    plugin.call(agent, Call::of(&request)).await.map(|output| (*output.value).clone())
}

/// Calls an agent that must fail, and gives its failure.
pub(crate) async fn fails(plugin: &Plugin, agent: &str, kind: &'static str) -> StepFailure {
    let failure = call(plugin, agent, json!({})).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::new(kind), "{}", failure.message);
    failure
}

/// Secrets that are all called by their own names, in small letters.
pub(crate) struct Vault(pub(crate) Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Secrets for Vault {
    async fn secret(&self, name: &str) -> Option<String> {
        self.0.lock().unwrap().push(name.to_owned());
        (name != "NONE").then(|| format!("hidden-{}", name.to_lowercase()))
    }
}

/// Listens to what attempts say.
#[derive(Default)]
pub(crate) struct Listener(pub(crate) Mutex<Vec<Said>>);

impl Surroundings for Listener {
    fn report(&self, _: &AttemptRequest, said: Said) {
        self.0.lock().unwrap().push(said);
    }
}
