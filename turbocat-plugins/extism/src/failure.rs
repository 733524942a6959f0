//! What the official runtime says of a call that went wrong, as a failure of a step. It has no types
//! for that, so words must do.

use std::time::Duration;

use serde_json::json;
use turbocat_core::{FailureKind, StepFailure};
use turbocat_pdk::wire::GuestFailure;

/// What the host of this crate limits.
#[derive(Clone, Copy)]
pub(crate) struct Most {
    pub(crate) memory_bytes: u64,
    pub(crate) time: Duration,
}

/// The failure of a call.
pub(crate) fn of_call(plugin: &str, function: &str, error: &extism::Error, most: Most) -> StepFailure {
    let words = format!("{error:#}");
    let root = error.root_cause().to_string();
    if words == "timeout" {
        let ms = u64::try_from(most.time.as_millis()).unwrap_or(u64::MAX);
        return StepFailure::new(FailureKind::TIMEOUT, format!("plugin `{plugin}` took longer than {ms} ms"));
    }
    if words == "oom" || root == "oom" {
        let message = format!("plugin `{plugin}` needs more memory than it may have; the limit is {}", most.memory_bytes);
        return StepFailure::new(FailureKind::LIMIT, message)
            .permanent()
            .detail(json!({ "limit": "memory", "most": most.memory_bytes }));
    }
    // What a plugin says is put before what wasmtime says, if both are there.
    let said = error.to_string();
    let traps = root.starts_with("wasm trap") || words.contains("wasm trap") || words.contains("wasm backtrace");
    let from_words = from_guest(&said);
    if traps {
        return match from_words.or_else(|| words.lines().find_map(from_guest)) {
            Some(failure) => failure.permanent(),
            None => {
                let message = format!("plugin `{plugin}`: `{function}` trapped: {words}");
                StepFailure::new(FailureKind::new("trap"), message).permanent()
            }
        };
    }
    from_words.unwrap_or_else(|| StepFailure::error(said))
}

/// JSON of a plugin's failure, wherever it stands in a line.
fn from_guest(line: &str) -> Option<StepFailure> {
    let start = line.find("{\"")?;
    let text = line.get(start..)?;
    let mut texts = serde_json::Deserializer::from_str(text).into_iter::<GuestFailure>();
    let said = texts.next()?.ok()?;
    let mut failure = StepFailure::new(FailureKind::new(said.kind), said.message);
    if !said.retryable {
        failure = failure.permanent();
    }
    if let Some(pause) = said.retry_after_ms {
        failure = failure.retry_after(Duration::from_millis(pause));
    }
    Some(match said.detail {
        Some(detail) => failure.detail(detail),
        None => failure,
    })
}
