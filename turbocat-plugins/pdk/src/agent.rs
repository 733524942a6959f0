//! What `#[agent]` and `plugin!` write into a plugin stands on: agents as types, their schemas,
//! the manifest. Not for use by hand.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::context::Context;
use crate::failure::Failure;
use crate::wire::{Capability, Limits, Manifest, ManifestAgent, StateKind};

/// A function that `#[agent]` stands on.
pub trait Agent {
    /// What it asks for.
    const CAPABILITIES: &'static [&'static str];

    /// What the manifest says of it.
    fn describe() -> ManifestAgent;

    /// Reads the inputs, does the work, writes the output.
    ///
    /// # Errors
    /// If the inputs do not fit or the work fails.
    fn answer(inputs: &[u8], context: &Context) -> Result<Vec<u8>, Failure>;
}

/// What a function that is an agent may answer with.
#[diagnostic::on_unimplemented(
    message = "an agent cannot answer with `{Self}`",
    label = "an agent answers with a `Result<_, Failure>`",
    note = "the value must be `Serialize` and `JsonSchema`, the error convertible into `Failure`"
)]
pub trait Answer {
    /// The output.
    type Output: JsonSchema;

    /// The output as JSON.
    ///
    /// # Errors
    /// If the work failed, or the output cannot be written.
    fn write(self) -> Result<Vec<u8>, Failure>;
}

impl<T: Serialize + JsonSchema, E: Into<Failure>> Answer for Result<T, E> {
    type Output = T;

    fn write(self) -> Result<Vec<u8>, Failure> {
        let output = self.map_err(Into::into)?;
        serde_json::to_vec(&output).map_err(|error| {
            Failure::new("output", format!("the output cannot be written as JSON: {error}")).permanent()
        })
    }
}

/// What an agent is, before its names are compared.
#[derive(Debug)]
pub struct Description {
    /// The name that workflows use.
    pub name: &'static str,
    /// The export that does the work.
    pub export: &'static str,
    /// What it does.
    pub description: Option<&'static str>,
    /// Schema of its inputs.
    pub input: Option<Value>,
    /// Schema of its output.
    pub output: Value,
    /// Schema of its configuration.
    pub config: Option<Value>,
    /// How many attempts may be made at once.
    pub max_concurrent: Option<u32>,
}

impl From<Description> for ManifestAgent {
    fn from(from: Description) -> Self {
        let mut agent = Self {
            name: from.name.to_owned(),
            description: from.description.map(str::to_owned),
            input: from.input,
            output: Some(from.output),
            config: from.config,
            max_concurrent: from.max_concurrent,
            function: None,
        };
        if agent.export() != from.export {
            agent.function = Some(from.export.to_owned());
        }
        agent
    }
}

/// What `plugin!` says, apart from the agents.
#[derive(Debug)]
pub struct Declaration {
    /// The name of the plugin.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What it is for; empty: nothing is said.
    pub description: &'static str,
    /// How much it needs.
    pub limits: Limits,
    /// How long its memory lives.
    pub state: StateKind,
}

impl Declaration {
    /// The manifest with these agents, asking for all of these capabilities.
    ///
    /// # Errors
    /// If it breaks a rule of manifests.
    pub fn manifest(self, agents: Vec<ManifestAgent>, asked: &[&[&str]]) -> Result<Manifest, Failure> {
        let wrong = |error: &dyn std::fmt::Display| Failure::new("manifest", error.to_string()).permanent();
        let mut manifest = Manifest::new(self.name, self.version);
        manifest.description = Some(self.description.to_owned()).filter(|text| !text.is_empty());
        manifest.agents = agents;
        manifest.limits = self.limits;
        manifest.state = self.state;
        for text in asked.iter().copied().flatten() {
            let capability: Capability = text.parse().map_err(|error: crate::wire::CapabilityError| {
                wrong(&format_args!("{error}; help: {}", error.help()))
            })?;
            if !manifest.capabilities.contains(&capability) {
                manifest.capabilities.push(capability);
            }
        }
        manifest.check().map_err(|error| wrong(&error))?;
        Ok(manifest)
    }
}

/// Reads the inputs of a step.
///
/// # Errors
/// If they do not fit: a failure of kind `input` that no further attempt would mend.
pub fn read<T: DeserializeOwned>(inputs: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(inputs)
        .map_err(|error| Failure::new("input", format!("the inputs do not fit: {error}")).permanent())
}

/// The schema of what is read: inputs, configuration.
pub fn schema_of_what_is_read<T: JsonSchema>() -> Value {
    schema::<T>(SchemaSettings::draft2020_12())
}

/// The schema of what a function answers with.
pub fn schema_of_answer<A: Answer>() -> Value {
    schema::<A::Output>(SchemaSettings::draft2020_12().for_serialize())
}

fn schema<T: JsonSchema>(mut settings: SchemaSettings) -> Value {
    // Which draft it is need not stand in every schema of a manifest.
    settings.meta_schema = None;
    SchemaGenerator::new(settings).into_root_schema_for::<T>().to_value()
}
