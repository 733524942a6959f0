//! What a definition may name: agents and workflows, and what they say of themselves.

use std::fmt;

use serde_json::Value;

use crate::diagnostic::suggest;

/// What an agent says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct AgentDescription {
    /// What it does, in a sentence.
    pub description: Option<String>,
    /// JSON Schema of its inputs. `None`: anything.
    pub input: Option<Value>,
    /// JSON Schema of its output. `None`: anything.
    pub output: Option<Value>,
    /// JSON Schema of its configuration. `None`: anything.
    pub config: Option<Value>,
    /// What it must be allowed, such as `http`.
    pub capabilities: Vec<String>,
    /// Settings of the configuration that are URLs: what tokens give inside their text is
    /// percent-encoded. A token at the very beginning is not: it may be the address of a server.
    pub encoded: Vec<String>,
    /// How many attempts of it may run at once, over all executions. `None`: any number.
    pub max_concurrent: Option<u32>,
}

/// Something that is wrong with a configuration: where, what, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadConfig {
    /// The place as a JSON pointer, such as `/conditions/0/operator`; empty for the whole.
    pub at: String,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl BadConfig {
    /// Something wrong at that place, a JSON pointer into the configuration.
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { at: pointer.into(), message: message.into(), help: None }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with `did you mean` when `wanted` is close to one of `offered`; otherwise with a
    /// short list of what there is.
    #[must_use]
    pub fn suggest<'a>(mut self, wanted: &str, offered: impl IntoIterator<Item = &'a str>) -> Self {
        self.help = suggest(wanted, offered);
        self
    }
}

impl fmt::Display for BadConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The agents and workflows a definition may name, for `compile`.
pub trait Catalog {
    /// What the agent of that name says of itself, if there is one.
    fn agent(&self, name: &str) -> Option<&AgentDescription>;

    /// The names of all agents, for suggestions.
    fn agent_names(&self) -> Vec<&str>;

    /// What is wrong with a configuration for that agent.
    fn check_config(&self, agent: &str, config: &Value) -> Vec<BadConfig> {
        let _ = (agent, config);
        Vec::new()
    }

    /// The inputs of the workflow of that name, if there is one; `None` inside: anything.
    fn workflow(&self, name: &str) -> Option<Option<&Value>>;

    /// The names of all workflows, for suggestions.
    fn workflow_names(&self) -> Vec<&str>;
}

/// A catalog that knows every name and nothing about any: for tools that have no agents at hand.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyAgent;

static ANY: AgentDescription = AgentDescription {
    description: None,
    input: None,
    output: None,
    config: None,
    capabilities: Vec::new(),
    encoded: Vec::new(),
    max_concurrent: None,
};

impl Catalog for AnyAgent {
    fn agent(&self, _: &str) -> Option<&AgentDescription> {
        Some(&ANY)
    }

    fn agent_names(&self) -> Vec<&str> {
        Vec::new()
    }

    fn workflow(&self, _: &str) -> Option<Option<&Value>> {
        Some(None)
    }

    fn workflow_names(&self) -> Vec<&str> {
        Vec::new()
    }
}
