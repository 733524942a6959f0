//! Models in order: the next one when one is overloaded, out of reach or talks nonsense.

use serde_json::{Value, json};
use turbocat_core::{AttemptRequest, Level, StepFailure};

use super::answer::{Answer, Fault};
use super::call::{Outcome, Way, call};
use super::config::Reply;
use super::conversation::Conversation;
use super::mock;
use super::progress::Progress;
use super::provider::Provider;
use super::spent::Spent;
use super::target::Target;

/// Models in order, and how far it has come with them.
#[derive(Debug)]
pub(crate) struct Models<'a> {
    request: &'a AttemptRequest,
    way: Way<'a>,
    targets: Vec<Target>,
    /// What mocks answer whose entry does not say.
    replies: Option<Vec<Reply>>,
    /// Which model is asked. Who answered once is asked again: what others said does not fit the
    /// tools it called, and the one before is as overloaded as it was.
    at: usize,
    /// How often each was asked.
    asked: Vec<usize>,
    tries: Vec<Value>,
}

impl<'a> Models<'a> {
    pub(crate) fn new(
        request: &'a AttemptRequest,
        way: Way<'a>,
        targets: Vec<Target>,
        replies: Option<Vec<Reply>>,
    ) -> Self {
        let asked = vec![0; targets.len()];
        Self { request, way, targets, replies, at: 0, asked, tries: Vec::new() }
    }

    /// The model that is asked.
    pub(crate) fn target(&self) -> &Target {
        &self.targets[self.at]
    }

    /// The models whose price is not known.
    pub(crate) fn unpriced(&self) -> Vec<String> {
        self.targets
            .iter()
            .filter(|target| target.price.is_none())
            .map(|target| target.choice.name())
            .collect()
    }

    /// The models that were tried, if more than one was.
    pub(crate) fn tries(&self) -> Option<Value> {
        if self.tries.is_empty() {
            return None;
        }
        let choice = &self.target().choice;
        let last = json!({ "provider": choice.provider.name(), "model": choice.model });
        Some(self.tries.iter().cloned().chain([last]).collect())
    }

    /// Asks the models in order, until one answers.
    ///
    /// # Errors
    /// What the last one that was asked said.
    pub(crate) async fn ask(
        &mut self,
        conversation: &mut Conversation,
        spent: &mut Spent,
        progress: &mut Progress<'_>,
    ) -> Result<Answer, StepFailure> {
        loop {
            conversation.settings.extra.clone_from(&self.target().choice.extra);
            let outcome = self.call(conversation, progress).await;
            let tokens = match &outcome.answer {
                Ok(answer) => answer.tokens,
                Err(fault) => fault.tokens,
            };
            let price = self.target().price;
            spent.call(tokens, outcome.bytes, price);
            let fault = match outcome.answer {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            progress.restart();
            let name = self.target().choice.name();
            let next = self.targets.get(self.at + 1).map(|next| next.choice.name());
            match next.filter(|_| fault.falls_back()) {
                Some(next) => {
                    let data = json!({ "model": name, "error": fault.message, "next": next });
                    self.request.log(
                        Level::Warn,
                        format!("`{name}`: {fault}; `{next}` is asked instead"),
                        Some(data),
                    );
                    self.tries.push(self.tried(&fault));
                    self.at += 1;
                }
                None => return Err(self.failure(fault, &name)),
            }
        }
    }

    async fn call(&mut self, conversation: &Conversation, progress: &mut Progress<'_>) -> Outcome {
        let index = self.asked_before();
        self.asked[self.at] += 1;
        let target = self.target();
        if target.choice.provider != Provider::Mock {
            return call(self.way, target, conversation, progress).await;
        }
        // Another attempt goes on with the answers where the one before began with them.
        let index = index + self.request.attempt.saturating_sub(1) as usize;
        let replies = target.choice.replies.as_deref().or(self.replies.as_deref());
        let answer = mock::answer(replies, index, conversation);
        if let (Ok(answer), true) = (&answer, self.way.stream) {
            for piece in mock::pieces(&answer.content) {
                progress.text(&mut piece.to_owned());
            }
        }
        Outcome { answer, bytes: 0 }
    }

    /// How many answers were taken already from the list that the model answers from.
    fn asked_before(&self) -> usize {
        if self.target().choice.replies.is_some() {
            return self.asked[self.at];
        }
        let shares =
            |target: &Target| target.choice.provider == Provider::Mock && target.choice.replies.is_none();
        self.targets
            .iter()
            .zip(&self.asked)
            .filter(|(target, _)| shares(target))
            .map(|(_, asked)| asked)
            .sum()
    }

    fn tried(&self, fault: &Fault) -> Value {
        let choice = &self.target().choice;
        json!({
            "provider": choice.provider.name(),
            "model": choice.model,
            "error": { "kind": fault.failure_kind(), "message": fault.message },
        })
    }

    fn failure(&self, fault: Fault, name: &str) -> StepFailure {
        let tries: Value = self.tries.iter().cloned().chain([self.tried(&fault)]).collect();
        let mut failure = fault.into_failure(name);
        if !self.tries.is_empty() {
            let others: Vec<String> =
                self.targets[..self.at].iter().map(|target| format!("`{}`", target.choice.name())).collect();
            failure.message.push_str(&format!("; before it {} did not answer either", others.join(", ")));
        }
        failure.detail(json!({ "attempts": tries }))
    }
}
