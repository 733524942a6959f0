//! A plugin, an engine, and a workflow of one step.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use turbocat_core::{Engine, Execution, Observer, Report, Said, Secrets, StepFailure, Workflow};
use turbocat_plugins::net::Egress;
use turbocat_plugins::wasm::{Grants, Plugin, Plugins, PluginsBuilder, Source};

/// The file of a plugin.
pub(crate) fn file(name: &str) -> PathBuf {
    let folder = std::env::var_os("TURBOCAT_TEST_PLUGINS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins/built")),
        PathBuf::from,
    );
    let file = folder.join(format!("{name}.wasm"));
    assert!(file.is_file(), "there is no {}; `plugins/build.sh` makes it", file.display());
    file
}

/// One secret, `DIRECTORY_KEY`.
pub(crate) struct Key;

pub(crate) const KEY: &str = "correct-horse-battery";

#[async_trait]
impl Secrets for Key {
    async fn secret(&self, name: &str) -> Option<String> {
        (name == "DIRECTORY_KEY").then(|| KEY.to_owned())
    }
}

/// Nobody knows any.
pub(crate) struct NoSecrets;

#[async_trait]
impl Secrets for NoSecrets {
    async fn secret(&self, _: &str) -> Option<String> {
        None
    }
}

/// A host that reaches this machine, with one secret.
pub(crate) fn host() -> PluginsBuilder {
    let egress = Egress::builder().allow("127.0.0.1").build().unwrap();
    // Compiled once for all tests.
    let cache = concat!(env!("CARGO_TARGET_TMPDIR"), "/plugins");
    let key = concat!(env!("CARGO_TARGET_TMPDIR"), "/cache.key");
    Plugins::builder().egress(egress).secrets(Key).pool_size(8).cache_dir(cache).cache_key(key)
}

/// An engine with the agents of one plugin, and what they said.
pub(crate) struct Called {
    pub(crate) plugin: Plugin,
    pub(crate) engine: Engine,
    said: Arc<Heard>,
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Observer for Ear {
    fn report(&self, report: &Report) {
        let line = match &report.said {
            Said::Log { level, message, .. } => format!("{}: {message}", level.word()),
            Said::Progress { value } => format!("progress: {value}"),
            other => format!("{other:?}"),
        };
        self.0.0.lock().unwrap().push(line);
    }
}

struct Ear(Arc<Heard>);

impl Called {
    pub(crate) async fn new(host: PluginsBuilder, name: &str, grants: &[&str]) -> Self {
        Self::of(host, Source::file(file(name)), grants).await
    }

    pub(crate) async fn of(host: PluginsBuilder, source: Source, grants: &[&str]) -> Self {
        let plugins = host.build().unwrap();
        let plugin = plugins.load(source, Grants::parse(grants).unwrap()).await.unwrap();
        let said = Arc::new(Heard::default());
        let builder = Engine::builder().observer(Ear(said.clone()));
        let engine = plugin.register(builder).build();
        Self { plugin, engine, said }
    }

    /// As it asks to be.
    pub(crate) async fn granted(host: PluginsBuilder, name: &str) -> Self {
        let called = Self::new(host, name, &[]).await;
        called.plugin.grant(called.plugin.capabilities().into_iter().collect()).unwrap();
        called
    }

    /// Has an execution of one step ask the agent. The inputs come from outside, so that nothing is
    /// known of them before they arrive.
    pub(crate) async fn execution(&self, agent: &str, inputs: &Value, config: Option<&Value>) -> Execution {
        let tokens: Map<String, Value> = inputs
            .as_object()
            .unwrap()
            .keys()
            .map(|key| (key.clone(), json!(format!("{{{{ inputs.{key} }}}}"))))
            .collect();
        let mut asked = json!({ "type": agent });
        if let Some(config) = config {
            asked["config"] = config.clone();
        }
        let workflow =
            json!({ "agents": { "it": asked }, "steps": { "do": { "agent": "it", "inputs": tokens } } });
        let workflow = Workflow::from_yaml(&workflow.to_string()).unwrap();
        let handle = self.engine.start(&workflow, inputs.clone()).unwrap_or_else(|error| panic!("{error}"));
        handle.wait().await.unwrap()
    }

    /// What came of it.
    pub(crate) async fn with(&self, agent: &str, inputs: Value, config: Value) -> Result<Value, StepFailure> {
        let execution =
            self.execution(agent, &inputs, Some(&config).filter(|config| !config.is_null())).await;
        match execution.steps().next().and_then(|step| step.failure) {
            Some(failure) => Err(failure),
            None => Ok(execution.step_output("do").cloned().unwrap()),
        }
    }

    pub(crate) async fn output(&self, agent: &str, inputs: Value) -> Value {
        self.with(agent, inputs, Value::Null).await.unwrap_or_else(|failure| panic!("{agent}: {failure}"))
    }

    pub(crate) async fn failure(&self, agent: &str, inputs: Value) -> StepFailure {
        self.with(agent, inputs, Value::Null).await.expect_err(agent)
    }

    /// What was said since it was asked last.
    pub(crate) fn said(&self) -> Vec<String> {
        std::mem::take(&mut *self.said.0.lock().unwrap())
    }
}
