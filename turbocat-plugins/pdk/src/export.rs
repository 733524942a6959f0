//! What an export of a plugin does: reads the call, has the agent work, leaves output or failure.
//! Not for use by hand.

use std::collections::BTreeMap;
use std::panic::PanicHookInfo;
use std::rc::Rc;
use std::sync::Once;

use serde_json::{Value, json};

use crate::abi;
use crate::agent::Agent;
use crate::context::{Context, Host, Level};
use crate::failure::Failure;
use crate::http::{Request, Response};
use crate::wire::{self, Manifest};

/// One call of an agent. Zero: the output is set; else the error is.
pub fn call<A: Agent>() -> i32 {
    catch_panics();
    finish(context().and_then(|context| A::answer(&abi::input(), &context)))
}

/// The manifest, for the host that loads the plugin.
pub fn manifest(manifest: fn() -> Result<Manifest, Failure>) -> i32 {
    catch_panics();
    finish(manifest().and_then(|manifest| Ok(serde_json::to_vec(&manifest)?)))
}

fn finish(answer: Result<Vec<u8>, Failure>) -> i32 {
    match answer {
        Ok(output) => {
            abi::output(&output);
            0
        }
        Err(failure) => {
            fail(&failure);
            1
        }
    }
}

fn fail(failure: &Failure) {
    match serde_json::to_vec(failure.wire()) {
        Ok(text) => abi::fail(&text),
        Err(_) => abi::fail(failure.message().as_bytes()),
    }
}

fn context() -> Result<Context, Failure> {
    // A host that knows nothing of Turbocat gives none.
    let call = match abi::config(wire::CONTEXT_KEY) {
        Some(json) => serde_json::from_slice(&json)?,
        None => wire::Context::default(),
    };
    Ok(Context::new(call, Rc::new(Outside)))
}

/// Says what panicked and where before the plugin traps.
fn catch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(tell)));
}

fn tell(panic: &PanicHookInfo<'_>) {
    let payload = panic.payload();
    let message = payload.downcast_ref::<&str>().copied();
    let message = message.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let failure = Failure::new("panic", message.unwrap_or("the plugin panicked"));
    let failure = match panic.location() {
        Some(at) => failure.detail(json!({ "file": at.file(), "line": at.line(), "column": at.column() })),
        None => failure,
    };
    fail(&failure.permanent());
}

/// The host on the other side of the imports.
struct Outside;

impl Host for Outside {
    fn log(&self, level: Level, message: &str) {
        abi::log(level, message);
    }

    fn progress(&self, progress: &Value) {
        abi::progress(progress.to_string().as_bytes());
    }

    fn http(&self, request: Request) -> Result<Response, Failure> {
        let headers: BTreeMap<&str, &str> =
            request.headers().iter().map(|(name, value)| (&**name, &**value)).collect();
        let head = json!({ "method": request.method(), "url": request.url(), "headers": headers });
        let (status, headers, body) = abi::http(head.to_string().as_bytes(), request.body());
        let Some(status) = u16::try_from(status).ok().filter(|status| *status > 0) else {
            let why = String::from_utf8_lossy(&body);
            let why = if why.is_empty() { "nothing came back".into() } else { why };
            return Err(Failure::new("http", format!("`{}` failed: {why}", request.method())));
        };
        let mut response = Response::new(status, body);
        if let Some(headers) = headers {
            let headers: BTreeMap<String, String> = serde_json::from_slice(&headers)?;
            for (name, value) in headers {
                response = response.with_header(name, value);
            }
        }
        Ok(response)
    }

    fn secret(&self, name: &str) -> Option<String> {
        abi::secret(name).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn state_get(&self, key: &str) -> Option<Vec<u8>> {
        abi::state_get(key)
    }

    fn state_set(&self, key: &str, value: Option<&[u8]>) {
        abi::state_set(key, value);
    }
}
