//! The tools a model may call, and who does what they do.

use serde_json::{Map, Value};
use turbocat_core::BadConfig;

use super::format::identifier;
use super::reader::{Fields, Node, Reader};
use crate::llm::conversation::ANSWER_TOOL;

/// A tool as it is written down.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    /// JSON Schema of the arguments; `None`: what the agent or workflow takes.
    pub(crate) parameters: Option<Value>,
    pub(crate) by: By,
    /// Inputs the model has no say in.
    pub(crate) inputs: Map<String, Value>,
}

/// Who answers a call.
#[derive(Clone, Debug)]
pub(crate) enum By {
    Agent {
        name: String,
        config: Value,
    },
    Workflow {
        name: String,
    },
    /// Whoever gets the output: the calls are in it.
    Caller,
}

impl Reader {
    pub(super) fn tools(&mut self, fields: &mut Fields<'_>) -> Vec<Tool> {
        let Some(node) = fields.take("tools") else { return Vec::new() };
        let Some(list) = self.list(&node, "a list of tools") else { return Vec::new() };
        let mut tools: Vec<Tool> = Vec::new();
        for node in list {
            let Some(tool) = self.tool(&node) else { continue };
            if tools.iter().any(|other| other.name == tool.name) {
                let fault = BadConfig::at(node.at, format!("a second tool `{}`", tool.name));
                self.fault(fault.help("give it a `name` of its own"));
                continue;
            }
            tools.push(tool);
        }
        tools
    }

    fn tool(&mut self, node: &Node<'_>) -> Option<Tool> {
        let mut fields = self.object(node, "an object with `name`, `agent` or `workflow`")?;
        let name = fields.take("name").and_then(|node| self.tool_name(&node));
        let description = fields.take("description").and_then(|node| self.text(&node));
        let parameters = fields.take("parameters");
        let agent = fields.take("agent").and_then(|node| self.name(&node));
        let workflow = fields.take("workflow").and_then(|node| self.name(&node));
        let config = fields.take("config");
        let inputs = fields.take("inputs").and_then(|node| match node.value {
            Value::Object(map) => Some(map.clone()),
            _ => self.object(&node, "an object of inputs").and(None),
        });
        self.finish(&fields);
        let as_written = self.as_written;
        let comes_later = |name: &str| fields.has(name) && as_written;
        if fields.has("agent") && fields.has("workflow") {
            self.fault(BadConfig::at(&node.at, "`agent` and `workflow` exclude each other"));
            return None;
        }
        if let Some(config) = config.as_ref().filter(|_| !fields.has("agent")) {
            self.fault(BadConfig::at(&config.at, "`config` is for tools that an `agent` answers"));
        }
        let by = match (agent, workflow) {
            (Some(name), _) => {
                let config = config.map_or_else(|| Value::Object(Map::new()), |node| node.value.clone());
                By::Agent { name, config }
            }
            (None, Some(name)) => By::Workflow { name },
            (None, None) if comes_later("agent") || comes_later("workflow") => return None,
            (None, None) => By::Caller,
        };
        if matches!(by, By::Caller) {
            if !fields.has("name") {
                let fault = BadConfig::at(
                    &node.at,
                    "a tool needs a `name`, or the `agent` or `workflow` that answers it",
                );
                self.fault(fault);
                return None;
            }
            if inputs.is_some() {
                let at = format!("{}/inputs", node.at);
                self.fault(BadConfig::at(
                    at,
                    "`inputs` are for tools that an `agent` or a `workflow` answers",
                ));
            }
        }
        let name = match (name, &by) {
            (Some(name), _) => name,
            (None, _) if fields.has("name") => return None,
            (None, By::Agent { name, .. } | By::Workflow { name }) => identifier(name),
            (None, By::Caller) => return None,
        };
        if name == ANSWER_TOOL {
            self.fault(BadConfig::at(
                &node.at,
                format!("a tool cannot be called `{ANSWER_TOOL}`: it is how some models answer"),
            ));
            return None;
        }
        let parameters = match parameters {
            None => None,
            Some(node) => Some(self.parameters(&node)?),
        };
        Some(Tool { name, description, parameters, by, inputs: inputs.unwrap_or_default() })
    }

    fn tool_name(&mut self, node: &Node<'_>) -> Option<String> {
        let name = self.name(node)?;
        if name.len() <= 64 && name == identifier(&name) {
            return Some(name);
        }
        let message = format!("`{name}` cannot be the name of a tool");
        let help = format!("letters, digits, `_` and `-`, at most 64 of them: `{}`", identifier(&name));
        self.fault(BadConfig::at(&node.at, message).help(help));
        None
    }

    fn parameters(&mut self, node: &Node<'_>) -> Option<Value> {
        let schema = self.schema(node)?;
        if schema.get("type").is_some_and(|kind| kind != "object") {
            self.fault(
                BadConfig::at(&node.at, "the parameters of a tool must be an object")
                    .help("say `type: object`"),
            );
            return None;
        }
        Some(as_object(schema))
    }
}

/// A schema of parameters says that they are an object: providers insist on it.
pub(crate) fn as_object(mut schema: Value) -> Value {
    if let Value::Object(map) = &mut schema {
        // Not every provider knows what this is.
        map.shift_remove("$schema");
        map.insert("type".to_owned(), "object".into());
        map.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    }
    schema
}
