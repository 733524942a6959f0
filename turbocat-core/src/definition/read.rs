//! Reading a workflow: from text or a value to [`Workflow`], or to all of its mistakes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::diagnostic::{Code, Diagnostics, Place, Source};

use super::cursor::{At, Path};
use super::decode::Decoder;
use super::limits::Limits;
use super::tree::{Node, Shape, Tree};
use super::workflow::{NamedAgent, NamedWorkflow, Workflow};
use super::{json, yaml};

/// How long an execution of rows may work when they do not say.
const ROWS_TIMEOUT: Duration = Duration::from_mins(30);
/// How many attempts of rows run at once when they do not say.
const ROWS_MAX_PARALLEL: u32 = 5;

/// Reads workflows, with limits of your own and a name for the text.
///
/// ```
/// use turbocat_core::{Limits, Reader};
///
/// let mut limits = Limits::default();
/// limits.max_steps = 2;
/// let text = "steps: { a: { agent: echo }, b: { agent: echo }, c: { agent: echo } }";
/// let mistakes = Reader::new().limits(limits).name("big.yaml").yaml(text).unwrap_err();
/// assert!(mistakes.to_string().contains("more than 2 steps"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Reader {
    limits: Limits,
    name: Option<Box<str>>,
}

impl Reader {
    /// A reader with the default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with other limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same with a name for the text, shown in messages: a file name, usually.
    #[must_use]
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Reads YAML.
    ///
    /// # Errors
    /// All mistakes of the text.
    pub fn yaml(&self, text: &str) -> Result<Workflow, Diagnostics> {
        self.text(&yaml::with_line_feeds(text), "workflow.yaml", yaml::read)
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// All mistakes of the text.
    pub fn json(&self, text: &str) -> Result<Workflow, Diagnostics> {
        self.text(text, "workflow.json", json::read)
    }

    /// Reads what the name says: JSON if it ends in `.json`, otherwise YAML.
    ///
    /// # Errors
    /// All mistakes of the text.
    pub fn text_as_named(&self, text: &str) -> Result<Workflow, Diagnostics> {
        match &self.name {
            Some(name) if is_json(name) => self.json(text),
            _ => self.yaml(text),
        }
    }

    /// Reads a value. Mistakes then have pointers but no places.
    ///
    /// # Errors
    /// All mistakes of the value.
    pub fn value(&self, value: &Value) -> Result<Workflow, Diagnostics> {
        match Node::from_value(value) {
            Ok(root) => self.tree(Tree { root, diagnostics: Vec::new() }, None),
            Err(diagnostic) => Err(Diagnostics::new(vec![*diagnostic], None)),
        }
    }

    fn text(&self, text: &str, name: &str, read: ReadTree) -> Result<Workflow, Diagnostics> {
        let name: Box<str> = self.name.clone().unwrap_or_else(|| name.into());
        if text.len() > self.limits.max_bytes {
            let diagnostic = super::tree::too_long(text.len(), self.limits.max_bytes);
            return Err(Diagnostics::new(vec![diagnostic], None));
        }
        let source = Arc::new(Source { name, text: text.into() });
        match read(text, &self.limits) {
            Ok(tree) => self.tree(tree, Some(source)),
            Err(diagnostic) => Err(Diagnostics::new(vec![*diagnostic], Some(source))),
        }
    }

    fn tree(&self, tree: Tree, source: Option<Arc<Source>>) -> Result<Workflow, Diagnostics> {
        let mut decoder = Decoder::new(&self.limits, tree.diagnostics);
        let mut workflow = decoder.workflow(&At { node: &tree.root, path: Path::ROOT });
        if decoder.diagnostics.is_empty() {
            workflow.source = source;
            Ok(workflow)
        } else {
            Err(Diagnostics::new(decoder.diagnostics, source))
        }
    }
}

/// Where an empty text begins.
const START: Place = Place { line: 1, column: 1, length: 1 };

type ReadTree = fn(&str, &Limits) -> Result<Tree, Box<crate::diagnostic::Diagnostic>>;

/// Whether a text of this name is JSON.
pub(super) fn is_json(name: &str) -> bool {
    name.len() >= 5 && name.as_bytes()[name.len() - 5..].eq_ignore_ascii_case(b".json")
}

impl Workflow {
    /// Reads YAML.
    ///
    /// ```
    /// use turbocat_core::Workflow;
    ///
    /// let workflow = Workflow::from_yaml("steps: { hi: { agent: greet, inputs: { name: Ada } } }")?;
    /// assert_eq!(workflow.steps[0].key, "hi");
    ///
    /// let mistakes = Workflow::from_yaml("steps: { hi: { agnet: greet } }").unwrap_err();
    /// assert!(mistakes.to_string().contains("help: did you mean `agent`?"));
    /// # Ok::<(), turbocat_core::Diagnostics>(())
    /// ```
    ///
    /// # Errors
    /// All mistakes of the text, each with its place and the next action.
    pub fn from_yaml(text: &str) -> Result<Self, Diagnostics> {
        Reader::new().yaml(text)
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// All mistakes of the text, each with its place and the next action.
    pub fn from_json(text: &str) -> Result<Self, Diagnostics> {
        Reader::new().json(text)
    }

    /// Reads a value. Mistakes then have pointers but no places.
    ///
    /// # Errors
    /// All mistakes of the value.
    pub fn from_value(value: &Value) -> Result<Self, Diagnostics> {
        Reader::new().value(value)
    }

    /// Reads a text by its name: JSON if it ends in `.json`, otherwise YAML. Messages show the
    /// name.
    ///
    /// # Errors
    /// All mistakes of the text, each with its place and the next action.
    pub fn parse(name: &str, text: &str) -> Result<Self, Diagnostics> {
        Reader::new().name(name).text_as_named(text)
    }
}

impl Decoder<'_> {
    fn workflow(&mut self, at: &At<'_>) -> Workflow {
        let mut workflow = Workflow::default();
        if at.node.is_null() {
            let help = "a workflow has `steps`, such as `steps: { hello: { agent: echo } }`";
            let at = At { node: &Node { place: at.node.place.or(Some(START)), shape: Shape::Null }, ..*at };
            self.missing(&at, "steps", "the definition is empty", help);
            return workflow;
        }
        let mut fields = self.fields(at, "a mapping with `steps`");
        if !matches!(at.node.shape, Shape::Mapping(_)) {
            return workflow;
        }
        workflow.name = fields.take("name").and_then(|at| self.filled_text(&at));
        workflow.description =
            fields.take("description").filter(|at| !at.node.is_null()).and_then(|at| self.text(&at));
        workflow.inputs = fields.take("inputs").and_then(|at| self.inputs(&at));
        workflow.agents = fields.take("agents").map(|at| self.agents(&at)).unwrap_or_default();
        workflow.workflows = fields.take("workflows").map(|at| self.workflows(&at)).unwrap_or_default();
        workflow.timeout = self.duration(&mut fields, "timeout", "timeoutMs", false);
        workflow.max_parallel = fields.take("maxParallel").and_then(|at| self.count(&at, 1));
        workflow.budget = fields.take("budget").and_then(|at| self.budget(&at));
        workflow.outputs =
            fields.take("outputs").map(|at| self.value(&at)).filter(|outputs| !outputs.is_null());
        let metadata = fields.take("metadata");
        workflow.metadata = metadata.map(|at| self.map(&at)).unwrap_or_default();
        if let Some(at) = fields.take("version") {
            match &at.node.shape {
                Shape::Text(_) | Shape::Number(_) => {
                    workflow.metadata.insert("version".to_owned(), at.node.to_value());
                }
                _ => {
                    let message = format!("`version` must be text or a number, not {}", at.node.word());
                    self.report(
                        at.error(Code::WRONG_TYPE, message).help("such as `version: 2` or `version: 1.4.0`"),
                    );
                }
            }
        }
        let steps = fields.take("steps");
        let nodes = fields.take("nodes").filter(|at| !is_empty(at.node));
        let edges = fields.take("edges");
        let steps = steps.filter(|at| nodes.is_none() || !is_empty(at.node));
        let mut rows = false;
        if let Some(at) = steps {
            rows = at
                .items()
                .any(|item| item.node.get("stepKey").is_some() || item.node.get("stepType").is_some());
            workflow.steps = self.body(&at, 1);
        } else if let Some(at) = nodes {
            rows = true;
            self.graph(&at, edges.as_ref(), metadata.as_ref(), &mut workflow);
        } else if !misspelt(at) {
            let help = "such as `steps: { hello: { agent: echo } }`";
            self.missing(at, "steps", "the workflow has no `steps`", help);
        }
        if rows {
            workflow.timeout.get_or_insert(ROWS_TIMEOUT);
            workflow.max_parallel.get_or_insert(ROWS_MAX_PARALLEL);
        }
        self.finish(
            &fields,
            |key| match key {
                "on" | "trigger" | "triggers" | "schedule" => {
                    Some("triggers and schedules belong to the engine, not to the definition".to_owned())
                }
                "onError" | "retry" | "when" | "dependsOn" => Some(format!("`{key}` belongs to a step")),
                _ => None,
            },
            None,
        );
        workflow
    }

    /// Workflows that a workflow brings along. They stand at one place only: those within others
    /// would be out of sight.
    fn workflows(&mut self, at: &At<'_>) -> Arc<[NamedWorkflow]> {
        if at.node.is_null() {
            return Arc::default();
        }
        let mut fields = self.fields(at, "a mapping of names to workflows");
        fields.ignore_rest();
        let mut workflows = Vec::new();
        for entry in at.entries() {
            if entry.key.trim().is_empty() {
                let diagnostic = at.error_at(entry, Code::BAD_NAME, "a workflow has a blank name");
                self.report(diagnostic.help("steps name it by that, such as `workflow: invoices`"));
            }
            let child = at.child(entry);
            if let Some(inner) = child.node.entry("workflows") {
                let message =
                    format!("workflow `{}` stands within another one and has `workflows` itself", entry.key);
                let diagnostic = child.error_at(inner, Code::CONFLICT, message);
                self.report(
                    diagnostic.help("put them next to it: workflows of one definition see each other"),
                );
                continue;
            }
            workflows.push(NamedWorkflow { name: entry.key.to_string(), workflow: self.workflow(&child) });
        }
        workflows.into()
    }

    fn agents(&mut self, at: &At<'_>) -> Vec<NamedAgent> {
        if at.node.is_null() {
            return Vec::new();
        }
        let mut fields = self.fields(at, "a mapping of names to agents");
        fields.ignore_rest();
        let mut agents = Vec::new();
        for entry in at.entries() {
            self.name(&entry.key, "an agent", false, |code, message| at.error_at(entry, code, message));
            agents.push(self.agent(&entry.key, &at.child(entry)));
        }
        agents
    }

    fn agent(&mut self, name: &str, at: &At<'_>) -> NamedAgent {
        let mut agent =
            NamedAgent { name: name.to_owned(), agent: String::new(), config: Default::default() };
        if at.node.as_text().is_some() {
            agent.agent = self.filled_text(at).unwrap_or_default();
            return agent;
        }
        let mut fields = self.fields(at, "a mapping such as `{ type: llm, config: { … } }`");
        match fields.take("type") {
            Some(at) => agent.agent = self.filled_text(&at).unwrap_or_default(),
            None if matches!(at.node.shape, Shape::Mapping(_)) => {
                let help = "it names the agent behind, such as `type: llm`";
                self.missing(at, "type", format!("agent `{name}` has no `type`"), help);
            }
            None => {}
        }
        agent.config = fields.take("config").map(|at| self.map(&at)).unwrap_or_default();
        let hint = |key: &str| (key == "agent").then(|| "did you mean `type`?".to_owned());
        self.finish(&fields, hint, Some("settings of the agent stand under `config`"));
        agent
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.shape {
        Shape::Null => true,
        Shape::List(items) => items.is_empty(),
        Shape::Mapping(entries) => entries.is_empty(),
        _ => false,
    }
}

/// Whether a key of the definition is `steps` with a slip: then that is the mistake to report.
fn misspelt(at: &At<'_>) -> bool {
    at.entries()
        .iter()
        .any(|entry| entry.key != "steps" && crate::diagnostic::nearest(&entry.key, ["steps"]).is_some())
}
