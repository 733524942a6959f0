//! One attempt: its future guarded against panics, bounded in time and number, its secrets kept.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use serde_json::{Map, Value};

use super::clock::EngineClock;
use super::ports::Secrets;
use crate::agent::AttemptFuture;
use crate::duration::format_duration;
use crate::failure::{FailureKind, StepFailure};
use crate::output::StepOutput;
use crate::redact::Blackout;

/// How an attempt ended.
pub(crate) type Outcome = Result<StepOutput, StepFailure>;

/// Polls an attempt; a panic is a failure like any other.
pub(crate) fn poll(attempt: &mut AttemptFuture, cx: &mut Context<'_>) -> Poll<Outcome> {
    guard(|| attempt.as_mut().poll(cx)).unwrap_or_else(|failure| Poll::Ready(Err(failure)))
}

/// Calls something of an agent's; a panic is a failure like any other.
pub(crate) fn guard<T>(call: impl FnOnce() -> T) -> Result<T, StepFailure> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| panicked(&*panic))
}

fn panicked(panic: &(dyn Any + Send)) -> StepFailure {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    StepFailure::new(FailureKind::PANIC, format!("the agent panicked: {}", text.unwrap_or("no message")))
        .permanent()
}

/// An attempt whose panics are failures.
struct Guarded(AttemptFuture);

impl Future for Guarded {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        poll(&mut self.0, cx)
    }
}

/// Finishes an attempt, or stops it at its time limit.
pub(crate) async fn finish(attempt: AttemptFuture, limit: Option<Duration>, clock: &EngineClock) -> Outcome {
    within(limit, clock, Guarded(attempt)).await
}

/// Finishes a part of an attempt, or stops it at the attempt's time limit.
pub(crate) async fn within<T>(
    limit: Option<Duration>,
    clock: &EngineClock,
    part: impl Future<Output = Result<T, StepFailure>>,
) -> Result<T, StepFailure> {
    let Some(limit) = limit else { return part.await };
    let over = clock.sleep_until(clock.now().after(limit));
    tokio::select! {
        biased;
        outcome = part => outcome,
        () = over => {
            let message = format!("the attempt timed out after {}", format_duration(limit));
            Err(StepFailure::new(FailureKind::TIMEOUT, message))
        }
    }
}

/// The secrets of these names, as an object; a missing one fails the attempt.
pub(crate) async fn fetch(
    names: &[String],
    secrets: Option<&Arc<dyn Secrets>>,
) -> Result<Arc<Value>, StepFailure> {
    let mut found = Map::new();
    for name in names {
        let secret = match secrets {
            Some(secrets) => secrets.secret(name).await,
            None => None,
        };
        let Some(secret) = secret else {
            let message = format!("the secret `{name}` does not exist");
            return Err(StepFailure::new(FailureKind::new("secret"), message).permanent());
        };
        found.insert(name.clone(), Value::String(secret));
    }
    Ok(Arc::new(Value::Object(found)))
}

/// What an agent answers, with the secrets it was given blacked out.
pub(crate) fn redact(outcome: Outcome, secrets: &Value) -> Outcome {
    let blackout = Blackout::new(secrets);
    match outcome {
        Ok(mut output) => {
            output.value = Arc::new(blackout.value(&output.value));
            Ok(output)
        }
        Err(mut failure) => {
            failure.message = blackout.text(&failure.message);
            failure.detail = failure.detail.map(|detail| Box::new(blackout.value(&detail)));
            Err(failure)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_agent_returns_never_holds_its_secrets() {
        let secrets = json!({ "KEY": "hunter2", "NONE": "" });
        let output =
            redact(Ok(json!({ "echo": ["Bearer hunter2"], "hunter2": 1 }).into()), &secrets).unwrap();
        assert_eq!(*output.value, json!({ "echo": ["Bearer [secret]"], "[secret]": 1 }));
        let nested = redact(Ok(json!("key-1").into()), &json!({ "A": "key", "B": "key-1" })).unwrap();
        assert_eq!(*nested.value, json!("[secret]"));
        let failure = StepFailure::error("401 for hunter2").detail(json!("hunter2"));
        let failure = redact(Err(failure), &secrets).unwrap_err();
        assert_eq!(failure.message, "401 for [secret]");
        assert_eq!(failure.detail.as_deref(), Some(&json!("[secret]")));
    }
}
