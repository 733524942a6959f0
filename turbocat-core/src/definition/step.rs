//! Reading a step by what it does.

use serde_json::Value;

use crate::diagnostic::{Code, nearest};

use super::cursor::{At, Fields};
use super::decode::Decoder;
use super::retry::ON_LOST;
use super::tree::Shape;
use super::workflow::{AgentStep, ConditionStep, LoopStep, Needs, Step, StepKind, Wait, WorkflowStep};

pub(super) const NEEDS: [(&str, Needs); 3] =
    [("succeeded", Needs::Succeeded), ("any", Needs::Any), ("finished", Needs::Finished)];

/// The fields that say what a step does; each is the word of its type as well.
pub(super) const KINDS: [&str; 6] = ["agent", "condition", "loop", "parallel", "wait", "workflow"];

/// Which type a key belongs to, for keys found on a step of another type.
const OWNERS: [(&str, &str); 13] = [
    ("then", "condition"),
    ("else", "condition"),
    ("as", "loop"),
    ("indexAs", "loop"),
    ("maxParallel", "loop"),
    ("maxIterations", "loop"),
    ("steps", "loop"),
    ("output", "loop"),
    ("config", "agent"),
    ("onLost", "agent"),
    ("branches", "parallel"),
    ("join", "parallel"),
    ("waitForCompletion", "workflow"),
];

impl Decoder<'_> {
    pub(super) fn step(&mut self, key: &str, at: &At<'_>, depth: usize) -> Step {
        let mut fields = self.fields(at, "a mapping such as `{ agent: echo }`");
        fields.ignore(&["key"]);
        let kind = self.kind_word(key, &mut fields);
        let name = fields.take("name").and_then(|at| self.text(&at));
        let depends_on = self.depends_on(&mut fields);
        let when = fields.take("when").map(|at| self.expression(&at));
        let needs = fields.take("needs").and_then(|at| self.word(&at, &NEEDS));
        let (on_error, retry) = self.on_error(&mut fields);
        let mut timeout = self.duration(&mut fields, "timeout", "timeoutMs", false);
        let deadline = self.duration(&mut fields, "deadline", "deadlineMs", false);
        let outputs = fields.take("outputs").map(|at| self.map(&at)).unwrap_or_default();
        let metadata = fields.take("metadata").map(|at| self.map(&at)).unwrap_or_default();
        let kind = match kind {
            Some("agent") => StepKind::Agent(self.agent_step(&mut fields)),
            Some("condition") => StepKind::Condition(self.condition_step(&mut fields)),
            Some("loop") => StepKind::Loop(self.loop_step(&mut fields, depth)),
            Some("parallel") => StepKind::Parallel(self.parallel_step(&mut fields, depth)),
            Some("wait") => {
                let (wait, inner) = match fields.take("wait") {
                    Some(at) => self.wait(&at),
                    None => (Wait::For(Value::Null), None),
                };
                if timeout.is_some() && inner.is_some() {
                    let message = "`timeout` is given twice: for the step and for its wait";
                    let entry = fields.entry("timeout").or_else(|| fields.entry("timeoutMs"));
                    let place = entry.and_then(|entry| entry.place);
                    let diagnostic = at.error(Code::CONFLICT, message).at(place.or(at.node.place));
                    self.report(diagnostic.help("keep one of them; they mean the same"));
                }
                timeout = inner.or(timeout);
                StepKind::Wait(wait)
            }
            Some("workflow") => StepKind::Workflow(self.workflow_step(&mut fields)),
            _ => {
                fields.ignore_rest();
                StepKind::Agent(AgentStep::default())
            }
        };
        let word = kind.word();
        self.finish(
            &fields,
            |key| {
                let owner = OWNERS.iter().find(|(owned, _)| *owned == key)?.1;
                let known = (owner != word).then_some(owner)?;
                Some(format!("`{key}` belongs to a step with `{known}`; this is a step with `{word}`"))
            },
            None,
        );
        Step {
            key: key.to_owned(),
            name,
            kind,
            depends_on,
            when,
            needs,
            on_error,
            retry,
            timeout,
            deadline,
            outputs,
            metadata,
        }
    }

    pub(super) fn depends_on(&mut self, fields: &mut Fields<'_>) -> Vec<String> {
        fields
            .take("dependsOn")
            .map(|at| self.texts(&at, "the key of a step, or a list of them"))
            .unwrap_or_default()
    }

    /// What the step does, from its fields; what `type` says must agree.
    fn kind_word(&mut self, key: &str, fields: &mut Fields<'_>) -> Option<&'static str> {
        let words: Vec<(&'static str, &'static str)> = KINDS.iter().map(|kind| (*kind, *kind)).collect();
        let said = fields.take("type").map(|at| (at, self.word(&at, &words)));
        let mut kinds: Vec<&'static str> = KINDS.into_iter().filter(|kind| fields.has(kind)).collect();
        if kinds == ["agent", "loop"] {
            kinds.remove(0); // the loop of one agent
        }
        match (&kinds[..], said) {
            (&[kind], None) => Some(kind),
            (&[kind], Some((at, Some(said)))) => {
                if kind != said {
                    let message = format!("`type` says `{said}`, but the fields are those of `{kind}`");
                    self.report(
                        at.error(Code::STEP_TYPE, message).help("remove `type`: it follows from the fields"),
                    );
                }
                Some(kind)
            }
            (&[], Some((_, Some(said)))) => {
                if said != "agent" {
                    let message = format!("step `{key}` is of type `{said}`, but has no `{said}`");
                    self.missing(fields.at, said, message, example(said));
                }
                Some(said)
            }
            (&[], Some((_, None))) => None,
            (&[], None) => {
                self.no_kind(key, fields);
                None
            }
            (&[first, second, ..], _) => {
                if let Some(entry) = fields.entry(second) {
                    let message =
                        format!("step `{key}` has the fields of two types: `{first}` and `{second}`");
                    let diagnostic = fields.at.error_at(entry, Code::STEP_TYPE, message);
                    self.report(
                        diagnostic.help("make two steps of it; `dependsOn` puts one after the other"),
                    );
                }
                None
            }
            (&[kind], Some((_, None))) => Some(kind),
        }
    }

    /// Nothing says what the step does: perhaps a slip of the keyboard does.
    fn no_kind(&mut self, key: &str, fields: &Fields<'_>) {
        const COMMON: [&str; 4] = ["name", "when", "key", "type"];
        if !matches!(fields.at.node.shape, Shape::Mapping(_)) {
            return;
        }
        let slip = fields.at.entries().iter().find_map(|entry| {
            let known = COMMON.contains(&&*entry.key) || OWNERS.iter().any(|(key, _)| *key == entry.key);
            let near = nearest(&entry.key, KINDS).filter(|_| !known)?;
            Some((entry, near))
        });
        if let Some((entry, near)) = slip {
            let diagnostic =
                fields.at.error_at(entry, Code::UNKNOWN_KEY, format!("unknown key `{}`", entry.key));
            self.report(diagnostic.help(format!("did you mean `{near}`?")));
            return;
        }
        let message = format!("step `{key}` does not say what it does");
        let diagnostic = fields.at.error(Code::STEP_TYPE, message);
        let owner =
            fields.at.entries().iter().find_map(|entry| OWNERS.iter().find(|(owned, _)| *owned == entry.key));
        self.report(match owner {
            Some((owned, kind)) if *kind != "agent" => {
                diagnostic.help(format!("`{owned}` belongs to a step with `{kind}`: {}", example(kind)))
            }
            _ => diagnostic.help(format!(
                "give it one of `{}`; `type: agent` alone hands its inputs on",
                KINDS.join("`, `")
            )),
        });
    }

    fn agent_step(&mut self, fields: &mut Fields<'_>) -> AgentStep {
        let asks = fields.has("agent");
        let on_lost = fields.take("onLost");
        if let Some(at) = on_lost.filter(|_| !asks) {
            let diagnostic = at.error(Code::CONFLICT, "`onLost` has no meaning in a step without `agent`");
            self.report(diagnostic.help("leave it out: what asks no agent has no attempt to lose"));
        }
        AgentStep {
            agent: fields.take("agent").and_then(|at| self.filled_text(&at)),
            inputs: self.template_map(fields, "inputs"),
            config: fields.take("config").map(|at| self.map(&at)).unwrap_or_default(),
            on_lost: on_lost.filter(|_| asks).and_then(|at| self.word(&at, &ON_LOST)).unwrap_or_default(),
        }
    }

    /// Inputs: a mapping, or a template that gives one.
    pub(super) fn template_map(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<Value> {
        let at = fields.take(key)?;
        match &at.node.shape {
            Shape::Null => None,
            Shape::Mapping(_) | Shape::Text(_) => Some(self.value(&at)),
            _ => {
                let message = format!("{} must be a mapping, not {}", at.label(), at.node.word());
                let help = "give every input a name, or write a template of a whole mapping";
                self.report(at.error(Code::WRONG_TYPE, message).help(help));
                None
            }
        }
    }

    fn condition_step(&mut self, fields: &mut Fields<'_>) -> ConditionStep {
        let condition = fields.take("condition").map_or(Value::Bool(true), |at| self.expression(&at));
        let then = fields.take("then").map(|at| self.texts(&at, "the key of a step, or a list of them"));
        let otherwise = fields.take("else").map(|at| self.texts(&at, "the key of a step, or a list of them"));
        ConditionStep { condition, then: then.unwrap_or_default(), otherwise: otherwise.unwrap_or_default() }
    }

    fn loop_step(&mut self, fields: &mut Fields<'_>, depth: usize) -> LoopStep {
        let items = fields.take("loop").map_or(Value::Null, |at| self.items(&at));
        let item_name = self.item_name(fields, "as", "item");
        let index_name = self.item_name(fields, "indexAs", "index");
        if item_name == index_name {
            let message = format!("the item and its index are both called `{item_name}`");
            let entry = fields.entry("indexAs").or_else(|| fields.entry("as"));
            let place = entry.map_or(fields.at.node.place, |entry| entry.value.place);
            let diagnostic = fields.at.error(Code::CONFLICT, message).at(place);
            self.report(diagnostic.help("give one of them another name"));
        }
        let max_parallel = fields.take("maxParallel").and_then(|at| self.count(&at, 1)).unwrap_or(1);
        let max_iterations = fields.take("maxIterations").and_then(|at| self.count(&at, 1));
        let mut output = fields.take("output").map(|at| self.value(&at)).filter(|output| !output.is_null());
        let steps = if fields.has("agent") {
            if fields.has("steps") {
                self.conflict(fields, "agent", "steps", "make the agent one of the nested steps");
            }
            fields.ignore(&["steps"]);
            let step = self.agent_step(fields);
            output.get_or_insert_with(|| Value::String("{{ do }}".to_owned()));
            self.has_room(fields.at, 1);
            vec![Step::new("do", StepKind::Agent(step))]
        } else if let Some(at) = fields.take("steps") {
            self.body(&at, depth + 1)
        } else {
            let help = "put nested steps under `steps`, or name one `agent`";
            self.missing(fields.at, "steps", "a loop needs `steps` to do for each item", help);
            Vec::new()
        };
        LoopStep {
            items,
            item_name,
            index_name,
            max_parallel,
            max_iterations: max_iterations.unwrap_or(LoopStep::DEFAULT_MAX_ITERATIONS),
            steps,
            output,
        }
    }

    pub(super) fn items(&mut self, at: &At<'_>) -> Value {
        match &at.node.shape {
            Shape::Text(_) => Value::String(self.filled_text(at).unwrap_or_default()),
            Shape::List(_) => self.value(at),
            _ => {
                let message =
                    format!("{} must be a list or a template of one, not {}", at.label(), at.node.word());
                self.report(at.error(Code::WRONG_TYPE, message).help("such as \"{{ fetch.stories }}\""));
                Value::Null
            }
        }
    }

    fn item_name(&mut self, fields: &mut Fields<'_>, key: &'static str, default: &str) -> String {
        let Some(at) = fields.take(key) else { return default.to_owned() };
        let Some(name) = self.text(&at) else { return default.to_owned() };
        self.name(&name, "an item", true, |code, message| at.error(code, message));
        name
    }

    fn workflow_step(&mut self, fields: &mut Fields<'_>) -> WorkflowStep {
        WorkflowStep {
            workflow: fields.take("workflow").and_then(|at| self.filled_text(&at)).unwrap_or_default(),
            inputs: self.template_map(fields, "inputs"),
            wait_for_completion: fields
                .take("waitForCompletion")
                .and_then(|at| self.bool(&at))
                .unwrap_or(true),
        }
    }
}

fn example(kind: &str) -> &'static str {
    match kind {
        "condition" => "such as `condition: \"{{ fetch.count > 3 }}\"`",
        "loop" => "such as `loop: \"{{ fetch.stories }}\"`",
        "parallel" => "such as `parallel: { branches: { mail: { agent: api } } }`",
        "wait" => "such as `wait: 5s`",
        "workflow" => "such as `workflow: daily-brief`",
        _ => "such as `agent: echo`",
    }
}
