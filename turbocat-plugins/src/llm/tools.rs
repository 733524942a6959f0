//! The tools of a conversation: other agents and workflows, and what becomes of a call.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use turbocat_core::{AttemptRequest, FailureKind, Level, StepFailure, StepOutput, Usage};

use super::config::{By, Tool, as_object};
use super::conversation::{ToolCall, ToolResult, ToolSpec};

/// The most calls of one message that are answered.
const MOST_AT_ONCE: usize = 32;
/// The longest result a model is told. What is longer fills its memory and explains nothing.
const LONGEST_RESULT: usize = 64 << 10;

/// The tools of a conversation, ready to be called.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    tools: Vec<Ready>,
    /// How often the same was called: the second time is another deed than the first.
    done: BTreeMap<String, usize>,
}

#[derive(Debug)]
struct Ready {
    spec: ToolSpec,
    arguments: Validator,
    by: By,
    inputs: Map<String, Value>,
}

/// What became of a call.
#[derive(Debug)]
pub(crate) struct Called {
    /// For the model.
    pub(crate) result: ToolResult,
    /// For the output.
    pub(crate) trace: Value,
    pub(crate) usage: Usage,
}

impl Tools {
    /// Finds out what the tools take.
    ///
    /// # Errors
    /// An agent or a workflow is not known, or takes no object.
    pub(crate) fn ready(tools: Vec<Tool>, request: &AttemptRequest) -> Result<Self, StepFailure> {
        let tools = tools.into_iter().map(|tool| Ready::new(tool, request)).collect::<Result<_, _>>()?;
        Ok(Self { tools, done: BTreeMap::new() })
    }

    /// What the model is told of them.
    pub(crate) fn specs(&self) -> Vec<ToolSpec> {
        self.tools.iter().map(|tool| tool.spec.clone()).collect()
    }

    /// Whether somebody here answers a call. What nobody has heard of is answered here too: the
    /// model has to be told.
    pub(crate) fn answers(&self, call: &ToolCall) -> bool {
        !self.tools.iter().any(|tool| tool.spec.name == call.name && matches!(tool.by, By::Caller))
    }

    /// Does what the model asks for, all of it at once. Results stand in the order of the calls.
    pub(crate) async fn call(&mut self, calls: &[ToolCall], request: &AttemptRequest) -> Vec<Called> {
        let tags: Vec<String> = calls.iter().map(|call| self.tag(call)).collect();
        let this = &*self;
        let work = calls.iter().zip(&tags).enumerate().map(|(index, (call, tag))| {
            Box::pin(this.one(index, call, tag, request)) as Pin<Box<dyn Future<Output = Called> + Send + '_>>
        });
        all(work.collect()).await
    }

    async fn one(&self, index: usize, call: &ToolCall, tag: &str, request: &AttemptRequest) -> Called {
        let outcome = match index < MOST_AT_ONCE {
            true => self.attempt(call, tag, request).await,
            false => Err(StepFailure::error(format!("at most {MOST_AT_ONCE} tools can be called at once"))),
        };
        // What goes to a provider leaves the engine: the secrets of the step stay. They are taken
        // out of the value, for they look otherwise once it is JSON.
        let (content, usage, failed, given) = match outcome {
            Ok(output) => {
                let usage = output.usage.map(|usage| *usage).unwrap_or_default();
                let value = redacted(&output.value, request);
                let content = match &value {
                    Value::String(text) => text.clone(),
                    value => value.to_string(),
                };
                (content, usage, false, ("result", value))
            }
            Err(failure) => {
                let message = shorten(request.redact(&failure.message));
                let error = json!({ "kind": failure.kind, "message": message });
                let data = json!({ "tool": call.name, "error": error });
                request.log(Level::Warn, format!("tool `{}` failed: {message}", call.name), Some(data));
                let usage = failure.usage.map(|usage| *usage).unwrap_or_default();
                (json!({ "error": message }).to_string(), usage, true, ("error", error))
            }
        };
        let (length, content) = (content.len(), shorten(content));
        let mut trace = trace(call);
        if failed || length <= LONGEST_RESULT {
            trace[given.0] = given.1;
        } else {
            // The model read no more of it, and executions are kept.
            trace["result"] = json!(content);
            trace["cut"] = true.into();
        }
        let result = ToolResult { id: call.id.clone(), name: call.name.clone(), content, failed };
        Called { result, trace, usage }
    }

    async fn attempt(
        &self,
        call: &ToolCall,
        tag: &str,
        request: &AttemptRequest,
    ) -> Result<StepOutput, StepFailure> {
        let Some(tool) = self.tools.iter().find(|tool| tool.spec.name == call.name) else {
            let names: Vec<&str> = self.tools.iter().map(|tool| &*tool.spec.name).collect();
            let message = format!("there is no tool `{}`; there are: {}", call.name, names.join(", "));
            return Err(StepFailure::new(FailureKind::UNKNOWN, message));
        };
        let mut inputs = tool.arguments(call)?;
        inputs.extend(tool.inputs.clone());
        match &tool.by {
            By::Agent { name, config } => {
                request.call(name, Value::Object(inputs), config.clone(), tag).await
            }
            By::Workflow { name } => request.run_workflow(name, Value::Object(inputs), tag).await,
            By::Caller => Err(StepFailure::error("nobody here answers this")),
        }
    }

    /// Tells a call from every other of the attempt, and is the same in another attempt if the
    /// model asks for the same: what it did already is then known again. A number alone would let
    /// another call pass for it.
    fn tag(&mut self, call: &ToolCall) -> String {
        let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
        let digest = Sha256::digest(sorted(&arguments).to_string());
        let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let deed = format!("{}:{digest}", call.name);
        let before = self.done.entry(deed.clone()).or_default();
        *before += 1;
        if *before == 1 { deed } else { format!("{deed}:{before}") }
    }
}

impl Ready {
    fn new(tool: Tool, request: &AttemptRequest) -> Result<Self, StepFailure> {
        let Tool { name, description, parameters, by, inputs } = tool;
        let unknown = |what: &str, whom: &str| {
            StepFailure::new(FailureKind::UNKNOWN, format!("tool `{name}`: {what} `{whom}` is not known"))
                .permanent()
        };
        let (described, takes) = match &by {
            By::Caller => (None, None),
            By::Agent { name: agent, .. } => {
                let described = request.describe_agent(agent).ok_or_else(|| unknown("agent", agent))?;
                (described.description, described.input)
            }
            By::Workflow { name: workflow } => {
                let takes =
                    request.describe_workflow(workflow).ok_or_else(|| unknown("workflow", workflow))?;
                (Some(format!("Does the workflow `{workflow}` and gives its outputs.")), takes)
            }
        };
        let parameters = match parameters {
            Some(parameters) => parameters,
            None => without(takes.unwrap_or_else(|| json!({})), &inputs, &name)?,
        };
        let arguments = jsonschema::validator_for(&parameters).map_err(|error| {
            let message = format!("tool `{name}`: its parameters are no JSON Schema: {error}");
            StepFailure::new(FailureKind::INPUT, message).permanent()
        })?;
        let description = description.or(described).unwrap_or_default();
        Ok(Self { spec: ToolSpec { name, description, parameters }, arguments, by, inputs })
    }

    /// The arguments of a call.
    ///
    /// # Errors
    /// What is wrong with them, for the model to read.
    fn arguments(&self, call: &ToolCall) -> Result<Map<String, Value>, StepFailure> {
        let wrong = |message: String| StepFailure::new(FailureKind::INPUT, message);
        let text = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
        let value: Value = serde_json::from_str(text)
            .map_err(|error| wrong(format!("the arguments are not JSON: {error}")))?;
        let mistakes: Vec<String> = self
            .arguments
            .iter_errors(&value)
            .take(5)
            .map(|error| match error.instance_path().as_str() {
                "" => error.to_string(),
                at => format!("at `{at}`: {error}"),
            })
            .collect();
        match value {
            _ if !mistakes.is_empty() => {
                Err(wrong(format!("the arguments do not fit: {}", mistakes.join("; "))))
            }
            Value::Object(map) => Ok(map),
            _ => Err(wrong("the arguments must be an object".to_owned())),
        }
    }
}

/// As the engine writes it.
const BLACK: &str = "[secret]";

/// The same value without the secrets of the step.
fn redacted(value: &Value, request: &AttemptRequest) -> Value {
    match value {
        Value::String(text) => Value::String(request.redact(text)),
        Value::Array(list) => list.iter().map(|item| redacted(item, request)).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (request.redact(key), redacted(value, request))).collect()
        }
        // A secret of digits comes back as a number from whoever reads it as one.
        Value::Number(number) if request.redact(&number.to_string()) == BLACK => BLACK.into(),
        other => other.clone(),
    }
}

/// A call as outputs show it.
pub(crate) fn trace(call: &ToolCall) -> Value {
    let arguments = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!(call.arguments));
    json!({ "id": call.id, "name": call.name, "arguments": arguments })
}

/// The schema of inputs without those the model has no say in.
fn without(schema: Value, inputs: &Map<String, Value>, tool: &str) -> Result<Value, StepFailure> {
    if schema.get("type").is_some_and(|kind| kind != "object") || !schema.is_object() {
        let message = format!("tool `{tool}`: what answers it takes no object; say its `parameters`");
        return Err(StepFailure::new(FailureKind::INPUT, message).permanent());
    }
    let mut schema = as_object(schema);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.retain(|name, _| !inputs.contains_key(name));
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|name| name.as_str().is_none_or(|name| !inputs.contains_key(name)));
    }
    Ok(schema)
}

/// The same value with its keys in order, so that the same says the same.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: BTreeMap<&String, Value> =
                map.iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(ordered.into_iter().map(|(key, value)| (key.clone(), value)).collect())
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        value => value.clone(),
    }
}

fn shorten(text: String) -> String {
    if text.len() <= LONGEST_RESULT {
        return text;
    }
    let mut end = LONGEST_RESULT;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}\n… (cut off: it has {} bytes)", &text[..end], text.len())
}

/// Waits for all of them, in one task: who drops this drops them all at once.
async fn all<T>(mut work: Vec<Pin<Box<dyn Future<Output = T> + Send + '_>>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = work.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (work, done) in work.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(value) = work.as_mut().poll(context)
            {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, arguments: &str) -> ToolCall {
        ToolCall {
            id: "1".to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            signature: None,
        }
    }

    #[test]
    fn a_tag_is_the_same_for_the_same_deed_and_for_no_other() {
        let mut tools = Tools::default();
        let first = tools.tag(&call("pay", r#"{"to": "a", "sum": 5}"#));
        assert_ne!(first, tools.tag(&call("pay", r#"{"to": "a", "sum": 7}"#)));
        assert_ne!(first, tools.tag(&call("refund", r#"{"to": "a", "sum": 5}"#)));
        let again = tools.tag(&call("pay", r#"{"sum":5,"to":"a"}"#));
        assert_eq!(again, format!("{first}:2"));
        assert_eq!(Tools::default().tag(&call("pay", r#"{"sum":5,"to":"a"}"#)), first);
    }

    #[test]
    fn a_long_result_is_cut() {
        let long = shorten("é".repeat(LONGEST_RESULT));
        assert!(long.len() < LONGEST_RESULT + 60 && long.ends_with("(cut off: it has 131072 bytes)"));
        assert_eq!(shorten("short".to_owned()), "short");
    }

    #[test]
    fn a_model_is_not_told_of_what_it_has_no_say_in() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object", "properties": { "a": {}, "b": {} }, "required": ["a", "b"],
        });
        let inputs = Map::from_iter([("b".to_owned(), json!(1))]);
        let expected = json!({ "type": "object", "properties": { "a": {} }, "required": ["a"] });
        assert_eq!(without(schema, &inputs, "t").unwrap(), expected);
        assert!(without(json!({ "type": "string" }), &inputs, "t").is_err());
        assert_eq!(
            without(json!({}), &Map::new(), "t").unwrap(),
            json!({ "type": "object", "properties": {} })
        );
    }
}
