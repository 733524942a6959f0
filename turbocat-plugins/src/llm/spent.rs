//! What an attempt has used so far, and whether it may use more.

use turbocat_core::{FailureKind, StepFailure, Usage};

use super::answer::Tokens;
use super::config::Budget;
use super::price::Price;

/// What an attempt has used so far.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    /// What the engine is told: the tools' share is in it.
    pub(crate) usage: Usage,
    /// What the models alone took.
    pub(crate) tokens: Tokens,
    pub(crate) cost: f64,
    /// A model was asked whose price is not known: what it cost is not known either.
    pub(crate) unpriced: bool,
}

impl Spent {
    /// A call of a model.
    pub(crate) fn call(&mut self, tokens: Tokens, bytes: u64, price: Option<Price>) {
        let cost = price.map(|price| price.of(tokens));
        self.unpriced |= cost.is_none() && tokens.total() > 0;
        let cost = cost.unwrap_or_default();
        self.tokens += tokens;
        self.cost += cost;
        self.usage.add(&Usage {
            api_calls: 1,
            network_bytes: bytes,
            input_tokens: tokens.input,
            output_tokens: tokens.output,
            cost_usd: cost,
            ..Usage::default()
        });
    }

    /// What it cost, if that is known.
    pub(crate) fn known_cost(&self) -> Option<f64> {
        (!self.unpriced).then_some(self.cost)
    }

    /// Whether there is anything left for one more call.
    ///
    /// # Errors
    /// Of kind `budget`: there is not.
    pub(crate) fn check(&self, budget: &Budget) -> Result<(), StepFailure> {
        let used = self.usage.tokens();
        let message = if let Some(limit) = budget.tokens.filter(|limit| used >= *limit) {
            format!("it used {used} tokens and needs more, and its budget is {limit}")
        } else if let Some(limit) = budget.cost.filter(|limit| self.usage.cost_usd >= *limit) {
            format!("it cost ${:.6} and needs more, and its budget is ${limit}", self.usage.cost_usd)
        } else {
            return Ok(());
        };
        Err(StepFailure::new(FailureKind::BUDGET, message).permanent())
    }
}
