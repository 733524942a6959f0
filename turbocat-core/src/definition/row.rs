//! Reading the API's step rows: `stepKey`, `stepType`, `agentId`, `config`, `retryCount`, …
//!
//! Rows come out of a database: an empty value is as good as none, and columns a type does not
//! use are allowed. Their defaults differ from those of the modern form: thirty seconds for an
//! attempt, and a step that continues or retries on error is done after a failed one.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::diagnostic::{Code, nearest};

use super::cursor::{At, Fields};
use super::decode::Decoder;
use super::retry::{ON_ERROR, ON_LOST};
use super::step::NEEDS;
use super::tree::Shape;
use super::workflow::{
    AgentStep, ConditionStep, Join, LoopStep, OnError, OnLost, ParallelStep, Retry, Step, StepKind, Wait,
    WorkflowStep,
};

/// How long an attempt of a row may take when it does not say.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a waiting row waits when it does not say.
const WAIT_MS: u64 = 1000;

const TYPES: [(&str, &str); 6] = [
    ("agent", "agent"),
    ("condition", "condition"),
    ("loop", "loop"),
    ("parallel", "parallel"),
    ("wait", "wait"),
    ("workflow", "workflow"),
];

impl Decoder<'_> {
    pub(super) fn row(&mut self, key: &str, at: &At<'_>, depth: usize) -> Step {
        let mut fields = self.fields(at, "a step").empty_is_absent();
        fields.ignore(&["stepKey", "key"]);
        let kind = match fields.take("stepType") {
            Some(at) => self.row_type(&at),
            None => {
                self.missing(
                    fields.at,
                    "stepType",
                    format!("step `{key}` has no `stepType`"),
                    "such as `agent`",
                );
                "agent"
            }
        };
        let config = fields.take("config");
        let empty = super::tree::Node { shape: Shape::Mapping(Vec::new()), place: at.node.place };
        let config = config.unwrap_or(At { node: &empty, path: at.path });
        let inputs = fields.take("inputs");
        let agent = fields.take("agentId").and_then(|at| self.filled_text(&at));
        let on_lost = fields.take("onLost").and_then(|at| self.word(&at, &ON_LOST)).unwrap_or_default();
        let kind = match kind {
            "condition" => StepKind::Condition(self.condition_row(&config)),
            "loop" => StepKind::Loop(self.loop_row(&config, inputs.as_ref(), agent, on_lost, depth)),
            "parallel" => StepKind::Parallel(self.parallel_row(&config, depth)),
            "wait" => StepKind::Wait(self.wait_row(&config)),
            "workflow" => StepKind::Workflow(self.workflow_row(&config, inputs.as_ref())),
            _ => StepKind::Agent(AgentStep {
                on_lost: if agent.is_some() { on_lost } else { OnLost::default() },
                agent,
                inputs: inputs.map(|at| self.value(&at)),
                config: self.map(&config),
            }),
        };
        self.row_step(key, kind, fields)
    }

    fn row_type(&mut self, at: &At<'_>) -> &'static str {
        // some clients send the names of the enumeration
        if let Some(text) = at.node.as_text()
            && let Some((_, kind)) = TYPES.iter().find(|(word, _)| word.eq_ignore_ascii_case(text))
        {
            return kind;
        }
        let Some(text) = self.text(at) else { return "agent" };
        let words = TYPES.map(|(word, _)| word);
        let diagnostic = at.error(Code::BAD_VALUE, format!("`{text}` is not a type of step"));
        self.report(match nearest(&text, words) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("there are `{}`", words.join("`, `"))),
        });
        "agent"
    }

    /// What all rows have.
    fn row_step(&mut self, key: &str, kind: StepKind, mut fields: Fields<'_>) -> Step {
        let mut step = Step::new(key, kind);
        step.name = fields.take("stepName").and_then(|at| self.text(&at));
        step.depends_on = self.depends_on(&mut fields);
        step.when = fields.take("when").map(|at| self.expression(&at));
        step.outputs = fields.take("outputs").map(|at| self.map(&at)).unwrap_or_default();
        step.metadata = fields.take("metadata").map(|at| self.map(&at)).unwrap_or_default();
        if let Some(at) = fields.take("position") {
            step.metadata.insert("position".to_owned(), self.value(&at));
        }
        step.on_error = fields.take("onError").and_then(|at| self.word(&at, &ON_ERROR)).unwrap_or_default();
        let max = fields.take("retryCount").and_then(|at| self.count(&at, 0)).unwrap_or(0);
        let delay = fields.take("retryDelayMs").and_then(|at| self.millis(&at));
        if step.on_error == OnError::Retry {
            let standard = Retry::default();
            let delay = delay.unwrap_or(standard.delay).min(standard.max_delay);
            step.retry = Retry { max, delay, ..standard };
        }
        let timeout = fields.take("timeoutMs").and_then(|at| self.millis(&at));
        step.timeout = Some(timeout.filter(|timeout| !timeout.is_zero()).unwrap_or(TIMEOUT));
        step.deadline = fields.take("deadlineMs").and_then(|at| self.millis(&at));
        step.needs = fields.take("needs").and_then(|at| self.word(&at, &NEEDS));
        step.tolerate();
        self.finish(
            &fields,
            |key| match key {
                "name" => Some("did you mean `stepName`?".to_owned()),
                "type" => Some("did you mean `stepType`?".to_owned()),
                "agent" => Some("did you mean `agentId`?".to_owned()),
                "timeout" => Some("did you mean `timeoutMs`?".to_owned()),
                "retry" => Some("did you mean `retryCount`?".to_owned()),
                _ => None,
            },
            None,
        );
        step
    }

    fn condition_row(&mut self, config: &At<'_>) -> ConditionStep {
        let mut fields = self.fields(config, "a mapping").empty_is_absent();
        let condition = fields.take("condition").map_or(Value::Bool(true), |at| self.row_condition(&at));
        let then =
            fields.take("trueBranch").map(|at| self.texts(&at, "the key of a step, or a list of them"));
        let otherwise =
            fields.take("falseBranch").map(|at| self.texts(&at, "the key of a step, or a list of them"));
        self.finish(&fields, |_| None, None);
        ConditionStep { condition, then: then.unwrap_or_default(), otherwise: otherwise.unwrap_or_default() }
    }

    fn loop_row(
        &mut self,
        config: &At<'_>,
        inputs: Option<&At<'_>>,
        agent: Option<String>,
        on_lost: OnLost,
        depth: usize,
    ) -> LoopStep {
        let mut fields = self.fields(config, "a mapping").empty_is_absent();
        let configured = fields.take("items");
        let given = inputs.and_then(|at| at.node.entry("items").map(|entry| (at, entry)));
        let items = match (given, configured) {
            (Some((at, entry)), _) => self.items(&at.child(entry)),
            (None, Some(at)) => self.items(&at),
            (None, None) => {
                let help = "such as `inputs: { items: \"{{ fetch.stories }}\" }`";
                self.missing(config, "items", "a loop needs `inputs.items`, the list to go over", help);
                Value::Null
            }
        };
        let max_parallel = fields.take("concurrency").and_then(|at| self.count(&at, 1)).unwrap_or(1);
        let max_iterations = fields.take("maxIterations").and_then(|at| self.count(&at, 1));
        let agent = fields.take("agentId").and_then(|at| self.filled_text(&at)).or(agent);
        let agent_config = fields.take("agentConfig").map(|at| self.map(&at)).unwrap_or_default();
        let nested = fields.take("steps");
        let template = fields.take("inputs").map(|at| self.value(&at));
        let (steps, output) = match nested {
            Some(at) => (self.body(&at, depth + 1), None),
            None => {
                // what the loop is given besides the items is for each of them
                let inputs = template.or_else(|| others(inputs)).unwrap_or_else(|| {
                    Value::Object(Map::from_iter([
                        ("item".to_owned(), Value::from("{{ item }}")),
                        ("index".to_owned(), Value::from("{{ index }}")),
                    ]))
                });
                let on_lost = if agent.is_some() { on_lost } else { OnLost::default() };
                let step = AgentStep { agent, inputs: Some(inputs), config: agent_config, on_lost };
                self.has_room(config, 1);
                (vec![Step::new("do", StepKind::Agent(step))], Some(Value::from("{{ do }}")))
            }
        };
        self.finish(&fields, |_| None, None);
        LoopStep {
            items,
            item_name: "item".to_owned(),
            index_name: "index".to_owned(),
            max_parallel,
            max_iterations: max_iterations.unwrap_or(LoopStep::DEFAULT_MAX_ITERATIONS),
            steps,
            output,
        }
    }

    fn parallel_row(&mut self, config: &At<'_>, depth: usize) -> ParallelStep {
        let mut fields = self.fields(config, "a mapping").empty_is_absent();
        let join = fields.take("join").map_or(Join::All, |at| self.join(&at));
        let branches = fields.take("branches").map(|at| self.branches(&at, depth + 1)).unwrap_or_default();
        self.finish(&fields, |_| None, None);
        ParallelStep { branches, join }
    }

    fn wait_row(&mut self, config: &At<'_>) -> Wait {
        if ["for", "duration", "until", "signal", "approval"].iter().any(|key| config.node.get(key).is_some())
        {
            return self.wait(config).0;
        }
        let mut fields = self.fields(config, "a mapping").empty_is_absent();
        let duration = fields.take("durationMs");
        let at = fields.take("waitMs").or(duration);
        let pause = at.map_or(Value::Null, |at| self.pause(&at));
        self.finish(&fields, |_| None, None);
        let nothing = pause.is_null() || pause.as_f64() == Some(0.0);
        Wait::For(if nothing { Value::from(WAIT_MS) } else { pause })
    }

    fn workflow_row(&mut self, config: &At<'_>, inputs: Option<&At<'_>>) -> WorkflowStep {
        let mut fields = self.fields(config, "a mapping").empty_is_absent();
        let workflow = match fields.take("workflowId") {
            Some(at) => self.filled_text(&at).unwrap_or_default(),
            None => {
                let help = "it names the workflow to start";
                self.missing(config, "workflowId", "a workflow step needs `config.workflowId`", help);
                String::new()
            }
        };
        let configured = self.template_map(&mut fields, "inputs");
        let wait_for_completion =
            fields.take("waitForCompletion").and_then(|at| self.bool(&at)).unwrap_or(true);
        self.finish(&fields, |_| None, None);
        let inputs = configured.or_else(|| {
            let at = inputs.filter(|at| !at.entries().is_empty())?;
            Some(self.value(at))
        });
        WorkflowStep { workflow, inputs, wait_for_completion }
    }

    /// A condition of a row or an edge, in our language.
    pub(super) fn row_condition(&mut self, at: &At<'_>) -> Value {
        match super::translate::condition(at) {
            Ok(value) => value,
            Err(diagnostic) => {
                self.report(*diagnostic);
                Value::Bool(true)
            }
        }
    }
}

fn others(inputs: Option<&At<'_>>) -> Option<Value> {
    let Value::Object(mut map) = inputs?.node.to_value() else { return None };
    map.shift_remove("items");
    (!map.is_empty()).then_some(Value::Object(map))
}
