//! Reading what an execution may use.

use crate::diagnostic::Code;

use super::cursor::At;
use super::decode::Decoder;
use super::workflow::{Budget, OverBudget};

pub(super) const THEN: [(&str, OverBudget); 2] = [("fail", OverBudget::Fail), ("pause", OverBudget::Pause)];

/// The largest whole number that every JSON reader keeps.
const MOST: f64 = 9_007_199_254_740_991.0;

impl Decoder<'_> {
    pub(super) fn budget(&mut self, at: &At<'_>) -> Option<Budget> {
        if at.node.is_null() {
            return None;
        }
        let mut fields = self.fields(at, "a mapping such as `{ tokens: 100000, costUsd: 0.5 }`");
        let mut budget = Budget {
            tokens: fields.take("tokens").and_then(|at| self.amount(&at)),
            cost_usd: fields.take("costUsd").and_then(|at| self.money(&at)),
            api_calls: fields.take("apiCalls").and_then(|at| self.amount(&at)),
            ..Budget::default()
        };
        if let Some(then) = fields.take("then").and_then(|at| self.word(&at, &THEN)) {
            budget.then = then;
        }
        let named = ["tokens", "costUsd", "apiCalls"].iter().any(|key| fields.entry(key).is_some());
        self.finish(
            &fields,
            |key| match key {
                "cost" | "usd" | "dollars" | "money" => Some("did you mean `costUsd`?".to_owned()),
                "onExceeded" | "action" => Some("did you mean `then`?".to_owned()),
                _ => None,
            },
            None,
        );
        if !named {
            let help = "say what it may use, such as `{ tokens: 100000 }` or `{ costUsd: 0.5, then: pause }`";
            self.missing(at, "tokens", "`budget` limits nothing", help);
            return None;
        }
        Some(budget)
    }

    fn amount(&mut self, at: &At<'_>) -> Option<u64> {
        let number = self.number(at)?;
        if number.fract() == 0.0 && (1.0..=MOST).contains(&number) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked just before"
            )]
            return Some(number as u64);
        }
        let message = format!("{} must be a whole number of at least 1, not {number}", at.label());
        self.report(at.error(Code::BAD_VALUE, message).help("leave it out for no limit"));
        None
    }

    fn money(&mut self, at: &At<'_>) -> Option<f64> {
        let number = self.number(at)?;
        if number.is_finite() && number > 0.0 {
            return Some(number);
        }
        let message = format!("{} must be more than 0, not {number}", at.label());
        self.report(at.error(Code::BAD_VALUE, message).help("leave it out for no limit"));
        None
    }
}
