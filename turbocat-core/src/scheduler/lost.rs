//! What becomes of an attempt of which nobody knows whether it acted: another one, a question to
//! a person, or the end of its step. How other failures are tried again is `retry`'s.

use super::Scheduler;
use super::turn::Approval;
use crate::definition::OnLost;
use crate::event::{Fact, StepRef};
use crate::failure::{FailureKind, StepFailure};
use crate::plan::Kind;
use crate::time::Timestamp;

/// How many attempts of a step may be lost before it fails: a step that ends its own process must
/// not do so for ever.
const MOST: u32 = 100;

impl Scheduler {
    /// What the loss of the current attempt of an agent's step comes to.
    pub(super) fn lost(&self, step: StepRef, now: Timestamp) -> Fact {
        let plan = self.plan.step(step.step);
        let state = self.state.step(step);
        let failure = gone("");
        let on_lost = match &plan.kind {
            Kind::Agent { on_lost, .. } => *on_lost,
            _ => OnLost::Fail,
        };
        match on_lost {
            OnLost::Retry if state.lost() + 1 >= MOST => {
                self.failed_for_good(step, failure.permanent(), format!("{MOST} attempts were lost"))
            }
            OnLost::Retry => self.again(step, failure, now),
            OnLost::Ask => {
                let (attempt, path) = (state.attempt, self.path(step));
                let question = format!(
                    "Attempt {attempt} of step `{path}` was lost: it may or may not have acted. Begin another?"
                );
                Fact::AttemptLost { step, attempt, question: question.into() }
            }
            // Who names it wants it counted; who allows every kind did not think of this one.
            OnLost::Fail if plan.retry.as_ref().is_some_and(|retry| names_lost(&retry.on)) => {
                self.failed(step, failure.permanent(), now)
            }
            OnLost::Fail => self.failed_for_good(step, failure.permanent(), "`onLost` is `fail`".to_owned()),
        }
    }

    /// What the answer comes to that a step was waiting for since it lost an attempt.
    pub(super) fn lost_and_answered(&self, step: StepRef, approval: &Approval, now: Timestamp) -> Fact {
        let detail = approval.output(Some(now), false);
        let told = approval.told();
        if approval.approved {
            return self.again(step, gone(&format!("; another was approved{told}")).detail(detail), now);
        }
        let failure = gone(&format!("; another was rejected{told}")).permanent().detail(detail);
        self.failed_for_good(step, failure, "a person said no".to_owned())
    }

    /// Another attempt at once, for which the lost one does not count.
    fn again(&self, step: StepRef, failure: StepFailure, now: Timestamp) -> Fact {
        let attempt = self.state.step(step).attempt;
        Fact::AttemptFailed { step, attempt, failure: Box::new(failure), retry_at: now, counts: false }
    }
}

fn gone(more: &str) -> StepFailure {
    let message = format!("whoever did this attempt went away; it may or may not have acted{more}");
    StepFailure::new(FailureKind::LOST, message)
}

fn names_lost(kinds: &[String]) -> bool {
    kinds.iter().any(|kind| kind == FailureKind::LOST.as_str())
}
