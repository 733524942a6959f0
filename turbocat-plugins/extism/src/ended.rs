//! What the official runtime says of a call that went wrong. It has no types for that, so words must
//! do.

use turbocat_plugins::wasm::Ended;

use crate::compile::STACK;

/// How a call ended, of which the runtime says this and gives this number.
pub(crate) fn ended(error: &extism::Error, code: i32) -> Ended {
    let words = format!("{error:#}");
    let root = error.root_cause().to_string();
    if words.starts_with("Returned non-zero exit code") {
        return Ended::Returned(code, Vec::new());
    }
    if root.starts_with("Exited with i32 exit status") {
        return Ended::Exited(code);
    }
    // Fuel is measured so that it lasts longer than the time.
    if root == "timeout" || words.contains("plugin ran out of fuel") {
        return Ended::TimedOut;
    }
    if root == "oom" || root.ends_with("out of memory") {
        return Ended::OutOfMemory;
    }
    if words.contains("call stack exhausted") {
        return Ended::StackOverflow(STACK as u64);
    }
    let trap = words.split("wasm trap: ").nth(1).unwrap_or(&root);
    let trap = trap.lines().next().unwrap_or_default().trim();
    Ended::Trapped(trap.to_owned())
}
