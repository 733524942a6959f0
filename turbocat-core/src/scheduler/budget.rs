//! Whether an execution has used more than it may, and what becomes of it then.

use super::Scheduler;
use super::state::Spent;
use super::turn::Turn;
use crate::definition::{Budget, OverBudget};
use crate::event::{ExecutionStatus, Fact, StopReason};
use crate::failure::{FailureKind, StepFailure};
use crate::time::Timestamp;
use crate::usage::Usage;

impl Scheduler {
    /// What its attempts have used so far, and the nested workflows it waited for.
    pub fn usage(&self) -> &Usage {
        static NOTHING: Usage = Usage::NOTHING;
        self.state.spent.as_ref().map_or(&NOTHING, |spent| &spent.total)
    }

    /// What the attempts of a step and of all steps inside it have used so far; `path` is the step's
    /// in the plan, such as `perStory.summarise`. `None` if none of them said.
    pub fn usage_of(&self, path: &str) -> Option<Usage> {
        let inside = |step: u32| {
            let own = self.plan.path(step);
            own.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let used = self.state.spent.as_ref()?.by_step.iter().filter(|(step, _)| inside(**step));
        used.map(|(_, usage)| usage.clone()).reduce(|mut sum, usage| {
            sum += &usage;
            sum
        })
    }

    /// What was used beyond the budget, in a sentence.
    pub(super) fn over_budget(&self) -> Option<String> {
        let (Some(budget), Some(spent), false) = (&self.plan.0.budget, &self.state.spent, self.state.paused)
        else {
            return None;
        };
        excess(budget, spent)
    }

    /// It was resumed: if it had stopped for its budget, it may use the same once more.
    pub(super) fn grant_budget(&mut self) {
        let Some(budget) = self.plan.0.budget.as_ref().filter(|budget| budget.then == OverBudget::Pause)
        else {
            return;
        };
        if let Some(spent) = &mut self.state.spent
            && excess(budget, spent).is_some()
        {
            spent.before = spent.total.clone();
        }
    }

    pub(super) fn stop_for_budget(&mut self, turn: &mut Turn, over: String, now: Timestamp) {
        let then = self.plan.0.budget.as_ref().map(|budget| budget.then).unwrap_or_default();
        match then {
            OverBudget::Pause => self.emit(turn, now, Fact::ExecutionPaused { reason: over.into() }),
            OverBudget::Fail => {
                self.stop(turn, 0, &StopReason::Budget, now);
                let failure = StepFailure::new(FailureKind::BUDGET, over).permanent();
                self.end(turn, ExecutionStatus::Failed, None, Some(failure), now);
            }
        }
    }
}

fn excess(budget: &Budget, spent: &Spent) -> Option<String> {
    let since = |total: u64, before: u64| total.saturating_sub(before);
    let (total, before) = (&spent.total, &spent.before);
    let tokens = since(total.tokens(), before.tokens());
    if let Some(limit) = budget.tokens.filter(|limit| tokens > *limit) {
        return Some(format!("it used {tokens} tokens, and its budget is {limit}"));
    }
    let cost = total.cost_usd - before.cost_usd;
    if let Some(limit) = budget.cost_usd.filter(|limit| cost > *limit) {
        return Some(format!("it cost ${cost:.6}, and its budget is ${limit}"));
    }
    let calls = since(total.api_calls, before.api_calls);
    if let Some(limit) = budget.api_calls.filter(|limit| calls > *limit) {
        return Some(format!("it made {calls} calls, and its budget is {limit}"));
    }
    None
}
