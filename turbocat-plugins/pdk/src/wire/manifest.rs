//! What a plugin says of itself.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::capability::Capability;
use super::name;

/// The longest manifest that is read, in bytes.
const MANIFEST: usize = 1 << 20;
/// The longest description, in bytes.
const DESCRIPTION: usize = 2_000;
/// The most agents of a plugin.
const AGENTS: usize = 256;
/// The most capabilities of a plugin.
const CAPABILITIES: usize = 64;

/// What a plugin says of itself. Nothing in it is taken on trust: what it asks for must be
/// granted, and inputs and outputs are checked against the schemas it names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// The name of the plugin.
    pub name: String,
    /// Its version, such as `1.4.0`.
    pub version: String,
    /// What it is for, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its agents.
    pub agents: Vec<ManifestAgent>,
    /// What it asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<Capability>,
    /// How much it needs at most, in a call. The host may allow less.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// How long its memory lives.
    #[serde(default, skip_serializing_if = "StateKind::is_call")]
    pub state: StateKind,
}

/// What a plugin says of one of its agents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManifestAgent {
    /// The name that workflows use.
    pub name: String,
    /// What it does, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The export that does the work. `None`: see [`export`](Self::export).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// JSON Schema of its inputs. `None`: anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// JSON Schema of its output. `None`: anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// JSON Schema of its configuration. `None`: anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
    /// How many attempts of it may be made at once, over all executions. `None`: any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<u32>,
}

impl ManifestAgent {
    /// The export that does the work: `function`, or else the name with `_` for every `-`.
    pub fn export(&self) -> String {
        self.function.clone().unwrap_or_else(|| self.name.replace('-', "_"))
    }
}

/// How much a call of a plugin may take at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// Memory, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Time, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<u64>,
    /// The output, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
}

impl Limits {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How long the memory of a plugin lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StateKind {
    /// For one call: the next begins anew. The default, because then no call can harm another.
    #[default]
    Call,
    /// For all calls of one execution, never for two executions.
    Execution,
}

impl StateKind {
    const fn is_call(&self) -> bool {
        matches!(self, Self::Call)
    }
}

impl Manifest {
    /// A manifest with a name and a version, and nothing else.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            description: None,
            agents: Vec::new(),
            capabilities: Vec::new(),
            limits: Limits::default(),
            state: StateKind::Call,
        }
    }

    /// Reads and [checks](Self::check) what a plugin answers.
    ///
    /// # Errors
    /// If it is too long, is not a manifest, or breaks a rule.
    pub fn read(json: &[u8]) -> Result<Self, ManifestError> {
        if json.len() > MANIFEST {
            return wrong(format!("the manifest has {} bytes, and {MANIFEST} are the most", json.len()));
        }
        let manifest: Self = serde_json::from_slice(json)
            .map_err(|error| ManifestError(format!("the manifest cannot be read: {error}")))?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Whether it keeps the rules: names and versions that are some, at least one agent, no name
    /// twice, no limit of zero, schemas that are objects or booleans.
    ///
    /// # Errors
    /// The first rule that is broken, and where.
    pub fn check(&self) -> Result<(), ManifestError> {
        const NAMES: &str = "letters, digits, `-`, `_` and `.`, 64 at most";
        if !name::is_agent_name(&self.name) {
            return wrong(format!("the plugin's name `{}` is none; names are {NAMES}", shown(&self.name)));
        }
        if !name::is_version(&self.version) {
            let version = shown(&self.version);
            return wrong(format!("`{version}` is no version; versions are such as `1.4.0`"));
        }
        check_description("the plugin", self.description.as_deref())?;
        match self.agents.len() {
            0 => return wrong("the manifest names no agent".to_owned()),
            agents if agents > AGENTS => {
                return wrong(format!("the manifest names {agents} agents, and {AGENTS} are the most"));
            }
            _ => {}
        }
        let mut names = std::collections::BTreeSet::new();
        for agent in &self.agents {
            if !name::is_agent_name(&agent.name) {
                let name = shown(&agent.name);
                return wrong(format!("`{name}` is no name of an agent; names are {NAMES}"));
            }
            if !names.insert(&agent.name) {
                return wrong(format!("the manifest names agent `{}` twice", agent.name));
            }
            agent.check()?;
        }
        if self.capabilities.len() > CAPABILITIES {
            let asked = self.capabilities.len();
            return wrong(format!(
                "the manifest asks for {asked} capabilities, and {CAPABILITIES} are the most"
            ));
        }
        let limits = [
            ("memoryBytes", self.limits.memory_bytes),
            ("timeMs", self.limits.time_ms),
            ("outputBytes", self.limits.output_bytes),
        ];
        match limits.iter().find(|(_, limit)| *limit == Some(0)) {
            Some((name, _)) => wrong(format!("the limit `{name}` is zero: no call could keep it")),
            None => Ok(()),
        }
    }
}

impl ManifestAgent {
    fn check(&self) -> Result<(), ManifestError> {
        let name = &self.name;
        check_description(&format!("agent `{name}`"), self.description.as_deref())?;
        let function = self.export();
        if !name::is_function_name(&function) {
            let function = shown(&function);
            return wrong(format!("agent `{name}` names the function `{function}`, which can be no agent's"));
        }
        if self.max_concurrent == Some(0) {
            return wrong(format!("`maxConcurrent` of agent `{name}` is zero: it would never be called"));
        }
        for (of, schema) in [("input", &self.input), ("output", &self.output), ("config", &self.config)] {
            if schema.as_ref().is_some_and(|schema| !schema.is_object() && !schema.is_boolean()) {
                return wrong(format!(
                    "`{of}` of agent `{name}` is no JSON Schema: it is neither object nor boolean"
                ));
            }
        }
        Ok(())
    }
}

fn check_description(of: &str, description: Option<&str>) -> Result<(), ManifestError> {
    match description {
        Some(text) if text.len() > DESCRIPTION => {
            wrong(format!("the description of {of} has {} bytes, and {DESCRIPTION} are the most", text.len()))
        }
        _ => Ok(()),
    }
}

/// A text of a stranger as it may stand in a message.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(64).flat_map(char::escape_debug).collect();
    if text.chars().nth(64).is_some() {
        shown.push('…');
    }
    shown
}

fn wrong<T>(message: String) -> Result<T, ManifestError> {
    Err(ManifestError(message))
}

/// Why a manifest is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError(String);

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ManifestError {}
