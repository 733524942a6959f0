//! Whether there is another attempt, when, and why not.

use std::time::Duration;

use super::Scheduler;
use crate::definition::{Fallback, OnError, Retry};
use crate::event::{Effect, Fact, StepRef};
use crate::failure::StepFailure;
use crate::time::Timestamp;

impl Scheduler {
    /// What a failure of a step comes to: another attempt, or its end.
    pub(super) fn failed(&self, step: StepRef, failure: StepFailure, now: Timestamp) -> Fact {
        let plan = self.plan.step(step.step);
        let state = self.state.step(step);
        let (attempt, lost) = (state.attempt, state.lost());
        let counted = attempt.saturating_sub(lost);
        let refused = match (&plan.retry, plan.on_error) {
            (Some(retry), _) => refuse(retry, counted, lost, &failure),
            (None, OnError::Continue) => Some("`onError` is `continue`".to_owned()),
            (None, _) => Some("`onError` is `fail`".to_owned()),
        };
        match (&plan.retry, refused) {
            (Some(retry), None) => {
                let pause = pause(retry, counted, self.chance(step, attempt));
                let pause = pause.max(failure.retry_after.unwrap_or_default());
                let failure = Box::new(failure);
                Fact::AttemptFailed { step, attempt, failure, retry_at: now.after(pause), counts: true }
            }
            (_, because) => self.failed_for_good(step, failure, because.unwrap_or_default()),
        }
    }

    /// A failure after which there is no other attempt.
    pub(super) fn failed_for_good(&self, step: StepRef, failure: StepFailure, because: String) -> Fact {
        let plan = self.plan.step(step.step);
        let effect = match (plan.on_error, &plan.retry) {
            (OnError::Fail, _) => Effect::Fail,
            (OnError::Retry, Some(retry)) if retry.then == Fallback::Fail => Effect::Fail,
            _ => Effect::Continue,
        };
        Fact::StepFailed { step, failure: Box::new(failure), effect, because: because.into() }
    }

    /// A number from 0 to 1 that is the same for the same attempt of the same execution.
    fn chance(&self, step: StepRef, attempt: u32) -> f64 {
        let mut bits = self.state.seed;
        for word in [u64::from(step.frame), u64::from(step.step), u64::from(attempt)] {
            bits = mix(bits.wrapping_add(word).wrapping_add(0x9e37_79b9_7f4a_7c15));
        }
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let chance = (bits >> 11) as f64 / (1_u64 << 53) as f64;
        chance
    }
}

/// The finalizer of splitmix64.
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The attempts that do not count, for the end of a sentence.
fn besides(lost: u32) -> String {
    match lost {
        0 => String::new(),
        1 => ", besides one that was lost".to_owned(),
        n => format!(", besides {n} that were lost"),
    }
}

/// Why there is no other attempt, if there is none. `attempt` leaves out the `lost` ones.
fn refuse(retry: &Retry, attempt: u32, lost: u32, failure: &StepFailure) -> Option<String> {
    if attempt == 0 {
        return Some("it failed before its first attempt".to_owned());
    }
    if retry.on.is_empty() {
        if !failure.retryable {
            return Some("another attempt would fail the same way".to_owned());
        }
    } else if !retry.on.iter().any(|pattern| failure.kind.matches(pattern)) {
        return Some(format!("`{}` is not among the kinds in `retry.on`", failure.kind));
    }
    (attempt > retry.max).then(|| {
        let attempts = match attempt {
            1 => "there is only one attempt".to_owned(),
            n => format!("all {n} attempts failed"),
        };
        attempts + &besides(lost)
    })
}

/// How long to pause after an attempt: longer each time, up to the cap, plus a share of chance.
fn pause(retry: &Retry, attempt: u32, chance: f64) -> Duration {
    let cap = retry.max_delay.as_secs_f64() * 1e3;
    let growth = retry.factor.powi(i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX));
    let base = (retry.delay.as_secs_f64() * 1e3 * growth).min(cap);
    let millis = base * (1.0 + retry.jitter * chance);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "under the cap, not negative"
    )]
    let millis = if millis.is_finite() { millis.round() as u64 } else { 0 };
    Duration::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_cap_and_chance_adds_at_most_its_share() {
        let retry = Retry { delay: Duration::from_secs(2), ..Retry::default() };
        let check = |attempt, chance, millis| {
            assert_eq!(pause(&retry, attempt, chance), Duration::from_millis(millis), "attempt {attempt}");
        };
        check(1, 0.0, 2_000);
        check(2, 0.0, 4_000);
        check(3, 0.0, 8_000);
        check(3, 1.0, 8_800);
        check(20, 0.0, 300_000);
        check(u32::MAX, 0.0, 300_000);
    }
}
