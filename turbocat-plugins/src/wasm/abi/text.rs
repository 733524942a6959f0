//! Configuration and variables.

use serde_json::Value;
use turbocat_pdk::wire::{CONTEXT_KEY, Context};
use wasmtime::{Caller, Linker, Result};

use super::ENV;
use crate::wasm::guest::Guest;
use crate::wasm::stop::Stop;

pub(super) fn link(linker: &mut Linker<Guest>) -> Result<()> {
    linker.func_wrap(ENV, "config_get", |mut caller: Caller<'_, Guest>, key: u64| -> Result<u64> {
        let guest = caller.data_mut();
        let key = guest.take_text(key)?;
        match config(guest, &key)? {
            None => Ok(0),
            Some(value) => Ok(guest.put(value.as_bytes())?),
        }
    })?;
    linker.func_wrap(ENV, "var_get", |mut caller: Caller<'_, Guest>, key: u64| -> Result<u64> {
        let guest = caller.data_mut();
        let key = guest.take_text(key)?;
        // taken out for as long as it is copied
        match guest.vars.remove_entry(&key) {
            None => Ok(0),
            Some((key, value)) => {
                let offset = guest.put(&value);
                guest.vars.insert(key, value);
                Ok(offset?)
            }
        }
    })?;
    linker.func_wrap(
        ENV,
        "var_set",
        |mut caller: Caller<'_, Guest>, key: u64, value: u64| -> Result<()> {
            let guest = caller.data_mut();
            let key = guest.take_text(key)?;
            let value = if value == 0 { None } else { Some(guest.take(value)?) };
            Ok(guest.set_var(key, value)?)
        },
    )?;
    Ok(())
}

/// The context under its own key, else a field of the configuration that is text: plugins that know
/// nothing of Turbocat are configured that way.
fn config(guest: &Guest, key: &str) -> Result<Option<String>, Stop> {
    static NONE: Value = Value::Null;
    let config = match (&guest.config, &guest.request) {
        (Some(config), _) => config,
        (None, Some(request)) => request.config(),
        (None, None) => &NONE,
    };
    if key != CONTEXT_KEY {
        return Ok(config.get(key).and_then(Value::as_str).map(str::to_owned));
    }
    let mut context = Context { config: config.clone(), attempt: 1, ..Context::default() };
    if let Some(request) = &guest.request {
        context.execution = request.execution().to_string();
        request.step().clone_into(&mut context.step);
        context.path = request.path();
        context.attempt = request.attempt;
        context.idempotency_key = request.idempotency_key();
    }
    serde_json::to_string(&context).map(Some).map_err(|error| guest.broken(error))
}
