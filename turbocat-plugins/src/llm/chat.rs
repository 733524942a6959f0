//! One attempt: asks, has tools called, asks again for what does not fit, until there is an answer.

use serde_json::{Map, Value, json};
use turbocat_core::{AttemptRequest, FailureKind, Level, StepFailure};

use super::answer::Answer;
use super::call::Way;
use super::config::{Budget, Config};
use super::conversation::{Conversation, Message};
use super::fallback::Models;
use super::price::Prices;
use super::progress::Progress;
use super::spent::Spent;
use super::structured::{Looked, Shape, ask_again};
use super::target::{Directory, Target};
use super::tools::{Tools, trace};
use crate::net::Egress;

/// The longest answer that a failure shows.
const LONGEST_SHOWN: usize = 4096;

/// One attempt.
#[derive(Debug)]
pub(crate) struct Chat<'a> {
    request: &'a AttemptRequest,
    conversation: Conversation,
    models: Models<'a>,
    tools: Tools,
    shape: Shape,
    budget: Budget,
    rounds: u64,
    reasks: u64,
    calls: Vec<Value>,
    /// What it has used so far.
    pub(crate) spent: Spent,
}

impl<'a> Chat<'a> {
    /// Makes everything ready, before anybody is asked.
    ///
    /// # Errors
    /// A key, a price, a tool or the question is missing.
    pub(crate) fn new(
        config: Config,
        directory: &Directory,
        egress: &'a Egress,
        request: &'a AttemptRequest,
    ) -> Result<Self, StepFailure> {
        let shape = Shape::of(&config.format)
            .map_err(|error| unfit(format!("the schema of the answer is none: {error}")))?;
        let messages = messages(config.messages, config.prompt, &request.inputs)?;
        let targets: Vec<Target> =
            config.models.into_iter().map(|choice| directory.find(choice)).collect::<Result<_, _>>()?;
        if let Some(target) =
            targets.iter().find(|target| target.price.is_none() && config.budget.cost.is_some())
        {
            let name = target.choice.name();
            let message = format!(
                "the price of `{name}` is not known, so `budget.costUsd` cannot be kept; say its `price`"
            );
            return Err(unfit(message));
        }
        let tools = Tools::ready(config.tools, request)?;
        let conversation = Conversation {
            system: config.system.filter(|system| !system.is_empty()),
            messages,
            tools: tools.specs(),
            settings: config.settings,
            format: config.format,
        };
        let way = Way { egress, stream: config.stream, timeout: config.timeout };
        let models = Models::new(request, way, targets, config.replies);
        Ok(Self {
            request,
            conversation,
            models,
            tools,
            shape,
            budget: config.budget,
            rounds: config.rounds,
            reasks: config.reasks,
            calls: Vec::new(),
            spent: Spent::default(),
        })
    }

    /// Asks until there is an answer: the output.
    ///
    /// # Errors
    /// No model answers, the budget is used up, tools are called for ever, or the answer does not
    /// fit however often it is asked for.
    pub(crate) async fn talk(&mut self) -> Result<Value, StepFailure> {
        let request = self.request;
        let mut progress = Progress::new(request);
        let name = self.models.target().choice.name();
        request.log(Level::Info, format!("asks `{name}`"), Some(json!({ "model": name })));
        for name in self.models.unpriced() {
            let message = format!(
                "what `{name}` costs is not known (prices of {}), so no `budget.costUsd` can be kept; say its `price`",
                Prices::date()
            );
            request.log(Level::Warn, message, Some(json!({ "model": name })));
        }
        let (mut rounds, mut reasked) = (0, 0);
        loop {
            if rounds + reasked > 0 {
                self.spent.check(&self.budget)?;
            }
            let mut answer = self.models.ask(&mut self.conversation, &mut self.spent, &mut progress).await?;
            if !answer.calls.is_empty() {
                progress.end();
                if answer.calls.iter().any(|call| !self.tools.answers(call)) {
                    self.calls.extend(answer.calls.iter().map(trace));
                    return Ok(self.output(answer, Looked { value: None, repaired: false }, reasked));
                }
                rounds += 1;
                if rounds > self.rounds {
                    return Err(self.endless());
                }
                self.call_tools(&mut answer).await;
                continue;
            }
            match self.shape.look(&answer.content, answer.was_cut()) {
                Ok(looked) => {
                    progress.end();
                    return Ok(self.output(answer, looked, reasked));
                }
                Err(mistakes) if reasked < self.reasks => {
                    reasked += 1;
                    let data = json!({ "mistakes": mistakes });
                    request.log(Level::Warn, "the answer does not fit and is asked for again", Some(data));
                    progress.flush();
                    progress.restart();
                    let said = &mut self.conversation.messages;
                    // Some providers take no message that says nothing.
                    if !answer.content.trim().is_empty() {
                        said.push(Message::Assistant { content: answer.content, calls: Vec::new() });
                    }
                    said.push(Message::User(ask_again(&mistakes)));
                }
                Err(mistakes) => return Err(unfitting(&answer, &mistakes, reasked)),
            }
        }
    }

    async fn call_tools(&mut self, answer: &mut Answer) {
        let calls = std::mem::take(&mut answer.calls);
        for call in &calls {
            self.request.progress(json!({ "toolCall": trace(call) }));
        }
        let called = self.tools.call(&calls, self.request).await;
        let content = std::mem::take(&mut answer.content);
        self.conversation.messages.push(Message::Assistant { content, calls });
        let mut results = Vec::new();
        for called in called {
            self.spent.usage.add(&called.usage);
            self.calls.push(called.trace);
            results.push(called.result);
        }
        self.conversation.messages.push(Message::Results(results));
    }

    fn output(&self, answer: Answer, looked: Looked, reasked: u64) -> Value {
        let request = self.request;
        let choice = &self.models.target().choice;
        let tokens = self.spent.tokens;
        let usage = json!({
            "promptTokens": tokens.input,
            "completionTokens": tokens.output,
            "totalTokens": tokens.total(),
        });
        let cut = answer.was_cut();
        let finish = answer.finish.unwrap_or_else(|| "unknown".to_owned());
        let cost = self.spent.known_cost();
        if cut {
            request.log(
                Level::Warn,
                "the answer was cut off at `maxTokens`",
                Some(json!({ "finishReason": finish })),
            );
        }
        if matches!(self.shape, Shape::Json) && looked.value.is_none() && answer.calls.is_empty() {
            let what = if cut { "whole" } else { "JSON" };
            request.log(Level::Warn, format!("the answer is not {what}: there is no `parsedJson`"), None);
        }
        let data = json!({ "model": choice.name(), "finishReason": finish, "usage": usage, "costUsd": cost });
        request.log(Level::Info, format!("`{}` answered", choice.name()), Some(data));
        let mut output = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                output.insert(name.to_owned(), value);
            }
        };
        put("content", Some(answer.content.into()));
        put("repaired", looked.repaired.then_some(true.into()));
        put("parsedJson", looked.value);
        put("provider", Some(choice.provider.name().into()));
        put("model", Some(choice.model.clone().into()));
        put("finishReason", Some(finish.into()));
        put("usage", Some(usage));
        put("costUsd", cost.map(Value::from));
        put("reasked", (reasked > 0).then_some(reasked.into()));
        put("toolCalls", (!self.calls.is_empty()).then(|| self.calls.clone().into()));
        put("attempts", self.models.tries());
        Value::Object(output)
    }

    fn endless(&self) -> StepFailure {
        let limit = self.rounds;
        let message =
            format!("the model called tools {limit} times and wants more; `maxToolRounds` is {limit}");
        StepFailure::new(FailureKind::new("llm.tools"), message)
            .permanent()
            .detail(json!({ "toolCalls": self.calls }))
    }
}

fn unfit(message: String) -> StepFailure {
    StepFailure::new(FailureKind::INPUT, message).permanent()
}

fn unfitting(answer: &Answer, mistakes: &[String], reasked: u64) -> StepFailure {
    let times = if reasked == 0 { String::new() } else { format!(", asked for {} times,", reasked + 1) };
    let message = format!("the answer{times} does not fit the schema: {}", mistakes.join("; "));
    let shown: String = answer.content.chars().take(LONGEST_SHOWN).collect();
    let detail = json!({ "content": shown, "mistakes": mistakes, "finishReason": answer.finish });
    StepFailure::new(FailureKind::new("llm.schema"), message).detail(detail)
}

/// What was said, and then exactly one question: the prompt of the configuration, else of the
/// inputs. Messages alone are a question too.
fn messages(
    mut said: Vec<Message>,
    prompt: Option<String>,
    inputs: &Value,
) -> Result<Vec<Message>, StepFailure> {
    let question = match prompt.filter(|prompt| !prompt.is_empty()) {
        Some(prompt) => Some(prompt),
        None => match given(inputs, "prompt")? {
            Some(prompt) => Some(prompt),
            None => given(inputs, "message")?,
        },
    };
    match question {
        Some(question) => said.push(Message::User(question)),
        None if said.iter().any(|message| !matches!(message, Message::System(_))) => {}
        None => {
            let message =
                "there is nothing to ask: say `promptTemplate`, or give the input `prompt` or `message`";
            return Err(unfit(message.to_owned()));
        }
    }
    Ok(said)
}

fn given(inputs: &Value, name: &str) -> Result<Option<String>, StepFailure> {
    match inputs.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string())),
        Some(Value::Array(_) | Value::Object(_)) => Err(unfit(format!(
            "the input `{name}` must be a text; write `{{{{ … | tojson }}}}` where a model is to read a value"
        ))),
    }
}
