//! What a definition may name: agents and workflows, and what they say of themselves.

use serde_json::Value;

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
    /// How many attempts of it may run at once, over all executions. `None`: any number.
    pub max_concurrent: Option<u32>,
}

/// The agents and workflows a definition may name, for `compile`.
pub trait Catalog {
    /// What the agent of that name says of itself, if there is one.
    fn agent(&self, name: &str) -> Option<&AgentDescription>;

    /// The names of all agents, for suggestions.
    fn agent_names(&self) -> Vec<&str>;

    /// What is wrong with a configuration for that agent, in sentences.
    fn check_config(&self, agent: &str, config: &Value) -> Vec<String> {
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
