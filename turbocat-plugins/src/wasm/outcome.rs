//! What came of a call: an output, or a failure with a kind and words an author can use.

use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::{FailureKind, StepFailure};
use turbocat_pdk::wire::GuestFailure;
use wasmtime::{Store, Trap, WasmBacktrace};

use super::blackout::Blackout;
use super::guest::Guest;
use super::json::{self, Unread};
use super::limits;
use super::runtime::{Ended, Session};
use super::stop::Stop;

/// The most of an error that is read.
const ERROR: usize = 1 << 20;

/// The longest pause a plugin may ask for before another attempt: a day.
const LONGEST_PAUSE_MS: u64 = 24 * 60 * 60 * 1000;

/// The output or the failure of a call, and whether the instance is sound: whether the function
/// returned by itself.
pub(super) fn read(
    store: &mut Store<Guest>,
    function: &str,
    ended: wasmtime::Result<i32>,
) -> (Result<Value, StepFailure>, bool) {
    let guest = store.data_mut();
    let ended = match ended {
        Ok(code) => (returned(guest, code, function), true),
        Err(error) => match error.downcast::<Stop>() {
            Ok(Stop::Failed(failure)) => (Err(*failure), false),
            Ok(Stop::Exited(code)) => (returned(guest, code, function), false),
            Err(error) => (Err(trapped(guest, function, &error)), false),
        },
    };
    told(guest, ended)
}

/// What came of a call on another runtime.
pub(super) fn read_elsewhere(
    session: &mut Session,
    function: &str,
    ended: Ended,
) -> Result<Value, StepFailure> {
    let (stop, error) = (session.stop.take(), session.error.take());
    let guest = &mut session.guest;
    let (mut code, mut bytes) = (0, Vec::new());
    let stop = match (stop, ended) {
        (Some(Stop::Exited(with)), _) | (None, Ended::Exited(with)) => {
            code = with;
            None
        }
        (Some(stop), _) => Some(stop),
        (None, Ended::Returned(with, output)) => {
            (code, bytes) = (with, output);
            None
        }
        (None, Ended::TooMuchOutput) => Some(guest.too_much_output()),
        (None, Ended::TimedOut) => Some(guest.timed_out()),
        (None, Ended::OutOfMemory) => Some(guest.out_of_memory()),
        (None, Ended::StackOverflow(most)) => Some(guest.exceeded("stack", "recurses too deep", most)),
        (None, Ended::Trapped(words)) => {
            let failure = put_error(guest, error).map_err(failure_of).map(|()| match said(guest) {
                Some(failure) => failure.permanent(),
                None => trap_failure(guest.name(), function, &words, &[]),
            });
            return told(guest, (Err(failure.unwrap_or_else(|failure| failure)), false)).0;
        }
    };
    let output = match stop {
        Some(stop) => Err(failure_of(stop)),
        None => put_error(guest, error)
            .and_then(|()| put_output(guest, &bytes))
            .map_err(failure_of)
            .and_then(|()| returned(guest, code, function)),
    };
    told(guest, (output, false)).0
}

fn failure_of(stop: Stop) -> StepFailure {
    match stop {
        Stop::Failed(failure) => *failure,
        Stop::Exited(code) => StepFailure::error(format!("the plugin exited with code {code}")),
    }
}

/// Puts an error where the plugin would have put it.
fn put_error(guest: &mut Guest, error: Option<Vec<u8>>) -> Result<(), Stop> {
    if let Some(error) = error {
        guest.error = guest.put(&error)?;
    }
    Ok(())
}

/// Puts an output where the plugin would have put it.
fn put_output(guest: &mut Guest, output: &[u8]) -> Result<(), Stop> {
    if output.len() as u64 > guest.limits.output_bytes {
        return Err(guest.too_much_output());
    }
    if !output.is_empty() {
        guest.output = (guest.put(output)?, output.len() as u64);
    }
    Ok(())
}

/// The output or the failure with what was printed last handed on, whatever came of the call, and
/// without secrets.
fn told(
    guest: &mut Guest,
    (output, is_sound): (Result<Value, StepFailure>, bool),
) -> (Result<Value, StepFailure>, bool) {
    let (output, is_sound) = match guest.flush() {
        Err(Stop::Failed(failure)) if output.is_ok() => (Err(*failure), false),
        _ => (output, is_sound),
    };
    let blackout = &guest.blackout;
    let output = match output {
        Ok(value) => Ok(blackout.value(value)),
        Err(mut failure) => {
            failure.message = blackout.text(failure.message);
            failure.detail = failure.detail.map(|detail| Box::new(blackout.value(*detail)));
            Err(failure)
        }
    };
    (output, is_sound)
}

fn returned(guest: &Guest, code: i32, function: &str) -> Result<Value, StepFailure> {
    if let Some(failure) = said(guest) {
        return Err(failure);
    }
    let plugin = guest.name();
    if code != 0 {
        return Err(StepFailure::error(format!(
            "plugin `{plugin}`: `{function}` failed with code {code} and did not say why"
        ))
        .detail(json!({ "code": code })));
    }
    let (offset, length) = guest.output;
    if length == 0 {
        return Ok(Value::Null);
    }
    let wrong = |what: String| {
        StepFailure::new(FailureKind::OUTPUT, format!("plugin `{plugin}`: the output of `{function}` {what}"))
            .permanent()
    };
    let bytes = guest.blocks.slice(offset, length).map_err(|_| wrong("was given back".to_owned()))?;
    json::read(bytes).map_err(|unread| match unread {
        Unread::TooMany => {
            limits::exceeded(plugin, "values", "gives an output of too many values", json::MOST)
        }
        Unread::Wrong(error) => wrong(format!("is no JSON: {error}")),
    })
}

/// What the plugin said before it failed.
fn said(guest: &Guest) -> Option<StepFailure> {
    if guest.error == 0 {
        return None;
    }
    // A block that was given back since is an error without words.
    let bytes = guest.blocks.block(guest.error).unwrap_or_default();
    // What is longer is no sentence, and is not read as a document.
    let bytes = bytes.get(..ERROR).unwrap_or(bytes);
    Some(failure(read_failure(bytes, &guest.blackout)))
}

/// What a plugin said, without secrets, and then cut: of a secret that is cut first a part is left.
fn read_failure(bytes: &[u8], blackout: &Blackout) -> GuestFailure {
    let text = String::from_utf8_lossy(bytes);
    // What cannot be read safely is no document of ours.
    let mut said = match json::read(bytes) {
        Ok(_) => GuestFailure::read_whole(&text),
        Err(_) => GuestFailure::new("error", text),
    };
    said.message = blackout.text(said.message);
    if blackout.text(said.kind.clone()) != said.kind {
        "error".clone_into(&mut said.kind);
    }
    said.cut();
    said
}

/// A plugin's failure as the engine has it.
pub(super) fn failure(said: GuestFailure) -> StepFailure {
    let mut failure = StepFailure::new(FailureKind::new(said.kind), said.message);
    if !said.retryable {
        failure = failure.permanent();
    }
    if let Some(pause) = said.retry_after_ms {
        failure = failure.retry_after(Duration::from_millis(pause.min(LONGEST_PAUSE_MS)));
    }
    match said.detail {
        Some(detail) => failure.detail(detail),
        None => failure,
    }
}

fn trapped(guest: &Guest, function: &str, error: &wasmtime::Error) -> StepFailure {
    let trap = error.downcast_ref::<Trap>();
    let plugin = guest.name();
    if trap == Some(&Trap::StackOverflow) {
        return limits::exceeded(plugin, "stack", "recurses too deep", super::pool::WASM_STACK as u64);
    }
    // A guest's panic hook has left word before it trapped.
    if let Some(failure) = said(guest) {
        return failure.permanent();
    }
    let words = match trap {
        Some(trap) => trap.to_string().trim_start_matches("wasm trap: ").to_owned(),
        None => error.to_string(),
    };
    let functions: Vec<&str> = error
        .downcast_ref::<WasmBacktrace>()
        .map(|trace| trace.frames().iter().filter_map(|frame| frame.func_name()).take(16).collect())
        .unwrap_or_default();
    trap_failure(plugin, function, &words, &functions)
}

fn trap_failure(plugin: &str, function: &str, words: &str, functions: &[&str]) -> StepFailure {
    let detail = json!({ "trap": words, "functions": functions });
    StepFailure::new(FailureKind::new("trap"), format!("plugin `{plugin}`: `{function}` trapped: {words}"))
        .permanent()
        .detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_of_a_plugin_has_an_end() {
        let mut said = GuestFailure::new("http.429", "slow down");
        said.retry_after_ms = Some(u64::MAX);
        assert_eq!(failure(said).retry_after, Some(Duration::from_secs(24 * 60 * 60)));
    }

    #[test]
    fn secrets_are_blacked_out_before_a_message_is_cut() {
        let mut blackout = Blackout::default();
        blackout.add("hidden-token-0123456789");
        for before in 16 * 1024 - 30..16 * 1024 + 5 {
            let text = "x".repeat(before) + "hidden-token-0123456789";
            let whole = json!({ "kind": "a.b", "message": text }).to_string();
            for bytes in [text.as_bytes(), whole.as_bytes()] {
                let message = read_failure(bytes, &blackout).message;
                assert!(!message.contains("hid"), "{before}: {}", &message[message.len() - 40..]);
            }
        }
        let named = br#"{"kind":"hidden-token-0123456789","message":"m"}"#;
        assert_eq!(read_failure(named, &blackout).kind, "error");
    }

    #[test]
    fn a_failure_that_hides_depth_is_plain_text() {
        let text = r#"{"kind":"a","message":"m","detail":{"$serde_json::private::RawValue":"[1]"}}"#;
        let said = read_failure(text.as_bytes(), &Blackout::default());
        assert_eq!((&*said.kind, &*said.message), ("error", text));
    }
}
